"""The rows that entrants miss most, with their structures drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_reports.sections import _crystal
from automat_reports.sections._base import DUMMY, Section, View, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

WORST = 10
"""Rows shown."""


def worst_ids(predictions: pd.DataFrame, task: str) -> list[str]:
    """The rows that entrants miss most: the largest medians, over entrants but the dummy, of a row's error.

    Of classes the error is one less the probability of the true class, where it is stored. Rows that not every
    entrant has predicted are left out, and for classes rows that most entrants have right.

    Args:
        predictions: test predictions (``PREDICTION_COLUMNS``).
        task: regression or classification.
    """
    return [str(name) for name in _errors(predictions, task).head(WORST).index]


def section(view: View) -> Section | None:
    """Where predictions are stored."""
    t = view.t
    if not view.by_entrant:
        return None
    errors = _errors(view.scored, view.board.task).head(WORST)
    if errors.empty:
        return None
    names = [str(name) for name in view.context.get("classes") or ()]
    first = next(iter(view.by_entrant))
    shown = view.by_entrant[first].drop_duplicates("id").set_index("id")
    every = view.scored.drop_duplicates("id").set_index("id")
    lines = [
        {
            "id": name,
            "formula": view.formulas.get(name, ""),
            "fold": int(every.loc[name, "fold"]) + 1,
            "target": _value(view, float(every.loc[name, "y_true"]), names),
            "predicted": _value(view, float(shown.loc[name, "y_pred"]), names) if name in shown.index else "-",
            "median": figure(float(errors.loc[name].median())),
            "least": figure(float(errors.loc[name].min())),
            "least_of": view.titles[str(errors.loc[name].idxmin())],
            "drawing": _drawing(view, name),
        }
        for name in errors.index
    ]
    return Section(
        "worst",
        t("Worst cases"),
        shown={
            "lines": lines,
            "best": view.titles[first],
            "unit": view.board.unit if view.is_regression else "",
            "is_regression": view.is_regression,
            "has_drawings": any(line["drawing"] for line in lines),
            "has_formulas": any(line["formula"] for line in lines),
            "elements": _elements(lines),
        },
        has_script=False,
    )


def _errors(predictions: pd.DataFrame, task: str) -> pd.DataFrame:
    """Rows by entrants, the worst row first; only rows that all entrants have predicted."""
    keys = predictions["model"].astype(str) + "/" + predictions["features"].astype(str)
    made = predictions.assign(key=keys, missed=_missed(predictions, task), id=predictions["id"].astype(str))
    made = made[made["model"] != DUMMY]
    table = made.pivot_table(index="id", columns="key", values="missed", aggfunc="mean").dropna()
    median = table.median(axis=1)
    if task != "regression":
        median = median[median > 0.5]  # noqa: PLR2004 - what most have right is no worst case
    return table.loc[median.sort_index().sort_values(ascending=False, kind="stable").index]


def _missed(predictions: pd.DataFrame, task: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    true, made = predictions["y_true"].to_numpy(np.float64), predictions["y_pred"].to_numpy(np.float64)
    if task == "regression":
        away: np.ndarray[Any, np.dtype[np.float64]] = np.abs(true - made)
        return away
    missed: np.ndarray[Any, np.dtype[np.float64]] = (true != made).astype(np.float64)
    codes = [int(code) for code in np.unique(true)]
    for code in codes:
        if f"probability_{code}" in predictions:
            chance = predictions[f"probability_{code}"].to_numpy(np.float64)
            known = (true == code) & ~np.isnan(chance)
            missed[known] = 1 - chance[known]
    return missed


def _value(view: View, value: float, names: Sequence[str]) -> str:
    if view.is_regression:
        return figure(value, 4)
    return names[int(value)] if int(value) < len(names) else str(int(value))


def _drawing(view: View, name: str) -> dict[str, Any] | None:
    structure = (view.context.get("structures") or {}).get(name)
    return _crystal.drawing(structure) if structure else None


def _elements(lines: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """Of all drawings, each once: symbol and colour."""
    found = {ball["symbol"]: ball["colour"] for line in lines if line["drawing"] for ball in line["drawing"]["balls"]}
    return [{"symbol": symbol, "colour": colour} for symbol, colour in sorted(found.items())]
