"""Twins among the rows of a plain table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.audit.twins import COLUMN, NO_LINKS, Kind, Twins

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

ROW = Kind("row", "equal row", "every input is that of a training row")
NEAR = Kind(
    "near_duplicate",
    "near-duplicate",
    f"some training row differs by at most {COLUMN:g} standard deviations in every numeric column, and in no other "
    "column, without being equal",
)


def find_rows(table: pd.DataFrame) -> tuple[Twins, Twins, tuple[str, ...]]:
    """Equal rows, near-duplicates, and remarks. A missing value equals a missing value and nothing else."""
    from automat_featurizers.duplicates import close_rows

    numeric = [name for name in table.columns if table[name].dtype.kind in "biuf"]
    numbers = table[numeric].to_numpy(np.float64) + 0.0
    missing = ~np.isfinite(numbers)
    filled = np.where(missing, 0.0, numbers)
    # What must be equal for rows to be near at all: categories, and which numbers are missing.
    others = table.drop(columns=numeric).astype("string").fillna("\0").to_numpy(object)
    keys = (*others.T, *missing.T)
    category = _labels(np.column_stack([np.unique(key.astype(str), return_inverse=True)[1] for key in keys]))
    labels = _labels(np.column_stack([category[:, None], filled]))
    spread = filled.std(axis=0)
    first = np.unique(labels, return_index=True)[1]
    scaled = filled[first] / np.where(spread > 0, spread, 1.0)
    # Rows of two categories are put far apart.
    close = close_rows(np.column_stack([scaled, 10 * category[first]]), COLUMN)
    order = np.argsort(-close.distances, kind="stable")
    notes = () if close.complete else ("So many rows are close that of each only its nearest 20 were looked at.",)
    return (
        Twins(ROW, labels, alike=True, links=NO_LINKS),
        Twins(NEAR, labels, alike=False, links=close.pairs[order].astype(np.int64)),
        notes,
    )


def _labels(columns: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers from 0 on that are equal where all columns are, shape (n,)."""
    if not columns.shape[1]:
        return np.zeros(len(columns), np.int64)
    labels: NDArray[np.int64] = np.unique(columns, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return labels
