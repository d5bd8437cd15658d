"""Bonds between the atoms of a crystal, in the supercell that matminer's JarvisCFID builds or without end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.fused import fused_dot
from automat_featurizers.kernels.neighbors import cell_volume, neighbors_of_site

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 10.0
"""Edge of a supercell at least, angstrom."""

_SHORTEST_BOND = 0.1
"""Angstrom; atoms that are closer count as one."""

_MOST_ATOMS = 10_000
"""Atoms in a supercell."""

_MOST_NEIGHBORS = 1e6
"""About as many as are looked at to find an atom's bonds."""

_SPHERE = 4.0 * math.pi / 3.0

_BACK = 1e-4
"""Difference of two vectors below which they are the same bond, angstrom."""

_HALF = 0.5


@njit(cache=True)
def supercell(
    fractional: NDArray[np.float64], lattice: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fractional coordinates and lattice of matminer's supercell; no coordinates where it is too large.

    Its size along a lattice vector follows from the largest Cartesian component of that vector.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).
    """
    times = np.empty(3)
    for vector in range(3):
        times[vector] = math.floor(_SIDE / np.max(np.abs(lattice[vector]))) + 1.0
    cell = lattice.copy()
    for vector in range(3):
        cell[vector] *= times[vector]
    if not len(fractional) * times[0] * times[1] * times[2] <= _MOST_ATOMS:
        return np.empty((0, 3)), cell
    coordinates = np.empty((int(len(fractional) * times[0] * times[1] * times[2]), 3))
    atom = 0
    for site in range(len(fractional)):
        for i in range(int(times[0])):
            for j in range(int(times[1])):
                for k in range(int(times[2])):
                    coordinates[atom, 0] = (fractional[site, 0] + i) / times[0]
                    coordinates[atom, 1] = (fractional[site, 1] + j) / times[1]
                    coordinates[atom, 2] = (fractional[site, 2] + k) / times[2]
                    atom += 1
    return coordinates, cell


@njit(cache=True)
def bonds_in_supercell(
    atom: int,
    within: float,
    coordinates: NDArray[np.float64],
    cell: NDArray[np.float64],
    bonds: NDArray[np.float64],
    lengths: NDArray[np.float64],
    ends: NDArray[np.int64],
) -> int:
    """Bonds of one atom, each other atom once.

    Where the difference of two coordinates reaches half a cell, one cell is taken off. That need not give the
    nearest image: the cell may be oblique, and the coordinates may lie more than one cell apart.

    Args:
        atom: its position.
        within: length below which there is a bond, angstrom.
        coordinates: fractional, shape (n, 3).
        cell: vectors as rows, angstrom, shape (3, 3).
        bonds: to be filled with the vectors from the other end to the atom, angstrom, shape (room, 3).
        lengths: to be filled, angstrom, shape (room,).
        ends: to be filled with the positions of the other ends, shape (room,).

    Returns:
        How many bonds there are; where there are more than there is room for, one more than that.
    """
    count = 0
    for other in range(len(coordinates)):
        if other == atom:
            continue
        a, b, c = (
            coordinates[atom, 0] - coordinates[other, 0],
            coordinates[atom, 1] - coordinates[other, 1],
            coordinates[atom, 2] - coordinates[other, 2],
        )
        if abs(a) >= _HALF:
            a -= np.sign(a)
        if abs(b) >= _HALF:
            b -= np.sign(b)
        if abs(c) >= _HALF:
            c -= np.sign(c)
        x = fused_dot(a, b, c, cell[0, 0], cell[1, 0], cell[2, 0])
        y = fused_dot(a, b, c, cell[0, 1], cell[1, 1], cell[2, 1])
        z = fused_dot(a, b, c, cell[0, 2], cell[1, 2], cell[2, 2])
        length = math.sqrt(fused_dot(x, y, z, x, y, z))
        if not _SHORTEST_BOND <= length < within:
            continue
        if count == len(lengths):
            return count + 1
        bonds[count, 0], bonds[count, 1], bonds[count, 2] = x, y, z
        lengths[count] = length
        ends[count] = other
        count += 1
    return count


@njit(cache=True)
def bonds_in_crystal(
    atom: int,
    within: float,
    wrapped: NDArray[np.float64],
    reduced: NDArray[np.float64],
    spacings: NDArray[np.float64],
    bonds: NDArray[np.float64],
    lengths: NDArray[np.float64],
    ends: NDArray[np.int64],
) -> int:
    """Bonds of one site of the endless crystal, to all images.

    Args:
        atom: its position in the cell.
        within: length below which there is a bond, angstrom.
        wrapped: coordinates, of ``prepared_cell``.
        reduced: lattice, of ``prepared_cell``.
        spacings: of ``prepared_cell``.
        bonds: to be filled with the vectors from the other end to the atom, angstrom, shape (room, 3).
        lengths: to be filled, angstrom, shape (room,).
        ends: to be filled with the sites at the other ends, shape (room,).

    Returns:
        How many bonds there are; where there are more than there is room for, one more than that.
    """
    if not _SPHERE * within**3 * len(wrapped) / cell_volume(reduced) <= _MOST_NEIGHBORS:
        return len(lengths) + 1
    found, others, _, vectors, squared = neighbors_of_site(atom, within, reduced, wrapped, spacings, 64)
    count = 0
    for position in range(found):
        length = math.sqrt(squared[position])
        if not _SHORTEST_BOND <= length < within:
            continue
        if count == len(lengths):
            return count + 1
        for axis in range(3):
            bonds[count, axis] = -vectors[position, axis]
        lengths[count] = length
        ends[count] = others[position]
        count += 1
    return count


@njit(cache=True)
def backs(bond_ptr: NDArray[np.int64], ends: NDArray[np.int64], bonds: NDArray[np.float64]) -> NDArray[np.int64]:
    """Position of every bond seen from its other end; -1 where that does not have it."""
    backs = np.full(len(ends), -1, np.int64)
    for atom in range(len(bond_ptr) - 1):
        for bond in range(bond_ptr[atom], bond_ptr[atom + 1]):
            for back in range(bond_ptr[ends[bond]], bond_ptr[ends[bond] + 1]):
                if (
                    ends[back] == atom
                    and abs(bonds[back, 0] + bonds[bond, 0]) < _BACK
                    and abs(bonds[back, 1] + bonds[bond, 1]) < _BACK
                    and abs(bonds[back, 2] + bonds[bond, 2]) < _BACK
                ):
                    backs[bond] = back
    return backs
