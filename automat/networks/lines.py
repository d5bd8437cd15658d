"""Line graphs of a batch: operations on pairs of edges, with the backends of the primitives.

Shapes: E edges and P pairs of the batch, F features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automat.networks.primitives import batch_of, copied

if TYPE_CHECKING:
    import torch
    from automat_featurizers.line_graph import LineGraphs
    from numpy.typing import ArrayLike
    from torch import Tensor

    from automat.networks.primitives import GraphBatch, Rows


@dataclass(frozen=True, eq=False)
class LineBatch:
    """Pairs of edges of a batch: a first edge that ends where the second one begins.

    Attributes:
        links: the batch as a graph whose atoms are edges, and whose edges are pairs with cosines for distances.
    """

    links: GraphBatch

    @property
    def cosines(self) -> Tensor:
        """Of the angle between the two edges, where they meet, shape (P,)."""
        return self.links.distances

    @property
    def pairs(self) -> Rows:
        """The pairs as rows of their graphs."""
        return self.links.edges

    def firsts(self, edges: Tensor) -> Tensor:
        """Each pair's first edge: (E, F) to (P, F)."""
        return self.links.neighbours(edges)

    def add_ends(self, first: Tensor, second: Tensor) -> Tensor:
        """Each pair's first edge's row plus its second edge's row: two (E, F) to (P, F)."""
        return self.links.add_ends(first, second)

    def sum_to_edges(self, pairs: Tensor) -> Tensor:
        """Each second edge's sum over its pairs, zero where it has none: (P, F) to (E, F)."""
        return self.links.sum_to_atoms(pairs)

    def mean_to_edges(self, pairs: Tensor) -> Tensor:
        """Each second edge's mean over its pairs, zero where it has none: (P, F) to (E, F)."""
        return self.links.mean_to_atoms(pairs)

    def sum_filtered(self, edges: Tensor, filters: Tensor) -> Tensor:
        """Each second edge's sum of first edges times the pairs' filters: (E, F) and (P, F) to (E, F)."""
        return self.links.sum_filtered(edges, filters)

    def to(self, device: torch.device) -> LineBatch:
        """The same batch on another device; DGL knows the CPU alone."""
        return LineBatch(self.links.to(device))


def batch_lines(lines: LineGraphs, rows: ArrayLike | None = None, backend: str | None = None) -> LineBatch:
    """Join line graphs into one batch; its edges are those of ``batch_graphs`` of the same rows.

    Args:
        lines: packed line graphs.
        rows: which of them, in this order; all of them where None.
        backend: ``dgl`` or ``torch``; the default backend where None.

    Raises:
        UnknownNameError: no such backend.
    """
    taken = lines if rows is None else lines.take(np.asarray(rows, np.intp))
    # Indices count within a graph; over the batch they are shifted by the edges that come before it.
    shift = np.repeat(taken.edge_ptr[:-1], np.diff(taken.pair_ptr))
    arrays = {
        "atomic_numbers": copied(np.zeros(taken.edge_ptr[-1]), np.int64),
        "distances": copied(taken.cosines, np.float32),
        "source": copied(taken.first + shift, np.int64),
        "destination": copied(taken.second + shift, np.int64),
        "atoms_of": copied(np.diff(taken.edge_ptr), np.int64),
        "edges_of": copied(np.diff(taken.pair_ptr), np.int64),
    }
    return LineBatch(batch_of(arrays, backend))
