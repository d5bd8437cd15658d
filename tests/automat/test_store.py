from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from automat_leaderboards.records import PREDICTION_COLUMNS, RECORD_COLUMNS
from hypothesis import given
from hypothesis import strategies as st

from automat.core import Cell, Predictions, RunRecord, Split
from automat.store import Store, check_writable, folder_name

CELL = Cell(
    dataset="toy",
    dataset_sha256="ab" * 32,
    target="y",
    split=Split("random", 2, 0),
    fold=0,
    model="knn",
    model_version="1",
    features="table",
    features_version="1",
    budget={"preset": "quick", "trials": 3},
    seed=0,
)
RECORD = RunRecord(
    cell=CELL,
    task="regression",
    unit="eV",
    title="k nearest neighbours",
    status="ok",
    params={"n_neighbors": np.int64(3)},
    metrics={
        "test": {"mae": 0.5, "rmse": 0.7, "r2": math.nan},
        "train": {"mae": 0.1, "rmse": 0.2, "r2": 0.9},
    },
    n_train=2,
    n_test=2,
    finished_at="2026-01-01T00:00:00+00:00",
)
PREDICTIONS = Predictions(np.array(["a", "=b"]), np.array([1.0, 2.0]), np.array([1.5, 1.5]))


def test_a_record_reads_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)
    read = store.read(CELL)
    assert read is not None
    assert read.cell == CELL
    assert read.params == {"n_neighbors": 3}
    assert read.metrics["test"] == {"mae": 0.5, "rmse": 0.7, "r2": None}
    assert store.is_done(CELL)


def test_the_table_has_the_columns_that_boards_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)
    table = store.table("toy")
    assert list(table.columns) == list(RECORD_COLUMNS)
    assert table.loc[0, "test_mae"] == 0.5
    assert math.isnan(table.loc[0, "test_r2"])
    assert table.loc[0, "preset"] == "quick"


def test_predictions_lie_beside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)
    frame = store.predictions("toy", [CELL.key, "absent"])
    assert set(PREDICTION_COLUMNS) <= set(frame.columns)
    assert frame["id"].tolist() == ["a", "=b"]
    assert frame["y_pred"].tolist() == [1.5, 1.5]


def test_binary_probabilities_are_of_class_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    store.write(RECORD, Predictions(PREDICTIONS.ids, np.array([0.0, 1.0]), np.array([0.0, 1.0]), probabilities))
    assert store.predictions("toy", [CELL.key])["probability"].tolist() == [0.1, 0.8]


def test_a_failed_cell_is_not_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(replace(RECORD, status="failed", error="ValueError: no", metrics={}), None)
    assert not store.is_done(CELL)
    assert store.table().loc[0, "error"] == "ValueError: no"


@pytest.mark.parametrize("damage", ["", "{", '{"cell": {}}', "null", '["list"]'])
def test_a_garbled_record_is_set_aside_and_its_cell_runs_again(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)
    path = tmp_path / "toy" / "records" / f"{CELL.key}.json"
    path.write_text(damage)
    assert not store.is_done(CELL)
    assert not path.exists()
    assert path.with_suffix(".json.unreadable").read_text() == damage
    assert store.table().empty


def test_a_record_under_a_wrong_name_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)
    path = tmp_path / "toy" / "records" / f"{CELL.key}.json"
    content = json.loads(path.read_text())
    content["cell"]["fold"] = 1
    path.write_text(json.dumps(content))
    assert store.read(CELL) is None


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    store.write(RECORD, PREDICTIONS)

    def broken(_self: Path, _target: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="disk full"):
        store.write(replace(RECORD, n_test=99), PREDICTIONS)
    monkeypatch.undo()
    record = store.read(CELL)
    assert record is not None
    assert record.n_test == 2
    assert not list(tmp_path.glob("**/.*"))


def test_the_key_depends_on_everything_that_decides_the_result() -> None:
    changes: list[dict[str, Any]] = [
        {"dataset_sha256": "cd" * 32}, {"fold": 1}, {"model_version": "2"}, {"features_version": "2"},
        {"budget": {"preset": "quick", "trials": 4}}, {"seed": 1}, {"split": Split("random", 2, 1)},
    ]  # fmt: skip
    keys = {CELL.key, *(replace(CELL, **change).key for change in changes)}
    assert len(keys) == len(changes) + 1
    assert replace(CELL, dataset="renamed").key == CELL.key


@given(st.text(max_size=40))
def test_a_dataset_name_never_leaves_its_folder(name: str) -> None:
    folder = folder_name(name)
    assert folder
    assert "/" not in folder
    assert not folder.startswith(".")
    assert (Path("/root") / folder).resolve().parent == Path("/root")


def test_two_names_never_share_a_folder() -> None:
    names = ["형성", "밴드갭", "a b", "a-b", "a  b", "", ".", "..", "x" * 200, "x" * 201]
    assert len({folder_name(name) for name in names}) == len(names)


def test_two_boards_never_share_a_page(tmp_path: Path) -> None:
    store = Store(tmp_path)
    others = [replace(CELL, target="z"), replace(CELL, seed=1), replace(CELL, dataset_sha256="cd" * 32)]
    pages = {store.page(store.board_of(cell)) for cell in (CELL, *others, replace(CELL, model="svm", fold=1))}
    assert len(pages) == 4


def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        check_writable(blocked / "runs")


@pytest.mark.parametrize("status", ["ok", "failed", "timeout", "out_of_memory"])
def test_unfinished_work_goes_when_a_cell_is_finished_and_not_before(tmp_path: Path, status: Any) -> None:
    store = Store(tmp_path)
    folder = store.partial_folder(CELL.dataset)
    folder.mkdir(parents=True)
    own, another = folder / f"{CELL.key}.journal", folder / f"{replace(CELL, fold=1).key}.journal"
    own.write_text("trials")
    another.write_text("trials")
    store.write(replace(RECORD, status=status), None)
    assert own.exists() == (status != "ok")
    assert another.exists()
