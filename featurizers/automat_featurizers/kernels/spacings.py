"""How far apart the elements of a crystal lie: mean distances from one element to the nearest atoms of another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import SAME_PLACE, cell_volume, neighbors_of_site, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_SPHERE = 1.15
"""Times the radius of a sphere that would hold the wanted neighbours if atoms were spread evenly."""

_GROWTH = 1.3


@njit(cache=True)
def element_spacings(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    numbers: NDArray[np.int64],
    fractional: NDArray[np.float64],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Mean distances to the ``count`` nearest atoms of every element, by element, at one atom a unit of volume.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        numbers: atomic number of every site, shape (sites,).
        fractional: coordinates as given, shape (sites, 3).
        count: neighbours of every element.

    Returns:
        Offsets of the structures' distances (n + 1,); the distances, for every element in the order of atomic
        numbers those to every element in that order, nearest first, so (elements * elements * count,) a
        structure; structures whose cell has no volume, or a coordinate that is not finite (n,), which have no
        distances.
    """
    rows = len(row_ptr) - 1
    pointer = np.zeros(rows + 1, np.int64)
    broken = np.zeros(rows, np.bool_)
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        volume = cell_volume(lattices[row])
        sound = np.isfinite(volume) and volume > SAME_PLACE and np.all(np.isfinite(fractional[start:stop]))
        broken[row] = not sound
        kinds = len(np.unique(numbers[start:stop])) if sound else 0
        pointer[row + 1] = pointer[row] + kinds * kinds * count
    spacings = np.zeros(pointer[-1])
    for row in range(rows):
        if broken[row]:
            continue
        start, stop = row_ptr[row], row_ptr[row + 1]
        elements = np.unique(numbers[start:stop])
        kinds = len(elements)
        kind = np.searchsorted(elements, numbers[start:stop])
        sites_of = np.zeros(kinds, np.int64)
        for site in range(stop - start):
            sites_of[kind[site]] += 1
        reduced, wrapped, planes, _, _ = prepared_cell(fractional[start:stop], lattices[row])
        volume = cell_volume(lattices[row])
        unit = (volume / (stop - start)) ** (1.0 / 3.0)
        crowd = 3.0 * (count + 1) * volume / (sites_of.min() * 4.0 * math.pi)
        radius = _FIRST_SPHERE * crowd ** (1.0 / 3.0)
        sums = np.zeros((kinds, kinds, count))
        for site in range(stop - start):
            while True:
                found, source, _, _, squared = neighbors_of_site(site, radius, reduced, wrapped, planes, 64)
                seen = np.zeros(kinds, np.int64)
                for here in range(found):
                    seen[kind[source[here]]] += 1
                if seen.min() >= count:
                    break
                radius *= _GROWTH
            taken = np.zeros(kinds, np.int64)
            for here in np.argsort(squared[:found], kind="mergesort"):
                other = kind[source[here]]
                if taken[other] < count:
                    sums[kind[site], other, taken[other]] += math.sqrt(squared[here])
                    taken[other] += 1
        place = pointer[row]
        for first in range(kinds):
            for second in range(kinds):
                for nearest in range(count):
                    spacings[place] = sums[first, second, nearest] / (sites_of[first] * unit)
                    place += 1
    return pointer, spacings, broken
