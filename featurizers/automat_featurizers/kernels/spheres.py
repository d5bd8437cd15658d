"""All neighbours within a sphere around every atom of many crystals, for crystal graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.nearest import (
    ON_SPHERE,
    is_crystal,
    key_of,
    order_images,
    order_keys,
    positions_of,
    step_of,
    way_along,
    within_sphere,
)
from automat_featurizers.kernels.neighbors import image_as_given, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def sphere_neighbors(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff: float,
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
    """Every neighbour within ``cutoff`` of every atom; arguments and returns as ``nearest_neighbors`` has them."""
    edges_of = np.zeros(row_ptr[-1], np.int64)
    broken = np.zeros(len(row_ptr) - 1, np.bool_)
    places, ways = np.empty((2, 1024), np.int32), np.empty(1024)
    image, vector = np.empty((1024 * with_places, 3), np.int32), np.empty((1024 * with_places, 3))
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
        elements, positions, distances = numbers[start:stop], positions_of(wrapped, reduced), np.empty(stop - start)
        for site in range(stop - start):
            found = -1
            while found < 0:
                # Beyond the cutoff only by what rounding does.
                found = within_sphere(
                    site, cutoff + ON_SPHERE, reduced, wrapped, spacings, positions, distances, near, place, cells
                )
                if found < 0:
                    room = 2 * (len(near) + stop - start)
                    near, place = np.empty(room), np.empty((2, room), np.int64)
                    key, order = np.empty(room, np.int64), np.empty(room, np.int64)
            for here in range(found):
                key[here] = key_of(near[here], elements[place[0, here]], place[0, here])
            order_keys(key, order, found)
            order_images(found, site, key, order, place, cells, steps, wraps)
            edges_of[start + site] = found
            if used + found > len(ways):
                more = max(len(ways), found)
                places = np.concatenate((places, np.empty((2, more), np.int32)), axis=1)
                ways = np.concatenate((ways, np.empty(more)))
                image = np.concatenate((image, np.empty((more * with_places, 3), np.int32)))
                vector = np.concatenate((vector, np.empty((more * with_places, 3))))
            for here in order[:found]:
                other = place[0, here]
                places[0, used], places[1, used], ways[used] = other, site, math.sqrt(near[here])
                if with_places:
                    step = step_of(place[1, here], cells)
                    image[used, 0], image[used, 1], image[used, 2] = image_as_given(site, other, step, steps, wraps)
                    for axis in range(3):
                        vector[used, axis] = way_along(axis, site, other, step, positions, reduced)
                used += 1
    placed = used if with_places else 0
    return edges_of, places[0, :used], places[1, :used], ways[:used], image[:placed], vector[:placed], broken
