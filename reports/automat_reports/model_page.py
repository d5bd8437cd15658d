"""What an entrant's page shows, as plain data: how it was found, how it did, what it learned, what it is for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES, diagnoses

from automat_reports import model_card, model_charts, numbers
from automat_reports.sections._base import figure
from automat_reports.sections._learned import learned
from automat_reports.translation import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Diagnosis, FoldResult, Leaderboard, Row

    from automat_reports.translation import Translator

PARTS = ("train", "validation", "test")

STATUSES = {"failed": "failed", "timeout": "timeout", "out_of_memory": "out of memory"}
"""Of folds without a result, in words."""


def model_page(
    board: Leaderboard,
    row: Row,
    predictions: pd.DataFrame,
    context: Mapping[str, Any],
    t: Translator = ENGLISH,
    *,
    diagnosis: Diagnosis | None = None,
) -> dict[str, Any]:
    """All of the page of one entrant.

    Args:
        board: the leaderboard that it stands on.
        row: the entrant.
        predictions: test predictions of the board's cells (``PREDICTION_COLUMNS``).
        context: what the board's page says beside its figures; ``models`` has the entrants' licences and citations.
        t: puts it in another language.
        diagnosis: of the entrant; made here when None, which takes those of all.
    """
    mine = predictions[(predictions["model"] == row.model) & (predictions["features"] == row.features)]
    found = diagnosis or _diagnosis(board, row, predictions, context)
    done = [fold for fold in row.folds if fold.scores]
    return {
        "board": board,
        "row": row,
        "sentence": model_card.sentence(board, row, t),
        "metric": t(TITLES[board.metric]),
        "errors": [
            t("fold {number}: {reason}", number=fold.fold + 1, reason=fold.error)
            for fold in row.folds
            if not fold.scores
        ],
        "findings": [
            {"name": one.name(t), "sentence": one.sentence(t), "remedy": one.remedy(t)} for one in found.findings
        ],
        "caution": found.caution(t),
        "scores": _scores(board, row, t),
        "folds": [_fold(board, fold, context, t) for fold in row.folds],
        "folds_chart": model_charts.folds_chart(board, row, t),
        "parameters": _parameters(row, done),
        "search": model_charts.search_charts(board, row, t),
        "trials": [_trials(fold) for fold in done if fold.details.get("search")],
        "comparison": [_comparison(fold) for fold in done if fold.details.get("comparison")],
        "epochs": model_charts.epochs_chart(board, row, t),
        "parity": model_charts.parity_chart(board, mine, t),
        "learned": learned(board, row, t),
        "cost": model_card.cost(board, row, t),
        "card": model_card.card(board, row, mine, context, t),
        "fold_colours": [(fold.fold + 1, model_charts.fold_colour(fold.fold)) for fold in done],
        "part_colours": [(t(part), model_charts.PART_COLOURS[part]) for part in PARTS],
    }


def _diagnosis(board: Leaderboard, row: Row, predictions: pd.DataFrame, context: Mapping[str, Any]) -> Diagnosis:
    every = diagnoses(board, predictions, **beside(context))
    return next(each for each in every if (each.model, each.features) == (row.model, row.features))


def beside(context: Mapping[str, Any]) -> dict[str, Any]:
    """What diagnoses know beside the board: the random split's board, and learning curves."""
    curves = {
        (curve["model"], curve["features"]): {
            size: mean
            for size, mean in zip((context.get("learning") or {})["sizes"], curve["mean"], strict=True)
            if mean is not None
        }
        for curve in (context.get("learning") or {}).get("curves", ())
    }
    return {"beside": context.get("random_board"), "curves": curves}


def _scores(board: Leaderboard, row: Row, t: Translator) -> list[dict[str, Any]]:
    """A line a metric: training, validation and test, mean and spread over folds."""
    lines = []
    for name in board.metrics:
        cells = [numbers.score(row.mean[part][name], row.std[part][name]) for part in PARTS]
        lines.append(
            {
                "title": t(TITLES[name]) + (f", {board.unit}" if board.unit and name in {"mae", "rmse"} else ""),
                "cells": cells,
            }
        )
    return lines


def _fold(board: Leaderboard, fold: FoldResult, context: Mapping[str, Any], t: Translator) -> dict[str, Any]:
    labels = context.get("fold_labels") or {}
    return {
        "number": fold.fold + 1,
        "label": labels.get(str(fold.fold), ""),
        "is_done": fold.status == "ok",
        "status": t(STATUSES.get(fold.status, "failed")),
        "error": fold.error,
        "rows": (fold.n_train, fold.n_test),
        "scores": [figure(fold.scores.get(part, {}).get(board.metric, math.nan)) for part in PARTS],
        "seconds": [numbers.seconds(each) for each in (fold.tune_seconds, fold.fit_seconds, fold.predict_seconds)],
        "memory": numbers.plain(fold.peak_memory_mb, ".0f"),
    }


def _parameters(row: Row, done: Sequence[FoldResult]) -> dict[str, Any]:
    """Parameters by fold, and whether the search chose them or the budget set them."""
    searched = set(model_charts.varied(row))
    names = dict.fromkeys(name for fold in done for name in fold.params)
    return {
        "folds": [fold.fold + 1 for fold in done],
        "lines": [
            {
                "name": name,
                "searched": name in searched,
                "budget": name in row.budget,
                "cells": [_shown(fold.params.get(name)) for fold in done],
            }
            for name in names
        ],
    }


def _trials(fold: FoldResult) -> dict[str, Any]:
    search = fold.details["search"]
    names = list(dict.fromkeys(name for trial in search for name in trial["params"]))
    return {
        "fold": fold.fold + 1,
        "names": names,
        "lines": [
            {
                "number": int(trial["number"]) + 1,
                "value": figure(trial.get("value"), 4),
                "params": [_shown(trial["params"].get(name)) for name in names],
                "error": trial.get("error", ""),
                "pruned": trial.get("pruned_after"),
            }
            for trial in search
        ],
    }


def _comparison(fold: FoldResult) -> dict[str, Any]:
    lines = fold.details["comparison"]
    heads = list(lines[0])
    return {
        "fold": fold.fold + 1,
        "heads": heads,
        "lines": [[_shown(line.get(head)) for head in heads] for line in lines],
        "final": str(fold.details.get("final", "")),
    }


def _shown(value: Any) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - nothing there
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"  # noqa: RUF001 - likewise
    return str(value)
