"""What a dataset's page shows, as plain data: the template only sets it."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from automat_leaderboards import HIGHER_IS_BETTER, TITLES, diagnoses, verdict

from automat_reports import numbers, published, significance
from automat_reports.model_page import beside
from automat_reports.sections import View, sections_of
from automat_reports.sections.worst import worst_ids
from automat_reports.thinning import thinned
from automat_reports.translation import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Diagnosis, Leaderboard, Row

    from automat_reports.translation import Translator

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00")
"""Okabe & Ito's palette, told apart by the colour-blind; black is for the dummy."""

DUMMY_COLOUR = "#777777"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "cross")

AILMENTS = ("extrapolating", "starved", "noisy_labels", "memorising", "too_simple", "unstable")
"""Findings that are counted where the diagnosis is folded."""

CONTEXT = (
    "command", "versions", "commit", "source", "licence", "citation", "notes", "generated_at", "automat_version",
    "reload_seconds", "folds_sha256", "fold_labels",
)  # fmt: skip
"""What the page says of where its figures come from; what is absent is left out."""

_BUDGET_WORDS = {
    "n_estimators": "{count} trees",
    "max_iter": "{count} trees",
    "iterations": "{count} trees",
    "epochs": "{count} epochs",
    "search_trials": "{count} trials of its own",
}

_COSTS = (
    ("featurize_seconds", "featurize s", "CPU seconds to featurize the whole dataset once", "log", False),
    ("tune_seconds", "tune s", "CPU seconds of the search, mean over folds", "log", False),
    ("fit_seconds", "fit s", "CPU seconds of the final fit, mean over folds", "log", False),
    ("predict_seconds", "predict s", "CPU seconds to predict a test fold, mean over folds", "log", False),
    (
        "peak_memory_mb",
        "memory MB",
        "how far the memory of the worker rose at its peak, libraries it had to load included; largest over folds",
        "log",
        False,
    ),
    ("folds_failed", "failed", "folds without a result", "", False),
)
"""Columns of costs: key, title, what it means, heat, and whether more is better."""


def board_page(
    board: Leaderboard, predictions: pd.DataFrame, context: Mapping[str, Any], t: Translator = ENGLISH
) -> dict[str, Any]:
    """All of the page.

    Args:
        board: the leaderboard.
        predictions: test predictions of its cells (``PREDICTION_COLUMNS``).
        context: command, versions, source, licence, citation, notes, formulas and the like.
        t: puts it in another language.
    """
    columns = [{"hidden": False, "text": False} | column for column in _columns(board, t)]
    looks = _looks(board)
    sections = sections_of(View(board, predictions, context, t))
    kept = thinned(predictions, worst_ids(predictions, board.task))
    found = diagnoses(board, predictions, **beside(context))
    n_ids, n_kept = predictions["id"].nunique(), kept["id"].nunique()
    return {
        "board": board,
        "verdict": verdict(board, t),
        "metric_title": t(TITLES[board.metric]),
        "columns": columns,
        "rows": [
            _row(board, row, columns, _places(board), t) | {"page": (context.get("model_pages") or {}).get(_key(row))}
            for row in board.rows
        ],
        "significance": significance.section(board, predictions, t),
        "published": published.section(board, columns, _places(board)),
        "diagnoses": [_diagnosis(each, t) for each in found],
        "ailments": Counter(one.name(t) for each in found for one in each.findings if one.code in AILMENTS),
        "budgets": [(row.title, budget_in_words(row.budget, t), row.budget) for row in board.rows],
        "context": {name: context.get(name) for name in CONTEXT},
        "sections": sections,
        "data": {
            "sections": {section.name: section.data for section in sections if section.data},
            "drawn": {"rows": n_kept, "of": n_ids} if n_kept < n_ids else None,
            "pages": dict(context.get("model_pages") or {}),
            "dataset": board.dataset,
            "task": board.task,
            "unit": board.unit,
            "target": board.target,
            "metric": board.metric,
            "metric_title": t(TITLES[board.metric]),
            "columns": [
                {name: column.get(name) for name in ("key", "heat", "high_is_good", "text")} for column in columns
            ],
            "titles": {name: t(TITLES[name]) for name in board.metrics},
            "higher": board.metric in HIGHER_IS_BETTER,
            "classes": _classes(board, predictions, context),
            "folds": _folds(kept, context.get("formulas", {})),
            "entrants": [_entrant(board, row, looks[_key(row)], kept, t) for row in board.rows],
            "table": [_values(board, row, t) for row in board.rows],
        },
    }


def _diagnosis(each: Diagnosis, t: Translator) -> dict[str, Any]:
    return {
        "title": each.title,
        "features": each.features,
        "caution": each.caution(t),
        "findings": [
            {"code": one.code, "name": one.name(t), "sentence": one.sentence(t), "remedy": one.remedy(t)}
            for one in each.findings
        ],
    }


def budget_in_words(budget: Mapping[str, Any], t: Translator = ENGLISH) -> str:
    """What an entrant could spend.

    >>> budget_in_words({"preset": "default", "trials": 12, "n_estimators": 500})
    '12 trials, 500 trees'
    """
    trials = int(budget.get("trials", 1))
    words = [t("{count} trials", count=trials) if trials > 1 else t("fixed parameters")]
    if "search_trials" in budget:
        count = len(budget.get("learners") or ())
        words = [t("{count} learners", count=count) if count else t("all its learners")]
    words += [t(word, count=budget[name]) for name, word in _BUDGET_WORDS.items() if name in budget]
    return ", ".join(words)


def _columns(board: Leaderboard, t: Translator) -> list[dict[str, Any]]:
    """Columns in order: key, title, what it means, and how it is heated and sorted."""
    metric = t(TITLES[board.metric])
    test = _test_columns(board, t)
    gap = t("how much worse {metric} is on test than on training rows", metric=metric)
    plain = (
        ("gap", t("gap"), gap, "linear", False),
        ("skill", t("skill"), t("share of the way from the dummy to a perfect score"), "", True),
        *((key, t(title), t(about), *looks) for key, title, about, *looks in _COSTS),
    )
    names = ("key", "title", "help", "heat", "high_is_good")
    return [
        *test[:1],
        *significance.columns(board, t),
        *test[1:],
        *_learning_columns(board, t),
        *(dict(zip(names, each, strict=True)) | {"hidden": each[0] == "predict_seconds"} for each in plain),
        {
            "key": "budget",
            "title": t("budget"),
            "help": t("what it could spend"),
            "heat": "",
            "high_is_good": True,
            "text": True,
        },
    ]


def _test_columns(board: Leaderboard, t: Translator) -> list[dict[str, Any]]:
    """Metrics on test rows, the board's own first."""
    unit = f", {board.unit}" if board.unit else ""
    return [
        {
            "key": f"test_{name}",
            "title": t(TITLES[name]) + (unit if name in {"mae", "rmse"} else ""),
            "help": t("{metric} on the test folds: mean ± standard deviation over folds", metric=t(TITLES[name])),
            "heat": "linear",
            "high_is_good": name in HIGHER_IS_BETTER,
        }
        for name in board.metrics
    ]


def _learning_columns(board: Leaderboard, t: Translator) -> list[dict[str, Any]]:
    """Metrics on the rows that were trained on, and the one that the search was judged by."""
    metric = t(TITLES[board.metric])
    train = [
        {
            "key": f"train_{name}",
            "title": t("train {metric}", metric=t(TITLES[name])),
            "help": t("{metric} on the rows that were trained on", metric=t(TITLES[name])),
            "heat": "",
            "high_is_good": name in HIGHER_IS_BETTER,
            "hidden": name != board.metric,
        }
        for name in board.metrics
    ]
    validation = {
        "key": f"validation_{board.metric}",
        "title": t("validation {metric}", metric=metric),
        "help": t("{metric} on the inner part of the training fold that the search is judged on", metric=metric),
        "heat": "",
        "high_is_good": board.metric in HIGHER_IS_BETTER,
        "hidden": True,
    }
    return [*train, validation]


def _places(board: Leaderboard) -> dict[str, int]:
    """Decimals of every metric's column: what the best entrant's spread supports."""
    best = board.best
    if best is None:
        return {}
    return {name: numbers.decimals(best.mean["test"][name], best.std["test"][name]) for name in board.metrics}


def _row(
    board: Leaderboard, row: Row, columns: Sequence[Mapping[str, Any]], places: Mapping[str, int], t: Translator
) -> dict[str, Any]:
    values = _values(board, row, t)
    return {
        "row": row,
        "key": _key(row),
        "errors": _errors(row, t),
        "best": row.rank == 1,
        "dummy": board.dummy is not None and row is board.dummy,
        "cells": [
            {"column": column, "value": values[column["key"]], "shown": _shown(board, row, column["key"], places, t)}
            for column in columns
        ],
    }


def _shown(board: Leaderboard, row: Row, key: str, places: Mapping[str, int], t: Translator) -> dict[str, str]:
    part, _, metric = key.partition("_")
    if part in row.mean and metric in row.mean[part]:
        return numbers.score(row.mean[part][metric], row.std[part][metric], places.get(metric))
    return {"mean": _text(board, row, key, places, t), "spread": ""}


def _text(board: Leaderboard, row: Row, key: str, places: Mapping[str, int], t: Translator) -> str:
    if key == "budget":
        return budget_in_words(row.budget, t)
    if key == "folds_failed":
        waiting = t("{count} to come", count=row.folds_missing) if row.folds_missing else ""
        return ", ".join(filter(None, (str(row.folds_failed or ""), waiting)))
    if key in significance.KEYS:
        return significance.shown(row, key, places.get(board.metric))
    if key == "gap":
        return numbers.score(row.gap, math.nan, places.get(board.metric))["mean"]
    value = float(getattr(row, key))
    return (
        numbers.seconds(value) if key.endswith("_seconds") else numbers.plain(value, ".3f" if key == "skill" else ".0f")
    )


def _values(board: Leaderboard, row: Row, t: Translator) -> dict[str, Any]:
    """The row's figures in full, for sorting, heat, and the files of the view."""
    values: dict[str, Any] = {
        "rank": row.rank,
        "model": row.model,
        "title": row.title,
        "features": row.features,
    }
    shown = [(part, name) for part in ("test", "train") for name in board.metrics]
    for part, name in [*shown, ("validation", board.metric)]:
        values[f"{part}_{name}"] = _finite(row.mean[part][name])
        values[f"{part}_{name}_std"] = _finite(row.std[part][name])
    for name in (
        "gap", "skill", "featurize_seconds", "tune_seconds", "fit_seconds", "predict_seconds", "peak_memory_mb",
    ):  # fmt: skip
        values[name] = _finite(getattr(row, name))
    return (
        values
        | significance.values(row)
        | {
            "folds_failed": row.folds_failed,
            "budget": budget_in_words(row.budget, t),
            "errors": "; ".join(_errors(row, t)),
        }
    )


def _classes(board: Leaderboard, predictions: pd.DataFrame, context: Mapping[str, Any]) -> list[str]:
    """Names of the classes; their codes where nobody named them."""
    named = [str(name) for name in context.get("classes", ())]
    if named or board.task == "regression" or predictions.empty:
        return named
    return [str(code) for code in range(int(predictions[["y_true", "y_pred"]].max().max()) + 1)]


def _folds(predictions: pd.DataFrame, formulas: Mapping[str, str]) -> dict[int, dict[str, Any]]:
    """Names and targets of every fold's test rows, once for all entrants."""
    folds = {}
    for fold, group in predictions.groupby("fold"):
        first = group[group["cell"] == group["cell"].iloc[0]].sort_values("id", kind="stable")
        ids = [str(name) for name in first["id"]]
        folds[int(str(fold))] = {
            "ids": ids,
            "formulas": [formulas.get(name, "") for name in ids] if formulas else [],
            "true": numbers.rounded(first["y_true"]),
        }
    return folds


def _entrant(
    board: Leaderboard, row: Row, look: Mapping[str, str], predictions: pd.DataFrame, t: Translator
) -> dict[str, Any]:
    mine = predictions[(predictions["model"] == row.model) & (predictions["features"] == row.features)]
    by_fold = {int(str(fold)): group.sort_values("id", kind="stable") for fold, group in mine.groupby("fold")}
    return {
        "key": _key(row),
        "title": row.title,
        "model": row.model,
        "features": row.features,
        **look,
        "cost": _finite(row.tune_seconds + row.fit_seconds),
        "mean": _finite(row.mean["test"][board.metric]),
        "errors": _errors(row, t),
        "budget": dict(row.budget),
        "folds": [
            {
                "fold": fold.fold,
                "scores": {
                    part: {name: _finite(value) for name, value in scores.items()}
                    for part, scores in fold.scores.items()
                },
                "params": dict(fold.params),
                "details": dict(fold.details),
            }
            for fold in row.folds
        ],
        "predicted": {fold: numbers.rounded(group["y_pred"]) for fold, group in by_fold.items()},
        "probability": {fold: numbers.rounded(group["probability"]) for fold, group in by_fold.items()}
        if board.task == "classification"
        else {},
    }


def _looks(board: Leaderboard) -> dict[str, dict[str, str]]:
    """One colour and symbol an entrant, the same on every chart and every page: by name, not by rank."""
    names = sorted({row.model for row in board.rows if row.model != "dummy"})
    looks = {
        name: {
            "colour": COLOURS[place % len(COLOURS)],
            "symbol": SYMBOLS[place // len(COLOURS) % len(SYMBOLS)],
        }
        for place, name in enumerate(names)
    } | {"dummy": {"colour": DUMMY_COLOUR, "symbol": "line-ns-open"}}
    return {_key(row): looks[row.model] for row in board.rows}


def _errors(row: Row, t: Translator) -> list[str]:
    """Why folds have no result, a line each."""
    failed = [fold for fold in row.folds if fold.status != "ok"]
    return [t("fold {number}: {reason}", number=fold.fold + 1, reason=fold.error) for fold in failed]


def _key(row: Row) -> str:
    return f"{row.model}/{row.features}"


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
