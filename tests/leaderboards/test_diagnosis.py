"""Every diagnosis on a case that was made to have it, by real estimators."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Diagnosis, Leaderboard, build, diagnoses, metrics, protocols
from automat_leaderboards.records import RECORD_COLUMNS
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

Cuts = list[tuple[Any, Any]]


def board_of(
    X: Any, y: Any, models: Mapping[str, Any], *, task: str = "regression", folds: int = 4, split: str = "random",
    cuts: Cuts | None = None,
) -> tuple[Leaderboard, pd.DataFrame]:  # fmt: skip
    """The board of real fits."""
    cuts = cuts or list(KFold(folds, shuffle=True, random_state=0).split(X))
    records, frames = [], []
    for fold, (train, test) in enumerate(cuts):
        for name, estimator in models.items():
            estimator.fit(X[train], y[train])
            row = dict.fromkeys(RECORD_COLUMNS, math.nan) | {
                "cell": f"{name}-{fold}", "dataset": "made", "dataset_sha256": "ab", "task": task, "target": "y",
                "unit": "", "split": split, "folds": len(cuts), "split_seed": 0, "folds_sha256": "", "fold": fold,
                "seed": 0, "preset": "quick", "model": name, "title": name, "features": "table", "status": "ok",
                "n_train": len(train), "n_test": len(test), "error": "", "params": "{}", "budget": "{}",
                "versions": "{}", "details": "{}", "finished_at": "2026-01-01T00:00:00",
            }  # fmt: skip
            for part, rows in (("train", train), ("test", test)):
                chances = estimator.predict_proba(X[rows]) if task == "classification" else None
                scores = metrics.score(task, y[rows], estimator.predict(X[rows]).astype(float), chances)
                row |= {f"{part}_{metric}": value for metric, value in scores.items()}
            records.append(row)
            frames.append(
                pd.DataFrame(
                    {
                        "cell": row["cell"], "model": name, "features": "table", "fold": fold,
                        "id": [str(position) for position in test], "y_true": y[test] + 0.0,
                        "y_pred": estimator.predict(X[test]) + 0.0, "probability": 0.5,
                    }
                )
            )  # fmt: skip
    board = build(protocols(pd.DataFrame(records, columns=list(RECORD_COLUMNS)))[0])
    return board, pd.concat(frames, ignore_index=True)


def of(found: tuple[Diagnosis, ...], name: str) -> list[str]:
    return [finding.code for each in found if each.model == name for finding in each.findings]


def said_of(found: tuple[Diagnosis, ...], name: str, code: str) -> str:
    return next(one.sentence() for each in found if each.model == name for one in each.findings if one.code == code)


MODELS = {
    "dummy": DummyRegressor(strategy="median"),
    "one_neighbour": KNeighborsRegressor(1),
    "stump": DecisionTreeRegressor(max_depth=1),
    "forest": RandomForestRegressor(60, min_samples_leaf=3, random_state=0, n_jobs=1),
}


@pytest.fixture(scope="module")
def friedman() -> tuple[Any, Any]:
    X, y = make_friedman1(400, n_features=5, noise=0.5, random_state=0)
    return X, y


def test_one_neighbour_memorises_and_a_stump_is_too_simple(friedman: tuple[Any, Any]) -> None:
    board, predictions = board_of(*friedman, MODELS)
    found = diagnoses(board, predictions)
    assert of(found, "one_neighbour") == ["memorising"]
    assert of(found, "stump") == ["too_simple"]
    assert of(found, "forest") == ["fine"]
    assert of(found, "dummy") == ["baseline"]
    said = next(each for each in found if each.model == "one_neighbour").findings[0].sentence()
    assert "MAE is 0 on training rows" in said
    assert not next(each for each in found if each.model == "forest").caution()


def test_shuffled_labels_are_noise_to_all(friedman: tuple[Any, Any]) -> None:
    X, y = friedman
    board, predictions = board_of(X, np.random.default_rng(0).permutation(y), MODELS)
    found = diagnoses(board, predictions)
    for name in ("one_neighbour", "stump", "forest"):
        assert "noisy_labels" in of(found, name)
    assert "say nothing of these labels" in said_of(found, "forest", "noisy_labels")


def test_a_target_with_noise_is_told_from_one_without(friedman: tuple[Any, Any]) -> None:
    X, y = friedman
    noisy = y + np.random.default_rng(0).normal(0, 1.2 * y.std(), len(y))
    found = diagnoses(*board_of(X, noisy, MODELS))
    assert "noisy_labels" in of(found, "forest")
    assert "Scores alone cannot tell which" in said_of(found, "forest", "noisy_labels")


def test_twenty_rows_starve_and_the_caution_says_how_few(friedman: tuple[Any, Any]) -> None:
    X, y = friedman
    board, predictions = board_of(X[:20], y[:20], MODELS, folds=2)
    found = diagnoses(board, predictions)
    for name in ("one_neighbour", "forest"):
        assert of(found, name)[0] == "starved"
        assert "noisy_labels" not in of(found, name)
    assert "Only 2 folds and 20 test rows" in found[0].caution()


def test_a_learning_curve_that_still_falls_starves_and_a_flat_one_does_not(friedman: tuple[Any, Any]) -> None:
    X, y = friedman
    board, predictions = board_of(X, y, MODELS)
    curve = {}
    for rows in (75, 150, 300):
        forest = RandomForestRegressor(60, random_state=0, n_jobs=1).fit(X[:rows], y[:rows])
        curve[rows] = float(np.abs(forest.predict(X[300:]) - y[300:]).mean())
    found = diagnoses(board, predictions, curves={("forest", "table"): curve, ("stump", "table"): {150: 4.0, 300: 3.9}})
    assert of(found, "forest") == ["starved"]
    assert "From 150 to 300 training rows" in next(d for d in found if d.model == "forest").findings[0].sentence()
    assert "starved" not in of(found, "stump")


def test_a_cluster_split_extrapolates_beside_the_random_one() -> None:
    X, y = load_diabetes(return_X_y=True)
    y = 100 * X[:, 2] + 30 * X[:, 8]
    beside, _ = board_of(X, y, MODELS)
    order = np.argsort(X[:, 2])
    parts = np.array_split(order, 4)
    cuts = [(np.sort(np.concatenate(parts[:k] + parts[k + 1 :])), np.sort(parts[k])) for k in range(4)]
    board, predictions = board_of(X, y, MODELS, split="cluster", cuts=cuts)
    found = diagnoses(board, predictions, beside=beside)
    assert of(found, "forest")[0] == "extrapolating"
    assert "on the cluster split" in next(d for d in found if d.model == "forest").findings[0].sentence()
    assert "extrapolating" not in of(diagnoses(beside, beside=beside), "forest")
    assert "extrapolating" not in of(diagnoses(board, predictions), "forest")  # nothing to compare with


def test_one_fold_of_other_rows_is_unstable(friedman: tuple[Any, Any]) -> None:
    X, y = friedman
    y = np.where(np.arange(len(y)) < 100, 5 * y, y)
    cuts = [(np.setdiff1d(np.arange(400), rows), rows) for rows in np.array_split(np.arange(400), 4)]
    found = diagnoses(*board_of(X, y, MODELS, cuts=cuts))
    assert "unstable" in of(found, "forest")
    assert "unstable" not in of(diagnoses(*board_of(*friedman, MODELS)), "forest")


def test_classes_are_judged_by_their_ranking() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    models = {"dummy": DummyClassifier(), "linear": LogisticRegression(max_iter=5000), "one": KNeighborsClassifier(1)}
    found = diagnoses(*board_of((X - X.mean(0)) / X.std(0), y, models, task="classification"))
    assert of(found, "linear") == ["fine"]
    shuffled = np.random.default_rng(0).permutation(y)
    found = diagnoses(*board_of((X - X.mean(0)) / X.std(0), shuffled, models, task="classification"))
    assert "memorising" in of(found, "one")
    assert "noisy_labels" in of(found, "one")


def test_without_a_dummy_targets_tell_what_a_constant_guess_costs(friedman: tuple[Any, Any]) -> None:
    models = {name: model for name, model in MODELS.items() if name != "dummy"}
    board, predictions = board_of(*friedman, models)
    assert of(diagnoses(board, predictions), "stump") == ["too_simple"]
    assert of(diagnoses(board), "stump") == ["unknown"]
