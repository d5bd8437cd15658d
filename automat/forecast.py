"""What a run would cost, from what the records say that its entrants have cost so far.

An entrant's records are those with the same inputs and the same budget, on any dataset. Times are scaled by the rows
trained on: by the power that the records show where their sizes differ twofold or more, else in proportion; memory in
proportion. What only the first cell of a worker spends, to load libraries, is not scaled. Where there are no records,
the cost is unknown, and it is said so.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import datasets, plan
from automat.core import Dataset, InputError
from automat.executors import local
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from automat.core import Cell, RunRecord
    from automat.plan import Plan

_SIZES_DIFFER = 2.0
_SAME_SIZE = 1.1
_STEEPEST = 3.0
"""Growth with the rows, as a power: kernel methods solve n equations, and nothing here is worse."""


@dataclass(frozen=True)
class Expected:
    """What one entrant's missing cells would cost.

    Attributes:
        model, features: the entrant, and what it takes.
        cells, cached: all its cells, and those that are done.
        records: that the figures are from; of none, the figures are None.
        power: of the rows, by which times were scaled.
        cpu_seconds: of its missing cells together.
        memory_mb: how far a worker's memory would rise, at most; in proportion to the rows where they are more.
    """

    model: str
    features: str
    cells: int
    cached: int
    records: int
    power: float
    cpu_seconds: float | None
    memory_mb: float | None

    @property
    def missing(self) -> int:
        """Cells to compute."""
        return self.cells - self.cached


@dataclass(frozen=True)
class Forecast:
    """What a run would cost.

    Attributes:
        dataset, rows, split, folds, preset: what is run.
        entrants: in the order of the plan.
        featurize: CPU seconds of each feature set that is not known to be in the cache; None: unknown.
        workers: that the wall time is for.
        wall_seconds: until the last cell of known cost ends, the features included.
        left_out: models that cannot enter, each with the reason.
    """

    dataset: str
    rows: int
    split: str
    folds: int
    preset: str
    entrants: tuple[Expected, ...]
    featurize: Mapping[str, float | None]
    workers: int
    wall_seconds: float
    left_out: Mapping[str, str]

    @property
    def cells(self) -> int:
        """All cells."""
        return sum(each.cells for each in self.entrants)

    @property
    def cached(self) -> int:
        """Cells that are done."""
        return sum(each.cached for each in self.entrants)

    @property
    def unknown(self) -> int:
        """Missing cells whose cost is not known."""
        return sum(each.missing for each in self.entrants if each.cpu_seconds is None)

    @property
    def cpu_seconds(self) -> float:
        """Of all missing cells of known cost, and of the features."""
        cells = sum(each.cpu_seconds or 0.0 for each in self.entrants)
        return cells + sum(seconds or 0.0 for seconds in self.featurize.values())

    @property
    def memory_mb(self) -> float:
        """The most that a worker's memory would rise."""
        return max((each.memory_mb or 0.0 for each in self.entrants if each.missing), default=0.0)


def forecasts(
    names: Sequence[str | Path | Dataset],
    *,
    matbench: bool = False,
    target: str | None = None,
    workers: int | None = None,
    runs: str | Path,
    cache_dir: Path | None = None,
    **options: Any,
) -> tuple[list[Forecast], dict[str, str]]:
    """What runs would cost, by the records so far; nothing is computed.

    Args:
        names: datasets, as ``run`` takes them.
        matbench: also the tasks of Matbench v0.1.
        target: the target column of a file.
        workers: processes, for the wall time; one a core when None.
        runs: folder of the records so far.
        cache_dir: keeps features that some splits need.
        options: models, features, preset, split, folds, trials and seed, as ``run`` takes them.

    Returns:
        A forecast a dataset, and the tasks of Matbench that are not here, each with the reason; they are planned by
        their number of rows alone, and nothing of them is known to be cached.

    Raises:
        InputError: something given cannot be used.
    """
    from automat.datasets.matbench import TASKS, stand_in

    if not names and not matbench:
        raise InputError("no dataset was named; give --dataset, or --matbench")
    store = Store(Path(runs))
    made, absent = [], {}
    for each in [*names, *(TASKS if matbench else ())]:
        try:
            data = each if isinstance(each, Dataset) else datasets.load(each, target=target)
        except InputError as error:
            if each in names:
                raise
            absent[str(each)] = str(error)
            data = stand_in(str(each))
        planned = plan.make(data, cache_dir=cache_dir, **options)
        made.append(forecast(planned, store, workers=workers or local.default_jobs()))
    return made, absent


def forecast(planned: Plan, store: Store, *, workers: int) -> Forecast:
    """What computing the missing cells of a plan would cost.

    Args:
        planned: the run, worked out.
        store: whose records tell of costs and of what is done; other datasets' records count too.
        workers: processes, for the wall time.
    """
    known = [record for record in store.records() if record.status == "ok" and record.n_train]
    by_entrant: dict[Any, list[RunRecord]] = defaultdict(list)
    for record in known:
        by_entrant[_entrant(record.cell)].append(record)
    missing = [cell for cell in planned.cells if not store.is_done(cell)]
    seconds = {cell.key: _seconds(by_entrant[_entrant(cell)], _rows(planned, cell)) for cell in missing}
    featurize = _featurize(planned, missing, known)
    wall = sum(value or 0.0 for value in featurize.values()) / workers
    wall += _wall([value for cell in missing if (value := seconds[cell.key]) is not None], workers)
    entrants = []
    cells_of = Counter(_entrant(cell) for cell in planned.cells)
    for entrant, cells in cells_of.items():
        records = by_entrant[entrant]
        mine = [cell for cell in missing if _entrant(cell) == entrant]
        entrants.append(
            Expected(
                model=entrant[0],
                features=entrant[1],
                cells=cells,
                cached=cells - len(mine),
                records=len(records),
                power=_power(records),
                cpu_seconds=sum(seconds[cell.key] or 0.0 for cell in mine) if records or not mine else None,
                memory_mb=max((_memory(records, _rows(planned, cell)) for cell in mine), default=0.0)
                if records or not mine
                else None,
            )
        )
    first = planned.cells[0]
    return Forecast(
        dataset=planned.dataset.name,
        rows=len(planned.dataset),
        split=first.split.kind,
        folds=len(planned.folds),
        preset=first.preset,
        entrants=tuple(entrants),
        featurize=featurize,
        workers=workers,
        wall_seconds=wall,
        left_out=planned.left_out,
    )


def _entrant(cell: Cell) -> tuple[str, str, str]:
    """What must be the same for a record to tell of a cell's cost."""
    budget = {name: value for name, value in cell.budget.items() if name != "preset"}
    return cell.model, cell.features, str(sorted(budget.items(), key=str))


def _rows(planned: Plan, cell: Cell) -> int:
    return len(planned.folds[cell.fold].train)


def _by_size(records: Sequence[RunRecord]) -> dict[float, list[RunRecord]]:
    """Records of about the same number of training rows, by that number; smallest first."""
    found: dict[int, list[RunRecord]] = defaultdict(list)
    for record in records:
        found[round(math.log(record.n_train) / math.log(_SAME_SIZE))].append(record)
    return {float(np.mean([each.n_train for each in found[size]])): found[size] for size in sorted(found)}


def _power(records: Sequence[RunRecord]) -> float:
    """How an entrant's time grows with the rows, by its quickest cell of each size: others load libraries too."""
    quickest = {size: min(map(_spent, same)) for size, same in _by_size(records).items()}
    told = {size: seconds for size, seconds in quickest.items() if seconds > 0}
    if not told or max(told) < _SIZES_DIFFER * min(told):
        return 1.0
    slope = np.polyfit(np.log(list(told)), np.log(list(told.values())), 1)[0]
    return float(np.clip(slope, 0.0, _STEEPEST))


def _seconds(records: Sequence[RunRecord], rows: int) -> float | None:
    """CPU seconds of a cell that trains on so many rows: by the records of the nearest size.

    What they spent beyond the quickest of them does not grow. Beyond all sizes that are known, what grows does so at
    least in proportion: small sets hide it behind what is spent anyway.
    """
    if not records:
        return None
    sizes = _by_size(records)
    nearest = min(sizes, key=lambda size: abs(math.log(size / rows)))
    spent = [_spent(record) for record in sizes[nearest]]
    power = _power(records)
    if rows > max(sizes):
        power = max(power, 1.0)
    return float(np.mean(spent) - min(spent) + min(spent) * (rows / nearest) ** power)


def _memory(records: Sequence[RunRecord], rows: int) -> float:
    """MB that a worker's memory rises by, at most.

    What grows with the rows is told by the cells that found their libraries loaded, which rose least.
    """
    least = {size: min(record.peak_memory_mb for record in same) for size, same in _by_size(records).items()}
    largest = max(least)
    a_row = least[largest] / largest
    return max(record.peak_memory_mb + a_row * max(0.0, rows - record.n_train) for record in records)


def _spent(record: RunRecord) -> float:
    return record.tune_seconds + record.fit_seconds + record.predict_seconds


def _featurize(planned: Plan, missing: Iterable[Cell], known: Sequence[RunRecord]) -> dict[str, float | None]:
    """CPU seconds of the feature sets that no record of this dataset has used yet."""
    dataset = planned.dataset
    if dataset.inputs == "table":
        return {}
    inputs_of = {model.name: model.input for model in planned.models}
    found: dict[str, float | None] = {}
    for cell in missing:
        if inputs_of[cell.model] not in {"features", "graph"} or cell.features in found:
            continue
        same = [
            record
            for record in known
            if (record.cell.features, record.cell.features_version) == (cell.features, cell.features_version)
        ]
        if any(record.cell.dataset_sha256 == cell.dataset_sha256 for record in same):
            continue  # the cache has them
        a_row = [record.featurize_seconds / (record.n_train + record.n_test) for record in same]
        found[cell.features] = float(np.mean(a_row)) * len(dataset) if a_row else None
    return found


def _wall(seconds: Sequence[float], workers: int) -> float:
    """When the last of the cells ends, if each goes to the worker that is free first."""
    free = [0.0] * workers
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)
