"""All neighbours within a sphere around every atom of many crystals, for crystal graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.nearest import ON_SPHERE, comes_before, is_crystal
from automat_featurizers.kernels.neighbors import image_as_given, neighbors_of_site, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def sphere_neighbors(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff: float,
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
    """Every neighbour within ``cutoff`` of every atom; arguments and returns as ``nearest_neighbors`` has them."""
    edges_of = np.zeros(row_ptr[-1], np.int64)
    broken = np.zeros(len(row_ptr) - 1, np.bool_)
    # Neighbour, central atom, image; distance, vector.
    whole, parts = 2 + 3 * with_places, 1 + 3 * with_places
    places, ways = np.empty((1024, whole), np.int32), np.empty((1024, parts))
    used, room = 0, 64
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if not is_crystal(lattices[row], fractional[start:stop]):
            broken[row] = True
            continue
        reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
        elements = numbers[start:stop]
        for site in range(stop - start):
            # Beyond the cutoff only by what rounding does.
            found, others, images, vectors, squared = neighbors_of_site(
                site, cutoff + ON_SPHERE, reduced, wrapped, spacings, room
            )
            room = max(room, found)
            key, given = np.empty(found), np.empty((found, 4), np.int64)
            order = np.argsort(squared[:found])
            for here in range(found):
                key[here] = round(math.sqrt(squared[here]) / tie)
                given[here, 0] = others[here]
                given[here, 1], given[here, 2], given[here, 3] = image_as_given(
                    site, others[here], images[here], steps, wraps
                )
            # Sorted by distance already, all but the ties.
            for here in range(1, found):
                moved, at = order[here], here
                while at > 0 and comes_before(moved, order[at - 1], key, given, elements):
                    order[at] = order[at - 1]
                    at -= 1
                order[at] = moved
            edges_of[start + site] = found
            if used + found > len(places):
                more = max(len(places), found)
                places = np.concatenate((places, np.empty((more, whole), np.int32)))
                ways = np.concatenate((ways, np.empty((more, parts))))
            for here in order:
                places[used, 0], places[used, 1] = others[here], site
                ways[used, 0] = math.sqrt(squared[here])
                if with_places:
                    for axis in range(3):
                        places[used, 2 + axis] = given[here, 1 + axis]
                        ways[used, 1 + axis] = vectors[here, axis]
                used += 1
    placed = used if with_places else 0
    image, vector = np.empty((placed, 3), np.int32), np.empty((placed, 3))
    for edge in range(placed):
        for axis in range(3):
            image[edge, axis], vector[edge, axis] = places[edge, 2 + axis], ways[edge, 1 + axis]
    return edges_of, places[:used, 0].copy(), places[:used, 1].copy(), ways[:used, 0].copy(), image, vector, broken
