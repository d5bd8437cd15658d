"""Neighbours as pymatgen lists them: their order, and coordinates with its rounding errors.

Where a feature depends on the order of neighbours, or sets a threshold on a value that symmetric crystals meet
exactly, its numbers are pymatgen's only if these are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import image_as_given

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEFT_OF_CENTRE = -2e-8
"""Angstrom from which on pymatgen takes a coordinate to be less than the centre's."""


@njit(cache=True)
def listed_cell(
    fractional: NDArray[np.float64], lattice: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """The atoms of a cell as pymatgen's search for neighbours takes them.

    It gets fractional coordinates back from Cartesian ones and wraps them into the cell. The rounding errors of
    just these operations put a site on a face of the cell into one cell or the next.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).

    Returns:
        Cartesian coordinates as given, angstrom (n, 3); the cell that each lies in (n, 3); the translation
        that brings it into the first, not quite whole (n, 3); Cartesian coordinates there (n, 3).
    """
    adjugate = np.empty((3, 3))
    for row in range(3):
        for column in range(3):
            a, b = (column + 1) % 3, (column + 2) % 3
            c, d = (row + 1) % 3, (row + 2) % 3
            adjugate[row, column] = lattice[a, c] * lattice[b, d] - lattice[b, c] * lattice[a, d]
    determinant = (
        lattice[0, 0] * adjugate[0, 0]
        + lattice[0, 1] * (lattice[1, 2] * lattice[2, 0] - lattice[1, 0] * lattice[2, 2])
        + lattice[0, 2] * (lattice[1, 0] * lattice[2, 1] - lattice[1, 1] * lattice[2, 0])
    )
    inverse = adjugate / determinant
    given = np.empty(fractional.shape)
    cells = np.empty(fractional.shape, np.int64)
    offsets = np.empty(fractional.shape)
    inside = np.empty(fractional.shape)
    wrapped = np.empty(3)
    for site in range(len(fractional)):
        given[site] = np.dot(fractional[site], lattice)
        for axis in range(3):
            back = (
                given[site, 0] * inverse[0, axis]
                + given[site, 1] * inverse[1, axis]
                + given[site, 2] * inverse[2, axis]
            )
            whole = math.floor(back)
            wrapped[axis] = back - whole
            cells[site, axis] = whole
            offsets[site, axis] = back - wrapped[axis]
        for axis in range(3):
            inside[site, axis] = (
                wrapped[0] * lattice[0, axis] + wrapped[1] * lattice[1, axis] + wrapped[2] * lattice[2, axis]
            )
    return given, cells, offsets, inside


@njit(cache=True)
def listed_neighbors(
    site: int,
    others: NDArray[np.int64],
    images: NDArray[np.int64],
    steps: NDArray[np.int64],
    wraps: NDArray[np.int64],
    fractional: NDArray[np.float64],
    lattice: NDArray[np.float64],
    cell: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Distances, unit vectors and order of a site's neighbours, as pymatgen has them.

    pymatgen sorts atoms into cubes of the sphere's radius, which around one atom are the octants of the
    Cartesian axes, and lists a cube's atoms from the last to the first. The distances come from its search
    for neighbours, the vectors from the neighbours' coordinates.

    Args:
        site: position in the cell.
        others: sites of the neighbours, shape (m,).
        images: their images, of ``neighbors_of_site``, shape (m, 3).
        steps: of ``prepared_cell``.
        wraps: likewise.
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).
        cell: of ``listed_cell``.

    Returns:
        Distances, angstrom (m,); unit vectors (m, 3); positions of the neighbours, the first listed first (m,).
    """
    given, cells, offsets, inside = cell
    count = len(others)
    distances = np.empty(count)
    units = np.empty((count, 3))
    keys = np.empty((count, 5), np.int64)
    place = np.empty(3)
    for number in range(count):
        other = others[number]
        image = image_as_given(site, other, images[number], steps, wraps)
        i, j, k = image[0] + cells[other, 0], image[1] + cells[other, 1], image[2] + cells[other, 2]
        keys[number, 1], keys[number, 2], keys[number, 3], keys[number, 4] = i, j, k, other
        square, octant = 0.0, 0
        for axis in range(3):
            there = i * lattice[0, axis] + j * lattice[1, axis] + k * lattice[2, axis] + inside[other, axis]
            away = there - given[site, axis]
            square += away * away
            octant = 2 * octant + (0 if away < _LEFT_OF_CENTRE else 1)
        keys[number, 0] = octant
        distances[number] = math.sqrt(square)
        place[0] = fractional[other, 0] + (i - offsets[other, 0])
        place[1] = fractional[other, 1] + (j - offsets[other, 1])
        place[2] = fractional[other, 2] + (k - offsets[other, 2])
        vector = np.dot(place, lattice) - given[site]
        units[number] = vector / math.sqrt(np.dot(vector, vector))
    return distances, units, _listing_order(keys)


@njit(cache=True)
def _listing_order(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of neighbours in the order of their keys (octant, cell and site), shapes (m, 5) and (m,)."""
    order = np.arange(len(keys))
    for position in range(1, len(keys)):
        moving = order[position]
        hole = position
        while hole > 0 and _listed_before(keys[moving], keys[order[hole - 1]]):
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = moving
    return order


@njit(cache=True)
def _listed_before(first: NDArray[np.int64], second: NDArray[np.int64]) -> bool:
    """Whether pymatgen lists the first neighbour before the second."""
    if first[0] != second[0]:
        return bool(first[0] < second[0])
    for key in range(1, 5):
        if first[key] != second[key]:
            return bool(first[key] > second[key])
    return False
