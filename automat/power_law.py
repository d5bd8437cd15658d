"""The power law of a learning curve: how an error falls with the number of training rows, and what more would bring.

Errors of learned models fall about as ``a n^-b + c`` with n training rows (Cortes et al. 1994, "Learning curves:
asymptotic values and rate of convergence"; Hestness et al. 2017, arXiv:1712.00409). Few sizes fix three numbers
badly, so a law is given only where its extrapolation holds when folds are drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_SIZES = 4
"""That three parameters are fitted to."""

FEWEST_FOLDS = 3
"""That tell how far the curve itself is uncertain."""

TOO_FEW_SIZES = "fewer than four sizes are finished, so no law is fitted"
TOO_FEW_FOLDS = "fewer than three folds, so nothing tells how sure a law would be"
DOES_NOT_FALL = "the error does not fall with more rows, so no law is fitted"
DOES_NOT_FIT = "no power law goes through these points"
TOO_UNSURE = "laws fitted to folds drawn anew differ too much to say"
REFUSALS = (TOO_FEW_SIZES, TOO_FEW_FOLDS, DOES_NOT_FALL, DOES_NOT_FIT, TOO_UNSURE)
"""Why there is no law."""

_DRAWS = 200
_ENDS = (5, 95)
_BEYOND = 4
"""The line goes on to so many times the largest size."""

_POINTS = 40
_STEEPEST = 2.0
_LEAST_FALL = 0.02
"""Of the error from the smallest to the largest size."""

_MOST_AWAY = (0.05, 0.25)
"""Of the error, that a point may lie off the law: two standard errors over folds, within these."""

_NO_FLOOR = 1e-3
"""Of the least error: what the search leaves of a floor that is none."""

_MOST_SPREAD = 0.5
"""Of the forecast for twice the rows: a wider range says nothing."""


@dataclass(frozen=True)
class Forecast:
    """The error with twice the rows.

    Attributes:
        value: by the law.
        low, high: 90% of the laws fitted to folds drawn anew.
        gain: share of the law's error at the largest size that is gone.
    """

    value: float
    low: float
    high: float
    gain: float


@dataclass(frozen=True)
class Line:
    """The law as it is drawn: rows, errors, and the range of the laws fitted to folds drawn anew."""

    n: tuple[float, ...]
    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class PowerLaw:
    """``a n^-b + c``.

    Attributes:
        a, b, c: its parameters; ``c`` is the error that no number of rows removes.
        doubled: what twice the rows would bring.
        line: over the sizes, and on to four times the largest.
    """

    a: float
    b: float
    c: float
    doubled: Forecast
    line: Line


def fit(sizes: NDArray[np.float64], errors: NDArray[np.float64], seed: int = 0) -> PowerLaw | str:
    """Fit the mean over folds; the reason where no law can be told.

    Relative errors are least squares, within ``a >= 0``, ``0 <= b <= 2`` and ``0 <= c <=`` the least error. The ranges
    come from fits to means of folds drawn with replacement.

    Args:
        sizes: training rows, ascending, shape (s,).
        errors: shape (folds, s); NaN where a fold has none. Folds that miss a size are left out.
        seed: of the draws.
    """
    whole = errors[~np.isnan(errors).any(axis=1)]
    if len(sizes) < FEWEST_SIZES or not len(whole):
        return TOO_FEW_SIZES
    if len(whole) < FEWEST_FOLDS:
        return TOO_FEW_FOLDS
    mean = whole.mean(axis=0)
    # The best of all is zero error, which no law has to explain.
    if not (mean > 0).all() or mean[-1] > (1 - _LEAST_FALL) * mean[0]:
        return DOES_NOT_FALL
    law = _fit_one(sizes, mean)
    allowed = np.clip(2 * whole.std(axis=0, ddof=1) / np.sqrt(len(whole)) / mean, *_MOST_AWAY)
    if (np.abs(_values(law, sizes) / mean - 1) > allowed).any():
        return DOES_NOT_FIT
    draw = np.random.default_rng(seed)
    means = whole[draw.integers(len(whole), size=(_DRAWS, len(whole)))].mean(axis=1)
    laws = np.array([_fit_one(sizes, each, start=law) for each in means])
    # Folds drawn anew say nothing of a fold that all curves share, so the law itself is within its range.
    rows = np.geomspace(sizes[0], _BEYOND * sizes[-1], _POINTS)
    low, high = _range(law, laws, rows)
    (least,), (most,) = _range(law, laws, np.array([2 * sizes[-1]]))
    twice = float(_values(law, np.array([2 * sizes[-1]]))[0])
    if most - least > _MOST_SPREAD * twice:
        return TOO_UNSURE
    now = float(_values(law, sizes[-1:])[0])
    line = Line(*(tuple(float(f"{value:.5g}") for value in column) for column in (rows, _values(law, rows), low, high)))
    a, b, c = (float(value) for value in law)
    return PowerLaw(a, b, c, Forecast(twice, float(least), float(most), 1 - twice / now), line)


def _fit_one(
    sizes: NDArray[np.float64], mean: NDArray[np.float64], start: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    from scipy.optimize import least_squares

    def away(law: NDArray[np.float64]) -> NDArray[np.float64]:
        made: NDArray[np.float64] = _values([np.exp(law[0]), law[1], law[2]], sizes) / mean - 1
        return made

    least = float(mean.min())
    starts = [
        [np.log(mean[0] - share * least) + steepness * np.log(sizes[0]), steepness, share * least]
        for steepness, share in ((0.3, 0.01), (0.5, 0.5), (1.0, 0.9))
    ]
    if start is not None:
        starts = [[np.log(start[0]), start[1], min(start[2], 0.99 * least)]]
    found = [
        least_squares(away, each, bounds=([-np.inf, 0, 0], [np.inf, _STEEPEST, least]), x_scale=[1.0, 1.0, least])
        for each in starts
    ]
    best = min(found, key=lambda each: each.cost).x
    floor = best[2] if best[2] > _NO_FLOOR * least else 0.0
    return np.array([np.exp(best[0]), best[1], floor])


def _values(law: NDArray[np.float64] | list[float], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = law[0] * rows ** -law[1] + law[2]
    return values


def _range(
    law: NDArray[np.float64], laws: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    made = np.array([_values(each, rows) for each in laws])
    low, high = np.percentile(made, _ENDS, axis=0)
    value = _values(law, rows)
    return np.minimum(low, value), np.maximum(high, value)
