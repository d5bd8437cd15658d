"""A leaderboard as a table, CSV, JSON, and one sentence."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from automat_leaderboards.board import DUMMY
from automat_leaderboards.metrics import HIGHER_IS_BETTER

if TYPE_CHECKING:
    import pandas as pd

    from automat_leaderboards.board import Leaderboard, Row

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

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
    )
    rows = [{name: _plain(value) for name, value in _flat(board, row).items()} for row in board.rows]
    content = {name: getattr(board, name) for name in facts} | {
        "preset": board.preset, "n_rows": board.n_rows, "verdict": verdict(board), "rows": rows,
    }  # fmt: skip
    return json.dumps(content, indent=1, allow_nan=False)


def verdict(board: Leaderboard) -> str:
    """Who is first, by how much, whether that exceeds the spread over folds, and what failed."""
    failed = sum(row.folds_failed for row in board.rows)
    best = board.best
    if best is None:
        return f"No entrant finished on {board.dataset}: all {failed} cells failed."
    metric, title = board.metric, TITLES[board.metric]
    value, spread = best.mean["test"][metric], best.std["test"][metric]
    unit = f" {board.unit}" if board.unit and metric == "mae" else ""
    over = f" ± {spread:.2g}" if not math.isnan(spread) else ""
    sentence = f"{best.title} ({best.features}) is first on {board.dataset} with {title} {value:.4g}{over}{unit}"
    sentence += _lead(board, unit) + "."
    if best.model == DUMMY and len(board.rows) > 1:
        sentence += " No entrant beats the dummy."
    elif best.model != DUMMY and not math.isnan(best.skill):
        sentence += f" It closes {best.skill:.0%} of the distance from the dummy to a perfect score."
    sentence += _cheap_rival(board, best)
    if failed:
        sentence += f" {failed} cell{'s' if failed > 1 else ''} failed."
    missing = sum(row.folds_missing for row in board.rows)
    if missing:
        sentence += f" {missing} cell{'s are' if missing > 1 else ' is'} still to come."
    return sentence


def _lead(board: Leaderboard, unit: str) -> str:
    """How far the first is ahead, and whether that says anything."""
    first, metric = board.rows[0], board.metric
    tied = [row.title for row in board.rows if row.tied]
    if tied:
        return f"; {_listed(tied)} {'is' if len(tied) == 1 else 'are'} within its standard error"
    others = [row for row in board.rows[1:] if row.rank is not None]
    if not others:
        return ""
    second = others[0]
    if second.folds_failed or second.folds_missing:
        complete = not first.folds_failed and not first.folds_missing
        return ", the only entrant that finished every fold" if complete else ", on the folds that finished"
    lead = abs(second.mean["test"][metric] - first.mean["test"][metric])
    judged = (
        "one fold does not tell whether by chance"
        if math.isnan(first.std["test"][metric])
        else "more than its standard error"
    )
    return f", {lead:.2g}{unit} ahead of {second.title}, {judged}"


def _cheap_rival(board: Leaderboard, best: Row) -> str:
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
            side = "lower" if metric in HIGHER_IS_BETTER else "higher"
            return (
                f" {row.title} comes close, {value:.4g} ({worse:.2g} {side}), "
                f"with {theirs / cost:.0%} of its tuning and fitting time."
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
        "peak_memory_mb", "folds_ok", "folds_failed", "folds_missing", "tied",
    ):  # fmt: skip
        flat[name] = getattr(row, name)
    return flat | {"errors": "; ".join(row.errors), "budget": json.dumps(dict(row.budget))}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
