"""The nearest neighbours of every atom of many crystals, for crystal graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import SAME_PLACE, cell_volume, image_as_given, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

ON_SPHERE = 1e-8
"""Angstrom. A neighbour so little beyond the cutoff is within it: rounding does not decide, nor the direction."""

_FIRST_SPHERE = 1.15
"""Times the radius of a sphere that would hold the wanted neighbours if atoms were spread evenly."""

_GROWTH = 1.25


@njit(cache=True)
def is_crystal(lattice: NDArray[np.float64], fractional: NDArray[np.float64]) -> bool:
    """Whether a cell has a volume and all coordinates are finite."""
    volume = cell_volume(lattice)
    return bool(np.isfinite(volume) and volume > SAME_PLACE and np.all(np.isfinite(fractional)))


@njit(cache=True)
def are_crystals(
    row_ptr: NDArray[np.int64], lattices: NDArray[np.float64], fractional: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which structures are: whether their cell has a volume and all coordinates are finite, shape (n,)."""
    fine = np.zeros(len(row_ptr) - 1, np.bool_)
    for row in range(len(fine)):
        fine[row] = is_crystal(lattices[row], fractional[row_ptr[row] : row_ptr[row + 1]])
    return fine


@njit(cache=True)
def comes_before(
    first: int, second: int, key: NDArray[np.float64], place: NDArray[np.int64], element: NDArray[np.int64]
) -> bool:
    """Whether one neighbour comes before another: by rounded distance, element, site, then image."""
    if key[first] != key[second]:
        return bool(key[first] < key[second])
    one, other = place[first, 0], place[second, 0]
    if element[one] != element[other]:
        return bool(element[one] < element[other])
    for column in range(4):
        if place[first, column] != place[second, column]:
            return bool(place[first, column] < place[second, column])
    return False


@njit(cache=True)
def _near_site(
    site: int,
    radius: float,
    most: int,
    tie: float,
    cell: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]],
    near: NDArray[np.float64],
    place: NDArray[np.int64],
) -> int:
    """The nearest neighbours of an atom within a sphere, and all that tie with the last of them.

    Args:
        site: its position in the cell.
        radius: of the sphere, angstrom.
        most: neighbours wanted.
        tie: see ``nearest_neighbors``.
        cell: of ``prepared_cell``.
        near: room for the squared distances, in their order (room,).
        place: room for the neighbours and their images in reduced vectors, relative to wrapped coordinates
            (room, 4).

    Returns:
        How many they are; -1 where there is not room enough.
    """
    reduced, wrapped, spacings, _, _ = cell
    span0, span1, span2 = radius / spacings[0], radius / spacings[1], radius / spacings[2]
    x00, x01, x02 = reduced[0, 0], reduced[0, 1], reduced[0, 2]
    x10, x11, x12 = reduced[1, 0], reduced[1, 1], reduced[1, 2]
    x20, x21, x22 = reduced[2, 0], reduced[2, 1], reduced[2, 2]
    here0, here1, here2 = wrapped[site, 0], wrapped[site, 1], wrapped[site, 2]
    limit = radius * radius
    found = 0
    for other in range(len(wrapped)):
        away0, away1, away2 = wrapped[other, 0] - here0, wrapped[other, 1] - here1, wrapped[other, 2] - here2
        for step0 in range(math.ceil(-span0 - away0), math.floor(span0 - away0) + 1):
            part0 = away0 + step0
            for step1 in range(math.ceil(-span1 - away1), math.floor(span1 - away1) + 1):
                part1 = away1 + step1
                x1 = part0 * x00 + part1 * x10
                y1 = part0 * x01 + part1 * x11
                z1 = part0 * x02 + part1 * x12
                for step2 in range(math.ceil(-span2 - away2), math.floor(span2 - away2) + 1):
                    part2 = away2 + step2
                    x, y, z = x1 + part2 * x20, y1 + part2 * x21, z1 + part2 * x22
                    squared = x * x + y * y + z * z
                    if squared > limit or (other == site and step0 == 0 and step1 == 0 and step2 == 0):
                        continue
                    if found == len(near):
                        return -1
                    at = found
                    while at > 0 and near[at - 1] > squared:
                        near[at] = near[at - 1]
                        for column in range(4):
                            place[at, column] = place[at - 1, column]
                        at -= 1
                    near[at] = squared
                    place[at, 0], place[at, 1], place[at, 2], place[at, 3] = other, step0, step1, step2
                    found += 1
                    if found >= most:
                        # What is farther than the last one by more than a tie has no chance.
                        bound = math.sqrt(near[most - 1]) + 2.0 * tie
                        limit = min(limit, bound * bound)
                        while near[found - 1] > limit:
                            found -= 1
    return found


@njit(cache=True)
def _vector(
    site: int, reduced: NDArray[np.float64], wrapped: NDArray[np.float64], place: NDArray[np.int64], axis: int
) -> float:
    """One coordinate of the way from an atom to a neighbour, angstrom; ``place`` as ``_near_site`` has it (4,)."""
    away: float = 0.0
    for number in range(3):
        away += (wrapped[place[0], number] - wrapped[site, number] + place[number + 1]) * reduced[number, axis]
    return away


@njit(cache=True)
def _room(
    size: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Room for one atom's neighbours: squared and rounded distances, order, places, places as given."""
    return (
        np.empty(size),
        np.empty(size),
        np.empty(size, np.int64),
        np.empty((size, 4), np.int64),
        np.empty((size, 4), np.int64),
    )


@njit(cache=True, nogil=True)
def nearest_neighbors(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff: float,
    most: int,
    tie: float,
    with_places: bool,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.bool_],
]:
    """At most ``most`` neighbours within ``cutoff`` of every atom.

    The sphere that is searched grows until it holds enough, so that a cutoff far beyond the last neighbour
    wanted costs nothing.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        numbers: atomic number of every site, shape (sites,).
        fractional: coordinates as given, shape (sites, 3).
        cutoff: angstrom.
        most: neighbours an atom may have.
        tie: distances that round to the same multiple of it (angstrom) are equal: the lower atomic number comes
            first, then the earlier site, then the image by its numbers.
        with_places: whether images and vectors are wanted.

    Returns:
        Edges of every atom (sites,); of every edge its neighbour, counted within the structure, sorted by
        atom, then as above (m,); its atom (m,); its distance in angstrom (m,); the neighbour's image in lattice
        vectors, relative to the coordinates as given, and the vector to it from the atom, angstrom (both (m, 3),
        or (0, 3) where they are not wanted); structures that are no crystals (n,).
    """
    sites = row_ptr[-1]
    edges_of = np.zeros(sites, np.int64)
    source, destination = np.empty(sites * most, np.int32), np.empty(sites * most, np.int32)
    distance = np.empty(sites * most)
    placed = sites * most if with_places else 0
    image, vector = np.empty((placed, 3), np.int32), np.empty((placed, 3))
    broken = np.zeros(len(row_ptr) - 1, np.bool_)
    near, key, order, place, given = _room(max(64, 2 * most))
    used = 0
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if not is_crystal(lattices[row], fractional[start:stop]):
            broken[row] = True
            continue
        cell = prepared_cell(fractional[start:stop], lattices[row])
        reduced, wrapped, _, steps, wraps = cell
        elements = numbers[start:stop]
        crowd = 3.0 * (most + 1) * cell_volume(lattices[row]) / (stop - start) / (4.0 * math.pi)
        sphere = min(cutoff, _FIRST_SPHERE * crowd ** (1.0 / 3.0))
        for site in range(stop - start):
            radius = sphere
            while True:
                # Beyond the cutoff only by what rounding does.
                found = _near_site(site, radius + ON_SPHERE * (radius >= cutoff), most, tie, cell, near, place)
                if found < 0:
                    near, key, order, place, given = _room(2 * len(near))
                    continue
                # A neighbour just outside may tie with the last one inside.
                if radius >= cutoff or (found >= most and math.sqrt(near[most - 1]) + 2.0 * tie < radius):
                    break
                radius = min(cutoff, radius * _GROWTH)
            for here in range(found):
                key[here] = round(math.sqrt(near[here]) / tie)
                given[here, 0] = place[here, 0]
                given[here, 1], given[here, 2], given[here, 3] = image_as_given(
                    site, place[here, 0], place[here, 1:], steps, wraps
                )
                at = here
                while at > 0 and comes_before(here, order[at - 1], key, given, elements):
                    order[at] = order[at - 1]
                    at -= 1
                order[at] = here
            edges_of[start + site] = min(found, most)
            for here in order[: min(found, most)]:
                source[used], destination[used] = place[here, 0], site
                distance[used] = math.sqrt(near[here])
                if with_places:
                    for axis in range(3):
                        image[used, axis] = given[here, axis + 1]
                        vector[used, axis] = _vector(site, reduced, wrapped, place[here], axis)
                used += 1
    placed = used if with_places else 0
    return edges_of, source[:used], destination[:used], distance[:used], image[:placed], vector[:placed], broken
