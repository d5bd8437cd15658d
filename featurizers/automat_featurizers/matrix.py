"""A feature set over a whole dataset: cached by content, in parallel."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automat_featurizers.base import as_packed
from automat_featurizers.cache import RowCache, Rows
from automat_featurizers.environment import die_with_parent, environment, without_main
from automat_featurizers.sets import feature_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from automat_featurizers.base import Featurizer
    from automat_featurizers.packed import PackedCompositions, PackedStructures

_CHUNK = 100
"""Rows a worker takes at a time: seconds of work, so little is lost when a run is stopped."""

_WORTH_WORKERS = 200
"""Below this many missing rows, starting workers costs more than it saves."""

_QUIET_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "SPGLIB_WARNING": "OFF",  # it remarks on every tolerance that it tries
}


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
    set_name: str,
    *,
    cache_dir: Path | None = None,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Features:
    """Features of every row.

    Args:
        packed: the materials.
        set_name: a feature set's name.
        cache_dir: where computed rows are kept; None: nowhere.
        jobs: worker processes, one thread each.
        progress: called with rows done and rows to do, counted over all featurizers.

    Raises:
        ValueError: no such set, or it needs structures and compositions were given.
    """
    chosen = feature_set(set_name)
    inputs = [as_packed(packed, each.takes) for each in chosen.featurizers]
    hashes = [rows.row_hashes() for rows in inputs]
    caches = [RowCache(cache_dir, each) for each in chosen.featurizers]
    chunks = [
        (column, rows)
        for column, cache in enumerate(caches)
        for rows in _chunks([row for row in _first_of_each(hashes[column]) if hashes[column][row] not in cache])
    ]
    total, done = sum(len(rows) for _, rows in chunks), 0
    tasks = [(chosen.featurizers[column], inputs[column].take(rows)) for column, rows in chunks]
    for position, computed in _compute(tasks, jobs if total >= _WORTH_WORKERS else 1):
        column, rows = chunks[position]
        caches[column].add([hashes[column][row] for row in rows], computed)
        done += len(rows)
        if progress is not None:
            progress(done, total)
    blocks = [cache.take(keys) for cache, keys in zip(caches, hashes, strict=True)]
    values = np.hstack([block.values for block in blocks])
    seconds = sum(float(block.seconds[_first_of_each(keys)].sum()) for block, keys in zip(blocks, hashes, strict=True))
    return Features(values, chosen.names, seconds, _failures(blocks))


def _first_of_each(hashes: list[str]) -> list[int]:
    """The first row of every distinct hash."""
    first: dict[str, int] = {}
    for row, row_hash in enumerate(hashes):
        first.setdefault(row_hash, row)
    return list(first.values())


def _chunks(rows: list[int]) -> list[list[int]]:
    return [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]


def _failures(blocks: list[Rows]) -> dict[int, str]:
    reasons: dict[int, list[str]] = {}
    for block in blocks:
        for row in np.flatnonzero(block.reasons != ""):
            reasons.setdefault(int(row), []).append(str(block.reasons[row]))
    return {row: "; ".join(texts) for row, texts in sorted(reasons.items())}


def _compute(
    tasks: list[tuple[Featurizer, PackedCompositions | PackedStructures]], jobs: int
) -> Iterator[tuple[int, Rows]]:
    """Position and rows of every task, as they are done."""
    if jobs <= 1 or len(tasks) <= 1:
        for position, (featurizer, rows) in enumerate(tasks):
            yield position, _transform(featurizer, rows)
        return
    context = multiprocessing.get_context("spawn")
    with (
        environment(_QUIET_ONE_THREAD),
        without_main(),
        ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=context, initializer=die_with_parent) as pool,
    ):
        futures = {pool.submit(_transform, *task): position for position, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _transform(featurizer: Featurizer, rows: PackedCompositions | PackedStructures) -> Rows:
    values = featurizer.transform(rows)
    reasons = np.array([featurizer.failures_.get(row, "") for row in range(len(rows))], dtype=np.str_)
    return Rows(values, featurizer.seconds_, reasons)
