"""Sums over the faces of Voronoi cells: the loops of Ward et al.'s features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHIFT = 1 << 15
"""Images of a neighbour, and of a neighbour's neighbour's neighbour, stay far below this."""


@njit(cache=True)
def effective_coordination(row_ptr: NDArray[np.int64], area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared sum of a site's face areas over the sum of their squares, shape (sites,)."""
    made = np.full(len(row_ptr) - 1, np.nan)
    for site in range(len(made)):
        total, squares = 0.0, 0.0
        for face in range(row_ptr[site], row_ptr[site + 1]):
            total += area[face]
            squares += area[face] * area[face]
        if squares > 0:
            made[site] = total * total / squares
    return made


@njit(cache=True)
def relative_areas(row_ptr: NDArray[np.int64], area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areas of the faces relative to the largest of their site, shape (faces,)."""
    made = np.empty(len(area))
    for site in range(len(row_ptr) - 1):
        largest = 0.0
        for face in range(row_ptr[site], row_ptr[site + 1]):
            largest = max(largest, area[face])
        for face in range(row_ptr[site], row_ptr[site + 1]):
            made[face] = area[face] / largest
    return made


@njit(cache=True)
def bond_lengths(
    row_ptr: NDArray[np.int64], area: NDArray[np.float64], distance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of every site: mean distance to its neighbours, weighted by face area (angstrom); the mean absolute
    deviation from it, relative to it; the cell's volume (cubic angstrom); the nearest neighbour (angstrom).
    """  # noqa: D205 - four results, one sentence
    sites = len(row_ptr) - 1
    mean, deviation = np.full(sites, np.nan), np.full(sites, np.nan)
    volume, nearest = np.full(sites, np.nan), np.full(sites, np.nan)
    for site in range(sites):
        start, stop = row_ptr[site], row_ptr[site + 1]
        total, weighted = 0.0, 0.0
        closest = np.inf
        for face in range(start, stop):
            total += area[face]
            weighted += area[face] * distance[face]
            closest = min(closest, distance[face])
        if total <= 0:
            continue
        mean[site] = weighted / total
        away = 0.0
        for face in range(start, stop):
            away += area[face] * abs(distance[face] - mean[site])
        deviation[site] = away / total / mean[site]
        volume[site] = weighted / 6.0
        nearest[site] = closest
    return mean, deviation, volume, nearest


@njit(cache=True)
def local_differences(
    row_ptr: NDArray[np.int64],
    area: NDArray[np.float64],
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    table: NDArray[np.float64],
    signed: bool,
) -> NDArray[np.float64]:
    """Mean difference of element properties to the neighbours, weighted by face area.

    Args:
        row_ptr: offsets of the sites' faces, shape (sites + 1,).
        area: of every face, shape (faces,).
        own: atomic number of every site, shape (sites,).
        other: atomic number beyond every face, shape (faces,).
        table: property by atomic number, shape (119, properties).
        signed: the difference as it is (neighbour less site), or its size.

    Returns:
        Shape (sites, properties).
    """
    made = np.full((len(own), table.shape[1]), np.nan)
    for site in range(len(own)):
        start, stop = row_ptr[site], row_ptr[site + 1]
        total = 0.0
        for face in range(start, stop):
            total += area[face]
        if total <= 0:
            continue
        made[site] = 0.0
        for face in range(start, stop):
            share = area[face] / total
            for column in range(table.shape[1]):
                away = table[other[face], column] - table[own[site], column]
                made[site, column] += share * (away if signed else abs(away))
    return made


@njit(cache=True)
def _key(neighbor: int, a: int, b: int, c: int) -> int:
    """One number for an atom's image."""
    return ((neighbor * 2 * _SHIFT + a + _SHIFT) * 2 * _SHIFT + b + _SHIFT) * 2 * _SHIFT + c + _SHIFT


@njit(cache=True)
def _opposite_faces(
    start: int, stop: int, row_ptr: NDArray[np.int64], neighbor: NDArray[np.int64], image: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The same face seen from its other side, -1 where it has no area there; for the sites start..stop."""
    first = row_ptr[start]
    made = np.full(row_ptr[stop] - first, -1, np.int64)
    for site in range(start, stop):
        for face in range(row_ptr[site], row_ptr[site + 1]):
            beyond = start + neighbor[face]
            for back in range(row_ptr[beyond], row_ptr[beyond + 1]):
                if (
                    neighbor[back] == site - start
                    and image[back, 0] == -image[face, 0]
                    and image[back, 1] == -image[face, 1]
                    and image[back, 2] == -image[face, 2]
                ):
                    made[face - first] = back
                    break
    return made


@njit(cache=True)
def chemical_ordering(
    site_ptr: NDArray[np.int64],
    row_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    image: NDArray[np.int64],
    weight: NDArray[np.float64],
    kind: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """How far the elements in the first three shells are from their shares in the crystal.

    A shell is all paths of that many steps that visit no atom twice; a path weighs the product of its steps'
    weights. The third shell is not walked: a step's ends are all neighbours less the two places already
    visited.

    Args:
        site_ptr: offsets of the structures' sites, shape (n + 1,).
        row_ptr: offsets of the sites' faces, shape (sites + 1,).
        neighbor: beyond every face, counted within its structure, shape (faces,).
        image: of that neighbour, shape (faces, 3).
        weight: of every face, shape (faces,).
        kind: element of every site, counted from 0 within its structure, shape (sites,).
        kinds: number of elements of every structure, shape (n,).

    Returns:
        Shape (n, 3): the mean size of ``1 - share in the shell / share in the crystal``; 0 for one element,
        NaN where a shell is empty.
    """
    made = np.full((len(kinds), 3), np.nan)
    for row in range(len(kinds)):
        if kinds[row] == 1:
            made[row] = 0.0
            continue
        start, stop, elements = site_ptr[row], site_ptr[row + 1], kinds[row]
        first = row_ptr[start]
        if row_ptr[stop] == first:
            continue
        opposite = _opposite_faces(start, stop, row_ptr, neighbor, image)
        ends = np.zeros((stop - start, elements))
        shares = np.zeros(elements)
        for site in range(start, stop):
            shares[kind[site]] += 1.0 / (stop - start)
            for face in range(row_ptr[site], row_ptr[site + 1]):
                ends[site - start, kind[start + neighbor[face]]] += weight[face]
        off = np.zeros(3)
        for site in range(start, stop):
            shell = _shells_of_site(site, start, row_ptr, neighbor, image, weight, kind, opposite, ends)
            for step in range(3):
                total = shell[step].sum()
                for element in range(elements):
                    off[step] += abs(1.0 - shell[step, element] / total / shares[element])
        made[row] = off / ((stop - start) * elements)
    return made


@njit(cache=True)
def _shells_of_site(
    site: int,
    start: int,
    row_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    image: NDArray[np.int64],
    weight: NDArray[np.float64],
    kind: NDArray[np.int64],
    opposite: NDArray[np.int64],
    ends: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weight of every element in the first three shells of a site, shape (3, elements)."""
    shell = np.zeros((3, ends.shape[1]))
    first = row_ptr[start]
    here, own = site - start, kind[site]
    begin, end = row_ptr[site], row_ptr[site + 1]
    near = np.empty(end - begin, np.int64)
    for face in range(begin, end):
        near[face - begin] = _key(neighbor[face], image[face, 0], image[face, 1], image[face, 2])
    home = _key(here, 0, 0, 0)
    for one in range(begin, end):
        j = start + neighbor[one]
        shell[0, kind[j]] += weight[one]
        for two in range(row_ptr[j], row_ptr[j + 1]):
            key = _key(
                neighbor[two],
                image[one, 0] + image[two, 0],
                image[one, 1] + image[two, 1],
                image[one, 2] + image[two, 2],
            )
            if key == home:
                continue
            k = start + neighbor[two]
            path = weight[one] * weight[two]
            shell[1, kind[k]] += path
            for element in range(ends.shape[1]):
                shell[2, element] += path * ends[neighbor[two], element]
            back = opposite[two - first]
            if back >= 0:
                shell[2, kind[j]] -= path * weight[back]
            for face in range(begin, end):
                if near[face - begin] == key:
                    back = opposite[face - first]
                    if back >= 0:
                        shell[2, own] -= path * weight[back]
                    break
    return shell
