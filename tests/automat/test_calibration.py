import numpy as np
import pytest

from automat.calibration import calibrate


def _noisy(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Targets, predictions and a spread that is right up to a factor of three."""
    chance = np.random.default_rng(seed)
    spread = chance.uniform(0.2, 3.0, rows)
    return chance.normal(0, spread), np.zeros(rows), spread / 3


@pytest.mark.parametrize("own_spread", [True, False])
def test_intervals_hold_what_they_promise(own_spread: bool) -> None:
    target, predicted, spread = _noisy(2_000, 0)
    learned = calibrate(target, predicted, spread if own_spread else None)
    target, predicted, spread = _noisy(20_000, 1)
    lower, upper = learned.interval(predicted, spread if own_spread else None)
    assert ((lower <= target) & (target <= upper)).mean() == pytest.approx(0.9, abs=0.02)


def test_a_spread_that_tells_rows_apart_gives_shorter_intervals() -> None:
    target, predicted, spread = _noisy(5_000, 0)
    with_spread = calibrate(target, predicted, spread).interval(predicted, spread)
    without = calibrate(target, predicted, None).interval(predicted, None)
    assert np.mean(with_spread[1] - with_spread[0]) < np.mean(without[1] - without[0])


def test_the_interval_is_the_conformal_order_statistic() -> None:
    errors = np.arange(1.0, 20.0)  # 19 rows: the (19 + 1) * 0.9 = 18th smallest
    learned = calibrate(errors, np.zeros(19), None)
    assert learned.reach == 18
    assert learned.scale == pytest.approx(np.sqrt((errors**2).mean()))
    assert learned.std(np.zeros(2), None).tolist() == [learned.scale] * 2


def test_too_few_rows_give_no_interval() -> None:
    learned = calibrate(np.ones(8), np.zeros(8), None)
    lower, upper = learned.interval(np.zeros(3), None)
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()
    assert learned.std(np.zeros(3), None).tolist() == [1, 1, 1]


def test_a_model_that_is_never_unsure_is_not_believed() -> None:
    learned = calibrate(np.ones(20), np.zeros(20), np.zeros(20))
    std = learned.std(np.zeros(1), np.zeros(1))
    assert np.isfinite(std).all()
    assert std == pytest.approx(1.0)


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        calibrate(np.empty(0), np.empty(0), None)
