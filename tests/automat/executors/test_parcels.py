"""A job as files named after their content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from automat import plan
from automat.core import Dataset
from automat.evaluate import Inputs, Job
from automat.executors import parcels


@pytest.fixture
def job(diabetes: Dataset) -> Job:
    planned = plan.make(diabetes, models=["linear"], preset="quick", trials=1)
    return Job(
        diabetes, planned.folds, {model.name: model for model in planned.models}, {"table": Inputs(diabetes.table)}
    )


def test_what_is_read_is_what_was_written(job: Job, tmp_path: Path) -> None:
    parcel = parcels.write(job, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(parcel.names)
    again: Job = parcels.read(tmp_path, parcel.job)
    assert again.dataset.sha256 == job.dataset.sha256
    assert again.inputs["table"].values.equals(job.dataset.table)
    assert again.inputs["table"].values is again.dataset.table  # one file, one object
    np.testing.assert_array_equal(again.folds[1].test, job.folds[1].test)
    assert again.models["linear"].name == "linear"


def test_what_is_the_same_has_the_same_name(job: Job, tmp_path: Path) -> None:
    first = parcels.write(job, tmp_path)
    assert parcels.write(job, tmp_path) == first
    fewer = parcels.write(replace(job, folds=job.folds[:1]), tmp_path)
    assert fewer.job != first.job
    assert set(fewer.names) - {fewer.job} == set(first.names) - {first.job}


def test_what_was_changed_is_not_unpickled(job: Job, tmp_path: Path) -> None:
    parcel = parcels.write(job, tmp_path)
    for name in parcel.names:
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-20] + b"x" + content[-19:])
        with pytest.raises(parcels.DamagedParcelError, match=name):
            parcels.read(tmp_path, parcel.job)
        (tmp_path / name).write_bytes(content)
