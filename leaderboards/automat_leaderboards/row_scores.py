"""Per-row results of all entrants, paired by row name within a fold: what resampling and paired tests work on."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

METRICS_BY_ROW = ("mae", "roc_auc")
"""Metrics whose mean over folds is taken apart by rows here: those that entrants are ranked by."""

_KEY = ["model", "features"]
_BINARY = 2
_FEWEST_ROWS = 10


@dataclass(frozen=True, eq=False)
class RowScores:
    """Of ``R`` test rows (by name) and ``E`` entrants.

    Attributes:
        entrants: model and features of every column.
        mean: metric, averaged over the folds where it is defined, shape (E,); NaN for an entrant without
            predictions.
        influence: how far each row moves that mean, shape (R, E), up to a constant of its stratum. Drawing a row
            in place of another of its stratum adds the difference of their influences. It is exact for means of
            rows (MAE) and the first-order term for ROC-AUC, from DeLong's placement values (DeLong, DeLong &
            Clarke-Pearson 1988, doi:10.2307/2531595, by the ranks of Sun & Xu 2014, doi:10.1109/LSP.2014.2337313).
        strata: of every row, shape (R,), the first fold that tests it; rows of folds with fewer than ten test rows
            (leave-one-out) share one. A row that several folds test (repeated k-fold) is drawn as one.
        losses: absolute error of every tested row, shape (n, E), rows of all folds one after the other; for
            ROC-AUC, the share of rows of the other class that the row is on the wrong side of (ties by half; of
            several classes, the mean over each against the rest). NaN where an entrant's rows are not those of the
            others.
        n_folds: folds that the mean is over, shape (E,).
    """

    entrants: tuple[tuple[str, str], ...]
    mean: NDArray[np.float64]
    influence: NDArray[np.float64]
    strata: NDArray[np.intp]
    losses: NDArray[np.float64]
    n_folds: NDArray[np.intp]


def row_scores(predictions: pd.DataFrame, metric: str, entrants: Sequence[tuple[str, str]]) -> RowScores:
    """Take every entrant's mean metric apart by test rows.

    Within a fold, rows are those that most entrants predicted; an entrant with other rows cannot be paired, and
    counts as one without predictions on that fold.

    Args:
        predictions: test predictions (``PREDICTION_COLUMNS``).
        metric: of :data:`METRICS_BY_ROW`.
        entrants: model and features, in the order of the columns.

    Raises:
        ValueError: another metric.
    """
    import pandas as pd

    if metric not in METRICS_BY_ROW:
        raise ValueError(f"rows tell {' and '.join(METRICS_BY_ROW)} apart, but not {metric!r}")
    codes, names = pd.factorize(predictions["id"])
    groups = {
        (int(fold), (str(model), str(features))): positions
        for (fold, model, features), positions in predictions.groupby(["fold", *_KEY]).indices.items()
    }
    influence = np.zeros((len(names), len(entrants)))
    strata = np.full(len(names), -1, dtype=np.intp)
    total, n_folds = np.zeros(len(entrants)), np.zeros(len(entrants), dtype=np.intp)
    losses = []
    chances = _chances(predictions)
    true, predicted = (predictions[name].to_numpy(dtype=np.float64) for name in ("y_true", "y_pred"))
    folds = sorted({fold for fold, _ in groups})
    for fold in folds:
        ordered = {
            place: groups[fold, key][np.argsort(codes[groups[fold, key]], kind="stable")]
            for place, key in enumerate(entrants)
            if (fold, key) in groups
        }
        if not ordered:
            continue
        rows = _shared_rows([codes[positions] for positions in ordered.values()])
        is_small = len(rows) < _FEWEST_ROWS
        strata[rows[strata[rows] < 0]] = folds[-1] + 1 if is_small else fold
        of_fold = np.full((len(rows), len(entrants)), math.nan)
        for place, positions in ordered.items():
            if not np.array_equal(codes[positions], rows):
                continue
            given = None if chances is None else chances[positions]
            score, shares, of_fold[:, place] = _score(metric, true[positions], predicted[positions], given)
            if not math.isnan(score):
                total[place] += score
                n_folds[place] += 1
                # Where folds are drawn together, their means differ too.
                influence[rows, place] += shares + score / len(rows) if is_small else shares
        losses.append(of_fold)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, influence = total / n_folds, influence / n_folds
    tested = strata >= 0
    joined = np.concatenate(losses) if losses else np.empty((0, len(entrants)))
    return RowScores(tuple(entrants), mean, influence[tested], strata[tested], joined, n_folds)


def _shared_rows(sets: Sequence[NDArray[np.intp]]) -> NDArray[np.intp]:
    """The set of rows that most entrants have; the first of equally common ones."""
    counted = Counter(rows.tobytes() for rows in sets)
    common = counted.most_common(1)[0][0]
    return np.frombuffer(common, dtype=sets[0].dtype)


def _chances(predictions: pd.DataFrame) -> NDArray[np.float64] | None:
    """Probability of every class, shape (n, k); None for a regression, or where only one class's is known."""
    names = sorted(
        (name for name in predictions.columns if name.startswith("probability_") and name[12:].isdigit()),
        key=lambda name: int(name[12:]),
    )
    if names:
        return np.asarray(predictions[names], dtype=np.float64)
    of_one = predictions["probability"].to_numpy(dtype=np.float64)
    highest = predictions[["y_true", "y_pred"]].to_numpy(dtype=np.float64)
    if len(of_one) and not np.isnan(of_one).all() and np.nanmax(highest) < _BINARY:
        return np.column_stack([1 - of_one, of_one])
    return None


def _score(
    metric: str, true: NDArray[np.float64], predicted: NDArray[np.float64], chances: NDArray[np.float64] | None
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """A fold's score, each row's influence on it, and each row's loss."""
    if metric == "mae":
        error = np.abs(predicted - true)
        return float(error.mean()), (error - error.mean()) / len(error), error
    unknown = np.full(len(true), math.nan)
    if chances is None or np.isnan(chances).any():
        return math.nan, unknown, unknown
    codes = true.astype(np.intp)
    classes = [1] if chances.shape[1] == _BINARY else list(range(chances.shape[1]))
    parts = [_roc_auc(codes == code, chances[:, code]) for code in classes]
    score = float(np.mean([area for area, _, _ in parts]))
    return score, np.mean([shares for _, shares, _ in parts], axis=0), np.mean([loss for _, _, loss in parts], axis=0)


def _roc_auc(
    positive: NDArray[np.bool_], chance: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Area under the ROC curve, each row's first-order influence on it, and the share that it is wrong on.

    NaN where a class has no row.
    """
    from scipy.stats import rankdata

    shares, loss = np.full(len(chance), math.nan), np.full(len(chance), math.nan)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return math.nan, shares, loss
    ranks = rankdata(chance)
    # The share of the other class that a row is on the right side of, ties by half.
    above = (ranks[positive] - rankdata(chance[positive])) / n_negative
    below = 1 - (ranks[~positive] - rankdata(chance[~positive])) / n_positive
    area = float(above.mean())
    shares[positive] = (above - area) / n_positive
    shares[~positive] = (below - area) / n_negative
    loss[positive], loss[~positive] = 1 - above, 1 - below
    return area, shares, loss
