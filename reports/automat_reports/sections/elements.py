"""Errors by element: the mean over all test materials that hold it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from automat_reports.sections._base import Section, View, figure, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS = (
    "H . . . . . . . . . . . . . . . . He",
    "Li Be . . . . . . . . . . B C N O F Ne",
    "Na Mg . . . . . . . . . . Al Si P S Cl Ar",
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
    "Cs Ba . Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
    "Fr Ra . Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og",
    ". . . . . . . . . . . . . . . . . .",
    ". . La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .",
    ". . Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr .",
)
"""The periodic table as it is drawn: lanthanides and actinides below."""

PLACES: Mapping[str, tuple[int, int]] = {
    symbol: (row, column)
    for row, line in enumerate(_ROWS)
    for column, symbol in enumerate(line.split())
    if symbol != "."
}
"""Symbol to row and column."""

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
