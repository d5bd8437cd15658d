"""Learning curves: the same entrants on nested parts of the training rows, tested on the same rows.

Each part is tuned anew, by the same budget. The largest part is all of the training rows: the cells of the board.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import InputError
from automat.power_law import PowerLaw, fit
from automat.splits import folds_sha256
from automat.store import digest, folder_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from automat_leaderboards import Leaderboard
    from numpy.typing import NDArray

    from automat.core import Cell, Dataset, Fold
    from automat.plan import Plan
    from automat.store import Store

SIZES = 5
"""Parts, the whole included."""

FEWEST_ROWS = 30
"""Of the smallest part, where the folds have so many."""

SMALLEST = 1 / 16
"""Of the training rows: the smallest part."""

LEARNING = "learning"
"""What the names of the files of learning curves begin with, and the folder of their records."""


@dataclass(frozen=True)
class Curve:
    """One entrant.

    Attributes:
        model, title, features: which.
        folds: error of every fold at every size; None where a cell failed.
        mean, std: over the folds that have all sizes; None where there is none.
        law: the fitted power law; None where there is none.
        refused: why there is none; empty where there is one.
    """

    model: str
    title: str
    features: str
    folds: tuple[tuple[float | None, ...], ...]
    mean: tuple[float | None, ...]
    std: tuple[float | None, ...]
    law: PowerLaw | None
    refused: str


@dataclass(frozen=True)
class Learning:
    """Curves of the entrants of a board, in its order.

    Attributes:
        metric: the task's primary one. Errors are in ``unit``, or one less the metric where more is better.
        sizes: training rows of the parts, ascending, median over folds.
    """

    dataset: str
    dataset_sha256: str
    target: str
    unit: str
    task: str
    metric: str
    preset: str
    seed: int
    split: str
    folds_sha256: str
    sizes: tuple[int, ...]
    curves: tuple[Curve, ...]


def learn(
    board: Leaderboard,
    planned: Plan,
    store: Store,
    compute: Callable[[Store, Plan], None],
    *,
    sizes: int = SIZES,
    smallest: int | None = None,
) -> Learning:
    """Compute what is missing on the parts, fit the laws, and keep all of it beside the board.

    Args:
        board: the entrants on all training rows.
        planned: what made it.
        store: where its records are.
        compute: computes the missing cells of a plan into a store.
        sizes: parts, the whole included.
        smallest: training rows of the smallest part; None: a sixteenth of them.

    Raises:
        InputError: fewer than two parts can be made.
    """
    data = planned.dataset
    shares = parts(min(len(fold.train) for fold in planned.folds), sizes, smallest)
    kept = _kept(store, data.name)
    plans = [_part(planned, share) for share in shares]
    for part in plans:
        compute(kept, part)
    stages = [*((kept, part) for part in plans), (store, planned)]
    rows = tuple(int(np.median([len(fold.train) for fold in part.folds])) for _, part in stages)
    found = Learning(
        dataset=data.name,
        dataset_sha256=data.sha256,
        target=data.target_name,
        unit=data.unit,
        task=data.task,
        metric=board.metric,
        preset=planned.cells[0].preset,
        seed=planned.cells[0].seed,
        split=planned.folds[0].split.kind,
        folds_sha256=planned.folds[0].split.sha256,
        sizes=rows,
        curves=tuple(_curves(board, stages, rows)),
    )
    store.write_beside(data.name, file_name(found), asdict(found))
    return found


def parts(rows: int, sizes: int = SIZES, smallest: int | None = None) -> tuple[float, ...]:
    """Shares of the training rows below the whole, each about as much larger than the one before.

    >>> [round(share, 3) for share in parts(1600)]
    [0.062, 0.125, 0.25, 0.5]
    >>> [round(1600 * share) for share in parts(1600, smallest=200)]
    [200, 336, 566, 951]

    Raises:
        InputError: fewer than two sizes are asked for, too few rows to part, or a smallest part that is too small
            or too large.
    """
    if sizes < 2:  # noqa: PLR2004 - one size is no curve
        raise InputError(f"a learning curve needs at least 2 sizes, but got {sizes}")
    if rows < 2 * FEWEST_ROWS:  # half of the rows is the least that a part tells apart
        raise InputError(f"a learning curve needs at least {2 * FEWEST_ROWS} training rows, but a fold has {rows}")
    if smallest is not None and not FEWEST_ROWS <= smallest <= rows / 2:
        raise InputError(
            f"the smallest part must have between {FEWEST_ROWS} rows and half of the {rows} training rows, "
            f"but got {smallest}"
        )
    first = max(SMALLEST, FEWEST_ROWS / rows) if smallest is None else smallest / rows
    return tuple(float(share) for share in np.geomspace(first, 1.0, sizes)[:-1])


def nested(dataset: Dataset, fold: Fold, share: float) -> NDArray[np.intp]:
    """That share of a fold's training rows, sorted; a smaller share is a part of a larger one.

    Rows are drawn by the fold's seed; classes keep about their shares.
    """
    order = np.random.default_rng([fold.split.seed, fold.index]).permutation(fold.train)
    if dataset.task == "classification":
        order = order[np.argsort(_place_in_class(dataset.target[order]), kind="stable")]
    return np.sort(order[: max(1, round(share * len(order)))])


def file_name(found: Learning) -> str:
    """Its JSON file, in the folder of its dataset: another split, seed, budget or sizes is another file."""
    facts = "|".join(map(str, (found.dataset_sha256, found.target, found.seed, found.folds_sha256, found.sizes)))
    facts += f"|{len(found.curves[0].folds)}" if found.curves else ""
    preset = found.preset.replace(", ", "-").replace(" ", "")
    return f"{folder_name(f'{LEARNING}-{preset}-{digest(facts)}')}.json"


def sentence(curve: Curve) -> str:
    """What more rows would bring the entrant, or why that cannot be told.

    >>> sentence(Curve("knn", "k-NN", "core", (), (0.4, 0.3), (0.1, 0.1), None, "too few folds"))
    'k-NN: too few folds'
    """
    if curve.law is None:
        return f"{curve.title}: {curve.refused}"
    law, forecast = curve.law, curve.law.doubled
    return (
        f"{curve.title}: error about {law.a:.3g} n^-{law.b:.2g} + {law.c:.3g}; twice the rows would give "
        f"{forecast.value:.3g} ({forecast.low:.3g} to {forecast.high:.3g}), {forecast.gain:.0%} less"
    )


def _kept(store: Store, dataset: str) -> Store:
    """The parts' own records: they stand on no board."""
    return type(store)(store.folder(dataset) / LEARNING)


def _part(planned: Plan, share: float) -> Plan:
    """The same cells on a part of the training rows; the folds' digest tells them apart."""
    data = planned.dataset
    cut = [replace(fold, train=nested(data, fold, share)) for fold in planned.folds]
    ids = [
        {"train": data.ids[fold.train].tolist(), "test": data.ids[fold.test].tolist()}
        | ({} if fold.validation is None else {"validation": data.ids[fold.validation].tolist()})
        for fold in cut
    ]
    split = replace(planned.folds[0].split, sha256=folds_sha256(ids))
    return replace(
        planned,
        folds=tuple(replace(fold, split=split) for fold in cut),
        cells=tuple(replace(cell, split=split) for cell in planned.cells),
    )


def _place_in_class(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far through its class a row comes, from 0 to 1."""
    places = np.empty(len(codes))
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return places


def _curves(board: Leaderboard, stages: Sequence[tuple[Store, Plan]], sizes: tuple[int, ...]) -> list[Curve]:
    from automat_leaderboards import HIGHER_IS_BETTER

    higher = board.metric in HIGHER_IS_BETTER
    entered: dict[tuple[str, str], list[list[Cell]]] = {}
    for stage, (_, part) in enumerate(stages):
        for cell in part.cells:
            of_entrant = entered.setdefault((cell.model, cell.features), [[] for _ in stages])
            of_entrant[stage].append(cell)
    curves = []
    for row in board.rows:
        cells = entered.get((row.model, row.features))
        if cells is None:
            continue
        errors = np.array(
            [
                [
                    _error(store, cell, board.metric, higher=higher)
                    for cell in sorted(of_stage, key=lambda each: each.fold)
                ]
                for (store, _), of_stage in zip(stages, cells, strict=True)
            ],
            dtype=np.float64,
        ).T
        curves.append(_curve({"model": row.model, "title": row.title, "features": row.features}, errors, sizes))
    return curves


def _curve(names: Mapping[str, Any], errors: NDArray[np.float64], sizes: tuple[int, ...]) -> Curve:
    whole = errors[~np.isnan(errors).any(axis=1)]
    nothing = (None,) * len(sizes)
    law = fit(np.array(sizes, np.float64), errors)
    return Curve(
        **names,
        folds=tuple(tuple(None if math.isnan(value) else float(value) for value in fold) for fold in errors),
        mean=tuple(whole.mean(axis=0).tolist()) if len(whole) else nothing,
        std=tuple(whole.std(axis=0, ddof=1).tolist()) if len(whole) > 1 else nothing,
        law=None if isinstance(law, str) else law,
        refused=law if isinstance(law, str) else "",
    )


def _error(store: Store, cell: Cell, metric: str, *, higher: bool) -> float:
    record = store.read(cell)
    value = None if record is None or record.status != "ok" else record.metrics["test"].get(metric)
    if value is None:
        return math.nan
    return 1 - float(value) if higher else float(value)
