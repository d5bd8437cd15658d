"""A feature set over a whole dataset: cached by content, in parallel.

The missing rows are cut into tasks of about a second. A task is some rows and all featurizers that miss
them, so that what several of them read (a tessellation, a neighbour list) is computed once. Little work is
done in this process; more of it in workers, where a task that kills its worker is cut into halves until the
row and the featurizer that did it are known.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Featurizer, as_packed
from automat_featurizers.cache import RowCache, Rows, digests
from automat_featurizers.matminer_adapter import MatminerByName
from automat_featurizers.packed import PackedCompositions, PackedStructures
from automat_featurizers.sets import FeatureSet, feature_set
from automat_featurizers.workers import Outcome, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from automat_featurizers.base import Takes

Packed = PackedStructures | PackedCompositions

_TASK_SECONDS = 1.0
"""Work of a task, by what the featurizers say they cost: little is lost at a stop."""

_MATMINER_TASK_SECONDS = 30.0
"""Work of a task, for every worker, of what has workers of its own: these wait for each other at its end."""

_TASK_SITES = 20_000
"""What is computed on the way (tessellations, neighbour lists) is held for all sites of a task."""

_TASK_BYTES = 64e6
"""Of a task's columns."""

_WORTH_A_WORKER = 7.5
"""Seconds of work for which a worker is started; starting it costs three to five."""

_USUAL_SITES = 8.0
"""Sites a cell where the costs were measured; larger cells cost more."""

_FLUSH_SECONDS = 10.0
"""Computed rows are written to the cache at least this often."""


@dataclass(frozen=True, eq=False)
class Features:
    """A feature matrix.

    Attributes:
        values: shape (n, columns); NaN where a feature is not defined.
        names: column labels.
        seconds: CPU seconds that all rows cost when they were computed (equal rows count once).
        failures: row to the reasons of its NaN columns.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    seconds: float
    failures: dict[int, str]


def featurize(
    packed: PackedStructures | PackedCompositions,
    features: str | FeatureSet | Sequence[Featurizer],
    *,
    cache_dir: Path | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """Features of every row.

    Args:
        packed: the materials.
        features: a feature set or its name, or featurizers (fitted, where they learn anything).
        cache_dir: where computed rows are kept; None: nowhere.
        jobs: worker processes, one thread each; fewer are started for little work, or none.
        progress: called with rows done and rows to do, counted over all featurizers.

    Raises:
        ValueError: no such set, or it needs structures and compositions were given.
        OSError: the cache cannot be written.
        WorkersBrokenError: workers cannot be started.
    """
    chosen = feature_set(features) if isinstance(features, str) else features
    featurizers = chosen.featurizers if isinstance(chosen, FeatureSet) else tuple(chosen)
    kinds = dict.fromkeys(each.takes for each in featurizers)
    inputs = {takes: _Input.of(as_packed(packed, takes)) for takes in kinds}
    matrix = _Matrix.empty(featurizers, inputs, len(packed))
    caches = [RowCache(cache_dir, each) for each in featurizers]
    missing = [matrix.fill_from(cache, column) for column, cache in enumerate(caches)]
    total, done = sum(len(rows) for rows in missing), 0
    flushed = time.monotonic()
    try:
        for task, blocks in _computed(_tasks(featurizers, inputs, missing, jobs), featurizers, inputs, jobs):
            for column, block in zip(task.columns, blocks, strict=True):
                matrix.put(column, task.rows, block)
                caches[column].add(inputs[featurizers[column].takes].digests[task.rows], block)
            if time.monotonic() - flushed > _FLUSH_SECONDS:
                _flush(caches)
                flushed = time.monotonic()
            done += len(task.rows) * len(task.columns)
            if progress is not None:
                progress(done, total)
    finally:
        _flush(caches)  # whatever stopped it: computed rows are not computed again
    return matrix.features()


def _flush(caches: Sequence[RowCache]) -> None:
    for cache in caches:
        cache.flush()


@dataclass(frozen=True, eq=False)
class _Input:
    """Packed rows, and which of them are equal.

    Attributes:
        packed: n rows.
        digests: of their content, shape (n,).
        first: for every row the first row that equals it, shape (n,).
        distinct: the first rows, in the order of their digests.
    """

    packed: Packed
    digests: NDArray[np.bytes_]
    first: NDArray[np.intp]
    distinct: NDArray[np.intp]

    @classmethod
    def of(cls, packed: Packed) -> _Input:
        keys = digests(packed.row_hashes())
        _, distinct, inverse = np.unique(keys, return_index=True, return_inverse=True)
        return cls(packed, keys, distinct[inverse.reshape(-1)], distinct)

    @property
    def sites(self) -> NDArray[np.int64]:
        """Sites of every row; 1 for a composition."""
        if isinstance(self.packed, PackedStructures):
            return np.diff(self.packed.row_ptr)
        return np.ones(len(self.packed), np.int64)


@dataclass(eq=False)
class _Matrix:
    """The matrix as it fills: rows that equal an earlier one are copied at the end."""

    featurizers: Sequence[Featurizer]
    inputs: dict[Takes, _Input]
    names: tuple[str, ...]
    spans: list[slice]
    values: NDArray[np.float64]
    reasons: list[dict[int, str]]
    seconds: float = field(default=0.0)

    @classmethod
    def empty(cls, featurizers: Sequence[Featurizer], inputs: dict[Takes, _Input], rows: int) -> _Matrix:
        labels = [[str(name) for name in each.get_feature_names_out()] for each in featurizers]
        ends = np.cumsum([0, *map(len, labels)]).tolist()
        spans = [slice(start, stop) for start, stop in pairwise(ends)]
        names = tuple(name for block in labels for name in block)
        return cls(featurizers, inputs, names, spans, np.empty((rows, len(names))), [{} for _ in featurizers])

    def fill_from(self, cache: RowCache, column: int) -> NDArray[np.intp]:
        """Take what a featurizer's cache has; the rows that it lacks, in their order."""
        known = self.inputs[self.featurizers[column].takes]
        places, rows = cache.find(known.digests[known.distinct])
        self.put(column, known.distinct[places], rows)
        return np.sort(np.delete(known.distinct, places))

    def put(self, column: int, rows: NDArray[np.intp], block: Rows) -> None:
        """Take computed rows of one featurizer."""
        self.values[rows, self.spans[column]] = block.values
        self.reasons[column] |= {int(rows[row]): reason for row, reason in block.reasons.items()}
        self.seconds += float(block.seconds.sum())

    def features(self) -> Features:
        """The whole matrix, once every distinct row is there."""
        failures: dict[int, list[str]] = {}
        for column, each in enumerate(self.featurizers):
            first = self.inputs[each.takes].first
            again = np.flatnonzero(first != np.arange(len(first)))
            self.values[again, self.spans[column]] = self.values[first[again], self.spans[column]]
            reasons = self.reasons[column]
            for row in np.flatnonzero(np.isin(first, list(reasons))).tolist() if reasons else ():
                failures.setdefault(row, []).append(reasons[int(first[row])])
        joined = {row: "; ".join(texts) for row, texts in sorted(failures.items())}
        return Features(self.values, self.names, self.seconds, joined)


@dataclass(frozen=True, eq=False)
class _Task:
    """Rows to compute by several featurizers at once.

    Attributes:
        columns: positions of the featurizers, all of which take the same.
        rows: positions of the rows.
        cost: CPU seconds to expect.
    """

    columns: tuple[int, ...]
    rows: NDArray[np.intp]
    cost: float

    def halves(self) -> list[_Task]:
        """Two smaller tasks that are this one together; none where it is one row of one featurizer."""
        if len(self.rows) > 1:
            return [_Task(self.columns, rows, self.cost / 2) for rows in np.array_split(self.rows, 2)]
        if len(self.columns) > 1:
            half = len(self.columns) // 2
            return [_Task(part, self.rows, self.cost / 2) for part in (self.columns[:half], self.columns[half:])]
        return []


def _tasks(
    featurizers: Sequence[Featurizer], inputs: dict[Takes, _Input], missing: Sequence[NDArray[np.intp]], jobs: int
) -> list[_Task]:
    """The missing rows in tasks; featurizers that miss the same rows work side by side."""
    tasks: list[_Task] = []
    for takes, given in inputs.items():
        mine = [column for column, each in enumerate(featurizers) if each.takes == takes]
        apart = [[column] for column in mine if isinstance(featurizers[column], MatminerByName)]
        together = [column for column in mine if not isinstance(featurizers[column], MatminerByName)]
        for columns in (together, *apart):
            lacks = np.zeros((len(columns), len(given.first)), dtype=bool)
            for place, column in enumerate(columns):
                lacks[place, missing[column]] = True
            lacking, pattern = np.unique(np.packbits(lacks, axis=0), axis=1, return_inverse=True)
            for number, bits in enumerate(np.unpackbits(lacking, axis=0, count=len(columns)).T):
                some = [columns[place] for place in np.flatnonzero(bits)]
                if some:
                    rows = np.flatnonzero(pattern.reshape(-1) == number)
                    tasks.extend(_cut([(column, featurizers[column]) for column in some], given, rows, jobs))
    return tasks


def _cut(chosen: Sequence[tuple[int, Featurizer]], given: _Input, rows: NDArray[np.intp], jobs: int) -> Iterator[_Task]:
    """Tasks of some featurizers: about equally long, and bounded in memory."""
    sites = given.sites[rows]
    costs = 1e-3 * sum(each.cost_ms for _, each in chosen) * np.maximum(1.0, sites / _USUAL_SITES)
    own_workers = isinstance(chosen[0][1], MatminerByName)
    bytes_a_row = 8 * max(len(each.get_feature_names_out()) for _, each in chosen)
    shares = np.maximum.reduce(
        [
            costs / (_MATMINER_TASK_SECONDS * jobs if own_workers else _TASK_SECONDS),
            sites / _TASK_SITES if isinstance(given.packed, PackedStructures) else np.zeros(len(rows)),
            np.full(len(rows), bytes_a_row / _TASK_BYTES),
        ]
    )
    number = np.floor(np.cumsum(shares) - shares / 2).astype(np.int64)
    cuts = np.flatnonzero(np.diff(number)) + 1
    columns = tuple(column for column, _ in chosen)
    for part, cost in zip(np.split(rows, cuts), np.split(costs, cuts), strict=True):
        yield _Task(columns, part, float(cost.sum()))


def _computed(
    tasks: Sequence[_Task], featurizers: Sequence[Featurizer], inputs: dict[Takes, _Input], jobs: int
) -> Iterator[tuple[_Task, list[Rows]]]:
    """Every task, or what it was cut into, and the rows of each of its featurizers, as they are done."""
    apart = [task for task in tasks if isinstance(featurizers[task.columns[0]], MatminerByName)]
    others = [task for task in tasks if not isinstance(featurizers[task.columns[0]], MatminerByName)]

    def call(task: _Task) -> tuple[list[Featurizer], Packed]:
        chosen = [featurizers[column] for column in task.columns]
        return chosen, inputs[chosen[0].takes].packed.take(task.rows)

    count = min(jobs, len(others), int(sum(task.cost for task in others) / _WORTH_A_WORKER))
    if count > 1:
        yield from _by_workers(others, call, count)
    else:
        yield from ((task, _transform(*call(task))) for task in others)
    for columns, mine in groupby(apart, key=lambda task: task.columns):
        given: Any = featurizers[columns[0]]
        with given.working(jobs):
            yield from ((task, _transform(*call(task))) for task in mine)


def _by_workers(
    tasks: Sequence[_Task], call: Callable[[_Task], tuple[list[Featurizer], Packed]], count: int
) -> Iterator[tuple[_Task, list[Rows]]]:
    todo = deque(tasks)
    with Workers(count) as workers:
        while todo or workers.busy:
            while todo and workers.has_room:
                task = todo.popleft()
                workers.submit(task, _transform, call(task))
            for task, outcome in workers.finished():
                if not outcome.lost:
                    yield task, outcome.result()
                elif halves := task.halves():
                    todo.extendleft(halves)
                else:
                    yield task, [_lost(call(task)[0][0], outcome)]


def _lost(featurizer: Featurizer, outcome: Outcome) -> Rows:
    values = np.full((1, len(featurizer.get_feature_names_out())), np.nan)
    return Rows(values, np.zeros(1), {0: f"{featurizer.name}: {outcome.error}"})


def _transform(featurizers: Sequence[Featurizer], rows: Packed) -> list[Rows]:
    made = []
    for featurizer in featurizers:
        values = np.asarray(featurizer.transform(rows))  # without the frame that set_output may ask for
        made.append(Rows(values, featurizer.seconds_, featurizer.failures_))
    return made
