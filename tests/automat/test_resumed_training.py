"""A cell whose process ends in the middle of a network's training goes on there, and gives what it would have given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from automat import models, splits
from automat.core import Cell, Dataset, Model, Predictions, RunRecord, Split
from automat.evaluate import Inputs, Job, run_cell
from automat.networks.checkpoints import Checkpoint
from automat.networks.ensembles import EnsembleRegressor
from automat.networks.mlp import MLPRegressor
from automat.presets import PRESETS
from automat.store import Store

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
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0x40
    for content in (b"", b"t", b"no checkpoint", whole[:-500], bytes(flipped)):
        path.write_bytes(content)
        again, predictions = run(job)
        np.testing.assert_array_equal(predictions.y_pred, expected.y_pred)
        assert "resumed" not in again.details
        # What was damaged is gone, and the training that began anew is kept instead.
        assert run(job)[0].details["resumed"]["after_epoch"] == EPOCHS
    other = replace(job, dataset=replace(job.dataset, target=job.dataset.target[::-1].copy()))
    # The key of the cell is left as it is, so that the file is another training's.
    again, _ = run_cell(other, cell_of(job))
    assert again.status == "ok"
    assert "resumed" not in again.details
    assert again.metrics != record.metrics


@pytest.mark.parametrize("other", [{"versions": {"torch": "3"}}, {"environment": {"AUTOMAT_GRAPH_BACKEND": "torch"}}])
def test_other_versions_and_settings_begin_anew(job: Job, tmp_path: Path, other: dict[str, dict[str, str]]) -> None:
    run(job)
    record, _ = run(replace(job, **other))  # type: ignore[arg-type]
    assert "resumed" not in record.details
    assert len(left(tmp_path)) == 2


def test_an_ensembles_seconds_are_those_of_all_its_members(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(
        name="two",
        title="Two networks",
        build=lambda _params, seed: EnsembleRegressor(MLPRegressor(epochs=10), 2, seed=seed),
        tasks=("regression",),
        citation="nobody's",
        licence="MIT",
    )
    ensemble = replace(job, models={model.name: model})
    cell = replace(cell_of(ensemble), budget={"preset": "quick", "trials": 1})
    with monkeypatch.context() as patch:
        kill_at(20, patch)  # at the last epoch of the second
        with pytest.raises(Killed):
            run_cell(ensemble, cell)
    record, _ = run_cell(ensemble, cell)
    assert record.status == "ok", record.error
    before = [member["resumed"]["cpu_seconds_before"] for member in record.details["members"]]
    assert len(before) == 2
    assert min(before) > 0
    assert record.fit_seconds > sum(before)


class FineTuned(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Of other hands: what it calls ``checkpoint`` and ``on_epoch`` are parameters of its own."""

    def __init__(self, checkpoint: str = "pretrained.pt", on_epoch: str = "nothing") -> None:
        self.checkpoint = checkpoint
        self.on_epoch = on_epoch

    def fit(self, _X: Any, y: Any) -> FineTuned:
        self.seen_ = (self.checkpoint, self.on_epoch)
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> Any:
        assert (self.checkpoint, self.on_epoch) == self.seen_ == ("pretrained.pt", "nothing")
        return np.full(len(X), self.mean_)


def test_another_estimators_parameters_are_left_alone(job: Job) -> None:
    model = Model(
        name="fine_tuned",
        title="Fine-tuned",
        build=lambda _params, _seed: FineTuned(),
        tasks=("regression",),
        space=lambda trial: {"rate": trial.suggest_float("rate", 0.0, 1.0)},
        settings=lambda _budget: {"epochs": 6},
        citation="nobody's",
        licence="MIT",
    )
    theirs = replace(job, models={model.name: model})
    cell = cell_of(theirs)
    record, _ = run_cell(theirs, replace(cell, budget={"preset": "quick", "trials": 2, "epochs": 6}))
    assert record.status == "ok", record.error
    assert len(record.details["search"]) == 2
    assert not any("error" in trial for trial in record.details["search"])


def test_the_history_names_what_was_used(job: Job) -> None:
    """Of an entrant with settings the search draws values that are not used: what is set stands instead."""
    (model,) = models.resolve(["decision_tree:max_depth=2"])
    trees = replace(job, models={model.name: model})
    budget = {"preset": "quick", "trials": 4, **model.settings(PRESETS["quick"])}
    record, _ = run_cell(trees, replace(cell_of(trees), budget=budget))
    assert record.status == "ok", record.error
    assert [trial["params"]["max_depth"] for trial in record.details["search"]] == [2] * 4
    assert record.params in [trial["params"] for trial in record.details["search"]]


def test_a_folder_that_cannot_be_written_to_costs_no_cell(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    record, _ = run(replace(job, partial=str(tmp_path / "file" / "partial")))
    assert "resumed" not in record.details


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_in_the_training(tmp_path: Path) -> None:
    """From outside: the whole run and its workers are killed once a checkpoint lies there."""
    epochs = 800
    rows = "".join(f"{row},{row * 7 % 11},{row + row % 3}.5\n" for row in range(60))
    (tmp_path / "lab.csv").write_text("x,z,y\n" + rows)

    def start(out: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable, "-m", "automat.cli", "run", "--dataset", "lab.csv", "--target", "y",
                "--preset", "quick", "--models", f"mlp:epochs={epochs}", "--trials", "1",
                "--only-folds", "1", "--jobs", "1", "--out", out,
            ],
            cwd=tmp_path, env=os.environ | {"AUTOMAT_CACHE": str(tmp_path / "cache")},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def record(out: str) -> dict[str, Any]:
        process = start(out)
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        (path,) = (tmp_path / out / "lab" / "records").glob("*.json")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    process = start("killed")
    until = time.monotonic() + 300
    while not list(tmp_path.glob("killed/lab/partial/*.pt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.kill()
    process.communicate()
    assert not list(tmp_path.glob("killed/lab/records/*.json"))
    again, whole = record("killed"), record("undisturbed")
    assert 0 < again["details"]["resumed"]["after_epoch"] < epochs
    assert again["metrics"] == whole["metrics"]
    assert again["details"]["epochs"] == whole["details"]["epochs"]
    assert not list(tmp_path.glob("killed/lab/partial/*"))
