from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from automat_leaderboards import metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as reference

finite = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
pairs = st.integers(2, 40).flatmap(
    lambda n: st.tuples(hnp.arrays(float, n, elements=finite), hnp.arrays(float, n, elements=finite))
)


def test_regression_by_hand() -> None:
    scores = metrics.regression([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 8.0])
    assert scores == {"mae": 1.0, "rmse": 2.0, "r2": pytest.approx(1 - 16 / 5)}


@given(pairs)
def test_regression_agrees_with_scikit_learn(pair: tuple[np.ndarray, np.ndarray]) -> None:  # type: ignore[type-arg]
    true, predicted = pair
    scores = metrics.regression(true, predicted)
    assert scores["mae"] == pytest.approx(reference.mean_absolute_error(true, predicted))
    assert scores["rmse"] == pytest.approx(math.sqrt(reference.mean_squared_error(true, predicted)))
    assert scores["mae"] <= scores["rmse"] * (1 + 1e-12)
    if np.ptp(true) > 1e-3:
        assert scores["r2"] == pytest.approx(reference.r2_score(true, predicted))


@pytest.mark.parametrize("target", [[2.0, 2.0], [0.1, 0.1, 0.1], [5.0]])  # the mean of three 0.1 is not 0.1
def test_r2_of_a_constant_target_is_not_defined(target: list[float]) -> None:
    assert math.isnan(metrics.regression(target, [1.0, 3.0, 4.0][: len(target)])["r2"])


@given(pairs, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(pair: tuple[np.ndarray, np.ndarray], random: Random) -> None:  # type: ignore[type-arg]
    true, predicted = pair
    order = random.sample(range(len(true)), len(true))
    shuffled = metrics.regression(true[order], predicted[order])
    assert shuffled == pytest.approx(metrics.regression(true, predicted), nan_ok=True)


def test_binary_classification_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    scores = metrics.classification([0, 0, 1, 1], [0, 0, 0, 1], probabilities)
    assert scores["roc_auc"] == 0.75
    assert scores["accuracy"] == 0.75
    assert scores["balanced_accuracy"] == 0.75
    assert scores["f1"] == pytest.approx(2 / 3)
    assert scores["mcc"] == pytest.approx(1 / math.sqrt(3))


def test_multiclass_roc_auc_is_the_one_against_rest_mean() -> None:
    rng = np.random.default_rng(0)
    true = np.arange(30) % 3
    probabilities = rng.dirichlet(np.ones(3), 30)
    scores = metrics.classification(true, probabilities.argmax(axis=1), probabilities)
    assert scores["roc_auc"] == pytest.approx(reference.roc_auc_score(true, probabilities, multi_class="ovr"))
    assert scores["f1"] == pytest.approx(reference.f1_score(true, probabilities.argmax(axis=1), average="macro"))


def test_roc_auc_without_a_class_is_not_defined() -> None:
    scores = metrics.classification([1, 1], [1, 1], [[0.1, 0.9], [0.4, 0.6]])
    assert math.isnan(scores["roc_auc"])
    assert math.isnan(scores["balanced_accuracy"])
    assert math.isnan(scores["mcc"])
    assert scores["accuracy"] == scores["f1"] == 1.0


def test_f1_of_a_class_that_is_neither_there_nor_predicted_is_not_defined() -> None:
    assert math.isnan(metrics.classification([0, 0], [0, 0], [[0.9, 0.1], [0.6, 0.4]])["f1"])
    assert metrics.classification([0, 1], [0, 0], [[0.9, 0.1], [0.6, 0.4]])["f1"] == 0.0


def test_a_constant_guess_has_no_correlation() -> None:
    assert metrics.classification([0, 1, 1], [1, 1, 1], [[0.4, 0.6]] * 3)["mcc"] == 0.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=40))
def test_roc_auc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int]]) -> None:
    true = np.array([positive for positive, _ in rows], dtype=float)
    chance = np.array([twentieths / 20 for _, twentieths in rows])
    auc = metrics.classification(true, chance > 0.5, np.column_stack([1 - chance, chance]))["roc_auc"]
    higher, lower = chance[true == 1][:, None], chance[true == 0][None, :]
    if higher.size and lower.size:
        assert auc == pytest.approx(((higher > lower) + 0.5 * (higher == lower)).mean())
    else:
        assert math.isnan(auc)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.regression([], []), "two equal rows"),
        (lambda: metrics.regression([1.0], [1.0, 2.0]), r"have \(1,\) and \(2,\)"),
        (
            lambda: metrics.classification([0, 1], [0, 1], [0.5, 0.5]),
            r"shape \(2, classes\), but have \(2,\)",
        ),
        (lambda: metrics.score("classification", [0], [0]), "none were given"),
        (lambda: metrics.score("ranking", [0], [0]), "'regression' or 'classification', but got 'ranking'"),
    ],
)
def test_what_cannot_be_scored_is_refused(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
