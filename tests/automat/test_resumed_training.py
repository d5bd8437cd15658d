"""A cell whose process ends in the middle of a network's training goes on there, and gives what it would have given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from automat import models, splits
from automat.core import Cell, Dataset, Predictions, RunRecord, Split
from automat.evaluate import Inputs, Job, run_cell
from automat.networks.checkpoints import Checkpoint
from automat.store import Store

if TYPE_CHECKING:
    from pathlib import Path

EPOCHS = 40


class Killed(BaseException):
    """Stands for a process that is gone: nothing catches it."""


@pytest.fixture
def job(diabetes: Dataset, tmp_path: Path) -> Job:
    (model,) = models.resolve([f"mlp:epochs={EPOCHS}"])
    folds = splits.make(diabetes, Split("random", 2, 0))
    values = (diabetes.table - diabetes.table.mean()) if diabetes.table is not None else None
    store = Store(tmp_path)
    partial = str(store.partial_folder("diabetes"))
    return Job(diabetes, folds, {model.name: model}, {"features": Inputs(values)}, {"torch": "2"}, partial=partial)


def cell_of(job: Job) -> Cell:
    (model,) = job.models.values()
    return Cell(
        dataset="diabetes",
        dataset_sha256=job.dataset.sha256,
        target="progression",
        split=job.folds[0].split,
        fold=0,
        model=model.name,
        model_version=model.version,
        features="features",
        features_version="1",
        budget={"preset": "quick", "trials": 1, "epochs": EPOCHS},
        seed=0,
    )


def kill_at(write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end as its checkpoint is written for the nth time, after it lies there."""
    save, writes = Checkpoint.save, []

    def saving(self: Checkpoint, state: dict[str, Any], fingerprint: str) -> None:
        save(self, state, fingerprint)
        writes.append(1)
        if len(writes) == write:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save", saving)


def run(job: Job) -> tuple[RunRecord, Predictions]:
    record, predictions = run_cell(job, cell_of(job))
    assert record.status == "ok", record.details.get("traceback")
    assert predictions is not None
    return record, predictions


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "diabetes" / "partial").glob("*"))


@pytest.mark.parametrize("write", [1, 7, 20])
def test_a_killed_training_goes_on(job: Job, tmp_path: Path, write: int, monkeypatch: pytest.MonkeyPatch) -> None:
    record, expected = run(replace(job, partial=""))
    assert "resumed" not in record.details
    with monkeypatch.context() as patch:
        kill_at(write, patch)
        with pytest.raises(Killed):
            run_cell(job, cell_of(job))
    assert len(left(tmp_path)) == 1
    again, predictions = run(job)
    np.testing.assert_array_equal(predictions.y_pred, expected.y_pred)
    assert again.metrics == record.metrics
    assert again.details["epochs"] == record.details["epochs"]
    resumed = again.details["resumed"]
    assert resumed["after_epoch"] == write * EPOCHS // 20
    assert 0 < resumed["cpu_seconds_before"] < again.fit_seconds
    Store(tmp_path).write(again, predictions)
    assert left(tmp_path) == []


def test_what_is_damaged_or_of_another_training_costs_nothing_but_time(job: Job, tmp_path: Path) -> None:
    record, expected = run(job)
    (name,) = left(tmp_path)
    path = tmp_path / "diabetes" / "partial" / name
    for content in (b"", b"no checkpoint", path.read_bytes()[:-500]):
        path.write_bytes(content)
        _, predictions = run(job)
        np.testing.assert_array_equal(predictions.y_pred, expected.y_pred)
    other = replace(job, dataset=replace(job.dataset, target=job.dataset.target[::-1].copy()))
    # The key of the cell is left as it is, so that the file is another training's.
    again, _ = run_cell(other, cell_of(job))
    assert again.status == "ok"
    assert "resumed" not in again.details
    assert again.metrics != record.metrics


def test_other_versions_begin_anew(job: Job, tmp_path: Path) -> None:
    run(job)
    record, _ = run(replace(job, versions={"torch": "3"}))
    assert "resumed" not in record.details
    assert len(left(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_to_costs_no_cell(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record, _ = run(replace(job, partial=str(tmp_path / "file" / "partial")))
    assert "resumed" not in record.details
