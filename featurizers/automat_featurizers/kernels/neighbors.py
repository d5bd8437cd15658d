"""Periodic neighbours of the atoms of one cell, exact for any cell however skewed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME_PLACE = 1e-4
"""Distance below which two sites coincide, angstrom."""

_ROUNDS = 1000


@njit(cache=True)
def cell_volume(lattice: NDArray[np.float64]) -> float:
    """Volume spanned by the rows, cubic angstrom; NaN where one of them is not finite."""
    a, b, c = lattice[0], lattice[1], lattice[2]
    volume: float = abs(
        a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])
    )
    return volume


@njit(cache=True)
def reduced_basis(lattice: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A basis of the same lattice with short, nearly orthogonal vectors.

    The longer vector of each pair is shortened by multiples of the other until nothing changes: the fewer
    images of a cell a sphere meets, the faster neighbours are found.

    Args:
        lattice: vectors as rows, angstrom, shape (3, 3).

    Returns:
        The reduced vectors, shape (3, 3), and the integers m with ``reduced = m @ lattice``.
    """
    reduced = lattice.copy()
    steps = np.eye(3).astype(np.int64)
    for _ in range(_ROUNDS):
        changed = False
        for first in range(3):
            for second in range(3):
                if first == second:
                    continue
                length = 0.0
                overlap = 0.0
                for axis in range(3):
                    length += reduced[second, axis] * reduced[second, axis]
                    overlap += reduced[first, axis] * reduced[second, axis]
                times = round(overlap / length)
                # Half a vector may be rounded either way for ever; only a real gain counts.
                if times != 0 and abs(overlap) > length * (0.5 + 1e-9):
                    for axis in range(3):
                        reduced[first, axis] -= times * reduced[second, axis]
                        steps[first, axis] -= int(times) * steps[second, axis]
                    changed = True
        if not changed:
            break
    return reduced, steps


@njit(cache=True)
def plane_spacings(lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance between opposite faces of the cell, angstrom, shape (3,)."""
    volume = cell_volume(lattice)
    spacings = np.empty(3)
    for axis in range(3):
        b, c = lattice[(axis + 1) % 3], lattice[(axis + 2) % 3]
        area = math.sqrt(
            (b[1] * c[2] - b[2] * c[1]) ** 2 + (b[2] * c[0] - b[0] * c[2]) ** 2 + (b[0] * c[1] - b[1] * c[0]) ** 2
        )
        spacings[axis] = volume / area
    return spacings


@njit(cache=True)
def prepared_cell(
    fractional: NDArray[np.float64], lattice: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The cell as the search for neighbours wants it.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, shape (3, 3).

    Returns:
        Reduced lattice (3, 3); coordinates in it, wrapped into [0, 1) (n, 3); its plane spacings (3,); the
        reduced vectors in terms of the given ones (3, 3); the translations, in reduced vectors, that the
        wrapping took away (n, 3).
    """
    reduced, steps = reduced_basis(lattice)
    if np.array_equal(steps, np.eye(3)):
        coordinates = np.ascontiguousarray(fractional)
    else:
        coordinates = np.ascontiguousarray(fractional) @ np.linalg.inv(steps.astype(np.float64))
    wraps = np.floor(coordinates).astype(np.int64)
    wrapped = coordinates - wraps
    return reduced, wrapped, plane_spacings(reduced), steps, wraps


@njit(cache=True)
def neighbors_of_site(
    site: int,
    cutoff: float,
    reduced: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    spacings: NDArray[np.float64],
    room: int,
) -> tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Every atom and image within ``cutoff`` of one site, unsorted, the site itself left out.

    Args:
        site: its position in the cell.
        cutoff: angstrom.
        reduced: lattice, of ``prepared_cell``.
        wrapped: coordinates, of ``prepared_cell``.
        spacings: of ``prepared_cell``.
        room: for how many neighbours to make room at first; more is made when needed.

    Returns:
        How many; their sites (room,); images in reduced vectors, relative to wrapped coordinates (room, 3);
        vectors from the site, angstrom (room, 3); squared distances (room,). Entries past the number are
        not set.
    """
    found = 0
    neighbor = np.empty(room, np.int64)
    image = np.empty((room, 3), np.int64)
    vector = np.empty((room, 3))
    squared = np.empty(room)
    limit = cutoff * cutoff
    span0, span1, span2 = cutoff / spacings[0], cutoff / spacings[1], cutoff / spacings[2]
    for other in range(len(wrapped)):
        away0 = wrapped[other, 0] - wrapped[site, 0]
        away1 = wrapped[other, 1] - wrapped[site, 1]
        away2 = wrapped[other, 2] - wrapped[site, 2]
        for step0 in range(math.ceil(-span0 - away0), math.floor(span0 - away0) + 1):
            part0 = away0 + step0
            x0, y0, z0 = part0 * reduced[0, 0], part0 * reduced[0, 1], part0 * reduced[0, 2]
            for step1 in range(math.ceil(-span1 - away1), math.floor(span1 - away1) + 1):
                part1 = away1 + step1
                x1 = x0 + part1 * reduced[1, 0]
                y1 = y0 + part1 * reduced[1, 1]
                z1 = z0 + part1 * reduced[1, 2]
                for step2 in range(math.ceil(-span2 - away2), math.floor(span2 - away2) + 1):
                    part2 = away2 + step2
                    x = x1 + part2 * reduced[2, 0]
                    y = y1 + part2 * reduced[2, 1]
                    z = z1 + part2 * reduced[2, 2]
                    length = x * x + y * y + z * z
                    if length > limit or (other == site and step0 == 0 and step1 == 0 and step2 == 0):
                        continue
                    if found == room:
                        neighbor = np.concatenate((neighbor, np.empty(room, np.int64)))
                        image = np.concatenate((image, np.empty((room, 3), np.int64)))
                        vector = np.concatenate((vector, np.empty((room, 3))))
                        squared = np.concatenate((squared, np.empty(room)))
                        room *= 2
                    neighbor[found] = other
                    image[found, 0], image[found, 1], image[found, 2] = step0, step1, step2
                    vector[found, 0], vector[found, 1], vector[found, 2] = x, y, z
                    squared[found] = length
                    found += 1
    return found, neighbor, image, vector, squared


@njit(cache=True)
def image_as_given(
    site: int,
    other: int,
    step: NDArray[np.int64] | tuple[int, int, int],
    steps: NDArray[np.int64],
    wraps: NDArray[np.int64],
) -> tuple[int, int, int]:
    """The image of ``other`` in the given lattice vectors, relative to the coordinates as given.

    Args:
        site: position in the cell.
        other: position in the cell.
        step: image in reduced vectors, relative to wrapped coordinates, three numbers.
        steps: of ``prepared_cell``.
        wraps: of ``prepared_cell``.
    """
    a = step[0] - wraps[other, 0] + wraps[site, 0]
    b = step[1] - wraps[other, 1] + wraps[site, 1]
    c = step[2] - wraps[other, 2] + wraps[site, 2]
    return (
        a * steps[0, 0] + b * steps[1, 0] + c * steps[2, 0],
        a * steps[0, 1] + b * steps[1, 1] + c * steps[2, 1],
        a * steps[0, 2] + b * steps[1, 2] + c * steps[2, 2],
    )


@njit(cache=True)
def periodic_neighbors(
    fractional: NDArray[np.float64], lattice: NDArray[np.float64], cutoff: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """All neighbours within ``cutoff`` of every site of one cell, the nearest first.

    Args:
        fractional: coordinates as given, shape (n, 3).
        lattice: vectors as rows, angstrom, with a volume, shape (3, 3).
        cutoff: angstrom.

    Returns:
        Offsets of the sites' neighbours (n + 1,); the neighbours' sites (m,); their images in lattice vectors
        relative to the coordinates as given (m, 3); vectors from the site, angstrom (m, 3); distances (m,).
    """
    reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional, lattice)
    count = len(fractional)
    row_ptr = np.zeros(count + 1, np.int64)
    room = 64
    neighbor = np.empty(room, np.int64)
    image = np.empty((room, 3), np.int64)
    vector = np.empty((room, 3))
    distance = np.empty(room)
    used = 0
    for site in range(count):
        found, others, images, vectors, squared = neighbors_of_site(site, cutoff, reduced, wrapped, spacings, 64)
        order = np.argsort(squared[:found], kind="mergesort")
        if used + found > room:
            more = max(room, used + found - room)
            neighbor = np.concatenate((neighbor, np.empty(more, np.int64)))
            image = np.concatenate((image, np.empty((more, 3), np.int64)))
            vector = np.concatenate((vector, np.empty((more, 3))))
            distance = np.concatenate((distance, np.empty(more)))
            room += more
        for position in order:
            neighbor[used] = others[position]
            a, b, c = image_as_given(site, others[position], images[position], steps, wraps)
            image[used, 0], image[used, 1], image[used, 2] = a, b, c
            for axis in range(3):
                vector[used, axis] = vectors[position, axis]
            distance[used] = math.sqrt(squared[position])
            used += 1
        row_ptr[site + 1] = used
    return row_ptr, neighbor[:used], image[:used], vector[:used], distance[:used]
