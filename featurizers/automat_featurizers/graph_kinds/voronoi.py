"""Every atom joined to the neighbours whose Voronoi cells touch its own, as iCGCNN has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat_featurizers.graph_kinds._base import GraphBuilder, contiguous, refuse_broken
from automat_featurizers.graphs import CrystalGraphs
from automat_featurizers.packed import row_pointer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.kernels.geometry import Tessellation
    from automat_featurizers.packed import PackedStructures


class VoronoiGraphs(GraphBuilder):
    """Every atom joined to the periodic images whose Voronoi cells share a face with its own.

    Columns of an edge, of the face as the central atom sees it: ``solid_angle`` (steradian), ``area`` (square
    angstrom) and ``volume`` (cubic angstrom), of the pyramid from the central atom to the face; those of an
    atom fill its cell.

    Args:
        min_share: faces are left out whose solid angle is a smaller share of that of the atom's largest face.
            With 0, faces that are but a corner or an edge of a symmetric cell come and go with rounding.
        vectors: whether images and vectors are kept, which line graphs need.
    """

    name = "voronoi"
    citation = "Park & Wolverton (2020), doi:10.1103/PhysRevMaterials.4.063801"

    def __init__(self, min_share: float = 1e-4, *, vectors: bool = False) -> None:
        self.min_share = min_share
        self.vectors = vectors

    def build(self, structures: PackedStructures) -> tuple[CrystalGraphs, dict[int, str]]:
        """The graphs; a crystal fails where two of its sites coincide, say.

        Raises:
            ValueError: a share that is not between 0 and 1, or a row that is no crystal.
        """
        if not 0 <= self.min_share < 1:
            raise ValueError(f"min_share must be at least 0 and less than 1, but got {self.min_share}")
        from automat_featurizers.kernels.geometry import tessellation
        from automat_featurizers.kernels.nearest import are_crystals

        row_ptr, lattices, numbers, fractional = contiguous(structures)
        refuse_broken(~are_crystals(row_ptr, lattices, fractional))
        faces = structures.derived(tessellation)
        kept, atom_of = _large_faces(faces, self.min_share)
        kept, atom_of = _in_order(faces, kept, atom_of, numbers[faces.neighbor + _first_atom(row_ptr, faces)])
        counts = np.bincount(atom_of, minlength=len(numbers))
        edge_ptr = row_pointer(counts)[row_ptr]
        volume = faces.area[kept] * faces.distance[kept] / 6  # a third of area times height, and that is half the way
        graphs = CrystalGraphs(
            np.asarray(structures.row_ptr),
            np.asarray(structures.atomic_numbers),
            edge_ptr,
            faces.neighbor[kept].astype(np.int32),
            (atom_of - np.repeat(row_ptr[:-1], np.diff(edge_ptr))).astype(np.int32),
            faces.distance[kept],
            faces.image[kept].astype(np.int32) if self.vectors else None,
            faces.vector[kept] if self.vectors else None,
            {"solid_angle": faces.solid_angle[kept], "area": faces.area[kept], "volume": volume},
        )
        return graphs, {row: f"{self.name}: {why}" for row, why in faces.reasons.items()}


def _large_faces(faces: Tessellation, min_share: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the faces that count, and the atom of each (counted over all crystals)."""
    atom_of = np.repeat(np.arange(len(faces.row_ptr) - 1), np.diff(faces.row_ptr))
    largest = np.zeros(len(faces.row_ptr) - 1)
    np.maximum.at(largest, atom_of, faces.solid_angle)
    kept = np.flatnonzero(faces.solid_angle >= min_share * largest[atom_of])
    return kept, atom_of[kept]


def _first_atom(row_ptr: NDArray[np.int64], faces: Tessellation) -> NDArray[np.int64]:
    """Of every face the first atom of its crystal."""
    return np.repeat(row_ptr[:-1], np.diff(faces.row_ptr[row_ptr]))


def _in_order(
    faces: Tessellation, kept: NDArray[np.intp], atom_of: NDArray[np.intp], element: NDArray[np.int64]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Sorted by atom, then the bin of the distance, element, neighbour and image of it."""
    from automat_featurizers.kernels.nearest import BIN_START, TIE

    bins = np.floor(faces.distance[kept] / TIE + BIN_START)
    order = np.lexsort((*faces.image[kept].T[::-1], faces.neighbor[kept], element[kept], bins, atom_of))
    return kept[order], atom_of[order]
