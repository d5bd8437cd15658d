"""Paired tests between two entrants, effect sizes, and the correction for testing many pairs."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np

from automat_leaderboards.intervals import corrected_variance

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Test = tuple[float, float]
"""A statistic and its two-sided p-value; NaN where there is nothing to test with."""

_NOTHING: Test = (math.nan, math.nan)


def corrected_t_test(differences: ArrayLike, n_train: float, n_test: float) -> Test:
    """The corrected resampled t-test of Nadeau & Bengio (2003, doi:10.1023/A:1024068626366).

    Asks whether one way of making models is better than another, over training sets. Folds share training rows, so
    the plain paired t-test is too bold; here the variance of the mean difference is ``(1/J + n_test/n_train) s2``,
    with J - 1 degrees of freedom. It assumes that differences over folds are about normal.

    Args:
        differences: of two entrants' scores on the same folds; NaN folds are left out.
        n_train: training rows of a fold, the mean where folds differ.
        n_test: test rows, likewise.

    Returns:
        t and p. Differences that are all zero give (0, 1), equal ones that are not an infinite t and p = 0, fewer
        than two folds NaN.
    """
    known = _known(differences)
    variance = corrected_variance(known, n_train, n_test)
    if math.isnan(variance):
        return _NOTHING
    return _t_test(float(known.mean()), variance, len(known) - 1)


def rows_t_test(influence: NDArray[np.float64], strata: NDArray[np.intp], difference: float) -> Test:
    """The paired t-test over test rows, rows of a fold among themselves.

    Asks whether these fitted models differ on other rows of the same kind; it says nothing of other training sets.
    On a single fold and a mean of rows (MAE) it is the paired t-test; on ROC-AUC it is DeLong's test.

    Args:
        influence: of every row on the difference of the two means, shape (R,).
        strata: the fold of every row, shape (R,).
        difference: of the two means.
    """
    variance, freedom = 0.0, 0
    for stratum in np.unique(strata):
        rows = influence[strata == stratum]
        if len(rows) < 2:  # noqa: PLR2004 - a spread takes two
            return _NOTHING
        variance += float(len(rows) * np.var(rows, ddof=1))
        freedom += len(rows) - 1
    if not freedom or math.isnan(variance) or math.isnan(difference):
        return _NOTHING
    return _t_test(difference, variance, freedom)


def signed_rank(differences: ArrayLike) -> Test:
    """Wilcoxon's signed-rank test over test rows; the ranks of equal losses go to both sides by half (Demsar 2006).

    Asks whether losses of one entrant tend to be smaller, row by row; it looks at ranks of differences, so a few
    large errors weigh little, and the answer may differ from that of a mean.

    Returns:
        The statistic and p; (0, 1) where all losses are equal.
    """
    from scipy.stats import wilcoxon

    known = _known(differences)
    if not len(known):
        return _NOTHING
    if not known.any():
        return 0.0, 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy remarks that equal losses leave no exact p-value
        found = wilcoxon(known, zero_method="zsplit", method="auto")
    return float(found.statistic), float(found.pvalue)


def effect_size(differences: ArrayLike) -> float:
    """Mean paired difference in units of its own standard deviation (Cohen's d_z; Cohen 1988, ch. 2).

    >>> round(effect_size([1.0, 2.0, 3.0]), 3)
    2.0

    Returns:
        0 where all differences are zero; NaN for fewer than two, or equal ones that are not zero.
    """
    known = _known(differences)
    if len(known) and not known.any():
        return 0.0
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return float(known.mean()) / spread if spread > 0 else math.nan


def share_better(first: ArrayLike, second: ArrayLike) -> float:
    """Share of rows where the first one's loss is smaller, rows of equal loss by half.

    >>> share_better([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 3.0, 1.0])
    0.625
    """
    less = np.sign(_known(np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)))
    return float((1 + less.mean()) / 2) if len(less) else math.nan


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values corrected for their number by Holm's step-down rule (1979, Scand. J. Statist. 6, 65).

    The chance that any true tie is called a difference stays below the level that the corrected values are held
    against, however the tests depend on each other. NaN stay NaN and do not count.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(given.shape, math.nan)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    scaled = given[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return corrected


def _t_test(difference: float, variance: float, freedom: int) -> Test:
    from scipy.stats import t as student

    error = math.sqrt(variance)
    if error == 0:
        return (0.0, 1.0) if difference == 0 else (math.copysign(math.inf, difference), 0.0)
    statistic = difference / error
    return statistic, float(2 * student.sf(abs(statistic), freedom))


def _known(values: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(values, dtype=np.float64)
    return given[~np.isnan(given)]
