"""Voronoi cells among the atoms within a cutoff, where that differs from the cells of the whole crystal.

pymatgen's ``VoronoiNN`` cuts an atom's cell with the neighbours within a cutoff (7 angstrom for ``CrystalNN``,
13 by itself), and only looks farther where the cell is not closed. In an open crystal a cell may have faces
with atoms beyond that: the nearer faces are then larger than those of the true tessellation. Only such cells
are cut anew; all others are those of the shared tessellation.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from automat_featurizers.kernels import voronoi
from automat_featurizers.kernels.geometry import Tessellation, tessellation
from automat_featurizers.kernels.neighbors import image_as_given, neighbors_of_site, prepared_cell

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_FAR = 1e4
"""Half the edge of the box a cell is cut from, angstrom: a face that still reaches it is not closed."""

_NEARLY = 0.99


@cache
def cells_within(cutoff: float, *, open_faces: bool) -> Callable[[PackedStructures], Tessellation]:
    """What makes the cells, for ``structures.derived(cells_within(...))``.

    Args:
        cutoff: of the neighbours considered, angstrom.
        open_faces: leave out the faces of a cell that are not closed; else twice the cutoff is tried, until
            the cell is closed.
    """

    def finite_tessellation(structures: PackedStructures) -> Tessellation:
        whole = structures.derived(tessellation)
        site_of_face = np.repeat(np.arange(len(whole.row_ptr) - 1), np.diff(whole.row_ptr))
        sites = np.unique(site_of_face[whole.distance > cutoff])
        if len(sites) == 0:
            return whole
        counts, places, numbers = _recut(
            sites,
            np.searchsorted(structures.row_ptr, sites, side="right") - 1,
            structures.row_ptr,
            np.ascontiguousarray(structures.lattices),
            np.ascontiguousarray(structures.fractional),
            cutoff,
            open_faces,
        )
        return _replaced(whole, sites, counts, places, numbers)

    return finite_tessellation


def _replaced(
    whole: Tessellation,
    sites: NDArray[np.int64],
    counts: NDArray[np.int64],
    places: NDArray[np.int64],
    numbers: NDArray[np.float64],
) -> Tessellation:
    """The tessellation with the cells of some sites exchanged; a site of count 0 keeps its cell."""
    sites, counts = sites[counts > 0], counts[counts > 0]
    faces = np.diff(whole.row_ptr)
    stays = np.ones(len(faces), np.bool_)
    stays[sites] = False
    faces[sites] = counts
    row_ptr = np.concatenate([[0], np.cumsum(faces)])
    old = np.repeat(stays, np.diff(whole.row_ptr))
    new = np.repeat(stays, faces)

    def joined(before: NDArray[Any], instead: NDArray[Any]) -> NDArray[Any]:
        made = np.empty((row_ptr[-1], *before.shape[1:]), before.dtype)
        made[new] = before[old]
        made[~new] = instead
        return made

    return Tessellation(
        row_ptr=row_ptr,
        neighbor=joined(whole.neighbor, places[:, 0]),
        image=joined(whole.image, places[:, 1:4]),
        vector=joined(whole.vector, numbers[:, :3]),
        distance=joined(whole.distance, numbers[:, 3]),
        area=joined(whole.area, numbers[:, 4]),
        solid_angle=joined(whole.solid_angle, numbers[:, 5]),
        vertices=joined(whole.vertices, places[:, 4]),
        reasons=whole.reasons,
    )


@njit(cache=True)
def _longest_diagonal(lattice: NDArray[np.float64]) -> float:
    """Longest diagonal of the cell, angstrom."""
    longest = 0.0
    for flipped in range(4):
        length = 0.0
        for axis in range(3):
            total = 0.0
            for vector in range(3):
                total += -lattice[vector, axis] if vector == flipped else lattice[vector, axis]
            length += total * total
        longest = max(longest, math.sqrt(length))
    return longest


@njit(cache=True)
def _closed(corner: NDArray[np.float64], ring: NDArray[np.int64], count: int) -> bool:
    """Whether no corner of a face lies on the box that the cell was cut from."""
    for step in range(count):
        for axis in range(3):
            if abs(corner[ring[step], axis]) > _NEARLY * _FAR:
                return False
    return True


@njit(cache=True)
def _recut(
    sites: NDArray[np.int64],
    rows: NDArray[np.int64],
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    fractional: NDArray[np.float64],
    first_cutoff: float,
    open_faces: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Cells of some sites among the neighbours within a cutoff.

    Args:
        sites: positions among the sites of all structures, rising, shape (m,).
        rows: their structures, shape (m,).
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        fractional: coordinates as given, shape (sites, 3).
        first_cutoff: angstrom.
        open_faces: of ``cells_within``.

    Returns:
        Number of faces of every site (m,), 0 where no cutoff gives a cell; of each face its neighbour, image
        and number of corners (faces, 5); vector, distance, area and solid angle (faces, 6).
    """
    counts = np.zeros(len(sites), np.int64)
    places = np.empty((256, 5), np.int64)
    numbers = np.empty((256, 6))
    used = 0
    for position in range(len(sites)):
        row = rows[position]
        start, stop = row_ptr[row], row_ptr[row + 1]
        site = sites[position] - start
        reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
        largest = _longest_diagonal(lattices[row]) + 0.01
        cutoff = first_cutoff
        while True:
            found, others, images, vectors, squared = neighbors_of_site(site, cutoff, reduced, wrapped, spacings, 256)
            order = np.argsort(squared[:found], kind="mergesort")
            faces, _, owner, corner, ring, length = voronoi.voronoi_cell(vectors, squared, order, _FAR)
            closed = 0
            for face in range(faces):
                if owner[face] >= 0 and _closed(corner, ring[face], length[face]):
                    closed += 1
            if faces < 0 or closed == faces or (open_faces and closed > 0) or cutoff >= largest:
                break
            cutoff = min(2.0 * cutoff, largest + 0.001)
        if faces < 0 or not (closed == faces or (open_faces and closed > 0)):
            continue
        places, numbers = voronoi._grown(places, numbers, used, faces)  # noqa: SLF001 - one family
        for face in range(faces):
            if owner[face] < 0 or not _closed(corner, ring[face], length[face]):
                continue
            other = owner[face]
            a, b, c = image_as_given(site, others[other], images[other], steps, wraps)
            places[used, 0], places[used, 1], places[used, 2], places[used, 3] = others[other], a, b, c
            places[used, 4] = length[face]
            for axis in range(3):
                numbers[used, axis] = vectors[other, axis]
            numbers[used, 3] = math.sqrt(squared[other])
            area, angle = voronoi._area_and_angle(corner, ring[face], length[face])  # noqa: SLF001
            numbers[used, 4], numbers[used, 5] = area, angle
            used += 1
        counts[position] = closed
    return counts, places[:used], numbers[:used]
