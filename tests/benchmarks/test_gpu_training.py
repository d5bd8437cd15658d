"""The GPU's script, on the CPU and a small sample."""

from __future__ import annotations

import csv
import importlib
import json
import os
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import build_graphs

from automat import datasets
from automat.networks.primitives import batch_graphs

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu_training.py"
ABSENT = ("dgl", "pymatgen", "matminer", "ase", "spglib", "automat_featurizers", "automat_leaderboards")
"""Not on a machine that has torch alone."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "graphs.npz"
    command = [
        sys.executable,
        str(SCRIPT),
        "prepare",
        "--dataset",
        "mp_formation",
        "--rows",
        "120",
        "--output",
        str(path),
    ]
    subprocess.run(command, check=True, env=os.environ | {"SPGLIB_WARNING": "OFF"}, timeout=300)
    return path


@pytest.fixture
def script() -> ModuleType:
    return importlib.import_module("gpu_training")


def train(prepared: Path, output: Path, network: str, *further: str) -> str:
    """Train in a process that cannot import what a machine with torch alone lacks."""
    code = f"""
import runpy, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
sys.argv = [{str(SCRIPT)!r}, *sys.argv[1:]]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
    given = [
        "--data",
        str(prepared),
        "--network",
        network,
        "--device",
        "cpu",
        "--batch-size",
        "32",
        "--output",
        str(output),
    ]
    made = subprocess.run(
        [sys.executable, "-c", code, "train", *given, *further],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert made.returncode == 0, made.stderr
    return made.stdout


def results_of(folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return results


def test_graphs_come_back_as_they_were(prepared: Path, script: ModuleType) -> None:
    with np.load(prepared) as file:
        arrays = dict(file)
    whole = datasets.load("mp_formation")
    assert whole.structures is not None
    place = {str(name): row for row, name in enumerate(whole.ids)}
    rows = [place[name] for name in arrays["ids"].astype(str)]
    assert len(set(rows)) == 120
    np.testing.assert_array_equal(arrays["targets"], whole.target[rows])
    graphs = build_graphs(whole.structures.take(rows))
    for chosen in ([7], [3, 110, 0, 57]):
        ours = script.Graphs(arrays, torch.device("cpu"))(np.array(chosen))
        theirs = batch_graphs(graphs, chosen, "torch")
        for name in ("atomic_numbers", "distances", "source", "destination", "atoms_of", "edges_of", "degree"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_atoms_with_fewer_neighbours_are_no_table(prepared: Path, script: ModuleType) -> None:
    with np.load(prepared) as file:
        arrays = dict(file)
    first = int(arrays["degrees"][0])
    arrays["degrees"][0] -= 1
    for name in ("source", "length_of"):
        arrays[name] = np.delete(arrays[name], first - 1)
    graphs = script.Graphs(arrays, torch.device("cpu"))
    assert graphs(np.array([1, 2])).degree == first == 12
    assert graphs(np.array([1, 0])).degree == 0
    assert int(graphs(np.array([0])).edges_of) == 12 * int(arrays["atoms_of"][0]) - 1


@pytest.mark.parametrize("network", ["cgcnn", "megnet", "schnet"])
def test_training_needs_torch_alone_and_judges_the_test_rows(prepared: Path, tmp_path: Path, network: str) -> None:
    train(prepared, tmp_path, network, "--epochs", "2")
    results = results_of(tmp_path)
    assert results["rows"] == {"train": 96, "val": 12, "test": 12}
    assert (results["epochs"], results["finished"], results["precision"]) == (2, True, "float32")
    with (tmp_path / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    error = np.mean([abs(float(row["target"]) - float(row["prediction"])) for row in rows])
    assert results["test_mae"] == pytest.approx(error, rel=1e-9)
    assert 0.01 < error < 5
    assert results["samples_per_second"] > 0
    assert 0 < results["floor_share"] < 1
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    trained = {name for name, values in weights.items() if name.endswith("weight")}
    assert len(trained) > 8
    assert all(path.stat().st_size < 16e6 for path in tmp_path.iterdir())


@pytest.mark.slow
def test_a_training_out_of_minutes_goes_on_to_the_same_end(prepared: Path, tmp_path: Path) -> None:
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    train(prepared, parts, "cgcnn", "--epochs", "3", "--minutes", "0")
    assert (results_of(parts)["epochs"], results_of(parts)["finished"]) == (1, False)
    told = train(prepared, parts, "cgcnn", "--epochs", "3")
    assert "epoch 1:" not in told
    assert "epoch 2:" in told
    train(prepared, whole, "cgcnn", "--epochs", "3")
    assert results_of(parts)["finished"]
    curves, undisturbed = results_of(parts)["curves"], results_of(whole)["curves"]
    assert (curves.pop("resumed_after"), undisturbed.pop("resumed_after")) == (1, 0)
    assert curves.pop("seconds_before") > undisturbed.pop("seconds_before") == 0
    assert curves == undisturbed
    assert results_of(parts)["test_mae"] == results_of(whole)["test_mae"]


def test_a_split_is_taken_from_its_column(tmp_path: Path, script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    whole = datasets.load("mp_formation")
    said = np.array(["test", "train", "val", "train"])[np.arange(len(whole)) % 4]
    extra = pd.DataFrame({"said": said, "some": np.arange(len(whole)) < 40})
    dataset = replace(whole, extra=extra)
    monkeypatch.setattr("automat.datasets.load", lambda _name: dataset)
    path = tmp_path / "graphs.npz"
    given = Namespace(dataset="mp_formation", split="said", only="some", rows=0, output=path)
    script.prepare_graphs(given)
    with np.load(path) as file:
        assert np.bincount(file["parts"]).tolist() == [20, 10, 10]
        assert file["ids"].astype(str).tolist() == whole.ids[:40].tolist()
    with pytest.raises(SystemExit, match="there is no column 'sayd'"):
        script.prepare_graphs(Namespace(**{**vars(given), "split": "sayd"}))
