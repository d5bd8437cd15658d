"""What the searches tried: the score by each parameter, and the best so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_leaderboards import HIGHER_IS_BETTER, TITLES

from automat_reports.sections._base import Section, View, figure, key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from automat_leaderboards import FoldResult, Row

_FEWEST = 2
"""Trials with a score that make a search worth drawing."""


def section(view: View) -> Section | None:
    """Where an entrant was searched."""
    t = view.t
    rows = [row for row in view.board.rows if key_of(row) in view.titles]
    searched = {key_of(row): names for row in rows if (names := _varied(row))}
    if not searched:
        return None
    metric, higher = view.board.metric, view.board.metric in HIGHER_IS_BETTER
    return Section(
        "validation",
        t("Validation curves"),
        shown={
            "metric": t(TITLES[metric]),
            "lines": [_line(view.titles[key_of(row)], row, higher=higher) for row in rows if key_of(row) in searched],
        },
        data={"entrants": searched, "titles": {key: view.titles[key] for key in searched}, "higher": higher},
    )


def _trials(fold: FoldResult) -> list[Mapping[str, Any]]:
    """Those with a score."""
    return [trial for trial in fold.details.get("search") or () if trial.get("value") is not None]


def _varied(row: Row) -> list[str]:
    """Parameters that took more than one value within some fold's search."""
    names: dict[str, None] = {}
    for fold in row.folds:
        trials = _trials(fold)
        if len(trials) < _FEWEST:
            continue
        for name in dict.fromkeys(name for trial in trials for name in trial["params"]):
            if len({str(trial["params"].get(name)) for trial in trials}) > 1:
                names[name] = None
    return list(names)


def _line(title: str, row: Row, *, higher: bool) -> dict[str, Any]:
    """How much the search gained over its first trial, over folds."""
    best = max if higher else min
    gains = []
    for fold in row.folds:
        values = [float(trial["value"]) for trial in _trials(fold)]
        if len(values) >= _FEWEST:
            gains.append((values[0], best(values), len(values)))
    return {
        "title": title,
        "trials": _range([count for _, _, count in gains]),
        "first": figure(sum(first for first, _, _ in gains) / len(gains)),
        "best": figure(sum(found for _, found, _ in gains) / len(gains)),
    }


def _range(counts: Sequence[int]) -> str:
    return "–".join(str(count) for count in sorted({min(counts), max(counts)}))  # noqa: RUF001 - a range is set with an en dash
