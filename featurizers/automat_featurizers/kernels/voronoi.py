"""Voronoi cells of a crystal's atoms, by cutting a box with one plane a neighbour.

The cell of an atom starts as a box and is cut by the bisecting plane of every neighbour, nearest first, until
no farther neighbour can reach it. A corner is kept once and shared by its faces, and is judged against a
plane once, so that a cell stays closed however many planes meet in one point (as they do in any symmetric
crystal).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import (
    SAME_PLACE,
    cell_volume,
    image_as_given,
    neighbors_of_site,
    prepared_cell,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

OK, COINCIDENT, TOO_MANY_FACES, UNBOUNDED, NO_VOLUME = range(5)

_ON_PLANE = 1e-9
"""A corner this close to a plane, relative to the neighbour's distance, lies on it."""

_SAME_CORNER = 2.0
"""Corners this many such margins apart are one."""

_FACES, _CORNERS, _RING = 384, 768, 128
"""Room for the faces and corners of one cell, and for the corners of one face."""

_GROWTH = 1.4
_LARGEST_SEARCH = 400.0
"""Angstrom; an atom's cell that reaches farther has no meaning."""


@njit(cache=True)
def _box(half: float, corner: NDArray[np.float64], ring: NDArray[np.int64], length: NDArray[np.int64]) -> None:
    """Make the cell a cube of 8 corners and 6 faces."""
    for number in range(8):
        for axis in range(3):
            corner[number, axis] = half if (number >> axis) & 1 else -half
    face = 0
    for axis in range(3):
        second, third = 1 << ((axis + 1) % 3), 1 << ((axis + 2) % 3)
        for side in range(2):
            base = side << axis
            ring[face, 0], ring[face, 1] = base, base + second
            ring[face, 2], ring[face, 3] = base + second + third, base + third
            length[face] = 4
            face += 1


@njit(cache=True)
def _cap(members: NDArray[np.int64], count: int, corner: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
    """Put the corners of a new face in order around their centre."""
    centre = np.zeros(3)
    for position in range(count):
        for axis in range(3):
            centre[axis] += corner[members[position], axis] / count
    first = corner[members[0]] - centre
    scale = math.sqrt(first[0] ** 2 + first[1] ** 2 + first[2] ** 2)
    size = math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2)
    if scale == 0.0:
        return
    first /= scale
    second = np.empty(3)
    second[0] = (normal[1] * first[2] - normal[2] * first[1]) / size
    second[1] = (normal[2] * first[0] - normal[0] * first[2]) / size
    second[2] = (normal[0] * first[1] - normal[1] * first[0]) / size
    angle = np.empty(count)
    for position in range(count):
        x, y = 0.0, 0.0
        for axis in range(3):
            away = corner[members[position], axis] - centre[axis]
            x += away * first[axis]
            y += away * second[axis]
        angle[position] = math.atan2(y, x)
    for position in range(1, count):
        here = position
        while here > 0 and angle[here - 1] > angle[here]:
            angle[here - 1], angle[here] = angle[here], angle[here - 1]
            members[here - 1], members[here] = members[here], members[here - 1]
            here -= 1


@njit(cache=True)
def _same_corner(
    corner: NDArray[np.float64], number: int, members: NDArray[np.int64], count: int, margin: float
) -> int:
    """The corner of the new face that lies where ``number`` lies; -1 where none does.

    Planes that meet in one point meet, after rounding, in several that are nearly one.
    """
    for position in range(count):
        known = members[position]
        away = 0.0
        for axis in range(3):
            away += abs(corner[known, axis] - corner[number, axis])
        if away < _SAME_CORNER * margin:
            return int(known)
    return -1


@njit(cache=True)
def _walk_to(number: int, walked: NDArray[np.int64], walks: int) -> int:
    """Add a corner to a face unless it is where the walk already stands; the number of corners then."""
    if walks > 0 and walked[walks - 1] == number:
        return walks
    walked[walks] = number
    return walks + 1


@njit(cache=True)
def voronoi_cell(
    vectors: NDArray[np.float64], squared: NDArray[np.float64], order: NDArray[np.int64], cutoff: float
) -> tuple[int, bool, NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The cell of an atom at the origin.

    Args:
        vectors: to its neighbours, angstrom, shape (m, 3).
        squared: their squared lengths, shape (m,).
        order: the neighbours, nearest first.
        cutoff: neighbours are complete within it, angstrom.

    Returns:
        The number of faces, or -1 where the buffers are too small; whether no neighbour beyond the cutoff can
        reach the cell; of each face its neighbour (negative: the initial box); the corners (c, 3); of each face
        the numbers of its corners in order, shape (faces, _RING); how many they are.
    """
    corner = np.empty((_CORNERS, 3))
    alive = np.zeros(_CORNERS, np.bool_)
    side = np.empty(_CORNERS)
    ring = np.empty((_FACES, _RING), np.int64)
    length = np.empty(_FACES, np.int64)
    owner = np.empty(_FACES, np.int64)
    cut_from, cut_to, cut_new = np.empty(_CORNERS, np.int64), np.empty(_CORNERS, np.int64), np.empty(_CORNERS, np.int64)
    members, walked = np.empty(_RING, np.int64), np.empty(_RING, np.int64)
    _box(cutoff, corner, ring, length)
    faces, corners = 6, 8
    alive[:8] = True
    owner[:6] = -1
    reach = 3.0 * cutoff * cutoff
    for position in order:
        normal = vectors[position]
        if squared[position] > 4.0 * reach * (1.0 + _ON_PLANE):
            break
        half = 0.5 * squared[position]
        margin = _ON_PLANE * squared[position]
        outside = 0
        for number in range(corners):
            if alive[number]:
                side[number] = (
                    normal[0] * corner[number, 0] + normal[1] * corner[number, 1] + normal[2] * corner[number, 2] - half
                )
                if side[number] > margin:
                    outside += 1
        if outside == 0:
            continue
        cuts, capped = 0, 0
        for number in range(corners):
            if alive[number] and abs(side[number]) <= margin:
                if capped == _RING:
                    return -1, False, owner, corner, ring, length
                members[capped] = number
                capped += 1
        kept = 0
        for face in range(faces):
            # Walk round the face: corners inside stay, an edge that crosses the plane gets a corner there.
            walks, inside = 0, 0
            before = ring[face, length[face] - 1]
            for step in range(length[face]):
                here = ring[face, step]
                crosses = (side[before] > margin and side[here] < -margin) or (
                    side[before] < -margin and side[here] > margin
                )
                if crosses:
                    made = -1
                    for known in range(cuts):
                        if cut_from[known] == here and cut_to[known] == before:
                            made = cut_new[known]
                    if made < 0:
                        if corners == _CORNERS or capped == _RING:
                            return -1, False, owner, corner, ring, length
                        share = side[before] / (side[before] - side[here])
                        for axis in range(3):
                            corner[corners, axis] = corner[before, axis] + share * (
                                corner[here, axis] - corner[before, axis]
                            )
                        made = _same_corner(corner, corners, members, capped, margin)
                        if made < 0:
                            made = corners
                            corners += 1
                            side[made] = 0.0
                            members[capped] = made
                            capped += 1
                        cut_from[cuts], cut_to[cuts], cut_new[cuts] = before, here, made
                        cuts += 1
                    walks = _walk_to(made, walked, walks)
                if side[here] <= margin:
                    walks = _walk_to(here, walked, walks)
                    if side[here] < -margin:
                        inside += 1
                if walks >= _RING - 1:
                    return -1, False, owner, corner, ring, length
                before = here
            if walks > 1 and walked[0] == walked[walks - 1]:
                walks -= 1
            if inside > 0 and walks >= 3:  # noqa: PLR2004 - a face has three corners at least
                for step in range(walks):
                    ring[kept, step] = walked[step]
                length[kept] = walks
                owner[kept] = owner[face]
                kept += 1
        faces = kept
        if capped >= 3:  # noqa: PLR2004
            if faces == _FACES:
                return -1, False, owner, corner, ring, length
            _cap(members, capped, corner, normal)
            for step in range(capped):
                ring[faces, step] = members[step]
            length[faces] = capped
            owner[faces] = position
            faces += 1
        corners = _compact(faces, ring, length, corner, alive, corners)
        reach = 0.0
        for number in range(corners):
            reach = max(reach, corner[number, 0] ** 2 + corner[number, 1] ** 2 + corner[number, 2] ** 2)
    return faces, cutoff * cutoff >= 4.0 * reach, owner, corner, ring, length


@njit(cache=True)
def _compact(
    faces: int,
    ring: NDArray[np.int64],
    length: NDArray[np.int64],
    corner: NDArray[np.float64],
    alive: NDArray[np.bool_],
    corners: int,
) -> int:
    """Drop the corners that no face holds any more; the number that remain."""
    place = np.full(corners, -1, np.int64)
    for face in range(faces):
        for step in range(length[face]):
            place[ring[face, step]] = 0
    kept = 0
    for number in range(corners):
        if place[number] == 0:
            place[number] = kept
            for axis in range(3):
                corner[kept, axis] = corner[number, axis]
            kept += 1
    for face in range(faces):
        for step in range(length[face]):
            ring[face, step] = place[ring[face, step]]
    alive[:kept] = True
    alive[kept:] = False
    return kept


@njit(cache=True)
def _area_and_angle(corner: NDArray[np.float64], ring: NDArray[np.int64], count: int) -> tuple[float, float]:
    """Area of a face, and the solid angle it fills seen from the origin (Van Oosterom & Strackee 1983)."""
    total0, total1, total2, angle = 0.0, 0.0, 0.0, 0.0
    a0, a1, a2 = corner[ring[0], 0], corner[ring[0], 1], corner[ring[0], 2]
    a = math.sqrt(a0 * a0 + a1 * a1 + a2 * a2)
    for step in range(1, count - 1):
        b0, b1, b2 = corner[ring[step], 0], corner[ring[step], 1], corner[ring[step], 2]
        c0, c1, c2 = corner[ring[step + 1], 0], corner[ring[step + 1], 1], corner[ring[step + 1], 2]
        b = math.sqrt(b0 * b0 + b1 * b1 + b2 * b2)
        c = math.sqrt(c0 * c0 + c1 * c1 + c2 * c2)
        u0, u1, u2 = b0 - a0, b1 - a1, b2 - a2
        v0, v1, v2 = c0 - a0, c1 - a1, c2 - a2
        cross0, cross1, cross2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
        total0 += cross0
        total1 += cross1
        total2 += cross2
        triple = a0 * (b1 * c2 - b2 * c1) + a1 * (b2 * c0 - b0 * c2) + a2 * (b0 * c1 - b1 * c0)
        ab, bc, ca = a0 * b0 + a1 * b1 + a2 * b2, b0 * c0 + b1 * c1 + b2 * c2, c0 * a0 + c1 * a1 + c2 * a2
        angle += 2.0 * math.atan2(triple, a * b * c + ab * c + bc * a + ca * b)
    return 0.5 * math.sqrt(total0 * total0 + total1 * total1 + total2 * total2), abs(angle)


@njit(cache=True)
def _grown(
    places: NDArray[np.int64], numbers: NDArray[np.float64], used: int, more: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The same arrays with room for ``more`` rows past ``used``."""
    if used + more <= len(numbers):
        return places, numbers
    extra = max(len(numbers), more)
    return (
        np.concatenate((places, np.empty((extra, places.shape[1]), np.int64))),
        np.concatenate((numbers, np.empty((extra, numbers.shape[1])))),
    )


@njit(cache=True, nogil=True)
def tessellate(
    row_ptr: NDArray[np.int64], lattices: NDArray[np.float64], fractional: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """The cells of all sites of n structures.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        fractional: coordinates as given, shape (sites, 3).

    Returns:
        Offsets of the sites' faces (sites + 1,); of each face its neighbour within the structure, the image
        of it, and the number of corners (faces, 5); vector, distance, area and solid angle (faces, 6); a
        state a structure (n,).
    """
    states = np.zeros(len(row_ptr) - 1, np.int64)
    face_ptr = np.zeros(row_ptr[-1] + 1, np.int64)
    places = np.empty((1024, 5), np.int64)
    numbers = np.empty((1024, 6))
    used = 0
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        volume = cell_volume(lattices[row])
        began = used
        if not (np.isfinite(volume) and volume > SAME_PLACE and np.all(np.isfinite(fractional[start:stop]))):
            states[row] = NO_VOLUME
        else:
            reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
            near = 2.4 * (volume / (stop - start)) ** (1.0 / 3.0)
            for site in range(stop - start):
                cutoff = near
                state = OK
                while True:
                    found, others, images, vectors, squared = neighbors_of_site(
                        site, cutoff, reduced, wrapped, spacings, 96
                    )
                    order = np.argsort(squared[:found], kind="mergesort")
                    if found > 0 and squared[order[0]] < SAME_PLACE * SAME_PLACE:
                        state = COINCIDENT
                        break
                    faces, complete, owner, corner, ring, length = voronoi_cell(vectors, squared, order, cutoff)
                    if faces < 0:
                        state = TOO_MANY_FACES
                        break
                    if complete:
                        break
                    cutoff *= _GROWTH
                    if cutoff > _LARGEST_SEARCH:
                        state = UNBOUNDED
                        break
                if state != OK:
                    states[row] = state
                    break
                places, numbers = _grown(places, numbers, used, faces)
                for face in range(faces):
                    position = owner[face]
                    a, b, c = image_as_given(site, others[position], images[position], steps, wraps)
                    places[used, 0], places[used, 1], places[used, 2], places[used, 3] = others[position], a, b, c
                    places[used, 4] = length[face]
                    for axis in range(3):
                        numbers[used, axis] = vectors[position, axis]
                    numbers[used, 3] = math.sqrt(squared[position])
                    area, angle = _area_and_angle(corner, ring[face], length[face])
                    numbers[used, 4], numbers[used, 5] = area, angle
                    used += 1
                face_ptr[start + site + 1] = used
        if states[row] != OK:
            used = began
            face_ptr[start + 1 : stop + 1] = used
    return face_ptr, places[:used], numbers[:used], states
