"""The few graph operations that networks are written against, with two backends.

A network sees a :class:`GraphBatch` and nothing else, so it is written once. DGL and plain torch give
the same numbers; DGL is taken where it can be imported (Python up to 3.11), torch elsewhere.

Shapes: N atoms, E edges and G graphs of the batch, F features.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from automat.core import UnknownNameError

if TYPE_CHECKING:
    from automat_featurizers.graphs import CrystalGraphs
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

Backend = Literal["dgl", "torch"]


class GraphBatch(Protocol):
    """Several crystal graphs as one, without edges between them.

    Attributes:
        atomic_numbers: Z of every atom, shape (N,).
        distances: edge lengths in angstrom, shape (E,).
    """

    @property
    def atomic_numbers(self) -> Tensor: ...  # noqa: D102 - described above

    @property
    def distances(self) -> Tensor: ...  # noqa: D102 - described above

    def neighbours(self, atoms: Tensor) -> Tensor:
        """Each edge's neighbour: (N, F) to (E, F)."""

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        """Each edge's neighbour row plus its central atom's row: two (N, F) to (E, F)."""

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        """Each central atom's sum over its edges, zero where it has none: (E, F) to (N, F)."""

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        """Each graph's mean over its atoms: (N, F) to (G, F)."""


@dataclass(frozen=True, eq=False)
class _Arrays:
    """A batch's indices: what either backend is made of.

    Attributes:
        atomic_numbers: shape (N,).
        distances: in angstrom, shape (E,).
        source: neighbour of every edge, shape (E,), counted over the batch.
        destination: central atom of every edge, shape (E,), counted over the batch.
        atoms_of: number of atoms of every graph, shape (G,).
    """

    atomic_numbers: Tensor
    distances: Tensor
    source: Tensor
    destination: Tensor
    atoms_of: Tensor


@dataclass(frozen=True, eq=False)
class _TorchBatch(_Arrays):
    def neighbours(self, atoms: Tensor) -> Tensor:
        return atoms.index_select(0, self.source)

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        return neighbour.index_select(0, self.source) + centre.index_select(0, self.destination)

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        zeros = edges.new_zeros((len(self.atomic_numbers), edges.shape[1]))
        return zeros.index_add(0, self.destination, edges)

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        graphs = len(self.atoms_of)
        graph_of = torch.repeat_interleave(torch.arange(graphs), self.atoms_of)
        sums = atoms.new_zeros((graphs, atoms.shape[1])).index_add(0, graph_of, atoms)
        return sums / self.atoms_of[:, None]


@dataclass(frozen=True, eq=False)
class _DGLBatch(_Arrays):
    graph: Any

    def neighbours(self, atoms: Tensor) -> Tensor:
        return _tensor(_dgl().ops.copy_u(self.graph, atoms))

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        return _tensor(_dgl().ops.u_add_v(self.graph, neighbour, centre))

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        return _tensor(_dgl().ops.copy_e_sum(self.graph, edges))

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        return _tensor(_dgl().ops.segment_reduce(self.atoms_of, atoms, reducer="mean"))


def default_backend() -> Backend:
    """``dgl`` where it can be imported, else ``torch``."""
    return "dgl" if importlib.util.find_spec("dgl") is not None else "torch"


def batch_graphs(graphs: CrystalGraphs, rows: ArrayLike | None = None, backend: str | None = None) -> GraphBatch:
    """Join graphs into one batch.

    Args:
        graphs: packed graphs.
        rows: which of them, in this order; all of them where None.
        backend: ``dgl`` or ``torch``; :func:`default_backend` where None.

    Raises:
        UnknownNameError: no such backend.
    """
    chosen = default_backend() if backend is None else backend
    arrays = _arrays(graphs if rows is None else graphs.take(np.asarray(rows, np.intp)))
    if chosen == "torch":
        return _TorchBatch(**arrays)
    if chosen == "dgl":
        ends = (arrays["source"], arrays["destination"])
        return _DGLBatch(**arrays, graph=_dgl().graph(ends, num_nodes=len(arrays["atomic_numbers"])))
    raise UnknownNameError("graph backend", chosen, ("dgl", "torch"))


def _arrays(graphs: CrystalGraphs) -> dict[str, Tensor]:
    # Indices count within a graph; over the batch they are shifted by the atoms that come before it.
    shift = np.repeat(graphs.row_ptr[:-1], np.diff(graphs.edge_ptr))
    return {
        "atomic_numbers": _copied(graphs.atomic_numbers, np.int64),
        "distances": _copied(graphs.distances, np.float32),
        "source": _copied(graphs.source + shift, np.int64),
        "destination": _copied(graphs.destination + shift, np.int64),
        "atoms_of": _copied(np.diff(graphs.row_ptr), np.int64),
    }


def _copied(values: NDArray[Any], dtype: type) -> Tensor:
    """Of its own memory: torch warns of arrays that it may not write to."""
    return torch.from_numpy(np.array(values, dtype))


def _tensor(value: Tensor) -> Tensor:
    """Name the type of what the untyped library returns."""
    return value


@cache
def _dgl() -> Any:
    # Without it DGL writes a file into the home folder to ask which backend is wanted.
    os.environ.setdefault("DGLBACKEND", "pytorch")
    import dgl

    return dgl
