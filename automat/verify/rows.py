"""One record beside its own predictions and its fold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import Predictions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from automat.core import RunRecord

_RELATIVE, _ABSOLUTE = 1e-9, 1e-12
"""Sums may be added up in another order by another version of numpy."""

_SHOWN = 3


def header(record: RunRecord, table: pd.DataFrame) -> Iterator[str]:
    """Whether the predictions name the record that they belong to."""
    cell = record.cell
    stated = {"cell": cell.key, "model": cell.model, "features": cell.features, "fold": cell.fold}
    for name, value in stated.items():
        if not (table[name] == value).all():
            yield f"its predictions state another {name} than {value!r}"
    if len(table) != record.n_test:
        yield f"it states {record.n_test} test rows, but has predictions of {len(table)}"


def rows(record: RunRecord, table: pd.DataFrame, folds: pd.DataFrame | None) -> Iterator[str]:
    """Whether the predictions are of the fold's test rows, each once."""
    if table["id"].duplicated().any():
        yield f"rows are predicted twice ({few(table['id'][table['id'].duplicated()].tolist())})"
    if folds is None:
        return
    fold = folds[folds["fold"] == record.cell.fold]
    wanted, given = set(fold["id"][fold["part"] == "test"]), set(table["id"])
    if wanted - given:
        yield f"{len(wanted - given)} test rows of its fold have no prediction ({few(sorted(wanted - given))})"
    if given - wanted:
        yield f"{len(given - wanted)} predicted rows are no test rows of its fold ({few(sorted(given - wanted))})"
    trained = int((fold["part"] == "train").sum())
    if trained != record.n_train:
        yield f"it states {record.n_train} training rows, but its fold has {trained}"


def as_predictions(table: pd.DataFrame) -> Predictions:
    """What the file holds, as it was given to be stored."""

    def column(name: str) -> Any:
        values = table[name].to_numpy(np.float64) if name in table else np.full(len(table), np.nan)
        return None if np.isnan(values).all() else values

    classes = sum(name.startswith("probability_") for name in table.columns)
    probabilities = table[[f"probability_{code}" for code in range(classes)]].to_numpy(np.float64)
    return Predictions(
        ids=table["id"].to_numpy(str),
        y_true=table["y_true"].to_numpy(np.float64),
        y_pred=table["y_pred"].to_numpy(np.float64),
        probabilities=probabilities if classes else None,
        y_std=column("y_std"),
        lower=column("lower"),
        upper=column("upper"),
    )


def equal(recorded: float | None, computed: float) -> bool:
    """Whether a stored metric (None: not defined) is what was recomputed, but for the order of sums."""
    if recorded is None or math.isnan(recorded):
        return math.isnan(computed)
    return math.isclose(recorded, computed, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def few(names: Sequence[Any]) -> str:
    """The first of them, for a message."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return shown + (", ..." if len(names) > _SHOWN else "")
