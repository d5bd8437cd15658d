"""What a page says of chance: intervals, rank ranges, tests of all pairs, and the diagram of mean ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_leaderboards import HIGHER_IS_BETTER, TITLES, pairwise
from automat_leaderboards.over_datasets import rank_test, ranks_of
from automat_leaderboards.significance import TESTS, complete_rows, fold_scores
from automat_leaderboards.text import p_value

from automat_reports import numbers
from automat_reports.rank_diagram import rank_diagram
from automat_reports.translation import ENGLISH

if TYPE_CHECKING:
    import pandas as pd
    from automat_leaderboards import Leaderboard, Row

    from automat_reports.translation import Translator

KEYS = ("interval_low", "rank_low", "fold_interval_low", "p_best")
"""Columns of the board's table that :func:`shown` sets."""

_FEWEST_FOLDS = 3
"""That mean ranks over folds are drawn for."""


def columns(board: Leaderboard, t: Translator = ENGLISH) -> list[dict[str, Any]]:
    """What the board's table has beside the primary metric."""
    metric = t(TITLES[board.metric])
    looks = {"heat": "", "high_is_good": board.metric in HIGHER_IS_BETTER}
    p_best = t("of the difference from the best")
    if board.tie_test:
        tested = "of the difference from the best: {test}, corrected for the number of entrants (Holm)"
        p_best = t(tested, test=t(TESTS[board.tie_test]))
    return [
        {
            "key": "interval_low",
            "title": "95%",
            "help": t(
                "95% interval of {metric}: the same fitted models on other test rows, drawn within folds", metric=metric
            ),
            **looks,
        },
        {
            "key": "rank_low",
            "title": t("ranks"),
            "help": t("where it ranks in 95% of the draws of test rows"),
            **looks,
            "high_is_good": False,
        },
        {
            "key": "fold_interval_low",
            "title": t("95% over folds"),
            "help": t(
                "95% interval of {metric} over other training rows too: Student's t over folds, with the "
                "variance corrected for the training rows that folds share",
                metric=metric,
            ),
            **looks,
            "hidden": True,
        },
        {"key": "p_best", "title": "p", "help": p_best, **looks, "hidden": True},
    ]


def values(row: Row) -> dict[str, Any]:
    """The row's figures in full, for sorting and files."""
    ranks = row.rank_range or (None, None)
    figures = (*row.interval, *row.fold_interval, row.p_best)
    names = ("interval_low", "interval_high", "fold_interval_low", "fold_interval_high", "p_best")
    return {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in zip(
        names, figures, strict=True
    )} | {"rank_low": ranks[0], "rank_high": ranks[1], "tied": row.tied}  # fmt: skip


def shown(row: Row, key: str, places: int | None) -> str:
    """A cell of one of :data:`KEYS`; ``-`` where it is not known."""
    if key == "rank_low":
        return "-" if row.rank_range is None else "–".join(str(rank) for rank in sorted(set(row.rank_range)))  # noqa: RUF001 - a range is set with an en dash
    if key == "p_best":
        return _p(row.p_best)
    low, high = row.interval if key == "interval_low" else row.fold_interval
    if not math.isfinite(low):
        return "-"
    return " – ".join(numbers.score(end, math.nan, places)["mean"] for end in (low, high))  # noqa: RUF001 - likewise


def section(board: Leaderboard, predictions: pd.DataFrame, t: Translator = ENGLISH) -> dict[str, Any]:
    """The folded section: how ties are told, every pair, and the diagram of mean ranks over folds."""
    titles = {(row.model, row.features): row.title for row in board.rows}
    rows = complete_rows(board)
    unit = board.unit if board.metric == "mae" else ""
    pairs = [
        {
            "first": _named(pair.first, titles),
            "second": _named(pair.second, titles),
            "difference": f"{pair.difference:z.3g}",
            "p_folds": _p(pair.p_folds),
            "p_rows": _p(pair.p_rows),
            "p_signed_rank": _p(pair.p_signed_rank),
            "effect": numbers.plain(pair.effect, ".2f"),
            "share": numbers.plain(pair.share, ".0%"),
        }
        for pair in pairwise(board, predictions)
    ]
    higher = board.metric in HIGHER_IS_BETTER
    enough = rows and board.folds >= _FEWEST_FOLDS
    test = rank_test(ranks_of(fold_scores(board, rows), higher_is_better=higher)) if enough else None
    return {
        "test": t(TESTS[board.tie_test]) if board.tie_test else "",
        "test_is_over_folds": board.tie_test == "folds",
        "tied": [row.title for row in board.rows if row.tied],
        "metric": t(TITLES[board.metric]),
        "unit": unit,
        "loss": t("absolute error")
        if board.task == "regression"
        else t("share of the other class's rows that it is on the wrong side of"),
        "pairs": pairs,
        "diagram": rank_diagram([row.title for row in rows], test, t) if test else None,
    }


def _named(key: tuple[str, str], titles: dict[tuple[str, str], str]) -> str:
    """The title, with the features where two entrants share it."""
    title = titles[key]
    return f"{title} ({key[1]})" if list(titles.values()).count(title) > 1 else title


def _p(value: float) -> str:
    return p_value(value).removeprefix("p ").removeprefix("= ") if math.isfinite(value) else "-"
