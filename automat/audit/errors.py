"""Entrants' errors on test rows that have a twin in training, beside those on rows that have none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from automat.audit.result import ANY, EntrantErrors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Dataset, Fold

RESAMPLES = 1000
FEWEST_GROUPS = 10
"""Of compositions (or distinct rows) on either side; fewer say nothing that an interval could hold."""

_BATCH = 50
_TAILS = (2.5, 97.5)


def compare(
    dataset: Dataset,
    folds: Sequence[Fold],
    touched: Mapping[str, Sequence[NDArray[np.bool_]]],
    groups: NDArray[np.int64],
    predictions: pd.DataFrame,
) -> list[EntrantErrors]:
    """Every entrant's error on touched and on clean rows.

    Rows of one group are not independent of each other, so the bootstrap draws groups (a cluster bootstrap).

    Args:
        dataset: the data.
        folds: its folds.
        touched: by kind and by ``any``: for every fold, which of its test rows are touched.
        groups: of the dataset's rows, shape (n,).
        predictions: test predictions of entrants on these folds, with columns ``preset`` and ``seed`` beside
            those of ``automat_leaderboards.records.PREDICTION_COLUMNS``. Rows that are not test rows of their
            fold are left out.
    """
    import pandas as pd

    tested = pd.concat(
        [
            pd.DataFrame(
                {"fold": fold.index, "id": dataset.ids[fold.test], "group": groups[fold.test]}
                | {kind: masks[place] for kind, masks in touched.items()}
            )
            for place, fold in enumerate(folds)
        ]
    )
    joined = predictions.merge(tested, on=["fold", "id"])
    if joined.empty:
        return []
    away = (joined["y_true"] - joined["y_pred"]).abs()
    joined["error"] = away if dataset.task == "regression" else (away > 0).astype(float)
    joined["group"] = np.unique(joined["group"], return_inverse=True)[1]
    measure = "mae" if dataset.task == "regression" else "error_rate"
    entrants = joined.groupby(["preset", "seed", "model", "features"], sort=True)
    found = []
    for (preset, seed, model, features), rows in entrants:
        for kind, sums in _sums(rows, [kind for kind in touched if kind != ANY], int(joined["group"].max()) + 1):
            touched_rows, clean_rows = int(sums[:, 1].sum()), int(sums[:, 3].sum())
            low, high = _interval(sums)
            found.append(
                EntrantErrors(
                    model=str(model),
                    features=str(features),
                    preset=str(preset),
                    seed=int(seed),
                    kind=kind,
                    measure=measure,
                    touched_rows=touched_rows,
                    clean_rows=clean_rows,
                    touched=float(sums[:, 0].sum() / touched_rows) if touched_rows else math.nan,
                    clean=float(sums[:, 2].sum() / clean_rows) if clean_rows else math.nan,
                    low=low,
                    high=high,
                )
            )
    return found


def _sums(rows: pd.DataFrame, kinds: Sequence[str], groups: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """By kind: of every group, error and number of touched rows, error and number of clean rows, (groups, 4)."""
    group, error = rows["group"].to_numpy(np.intp), rows["error"].to_numpy(np.float64)
    clean = ~rows[ANY].to_numpy(bool)
    for kind in (*kinds, ANY):
        columns = [
            np.bincount(group[chosen], weights, groups)
            for chosen in (rows[kind].to_numpy(bool), clean)
            for weights in (error[chosen], None)
        ]
        yield kind, np.column_stack(columns).astype(np.float64)


def _interval(sums: NDArray[np.float64]) -> tuple[float, float]:
    """95% percentile bootstrap interval of the difference of the means, over groups; NaN for too few of them."""
    if min(np.count_nonzero(sums[:, 1]), np.count_nonzero(sums[:, 3])) < FEWEST_GROUPS:
        return math.nan, math.nan
    drawn_from = sums[sums.any(axis=1)]
    generator = np.random.default_rng(0)
    differences = []
    for _ in range(RESAMPLES // _BATCH):
        drawn = generator.integers(len(drawn_from), size=(_BATCH, len(drawn_from)))
        counts = np.stack([np.bincount(draw, minlength=len(drawn_from)) for draw in drawn])
        touched, touched_rows, clean, clean_rows = (counts @ drawn_from).T
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw may miss one side
            differences.append(touched / touched_rows - clean / clean_rows)
    low, high = np.nanpercentile(np.concatenate(differences), _TAILS)
    return float(low), float(high)
