"""Boards of real fits: records and test predictions of scikit-learn models on its own data."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import metrics
from automat_leaderboards.records import RECORD_COLUMNS
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LOADERS = {"diabetes": load_diabetes, "iris": load_iris, "cancer": load_breast_cancer}
ENTRANTS: dict[str, dict[str, Any]] = {
    "regression": {"dummy": DummyRegressor(), "ridge": Ridge(0.1), "knn": KNeighborsRegressor(9)},
    "classification": {
        "dummy": DummyClassifier(),
        "ridge": make_pipeline(StandardScaler(), LogisticRegression()),
        "knn": make_pipeline(StandardScaler(), KNeighborsClassifier(9)),
    },
}

Tables = tuple[pd.DataFrame, pd.DataFrame]


def run_of(dataset: str, folds: int = 5, seed: int = 0) -> Tables:
    """Records and predictions of three models on k folds."""
    X, y = LOADERS[dataset](return_X_y=True)
    task = "regression" if dataset == "diabetes" else "classification"
    records, frames = [], []
    for fold, (train, test) in enumerate(KFold(folds, shuffle=True, random_state=seed).split(X)):
        for model, estimator in ENTRANTS[task].items():
            estimator.fit(X[train], y[train])
            predicted = estimator.predict(X[test]).astype(float)
            chances = estimator.predict_proba(X[test]) if task == "classification" else None
            scores = metrics.score(task, y[test], predicted, chances)
            facts: dict[str, Any] = {
                "cell": f"{model}-{fold}", "dataset": dataset, "dataset_sha256": "ab", "task": task, "target": "y",
                "unit": "eV" if task == "regression" else "", "split": "random", "folds": folds, "split_seed": seed,
                "fold": fold, "seed": 0, "preset": "quick", "model": model, "title": model.title(), "features": "all",
                "model_version": "1", "features_version": "1", "n_train": len(train), "n_test": len(test),
                "status": "ok", "error": "", "params": "{}", "budget": '{"preset": "quick"}', "versions": "{}",
                "details": "{}", "featurize_seconds": 0.0, "tune_seconds": 1.0, "fit_seconds": 1.0,
                "predict_seconds": 0.1, "peak_memory_mb": 1.0, "finished_at": f"2026-01-0{fold + 1}T00:00:00",
                "folds_sha256": "",
            }  # fmt: skip
            measured = {f"{part}_{name}": value for part in ("test", "train") for name, value in scores.items()}
            records.append(dict.fromkeys(RECORD_COLUMNS, math.nan) | facts | measured)
            given: dict[str, Any] = {} if chances is None else {
                f"probability_{code}": chances[:, code] for code in range(chances.shape[1])
            }  # fmt: skip
            frames.append(
                pd.DataFrame(
                    {
                        "cell": facts["cell"], "model": model, "features": "all", "fold": fold,
                        "id": [f"row-{position}" for position in test], "y_true": y[test] + 0.0, "y_pred": predicted,
                        "y_std": math.nan, "lower": math.nan, "upper": math.nan,
                        "probability": math.nan if chances is None else chances[:, 1],
                        **given,
                    }
                )
            )  # fmt: skip
    return pd.DataFrame(records), pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def made() -> Callable[..., Tables]:
    """Dataset name, number of folds and seed to records and predictions; copies, free to be changed."""
    kept: dict[tuple[str, int, int], Tables] = {}

    def of(dataset: str, folds: int = 5, seed: int = 0) -> Tables:
        key = (dataset, folds, seed)
        if key not in kept:
            kept[key] = run_of(*key)
        records, predictions = kept[key]
        return records.copy(), predictions.copy()

    return of
