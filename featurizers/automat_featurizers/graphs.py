"""Crystals as graphs: packed arrays of atoms, and of the edges to their periodic neighbours.

What an edge is, is for a builder to say (:mod:`automat_featurizers.graph_kinds`); ``build_graphs`` makes those
of the crystal graph convolutional network: T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018),
doi:10.1103/PhysRevLett.120.145301.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.packed import entries_of, positions, row_pointer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from automat_featurizers.packed import PackedStructures

CUTOFF = 8.0
"""Angstrom; the paper's."""

MAX_NEIGHBOURS = 12
"""The paper's."""

COLUMN = "column."
"""What the names of edge columns begin with among the arrays of a set of graphs."""

_FOLDER = "_folder"


@dataclass(frozen=True, eq=False)
class CrystalGraphs:
    """n crystal graphs.

    An edge runs from a neighbour (``source``) to a central atom (``destination``); both count atoms within
    their own graph. Edges are sorted by (destination, distance); among ties by the neighbour's element, its
    index, and its image.

    Attributes:
        row_ptr: offsets of the atoms, shape (n + 1,).
        atomic_numbers: Z of every atom, shape (atoms,).
        edge_ptr: offsets of the edges, shape (n + 1,).
        source: neighbours, shape (edges,).
        destination: central atoms, shape (edges,).
        distances: in angstrom, shape (edges,).
        images: lattice translation of the neighbour, relative to the fractional coordinates as given, shape
            (edges, 3); None where it was not wanted.
        vectors: from the central atom to the neighbour, angstrom, shape (edges, 3); None likewise.
        columns: what else a builder tells of every edge, by name, shape (edges,) each.
    """

    row_ptr: NDArray[np.int64]
    atomic_numbers: NDArray[np.int64]
    edge_ptr: NDArray[np.int64]
    source: NDArray[np.int32]
    destination: NDArray[np.int32]
    distances: NDArray[np.float64]
    images: NDArray[np.int32] | None = None
    vectors: NDArray[np.float64] | None = None
    columns: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.row_ptr) - 1

    def take(self, rows: ArrayLike) -> CrystalGraphs:
        """The given graphs, in the given order: positions, or a mask. Of mapped arrays only these are read."""
        wanted = positions(rows, len(self))
        edges = entries_of(self.edge_ptr, wanted)
        return CrystalGraphs(
            row_pointer(np.diff(self.row_ptr)[wanted]),
            self.atomic_numbers[entries_of(self.row_ptr, wanted)],
            row_pointer(np.diff(self.edge_ptr)[wanted]),
            self.source[edges],
            self.destination[edges],
            self.distances[edges],
            None if self.images is None else self.images[edges],
            None if self.vectors is None else self.vectors[edges],
            {name: values[edges] for name, values in self.columns.items()},
        )

    def neighbours_per_atom(self) -> NDArray[np.int64]:
        """Number of edges into every atom, shape (atoms,)."""
        first_atom = np.repeat(self.row_ptr[:-1], np.diff(self.edge_ptr))
        return np.bincount(self.destination + first_atom, minlength=len(self.atomic_numbers)).astype(np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array by its name, those of edge columns as ``column.NAME``."""
        own = {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return own | {COLUMN + name: values for name, values in self.columns.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> CrystalGraphs:
        """The graphs whose ``arrays`` these are."""
        own = {name: array for name, array in arrays.items() if not name.startswith(COLUMN)}
        columns = {name.removeprefix(COLUMN): array for name, array in arrays.items() if name.startswith(COLUMN)}
        return cls(**own, columns=columns)

    @classmethod
    def joined(cls, parts: Sequence[CrystalGraphs]) -> CrystalGraphs:
        """Graphs of one kind, one set after the other; one set at least."""
        arrays = [part.arrays() for part in parts]
        pointers = {"row_ptr", "edge_ptr"}
        joined = {name: np.concatenate([each[name] for each in arrays]) for name in arrays[0] if name not in pointers}
        counts = {name: row_pointer(np.concatenate([np.diff(each[name]) for each in arrays])) for name in pointers}
        return cls.of_arrays(joined | counts)

    def in_memory(self) -> CrystalGraphs:
        """The same graphs, of no file: to be sent where the folder of mapped ones cannot be seen."""
        return CrystalGraphs.of_arrays({name: np.array(array) for name, array in self.arrays().items()})

    def backed_by(self, folder: str) -> CrystalGraphs:
        """The same graphs, which are pickled as the folder that they are mapped from."""
        same = CrystalGraphs.of_arrays(self.arrays())
        object.__setattr__(same, _FOLDER, folder)
        return same

    def __reduce__(self) -> tuple[Any, ...]:
        if folder := getattr(self, _FOLDER, None):
            from automat_featurizers.graph_files import open_graphs

            return open_graphs, (folder,)
        return CrystalGraphs.of_arrays, (self.arrays(),)


def build_graphs(
    structures: PackedStructures, cutoff: float = CUTOFF, max_neighbours: int = MAX_NEIGHBOURS
) -> CrystalGraphs:
    """Join every atom to its nearest periodic images, the atom's own images among them.

    A builder with these settings says more: :class:`automat_featurizers.graph_kinds.nearest.NearestGraphs`.

    Args:
        structures: the crystals.
        cutoff: in angstrom.
        max_neighbours: the most edges an atom gets.

    Raises:
        ValueError: a cutoff or a number of neighbours that is not positive, or a row whose lattice or
            coordinates are no crystal's.
    """
    from automat_featurizers.graph_kinds.nearest import NearestGraphs

    return NearestGraphs(cutoff, max_neighbours).transform(structures)
