"""Are two crystals the same? Asked of pymatgen's StructureMatcher, in workers that may hang, in bounded time.

The matcher's tolerances are its defaults, by which the Materials Project tells its entries apart: lengths of the
reduced cells to 20%, angles to 5 degrees, sites to a root mean square of 0.3 of the cube root of the volume an
atom; both crystals are scaled to the same volume (S. P. Ong et al., Comput. Mater. Sci. 68, 314 (2013),
doi:10.1016/j.commatsci.2012.10.028).
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.packed import PackedStructures
from automat_featurizers.workers import Workers, WorkersBrokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

SAME, DIFFERENT, UNDECIDED = 1, 0, -1

_TASK_SECONDS = 10.0
"""A task that takes longer is given up: a reduction or a comparison that needs it may never end."""

_BATCH = 8
_REDUCING_SHARE = 2 / 3
"""Of the time, at most: reducing takes the most of it, and without comparing it is for nothing."""


def same_crystals(
    structures: PackedStructures, pairs: NDArray[np.intp], *, jobs: int = 1, seconds: float = 60.0
) -> NDArray[np.int64]:
    """For every pair, whether StructureMatcher calls its crystals the same.

    Crystals are reduced to primitive Niggli cells once each. Two whose primitive cells have other numbers of
    sites are different without being compared, as they are to the matcher.

    Args:
        structures: n crystals.
        pairs: row positions, shape (m, 2), the most urgent ones first.
        jobs: worker processes.
        seconds: of wall time, after which no task is begun; the last ones may take 10 seconds more.

    Returns:
        ``SAME``, ``DIFFERENT`` or ``UNDECIDED`` (out of time, or the matcher failed), shape (m,).
    """
    verdicts = np.full(len(pairs), UNDECIDED, np.int64)
    if not len(pairs):
        return verdicts
    started = time.monotonic()
    with Workers(jobs, time_limit=_TASK_SECONDS) as workers:
        rows = list(dict.fromkeys(pairs.ravel().tolist()))
        cells = [structures.take([row]) for row in rows]
        reduced = _each(workers, _reduced, cells, started + _REDUCING_SHARE * seconds)
        cell_of = {rows[place]: cell for place, cell in reduced.items()}
        todo = []
        for place, (left, right) in enumerate(pairs.tolist()):
            if left in cell_of and right in cell_of:
                verdicts[place] = DIFFERENT
                if len(cell_of[left].atomic_numbers) == len(cell_of[right].atomic_numbers):
                    verdicts[place] = UNDECIDED
                    todo.append((place, left, right))
        compared = _each(
            workers, _is_same, [(cell_of[left], cell_of[right]) for _, left, right in todo], started + seconds
        )
        for place, same in compared.items():
            verdicts[todo[place][0]] = SAME if same else DIFFERENT
    return verdicts


def _each(workers: Workers, function: Callable[[Any], Any], items: Sequence[Any], deadline: float) -> dict[int, Any]:
    """``function`` of every item, by position; those that fail or take too long are absent."""
    waiting = deque(tuple(range(start, min(start + _BATCH, len(items)))) for start in range(0, len(items), _BATCH))
    found: dict[int, Any] = {}
    running: set[tuple[str, tuple[int, ...]]] = set()
    try:
        while (waiting or running) and time.monotonic() < deadline:
            while waiting and workers.has_room:
                batch = waiting.popleft()
                running.add((function.__name__, batch))
                workers.submit((function.__name__, batch), _of_each, (function, [items[place] for place in batch]))
            for key, outcome in workers.finished():
                if key not in running:
                    continue  # of an earlier call that ran out of time
                running.remove(key)
                batch = key[1]
                if outcome.error is None:
                    answers = zip(batch, outcome.value, strict=True)
                    found |= {place: answer for place, answer in answers if answer is not None}
                elif len(batch) > 1:  # one of them took its neighbours along
                    waiting.extend((place,) for place in batch)
    except WorkersBrokenError:
        return found
    return found


def _of_each(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    answers: list[Any] = []
    for item in items:
        try:
            answers.append(function(item))
        except Exception:  # noqa: BLE001 - pymatgen raises what it likes, and one crystal must not cost the others
            answers.append(None)
    return answers


def _reduced(cell: PackedStructures) -> PackedStructures:
    """What StructureMatcher makes of a crystal before it compares: its primitive Niggli cell."""
    crystal: Structure = cell[0].get_reduced_structure(reduction_algo="niggli").get_primitive_structure()
    return PackedStructures.pack([crystal])


def _is_same(cells: tuple[PackedStructures, PackedStructures]) -> bool:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    return bool(StructureMatcher().fit(cells[0][0], cells[1][0], skip_structure_reduction=True))
