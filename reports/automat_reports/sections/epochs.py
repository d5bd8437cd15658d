"""How networks learned: error by epoch, in training and on the rows that choose the epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_reports.sections._base import Section, View, figure, key_of

if TYPE_CHECKING:
    from automat_leaderboards import Row


def section(view: View) -> Section | None:
    """Where an entrant kept its epochs."""
    t = view.t
    rows = [row for row in view.board.rows if key_of(row) in view.titles and _folds(row)]
    if not rows:
        return None
    unit = f"MAE, {view.board.unit}" if view.is_regression and view.board.unit else "MAE"
    return Section(
        "epochs",
        t("Epoch curves"),
        shown={"lines": [line for row in rows for line in _lines(view.titles[key_of(row)], row)]},
        data={
            "entrants": {key_of(row): view.titles[key_of(row)] for row in rows},
            "measure": unit if view.is_regression else t("log loss"),
        },
    )


def _folds(row: Row) -> list[Any]:
    return [fold for fold in row.folds if (fold.details.get("epochs") or {}).get("train")]


def _lines(title: str, row: Row) -> list[dict[str, Any]]:
    """Of each fold: the epochs, which one was best, and what followed."""
    lines = []
    for fold in _folds(row):
        train = fold.details["epochs"]["train"]
        held = [math.nan if value is None else float(value) for value in fold.details["epochs"].get("validation") or ()]
        known = [place for place, value in enumerate(held) if math.isfinite(value)]
        best = min(known, key=held.__getitem__) if known else None
        lines.append(
            {
                "title": title,
                "fold": fold.fold + 1,
                "epochs": len(train),
                "train": figure(train[-1]),
                "best": "-" if best is None else str(best + 1),
                "at_best": figure(None if best is None else held[best]),
                "last": figure(held[known[-1]] if known else None),
            }
        )
    return lines
