"""Real materials to cut, with columns beside their inputs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automat import datasets
from automat.core import Dataset
from automat.datasets import checks


@pytest.fixture(scope="session")
def crystals() -> Dataset:
    """180 crystals of the dielectric set (Petousis et al. 2017), with made-up dates and folds beside them."""
    whole = datasets.load("mp_dielectric")
    rows = np.random.default_rng(0).permutation(len(whole))[:180]
    few = checks.take(whole, np.sort(rows))
    draw = np.random.default_rng(1)
    extra = pd.DataFrame(
        {
            "published": draw.choice(pd.date_range("2001-01-31", periods=40, freq="MS").strftime("%Y-%m-%d"), 180),
            "year": draw.integers(1990, 2020, 180),
            "my_fold": draw.choice(["b", "a", "c"], 180),
            "part": draw.choice(["train", "train", "Val", "test"], 180),
        }
    )
    return replace(few, extra=extra)


@pytest.fixture(scope="session")
def steels() -> Dataset:
    """312 rows named as those of Matbench's steels; the targets are those of the diabetes study."""
    from sklearn.datasets import load_diabetes

    table, target = load_diabetes(return_X_y=True, as_frame=True)
    return Dataset(
        name="matbench_steels",
        ids=np.array([f"mb-steels-{row:03d}" for row in range(1, 313)]),
        target=target.to_numpy(np.float64)[:312],
        target_name="yield strength",
        unit="MPa",
        task="regression",
        inputs="table",
        table=table.iloc[:312].reset_index(drop=True),
    )


@pytest.fixture(scope="session")
def matbench_folder() -> Path:
    """The folder of Matbench's tables; tests that need it are skipped where there is none."""
    given = os.environ.get("AUTOMAT_DATA")
    folder = Path(given or ".") / "matbench"
    if not given or not folder.is_dir():
        pytest.skip("AUTOMAT_DATA names no folder with matbench/")
    return folder
