"""Errors by element: the mean over all test materials that hold it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from automat_reports.sections._base import Section, View, figure, rounded
from automat_reports.sections._periodic import PLACES

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYMBOL = re.compile(r"[A-Z][a-z]?")


def section(view: View) -> Section | None:
    """Where rows have formulas and predictions are stored."""
    t = view.t
    if not view.formulas or not view.by_entrant:
        return None
    held = _held(view.formulas, set(view.scored["id"]))
    if held.empty:
        return None
    ids = view.scored["id"].drop_duplicates()
    counts = held[held["id"].isin(ids)].groupby("element").size()
    symbols = sorted(counts.index, key=lambda symbol: (-int(counts[symbol]), symbol))
    errors = {}
    for key, rows in view.by_entrant.items():
        of_id = rows.groupby("id")["error"].mean()
        joined = held.assign(error=held["id"].map(of_id)).dropna(subset="error")
        errors[key] = rounded(joined.groupby("element")["error"].mean().reindex(symbols).to_numpy())
    return Section(
        "elements",
        t("Error by element"),
        shown={
            "unit": view.board.unit if view.is_regression else "",
            "is_regression": view.is_regression,
            "heads": [view.titles[key] for key in errors],
            "lines": [
                {
                    "symbol": symbol,
                    "count": f"{int(counts[symbol]):,}",
                    "errors": [figure(errors[key][place]) for key in errors],
                }
                for place, symbol in enumerate(symbols)
            ],
        },
        data={
            "symbols": symbols,
            "counts": [int(counts[symbol]) for symbol in symbols],
            "places": [list(PLACES[symbol]) for symbol in symbols],
            "all": [[symbol, *place] for symbol, place in PLACES.items()],
            "errors": errors,
        },
    )


def _held(formulas: Mapping[str, str], ids: set[str]) -> pd.DataFrame:
    """Ids by the elements that their formulas hold."""
    pairs = [
        (name, symbol)
        for name, formula in formulas.items()
        if name in ids
        for symbol in dict.fromkeys(_SYMBOL.findall(formula))
        if symbol in PLACES
    ]
    return pd.DataFrame(pairs, columns=["id", "element"])
