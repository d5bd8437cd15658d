"""Shells, cutoffs and bonds of force-field inspired descriptors, and the histograms made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.angles import BINS, add_angles, add_dihedrals, drain, new_tallies
from automat_featurizers.kernels.fused import fused_rows
from automat_featurizers.kernels.jarvis_bonds import backs, bonds_in_crystal, bonds_in_supercell, supercell
from automat_featurizers.kernels.neighbors import plane_spacings, prepared_cell
from automat_featurizers.kernels.radial import bin_of, image_distances, too_many, wrapped_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 10.0
"""How far shells are looked for, angstrom."""

VACUUM = 8.0
"""Angstrom; matminer leaves that much beyond the atoms of a cell that has more."""

CROWDED, MANY_PAIRS, MANY_SECOND, MANY_FIRST, MANY_ATOMS = 1, 2, 4, 8, 16
"""Flags of what cannot be computed: too many distances; too many neighbours within the cutoff of the pairs, the
second, the first; too large a supercell."""

_FINE = 0.05
"""Width of the bins in which the gaps between distances are found: below the smallest gap, angstrom."""

_GAP = 0.1
_BUFFER = 0.11
_LONGEST_BOND = 5.0
_MOST = 500
_MOST_SECOND = 250
"""Neighbours an atom may have."""

_MOST_DIHEDRALS = 2e8


@njit(cache=True)
def without_vacuum(
    row_ptr: NDArray[np.int64], lattices: NDArray[np.float64], cartesian: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lattices without what matminer takes for vacuum.

    A diagonal element that differs by more than 8 angstrom from the atoms' extent along its axis becomes that
    extent and 8 angstrom.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        cartesian: coordinates as given, angstrom, shape (sites, 3).
    """
    cells = lattices.copy()
    for row in range(len(row_ptr) - 1):
        for axis in range(3):
            along = cartesian[row_ptr[row] : row_ptr[row + 1], axis]
            extent = along.max() - along.min()
            if abs(cells[row, axis, axis] - extent) > VACUUM:
                cells[row, axis, axis] = extent + VACUUM
    return cells


@njit(cache=True)
def _species(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Position of every site's element among those of the crystal, shape (n,), and how many there are."""
    kind_of = np.full(numbers.max() + 1, -1, np.int64)
    species = np.empty(len(numbers), np.int64)
    kinds = 0
    for site in range(len(numbers)):
        if kind_of[numbers[site]] < 0:
            kind_of[numbers[site]] = kinds
            kinds += 1
        species[site] = kind_of[numbers[site]]
    return species, kinds


@njit(cache=True)
def _first_gap(
    lowest: NDArray[np.float64], highest: NDArray[np.float64], last: float, before_last: float, tolerance: float
) -> float:
    """Middle of the first gap between the distances of a pair of elements; without one, of the last two."""
    previous = -1.0
    for place in range(len(lowest)):
        if highest[place] < 0.0:
            continue
        if previous >= 0.0 and lowest[place] - previous >= _GAP - tolerance:
            return float((lowest[place] + previous) / 2.0)
        previous = highest[place]
    return (last + before_last) / 2.0


@njit(cache=True)
def shells(
    fractional: NDArray[np.float64],
    lattice: NDArray[np.float64],
    numbers: NDArray[np.int64],
    edges: NDArray[np.float64],
    tolerance: float,
) -> tuple[NDArray[np.float64], float]:
    """Neighbours by distance, and the cutoff at which every pair of elements has its first shell.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).
        numbers: atomic numbers, shape (n,).
        edges: of the bins, angstrom, shape (bins + 1,).
        tolerance: by how much a distance may lie below a threshold and still reach it, angstrom.

    Returns:
        Counts over all sites, shape (bins,); the largest over the pairs of elements of the middle of the first
        gap of 0.1 angstrom between their distances; NaN without any.
    """
    counts = np.zeros(len(edges) - 1)
    species, kinds = _species(numbers)
    fine = int(REACH / _FINE) + 2
    lowest, highest = np.full((kinds * kinds, fine), np.inf), np.full((kinds * kinds, fine), -1.0)
    longest = np.full((kinds * kinds, 2), -1.0)
    cartesian = fused_rows(fractional, lattice)
    given, inside, points = wrapped_points(cartesian, lattice)
    spacings = plane_spacings(lattice)
    found = np.empty(1024)
    for center in range(len(numbers)):
        for other in range(len(numbers)):
            count, found = image_distances(
                center, other, cartesian, numbers, given, inside, points, lattice, spacings, REACH, found
            )
            one, two = species[center], species[other]
            pair = min(one, two) * kinds + max(one, two)
            for position in range(count):
                distance = found[position]
                place = bin_of(distance + tolerance, edges)
                if place >= 0:
                    counts[place] += 1.0
                place = min(int(distance / _FINE), fine - 1)
                lowest[pair, place] = min(lowest[pair, place], distance)
                highest[pair, place] = max(highest[pair, place], distance)
                if distance > longest[pair, 0]:
                    longest[pair, 1] = longest[pair, 0]
                    longest[pair, 0] = distance
                elif distance > longest[pair, 1]:
                    longest[pair, 1] = distance
    cutoff = np.nan
    for pair in range(kinds * kinds):
        if longest[pair, 1] >= 0.0:
            middle = _first_gap(lowest[pair], highest[pair], longest[pair, 0], longest[pair, 1], tolerance)
            cutoff = middle if not cutoff >= middle else cutoff
    return counts, cutoff


@njit(cache=True)
def shell_cutoffs(counts: NDArray[np.float64], edges: NDArray[np.float64]) -> tuple[float, float]:
    """Distances beyond the first and the second shell, angstrom; NaN where there are too few shells.

    A shell ends where the next filled bin is not the neighbouring one, or beyond 5 angstrom.
    """
    filled = np.flatnonzero(counts > 0.0)
    first = 0
    while first + 1 < len(filled):
        here, there = edges[filled[first]], edges[filled[first + 1]]
        if not (there - here < _BUFFER and there < _LONGEST_BOND):
            break
        first += 1
    if first + 1 >= len(filled):
        return np.nan, np.nan
    one = (edges[filled[first + 1]] + edges[filled[first]]) / 2.0
    second = first + 1
    while second + 1 < len(filled):
        here, there = edges[filled[second]], edges[filled[second + 1]]
        if not (there - here < _BUFFER and there < _LONGEST_BOND and here < _LONGEST_BOND):
            break
        second += 1
    if second + 1 >= len(filled):
        return one, np.nan
    return one, (edges[filled[second + 1]] + edges[filled[second]]) / 2.0


@njit(cache=True)
def angular(
    fractional: NDArray[np.float64],
    lattice: NDArray[np.float64],
    cutoffs: NDArray[np.float64],
    steady: bool,
    tallies: NDArray[np.int32],
    seen: NDArray[np.int64],
    used: NDArray[np.int64],
    histograms: NDArray[np.float64],
) -> int:
    """Angles within the cutoff of the pairs and within the second, dihedral angles within the first.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).
        cutoffs: of the pairs, the second, the first, angstrom; 0: not wanted, shape (3,).
        steady: all neighbours of each site of the endless crystal; else those in matminer's supercell.
        tallies: two empty ones of ``new_tallies``; they are empty again afterwards.
        seen: of these.
        used: of these.
        histograms: zeros, to be filled, shape (3, BINS).

    Returns:
        Flags of the histograms that could not be made; those are not to be used.
    """
    if steady:
        cell, coordinates, spacings, _, _ = prepared_cell(fractional, lattice)
    else:
        coordinates, cell = supercell(fractional, lattice)
        spacings = np.empty(0)
    if len(coordinates) == 0:
        return MANY_ATOMS
    within = cutoffs.copy()
    flags = 0
    bonds, lengths, ends = np.empty((_MOST, 3)), np.empty(_MOST), np.empty(_MOST, np.int64)
    bond_ptr = np.zeros(len(coordinates) + 1, np.int64)
    kept, kept_ends = np.empty((64, 3)), np.empty(64, np.int64)
    for atom in range(len(coordinates)):
        while True:
            reach = within.max()
            if steady:
                count = bonds_in_crystal(atom, reach, coordinates, cell, spacings, bonds, lengths, ends)
            else:
                count = bonds_in_supercell(atom, reach, coordinates, cell, bonds, lengths, ends)
            for kind, most, flag in ((0, _MOST, MANY_PAIRS), (1, _MOST_SECOND, MANY_SECOND), (2, _MOST, MANY_FIRST)):
                many = within[kind] == reach if count > _MOST else np.sum(lengths[:count] < within[kind]) > most
                if many:
                    flags |= flag
                    within[kind] = 0.0
            if count <= _MOST:
                break
        add_angles(bonds, lengths, count, within[:2], atom, steady, tallies, seen, used)
        bond_ptr[atom + 1] = bond_ptr[atom]
        for bond in range(count):
            if lengths[bond] < within[2]:
                position = bond_ptr[atom + 1]
                if position == len(kept_ends):
                    kept = np.concatenate((kept, np.empty_like(kept)))
                    kept_ends = np.concatenate((kept_ends, np.empty_like(kept_ends)))
                kept[position] = bonds[bond]
                kept_ends[position] = ends[bond]
                bond_ptr[atom + 1] += 1
    for kind in range(2):
        drain(tallies[kind], seen[kind], used[kind], histograms[kind])
        used[kind] = 0
    kept, kept_ends = kept[: bond_ptr[-1]], kept_ends[: bond_ptr[-1]]
    dihedrals = 0.0
    for bond in range(len(kept_ends)):
        dihedrals += bond_ptr[kept_ends[bond] + 1] - bond_ptr[kept_ends[bond]]
    most_bonds = np.max(np.diff(bond_ptr))
    if dihedrals * most_bonds > _MOST_DIHEDRALS:
        flags |= MANY_FIRST
    if not flags & MANY_FIRST:
        returns = backs(bond_ptr, kept_ends, kept)
        different = add_dihedrals(len(coordinates), bond_ptr, kept_ends, returns, kept, steady, tallies[0], seen[0])
        drain(tallies[0], seen[0], different, histograms[2])
    return flags


@njit(cache=True)
def distributions(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    edges: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    steady: bool,
    tolerance: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Neighbours by distance, angles and dihedral angles of many crystals.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        numbers: atomic number of every site, shape (sites,).
        fractional: coordinates as given, shape (sites, 3).
        edges: of the bins of the distances, angstrom, shape (bins + 1,).
        wanted: which of the histograms of angles within the cutoff of the pairs and the second cutoff, and of
            dihedral angles, shape (3,).
        steady: of ``angular``.
        tolerance: by how much a distance may lie below a threshold and still reach it, angstrom.

    Returns:
        Counts of neighbours over all sites (n, bins); histograms of angles (n, 3, BINS); cutoffs of the pairs,
        the second and the first, angstrom, NaN where there is none (n, 3); flags of what could not be made (n,).
    """
    rows = len(row_ptr) - 1
    counts, histograms = np.zeros((rows, len(edges) - 1)), np.zeros((rows, 3, BINS))
    cutoffs = np.full((rows, 3), np.nan)
    flags = np.zeros(rows, np.int64)
    tallies, seen, used = new_tallies(2)
    for row in range(rows):
        sites = slice(row_ptr[row], row_ptr[row + 1])
        if too_many(row_ptr[row + 1] - row_ptr[row], lattices[row], REACH):
            flags[row] = CROWDED
            continue
        counts[row], cutoffs[row, 0] = shells(fractional[sites], lattices[row], numbers[sites], edges, tolerance)
        cutoffs[row, 2], cutoffs[row, 1] = shell_cutoffs(counts[row], edges)
        within = np.zeros(3)
        for kind in range(3):
            if wanted[kind] and cutoffs[row, kind] > tolerance:
                within[kind] = cutoffs[row, kind] - tolerance
        if within.max() > 0.0:
            flags[row] = angular(fractional[sites], lattices[row], within, steady, tallies, seen, used, histograms[row])
    return counts, histograms, cutoffs, flags
