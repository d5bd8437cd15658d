from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automat.networks import schedules
from automat.networks.trainer import Recipe


@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_learning_rate_rises_to_its_peak_once_and_falls(steps: int, warm_up: float) -> None:
    rates = [schedules.one_cycle(step, steps, warm_up) for step in range(steps)]
    peak = int(np.argmax(rates))
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[peak] == 1
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


@given(st.integers(1, 500))
def test_a_cosine_falls_from_the_first_step_on(steps: int) -> None:
    rates = [schedules.cosine(step, steps) for step in range(steps + 1)]
    assert rates[0] == 1
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)
    # As much lies above the half as below.
    assert rates == pytest.approx([1 - rate for rate in rates[::-1]], abs=1e-12)


def test_a_thousand_epochs_with_a_milestone_at_eight_hundred() -> None:
    recipe = Recipe(epochs=1000, learning_rate=0.02, schedule="milestones", milestones=[800])
    steps_an_epoch = 110
    rates = [recipe.rate(step, steps_an_epoch) for step in range(0, 1000 * steps_an_epoch, steps_an_epoch)]
    assert rates[:800] == [0.02] * 800
    assert rates[800:] == [pytest.approx(0.002)] * 200
    assert recipe.rate(800 * steps_an_epoch - 1, steps_an_epoch) == 0.02


@pytest.mark.parametrize(
    ("schedule", "shares"),
    [("one_cycle", [0.5, 1.0, 0.5]), ("cosine", [1.0, 0.9755, 0.3455]), ("constant", [1.0, 1.0, 1.0])],
)
def test_rates_by_name(schedule: str, shares: list[float]) -> None:
    recipe = Recipe(epochs=5, learning_rate=0.3, schedule=schedule)
    assert [recipe.rate(step, 2) / 0.3 for step in (0, 1, 6)] == pytest.approx(shares, abs=1e-4)
