"""Small real data, as Dataset nouns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

from automat.core import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def features_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of features that tests share."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def command(tmp_path: Path, features_cache: Path, called: Callable[..., tuple[int, str]]) -> Callable[..., str]:
    """Calls ``automat`` with the given arguments in a folder of its own; what it prints."""

    def call(*arguments: str, code: int = 0) -> str:
        found, told = called(tmp_path, {"AUTOMAT_CACHE": str(features_cache)}, *arguments)
        assert found == code, told
        assert "Traceback" not in told
        return told

    return call


@pytest.fixture(scope="session")
def diabetes() -> Dataset:
    """120 patients of the diabetes study (Efron et al. 2004), a regression on a plain table."""
    table, target = load_diabetes(return_X_y=True, as_frame=True)
    return Dataset(
        name="diabetes",
        ids=np.array([f"patient-{row}" for row in range(120)]),
        target=target.to_numpy(np.float64)[:120],
        target_name="progression",
        unit="",
        task="regression",
        inputs="table",
        table=table.iloc[:120].reset_index(drop=True),
    )


@pytest.fixture(scope="session")
def flowers() -> Dataset:
    """150 irises (Fisher 1936), three classes on a plain table."""
    table, target = load_iris(return_X_y=True, as_frame=True)
    return Dataset(
        name="flowers",
        ids=np.array([f"flower-{row}" for row in range(150)]),
        target=target.to_numpy(np.float64),
        target_name="species",
        unit="",
        task="classification",
        inputs="table",
        table=table,
        classes=("setosa", "versicolor", "virginica"),
    )


@pytest.fixture(scope="session")
def two_flowers(flowers: Dataset) -> Dataset:
    """The two irises that overlap, a binary classification."""
    keep = flowers.target > 0
    assert flowers.table is not None
    return Dataset(
        name="two_flowers",
        ids=flowers.ids[keep],
        target=flowers.target[keep] - 1,
        target_name="species",
        unit="",
        task="classification",
        inputs="table",
        table=pd.DataFrame(flowers.table[keep]).reset_index(drop=True),
        classes=("versicolor", "virginica"),
    )
