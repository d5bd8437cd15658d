"""A leaderboard as a table, CSV, JSON, and one sentence."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Protocol

from automat_leaderboards.board import DUMMY
from automat_leaderboards.metrics import HIGHER_IS_BETTER
from automat_leaderboards.significance import TESTS

if TYPE_CHECKING:
    import pandas as pd

    from automat_leaderboards.board import Leaderboard, Row
    from automat_leaderboards.over_datasets import Overview


class Translate(Protocol):
    """English text and the values of its ``{names}`` to what is shown, in whichever language."""

    def __call__(self, text: str, /, **values: Any) -> str:
        """The text with its values in their places."""


def plain(text: str, /, **values: Any) -> str:
    """English as it is.

    >>> plain("{count} rows", count=442)
    '442 rows'
    """
    return text.format(**values) if values else text


TITLES = {
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R2",
    "roc_auc": "ROC-AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
}
"""Metrics as people write them."""

_CHEAP_ENOUGH = 0.2
"""A model counts as cheap when it needs at most this share of the best's tuning and fitting time."""

_CLOSE_ENOUGH = 0.9
"""A cheap model comes close when it has at least this share of the best's skill against the dummy."""

_MOST_NAMED = 3
"""So many of the entrants that are tied with the best are named."""

_SMALLEST_P = 0.001
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")


def to_frame(board: Leaderboard) -> pd.DataFrame:
    """One row an entrant, best first; columns ``test_mae``, ``test_mae_std`` and so on."""
    import pandas as pd

    return pd.DataFrame([_flat(board, row) for row in board.rows])


def to_csv(board: Leaderboard) -> str:
    """The table as CSV. Text that a spreadsheet would run as a formula gets a leading apostrophe."""
    frame = to_frame(board)
    for column in frame.select_dtypes("object"):
        frame[column] = frame[column].map(_harmless)
    return str(frame.to_csv(index=False))


def to_json(board: Leaderboard) -> str:
    """The board's facts and its rows as JSON; what is not defined is null."""
    facts = (
        "dataset",
        "dataset_sha256",
        "target",
        "unit",
        "task",
        "metric",
        "split",
        "folds",
        "split_seed",
        "seed",
        "preset",
        "n_rows",
        "tie_test",
    )
    rows = [{name: _plain(value) for name, value in _flat(board, row).items()} for row in board.rows]
    content = {name: getattr(board, name) for name in facts} | {"verdict": verdict(board), "rows": rows}
    return json.dumps(content, indent=1, allow_nan=False)


def verdict(board: Leaderboard, t: Translate = plain) -> str:
    """Who is first, by how much, whether that may be chance, and what failed.

    Args:
        board: the leaderboard.
        t: puts it in another language.
    """
    failed = sum(row.folds_failed for row in board.rows)
    best = board.best
    if best is None:
        return t("No entrant finished on {dataset}: all {failed} cells failed.", dataset=board.dataset, failed=failed)
    metric = board.metric
    value, spread = best.mean["test"][metric], best.std["test"][metric]
    unit = f" {board.unit}" if board.unit and metric == "mae" else ""
    over = f" ± {spread:.2g}" if not math.isnan(spread) else ""
    lead = _lead(board, unit, t)
    sentences = [
        t(
            "{title} ({features}) is first on {dataset} with {metric} {value}{lead}."
            if lead
            else "{title} ({features}) is first on {dataset} with {metric} {value}.",
            title=best.title,
            features=best.features,
            dataset=board.dataset,
            metric=t(TITLES[metric]),
            value=f"{value:.4g}{over}{unit}",
            lead=lead,
        )
    ]
    if best.model == DUMMY and len(board.rows) > 1:
        sentences.append(t("No entrant beats the dummy."))
    elif best.model != DUMMY and not math.isnan(best.skill):
        share = f"{best.skill:.0%}"
        sentences.append(t("It closes {share} of the distance from the dummy to a perfect score.", share=share))
    sentences.append(_cheap_rival(board, best, t))
    if failed:
        sentences.append(t("1 cell failed.") if failed == 1 else t("{count} cells failed.", count=failed))
    missing = sum(row.folds_missing for row in board.rows)
    if missing:
        some = t("{count} cells are still to come.", count=missing)
        sentences.append(t("1 cell is still to come.") if missing == 1 else some)
    return " ".join(filter(None, sentences))


def rank_verdict(overview: Overview) -> str:
    """Whether mean ranks over datasets differ, and who cannot be told from the best; empty without a test."""
    test = overview.test
    if test is None:
        return ""
    titles = {each.model: each.title for each in overview.standings}
    near = [
        titles[model]
        for model, rank in zip(overview.ranked, test.ranks, strict=True)
        if rank - test.ranks[0] <= test.critical_difference
    ][1:]
    first = titles[overview.ranked[0]]
    told = (
        "nobody"
        if len(near) == len(overview.ranked) - 1
        else f"all but {_listed(near, plain)}"
        if near
        else "everybody"
    )
    return (
        f"Mean ranks over {test.n_blocks} datasets: Friedman with Iman and Davenport's F, {p_value(test.p)}; Nemenyi's "
        f"critical difference {test.critical_difference:.2f} (5%) tells {told} apart from {first}."
    )


def _lead(board: Leaderboard, unit: str, t: Translate) -> str:
    """How far the first is ahead, and whether that says anything."""
    first, metric = board.rows[0], board.metric
    others = [row for row in board.rows[1:] if row.rank is not None]
    if not others:
        return ""
    second = others[0]
    if second.folds_failed or second.folds_missing:
        complete = not first.folds_failed and not first.folds_missing
        return t(", the only entrant that finished every fold") if complete else t(", on the folds that finished")
    lead = f"{abs(second.mean['test'][metric] - first.mean['test'][metric]):.2g}{unit}"
    test = f"{t(TESTS[board.tie_test])}, Holm" if board.tie_test else ""
    tied = [row for row in board.rows if row.tied]
    about = {"lead": lead, "second": second.title}
    if tied:
        named = [f"{t('it') if row is second else row.title} ({p_value(row.p_best)})" for row in tied[:_MOST_NAMED]]
        more = [t("{count} more", count=len(tied) - _MOST_NAMED)] if len(tied) > _MOST_NAMED else []
        names = _listed([*named, *more], t)
        return t(", {lead} ahead of {second}, but tied with {names} by the {test}", **about, names=names, test=test)
    if not math.isnan(second.p_best):
        return t(", {lead} ahead of {second} ({p}, {test})", **about, p=p_value(second.p_best), test=test)
    if board.folds == 1:
        return t(", {lead} ahead of {second}, one fold does not tell whether by chance", **about)
    return t(", {lead} ahead of {second}, {folds} folds do not tell whether by chance", **about, folds=board.folds)


def p_value(value: float) -> str:
    """A p-value as people write it.

    >>> p_value(0.0412), p_value(0.00001), p_value(1.0)
    ('p = 0.041', 'p < 0.001', 'p = 1')
    """
    return "p < 0.001" if value < _SMALLEST_P else f"p = {value:.2g}"


def _cheap_rival(board: Leaderboard, best: Row, t: Translate) -> str:
    """A remark on the first entrant that comes close at a fraction of the winner's cost."""
    cost = best.tune_seconds + best.fit_seconds
    metric = board.metric
    for row in board.rows[1:]:
        theirs = row.tune_seconds + row.fit_seconds
        if row.rank is None or row.model == DUMMY or not theirs <= _CHEAP_ENOUGH * cost or cost <= 0:
            continue
        if _is_close(board, row, best):
            value = row.mean["test"][metric]
            worse = abs(value - best.mean["test"][metric])
            lower = metric in HIGHER_IS_BETTER
            return t(
                "{title} comes close, {value} ({worse} lower), with {share} of its tuning and fitting time."
                if lower
                else "{title} comes close, {value} ({worse} higher), with {share} of its tuning and fitting time.",
                title=row.title,
                value=f"{value:.4g}",
                worse=f"{worse:.2g}",
                share=f"{theirs / cost:.0%}",
            )
    return ""


def _is_close(board: Leaderboard, row: Row, best: Row) -> bool:
    """By skill against the dummy; where no dummy ran, by the score itself."""
    if not math.isnan(row.skill) and not math.isnan(best.skill):
        return row.skill >= _CLOSE_ENOUGH * best.skill
    value, first = (each.mean["test"][board.metric] for each in (row, best))
    return abs(value - first) <= (1 - _CLOSE_ENOUGH) * abs(first)


def _flat(board: Leaderboard, row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "rank": row.rank,
        "model": row.model,
        "title": row.title,
        "features": row.features,
    }
    for part in ("test", "train", "validation"):
        for metric in board.metrics:
            flat[f"{part}_{metric}"] = row.mean[part][metric]
            flat[f"{part}_{metric}_std"] = row.std[part][metric]
    for name in (
        "gap", "skill", "featurize_seconds", "tune_seconds", "fit_seconds", "predict_seconds",
        "peak_memory_mb", "folds_ok", "folds_failed", "folds_missing", "tied", "p_best",
    ):  # fmt: skip
        flat[name] = getattr(row, name)
    flat["interval_low"], flat["interval_high"] = row.interval
    flat["fold_interval_low"], flat["fold_interval_high"] = row.fold_interval
    flat["rank_low"], flat["rank_high"] = row.rank_range or (None, None)
    return flat | {"errors": "; ".join(row.errors), "budget": json.dumps(dict(row.budget))}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # A bare carriage return is not quoted, but ends a line for who reads the file.
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _listed(names: list[str], t: Translate) -> str:
    if len(names) == 1:
        return names[0]
    return t("{names} and {last}", names=", ".join(names[:-1]), last=names[-1])
