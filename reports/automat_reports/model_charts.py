"""The charts of a model's page, as plain geometry."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from automat_leaderboards import HIGHER_IS_BETTER, TITLES

from automat_reports.plots import Axis, Series, axis, chart
from automat_reports.sections._base import figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import FoldResult, Leaderboard, Row

    from automat_reports.translation import Translator

FOLD_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8a7f00")
PART_COLOURS = {"train": "#0072B2", "validation": "#E69F00", "test": "#D55E00"}
MOST_POINTS = 1500
"""Test rows drawn of the cloud."""

_FEWEST_TRIALS = 2
_TALL = 400
_ASIDE = 0.12


def fold_colour(fold: int) -> str:
    """The same colour for a fold on every chart."""
    return FOLD_COLOURS[fold % len(FOLD_COLOURS)]


def trials_of(fold: FoldResult) -> list[Mapping[str, Any]]:
    """Trials of its search that have a score."""
    return [trial for trial in fold.details.get("search") or () if trial.get("value") is not None]


def folds_chart(board: Leaderboard, row: Row, t: Translator) -> dict[str, Any] | None:
    """Training, validation and test score of every fold."""
    done = [fold for fold in row.folds if fold.scores]
    found = {
        part: [float(fold.scores.get(part, {}).get(board.metric, math.nan)) for fold in done] for part in PART_COLOURS
    }
    values = [value for scores in found.values() for value in scores if math.isfinite(value)]
    if not values:
        return None
    numbers = [fold.fold + 1 for fold in done]
    # Side by side, so that equal scores do not hide each other.
    series = [
        Series(
            [number + aside for number in numbers],
            scores,
            PART_COLOURS[part],
            radius=4.5,
            notes=[f"{t(part)}: {figure(each)}" for each in scores],
        )
        for (part, scores), aside in zip(found.items(), (-_ASIDE, 0.0, _ASIDE), strict=True)
        if any(math.isfinite(score) for score in scores)
    ]
    x = axis(t("fold"), [numbers[0] - 0.5, numbers[-1] + 0.5], counts=True)
    ticks = tuple((x.place(number), str(number)) for number in numbers)
    return chart(
        series,
        Axis(x.title, x.kind, (), x.ends, ticks),
        axis(metric_with_unit(board, t), values),
        label=t("{metric} of every fold on training, validation and test rows", metric=t(TITLES[board.metric])),
    )


def search_charts(board: Leaderboard, row: Row, t: Translator) -> list[dict[str, Any]]:
    """The best trial so far, then the score by each parameter that was varied; a colour a fold."""
    folds = [fold for fold in row.folds if len(trials_of(fold)) >= _FEWEST_TRIALS]
    if not folds:
        return []
    values = [float(trial["value"]) for fold in folds for trial in trials_of(fold)]
    # One wild trial would press all others flat.
    typical = sorted(values, reverse=board.metric in HIGHER_IS_BETTER)
    far = typical[int(0.9 * (len(typical) - 1))]
    shown = [value for value in values if abs(value - typical[0]) <= 1.5 * abs(far - typical[0]) + 1e-12]
    y = axis(t("inner {metric}", metric=metric_with_unit(board, t)), values, ends=(min(shown), max(shown)))
    made = [_best_so_far(board, folds, y, t)]
    for name in varied(row):
        pairs = [[(trial["params"].get(name), float(trial["value"])) for trial in trials_of(fold)] for fold in folds]
        known = [[pair for pair in each if pair[0] is not None] for each in pairs]
        x = axis(name, [value for each in known for value, _ in each])
        series = [
            Series(
                [value for value, _ in each],
                [score for _, score in each],
                fold_colour(fold.fold),
                notes=[
                    f"{t('fold {number}', number=fold.fold + 1)}, {name} {_short(value)}: {figure(score)}"
                    for value, score in each
                ],
            )
            for fold, each in zip(folds, known, strict=True)
        ]
        made.append(_clipped(series, x, y, t("{name}: score of every trial", name=name)))
    return made


def varied(row: Row) -> list[str]:
    """Parameters that took more than one value within some fold's search."""
    names: dict[str, None] = {}
    for fold in row.folds:
        trials = trials_of(fold)
        for name in dict.fromkeys(name for trial in trials for name in trial["params"]):
            if len({str(trial["params"].get(name)) for trial in trials}) > 1:
                names[name] = None
    return list(names)


def _best_so_far(board: Leaderboard, folds: Sequence[FoldResult], y: Any, t: Translator) -> dict[str, Any]:
    better = np.maximum if board.metric in HIGHER_IS_BETTER else np.minimum
    series: list[Series] = []
    for fold in folds:
        numbers = [int(trial["number"]) + 1 for trial in trials_of(fold)]
        scores = [float(trial["value"]) for trial in trials_of(fold)]
        told = [
            f"{t('fold {number}', number=fold.fold + 1)}, {t('trial')} {number}: {figure(score)}"
            for number, score in zip(numbers, scores, strict=True)
        ]
        series += [
            Series(numbers, better.accumulate(scores).tolist(), fold_colour(fold.fold), mode="steps"),
            Series(numbers, scores, fold_colour(fold.fold), notes=told),
        ]
    counts = [number for each in series for number in each.x]
    return _clipped(series, axis(t("trial"), counts, counts=True), y, t("Best trial so far"))


def _clipped(series: Sequence[Series], x: Any, y: Any, label: str) -> dict[str, Any]:
    """Scores beyond the axis lie on its edge."""
    low, high = y.ends
    inside = [
        Series(
            each.x,
            [min(max(value, low), high) for value in each.y],
            each.colour,
            each.mode,
            each.dash,
            each.notes,
            each.radius,
        )
        for each in series
    ]
    return chart(inside, x, y, label=label)


def epochs_chart(board: Leaderboard, row: Row, t: Translator) -> dict[str, Any] | None:
    """Training error dotted, validation solid, a colour a fold; None for what has no epochs."""
    series: list[Series] = []
    for fold in row.folds:
        epochs = fold.details.get("epochs") or {}
        for part, dash in (("train", "2 3"), ("validation", "")):
            values = [math.nan if value is None else float(value) for value in epochs.get(part) or ()]
            if any(map(math.isfinite, values)):
                series.append(
                    Series(list(range(1, len(values) + 1)), values, fold_colour(fold.fold), mode="line", dash=dash)
                )
    if not series:
        return None
    unit = f"MAE, {board.unit}" if board.unit else "MAE"
    measure = unit if board.task == "regression" else t("log loss")
    return chart(
        series,
        axis(t("epoch"), [value for each in series for value in each.x], counts=True),
        axis(measure, [value for each in series for value in each.y if math.isfinite(value)]),
        label=t("Error by epoch"),
    )


def parity_chart(board: Leaderboard, predictions: pd.DataFrame, t: Translator) -> dict[str, Any] | None:
    """Predicted against true targets of test rows; None for classes, or where nothing is stored."""
    if board.task != "regression" or predictions.empty:
        return None
    true, made = predictions["y_true"].to_numpy(float), predictions["y_pred"].to_numpy(float)
    # A wild prediction would press the cloud flat: the axes hold the targets, and a little more.
    low, high = float(true.min()), float(true.max())
    reach = 0.15 * (high - low or 1.0)
    ends = (max(low - reach, min(low, float(made.min()))), min(high + reach, max(high, float(made.max()))))
    chosen = np.random.default_rng(0).permutation(len(true))[:MOST_POINTS]
    unit = f", {board.unit}" if board.unit else ""
    x, y = (
        axis(f"{title}{unit}", true.tolist(), ends=ends)
        for title in (t("target: {name}", name=board.target), t("predicted, test folds"))
    )
    clip = np.clip(made[chosen], *y.ends)
    return chart(
        [Series(true[chosen].tolist(), clip.tolist(), "var(--accent)", mode="density", radius=2.4)],
        x,
        y,
        label=t("Predicted against true values of the test rows"),
        height=_TALL,
        diagonal=True,
    )


def metric_with_unit(board: Leaderboard, t: Translator) -> str:
    """The metric's title, with the unit where it has that."""
    return t(TITLES[board.metric]) + (f", {board.unit}" if board.unit and board.metric == "mae" else "")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
