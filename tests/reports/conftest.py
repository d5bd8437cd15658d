"""Boards of real fits."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, build, metrics, protocols
from automat_leaderboards.records import RECORD_COLUMNS
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

ENTRANTS: dict[str, dict[str, Any]] = {
    "regression": {"dummy": DummyRegressor(), "linear": Ridge(0.01), "knn": KNeighborsRegressor(7)},
    "classification": {
        "dummy": DummyClassifier(),
        "linear": LogisticRegression(max_iter=5000),
        "knn": KNeighborsClassifier(7),
    },
}
LOADERS = {"diabetes": load_diabetes, "iris": load_iris, "cancer": load_breast_cancer}


def fitted(dataset: str, *, name: str | None = None) -> tuple[Leaderboard, pd.DataFrame]:
    """Three scikit-learn models over three folds, and one that failed: real numbers all."""
    X, y = LOADERS[dataset](return_X_y=True)
    task = "regression" if dataset == "diabetes" else "classification"
    records: list[dict[str, Any]] = []
    frames: list[pd.DataFrame] = []
    for fold, (train, test) in enumerate(KFold(3, shuffle=True, random_state=0).split(X)):
        for model, estimator in ENTRANTS[task].items():
            started = time.process_time()
            estimator.fit(X[train], y[train])
            seconds = time.process_time() - started
            predicted = estimator.predict(X[test]).astype(float)
            chances = estimator.predict_proba(X[test]) if task == "classification" else None
            train_chances = estimator.predict_proba(X[train]) if task == "classification" else None
            scores = metrics.score(task, y[test], predicted, chances)
            train_scores = metrics.score(task, y[train], estimator.predict(X[train]), train_chances)
            row = _record(name or dataset, task, model, fold, len(train), len(test))
            row |= {"fit_seconds": seconds, "details": json.dumps(_details(model, scores))}
            row |= {f"test_{key}": value for key, value in scores.items()}
            row |= {f"train_{key}": value for key, value in train_scores.items()}
            records.append(row)
            frames.append(
                pd.DataFrame(
                    {
                        "cell": row["cell"], "model": model, "features": "table", "fold": fold,
                        "id": [f"row-{position}" for position in test], "y_true": y[test] + 0.0, "y_pred": predicted,
                        "y_std": math.nan, "probability": math.nan if chances is None else _chance(chances, predicted),
                    }
                )
            )  # fmt: skip
        failed = _record(name or dataset, task, "broken", fold, len(train), len(test))
        records.append(failed | {"status": "failed", "error": "ValueError: <b>no</b> luck"})
    predictions = pd.concat(frames, ignore_index=True)
    return build(protocols(pd.DataFrame(records, columns=list(RECORD_COLUMNS)))[0], predictions), predictions


def _chance(chances: np.ndarray, predicted: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    column = np.ones(len(chances), int) if chances.shape[1] == 2 else predicted.astype(int)
    return np.take_along_axis(chances, column[:, None], axis=1)[:, 0]


def _details(model: str, scores: dict[str, float]) -> dict[str, Any]:
    if model == "knn":
        return {"search": [{"number": 0, "value": next(iter(scores.values())), "params": {"n_neighbors": 7}}]}
    return {"epochs": {"train": [3.0, 2.0, 1.5], "validation": [3.1, 2.5, 2.6]}} if model == "linear" else {}


def _record(dataset: str, task: str, model: str, fold: int, n_train: int, n_test: int) -> dict[str, Any]:
    return dict.fromkeys(RECORD_COLUMNS, math.nan) | {
        "cell": f"{model}-{fold}", "dataset": dataset, "dataset_sha256": "ab" * 32, "task": task, "target": "y",
        "unit": "points" if task == "regression" else "", "split": "random", "folds": 3, "split_seed": 0, "fold": fold,
        "seed": 0, "preset": "quick", "model": model, "title": f"{model} & co", "features": "table", "n_train": n_train,
        "n_test": n_test, "status": "ok", "error": "", "params": '{"alpha": 1.0}',
        "budget": '{"preset": "quick", "trials": 3, "n_estimators": 20}', "versions": "{}", "details": "{}",
        "featurize_seconds": 0.0, "tune_seconds": 0.01, "predict_seconds": 0.01, "peak_memory_mb": 120.0,
        "finished_at": f"2026-01-0{fold + 1}T00:00:00",
    }  # fmt: skip


CONTEXT: dict[str, Any] = {
    "command": "automat run --dataset diabetes --preset quick",
    "versions": {"python": "3.11"},
    "source": "scikit-learn",
    "licence": "BSD",
    "citation": "Efron et al. (2004)",
    "notes": ["2 of 444 rows were set aside <i>here</i>."],
    "formulas": {},
}


@pytest.fixture(scope="session")
def board_of() -> Callable[..., tuple[Leaderboard, pd.DataFrame]]:
    """Dataset name to a board and its predictions; ``name`` is what the board calls the dataset."""
    return fitted


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """What a page says beside its figures."""
    return dict(CONTEXT)


@pytest.fixture(scope="session")
def page(shared_run: Path) -> str:
    """The address of the page of a real run that has every section."""
    return shared_run.as_uri()


@pytest.fixture(scope="session")
def shared_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 90 crystals with learning curves, a ladder of two rungs, an audit, and a network."""
    from automat import api, datasets
    from automat.audit import audit
    from automat.datasets import checks
    from automat.splits import HIGHER_RUNGS

    out = tmp_path_factory.mktemp("sections")
    whole = datasets.load("mp_dielectric")
    data = checks.take(whole, np.sort(np.random.default_rng(0).permutation(len(whole))[:90]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOMAT_CACHE", str(out / "cache"))
        patch.setattr("automat.ladder.HIGHER_RUNGS", HIGHER_RUNGS[:1])
        options: dict[str, Any] = {"preset": "quick", "folds": 3, "jobs": 1, "out": out}
        api.run(data, models=["dummy", "knn"], learning_curve=True, **options)
        api.run(data, models=["dummy", "knn", "lightgbm", "mlp", "schnet"], **options)
        api.run_ladder(data, models=["dummy", "knn"], **options)
        audit(data, folds=3, runs=out, cache_dir=None, jobs=1, seconds=5)
        pages = api.report(out)
    return next(path for path in pages if "random" in path.name)


LEARNED: dict[str, Any] = {
    "permutation": {
        "rows": 100, "columns": 160, "screened_on": 16, "error": "absolute error", "baseline": 0.2,
        "features": [
            {"name": "MagpieData mean Electronegativity", "rise": 0.31, "sure": 0.02},
            {"name": "vpa", "rise": -0.01, "sure": 0.02},
        ],
        "groups": [{"name": "magpie", "rise": 0.6, "sure": 0.05}, {"name": "density", "rise": 0.1, "sure": 0.05}],
    },
    "shapley": {"rows": 50, "trees": 20, "of_trees": 300, "features": [{"name": "density", "mean": 0.2}]},
    "seconds": 0.4,
}  # fmt: skip
ATOMS = {
    "elements": [
        {"symbol": "O", "atoms": 300, "crystals": 100, "mean": -1.5},
        {"symbol": "Fe", "atoms": 100, "crystals": 60, "mean": 0.5},
    ],
    "seconds": 0.1,
}


@pytest.fixture
def board(board_of: Callable[..., tuple[Leaderboard, pd.DataFrame]]) -> tuple[Leaderboard, pd.DataFrame]:
    """The first entrant's first fold says what it leans on; the second's what atoms contribute."""
    found, predictions = board_of("diabetes")
    rows = [_with(row, told) for row, told in zip(found.rows, (LEARNED, ATOMS), strict=False)]
    return replace(found, rows=(*rows, *found.rows[2:])), predictions


def _with(row: Any, told: dict[str, Any]) -> Any:
    first, *others = row.folds
    return replace(row, folds=(replace(first, details={**first.details, "learned": told}), *others))
