"""Distances between the atoms of a crystal, counted one pair of sites at a time and never stored.

The distances carry the roundings of pymatgen's search for neighbours, so that one that lies on the edge of a bin
(half a round lattice parameter, say) falls into the same bin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.fused import fused_rows
from automat_featurizers.kernels.neighbors import cell_volume, plane_spacings

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-8
"""What pymatgen adds to the square of a cutoff, and the distance below which a site meets itself, angstrom."""

_MOST = 1e9
"""Distances that are computed for one crystal at most: some seconds."""

_MOST_IMAGES = 1e7
"""Distances that are held at a time."""

_SLACK = 1e-6
_SAME_PLACE = 1e-5
"""Difference of coordinates, absolute in angstrom and relative, below which pymatgen takes two sites for one."""


@njit(cache=True)
def wrapped_points(
    cartesian: NDArray[np.float64], lattice: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fractional coordinates; the same in [0, 1); Cartesian coordinates of those; each of shape (n, 3)."""
    cofactor = np.empty((3, 3))
    for row in range(3):
        for column in range(3):
            below, after = (row + 1) % 3, (column + 1) % 3
            last_row, last_column = (row + 2) % 3, (column + 2) % 3
            one = lattice[below, after] * lattice[last_row, last_column]
            cofactor[row, column] = one - lattice[last_row, after] * lattice[below, last_column]
    first = lattice[0]
    volume = first[0] * cofactor[0, 0] + first[1] * cofactor[0, 1] + first[2] * cofactor[0, 2]
    fractional, inside = np.empty((len(cartesian), 3)), np.empty((len(cartesian), 3))
    points = np.empty((len(cartesian), 3))
    for site in range(len(cartesian)):
        for axis in range(3):
            total = 0.0
            for other in range(3):
                total += cartesian[site, other] * (cofactor[axis, other] / volume)
            fractional[site, axis] = total
            inside[site, axis] = total % 1.0
        for axis in range(3):
            total = 0.0
            for other in range(3):
                total += inside[site, other] * lattice[other, axis]
            points[site, axis] = total
    return fractional, inside, points


@njit(cache=True)
def too_many(sites: int, lattice: NDArray[np.float64], cutoff: float) -> bool:
    """Whether a crystal has more distances within the cutoff than are computed."""
    images = 4.0 * math.pi / 3.0 * (cutoff + 1.0) ** 3 / cell_volume(lattice)
    spacings = plane_spacings(lattice)
    rows = (2.0 * cutoff / spacings[0] + 1.0) * (2.0 * cutoff / spacings[1] + 1.0)
    return not (images <= _MOST_IMAGES and sites * sites * max(images, rows) <= _MOST)


@njit(cache=True)
def _same_site(one: int, other: int, cartesian: NDArray[np.float64], numbers: NDArray[np.int64]) -> bool:
    """Whether pymatgen takes two sites at no distance for the same."""
    if numbers[one] != numbers[other]:
        return False
    for axis in range(3):
        away = abs(cartesian[other, axis] - cartesian[one, axis])
        if not away <= _SAME_PLACE + _SAME_PLACE * abs(cartesian[one, axis]):
            return False
    return True


@njit(cache=True)
def image_distances(
    center: int,
    other: int,
    cartesian: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    inside: NDArray[np.float64],
    points: NDArray[np.float64],
    lattice: NDArray[np.float64],
    spacings: NDArray[np.float64],
    cutoff: float,
    found: NDArray[np.float64],
) -> tuple[int, NDArray[np.float64]]:
    """Distances from one site to all images of another within the cutoff.

    Args:
        center: position in the cell of the one.
        other: position in the cell of the other.
        cartesian: coordinates as given, angstrom, shape (n, 3).
        numbers: atomic numbers, shape (n,).
        fractional: of ``wrapped_points``.
        inside: of ``wrapped_points``.
        points: of ``wrapped_points``.
        lattice: vectors as rows, angstrom, shape (3, 3).
        spacings: between opposite faces of the cell, angstrom, shape (3,).
        cutoff: angstrom.
        found: room for the distances, shape (room,).

    Returns:
        How many; the distances, unsorted, in ``found`` or in more room.
    """
    limit = cutoff * cutoff + TOLERANCE
    reach = cutoff + _SLACK
    count = 0
    away0 = inside[other, 0] - fractional[center, 0]
    away1 = inside[other, 1] - fractional[center, 1]
    x, y, z = cartesian[center, 0], cartesian[center, 1], cartesian[center, 2]
    c0, c1, c2 = lattice[2, 0], lattice[2, 1], lattice[2, 2]
    length = c0 * c0 + c1 * c1 + c2 * c2
    for i in range(math.ceil(-reach / spacings[0] - away0), math.floor(reach / spacings[0] - away0) + 1):
        for j in range(math.ceil(-reach / spacings[1] - away1), math.floor(reach / spacings[1] - away1) + 1):
            start0 = i * lattice[0, 0] + j * lattice[1, 0]
            start1 = i * lattice[0, 1] + j * lattice[1, 1]
            start2 = i * lattice[0, 2] + j * lattice[1, 2]
            dx, dy, dz = start0 + points[other, 0] - x, start1 + points[other, 1] - y, start2 + points[other, 2] - z
            # Where the row of images along the third vector enters and leaves the sphere.
            along = (dx * c0 + dy * c1 + dz * c2) / length
            squared = along * along - (dx * dx + dy * dy + dz * dz - reach * reach) / length
            if squared < 0.0:
                continue
            half = math.sqrt(squared)
            first, last = math.ceil(-along - half), math.floor(-along + half)
            if count + last - first + 1 > len(found):
                found = np.concatenate((found, np.empty(len(found) + last - first + 1)))
            for k in range(first, last + 1):
                dx = start0 + k * c0 + points[other, 0] - x
                dy = start1 + k * c1 + points[other, 1] - y
                dz = start2 + k * c2 + points[other, 2] - z
                square = dx * dx + dy * dy + dz * dz
                if square >= limit:
                    continue
                distance = math.sqrt(square)
                if distance <= TOLERANCE and _same_site(center, other, cartesian, numbers):
                    continue
                found[count] = distance
                count += 1
    return count, found


@njit(cache=True)
def bin_of(distance: float, edges: NDArray[np.float64]) -> int:
    """The bin between rising edges that are about evenly spaced from 0, the last one closed; -1 outside."""
    last = len(edges) - 1
    if distance >= edges[last]:
        return last - 1 if distance == edges[last] else -1
    position = min(int(distance / edges[1]), last - 1)
    while distance < edges[position]:
        position -= 1
    while distance >= edges[position + 1]:
        position += 1
    return position


@njit(cache=True)
def radial_counts(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    kinds: NDArray[np.int64],
    first_column: NDArray[np.int64],
    columns: int,
    cutoff: float,
    edges: NDArray[np.float64],
    tolerance: float,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """How many neighbours, of all sites together, lie at which distance.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        numbers: atomic number of every site, shape (sites,).
        fractional: coordinates as given, shape (sites, 3).
        kinds: which kind of atom an element is, -1 for none that counts, by atomic number, shape (119,).
        first_column: where the bins of a kind around a kind begin, -1 where they do not count, shape (kinds, kinds).
        columns: how many there are.
        cutoff: angstrom.
        edges: of the bins, rising evenly from 0, angstrom, shape (bins + 1,).
        tolerance: by how much a distance may lie below an edge and still count as on it, angstrom.

    Returns:
        Counts, shape (n, columns); structures with too many distances, whose counts are 0, shape (n,).
    """
    counts = np.zeros((len(row_ptr) - 1, columns))
    crowded = np.zeros(len(row_ptr) - 1, np.bool_)
    found = np.empty(1024)
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        lattice, elements = lattices[row], numbers[start:stop]
        if too_many(stop - start, lattice, cutoff):
            crowded[row] = True
            continue
        cartesian = fused_rows(fractional[start:stop], lattice)
        given, inside, points = wrapped_points(cartesian, lattice)
        spacings = plane_spacings(lattice)
        for center in range(stop - start):
            for other in range(stop - start):
                one, two = kinds[elements[center]], kinds[elements[other]]
                if one < 0 or two < 0 or first_column[one, two] < 0:
                    continue
                count, found = image_distances(
                    center, other, cartesian, elements, given, inside, points, lattice, spacings, cutoff, found
                )
                for position in range(count):
                    place = bin_of(found[position] + tolerance, edges)
                    if place >= 0:
                        counts[row, first_column[one, two] + place] += 1.0
    return counts, crowded
