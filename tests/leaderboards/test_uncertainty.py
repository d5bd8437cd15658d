import math

import numpy as np
import pytest
from automat_leaderboards.uncertainty import (
    calibration_curve,
    classification_uncertainty,
    regression_uncertainty,
    reliability,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm


def test_figures_of_a_single_row_by_hand() -> None:
    made = regression_uncertainty([1.0], [0.0], [2.0], [-3.0], [3.0])
    assert made["coverage"] == 1
    assert made["interval_width"] == 6
    assert made["sharpness"] == 2
    assert made["nll"] == pytest.approx(0.5 * math.log(2 * math.pi) + math.log(2) + 0.125)
    # The score's definition: the integral of the squared distance of the two cumulative distributions.
    below, _ = quad(lambda x: norm.cdf(x, 0, 2) ** 2, -30, 1)
    above, _ = quad(lambda x: (norm.cdf(x, 0, 2) - 1) ** 2, 1, 30)
    assert made["crps"] == pytest.approx(below + above, rel=1e-6)


def test_the_score_of_no_spread_is_the_absolute_error() -> None:
    made = regression_uncertainty([1.0, 3.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0])
    assert made["crps"] == pytest.approx(2.0)
    assert made["coverage"] == 0
    assert made["miscalibration_area"] == pytest.approx(0.5, abs=0.01)


def test_a_right_normal_spread_is_calibrated_and_a_halved_one_is_not() -> None:
    chance = np.random.default_rng(0)
    spread = chance.uniform(0.5, 2.0, 20_000)
    errors = chance.normal(0, spread)
    right = regression_uncertainty(errors, np.zeros(20_000), spread, -1.645 * spread, 1.645 * spread)
    bold = regression_uncertainty(errors, np.zeros(20_000), spread / 2, -0.8 * spread, 0.8 * spread)
    assert right["coverage"] == pytest.approx(0.9, abs=0.01)
    assert right["miscalibration_area"] < 0.01
    assert bold["miscalibration_area"] > 0.1
    assert right["nll"] < bold["nll"]
    assert right["crps"] < bold["crps"]


def test_what_is_not_stated_is_not_judged() -> None:
    nothing = [math.nan, math.nan]
    made = regression_uncertainty([1.0, 2.0], [1.0, 2.0], nothing, nothing, nothing)
    assert all(math.isnan(value) for value in made.values())
    half = regression_uncertainty([1.0, 9.0], [1.0, 0.0], [1.0, math.nan], [0.0, math.nan], [2.0, math.nan])
    assert half["coverage"] == 1
    assert half["sharpness"] == 1


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 5)), min_size=1, max_size=30))
def test_a_calibration_curve_rises(rows: list[tuple[float, float]]) -> None:
    errors, spread = np.array(rows).T
    stated, observed = calibration_curve(errors, np.zeros(len(errors)), spread)
    assert len(stated) == len(observed) == 99
    assert (np.diff(observed) >= 0).all()
    assert observed.min() >= 0
    assert observed.max() <= 1


def test_probabilities_by_hand() -> None:
    made = classification_uncertainty([0, 1, 1], [[0.8, 0.2], [0.4, 0.6], [0.9, 0.1]])
    assert made["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.6) + math.log(0.1)) / 3)
    assert made["brier"] == pytest.approx((0.08 + 0.32 + 1.62) / 3)
    # Bins: 0.6 alone and right; 0.8 alone and right; 0.9 alone and wrong.
    assert made["calibration_error"] == pytest.approx((0.4 + 0.2 + 0.9) / 3)
    stated, observed, rows = reliability([0, 1, 1], [[0.8, 0.2], [0.4, 0.6], [0.9, 0.1]])
    assert stated.tolist() == [0.6, 0.8, 0.9]
    assert observed.tolist() == [1, 1, 0]
    assert rows.tolist() == [1, 1, 1]


def test_probabilities_that_are_right_cost_nothing() -> None:
    made = classification_uncertainty([0, 2, 1], np.eye(3)[[0, 2, 1]])
    assert made == {"log_loss": 0, "brier": 0, "calibration_error": 0}
