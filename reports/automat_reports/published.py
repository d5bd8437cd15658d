"""Published figures below a board's own rows, switched on by the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_leaderboards import published

from automat_reports import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automat_leaderboards import Leaderboard
    from automat_leaderboards.published import PublishedRow

_OF_LABELS = {"roc_auc": published.ROC_AUC_OF_LABELS}
"""A column of ours to the figure that stands in it with a mark, for it is another one."""


def section(
    board: Leaderboard, columns: Sequence[Mapping[str, Any]], places: Mapping[str, int]
) -> dict[str, Any] | None:
    """Rows with a cell for each of the table's columns, and what is to be known of them; None where there are none.

    Args:
        board: the leaderboard.
        columns: of its table.
        places: decimals of every metric's column.
    """
    rows = published.beside(board)
    if not rows:
        return None
    return {
        "rows": [{"row": row, "cells": [_cell(row, column, places) for column in columns]} for row in rows],
        "help": "figures of Matbench's leaderboard on the same folds; not run here, and not ranked",
        "labels_note": published.LABELS_NOTE if board.task == "classification" else "",
        "spread_note": published.SPREAD_NOTE,
    }


def _cell(row: PublishedRow, column: Mapping[str, Any], places: Mapping[str, int]) -> dict[str, Any]:
    part, _, metric = str(column["key"]).partition("_")
    name = _OF_LABELS.get(metric, metric)
    shown = None
    if part == "test" and name in row.mean:
        shown = numbers.score(row.mean[name], row.std[name], places.get(metric))
    return {"column": column, "shown": shown, "of_labels": shown is not None and metric in _OF_LABELS}
