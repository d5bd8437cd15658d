"""Matbench's tasks by name: whole, in order, and where they are looked for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from automat import Model, datasets, run, splits
from automat.core import InputError, Split
from automat.datasets import matbench
from automat.splits.official import MATBENCH_ROWS

HERE = (
    "dielectric", "expt_gap", "expt_is_metal", "jdft2d", "log_gvrh", "log_kvrh", "mp_e_form", "mp_gap", "mp_is_metal",
    "perovskites",
)  # fmt: skip
"""Tasks whose tables lie in the folder of test data."""


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without data and, for matminer, without a network: an empty folder for both."""

    def refused(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("requests.get", refused)
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path))
    monkeypatch.setenv("MATMINER_DATA", str(tmp_path / "matminer"))
    return tmp_path


def test_the_tasks_are_those_of_the_official_folds() -> None:
    assert {name: what.rows for name, what in matbench.TASKS.items()} == {
        f"matbench_{task.replace('-', '_')}": rows for task, rows in MATBENCH_ROWS.items()
    }


@pytest.mark.parametrize("task", HERE)
def test_a_task_is_whole_and_its_folds_are_the_recorded_ones(
    task: str, matbench_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data))
    name = f"matbench_{task}"
    dataset = datasets.load(name)
    recorded = pd.read_csv(matbench_data / "matbench" / f"{name}.csv.gz", float_precision="round_trip")
    assert dataset.ids.tolist() == recorded["mbid"].tolist() == matbench.ids(name).tolist()
    np.testing.assert_array_equal(dataset.target, recorded[matbench.TASKS[name].target].astype(float))
    assert dataset.spread == pytest.approx(matbench.TASKS[name].spread, abs=6e-5)
    for fold in splits.make(dataset, Split("official", 0, 0)):
        assert set(dataset.ids[fold.test]) == set(recorded["mbid"][recorded["fold"] == fold.index])
    structures = any("crystal structures" in note for note in dataset.notes)
    assert structures == matbench.TASKS[name].structures


def test_partial_structures_are_counted_and_not_used(matbench_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data))
    perovskites, gaps = datasets.load("matbench_perovskites"), datasets.load("matbench_mp_gap")
    assert "Structures of 10658 of its 18928 rows" in " ".join(perovskites.notes)
    assert "Structures of 89420 of its 106113 rows" in " ".join(gaps.notes)
    assert perovskites.structures is None
    assert perovskites.inputs == "compositions"


def test_the_folder_may_hold_the_tables_itself(matbench_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data / "matbench"))
    assert len(datasets.load("matbench_jdft2d")) == 636


def test_the_listing_says_where_and_why_not(matbench_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data))
    listed = {info.name: info for info in datasets.elsewhere()}
    assert set(matbench.TASKS) < set(listed)
    assert listed["matbench_expt_gap"].where == str(matbench_data / "matbench" / "matbench_expt_gap.csv.gz")
    assert listed["matbench_dielectric"].inputs == "compositions"
    assert (listed["matbench_mp_gap"].rows, listed["matbench_mp_gap"].unit) == (106113, "eV")


def test_without_data_and_network_both_ways_are_named(away: Path) -> None:
    with pytest.raises(InputError, match=r"not here.*AUTOMAT_DATA.*matbench_steels\.csv\.gz.*network"):
        datasets.load("matbench_steels")
    where = {info.name: info.where for info in datasets.elsewhere()}
    assert where["matbench_steels"] == "not here: fetched by matminer, or put into $AUTOMAT_DATA"
    assert not (away / "matminer" / "matbench_steels.json.gz").exists()


def test_a_folder_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"AUTOMAT_DATA names .*nowhere', which is no folder"):
        datasets.load("matbench_steels")
    assert "which is no folder" in datasets.elsewhere()[1].where


def test_what_matminer_fetches_is_a_task(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymatgen.core import Lattice, Structure

    def fetched(name: str, data_home: str) -> pd.DataFrame:
        assert (name, data_home) == ("matbench_jdft2d", str(away / "matminer"))
        size = 3.0 + np.arange(636) / 636
        crystals = [Structure(Lattice.cubic(a), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]) for a in size]
        return pd.DataFrame({"structure": crystals, "exfoliation_en": size**2})

    monkeypatch.setattr("matminer.datasets.load_dataset", fetched)
    dataset = datasets.load("matbench_jdft2d")
    assert dataset.inputs == "structures"
    assert dataset.structures is not None
    assert dataset.structures.lattices[635, 0, 0] == 3.0 + 635 / 636
    assert (dataset.ids[0], dataset.ids[-1]) == ("mb-jdft2d-001", "mb-jdft2d-636")
    assert len(splits.make(dataset, Split("official", 0, 0))) == 5
    assert not list(away.iterdir())


def test_classes_that_matminer_gives_as_booleans_are_named(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"composition": ["Zr1 Cu1", "Ni60 Nb40"] * 2840, "gfa": [True, False] * 2840})
    monkeypatch.setattr("matminer.datasets.load_dataset", lambda _name, data_home: frame if data_home else None)
    dataset = datasets.load("matbench_glass")
    assert dataset.classes == ("no glass", "glass")
    assert dataset.target[:3].tolist() == [1.0, 0.0, 1.0]
    assert str(away)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda frame: frame.iloc[:-1], "635 rows that are not all rows of matbench_jdft2d"),
        (lambda frame: frame.assign(mbid=frame["mbid"].replace("mb-jdft2d-007", "mb-jdft2d-700")), "not all rows"),
        (lambda frame: frame.drop(columns="composition"), "lacks the columns composition"),
        (lambda frame: frame.assign(composition=frame["composition"].replace("As4", "Xx4")), "no row .* left out"),
        (lambda frame: frame.assign(exfoliation_en=frame["exfoliation_en"].where(frame.index > 4)), "nan in row 1"),
    ],
)
def test_a_table_that_is_not_the_task_is_refused(
    spoil: Callable[[Any], pd.DataFrame], message: str, matbench_data: Path, away: Path
) -> None:
    frame = pd.read_csv(matbench_data / "matbench" / "matbench_jdft2d.csv.gz")
    spoil(frame).to_csv(away / "matbench_jdft2d.csv.gz", index=False)
    with pytest.raises(InputError, match=message):
        datasets.load("matbench_jdft2d")


def test_rows_in_another_order_are_the_same_task(matbench_data: Path, away: Path) -> None:
    frame = pd.read_csv(matbench_data / "matbench" / "matbench_jdft2d.csv.gz", float_precision="round_trip")
    frame.to_csv(away / "matbench_jdft2d.csv.gz", index=False)
    ordered = datasets.load("matbench_jdft2d")
    frame.sample(frac=1, random_state=0).to_csv(away / "matbench_jdft2d.csv.gz", index=False)
    turned = datasets.load("matbench_jdft2d")
    assert ordered.sha256 == turned.sha256


def test_an_official_file_is_read_only_if_it_is_the_published_one(away: Path) -> None:
    # Its reader imports the classes that the file names, so nothing of it may be looked at before.
    content = {"index": [0], "columns": ["composition", "yield strength"], "data": [["Fe1", 1.0]]}
    with gzip.open(away / "matbench_steels.json.gz", "wt") as file:
        json.dump(content, file)
    with pytest.raises(InputError, match="sha256 is not the published one"):
        datasets.load("matbench_steels")


def test_targets_of_a_task_cannot_be_chosen(matbench_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data))
    with pytest.raises(InputError, match="has the one target 'gap expt', not 'fold'"):
        datasets.load("matbench_expt_gap", target="fold")
    assert len(datasets.load("matbench_expt_gap", target="gap expt")) == 4604
    with pytest.raises(InputError, match="is for classification, not regression"):
        datasets.load("matbench_expt_is_metal", task="regression")


def _forest() -> Model:
    """Breiman's random forest as the published baseline has it: 500 trees, scikit-learn's defaults, no search."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    return Model(
        name="rf_500",
        tasks=("regression", "classification"),
        build=lambda _params, seed: RandomForestRegressor(n_estimators=500, random_state=seed),
        build_classifier=lambda _params, seed: RandomForestClassifier(n_estimators=500, random_state=seed),
    )


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "metric", "published", "within"),
    [("matbench_expt_gap", "mae", 0.446, 0.02), ("matbench_expt_is_metal", "balanced_accuracy", 0.917, 0.01)],
)
def test_a_random_forest_on_magpie_scores_as_published(
    name: str, metric: str, published: float, within: float, matbench_data: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    # Dunn et al. 2020, doi:10.1038/s41524-020-00406-3; figures of Matbench v0.1's leaderboard, RF-SCM/Magpie.
    monkeypatch.setenv("AUTOMAT_DATA", str(matbench_data))
    monkeypatch.setenv("AUTOMAT_CACHE", str(tmp_path / "cache"))
    result = run(name, models=[_forest()], features="magpie", split="official", preset="quick", jobs=1, out=tmp_path)
    assert result.failed == 0
    row = result.board.rows[0]
    assert row.mean["test"][metric] == pytest.approx(published, abs=within)
