"""Predicted against true values, with how many rows lie where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_reports.sections._base import Section, View, figure, rounded

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BINS = 60
"""Of either axis."""

MANY = 1500
"""More rows than this are drawn as counts a bin; single rows only where few lie."""

_OUTLYING = 0.001
"""Share of predictions at either end that does not set the axes."""


def section(view: View) -> Section | None:
    """For regression with stored predictions."""
    if not view.is_regression or not view.by_entrant:
        return None
    t, unit = view.t, view.board.unit
    edges = _edges(view)
    entrants, lines = {}, []
    for key, rows in view.by_entrant.items():
        counts, outside = _counts(rows, edges)
        entrants[key] = {"cells": _sparse(counts), "outside": outside, "rows": len(rows)}
        lines.append(_line(view.titles[key], rows))
    n_rows = max(len(rows) for rows in view.by_entrant.values())
    return Section(
        "parity",
        t("Predicted against true values"),
        shown={"lines": lines, "unit": unit, "is_counted": n_rows > MANY},
        data={"edges": rounded(edges, 6), "entrants": entrants, "counted": n_rows > MANY},
    )


def _edges(view: View) -> NDArray[np.float64]:
    """Of the bins, the same for both axes and all entrants; a few wild predictions lie outside."""
    true = view.scored["y_true"].to_numpy(np.float64)
    made = view.scored["y_pred"].to_numpy(np.float64)
    low, high = np.quantile(made[np.isfinite(made)], [_OUTLYING, 1 - _OUTLYING])
    low, high = min(float(true.min()), float(low)), max(float(true.max()), float(high))
    margin = 0.02 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, BINS + 1)


def _counts(rows: pd.DataFrame, edges: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Rows of every bin, shape (predicted, true), and how many lie in none."""
    points = rows[["y_pred", "y_true"]].to_numpy(np.float64)
    counts, _ = np.histogramdd(points, bins=[edges, edges])
    return counts.astype(np.int64), len(rows) - int(counts.sum())


def _sparse(counts: NDArray[np.int64]) -> list[list[int]]:
    """Places of filled bins, counted along the rows of the grid, and how many rows each holds."""
    places = np.flatnonzero(counts)
    return [places.tolist(), counts.ravel()[places].tolist()]


def _line(title: str, rows: pd.DataFrame) -> dict[str, Any]:
    error = rows["error"].to_numpy(np.float64)
    half, most = np.quantile(error, [0.5, 0.9])
    return {
        "title": title,
        "rows": f"{len(rows):,}",
        "mean": figure(float(error.mean())),
        "half": figure(float(half)),
        "most": figure(float(most)),
        "worst": figure(float(error.max())),
        "bias": figure(float((rows["y_pred"] - rows["y_true"]).mean())),
    }
