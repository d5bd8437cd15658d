"""The nearest neighbours of every atom of many crystals, for crystal graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import SAME_PLACE, cell_volume, image_as_given, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIE = 1e-6
"""Angstrom. Distances within the same so wide bin are a tie: the lattice's own symmetry, but for rounding."""

BIN_START = 0.618
"""Bins do not begin at round numbers, where distances often are, and rounding would decide for one or the other."""

ON_SPHERE = 1e-8
"""Angstrom. A neighbour so little beyond the cutoff is within it: rounding does not decide, nor the direction."""

_PER_ELEMENT = 2**21
_PER_DISTANCE = 2**28
"""Weights of an element and of a distance's bin in a key, above all sites and all elements."""

_FEW = 256

_FIRST_SPHERE = 1.1
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


@njit(cache=True, error_model="numpy")
def key_of(squared: float, element: int, site: int) -> int:
    """A number that sorts neighbours by the bin of their distance, then their element, then their site."""
    return int(math.floor(math.sqrt(squared) / TIE + BIN_START) * _PER_DISTANCE + element * _PER_ELEMENT + site)


@njit(cache=True)
def positions_of(wrapped: NDArray[np.float64], reduced: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the atoms of ``prepared_cell``, angstrom, shape (3, n)."""
    positions = np.empty((3, len(wrapped)))
    for axis in range(3):
        for site in range(len(wrapped)):
            positions[axis, site] = (
                wrapped[site, 0] * reduced[0, axis]
                + wrapped[site, 1] * reduced[1, axis]
                + wrapped[site, 2] * reduced[2, axis]
            )
    return positions


@njit(cache=True, error_model="numpy")
def within_sphere(
    site: int,
    radius: float,
    reduced: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    spacings: NDArray[np.float64],
    positions: NDArray[np.float64],
    distances: NDArray[np.float64],
    near: NDArray[np.float64],
    place: NDArray[np.int64],
    cells: NDArray[np.int64],
) -> int:
    """Every neighbour within a sphere around one atom, unsorted, the atom itself left out.

    The atoms of one image of the cell are taken together, in loops that become vector instructions.

    Args:
        site: position of the atom in the cell.
        radius: of the sphere, angstrom.
        reduced: lattice, of ``prepared_cell``.
        wrapped: coordinates, of ``prepared_cell``.
        spacings: of ``prepared_cell``.
        positions: of the wrapped atoms, angstrom, shape (3, n).
        distances: room for one number an atom (n,).
        near: room for squared distances (room,).
        place: room for the neighbours' sites, and for the number of the image of the cell that each is in
            (2, room).
        cells: filled with the first image, in reduced vectors, and how many there are along each of them (2, 3).

    Returns:
        How many; -1 where there is not room enough.
    """
    for axis in range(3):
        reach = radius / spacings[axis]
        cells[0, axis] = math.floor(wrapped[site, axis] - reach)
        cells[1, axis] = math.floor(wrapped[site, axis] + reach) - cells[0, axis] + 1
    x, y, z, atoms = positions[0], positions[1], positions[2], len(wrapped)
    limit = radius * radius
    found, number = 0, -1
    for step0 in range(cells[0, 0], cells[0, 0] + cells[1, 0]):
        for step1 in range(cells[0, 1], cells[0, 1] + cells[1, 1]):
            for step2 in range(cells[0, 2], cells[0, 2] + cells[1, 2]):
                number += 1
                if found + atoms > len(near):
                    return -1
                away0 = step0 * reduced[0, 0] + step1 * reduced[1, 0] + step2 * reduced[2, 0] - x[site]
                away1 = step0 * reduced[0, 1] + step1 * reduced[1, 1] + step2 * reduced[2, 1] - y[site]
                away2 = step0 * reduced[0, 2] + step1 * reduced[1, 2] + step2 * reduced[2, 2] - z[site]
                for other in range(atoms):
                    x_away, y_away, z_away = x[other] + away0, y[other] + away1, z[other] + away2
                    distances[other] = x_away * x_away + y_away * y_away + z_away * z_away
                if step0 == 0 and step1 == 0 and step2 == 0:
                    distances[site] = np.inf
                for other in range(atoms):
                    # Written always, and counted where it is near: there is no branch to be guessed wrong.
                    near[found], place[0, found], place[1, found] = distances[other], other, number
                    found += 1 if distances[other] <= limit else 0
    return found


@njit(cache=True)
def step_of(number: int, cells: NDArray[np.int64]) -> tuple[int, int, int]:
    """The image that ``within_sphere`` gave a number, in reduced vectors."""
    rest, step2 = divmod(number, cells[1, 2])
    step0, step1 = divmod(rest, cells[1, 1])
    return cells[0, 0] + step0, cells[0, 1] + step1, cells[0, 2] + step2


@njit(cache=True)
def way_along(
    axis: int,
    site: int,
    other: int,
    step: tuple[int, int, int],
    positions: NDArray[np.float64],
    reduced: NDArray[np.float64],
) -> float:
    """One coordinate of the vector from an atom to an image of another, in reduced vectors, angstrom."""
    shift = step[0] * reduced[0, axis] + step[1] * reduced[1, axis] + step[2] * reduced[2, axis]
    return float(positions[axis, other] - positions[axis, site] + shift)


@njit(cache=True)
def order_keys(key: NDArray[np.int64], order: NDArray[np.int64], found: int) -> None:
    """Fill ``order`` with the positions of the first ``found`` keys, lowest first."""
    if found > _FEW:
        order[:found] = np.argsort(key[:found])
        return
    # Of few, to count the lower ones is faster than to move them: nothing is to be guessed, and vectors do it.
    for here in range(found):
        mine, rank = key[here], 0
        for other in range(here):
            rank += 1 if key[other] <= mine else 0
        for other in range(here + 1, found):
            rank += 1 if key[other] < mine else 0
        order[rank] = here


@njit(cache=True)
def order_images(
    found: int,
    site: int,
    key: NDArray[np.int64],
    order: NDArray[np.int64],
    place: NDArray[np.int64],
    cells: NDArray[np.int64],
    steps: NDArray[np.int64],
    wraps: NDArray[np.int64],
) -> None:
    """Put images of one atom that tie into the order of their numbers as the crystal has them."""
    for here in range(1, found):
        moved, at = order[here], here
        if key[order[here - 1]] != key[moved]:
            continue
        other = place[0, moved]
        mine = image_as_given(site, other, step_of(place[1, moved], cells), steps, wraps)
        while at > 0 and key[order[at - 1]] == key[moved]:
            before = order[at - 1]
            if image_as_given(site, other, step_of(place[1, before], cells), steps, wraps) < mine:
                break
            order[at] = before
            at -= 1
        order[at] = moved


@njit(cache=True, nogil=True, error_model="numpy")
def nearest_neighbors(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff: float,
    most: int,
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
    wanted costs nothing. Of neighbours at equal distances (see ``TIE``) the lower atomic number comes first,
    then the earlier site, then the lower image.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        numbers: atomic number of every site, shape (sites,).
        fractional: coordinates as given, shape (sites, 3).
        cutoff: angstrom.
        most: neighbours an atom may have.
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
    near, place = np.empty(256), np.empty((2, 256), np.int64)
    key, order = np.empty(256, np.int64), np.empty(256, np.int64)
    cells = np.empty((2, 3), np.int64)
    used = 0
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if not is_crystal(lattices[row], fractional[start:stop]):
            broken[row] = True
            continue
        reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
        elements = numbers[start:stop]
        positions = positions_of(wrapped, reduced)
        distances = np.empty(stop - start)
        crowd = 3.0 * (most + 1) * cell_volume(lattices[row]) / (stop - start) / (4.0 * math.pi)
        sphere = min(cutoff, _FIRST_SPHERE * crowd ** (1.0 / 3.0))
        for site in range(stop - start):
            radius = sphere
            while True:
                # Beyond the cutoff only by what rounding does.
                reach = radius + ON_SPHERE if radius >= cutoff else radius
                found = within_sphere(site, reach, reduced, wrapped, spacings, positions, distances, near, place, cells)
                if found < 0:
                    room = 2 * (len(near) + stop - start)
                    near, place = np.empty(room), np.empty((2, room), np.int64)
                    key, order = np.empty(room, np.int64), np.empty(room, np.int64)
                    continue
                if found >= most or radius >= cutoff:
                    for here in range(found):
                        key[here] = key_of(near[here], elements[place[0, here]], place[0, here])
                    order_keys(key, order, found)
                    order_images(found, site, key, order, place, cells, steps, wraps)
                    # A neighbour just outside may tie with the last one inside.
                    if radius >= cutoff or math.sqrt(near[order[most - 1]]) + TIE < radius:
                        break
                radius = min(cutoff, radius * _GROWTH)
            kept = min(found, most)
            edges_of[start + site] = kept
            for here in order[:kept]:
                other = place[0, here]
                source[used], destination[used], distance[used] = other, site, math.sqrt(near[here])
                if with_places:
                    step = step_of(place[1, here], cells)
                    image[used, 0], image[used, 1], image[used, 2] = image_as_given(site, other, step, steps, wraps)
                    for axis in range(3):
                        vector[used, axis] = way_along(axis, site, other, step, positions, reduced)
                used += 1
    placed = used if with_places else 0
    return edges_of, source[:used], destination[:used], distance[:used], image[:placed], vector[:placed], broken
