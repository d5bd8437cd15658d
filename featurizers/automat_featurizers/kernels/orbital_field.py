"""Orbital field matrices: valence subshells of neighbours against those of the atom, weighed by the Voronoi cell."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUBSHELLS, PERIODS = 32, 7
"""Entries for s1..s2, p1..p6, d1..d10, f1..f14, and for the periods."""

HEAVIEST = 94
"""matminer describes elements up to plutonium."""

_FIRST = {"s": 0, "p": 2, "d": 8, "f": 18}
_OUTER = {"s": 0, "p": 0, "d": 1, "f": 2}
"""How far below the outermost shell a subshell may lie and still count as valence."""

_MOST = 16
"""Room for the entries of one element."""


@cache
def element_entries(*, period_tag: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which entries of its vector are 1 for every element.

    An element's valence subshells are the s and p of the shell that its configuration ends in, the d from
    one shell below and the f from two below on; a subshell of k electrons sets its k-th entry.

    Args:
        period_tag: set an entry for the period as well, with lanthanides in period 6 and actinides in 7.

    Returns:
        The entries, shape (119, 16), and how many they are, shape (119,); 0 for elements that matminer does
        not describe.
    """
    from pymatgen.core import Element

    entries, counts = np.zeros((119, _MOST), np.int64), np.zeros(119, np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on elements without data
        for number in range(1, HEAVIEST + 1):
            element = Element.from_Z(number)
            shells = element.full_electronic_structure
            outermost = shells[-1][0]
            ones = {
                _FIRST[kind] + electrons - 1
                for shell, kind, electrons in shells
                if electrons > 0 and shell >= outermost - _OUTER[kind]
            }
            if period_tag:
                period = element.row if element.row <= PERIODS else element.row - 2
                ones.add(SUBSHELLS + period - 1)
            counts[number] = len(ones)
            entries[number, : len(ones)] = sorted(ones)
    return entries, counts


@njit(cache=True)
def orbital_field(
    row_ptr: NDArray[np.int64],
    site_weight: NDArray[np.float64],
    atomic_numbers: NDArray[np.int64],
    face_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    solid_angle: NDArray[np.float64],
    distance: NDArray[np.float64],
    entries: NDArray[np.int64],
    counts: NDArray[np.int64],
    size: int,
) -> NDArray[np.float64]:
    """Mean orbital field matrix of every structure.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        site_weight: of the sites in the mean; they add up to 1 in a structure, shape (sites,).
        atomic_numbers: Z of every site, shape (sites,).
        face_ptr: offsets of the sites' faces, shape (sites + 1,).
        neighbor: site beyond the face, counted within its structure, shape (faces,).
        solid_angle: of the face, steradian, shape (faces,).
        distance: of the neighbour, in the unit whose inverse the matrix is given in, shape (faces,).
        entries: of ``element_entries``.
        counts: of ``element_entries``.
        size: of the elements' vectors.

    Returns:
        Rows are the neighbour's entries, columns the atom's, shape (n, size * size).
    """
    made = np.zeros((len(row_ptr) - 1, size * size))
    for row in range(len(row_ptr) - 1):
        start = row_ptr[row]
        for site in range(start, row_ptr[row + 1]):
            first, last = face_ptr[site], face_ptr[site + 1]
            if site_weight[site] == 0.0 or first == last:
                continue
            largest = solid_angle[first:last].max()
            own = atomic_numbers[site]
            for face in range(first, last):
                share = site_weight[site] * solid_angle[face] / largest / distance[face]
                other = atomic_numbers[start + neighbor[face]]
                for one in range(counts[other]):
                    for two in range(counts[own]):
                        made[row, entries[other, one] * size + entries[own, two]] += share
    return made


@njit(cache=True)
def has_unlike_sites(
    row_ptr: NDArray[np.int64],
    atomic_numbers: NDArray[np.int64],
    face_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    solid_angle: NDArray[np.float64],
    distance: NDArray[np.float64],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Whether a structure has atoms of one element whose matrices differ.

    A matrix is linear in what the neighbours of every element add up to, so it is that which is compared.

    Args:
        row_ptr: as in ``orbital_field``, and so are the others.
        atomic_numbers: shape (sites,).
        face_ptr: shape (sites + 1,).
        neighbor: shape (faces,).
        solid_angle: shape (faces,).
        distance: shape (faces,).
        tolerance: largest difference of two sums, in the inverse of the distance's unit, that counts as none.

    Returns:
        Shape (n,).
    """
    unlike = np.zeros(len(row_ptr) - 1, np.bool_)
    totals = np.zeros((119, 119))
    own_totals = np.zeros(119)
    seen = np.zeros(119, np.bool_)
    for row in range(len(row_ptr) - 1):
        start = row_ptr[row]
        seen[:] = False
        for site in range(start, row_ptr[row + 1]):
            first, last = face_ptr[site], face_ptr[site + 1]
            own = atomic_numbers[site]
            own_totals[:] = 0.0
            largest = 0.0
            for face in range(first, last):
                largest = max(largest, solid_angle[face])
            for face in range(first, last):
                other = atomic_numbers[start + neighbor[face]]
                own_totals[other] += solid_angle[face] / largest / distance[face]
            if not seen[own]:
                seen[own] = True
                totals[own] = own_totals
            elif np.abs(totals[own] - own_totals).max() > tolerance:
                unlike[row] = True
                break
    return unlike
