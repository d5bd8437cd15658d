"""Graphs of whole datasets: built in parallel, and kept on disk by content.

The graphs of a dataset are one folder of arrays, named by the content of its rows and mapped into memory: any
number of workers share one copy. Rows that another dataset of the same kind of graph has already are copied
from there, so that adding ten rows to a dataset builds ten rows. A folder is made under another name and then
renamed, so readers see whole ones only and processes need no lock. What takes more than ``MOST_BYTES`` together
and was not used for a day is removed, longest unused first.

Kernels of graphs are compiled and let go of Python's lock, so threads work side by side; processes would take
longer to start than the graphs of 50,000 crystals take to build.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from automat_featurizers.array_files import GrowingArrays, checksum, mapped
from automat_featurizers.cache import digests
from automat_featurizers.graph_files import INDEX, VERSION, of_mapped, read_index, typed
from automat_featurizers.graph_kinds.nearest import NearestGraphs
from automat_featurizers.graphs import CrystalGraphs
from automat_featurizers.packed import row_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from automat_featurizers.graph_kinds._base import GraphBuilder
    from automat_featurizers.packed import PackedStructures

_LOG = logging.getLogger(__name__)

MOST_BYTES = 8 * 2**30
"""Of all graphs that are kept."""

_RECENT_SECONDS = 24 * 3600.0
"""What was used so lately is not removed: a run may still be about to open it."""

_PART_SITES = 20_000
"""Atoms of the crystals that one thread takes at a time: some tenths of a second at most."""

_ATTEMPTS = 3
"""Another process may take a damaged folder away, and with it the one that was just put in its place."""

_BUILDING = ".building-"
_POINTERS = ("row_ptr", "edge_ptr")


class CachedGraphs(NamedTuple):
    """Graphs of a dataset.

    Attributes:
        graphs: one a row; mapped from the disk where they are kept.
        seconds: CPU seconds that building them took when they were built.
        failures: row to why its graph has no edges.
    """

    graphs: CrystalGraphs
    seconds: float
    failures: dict[int, str]


@dataclass(frozen=True, eq=False)
class _Built:
    """Graphs of some rows, with the CPU seconds of each, shape (n,), and the reasons of those that failed."""

    graphs: CrystalGraphs
    seconds: NDArray[np.float64]
    failures: dict[int, str]

    def take(self, rows: NDArray[np.intp]) -> _Built:
        failures = {place: self.failures[row] for place, row in enumerate(rows.tolist()) if row in self.failures}
        return _Built(self.graphs.take(rows), self.seconds[rows], failures)

    @classmethod
    def joined(cls, parts: list[_Built]) -> _Built:
        starts = row_pointer([len(part.seconds) for part in parts]).tolist()
        failures = {
            start + row: why
            for start, part in zip(starts[:-1], parts, strict=True)
            for row, why in part.failures.items()
        }
        seconds = np.concatenate([part.seconds for part in parts])
        return cls(CrystalGraphs.joined([part.graphs for part in parts]), seconds, failures)

    def told(self) -> CachedGraphs:
        return CachedGraphs(self.graphs, float(self.seconds.sum()), self.failures)


def cached_graphs(
    structures: PackedStructures,
    cache_dir: Path | None,
    builder: GraphBuilder | None = None,
    *,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> CachedGraphs:
    """The graphs of a dataset, read from the cache where the same structures were built before.

    Args:
        structures: the crystals.
        cache_dir: of all caches; None keeps nothing, and the graphs are arrays in memory.
        builder: of the graphs; of each atom's 12 nearest within 8 angstrom by default.
        jobs: threads.
        progress: called with rows done and rows to do.

    Raises:
        ValueError: the builder's settings make no sense, or a row is no crystal.
        OSError: the cache cannot be written.
    """
    builder = NearestGraphs() if builder is None else builder
    if cache_dir is None:
        parts = list(_parts(structures, builder, [], np.empty(0, "S32"), jobs, progress))
        return _Built.joined(parts).told()
    keys = digests(structures.row_hashes())
    kind = cache_dir / "graphs" / f"{builder.name}-{builder.version}"
    folder = kind / hashlib.sha256(keys.tobytes()).hexdigest()[:24]
    for _ in range(_ATTEMPTS):
        kept = _Kept.open(folder)
        if kept is not None:
            break
        kind.mkdir(parents=True, exist_ok=True)
        _write(folder, keys, _parts(structures, builder, _others(kind, keys), keys, jobs, progress))
        _remove_unused(cache_dir / "graphs")
    else:
        raise OSError(f"{folder} was written and cannot be read, {_ATTEMPTS - 1} times")
    with suppress(OSError):  # a cache that may only be read
        os.utime(folder / INDEX)  # used just now
    return kept.built.told()


@dataclass(frozen=True, eq=False)
class _Kept:
    """A folder of the cache: what was built, and the digest of every row."""

    built: _Built
    digests: NDArray[np.bytes_]

    @classmethod
    def open(cls, folder: Path, wanted: NDArray[np.bytes_] | None = None) -> _Kept | None:
        """A folder whose every byte was checked; None where there is none, or a damaged one.

        Where rows are wanted, also None for a folder that has none of them, which is not checked then.
        """
        try:
            index = read_index(folder)
        except FileNotFoundError:
            return None
        except ValueError as error:
            _tell_damaged(folder, error)
            return None
        try:
            if wanted is not None and not np.isin(wanted, mapped(folder / index["files"]["digests"])).any():
                return None
            arrays = {name: mapped(folder / file) for name, file in index["files"].items()}
            wrong = [name for name, array in arrays.items() if checksum(array) != index["checksums"][name]]
            if wrong:
                raise ValueError(f"the checksum of {wrong[0]} is another")  # noqa: TRY301 - told below
            graphs = of_mapped(folder, arrays)
            failures = {int(row): why for row, why in index["failures"].items()}
        except (ValueError, KeyError, OSError) as error:
            _tell_damaged(folder, error)
            return None
        return cls(_Built(graphs, arrays["seconds"], failures), arrays["digests"])


def _tell_damaged(folder: Path, error: Exception) -> None:
    _LOG.warning("%s cannot be read, the graphs are built again: %s", folder, error)


def _others(kind: Path, keys: NDArray[np.bytes_]) -> list[_Kept]:
    """Folders that have rows of those digests."""
    found: list[_Kept] = []
    lacking = np.unique(keys)
    for folder in sorted(kind.iterdir()):
        if not len(lacking):
            break
        if not folder.name.startswith(_BUILDING) and (kept := _Kept.open(folder, lacking)) is not None:
            found.append(kept)
            lacking = np.setdiff1d(lacking, kept.digests)
    return found


def _parts(
    structures: PackedStructures,
    builder: GraphBuilder,
    others: list[_Kept],
    keys: NDArray[np.bytes_],
    jobs: int,
    progress: Callable[[int, int], None] | None,
) -> Iterator[_Built]:
    """The graphs of all rows in their order, part by part; rows that others have are copied."""
    number = structures.row_ptr[:-1] // _PART_SITES
    parts = np.split(np.arange(len(structures)), np.flatnonzero(np.diff(number)) + 1)

    def part(rows: NDArray[np.intp]) -> _Built:
        return _part(structures, builder, rows, others, keys)

    alone = jobs == 1 or len(parts) == 1
    made: Iterator[_Built] = map(part, parts) if alone else _by_threads(part, parts, jobs)
    done = 0
    for rows, built in zip(parts, made, strict=True):
        yield built
        done += len(rows)
        if progress is not None:
            progress(done, len(structures))


def _by_threads(
    part: Callable[[NDArray[np.intp]], _Built], parts: list[NDArray[np.intp]], jobs: int
) -> Iterator[_Built]:
    """Results in order; only a few are made ahead, as they may be large."""
    with ThreadPoolExecutor(jobs, thread_name_prefix="graphs") as pool:
        ahead: deque[Future[_Built]] = deque()
        try:
            for rows in parts:
                ahead.append(pool.submit(part, rows))
                if len(ahead) > 2 * jobs:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for waiting in ahead:
                waiting.cancel()


def _part(
    structures: PackedStructures,
    builder: GraphBuilder,
    rows: NDArray[np.intp],
    others: list[_Kept],
    keys: NDArray[np.bytes_],
) -> _Built:
    missing = np.ones(len(rows), dtype=bool)
    places: list[NDArray[np.intp]] = []
    made: list[_Built] = []
    for other in others:
        looked = np.flatnonzero(missing)
        order = np.argsort(other.digests)
        at = np.searchsorted(other.digests, keys[rows[looked]], sorter=order).clip(max=len(order) - 1)
        found = other.digests[order[at]] == keys[rows[looked]] if len(order) else np.zeros(0, dtype=bool)
        if found.any():
            places.append(looked[found])
            made.append(other.built.take(order[at[found]]))
            missing[looked[found]] = False
    if missing.any() or not len(rows):
        places.append(np.flatnonzero(missing))
        made.append(_build(structures, builder, rows[missing]))
    if len(made) == 1:
        return made[0]
    return _Built.joined(made).take(np.argsort(np.concatenate(places)))


def _build(structures: PackedStructures, builder: GraphBuilder, rows: NDArray[np.intp]) -> _Built:
    """Graphs of some rows; an error names the row in the dataset."""
    started = time.thread_time()
    chosen = structures.take(rows)
    try:
        graphs, failures = builder.build(chosen)
    except ValueError:
        builder.build(structures)  # says which row of the whole it is
        raise
    spent = time.thread_time() - started
    # What a crystal took is not known; it goes by its atoms.
    sites = np.diff(chosen.row_ptr)
    return _Built(graphs, spent * sites / max(1, sites.sum()), failures)


def _write(folder: Path, keys: NDArray[np.bytes_], parts: Iterator[_Built]) -> None:
    """Make a folder of the cache."""
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_BUILDING))
    try:
        ends = dict.fromkeys(_POINTERS, 0)
        failures: dict[int, str] = {}
        rows = 0
        with GrowingArrays(temporary) as arrays:
            for name in _POINTERS:
                arrays.append(name, np.zeros(1, np.int64))
            arrays.append("digests", keys)
            for part in parts:
                for name, array in part.graphs.arrays().items():
                    if name in ends:
                        arrays.append(name, ends[name] + array[1:])
                        ends[name] += int(array[-1])
                    else:
                        arrays.append(name, np.asarray(array, typed(name)[0]))
                arrays.append("seconds", part.seconds)
                failures |= {rows + row: why for row, why in part.failures.items()}
                rows += len(part.seconds)
            arrays.finish()
        about = {"version": VERSION, "files": arrays.files, "checksums": arrays.checksums, "failures": failures}
        (temporary / INDEX).write_text(json.dumps(about, indent=1))
        _put(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _put(temporary: Path, folder: Path) -> None:
    """Rename a new folder; one of that name is as good, if it can be read, and else gives way."""
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        if _Kept.open(folder) is not None:
            shutil.rmtree(temporary, ignore_errors=True)
            return
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)


def _remove_unused(graphs: Path) -> None:
    """Keep to ``MOST_BYTES``, as far as nothing has to go that was used within a day."""
    old: list[tuple[float, int, Path]] = []
    total = 0
    for folder in graphs.glob("*/*"):
        with suppress(OSError):
            size = sum(file.stat().st_size for file in folder.iterdir())
            used = (folder if folder.name.startswith(_BUILDING) else folder / INDEX).stat().st_mtime
            total += size
            old.append((used, size, folder))
    for used, size, folder in sorted(old):
        recent = time.time() - used < _RECENT_SECONDS
        abandoned = folder.name.startswith(_BUILDING)
        if not recent and (abandoned or total > MOST_BYTES):
            shutil.rmtree(folder, ignore_errors=True)
            total -= size
