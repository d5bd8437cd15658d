"""Line graphs: the edges of crystal graphs as nodes, joined where one ends and the next begins, with angles.

K. Choudhary and B. DeCost, npj Comput. Mater. 7, 185 (2021), doi:10.1038/s41524-021-00650-1 (ALIGNN).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automat_featurizers.packed import entries_of, positions, row_pointer

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from automat_featurizers.graphs import CrystalGraphs


@dataclass(frozen=True, eq=False)
class LineGraphs:
    """Line graphs of n crystal graphs.

    A node is an edge of the crystal graph. A pair runs from a first edge, u to v, to a second one, v to w:
    the first one's central atom is the second one's neighbour. Pairs are sorted by (second, first).

    Attributes:
        edge_ptr: offsets of the nodes, which are the crystal graphs' edges, shape (n + 1,).
        pair_ptr: offsets of the pairs, shape (n + 1,).
        first, second: edges, counted within their own graph, shape (pairs,).
        cosines: of the angle at v between the ways to u and to w, shape (pairs,).
    """

    edge_ptr: NDArray[np.int64]
    pair_ptr: NDArray[np.int64]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    cosines: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pair_ptr) - 1

    def angles(self) -> NDArray[np.float64]:
        """At v between the ways to u and to w, radians, shape (pairs,)."""
        return np.arccos(self.cosines)

    def take(self, rows: ArrayLike) -> LineGraphs:
        """The given line graphs, in the given order: positions, or a mask."""
        wanted = positions(rows, len(self))
        pairs = entries_of(self.pair_ptr, wanted)
        return LineGraphs(
            row_pointer(np.diff(self.edge_ptr)[wanted]),
            row_pointer(np.diff(self.pair_ptr)[wanted]),
            self.first[pairs],
            self.second[pairs],
            self.cosines[pairs],
        )


def line_graphs(graphs: CrystalGraphs, *, backtracking: bool = True) -> LineGraphs:
    """The line graphs of any crystal graphs that were built with ``vectors``.

    An atom with k edges gives k pairs to every edge that begins at it: twelve neighbours make 144 pairs an atom.
    So many are rather made for a batch when it is needed than kept for a whole dataset.

    Args:
        graphs: the crystal graphs.
        backtracking: whether pairs count whose second edge leads straight back to u (angle zero), as they do in
            ALIGNN; message passing along directed bonds leaves them out.

    Raises:
        ValueError: the graphs have no vectors.
    """
    if graphs.vectors is None:
        raise ValueError("line graphs need the vectors of the edges; give the graph's builder vectors=True")
    from automat_featurizers.kernels.line_edges import edge_pairs

    pair_ptr, first, second, cosines = edge_pairs(
        np.ascontiguousarray(graphs.row_ptr, np.int64),
        np.ascontiguousarray(graphs.edge_ptr, np.int64),
        np.ascontiguousarray(graphs.source, np.int32),
        np.ascontiguousarray(graphs.destination, np.int32),
        np.ascontiguousarray(graphs.vectors, np.float64),
        backtracking,
    )
    return LineGraphs(graphs.edge_ptr, pair_ptr, first, second, cosines)
