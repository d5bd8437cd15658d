"""The shared geometry of crystals: periodic neighbours and Voronoi tessellations, computed once a structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures


@dataclass(frozen=True, eq=False)
class Tessellation:
    """Voronoi cells of all sites of n structures: the faces of every site, its nearest first.

    A face is one neighbouring atom or one periodic image of it. ``row_ptr`` counts the sites of all structures
    in a row: the faces of site ``s`` of structure ``i`` are those of position ``structures.row_ptr[i] + s``.

    Attributes:
        row_ptr: offsets of the sites' faces, shape (sites + 1,).
        neighbor: the neighbour's site, counted within its structure, shape (faces,).
        image: lattice translation of the neighbour relative to the fractional coordinates as given (not
            wrapped into the cell), shape (faces, 3).
        vector: from the site to the neighbour, angstrom, shape (faces, 3).
        distance: length of ``vector``, angstrom, shape (faces,).
        area: of the face, square angstrom, shape (faces,).
        solid_angle: of the face seen from the site, steradian, shape (faces,).
        vertices: number of corners of the face, shape (faces,).
        reasons: structure to why it has no tessellation (its sites then have no faces).
    """

    row_ptr: NDArray[np.int64]
    neighbor: NDArray[np.int64]
    image: NDArray[np.int64]
    vector: NDArray[np.float64]
    distance: NDArray[np.float64]
    area: NDArray[np.float64]
    solid_angle: NDArray[np.float64]
    vertices: NDArray[np.int64]
    reasons: dict[int, str]


def tessellation(structures: PackedStructures) -> Tessellation:
    """The Voronoi tessellation of every structure; ``structures.derived(tessellation)`` shares it."""
    from automat_featurizers.kernels import voronoi

    row_ptr, places, numbers, states = voronoi.tessellate(
        structures.row_ptr,
        np.ascontiguousarray(structures.lattices, dtype=np.float64),
        np.ascontiguousarray(structures.fractional, dtype=np.float64),
    )
    why = {
        voronoi.COINCIDENT: "two sites coincide",
        voronoi.TOO_MANY_FACES: "an atom has more Voronoi neighbours than can be kept",
        voronoi.UNBOUNDED: "an atom has no neighbours on one side",
        voronoi.NO_VOLUME: "the cell has no volume, or a coordinate is not finite",
    }
    reasons = {int(row): why[int(states[row])] for row in np.flatnonzero(states)}
    return Tessellation(
        row_ptr=row_ptr,
        neighbor=places[:, 0].copy(),
        image=places[:, 1:4].copy(),
        vector=numbers[:, :3].copy(),
        distance=numbers[:, 3].copy(),
        area=numbers[:, 4].copy(),
        solid_angle=numbers[:, 5].copy(),
        vertices=places[:, 4].copy(),
        reasons=reasons,
    )
