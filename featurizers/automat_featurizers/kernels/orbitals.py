"""Atoms of a formula unit, and the order in which they fill the orbitals of its elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOLERANCE = 1e-4
"""Smallest remainder that still counts when amounts are measured by one another (pymatgen's 1 / 10,000)."""


@njit(cache=True, error_model="numpy")
def integer_counts(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    doubled: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Atoms of every element in the formula unit, as pymatgen's ``get_integer_formula_and_factor``.

    Args:
        row_ptr: offsets, shape (n + 1,).
        numbers: Z of every entry, shape (entries,), each below 119.
        amounts: shape (entries,), in the order of the composition (the measure depends on it).
        doubled: shape (119, 119): whether the one-to-one compound of two elements (on the diagonal: the
            element) is written twice, as H2O2 and O2 are.

    Returns:
        Number of atoms, shape (entries,), 0 where the amount is below 1e-4 of the others' measure; and how
        many formula units the composition holds, shape (n,).
    """
    counts = np.zeros(len(amounts))
    units = np.full(len(row_ptr) - 1, np.nan)
    for row in range(len(units)):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if start == stop:
            continue
        measure = amounts[start]
        for entry in range(start + 1, stop):
            other = amounts[entry]
            while other > _TOLERANCE:
                measure, other = other, measure % other
        divisor = 0.0
        for entry in range(start, stop):
            counts[entry] = np.rint(amounts[entry] / measure)
            one, other = divisor, counts[entry]
            while other > 0:
                one, other = other, one % other
            divisor = one
        kinds, first, last, ones = 0, 0, 0, 0
        for entry in range(start, stop):
            counts[entry] /= divisor
            if counts[entry] > 0:
                first, last = (last if kinds else numbers[entry]), numbers[entry]
                kinds += 1
                ones += counts[entry] == 1
        if ones == kinds and (kinds == 1 or kinds == 2) and doubled[first, last]:  # noqa: PLR1714, PLR2004 - numba is slow at `in`
            for entry in range(start, stop):
                counts[entry] *= 2
            divisor /= 2
        units[row] = measure * divisor
    return counts, units


@njit(cache=True, error_model="numpy")
def band_edges(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    counts: NDArray[np.float64],
    orbital_ptr: NDArray[np.int64],
    energies: NDArray[np.float64],
    momenta: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Highest occupied and lowest unoccupied orbital when free atoms share their electrons.

    All orbitals of all atoms are filled from the lowest energy on; where the last one is filled in part, it
    is both the highest occupied and the lowest unoccupied.

    Args:
        row_ptr: offsets, shape (n + 1,).
        numbers: Z of every entry, shape (entries,), each below 119.
        counts: atoms of every entry, shape (entries,).
        orbital_ptr: offsets of the elements' orbitals by Z, shape (120,).
        energies: of the orbitals, rising within an element, shape (orbitals,).
        momenta: angular momentum quantum number of the orbitals, shape (orbitals,).

    Returns:
        Shape (n, 6): angular momentum, Z and energy of the highest occupied orbital, then of the lowest
        unoccupied. NaN where an element has no orbitals, and for the latter where all orbitals are full.
    """
    count = len(row_ptr) - 1
    made = np.full((count, 6), np.nan)
    widest = 0
    for row in range(count):
        widest = max(widest, row_ptr[row + 1] - row_ptr[row])
    top = np.empty(widest, np.int64)
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        # How many electrons the orbitals not yet looked at hold beyond those that there are.
        room, known = 0.0, stop > start
        for entry in range(start, stop):
            number = numbers[entry]
            top[entry - start] = orbital_ptr[number + 1]
            if counts[entry] > 0:
                known = known and orbital_ptr[number + 1] > orbital_ptr[number]
                room -= number * counts[entry]
                for orbital in range(orbital_ptr[number], orbital_ptr[number + 1]):
                    room += (4 * momenta[orbital] + 2) * counts[entry]
        if not known:
            continue
        above, above_number = -1, 0
        while True:  # down from the highest orbital: the few that stay empty are at the top
            highest, of = -np.inf, -1
            for entry in range(start, stop):
                if counts[entry] > 0 and top[entry - start] > orbital_ptr[numbers[entry]]:
                    energy = energies[top[entry - start] - 1]
                    if energy > highest:
                        highest, of = energy, entry
            if of < 0:
                break
            top[of - start] -= 1
            orbital, number = top[of - start], numbers[of]
            each = 4.0 * momenta[orbital] + 2
            if room < each * counts[of]:
                made[row, 0], made[row, 1], made[row, 2] = momenta[orbital], number, energies[orbital]
                if room > 0:  # some of these atoms keep it empty, or one fills it in part
                    above, above_number = orbital, number
                if above >= 0:
                    made[row, 3], made[row, 4], made[row, 5] = momenta[above], above_number, energies[above]
                break
            room -= each * counts[of]
            above, above_number = orbital, number
    return made
