"""The few graph operations that networks are written against, with two backends.

A network sees a :class:`GraphBatch` and nothing else, so it is written once. DGL and plain torch give
the same numbers; DGL is taken where it can be imported (Python up to 3.11), torch elsewhere.

Shapes: N atoms, E edges, G graphs and L different edge lengths of the batch, F features.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from automat.networks import backends, fused_gate
from automat.networks._layers import gate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat_featurizers.graphs import CrystalGraphs
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from automat.networks._layers import BatchNorm


class Rows(Protocol):
    """The atoms of a batch, or its edges: n rows, of which every graph has a run, perhaps an empty one.

    Attributes:
        graphs: G.
    """

    @property
    def graphs(self) -> int: ...  # noqa: D102 - described above

    def spread(self, graphs: Tensor) -> Tensor:
        """Each row's graph: (G, F) to (n, F)."""

    def sum(self, rows: Tensor) -> Tensor:
        """Each graph's sum over its rows, zero where it has none: (n, F) to (G, F)."""

    def mean(self, rows: Tensor) -> Tensor:
        """Each graph's mean over its rows, zero where it has none: (n, F) to (G, F)."""

    def softmax(self, scores: Tensor) -> Tensor:
        """Shares that sum to one over the rows of each graph, column by column: (n, F) to (n, F)."""


class GraphBatch(Protocol):
    """Several crystal graphs as one, without edges between them.

    Attributes:
        atomic_numbers: Z of every atom, shape (N,).
        distances: edge lengths in angstrom, shape (E,).
        lengths: the different ones among the distances, in any order, shape (L,). Crystals are symmetric: there
            are six times fewer lengths than edges, so what depends on nothing else is computed here. A GPU takes
            longer to find them than they save, so there it is all distances.
        vectors: from the central atom to the neighbour, angstrom, shape (E, 3); None where the graphs have none.
        columns: what else the graphs tell of every edge, by name, shape (E,) each.
        atoms: the atoms as rows of their graphs.
        edges: the edges as rows of their graphs.
    """

    @property
    def atomic_numbers(self) -> Tensor: ...  # noqa: D102 - described above

    @property
    def distances(self) -> Tensor: ...  # noqa: D102 - described above

    @property
    def lengths(self) -> Tensor: ...  # noqa: D102 - described above

    @property
    def vectors(self) -> Tensor | None: ...  # noqa: D102 - described above

    @property
    def columns(self) -> Mapping[str, Tensor]: ...  # noqa: D102 - described above

    @property
    def atoms(self) -> Rows: ...  # noqa: D102 - described above

    @property
    def edges(self) -> Rows: ...  # noqa: D102 - described above

    def of_lengths(self, lengths: Tensor) -> Tensor:
        """Each edge's length: (L, F) to (E, F)."""

    def neighbours(self, atoms: Tensor) -> Tensor:
        """Each edge's neighbour: (N, F) to (E, F)."""

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        """Each edge's neighbour row plus its central atom's row: two (N, F) to (E, F)."""

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        """Each central atom's sum over its edges, zero where it has none: (E, F) to (N, F)."""

    def mean_to_atoms(self, edges: Tensor) -> Tensor:
        """Each central atom's mean over its edges, zero where it has none: (E, F) to (N, F)."""

    def sum_filtered(self, atoms: Tensor, filters: Tensor) -> Tensor:
        """Each central atom's sum of neighbours times the edges' filters: (N, F) and (E, F) to (N, F)."""

    def sum_gated(self, ends: Tensor, lengths: Tensor, norm: BatchNorm) -> Tensor:
        """Each central atom's sum over its edges of ``gate(norm(centre + neighbour + length))``: to (N, F).

        Args:
            ends: what atoms give as centres and, after that, as neighbours, shape (N, 4 F).
            lengths: what edge lengths give, shape (L, 2 F).
            norm: of the gates, over all edges.
        """

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        """Each graph's mean over its atoms: (N, F) to (G, F)."""

    def to(self, device: torch.device) -> GraphBatch:
        """The same batch on another device; DGL knows the CPU alone."""


@dataclass(frozen=True, eq=False)
class _TorchRows:
    """Rows of graphs.

    Attributes:
        counts: rows of every graph, shape (G,).
        rows: how many they are together; to ask a GPU would be to wait for it.
    """

    counts: Tensor
    rows: int

    @property
    def graphs(self) -> int:
        return len(self.counts)

    @cached_property
    def _graph_of(self) -> Tensor:
        return torch.repeat_interleave(self.counts, output_size=self.rows)

    def spread(self, graphs: Tensor) -> Tensor:
        return graphs.index_select(0, self._graph_of)

    def sum(self, rows: Tensor) -> Tensor:
        return rows.new_zeros((self.graphs, rows.shape[1])).index_add(0, self._graph_of, rows)

    def mean(self, rows: Tensor) -> Tensor:
        return self.sum(rows) / self.counts.clamp(min=1)[:, None]

    def softmax(self, scores: Tensor) -> Tensor:
        # The highest score is taken off so that none overflows; the shares do not depend on it.
        highest = scores.new_zeros((self.graphs, scores.shape[1]))
        graph_of = self._graph_of[:, None].expand_as(scores)
        highest.scatter_reduce_(0, graph_of, scores.detach(), "amax", include_self=False)
        raised = torch.exp(scores - self.spread(highest))
        return raised / self.spread(self.sum(raised))


@dataclass(frozen=True, eq=False)
class _DGLRows(_TorchRows):
    # The mean stays the sum over the count: DGL's own is not a number where a graph has no rows.

    def sum(self, rows: Tensor) -> Tensor:
        return _tensor(_dgl().ops.segment_reduce(self.counts, rows, reducer="sum"))

    def softmax(self, scores: Tensor) -> Tensor:
        return _tensor(_dgl().ops.segment_softmax(self.counts, scores))


@dataclass(frozen=True, eq=False)
class _Arrays:
    """A batch's indices: what either backend is made of.

    Attributes:
        atomic_numbers: shape (N,).
        distances: in angstrom, shape (E,).
        source: neighbour of every edge, shape (E,), counted over the batch.
        destination: central atom of every edge, shape (E,), counted over the batch.
        atoms_of: number of atoms of every graph, shape (G,).
        edges_of: number of edges of every graph, shape (G,).
        vectors: of every edge, shape (E, 3), or None.
        columns: of every edge, by name, shape (E,) each.
        degree: edges of every central atom, where they are as many for all and lie in the order of the atoms;
            else 0. Such edges are the rows of a table, which is summed sooner than edges anywhere.
    """

    atomic_numbers: Tensor
    distances: Tensor
    source: Tensor
    destination: Tensor
    atoms_of: Tensor
    edges_of: Tensor
    vectors: Tensor | None = None
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    degree: int = 0

    @property
    def lengths(self) -> Tensor:
        return self._different[0]

    def of_lengths(self, lengths: Tensor) -> Tensor:
        length_of = self._different[1]
        return lengths if length_of is None else lengths.index_select(0, length_of)

    @cached_property
    def _different(self) -> tuple[Tensor, Tensor | None]:
        return (self.distances, None) if self.distances.device.type != "cpu" else fused_gate.different(self.distances)

    @cached_property
    def _paths(self) -> fused_gate.Paths:
        lengths, length_of = self._different
        places = torch.arange(len(self.distances)) if length_of is None else length_of
        return fused_gate.Paths.of(self.source, self.destination, places, len(self.atomic_numbers), len(lengths))


@dataclass(frozen=True, eq=False)
class _TorchBatch(_Arrays):
    def to(self, device: torch.device) -> GraphBatch:
        own = {array.name: getattr(self, array.name) for array in fields(self)}
        moved = {name: value.to(device) for name, value in own.items() if isinstance(value, torch.Tensor)}
        columns = {name: values.to(device) for name, values in self.columns.items()}
        return _TorchBatch(**moved, columns=columns, degree=self.degree)

    @cached_property
    def atoms(self) -> Rows:
        return _TorchRows(self.atoms_of, len(self.atomic_numbers))

    @cached_property
    def edges(self) -> Rows:
        return _TorchRows(self.edges_of, len(self.distances))

    def neighbours(self, atoms: Tensor) -> Tensor:
        return atoms.index_select(0, self.source)

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        if self.degree:
            return (self._table(neighbour.index_select(0, self.source)) + centre[:, None]).flatten(0, 1)
        return neighbour.index_select(0, self.source) + centre.index_select(0, self.destination)

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        if self.degree:
            return self._table(edges).sum(dim=1)
        zeros = edges.new_zeros((len(self.atomic_numbers), edges.shape[1]))
        return zeros.index_add(0, self.destination, edges)

    def mean_to_atoms(self, edges: Tensor) -> Tensor:
        if self.degree:
            return self._table(edges).mean(dim=1)
        count = torch.bincount(self.destination, minlength=len(self.atomic_numbers))
        return self.sum_to_atoms(edges) / count.clamp(min=1)[:, None]

    def sum_filtered(self, atoms: Tensor, filters: Tensor) -> Tensor:
        return self.sum_to_atoms(self.neighbours(atoms) * filters)

    def _table(self, edges: Tensor) -> Tensor:
        return edges.view(-1, self.degree, edges.shape[1])

    def sum_gated(self, ends: Tensor, lengths: Tensor, norm: BatchNorm) -> Tensor:
        if fused_gate.serves(ends, lengths, len(self.distances), norm):
            return fused_gate.sum_gated(ends, lengths, norm, self._paths)
        return _sum_gated(self, ends, lengths, norm)

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        return self.atoms.mean(atoms)


@dataclass(frozen=True, eq=False)
class _DGLBatch(_Arrays):
    graph: Any = None

    def to(self, device: torch.device) -> GraphBatch:
        if device.type != "cpu":
            raise ValueError(f"DGL's batches stay on the CPU, but {str(device)!r} is asked for; use backend 'torch'")
        return self

    @cached_property
    def atoms(self) -> Rows:
        return _DGLRows(self.atoms_of, len(self.atomic_numbers))

    @cached_property
    def edges(self) -> Rows:
        return _DGLRows(self.edges_of, len(self.distances))

    def neighbours(self, atoms: Tensor) -> Tensor:
        return _tensor(_dgl().ops.copy_u(self.graph, atoms))

    def add_ends(self, neighbour: Tensor, centre: Tensor) -> Tensor:
        return _tensor(_dgl().ops.u_add_v(self.graph, neighbour, centre))

    def sum_to_atoms(self, edges: Tensor) -> Tensor:
        return _tensor(_dgl().ops.copy_e_sum(self.graph, edges))

    def mean_to_atoms(self, edges: Tensor) -> Tensor:
        return _tensor(_dgl().ops.copy_e_mean(self.graph, edges))

    def sum_filtered(self, atoms: Tensor, filters: Tensor) -> Tensor:
        return _tensor(_dgl().ops.u_mul_e_sum(self.graph, atoms, filters))

    def sum_gated(self, ends: Tensor, lengths: Tensor, norm: BatchNorm) -> Tensor:
        # DGL has no operation for it; on the CPU, which is all that DGL knows here, the compiled one is both backends'.
        if fused_gate.serves(ends, lengths, len(self.distances), norm):
            return fused_gate.sum_gated(ends, lengths, norm, self._paths)
        return _sum_gated(self, ends, lengths, norm)

    def mean_over_atoms(self, atoms: Tensor) -> Tensor:
        return self.atoms.mean(atoms)


def _sum_gated(batch: GraphBatch, ends: Tensor, lengths: Tensor, norm: BatchNorm) -> Tensor:
    """``sum_gated`` of the other operations: on a GPU, and in half precision."""
    centre, neighbour = ends.chunk(2, dim=1)
    gates = batch.add_ends(neighbour, centre) + batch.of_lengths(lengths)
    return batch.sum_to_atoms(gate(norm(gates)))


def batch_graphs(graphs: CrystalGraphs, rows: ArrayLike | None = None, backend: str | None = None) -> GraphBatch:
    """Join graphs into one batch.

    Args:
        graphs: packed graphs.
        rows: which of them, in this order; all of them where None.
        backend: ``dgl`` or ``torch``; :func:`automat.networks.backends.default_backend` where None.

    Raises:
        UnknownNameError: no such backend.
    """
    return batch_of(_arrays(graphs if rows is None else graphs.take(np.asarray(rows, np.intp))), backend)


def batch_of(arrays: dict[str, Any], backend: str | None) -> GraphBatch:
    """A batch of arrays that count over the whole batch, by the names of ``_Arrays``.

    Raises:
        UnknownNameError: no such backend.
    """
    if (backends.default_backend() if backend is None else backends.backend(backend)) == "torch":
        return _TorchBatch(**arrays)
    ends = (arrays["source"], arrays["destination"])
    return _DGLBatch(**arrays, graph=_dgl().graph(ends, num_nodes=len(arrays["atomic_numbers"])))


def _arrays(graphs: CrystalGraphs) -> dict[str, Any]:
    # Indices count within a graph; over the batch they are shifted by the atoms that come before it.
    shift = np.repeat(graphs.row_ptr[:-1], np.diff(graphs.edge_ptr))
    destination = graphs.destination + shift
    return {
        "atomic_numbers": copied(graphs.atomic_numbers, np.int64),
        "distances": copied(graphs.distances, np.float32),
        "source": copied(graphs.source + shift, np.int64),
        "destination": copied(destination, np.int64),
        "atoms_of": copied(np.diff(graphs.row_ptr), np.int64),
        "edges_of": copied(np.diff(graphs.edge_ptr), np.int64),
        "vectors": None if graphs.vectors is None else copied(graphs.vectors, np.float32),
        "columns": {name: copied(values, np.float32) for name, values in graphs.columns.items()},
        "degree": _degree(destination, len(graphs.atomic_numbers)),
    }


def _degree(destination: NDArray[np.int64], atoms: int) -> int:
    degree, rest = divmod(len(destination), atoms) if atoms else (0, 0)
    return degree if not rest and np.array_equal(destination, np.repeat(np.arange(atoms), degree)) else 0


def copied(values: NDArray[Any], dtype: type) -> Tensor:
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
