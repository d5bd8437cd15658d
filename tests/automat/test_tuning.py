from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automat.core import Model
from automat.tuning import SearchFailedError, search

if TYPE_CHECKING:
    from collections.abc import Mapping


def parabola(params: dict[str, Any]) -> Mapping[str, float]:
    return {"mae": (params["x"] - 0.3) ** 2}


def model(default: float = 0.9) -> Model:
    return Model(
        name="parabola",
        build=lambda _params, _seed: None,
        space=lambda trial: {"x": trial.suggest_float("x", 0.0, 1.0)},
        defaults={"x": default},
    )


@given(default=st.floats(0.0, 1.0), seed=st.integers(0, 1000), trials=st.integers(2, 8))
@settings(max_examples=30, deadline=None)
def test_tuned_is_never_worse_than_default(default: float, seed: int, trials: int) -> None:
    found = search(model(default), "regression", parabola, trials=trials, seed=seed)
    assert found.scores["mae"] <= parabola({"x": default})["mae"]
    assert found.history[0]["params"] == {"x": default}
    assert len(found.history) == trials


def test_more_trials_find_the_minimum() -> None:
    found = search(model(), "regression", parabola, trials=40, seed=0)
    assert found.params["x"] == pytest.approx(0.3, abs=0.05)


def test_scores_that_are_better_when_higher_are_maximised() -> None:
    found = search(
        model(), "classification", lambda params: {"roc_auc": 1 - parabola(params)["mae"]}, trials=30, seed=0
    )
    assert found.params["x"] == pytest.approx(0.3, abs=0.08)


def test_a_seed_repeats_the_search() -> None:
    first, second = (search(model(), "regression", parabola, trials=8, seed=7) for _ in range(2))
    assert first.history == second.history


@pytest.mark.parametrize("trials", [0, 1])
def test_one_trial_is_the_default_and_fits_nothing(trials: int) -> None:
    def untouched(_params: dict[str, Any]) -> Mapping[str, float]:
        pytest.fail("nothing should be fitted")

    found = search(model(), "regression", untouched, trials=trials, seed=0)
    assert found.params == {"x": 0.9}
    assert not found.history


def test_a_failing_trial_is_kept_and_the_search_goes_on() -> None:
    def sometimes(params: dict[str, Any]) -> Mapping[str, float]:
        if params["x"] > 0.5:
            raise ValueError("too large")
        return parabola(params)

    found = search(model(0.9), "regression", sometimes, trials=10, seed=0)
    assert found.history[0]["error"] == "ValueError: too large"
    assert found.params["x"] <= 0.5


def test_an_undefined_score_is_no_winner() -> None:
    found = search(
        model(0.9),
        "regression",
        lambda params: {"mae": math.nan} if params["x"] > 0.5 else parabola(params),
        trials=10,
        seed=0,
    )
    assert found.params["x"] <= 0.5
    assert found.history[0]["error"] == "mae is not defined on the inner holdout"


def test_a_search_without_a_finished_trial_fails_with_the_first_error() -> None:
    def always(_params: dict[str, Any]) -> Mapping[str, float]:
        raise RuntimeError("broken")

    with pytest.raises(SearchFailedError, match="all 3 trials failed, the first with RuntimeError: broken"):
        search(model(), "regression", always, trials=3, seed=0)
