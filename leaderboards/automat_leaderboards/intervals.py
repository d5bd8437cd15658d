"""Confidence intervals and rank ranges.

Two questions, two intervals. Resampling test rows asks how the same fitted models would score on other rows of the
same kind. The interval over folds also asks how they would score when fitted on other training rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from automat_leaderboards.row_scores import RowScores

CONFIDENCE = 0.95
RESAMPLES = 1000
MOST_UNITS = 2000
"""Rows of a fold beyond this many are pooled at random into as many groups of equal size, and groups are drawn."""

Interval = tuple[float, float]
UNKNOWN: Interval = (math.nan, math.nan)


def resampled_means(scores: RowScores, *, resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """Every entrant's mean metric on test rows drawn with replacement within each fold.

    All entrants are scored on the same draws, so that differences and ranks keep their pairing. A draw is a vector
    of counts, and all draws of a fold are one product of matrices, (resamples x rows) by (rows x entrants). Random
    groups of equal size have, in expectation, the variance of single rows, so pooling bounds the cost at
    ``resamples * MOST_UNITS`` a fold and takes nothing from the width of the intervals.

    Returns:
        Shape (resamples, E); NaN for an entrant without predictions.
    """
    random = np.random.default_rng(seed)
    means = np.tile(scores.mean, (resamples, 1))
    for stratum in np.unique(scores.strata):
        units = _pooled(scores.influence[scores.strata == stratum], random)
        drawn = random.integers(len(units), size=(resamples, len(units)))
        drawn += np.arange(resamples)[:, None] * len(units)
        counts = np.bincount(drawn.ravel(), minlength=resamples * len(units)).reshape(resamples, len(units))
        means += counts.astype(np.float64) @ (units - units.mean(axis=0))
    return means


def _pooled(influence: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    if len(influence) <= MOST_UNITS:
        return influence
    groups = random.permutation(len(influence)) % MOST_UNITS
    ordered = influence[np.argsort(groups, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=MOST_UNITS))[:-1]])
    return np.asarray(np.add.reduceat(ordered, starts, axis=0))


def percentile_intervals(means: NDArray[np.float64], *, bounds: Interval = (-math.inf, math.inf)) -> list[Interval]:
    """The central 95% of every entrant's resampled means (Efron's percentile interval).

    Args:
        means: of :func:`resampled_means`, shape (resamples, E).
        bounds: values that the metric can take; a first-order term may step over them.
    """
    tail = 100 * (1 - CONFIDENCE) / 2
    ends = np.clip(np.percentile(means, [tail, 100 - tail], axis=0), *bounds)
    return [(float(low), float(high)) for low, high in ends.T]


def rank_ranges(means: NDArray[np.float64], *, higher_is_better: bool) -> list[tuple[int, int]]:
    """The central 95% of every entrant's ranks over the resamples; equal means share the ranks that they fill.

    Args:
        means: resampled means of the entrants that are ranked, shape (resamples, E), none of them NaN.
        higher_is_better: whether the largest mean has rank 1.
    """
    from scipy.stats import rankdata

    if means.shape[1] == 0:
        return []
    signed = -means if higher_is_better else means
    # Sums in another order differ in the last bits; entrants with equal predictions are equal.
    rounded = np.round(signed / (float(np.abs(signed).max()) or 1.0), 12)
    tail = 100 * (1 - CONFIDENCE) / 2
    low = np.percentile(rankdata(rounded, axis=1, method="min"), tail, axis=0, method="nearest")
    high = np.percentile(rankdata(rounded, axis=1, method="max"), 100 - tail, axis=0, method="nearest")
    return [(int(first), int(last)) for first, last in zip(low, high, strict=True)]


def corrected_variance(values: NDArray[np.float64], n_train: float, n_test: float) -> float:
    """Variance of a mean over resampled folds, whose training rows overlap.

    The naive ``s2 / J`` is too small; Nadeau & Bengio (2003, doi:10.1023/A:1024068626366) put
    ``(1 / J + n_test / n_train) s2`` in its place.

    Args:
        values: a score or a difference on each of J folds.
        n_train: training rows of a fold, the mean where folds differ.
        n_test: test rows, likewise.

    Returns:
        NaN for fewer than two folds, or where the number of rows is not known.
    """
    if len(values) < 2 or not n_train > 0 or not n_test > 0:  # noqa: PLR2004 - a spread takes two
        return math.nan
    return float((1 / len(values) + n_test / n_train) * np.var(values, ddof=1))


def fold_interval(values: ArrayLike, n_train: float, n_test: float) -> Interval:
    """The 95% interval of a mean over folds: Student's t with the variance of :func:`corrected_variance`.

    >>> low, high = fold_interval([1.0, 2.0, 3.0], n_train=60, n_test=30)
    >>> round(low, 3), round(high, 3)
    (-1.928, 5.928)
    """
    from scipy.stats import t

    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    variance = corrected_variance(known, n_train, n_test)
    if math.isnan(variance):
        return UNKNOWN
    reach = float(t.ppf((1 + CONFIDENCE) / 2, len(known) - 1)) * math.sqrt(variance)
    middle = float(known.mean())
    return middle - reach, middle + reach
