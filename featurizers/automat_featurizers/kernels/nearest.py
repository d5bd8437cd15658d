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
def _triangular(lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same vectors, turned: the first along x, the second in the plane of x and y, shape (3, 3)."""
    turned = np.zeros((3, 3))
    for row in range(3):
        for column in range(row + 1):
            rest = 0.0
            for axis in range(3):
                rest += lattice[row, axis] * lattice[column, axis]
            for before in range(column):
                rest -= turned[row, before] * turned[column, before]
            turned[row, column] = math.sqrt(max(rest, 0.0)) if row == column else rest / turned[column, column]
    return turned


@njit(cache=True, inline="always")
def _keep(
    atom: int,
    squared: float,
    most: int,
    tie: float,
    counts: NDArray[np.int64],
    limit: NDArray[np.float64],
    near: NDArray[np.float64],
    order: NDArray[np.int64],
) -> int:
    """Put a neighbour among those of an atom, and drop those that have no chance any more.

    Args:
        atom: whose neighbour it is.
        squared: its distance, squared, not beyond the atom's limit.
        most: neighbours wanted.
        tie: see ``nearest_neighbors``.
        counts: of every atom how many it has, and how many places of its room are taken (sites, 2).
        limit: of every atom the squared distance beyond which none is wanted (sites,).
        near: squared distances, ascending (sites, room).
        order: the places that the neighbours themselves are to be put (sites, room).

    Returns:
        The place of this one; -1 where there is no room, which the caller sees by the count.
    """
    found, taken = counts[atom, 0], counts[atom, 1]
    counts[atom, 1] = taken + 1
    if taken >= near.shape[1]:
        return -1
    at = found
    while at > 0 and near[atom, at - 1] > squared:
        near[atom, at] = near[atom, at - 1]
        order[atom, at] = order[atom, at - 1]
        at -= 1
    near[atom, at], order[atom, at] = squared, taken
    found += 1
    if found >= most:
        # What is farther than the last one by more than a tie has no chance.
        bound = math.sqrt(near[atom, most - 1]) + 2.0 * tie
        limit[atom] = min(limit[atom], bound * bound)
        while near[atom, found - 1] > limit[atom]:
            found -= 1
    counts[atom, 0] = found
    return int(taken)


@njit(cache=True)
def _near_sites(
    first: int,
    last: int,
    radius: float,
    most: int,
    tie: float,
    turned: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    counts: NDArray[np.int64],
    limit: NDArray[np.float64],
    near: NDArray[np.float64],
    order: NDArray[np.int64],
    place: NDArray[np.int64],
) -> None:
    """The nearest neighbours of atoms within a sphere around each, and all that tie with the last of them.

    For one atom (``last`` is ``first + 1``) all images are looked at; for all of a cell every pair once.

    Args:
        first, last: the atoms.
        radius: of the sphere, angstrom.
        most: neighbours wanted.
        tie: see ``nearest_neighbors``.
        turned: reduced lattice, of ``_triangular``.
        wrapped: coordinates, of ``prepared_cell``.
        counts, limit, near, order, place: of every atom, what ``_keep`` has of one.
    """
    alone = last == first + 1
    x0, x1, x2, y1, y2, z2 = turned[0, 0], turned[1, 0], turned[2, 0], turned[1, 1], turned[2, 1], turned[2, 2]
    sphere = radius * radius
    for site in range(first, last):
        counts[site, 0], counts[site, 1], limit[site] = 0, 0, sphere
    for site in range(first, last):
        for other in range(0 if alone else site, len(wrapped)):
            away0 = wrapped[other, 0] - wrapped[site, 0]
            away1 = wrapped[other, 1] - wrapped[site, 1]
            away2 = wrapped[other, 2] - wrapped[site, 2]
            itself = other == site
            half = radius / z2
            for step2 in range(0 if itself else math.ceil(-half - away2), math.floor(half - away2) + 1):
                part2 = away2 + step2
                z = part2 * z2
                left = max(sphere - z * z, 0.0)
                middle = -away1 - part2 * y2 / y1
                half1 = math.sqrt(left) / y1
                low1 = 0 if itself and step2 == 0 else math.ceil(middle - half1)
                for step1 in range(low1, math.floor(middle + half1) + 1):
                    part1 = away1 + step1
                    y = part1 * y1 + part2 * y2
                    beyond = z * z + y * y
                    along = part1 * x1 + part2 * x2
                    middle0 = -away0 - along / x0
                    half0 = math.sqrt(max(sphere - beyond, 0.0)) / x0
                    low0 = 1 if itself and step2 == 0 and step1 == 0 else math.ceil(middle0 - half0)
                    for step0 in range(low0, math.floor(middle0 + half0) + 1):
                        x = (away0 + step0) * x0 + along
                        squared = beyond + x * x
                        if squared <= limit[site]:
                            at = _keep(site, squared, most, tie, counts, limit, near, order)
                            if at >= 0:
                                place[site, at, 0], place[site, at, 1] = other, step0
                                place[site, at, 2], place[site, at, 3] = step1, step2
                        # The atom is a neighbour of its neighbour, and of itself the other way round.
                        if (itself or not alone) and squared <= limit[other]:
                            at = _keep(other, squared, most, tie, counts, limit, near, order)
                            if at >= 0:
                                place[other, at, 0], place[other, at, 1] = site, -step0
                                place[other, at, 2], place[other, at, 3] = -step1, -step2


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
    sites: int, size: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Room for so many neighbours of every atom: counts, limits, squared distances, order, places."""
    return (
        np.empty((sites, 2), np.int64),
        np.empty(sites),
        np.empty((sites, size)),
        np.empty((sites, size), np.int64),
        np.empty((sites, size, 4), np.int64),
    )


@njit(cache=True)
def _is_complete(
    site: int,
    counts: NDArray[np.int64],
    near: NDArray[np.float64],
    radius: float,
    cutoff: float,
    most: int,
    tie: float,
) -> bool:
    """Whether no neighbour of an atom, nor any that ties with the last one, can be outside the sphere."""
    # A neighbour just outside may tie with the last one inside.
    return bool(radius >= cutoff or (counts[site, 0] >= most and math.sqrt(near[site, most - 1]) + 2.0 * tie < radius))


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
    size = max(64, 2 * most)
    counts, limit, near, order, place = _room(64, size)
    key, given, sorted_ = np.empty(size), np.empty((size, 4), np.int64), np.empty(size, np.int64)
    used = 0
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if not is_crystal(lattices[row], fractional[start:stop]):
            broken[row] = True
            continue
        reduced, wrapped, _, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
        turned = _triangular(reduced)
        elements = numbers[start:stop]
        crowd = 3.0 * (most + 1) * cell_volume(lattices[row]) / (stop - start) / (4.0 * math.pi)
        sphere = min(cutoff, _FIRST_SPHERE * crowd ** (1.0 / 3.0))
        if len(counts) < stop - start:
            counts, limit, near, order, place = _room(2 * (stop - start), size)
        # Beyond the cutoff only by what rounding does.
        reach = sphere + ON_SPHERE * (sphere >= cutoff)
        _near_sites(0, stop - start, reach, most, tie, turned, wrapped, counts, limit, near, order, place)
        for site in range(stop - start):
            radius = sphere
            while counts[site, 1] > size or not _is_complete(site, counts, near, radius, cutoff, most, tie):
                if counts[site, 1] > size:
                    size = 2 * counts[site, 1]
                    _, _, more_near, more_order, more_place = _room(len(counts), size)
                    more_near[:, : near.shape[1]] = near
                    more_order[:, : near.shape[1]] = order
                    more_place[:, : near.shape[1]] = place
                    near, order, place = more_near, more_order, more_place
                    key, given, sorted_ = np.empty(size), np.empty((size, 4), np.int64), np.empty(size, np.int64)
                else:
                    radius = min(cutoff, radius * _GROWTH)
                reach = radius + ON_SPHERE * (radius >= cutoff)
                _near_sites(site, site + 1, reach, most, tie, turned, wrapped, counts, limit, near, order, place)
            found = counts[site, 0]
            for here in range(found):
                at = order[site, here]
                key[here] = round(math.sqrt(near[site, here]) / tie)
                given[here, 0] = place[site, at, 0]
                given[here, 1], given[here, 2], given[here, 3] = image_as_given(
                    site, place[site, at, 0], place[site, at, 1:], steps, wraps
                )
                at = here
                while at > 0 and comes_before(here, sorted_[at - 1], key, given, elements):
                    sorted_[at] = sorted_[at - 1]
                    at -= 1
                sorted_[at] = here
            edges_of[start + site] = min(found, most)
            for here in sorted_[: min(found, most)]:
                source[used], destination[used] = given[here, 0], site
                distance[used] = math.sqrt(near[site, here])
                if with_places:
                    for axis in range(3):
                        image[used, axis] = given[here, axis + 1]
                        vector[used, axis] = _vector(site, reduced, wrapped, place[site, order[site, here]], axis)
                used += 1
    placed = used if with_places else 0
    return edges_of, source[:used], destination[:used], distance[:used], image[:placed], vector[:placed], broken
