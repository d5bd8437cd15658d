"""How honest a stated uncertainty is: arrays in, a dict out. Where a figure is not defined it is NaN.

A regression states a standard deviation and an interval for every row; a classification states probabilities.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

COVERAGE = 0.9
"""Share of rows that intervals are to hold."""

REGRESSION_UNCERTAINTY = ("coverage", "interval_width", "miscalibration_area", "nll", "crps", "sharpness")
CLASSIFICATION_UNCERTAINTY = ("log_loss", "brier", "calibration_error")

UNCERTAINTY: Mapping[str, tuple[str, ...]] = {
    "regression": REGRESSION_UNCERTAINTY,
    "classification": CLASSIFICATION_UNCERTAINTY,
}
"""By task."""

_LEVELS = np.arange(1, 100) / 100
_BINS = 10
_SMALLEST = 1e-12


def regression_uncertainty(
    y_true: ArrayLike, y_pred: ArrayLike, y_std: ArrayLike, lower: ArrayLike, upper: ArrayLike
) -> dict[str, float]:
    """Figures of standard deviations and intervals of shape (n,), in the target's unit.

    * ``coverage``: share of targets within their interval; :data:`COVERAGE` is wanted.
    * ``interval_width``: its mean.
    * ``miscalibration_area``: between the observed and the stated share of rows within the central intervals of a
      normal distribution, over all stated shares: 0 is perfect, 0.5 the worst (Kuleshov, Fenner & Ermon 2018,
      arXiv:1807.00263; Tran et al. 2020, doi:10.1088/2632-2153/ab7e1a).
    * ``nll``: mean negative logarithm of the normal density at the target.
    * ``crps``: mean continuous ranked probability score of the normal distribution (Gneiting & Raftery 2007,
      doi:10.1198/016214506000001437), in the target's unit; it is the absolute error where no spread is stated.
    * ``sharpness``: root mean square of the standard deviations.

    A spread of zero counts as a very small one: it is right only where the prediction is exact.
    Rows without a standard deviation or an interval are left out of what needs it.

    >>> regression_uncertainty([0.0, 1.0], [0.0, 1.5], [1.0, 1.0], [-1.0, 1.2], [1.0, 1.8])["coverage"]
    0.5
    """
    from scipy.stats import norm

    true, predicted, spread, low, high = (
        np.asarray(values, dtype=np.float64) for values in (y_true, y_pred, y_std, lower, upper)
    )
    bounded = ~(np.isnan(low) | np.isnan(high))
    inside = (low <= true) & (true <= high)
    figures = {
        "coverage": float(inside[bounded].mean()) if bounded.any() else math.nan,
        "interval_width": float((high - low)[bounded].mean()) if bounded.any() else math.nan,
    }
    known = ~np.isnan(spread)
    if not known.any():
        return figures | dict.fromkeys(("miscalibration_area", "nll", "crps", "sharpness"), math.nan)
    sigma = np.maximum(spread[known], _SMALLEST)
    z = (true - predicted)[known] / sigma
    crps = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))
    stated, observed = calibration_curve(true, predicted, spread)
    return figures | {
        "miscalibration_area": _area(stated, observed),
        "nll": float(-norm.logpdf(z).mean() + np.log(sigma).mean()),
        "crps": float(crps.mean()),
        "sharpness": float(np.sqrt((spread[known] ** 2).mean())),
    }


def classification_uncertainty(y_true: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """Figures of class probabilities, of shape (n, k), for class codes of shape (n,).

    * ``log_loss``: mean negative logarithm of the true class's probability, in nats.
    * ``brier``: mean squared distance between the probabilities and the true class, summed over classes
      (Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2).
    * ``calibration_error``: mean distance of the likeliest class's probability from how often it is right, in ten
      bins of equal width, weighted by their rows (Guo et al. 2017, arXiv:1706.04599).

    >>> classification_uncertainty([1, 0], [[0.0, 1.0], [1.0, 0.0]])["brier"]
    0.0
    """
    codes = np.asarray(y_true, dtype=np.intp)
    chances = np.asarray(probabilities, dtype=np.float64)
    of_true = chances[np.arange(len(codes)), codes]
    truth = np.zeros_like(chances)
    truth[np.arange(len(codes)), codes] = 1
    stated, observed, rows = reliability(codes, chances)
    return {
        "log_loss": float(-np.log(np.maximum(of_true, _SMALLEST)).mean()),
        "brier": float(((chances - truth) ** 2).sum(axis=1).mean()),
        "calibration_error": float((rows * np.abs(stated - observed)).sum() / rows.sum()),
    }


def calibration_curve(
    y_true: ArrayLike, y_pred: ArrayLike, y_std: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Stated and observed share of rows within the central intervals of a normal distribution, shape (99,) each."""
    from scipy.stats import norm

    true, predicted, spread = (np.asarray(values, dtype=np.float64) for values in (y_true, y_pred, y_std))
    known = ~np.isnan(spread)
    distance = np.sort(np.abs(true - predicted)[known] / np.maximum(spread[known], _SMALLEST))
    reach = norm.ppf((1 + _LEVELS) / 2)
    return _LEVELS.copy(), np.searchsorted(distance, reach, side="right") / max(len(distance), 1)


def reliability(
    y_true: ArrayLike, probabilities: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """By bins of the likeliest class's probability that hold rows: its mean, how often it is right, and the rows."""
    codes = np.asarray(y_true, dtype=np.intp)
    chances = np.asarray(probabilities, dtype=np.float64)
    stated, right = chances.max(axis=1), chances.argmax(axis=1) == codes
    bins = np.minimum((stated * _BINS).astype(np.intp), _BINS - 1)
    rows = np.bincount(bins, minlength=_BINS)
    filled = rows > 0
    mean = np.bincount(bins, stated, _BINS)[filled] / rows[filled]
    observed = np.bincount(bins, right.astype(np.float64), _BINS)[filled] / rows[filled]
    return mean, observed, rows[filled].astype(np.int64)


def _area(stated: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    """Between the curve and the diagonal, both ends included."""
    from scipy.integrate import trapezoid

    levels = np.concatenate([[0.0], stated, [1.0]])
    away = np.abs(np.concatenate([[0.0], observed - stated, [0.0]]))
    return float(trapezoid(away, levels))
