from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.datasets import load_diabetes

from automat.core import Model
from automat.networks.mlp import MLPRegressor
from automat.tuning import Search, Watch, search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat.core import Task

EPOCHS = 10


def model(default: float = 0.3) -> Model:
    return Model(
        name="curve",
        build=lambda _params, _seed: None,
        space=lambda trial: {"x": trial.suggest_float("x", 0.0, 1.0)},
        defaults={"x": default},
    )


def curve(params: dict[str, Any], watch: Watch) -> Mapping[str, float]:
    """An error that falls from epoch to epoch, to an end that says how good the parameters are."""
    end = (params["x"] - 0.3) ** 2
    for epoch in range(1, EPOCHS + 1):
        watch(epoch, 0.0, end + 1 / epoch)
    return {"mae": end, "roc_auc": 1 - end}


def found(task: Task = "regression", prune_after: int = 4, seed: int = 0, default: float = 0.3) -> Search:
    return search(model(default), task, curve, trials=15, seed=seed, prune_after=prune_after)


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_trials_that_fall_behind_end_early(task: Task) -> None:
    history = found(task).history
    pruned = [row for row in history if "pruned_after" in row]
    finished = [row for row in history if "pruned_after" not in row]
    assert len(history) == 15
    assert 3 <= len(pruned) <= 12
    assert all(row["value"] is None and 4 <= row["pruned_after"] <= EPOCHS for row in pruned)
    assert all("error" not in row for row in history)

    def distance(row: dict[str, Any]) -> float:
        return float(abs(row["params"]["x"] - 0.3))

    # Only by what is worse than half of the finished: never the best.
    assert min(map(distance, pruned)) > min(map(distance, finished))


def test_the_first_trials_run_to_their_end() -> None:
    assert not any("pruned_after" in row for row in found(default=0.99).history[:3])


def test_no_trial_ends_before_it_has_had_its_chance() -> None:
    assert {row["pruned_after"] for row in found(prune_after=7).history if "pruned_after" in row} <= {7, 8, 9, 10}
    assert not any("pruned_after" in row for row in found(prune_after=EPOCHS + 1).history)


def test_the_best_of_the_finished_wins() -> None:
    result = found()
    values = [row["value"] for row in result.history if row["value"] is not None]
    assert result.scores["mae"] == min(values) == pytest.approx((result.params["x"] - 0.3) ** 2)


def test_a_seed_repeats_the_search() -> None:
    assert found(seed=5).history == found(seed=5).history


def test_a_curve_without_validation_errors_ends_nothing() -> None:
    def unjudged(params: dict[str, Any], watch: Watch) -> Mapping[str, float]:
        watch(EPOCHS, 0.0, math.nan)
        return {"mae": params["x"]}

    history = search(model(), "regression", unjudged, trials=8, seed=0, prune_after=1).history
    assert not any("pruned_after" in row for row in history)


def test_a_trial_that_fails_after_some_epochs_has_no_value() -> None:
    def failing(params: dict[str, Any], watch: Watch) -> Mapping[str, float]:
        watch(1, 0.0, params["x"])
        if params["x"] > 0.5:
            raise ArithmeticError("diverged")
        return {"mae": params["x"]}

    history = search(model(0.9), "regression", failing, trials=8, seed=0, prune_after=5).history
    assert history[0]["value"] is None
    assert history[0]["error"] == "ArithmeticError: diverged"
    assert "pruned_after" not in history[0]


def test_a_network_that_is_watched_is_ended() -> None:
    X, y = load_diabetes(return_X_y=True)
    trained: list[int] = []

    def objective(params: dict[str, Any], watch: Watch) -> Mapping[str, float]:
        # Rates too small to learn anything fall behind.
        estimator = MLPRegressor(epochs=6, width=16, learning_rate=10 ** -(1 + 5 * params["x"]))
        trained.append(0)

        def counted(epoch: int, train: float, validation: float) -> None:
            trained[-1] = epoch
            watch(epoch, train, validation)

        estimator.on_epoch = counted
        return {"mae": float(abs(estimator.fit(X, y).predict(X) - y).mean())}

    result = search(model(), "regression", objective, trials=10, seed=0, prune_after=2)
    pruned_after = [row.get("pruned_after") for row in result.history]
    assert [6 if after is None else after for after in pruned_after] == trained
    assert min(trained) < 6
