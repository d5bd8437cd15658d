"""Every atom joined to all periodic images within a radius, as SchNet and MEGNet have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat_featurizers.graph_kinds._base import GraphBuilder, contiguous, of_edges

if TYPE_CHECKING:
    from automat_featurizers.graphs import CrystalGraphs
    from automat_featurizers.packed import PackedStructures


class RadiusGraphs(GraphBuilder):
    """Every atom joined to all periodic images within a radius, the atom's own images among them.

    Every edge has its reverse. An image at the cutoff itself (to 1e-8 angstrom) is within it.

    Args:
        cutoff: angstrom.
        vectors: whether images and vectors are kept, which line graphs need.
    """

    name = "radius"
    citation = "Schuett et al. (2018), doi:10.1063/1.5019779"

    def __init__(self, cutoff: float = 5.0, *, vectors: bool = False) -> None:
        self.cutoff = cutoff
        self.vectors = vectors

    def build(self, structures: PackedStructures) -> tuple[CrystalGraphs, dict[int, str]]:
        """The graphs; none fails.

        Raises:
            ValueError: a cutoff that is not positive, or a row that is no crystal.
        """
        if not 0 < self.cutoff < float("inf"):
            raise ValueError(f"cutoff must be positive and finite, but got {self.cutoff} angstrom")
        from automat_featurizers.kernels.spheres import sphere_neighbors

        made = sphere_neighbors(*contiguous(structures), float(self.cutoff), bool(self.vectors))
        return of_edges(structures, made, with_places=self.vectors), {}
