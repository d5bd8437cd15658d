"""Unfinished work that nobody will go on from is removed when a run begins.

Work on a cell goes when the cell is finished. What stays is of cells that were given up: interrupted and never asked
for again, or asked for with another budget, which is another cell. A process that was cut off from its run may also
write once more after the cell was finished by another one.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from automat import partial_work
from automat.executors import claims

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from automat.core import Cell
    from automat.store import Store

KEPT_SECONDS = 30 * 24 * 3600.0
"""So long unfinished work that nothing has written to is kept."""


def sweep(store: Store, wanted: Iterable[Cell]) -> None:
    """Remove unfinished work on cells that are finished, and what was not written to for 30 days.

    What belongs to a cell that is wanted stays, and what a run that goes on may use. All datasets of the folder are
    looked at. Where something cannot be removed, it stays.

    Args:
        store: of the run that begins.
        wanted: cells that it will compute.
    """
    keys = {cell.key for cell in wanted}
    for folder in sorted(store.root.glob("*/partial")):
        with suppress(OSError):
            _sweep(store, folder, keys)


def _sweep(store: Store, folder: Path, wanted: Collection[str]) -> None:
    keys = {path: key for path in folder.iterdir() if (key := partial_work.key_of(path)) and key not in wanted}
    if not keys:
        return
    held = folder.parent / "claims"
    held.mkdir(exist_ok=True)
    with claims.alone(held) as now:  # no cell is claimed meanwhile
        for path, key in keys.items():
            with suppress(OSError):  # one that vanishes meanwhile, or stays, keeps none of the others
                if _may_be_used(held / key, now):
                    continue
                if now - path.stat().st_mtime > KEPT_SECONDS or store.is_recorded(folder.parent, key):
                    path.unlink(missing_ok=True)


def _may_be_used(claim: Path, now: float) -> bool:
    """Whether a run may be computing the cell of a claim; those of other machines renew theirs, and are believed."""
    lives = claims.holder_lives(claim)
    return now - claim.stat().st_mtime <= KEPT_SECONDS if lives is None else lives
