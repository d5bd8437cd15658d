"""Every atom joined to its nearest periodic images, as CGCNN has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat_featurizers.graph_kinds._base import GraphBuilder, contiguous, of_edges
from automat_featurizers.graphs import CUTOFF, MAX_NEIGHBOURS

if TYPE_CHECKING:
    from automat_featurizers.graphs import CrystalGraphs
    from automat_featurizers.packed import PackedStructures


class NearestGraphs(GraphBuilder):
    """Every atom joined to its nearest periodic images, the atom's own images among them.

    An atom with fewer images within the cutoff has fewer edges, perhaps none; nothing is padded. Among
    images at equal distances (to 1e-6 angstrom) the choice goes by the neighbour's element, then its index,
    then its image: so the order in which a file lists its sites seldom matters. Where a shell is cut, the
    neighbour of an atom need not have that atom for a neighbour.

    Args:
        cutoff: angstrom.
        max_neighbours: the most edges an atom gets.
        vectors: whether images and vectors are kept, which line graphs need.
    """

    name = "nearest"
    revision = 4
    citation = "Xie & Grossman (2018), doi:10.1103/PhysRevLett.120.145301"

    def __init__(self, cutoff: float = CUTOFF, max_neighbours: int = MAX_NEIGHBOURS, *, vectors: bool = False) -> None:
        self.cutoff = cutoff
        self.max_neighbours = max_neighbours
        self.vectors = vectors

    def build(self, structures: PackedStructures) -> tuple[CrystalGraphs, dict[int, str]]:
        """The graphs; none fails.

        Raises:
            ValueError: a cutoff or a number of neighbours that is not positive, or a row that is no crystal.
        """
        if not self.cutoff > 0 or self.max_neighbours < 1:
            raise ValueError(
                f"cutoff and max_neighbours must be positive, but got {self.cutoff} angstrom and {self.max_neighbours}"
            )
        from automat_featurizers.kernels.nearest import nearest_neighbors

        made = nearest_neighbors(
            *contiguous(structures), float(self.cutoff), int(self.max_neighbours), bool(self.vectors)
        )
        return of_edges(structures, made, with_places=self.vectors), {}
