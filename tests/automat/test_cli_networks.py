"""Graph networks as a user types them: settings, backends, ensembles, explanations."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from automat import datasets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., str]

pytestmark = pytest.mark.slow
SHORT = ("--preset", "quick", "--folds", "2")


@pytest.fixture
def crystals(tmp_path: Path) -> str:
    """240 crystals of the formation energies, as a table."""
    whole = datasets.load("mp_formation")
    assert whole.structures is not None
    rows = range(0, len(whole), len(whole) // 240)
    table = {
        "structure": [json.dumps(whole.structures[row].as_dict()) for row in rows],
        "energy": [whole.target[row] for row in rows],
    }
    pd.DataFrame(table).to_csv(tmp_path / "crystals.csv", index=False)
    return "crystals.csv"


def records(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (folder / "crystals" / "records").glob("*.json")]
    assert all(record["status"] == "ok" for record in found), found
    return {(record["cell"]["model"], record["cell"]["fold"]): record for record in found}


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def choose(name: str) -> None:
        if name == "dgl":
            pytest.importorskip("dgl")
        monkeypatch.setenv("AUTOMAT_GRAPH_BACKEND", name)

    return choose


def test_all_networks_run_on_both_backends_to_the_same_scores(
    command: Command, crystals: str, tmp_path: Path, backend: Callable[[str], None]
) -> None:
    models = "cgcnn:epochs=2,megnet:epochs=2,schnet:epochs=2"
    found = {}
    for name in ("torch", "dgl"):
        backend(name)
        command("run", "--dataset", crystals, "--target", "energy", "--models", models, *SHORT, "--out", name)
        found[name] = records(tmp_path / name)
        assert {record["details"]["backend"] for record in found[name].values()} == {name}
    assert len(found["torch"]) == 6
    for cell, record in found["torch"].items():
        assert record["metrics"]["test"]["mae"] == pytest.approx(found["dgl"][cell]["metrics"]["test"]["mae"], rel=1e-4)
        assert len(record["details"]["epochs"]["validation"]) == 2
    backend("torch")
    # What an entrant says counts for more.
    command("run", "--dataset", crystals, "--target", "energy", "--models", "schnet:epochs=2,backend=dgl", *SHORT)
    made = records(tmp_path / "automat-runs")
    assert {record["details"]["backend"] for record in made.values()} == {"dgl"}


def test_a_backend_that_is_none_is_said_before_anything_runs(
    command: Command, crystals: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOMAT_GRAPH_BACKEND", "dlg")
    output = command("run", "--dataset", crystals, "--target", "energy", "--models", "cgcnn", code=2)
    assert "unknown graph backend in AUTOMAT_GRAPH_BACKEND 'dlg'. Did you mean 'dgl'?" in output
    assert not list(tmp_path.rglob("records/*.json"))


def test_references_presets_and_ensembles_stand_beside_each_other(
    command: Command, crystals: str, tmp_path: Path
) -> None:
    models = (
        "megnet:reference,epochs=1,schnet:reference,epochs=1,schnet:epochs=1,members=3,"
        "cgcnn:tutorial,epochs=3,milestones=2,cgcnn:atoms=magpie,basis=bessel,epochs=1,patience=1"
    )
    output = command("run", "--dataset", crystals, "--target", "energy", "--models", models, *SHORT)
    assert "10 cells computed, 0 found done, 0 failed" in output
    found = records(tmp_path / "automat-runs")
    by_name = {name: record for (name, fold), record in found.items() if fold == 0}
    reference = by_name["megnet:reference,epochs=1"]
    assert reference["cell"]["features"] == "graph:radius:cutoff=4"
    assert reference["details"]["parameters"] == 167_761
    assert by_name["schnet:reference,epochs=1"]["cell"]["features"] == "graph:radius"
    tutorial = by_name["cgcnn:tutorial,epochs=3,milestones=2"]
    assert tutorial["params"]["learning_rate"] == 0.02
    assert len(tutorial["details"]["epochs"]["train"]) == 3
    ensemble = by_name["schnet:epochs=1,members=3"]
    assert len(ensemble["details"]["members"]) == 3
    key = ensemble["cell"]
    (path,) = [
        path
        for path in (tmp_path / "automat-runs" / "crystals" / "predictions").glob("*.parquet")
        if set(pd.read_parquet(path)[["model", "fold"]].itertuples(index=False, name=None)) == {(key["model"], 0)}
    ]
    spread = pd.read_parquet(path)["y_std"]
    assert (spread > 0).all()
    assert spread.nunique() > 10
    assert "nll" in ensemble["metrics"]["test"]


@pytest.mark.parametrize("model", ["schnet:epochs=3", "cgcnn:additive=true,epochs=3"])
def test_what_atoms_add_is_told_by_atom_and_by_element(command: Command, crystals: str, model: str) -> None:
    output = command("run", "--dataset", crystals, "--target", "energy", "--models", model, *SHORT, "--save-models")
    [path] = re.findall(r"^model: (.+)$", output, re.MULTILINE)
    assert ":" not in path
    asked = ("predict", path, "--input", crystals, "--format", "csv")
    plain = pd.read_csv(StringIO(command(*asked)))
    atoms = pd.read_csv(StringIO(command(*asked, "--explain")))
    means = atoms.groupby("id", sort=False)["adds"].mean()
    np.testing.assert_allclose(means[plain["id"]], plain["prediction"], rtol=1e-5, atol=1e-5)
    elements = pd.read_csv(StringIO(command(*asked, "--explain", "--by-element")))
    assert elements["mean"].is_monotonic_increasing
    assert elements["atoms"].sum() == len(atoms)
    oxygen = atoms[atoms["element"] == "O"]
    row = elements[elements["element"] == "O"].iloc[0]
    assert (row["atoms"], row["crystals"]) == (len(oxygen), oxygen["id"].nunique())
    assert row["mean"] == pytest.approx(oxygen["adds"].mean())
    assert "add --explain" in command(*asked, "--by-element", code=2)


def test_the_published_head_and_features_have_no_elements(command: Command, crystals: str, tmp_path: Path) -> None:
    run = ("run", "--dataset", crystals, "--target", "energy", *SHORT, "--trials", "1", "--features", "magpie")
    models = "cgcnn:epochs=1,decision_tree"
    for name, message in (
        ("cgcnn:epochs=1", "cannot be explained atom by atom"),
        ("decision_tree", "only what atoms add can be averaged by element"),
    ):
        output = command(*run, "--models", models, "--save-models", "--model", name)
        [path] = re.findall(r"^model: (.+)$", output, re.MULTILINE)
        assert message in command("predict", path, "--input", crystals, "--explain", "--by-element", code=2)
    assert len(list((tmp_path / "automat-runs" / "crystals" / "models").glob("*.automat"))) == 2
