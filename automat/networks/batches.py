"""Rows cut for training: the inner holdout, and the batches of an epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_HOLDOUT = 10
"""An inner holdout of fewer rows says more of chance than of the weights, so none is made."""

POOL = 20
"""Batches whose rows are sorted by size together: the more, the more alike, and the less random."""


def hold_out(targets: NDArray[Any], share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut rows into those to train on and those to choose the epoch by.

    Held-out rows are drawn evenly over the sorted targets, so that they span values, or classes, alike.
    """
    count = round(share * len(targets))
    every = np.arange(len(targets), dtype=np.intp)
    if count < MIN_HOLDOUT:
        return every, every[:0]
    chance = np.random.default_rng(seed)
    shuffled = chance.permutation(every)
    ordered = shuffled[np.argsort(targets[shuffled], kind="stable")]
    held = np.sort([chance.choice(part) for part in np.array_split(ordered, count)])
    return np.setdiff1d(every, held), held


def count_batches(rows: int, batch_size: int) -> int:
    """How many batches so many rows make; none of no rows is still one."""
    return max(1, math.ceil(rows / batch_size))


def in_order(rows: NDArray[np.intp], batch_size: int) -> list[NDArray[np.intp]]:
    """Rows in even parts: a last batch of one row would have no variance to normalise by."""
    return np.array_split(rows, count_batches(len(rows), batch_size))


def shuffled(rows: NDArray[np.intp], batch_size: int, chance: np.random.Generator) -> list[NDArray[np.intp]]:
    """Rows in even parts by chance: an epoch."""
    return in_order(chance.permutation(rows), batch_size)


def bucketed(
    rows: NDArray[np.intp], batch_size: int, chance: np.random.Generator, sizes: NDArray[np.int64]
) -> list[NDArray[np.intp]]:
    """An epoch whose batches hold rows of alike size, as many batches as without.

    Shuffled rows are sorted by size within pools of 20 batches, and the batches then shuffled, so that
    neither a batch's company nor the order of sizes repeats from epoch to epoch.

    Args:
        rows: to be cut.
        batch_size: the most rows of a batch.
        chance: decides the shuffles.
        sizes: of every row that there is, shape (n,).
    """
    parts = shuffled(rows, batch_size, chance)
    batches: list[NDArray[np.intp]] = []
    for first in range(0, len(parts), POOL):
        pool = parts[first : first + POOL]
        together = np.concatenate(pool)
        together = together[np.argsort(sizes[together], kind="stable")]
        batches += np.split(together, np.cumsum([len(part) for part in pool])[:-1])
    return [batches[position] for position in chance.permutation(len(batches))]
