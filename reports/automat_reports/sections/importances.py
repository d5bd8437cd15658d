"""What the best entrants lean on: the features whose loss costs them most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_reports.feature_words import feature_words, group_words
from automat_reports.sections._base import DUMMY, Section, View, key_of
from automat_reports.sections._learned import bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat_leaderboards import Row

_ENTRANTS = 3
_FEATURES = 10


def section(view: View) -> Section | None:
    """Where records say what models lean on."""
    t = view.t
    told = [
        (row, permutation)
        for row in view.board.rows
        if key_of(row) in view.titles and row.model != DUMMY and (permutation := _permutation(row))
    ]
    if not told:
        return None
    pages = view.context.get("model_pages") or {}
    lines = [_line(view, row, permutation, pages) for row, permutation in told[:_ENTRANTS]]
    unit = f", {view.board.unit}" if view.board.unit and view.is_regression else ""
    return Section(
        "importances",
        t("What the best entrants lean on"),
        shown={
            "lines": lines,
            "error": t(told[0][1]["error"]),
            "unit": unit,
            "groups": any(line["groups"] for line in lines),
        },
        has_script=False,
    )


def _permutation(row: Row) -> Mapping[str, Any] | None:
    """Of the fold that was asked."""
    found = ((fold.details.get("learned") or {}).get("permutation") for fold in row.folds)
    return next((each for each in found if each and each["features"]), None)


def _line(view: View, row: Row, permutation: Mapping[str, Any], pages: Mapping[str, str]) -> dict[str, Any]:
    t = view.t

    def of(kind: str, words: Any, count: int) -> list[dict[str, Any]]:
        chosen = permutation[kind][:count]
        return bars([(words(each["name"], t), each["name"], each["rise"], each["sure"]) for each in chosen])

    return {
        "title": view.titles[key_of(row)],
        "page": pages.get(key_of(row)),
        "rows": permutation["rows"],
        "groups": of("groups", group_words, _FEATURES),
        "features": of("features", feature_words, _FEATURES),
    }
