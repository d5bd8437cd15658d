"""Pairs of edges that meet in an atom, for line graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME_WAY = 1e-5
"""Angstrom. Two ways whose ends are nearer than this end in the same atom."""


@njit(cache=True)
def _leads_back(vectors: NDArray[np.float64], first: int, second: int) -> bool:
    """Whether the second edge goes back to where the first one came from."""
    away = 0.0
    for axis in range(3):
        away += (vectors[first, axis] + vectors[second, axis]) ** 2
    return away < SAME_WAY * SAME_WAY


@njit(cache=True, nogil=True)
def edge_pairs(
    row_ptr: NDArray[np.int64],
    edge_ptr: NDArray[np.int64],
    source: NDArray[np.int32],
    destination: NDArray[np.int32],
    vectors: NDArray[np.float64],
    backtracking: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Pairs of edges of which the second begins where the first one ends.

    Args:
        row_ptr: offsets of the graphs' atoms, shape (n + 1,).
        edge_ptr: offsets of the graphs' edges, shape (n + 1,).
        source: of every edge the neighbour, counted within its graph, shape (m,).
        destination: of every edge the central atom, counted within its graph, ascending, shape (m,).
        vectors: from the central atom to the neighbour, angstrom, shape (m, 3).
        backtracking: whether pairs count whose second edge leads back to the atom where the first began.

    Returns:
        Offsets of the graphs' pairs (n + 1,); of every pair its first and its second edge, counted within their
        graph, sorted by the second (t,); the cosine of the angle between them, at the atom where they meet (t,).
    """
    pair_ptr = np.zeros(len(row_ptr), np.int64)
    first, second, cosine = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0)
    # Counted first, so that nothing is moved; then kept.
    for keep in (False, True):
        used = 0
        for row in range(len(row_ptr) - 1):
            edges, atoms = edge_ptr[row], row_ptr[row + 1] - row_ptr[row]
            into = np.searchsorted(destination[edges : edge_ptr[row + 1]], np.arange(atoms + 1))
            for after in range(edge_ptr[row + 1] - edges):
                meet = source[edges + after]
                for before in range(into[meet], into[meet + 1]):
                    if not backtracking and _leads_back(vectors, edges + before, edges + after):
                        continue
                    if keep:
                        first[used], second[used] = before, after
                        cosine[used] = _cosine(vectors, edges + before, edges + after)
                    used += 1
            pair_ptr[row + 1] = used
        if not keep:
            first, second, cosine = np.empty(used, np.int32), np.empty(used, np.int32), np.empty(used)
    return pair_ptr, first, second, cosine


@njit(cache=True)
def _cosine(vectors: NDArray[np.float64], first: int, second: int) -> float:
    """Between the ways to the first edge's neighbour and to the second's central atom, seen where they meet."""
    overlap, one, other = 0.0, 0.0, 0.0
    for axis in range(3):
        here, there = vectors[first, axis], -vectors[second, axis]
        overlap += here * there
        one += here * here
        other += there * there
    return min(1.0, max(-1.0, overlap / math.sqrt(one * other)))
