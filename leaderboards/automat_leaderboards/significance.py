"""What a board's differences are worth: intervals, rank ranges, ties with the best, and all pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from automat_leaderboards import comparisons, intervals
from automat_leaderboards.metrics import HIGHER_IS_BETTER
from automat_leaderboards.row_scores import METRICS_BY_ROW, RowScores, row_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from automat_leaderboards.board import Leaderboard, Row

LEVEL = 0.05
"""An entrant is tied with the best unless its corrected p-value is below this."""

FEWEST_FOLDS = 5
"""With fewer, a test over folds has at most three degrees of freedom, and once it is corrected for the number of
entrants it calls even the dummy tied with the best; test rows are compared instead."""

TESTS = {
    "folds": "corrected paired t-test over folds",
    "rows": "paired t-test over test rows",
}
"""Tests that ties are told by, as people call them."""

_MOST_RANKED = 4_000_000
"""Pairs times rows that Wilcoxon's test sorts (some seconds); beyond, only pairs with the best are tested so."""


@dataclass(frozen=True)
class Comparison:
    """Two entrants on the same folds and rows.

    Attributes:
        first, second: model and features; the first ranks higher.
        difference: how much worse the second's mean is, in the board's metric.
        p_folds: of the corrected resampled t-test over folds.
        p_rows: of the paired t-test over test rows (for ROC-AUC: DeLong's test).
        p_signed_rank: of Wilcoxon's signed-rank test over test rows.
        effect: mean difference of row losses in units of its standard deviation; positive where the first is
            better.
        share: of rows where the first's loss is smaller, equal ones by half. For losses see ``RowScores``.
    """

    first: tuple[str, str]
    second: tuple[str, str]
    difference: float
    p_folds: float
    p_rows: float
    p_signed_rank: float
    effect: float
    share: float


def judge(board: Leaderboard, predictions: pd.DataFrame | None) -> Leaderboard:
    """The board with intervals, rank ranges and ties.

    Only entrants that finished every fold are compared. The best one stands against each other; the p-values are
    corrected for their number by Holm's rule, and an entrant whose value is not below :data:`LEVEL` is tied. The
    test is the corrected resampled t-test over folds, or, with fewer than :data:`FEWEST_FOLDS` folds, the paired
    t-test over test rows; with few folds and no predictions nothing is tested.

    Args:
        board: as ranked.
        predictions: of its cells; without them only what three and more folds tell is filled in.
    """
    complete = complete_rows(board)
    scores = _row_scores(board, predictions, board.rows)
    places = {id(row): place for place, row in enumerate(board.rows)}
    by_rows = _intervals_and_ranks(board, scores, [places[id(row)] for row in complete])
    test = "folds" if board.folds >= FEWEST_FOLDS else "rows"
    p_values = _against_the_best(board, complete, scores, test)
    rows = []
    for place, row in enumerate(board.rows):
        interval, ranks = by_rows.get(place, (intervals.UNKNOWN, None))
        p_value = p_values.get(id(row), math.nan)
        rows.append(
            replace(
                row,
                interval=interval,
                fold_interval=_fold_interval(board, row),
                rank_range=ranks,
                p_best=p_value,
                tied=p_value >= LEVEL,
            )
        )
    return replace(board, rows=tuple(rows), tie_test=test if p_values else "")


def pairwise(board: Leaderboard, predictions: pd.DataFrame | None) -> list[Comparison]:
    """Every pair of the entrants that finished every fold, higher ranks first.

    The p-values are not corrected for their number.
    """
    complete = complete_rows(board)
    scores = _row_scores(board, predictions, complete)
    pairs = list(combinations(range(len(complete)), 2))
    rows = 0 if scores is None else len(scores.losses)
    return [
        _compare(board, complete, scores, pair, ranked=pair[0] == 0 or len(pairs) * rows <= _MOST_RANKED)
        for pair in pairs
    ]


def fold_scores(board: Leaderboard, rows: Sequence[Row]) -> np.ndarray:  # type: ignore[type-arg]
    """The primary test metric, shape (folds, entrants); NaN where a fold has none."""
    table = np.full((board.folds, len(rows)), math.nan)
    for place, row in enumerate(rows):
        for fold in row.folds:
            if fold.status == "ok" and fold.fold < board.folds:
                table[fold.fold, place] = fold.scores["test"][board.metric]
    return table


def complete_rows(board: Leaderboard) -> list[Row]:
    """Entrants that finished every fold, best first: those that may be compared."""
    return [row for row in board.rows if row.rank is not None and not row.folds_failed and not row.folds_missing]


def _row_scores(board: Leaderboard, predictions: pd.DataFrame | None, rows: Sequence[Row]) -> RowScores | None:
    if predictions is None or predictions.empty or board.metric not in METRICS_BY_ROW or not rows:
        return None
    return row_scores(predictions, board.metric, [(row.model, row.features) for row in rows])


def _intervals_and_ranks(
    board: Leaderboard, scores: RowScores | None, ranked: Sequence[int]
) -> dict[int, tuple[intervals.Interval, tuple[int, int] | None]]:
    """By the row's place: the interval, and the range of its ranks among those that are ranked together."""
    if scores is None:
        return {}
    higher = board.metric in HIGHER_IS_BETTER
    means = intervals.resampled_means(scores)
    bounds = (0.0, 1.0) if board.metric == "roc_auc" else (0.0, math.inf)
    found = intervals.percentile_intervals(means, bounds=bounds)
    # An entrant whose rows are not all those of the others is not ranked by rows.
    together = [place for place in ranked if scores.n_folds[place] == scores.n_folds[list(ranked)].max() > 0]
    ranges = intervals.rank_ranges(means[:, together], higher_is_better=higher)
    ranks = dict(zip(together, ranges, strict=True)) if len(together) == len(ranked) else {}
    return {place: (interval, ranks.get(place)) for place, interval in enumerate(found)}


def _fold_interval(board: Leaderboard, row: Row) -> intervals.Interval:
    return intervals.fold_interval(fold_scores(board, [row])[:, 0], *_sizes(row))


def _sizes(row: Row) -> tuple[float, float]:
    """Mean number of training and test rows of the finished folds; 0 where they are not known."""
    done = [fold for fold in row.folds if fold.status == "ok"]
    if not done:
        return 0.0, 0.0
    return float(np.mean([fold.n_train for fold in done])), float(np.mean([fold.n_test for fold in done]))


def _against_the_best(
    board: Leaderboard, complete: Sequence[Row], scores: RowScores | None, test: str
) -> dict[int, float]:
    """By the identity of the row: Holm's corrected p-value of its difference from the best."""
    if len(complete) < 2:  # noqa: PLR2004 - a comparison takes two
        return {}
    if test == "folds":
        table = fold_scores(board, complete)
        raw = [
            comparisons.corrected_t_test(table[:, place] - table[:, 0], *_sizes(complete[0]))[1]
            for place in range(1, len(complete))
        ]
    elif scores is None:
        return {}
    else:
        columns = {key: place for place, key in enumerate(scores.entrants)}
        first, *others = [columns[row.model, row.features] for row in complete]
        raw = [_rows_test(scores, first, other) for other in others]
    corrected = comparisons.holm(raw)
    return {id(row): float(value) for row, value in zip(complete[1:], corrected, strict=True) if not math.isnan(value)}


def _rows_test(scores: RowScores | None, first: int, second: int) -> float:
    if scores is None or scores.n_folds[first] != scores.n_folds[second]:
        return math.nan
    influence = scores.influence[:, second] - scores.influence[:, first]
    return comparisons.rows_t_test(influence, scores.strata, float(scores.mean[second] - scores.mean[first]))[1]


def _compare(
    board: Leaderboard, complete: Sequence[Row], scores: RowScores | None, pair: tuple[int, int], *, ranked: bool
) -> Comparison:
    first, second = (complete[place] for place in pair)
    worse = -1 if board.metric in HIGHER_IS_BETTER else 1
    table = fold_scores(board, [first, second])
    p_rows = p_signed_rank = effect = share = math.nan
    if scores is not None:
        losses, others = (scores.losses[:, place] for place in pair)
        p_rows = _rows_test(scores, *pair)
        effect = comparisons.effect_size(others - losses)
        share = comparisons.share_better(losses, others)
        if ranked:
            p_signed_rank = comparisons.signed_rank(others - losses)[1]
    return Comparison(
        first=(first.model, first.features),
        second=(second.model, second.features),
        difference=worse * (second.mean["test"][board.metric] - first.mean["test"][board.metric]),
        p_folds=comparisons.corrected_t_test(table[:, 1] - table[:, 0], *_sizes(first))[1],
        p_rows=p_rows,
        p_signed_rank=p_signed_rank,
        effect=effect,
        share=share,
    )
