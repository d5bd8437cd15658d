"""What records say of what an entrant leans on, ready to be set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_reports import numbers
from automat_reports.feature_words import feature_words, group_words
from automat_reports.sections._base import figure
from automat_reports.sections._periodic import PLACES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automat_leaderboards import Leaderboard, Row

    from automat_reports.translation import Translator


REFUSALS = (
    "its predictions take too long to be asked again",
    "it has no columns, and its predictions are no sum over atoms",
)
"""Reasons for nothing to show that have a translation; another is shown as it is."""


def learned(board: Leaderboard, row: Row, t: Translator) -> dict[str, Any] | None:
    """What it leans on, of the fold that was asked; None where no record says."""
    fold = next((fold for fold in row.folds if fold.details.get("learned")), None)
    if fold is None:
        return None
    found = fold.details["learned"]
    refused = str(found.get("refused", ""))
    permutation, shapley = found.get("permutation"), found.get("shapley")
    unit = f", {board.unit}" if board.unit and board.task == "regression" else ""
    elements = found.get("elements") or []
    return {
        "fold": fold.fold + 1,
        "seconds": numbers.seconds(float(found.get("seconds") or math.nan)),
        "refused": t(refused) if refused in REFUSALS else refused,
        "unit": unit,
        "permutation": permutation
        and {
            "rows": permutation["rows"],
            "columns": permutation["columns"],
            "screened_on": permutation["screened_on"],
            # Records of before it was told do not say, but that is how it was.
            "screened_apart": permutation.get(
                "screened_apart", fold.n_test >= permutation["rows"] + permutation["screened_on"]
            ),
            "error": t(permutation["error"]),
            "baseline": figure(permutation["baseline"]),
            "groups": bars(
                [
                    (group_words(each["name"], t), each["name"], each["rise"], each["sure"])
                    for each in permutation["groups"]
                ]
            ),
            "features": bars(
                [
                    (feature_words(each["name"], t), each["name"], each["rise"], each["sure"])
                    for each in permutation["features"]
                ]
            ),
        },
        "shapley_refused": (shapley or {}).get("refused", ""),
        "shapley": None
        if not shapley or "refused" in shapley
        else {
            **{name: shapley[name] for name in ("rows", "trees", "of_trees")},
            "features": bars(
                [(feature_words(each["name"], t), each["name"], each["mean"], None) for each in shapley["features"]]
            ),
        },
        "elements": _elements(elements),
    }


def bars(lines: Sequence[tuple[str, str, float, float | None]]) -> list[dict[str, Any]]:
    """Bars of a share of the longest: words, label, value, how sure, and how long in percent."""
    top = max((value for _, _, value, _ in lines), default=0.0)
    return [
        {"words": words, "label": label, "length": round(100 * max(value, 0.0) / top, 1) if top > 0 else 0.0}
        | _shown(value, sure)
        for words, label, value, sure in lines
    ]


def _shown(value: float, sure: float | None) -> dict[str, str]:
    """As many digits as its standard error supports."""
    if sure is None or not math.isfinite(sure):
        return {"value": figure(value), "sure": ""}
    said = numbers.score(value, sure)
    return {"value": said["mean"], "sure": said["spread"]}


def _elements(found: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The periodic table: every element's place, and how its mean lies between the extremes, from -1 to 1."""
    if not found:
        return None
    by_symbol = {each["symbol"]: each for each in found}
    average = sum(each["mean"] * each["atoms"] for each in found) / sum(each["atoms"] for each in found)
    # A rare element would stretch the colours of all others.
    sizes = sorted(abs(each["mean"] - average) for each in found)
    top = sizes[math.ceil(0.95 * (len(sizes) - 1))] or 1.0
    cells = []
    for symbol, (line, column) in PLACES.items():
        each = by_symbol.get(symbol)
        lean = None if each is None else max(-1.0, min(1.0, (each["mean"] - average) / top))
        cells.append(
            {
                "symbol": symbol,
                "line": line + 1,
                "column": column + 1,
                "value": figure(each["mean"], 2) if each else "",
                "atoms": each["atoms"] if each else 0,
                "lean": None if lean is None else round(lean, 2),
            }
        )
    return {
        "cells": cells,
        "average": figure(average),
        "lines": [{**each, "mean": figure(each["mean"])} for each in found],
    }
