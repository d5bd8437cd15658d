"""The generalization ladder: the same entrants on splits that ask for more and more.

Each rung keeps more of what a test row resembles out of training: nothing (random), its polymorphs, its
chemical system, its whole cluster of like materials. Most such splits still interpolate, so each rung says how
far its test rows lie from their training rows (Omee et al. 2024, doi:10.1038/s41524-024-01316-4; Li et al.
2025, doi:10.1038/s43246-024-00731-w).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from automat import presets, splits
from automat.core import InputError, Split
from automat.splits import HIGHER_RUNGS, LADDER
from automat.splits.clusters import feature_space
from automat.store import digest, folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from automat_leaderboards import Leaderboard, Row
    from numpy.typing import NDArray

    from automat.core import Dataset, Fold
    from automat.store import Store

NEAR = 0.95
"""A test row is far when it is farther from the training rows than this share of them is from each other."""

MOST_ROWS = 1000
"""Of a fold's test rows, and of its training rows, whose nearest neighbour is looked for."""

_DECIMALS = 6
"""Distances of equal rows come out as rounding errors of a matrix product."""


class Ran(Protocol):
    """What a run of one rung gives."""

    @property
    def board(self) -> Leaderboard:
        """The rung's leaderboard."""

    @property
    def page(self) -> Path:
        """Its HTML file."""

    @property
    def computed(self) -> int:
        """Cells run now."""

    @property
    def reused(self) -> int:
        """Cells found done."""

    @property
    def failed(self) -> int:
        """Cells without a result."""

    @property
    def left_out(self) -> Mapping[str, str]:
        """Models that could not enter, each with the reason."""


@dataclass(frozen=True)
class Distance:
    """How far test rows lie from their training rows, over all folds of a split.

    Attributes:
        median: of the distance to the nearest training row, in standard deviations a feature (root mean square
            over the columns of the standardised Magpie features).
        far: share of test rows that are farther from the training rows than 95% of these are from their own
            nearest neighbour among them.
        test_rows: looked at.
    """

    median: float
    far: float
    test_rows: int


@dataclass(frozen=True)
class Rung:
    """One split of the ladder.

    Attributes:
        split: its kind.
        folds, folds_sha256: as made.
        train_rows: median over the folds; fewer rows to learn from raise an error as well.
        page: its board's HTML file, a path from the folder of the ladder's own file.
        distance: of its test rows from their training rows.
    """

    split: str
    folds: int
    folds_sha256: str
    train_rows: int
    page: str
    distance: Distance


@dataclass(frozen=True)
class LadderRow:
    """One entrant.

    Attributes:
        model, title, features: which.
        scores: mean of the primary metric over the test folds, a value a rung; None where folds are missing.
        ratios: of each score to the first rung's; None likewise.
    """

    model: str
    title: str
    features: str
    scores: tuple[float | None, ...]
    ratios: tuple[float | None, ...]


@dataclass(frozen=True)
class Ladder:
    """Entrants, in the order of the first rung's board, by splits.

    Attributes:
        metric: the task's primary one, in ``unit`` for regression.
        left_out: splits that the dataset cannot have, each with the reason.
    """

    dataset: str
    dataset_sha256: str
    target: str
    unit: str
    task: str
    metric: str
    preset: str
    seed: int
    rungs: tuple[Rung, ...]
    rows: tuple[LadderRow, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class LadderResult:
    """What a run of all rungs gives.

    Attributes:
        ladder: the entrants by splits.
        runs: of each rung, in order.
        path: the ladder's JSON file, beside the boards.
    """

    ladder: Ladder
    runs: tuple[Ran, ...]
    path: Path

    @property
    def failed(self) -> int:
        """Cells of all rungs without a result."""
        return sum(run.failed for run in self.runs)


def climb(
    dataset: Dataset,
    run: Callable[[str], Ran],
    *,
    store: Store,
    preset: str,
    folds: int | None,
    seed: int,
    cache_dir: Path | None,
) -> LadderResult:
    """Run every rung that the dataset can have, and keep the ladder beside the boards.

    Args:
        dataset: the data.
        run: runs one kind of split, with the same preset, folds and seed.
        store: where the boards are.
        preset: of the run.
        folds: of every rung; the preset's when None.
        seed: of the run.
        cache_dir: where features that a split needs are kept; None: nowhere.

    Raises:
        InputError: the split by chance cannot be made, or what ``run`` refuses.
    """
    cut, left_out = cut_rungs(dataset, preset=preset, folds=folds, seed=seed, cache_dir=cache_dir)
    ran = {kind: run(kind) for kind in cut}
    found = assemble(dataset, cut, ran, left_out)
    path = store.write_beside(dataset.name, file_name(found), asdict(found))
    return LadderResult(found, tuple(ran.values()), path)


def cut_rungs(
    dataset: Dataset, *, preset: str, folds: int | None, seed: int, cache_dir: Path | None
) -> tuple[dict[str, tuple[Fold, ...]], dict[str, str]]:
    """The folds of every rung that the dataset can have, and why it cannot have the others.

    Raises:
        InputError: not even the first rung, the split by chance, can be made.
    """
    wanted = presets.budget(preset).folds if folds is None else folds
    first = splits.default_kind(dataset)
    made = {first: splits.make(dataset, Split(first, wanted, seed), cache_dir=cache_dir)}
    left_out = {}
    for kind in HIGHER_RUNGS:
        try:
            made[kind] = splits.make(dataset, Split(kind, wanted, seed), cache_dir=cache_dir)
        except InputError as error:
            left_out[kind] = str(error)
    return made, left_out


def assemble(
    dataset: Dataset,
    cut: Mapping[str, tuple[Fold, ...]],
    ran: Mapping[str, Ran],
    left_out: Mapping[str, str],
) -> Ladder:
    """The ladder of the rungs' boards, each by its kind of split; both mappings in the order of the rungs."""
    boards = [ran[kind].board for kind in cut]
    first = boards[0]
    rungs = tuple(
        Rung(
            kind,
            len(folds),
            folds[0].split.sha256,
            int(np.median([len(fold.train) for fold in folds])),
            ran[kind].page.name,
            distance(dataset, folds),
        )
        for kind, folds in cut.items()
    )
    found = [{(row.model, row.features): _score(row, board.metric) for row in board.rows} for board in boards]
    rows = []
    for row in first.rows:
        scores = tuple(of_board.get((row.model, row.features)) for of_board in found)
        ratios = tuple(None if not scores[0] or score is None else score / scores[0] for score in scores)
        rows.append(LadderRow(row.model, row.title, row.features, scores, ratios))
    return Ladder(
        dataset=first.dataset,
        dataset_sha256=first.dataset_sha256,
        target=first.target,
        unit=first.unit,
        task=first.task,
        metric=first.metric,
        preset=first.preset,
        seed=first.seed,
        rungs=rungs,
        rows=tuple(rows),
        left_out=left_out,
    )


def distance(dataset: Dataset, folds: Sequence[Fold]) -> Distance:
    """How far the folds' test rows lie from their training rows, in :func:`feature_space`.

    Of each fold at most ``MOST_ROWS`` test rows, and as many training rows, are looked at, drawn by the fold's
    seed; neighbours are looked for among all training rows. The targets have no part in it.
    """
    from sklearn.neighbors import NearestNeighbors

    space = feature_space(dataset)
    scale = math.sqrt(max(space.shape[1], 1))
    distances: list[NDArray[np.float64]] = []
    far: list[NDArray[np.bool_]] = []
    for fold in folds:
        draw = np.random.default_rng([fold.split.seed, fold.index])
        test, train = (_some(rows, draw) for rows in (fold.test, np.arange(len(fold.train))))
        neighbours = NearestNeighbors(algorithm="brute").fit(space[fold.train])
        to_train = _nearest(neighbours.kneighbors(space[test], 1)[0], scale)
        # A training row's nearest is itself, unless another lies at its very place: the second is as near.
        within = neighbours.kneighbors(space[fold.train[train]], min(2, len(fold.train)))[0]
        distances.append(to_train)
        far.append(to_train > np.quantile(_nearest(within, scale), NEAR))
    pooled = np.concatenate(distances)
    return Distance(float(np.median(pooled)), float(np.concatenate(far).mean()), len(pooled))


def sentence(ladder: Ladder) -> str:
    """What the ladder says, in one sentence."""
    from automat_leaderboards import TITLES

    best = next((row for row in ladder.rows if row.scores[0] is not None), None)
    if best is None:
        return f"no entrant has finished on {ladder.dataset}"
    last = next((at for at in reversed(range(1, len(ladder.rungs))) if best.ratios[at] is not None), 0)
    unit = f" {ladder.unit}" if ladder.unit and ladder.task == "regression" else ""
    start = f"{best.model} leads on {ladder.dataset} by the {ladder.rungs[0].split} split"
    value = f"{TITLES[ladder.metric]} {best.scores[0]:.4g}{unit}"
    if not last:
        return f"{start} ({value})"
    rung = ladder.rungs[last]
    return (
        f"{start} ({value}); by {rung.split} its {TITLES[ladder.metric]} is {best.ratios[last]:.2f} times that, "
        f"where {rung.distance.far:.0%} of the test rows lie far from training"
    )


def file_name(ladder: Ladder) -> str:
    """The ladder's JSON file, in the folder of its dataset: another split, seed or budget is another file."""
    facts = "|".join([ladder.dataset_sha256, ladder.target, str(ladder.seed), *(r.folds_sha256 for r in ladder.rungs)])
    preset = ladder.preset.replace(", ", "-").replace(" ", "")
    return f"{folder_name(f'{LADDER}-{preset}-{ladder.rungs[0].folds}-{digest(facts)}')}.json"


def _score(row: Row, metric: str) -> float | None:
    """The mean over the test folds; None where a fold failed or is to come: such a mean is over other rows."""
    value: Any = row.mean["test"][metric]
    return None if row.folds_missing or row.folds_failed or math.isnan(value) else float(value)


def _some(rows: NDArray[np.intp], draw: np.random.Generator) -> NDArray[np.intp]:
    return rows if len(rows) <= MOST_ROWS else np.sort(draw.choice(rows, MOST_ROWS, replace=False))


def _nearest(found: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    nearest: NDArray[np.float64] = np.round(found[:, -1] / scale, _DECIMALS)
    return nearest
