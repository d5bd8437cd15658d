"""Entrants over several boards: mean ranks, the Friedman test, Nemenyi's critical difference, normalised scores.

After Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", J. Mach. Learn. Res. 7, 1-30.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automat_leaderboards.metrics import HIGHER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from automat_leaderboards.board import Leaderboard, Row

LEVEL = 0.05

_RANDOM = ("random", "stratified")
"""Two names of one question: rows like those of the training set. Which one a board has depends on its task."""

_FEWEST_ENTRANTS = 3
_FEWEST_BLOCKS = 2


@dataclass(frozen=True)
class RankTest:
    """Whether entrants' mean ranks over blocks (datasets, or folds) differ.

    Attributes:
        ranks: mean rank of every entrant, in the order given; 1 is best, equal scores share their ranks.
        n_blocks: how many datasets or folds.
        chi2: Friedman's statistic.
        f: of Iman & Davenport (1980), less conservative; infinite where all blocks agree.
        p: of ``f``.
        critical_difference: entrants whose mean ranks differ by less cannot be told apart (Nemenyi, 5%).
        groups: the largest sets of entrants (positions) within the critical difference of each other.
    """

    ranks: tuple[float, ...]
    n_blocks: int
    chi2: float
    f: float
    p: float
    critical_difference: float
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Standing:
    """An entrant over datasets.

    Attributes:
        model, title: of the entrant.
        n_datasets: where it finished every fold.
        mean_rank: among the entrants that finished on every dataset; NaN if it is none of them.
        normalised: mean over its datasets of the score scaled so that 0 is the dummy and 1 the best entrant there
            (as the AutoML benchmark scales between a baseline and the best, Gijsbers et al. 2024, JMLR 25(101));
            negative where it is worse than the dummy. NaN where a board has no dummy.
        skill: the same, but 1 is a perfect score: for MAE one minus the scaled error of the Matbench board (Dunn et
            al. 2020, doi:10.1038/s41524-020-00406-3).
        wins: datasets where it is first.
    """

    model: str
    title: str
    n_datasets: int
    mean_rank: float
    normalised: float
    skill: float
    wins: int


@dataclass(frozen=True)
class Overview:
    """Boards of one preset and kind of split, one a dataset.

    Attributes:
        preset, split: of the boards; ``random`` stands for stratified too.
        datasets: their names, sorted.
        standings: by normalised score, best first.
        ranked: models that finished on every dataset, by mean rank.
        test: of their ranks; None for fewer than three such models or two datasets.
    """

    preset: str
    split: str
    datasets: tuple[str, ...]
    standings: tuple[Standing, ...]
    ranked: tuple[str, ...]
    test: RankTest | None


def overviews(boards: Sequence[Leaderboard]) -> list[Overview]:
    """What boards of several datasets say together.

    Boards are put together that share preset and kind of split; of a dataset the first board counts (they come
    newest first). A model that stands on a board with several feature sets counts with its best.
    """
    grouped: dict[tuple[str, str], dict[str, Leaderboard]] = {}
    for board in boards:
        kind = "random" if board.split in _RANDOM else board.split
        if board.best is not None:
            grouped.setdefault((board.preset, kind), {}).setdefault(board.dataset, board)
    return [
        _overview(preset, kind, [found[name] for name in sorted(found)])
        for (preset, kind), found in grouped.items()
        if len(found) >= _FEWEST_BLOCKS
    ]


def rank_test(ranks: ArrayLike) -> RankTest | None:
    """Friedman's test with Iman & Davenport's F, and Nemenyi's critical difference.

    The statistic is Demsar's, without scipy's correction for ties, so that his worked example comes out.

    Args:
        ranks: of every entrant in every block, shape (blocks, entrants); blocks with NaN are left out.

    Returns:
        None for fewer than three entrants or two blocks.
    """
    from scipy.stats import f as fisher

    table = np.asarray(ranks, dtype=np.float64)
    table = table[~np.isnan(table).any(axis=1)]
    n, k = table.shape
    if k < _FEWEST_ENTRANTS or n < _FEWEST_BLOCKS:
        return None
    means = table.mean(axis=0)
    chi2 = 12 * n / (k * (k + 1)) * float((means**2).sum() - k * (k + 1) ** 2 / 4)
    rest = n * (k - 1) - chi2
    # Where all blocks agree nothing is left over, but for rounding.
    f = (n - 1) * chi2 / rest if rest > 1e-9 * n * k else math.inf
    reach = critical_difference(k, n)
    return RankTest(
        ranks=tuple(float(mean) for mean in means),
        n_blocks=n,
        chi2=chi2,
        f=f,
        p=float(fisher.sf(f, k - 1, (k - 1) * (n - 1))),
        critical_difference=reach,
        groups=groups(means, reach),
    )


def ranks_of(scores: ArrayLike, *, higher_is_better: bool) -> NDArray[np.float64]:
    """Ranks within each row of scores, shape (blocks, entrants); 1 is best, equal scores share; NaN rows stay NaN."""
    from scipy.stats import rankdata

    table = np.asarray(scores, dtype=np.float64)
    ranks = rankdata(-table if higher_is_better else table, axis=1, nan_policy="propagate")
    return np.asarray(ranks, dtype=np.float64)


def critical_difference(n_entrants: int, n_blocks: int, level: float = LEVEL) -> float:
    """Nemenyi's: ``q sqrt(k (k + 1) / (6 N))``, q the studentized range of k means over sqrt(2).

    >>> round(critical_difference(4, 14), 2), round(critical_difference(4, 14, level=0.10), 2)
    (1.25, 1.12)
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, n_entrants, np.inf)) / math.sqrt(2)
    return q * math.sqrt(n_entrants * (n_entrants + 1) / (6 * n_blocks))


def groups(mean_ranks: ArrayLike, reach: float) -> tuple[tuple[int, ...], ...]:
    """The largest sets of two and more entrants whose mean ranks lie within ``reach``, best first.

    >>> groups([1.0, 3.5, 1.5, 4.0], 1.0)
    ((0, 2), (1, 3))
    """
    means = np.asarray(mean_ranks, dtype=np.float64)
    order = np.argsort(means, kind="stable")
    found: list[tuple[int, ...]] = []
    furthest = -1
    for start in range(len(order)):
        end = int(np.searchsorted(means[order], means[order[start]] + reach, side="right")) - 1
        if end > max(start, furthest):
            found.append(tuple(int(place) for place in order[start : end + 1]))
            furthest = end
    return tuple(found)


def _overview(preset: str, split: str, boards: Sequence[Leaderboard]) -> Overview:
    entered = [_best_of_model(board) for board in boards]
    titles: dict[str, str] = {}
    for rows in entered:
        titles |= {model: row.title for model, row in rows.items()}
    common = sorted(model for model in titles if all(model in rows for rows in entered))
    ranks = np.array([_ranks_on(board, rows, common) for board, rows in zip(boards, entered, strict=True)])
    mean_ranks = dict(zip(common, ranks.mean(axis=0) if common else (), strict=True))
    standings = [
        _standing(model, title, boards, entered, float(mean_ranks.get(model, math.nan)))
        for model, title in titles.items()
    ]
    standings.sort(key=lambda each: (_last(-each.normalised), _last(-each.skill), _last(each.mean_rank), each.model))
    ranked = sorted(common, key=lambda model: (mean_ranks[model], model))
    columns = [common.index(model) for model in ranked]
    return Overview(
        preset=preset,
        split=split,
        datasets=tuple(board.dataset for board in boards),
        standings=tuple(standings),
        ranked=tuple(ranked),
        test=rank_test(ranks[:, columns]) if len(common) >= _FEWEST_ENTRANTS else None,
    )


def _best_of_model(board: Leaderboard) -> dict[str, Row]:
    """By model: its highest row that finished every fold."""
    found: dict[str, Row] = {}
    for row in board.rows:
        if row.rank is not None and not row.folds_failed and not row.folds_missing:
            found.setdefault(row.model, row)
    return found


def _ranks_on(board: Leaderboard, rows: Mapping[str, Row], models: Sequence[str]) -> NDArray[np.float64]:
    scores = [[rows[model].mean["test"][board.metric] for model in models]]
    return ranks_of(scores, higher_is_better=board.metric in HIGHER_IS_BETTER)[0] if models else np.empty(0)


def _standing(
    model: str, title: str, boards: Sequence[Leaderboard], entered: Sequence[Mapping[str, Row]], mean_rank: float
) -> Standing:
    mine = [(board, rows[model], rows) for board, rows in zip(boards, entered, strict=True) if model in rows]
    return Standing(
        model=model,
        title=title,
        n_datasets=len(mine),
        mean_rank=mean_rank,
        normalised=float(np.mean([_normalised(board, row, rows) for board, row, rows in mine])),
        skill=float(np.mean([row.skill for _, row, _ in mine])),
        wins=sum(next(iter(rows.values())) is row for _, row, rows in mine),
    )


def _normalised(board: Leaderboard, row: Row, rows: Mapping[str, Row]) -> float:
    """0 for the dummy, 1 for the best that finished every fold; NaN without a dummy, or where it is the best."""
    best, dummy = next(iter(rows.values())), rows.get("dummy")
    if dummy is None:
        return math.nan
    value, top, bottom = (each.mean["test"][board.metric] for each in (row, best, dummy))
    return (bottom - value) / (bottom - top) if bottom != top else math.nan


def _last(value: float) -> float:
    return math.inf if math.isnan(value) else value
