"""The nearest neighbours of every atom of many crystals, for crystal graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import SAME_PLACE, cell_volume, neighbors_of_site, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_SPHERE = 1.25
"""Times the radius of a sphere that would hold the wanted neighbours if atoms were spread evenly."""

_GROWTH = 1.3


@njit(cache=True)
def _before(
    first: int,
    second: int,
    rounded: NDArray[np.float64],
    element: NDArray[np.int64],
    source: NDArray[np.int64],
    squared: NDArray[np.float64],
) -> bool:
    """Whether one candidate comes before another: by rounded distance, element, site, then distance itself."""
    if rounded[first] != rounded[second]:
        return bool(rounded[first] < rounded[second])
    if element[source[first]] != element[source[second]]:
        return bool(element[source[first]] < element[source[second]])
    if source[first] != source[second]:
        return bool(source[first] < source[second])
    return bool(squared[first] < squared[second])


@njit(cache=True)
def nearest_neighbors(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff: float,
    most: int,
    tie: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
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
            first, then the earlier site.

    Returns:
        Edges of every atom (sites,); of every edge its neighbour, counted within the structure, sorted by
        atom, then rounded distance, element and site (m,); its atom (m,); its distance in angstrom (m,);
        structures whose cell has no volume, or a coordinate that is not finite (n,).
    """
    sites = row_ptr[-1]
    edges_of = np.zeros(sites, np.int64)
    neighbor = np.empty((sites, most), np.int64)
    distance = np.empty((sites, most))
    broken = np.zeros(len(row_ptr) - 1, np.bool_)
    best = np.empty(most, np.int64)
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        volume = cell_volume(lattices[row])
        if not (np.isfinite(volume) and volume > SAME_PLACE and np.all(np.isfinite(fractional[start:stop]))):
            broken[row] = True
            continue
        reduced, wrapped, spacings, _, _ = prepared_cell(fractional[start:stop], lattices[row])
        elements = numbers[start:stop]
        crowd = 3.0 * (most + 1) * volume / (stop - start) / (4.0 * math.pi)
        sphere = min(cutoff, _FIRST_SPHERE * crowd ** (1.0 / 3.0))
        for site in range(stop - start):
            radius = sphere
            while True:
                found, source, _, _, squared = neighbors_of_site(site, radius, reduced, wrapped, spacings, 64)
                rounded = np.empty(found)
                kept = 0
                for here in range(found):
                    rounded[here] = round(math.sqrt(squared[here]) / tie)
                    # The nearest so far stay in order, the new one is put into its place.
                    place = kept
                    while place > 0 and _before(here, best[place - 1], rounded, elements, source, squared):
                        if place < most:
                            best[place] = best[place - 1]
                        place -= 1
                    if place < most:
                        best[place] = here
                        kept = min(kept + 1, most)
                # A neighbour just outside may tie with the last one inside.
                enough = kept == most and (rounded[best[most - 1]] + 1.0) * tie < radius
                if enough or radius >= cutoff:
                    break
                radius = min(cutoff, radius * _GROWTH)
            edges_of[start + site] = kept
            for place in range(kept):
                neighbor[start + site, place] = source[best[place]]
                distance[start + site, place] = math.sqrt(squared[best[place]])
    total = edges_of.sum()
    sources, destinations, distances = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total)
    used = 0
    for row in range(len(row_ptr) - 1):
        for site in range(row_ptr[row], row_ptr[row + 1]):
            for place in range(edges_of[site]):
                sources[used] = neighbor[site, place]
                destinations[used] = site - row_ptr[row]
                distances[used] = distance[site, place]
                used += 1
    return edges_of, sources, destinations, distances, broken
