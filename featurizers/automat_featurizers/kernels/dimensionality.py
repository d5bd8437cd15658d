"""Dimension of periodic networks of bonds, exactly, in integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def _root(site: int, parent: NDArray[np.int64], shift: NDArray[np.int64]) -> int:
    """The root of a site's tree; afterwards the site hangs directly from it."""
    root, total = site, np.zeros(3, np.int64)
    while parent[root] != root:
        total += shift[root]
        root = parent[root]
    # On a second walk every site on the way is hung from the root, too.
    here = site
    while parent[here] != root and here != root:
        above, step = parent[here], shift[here].copy()
        parent[here] = root
        shift[here] = total
        total -= step
        here = above
    return root


@njit(cache=True)
def _widen(rank: int, plane: NDArray[np.int64], loop: NDArray[np.int64]) -> int:
    """The dimension spanned once a loop is added.

    Args:
        rank: dimension so far.
        plane: with rank 1 the first loop, with rank 2 the normal of the first two, shape (3,); overwritten.
        loop: lattice translation along a closed way of bonds, shape (3,).
    """
    if rank == 0:
        if not (loop == 0).all():
            plane[:] = loop
            return 1
    elif rank == 1:
        normal = np.empty(3, np.int64)
        for axis in range(3):
            after, before = (axis + 1) % 3, (axis + 2) % 3
            normal[axis] = plane[after] * loop[before] - plane[before] * loop[after]
        if not (normal == 0).all():
            plane[:] = normal
            return 2
    elif rank == 2 and plane[0] * loop[0] + plane[1] * loop[1] + plane[2] * loop[2] != 0:  # noqa: PLR2004 - a plane
        return 3
    return rank


@njit(cache=True)
def dimensions(
    row_ptr: NDArray[np.int64],
    bond_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    image: NDArray[np.int64],
    bonded: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Largest dimension of the connected parts of every structure.

    Bonds join sites into trees, in which every site knows the lattice translation to its root. A bond within
    a tree closes a loop; a part of the crystal extends in as many directions as its loops' translations span.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        bond_ptr: offsets of the sites' candidate bonds, shape (sites + 1,).
        neighbor: site at the other end, counted within its structure, shape (candidates,).
        image: lattice translation of that site, shape (candidates, 3).
        bonded: whether the candidate is a bond, shape (candidates,).

    Returns:
        0, 1, 2 or 3, shape (n,).
    """
    made = np.zeros(len(row_ptr) - 1)
    for row in range(len(row_ptr) - 1):
        start, count = row_ptr[row], row_ptr[row + 1] - row_ptr[row]
        parent = np.arange(count)
        shift = np.zeros((count, 3), np.int64)
        for site in range(count):
            for bond in range(bond_ptr[start + site], bond_ptr[start + site + 1]):
                if not bonded[bond]:
                    continue
                other = neighbor[bond]
                root, far = _root(site, parent, shift), _root(other, parent, shift)
                if root != far:
                    # shift[x] leads from x's root to x; the bond leads from the site to the other one.
                    parent[far] = root
                    shift[far] = shift[site] + image[bond] - shift[other]
        rank = np.zeros(count, np.int64)
        plane = np.zeros((count, 3), np.int64)
        for site in range(count):
            root = _root(site, parent, shift)
            for bond in range(bond_ptr[start + site], bond_ptr[start + site + 1]):
                if bonded[bond] and rank[root] < 3:  # noqa: PLR2004 - space has three dimensions
                    other = neighbor[bond]
                    _root(other, parent, shift)
                    rank[root] = _widen(rank[root], plane[root], shift[site] + image[bond] - shift[other])
        made[row] = rank.max()
    return made
