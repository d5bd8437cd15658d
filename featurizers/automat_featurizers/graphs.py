"""Crystals as graphs: every atom joined to its nearest periodic images.

The graphs of the crystal graph convolutional network: T. Xie and J. C. Grossman, Phys. Rev. Lett. 120,
145301 (2018), doi:10.1103/PhysRevLett.120.145301.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automat_featurizers.packed import entries_of, positions, row_pointer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from automat_featurizers.packed import PackedStructures

GRAPH_VERSION = "3"
"""Raise it when the same crystal no longer gives the same graph."""

CUTOFF = 8.0
"""Angstrom; the paper's."""

MAX_NEIGHBOURS = 12
"""The paper's."""

_TIE = 1e-6
"""Distances that round to the same multiple of it (angstrom) are a tie: the lattice's own symmetry."""


@dataclass(frozen=True, eq=False)
class CrystalGraphs:
    """n crystal graphs.

    An edge runs from a neighbour (``source``) to a central atom (``destination``); both count atoms within
    their own graph. Edges are sorted by (destination, distance); among ties by element, then source.

    Attributes:
        row_ptr: offsets of the atoms, shape (n + 1,).
        atomic_numbers: Z of every atom, shape (atoms,).
        edge_ptr: offsets of the edges, shape (n + 1,).
        source: neighbours, shape (edges,).
        destination: central atoms, shape (edges,).
        distances: in angstrom, shape (edges,).
    """

    row_ptr: NDArray[np.int64]
    atomic_numbers: NDArray[np.int64]
    edge_ptr: NDArray[np.int64]
    source: NDArray[np.int64]
    destination: NDArray[np.int64]
    distances: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row_ptr) - 1

    def take(self, rows: ArrayLike) -> CrystalGraphs:
        """The given graphs, in the given order: positions, or a mask."""
        wanted = positions(rows, len(self))
        atoms, edges = entries_of(self.row_ptr, wanted), entries_of(self.edge_ptr, wanted)
        return CrystalGraphs(
            row_pointer(np.diff(self.row_ptr)[wanted]),
            self.atomic_numbers[atoms],
            row_pointer(np.diff(self.edge_ptr)[wanted]),
            self.source[edges],
            self.destination[edges],
            self.distances[edges],
        )

    def neighbours_per_atom(self) -> NDArray[np.int64]:
        """Number of edges into every atom, shape (atoms,)."""
        first_atom = np.repeat(self.row_ptr[:-1], np.diff(self.edge_ptr))
        return np.bincount(self.destination + first_atom, minlength=len(self.atomic_numbers)).astype(np.int64)


def build_graphs(
    structures: PackedStructures, cutoff: float = CUTOFF, max_neighbours: int = MAX_NEIGHBOURS
) -> CrystalGraphs:
    """Join every atom to its nearest periodic images, the atom's own images among them.

    An atom with fewer images within the cutoff has fewer edges, perhaps none; nothing is padded. Among
    images at equal distances (to 1e-6 angstrom) the choice goes by the neighbour's element, then its index:
    so the order in which a file lists its sites seldom matters.

    Args:
        structures: the crystals.
        cutoff: in angstrom.
        max_neighbours: the most edges an atom gets.

    Raises:
        ValueError: a cutoff or a number of neighbours that is not positive, or a row whose lattice or
            coordinates are no crystal's.
    """
    if not cutoff > 0 or max_neighbours < 1:
        raise ValueError(f"cutoff and max_neighbours must be positive, but got {cutoff} angstrom and {max_neighbours}")
    from automat_featurizers.kernels.nearest import nearest_neighbors

    edges_of_atom, source, destination, distances, broken = nearest_neighbors(
        np.ascontiguousarray(structures.row_ptr),
        np.ascontiguousarray(structures.lattices),
        np.ascontiguousarray(structures.atomic_numbers),
        np.ascontiguousarray(structures.fractional),
        float(cutoff),
        max_neighbours,
        _TIE,
    )
    if broken.any():
        row = int(np.flatnonzero(broken)[0])
        raise ValueError(f"row {row}: the lattice has no volume, or a coordinate is not finite")
    edge_ptr = row_pointer(edges_of_atom)[structures.row_ptr]
    return CrystalGraphs(structures.row_ptr, structures.atomic_numbers, edge_ptr, source, destination, distances)
