"""A leaderboard as a table, CSV, JSON, and one sentence."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

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
    sentence = (
        f"{best.title} ({best.features}) is first on {board.dataset} with {title} {value:.4g}{over}{unit}"
    )
    tied = [row.title for row in board.rows if row.tied]
    others = [row for row in board.rows[1:] if row.rank is not None]
    if tied:
        sentence += f"; {_listed(tied)} {'is' if len(tied) == 1 else 'are'} within its standard error"
    elif others:
        lead = abs(others[0].mean["test"][metric] - value)
        sentence += f", {lead:.2g}{unit} ahead of {others[0].title}, more than its standard error"
    sentence += "."
    if not math.isnan(best.skill) and best.model != "dummy":
        sentence += f" It closes {best.skill:.0%} of the distance from the dummy to a perfect score."
    cheap = _cheap_rival(board, best)
    if cheap is not None:
        sentence += cheap
    if failed:
        sentence += f" {failed} cell{'s' if failed > 1 else ''} failed."
    return sentence


def _cheap_rival(board: Leaderboard, best: Row) -> str | None:
    """A remark on the best entrant that costs a fraction of the winner."""
    cost = best.tune_seconds + best.fit_seconds
    metric = board.metric
    for row in board.rows[1:]:
        theirs = row.tune_seconds + row.fit_seconds
        if row.rank is not None and theirs <= _CHEAP_ENOUGH * cost:
            value = row.mean["test"][metric]
            worse = abs(value - best.mean["test"][metric])
            return (
                f" {row.title} reaches {value:.4g} ({worse:.2g} {'lower' if metric in HIGHER_IS_BETTER else 'higher'}) "
                f"with {theirs / cost:.0%} of its tuning and fitting time."
            )
    return None


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
        "gap", "skill", "featurize_seconds", "tune_seconds", "fit_seconds", "predict_seconds", "peak_memory_mb",
        "folds_ok", "folds_failed", "tied",
    ):  # fmt: skip
        flat[name] = getattr(row, name)
    return flat | {"errors": "; ".join(row.errors), "budget": json.dumps(dict(row.budget))}


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
