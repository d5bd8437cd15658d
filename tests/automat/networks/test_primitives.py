from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs
from hypothesis import given, settings
from hypothesis import strategies as st

from automat.core import UnknownNameError
from automat.networks.backends import default_backend
from automat.networks.primitives import GraphBatch, batch_graphs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH = 5

OPERATIONS: dict[str, Callable[[GraphBatch, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "neighbours": lambda batch, atoms, _: batch.neighbours(atoms),
    "add_ends": lambda batch, atoms, _: batch.add_ends(atoms, 3 * atoms.flip(1)),
    "sum_to_atoms": lambda batch, _, edges: batch.sum_to_atoms(edges),
    "mean_to_atoms": lambda batch, _, edges: batch.mean_to_atoms(edges),
    "sum_filtered": lambda batch, atoms, edges: batch.sum_filtered(atoms, edges),
    "mean_over_atoms": lambda batch, atoms, _: batch.mean_over_atoms(atoms),
    "of_lengths": lambda batch, _, edges: batch.of_lengths(edges[: len(batch.lengths)]),
    "atoms.sum": lambda batch, atoms, _: batch.atoms.sum(atoms),
    "atoms.mean": lambda batch, atoms, _: batch.atoms.mean(atoms),
    "atoms.softmax": lambda batch, atoms, _: batch.atoms.softmax(atoms),
    "edges.sum": lambda batch, _, edges: batch.edges.sum(edges),
    "edges.mean": lambda batch, _, edges: batch.edges.mean(edges),
    "edges.softmax": lambda batch, _, edges: batch.edges.softmax(edges),
    "atoms.spread": lambda batch, atoms, _: batch.atoms.spread(batch.atoms.sum(atoms)),
    "edges.spread": lambda batch, atoms, _: batch.edges.spread(batch.atoms.sum(atoms)),
}


@st.composite
def packed_graphs(draw: st.DrawFn) -> CrystalGraphs:
    """Up to four graphs; atoms may have no edges, and so may whole graphs."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    ends = [draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=8)) for size in sizes]
    flat = np.array([end for graph in ends for end in sorted(graph)], np.int32).reshape(-1, 2)
    chance = np.random.default_rng(len(flat))
    return CrystalGraphs(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        chance.integers(1, 90, sum(sizes)),
        np.concatenate([[0], np.cumsum([len(graph) for graph in ends])]).astype(np.int64),
        flat[:, 1],
        flat[:, 0],
        chance.uniform(1, 8, len(flat)),
    )


def result_and_gradients(batch: GraphBatch, operation: str) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    atoms = torch.randn(len(batch.atomic_numbers), WIDTH, generator=generator, requires_grad=True)
    edges = torch.randn(len(batch.distances), WIDTH, generator=generator, requires_grad=True)
    result = OPERATIONS[operation](batch, atoms, edges)
    (result * torch.linspace(0.5, 2, result.numel()).view_as(result)).sum().backward()  # type: ignore[no-untyped-call]
    return [result.detach(), *(leaf.grad for leaf in (atoms, edges) if leaf.grad is not None)]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_backends_agree_on_real_crystals(formation_graphs: CrystalGraphs, operation: str) -> None:
    pytest.importorskip("dgl")
    by_torch, by_dgl = (
        result_and_gradients(batch_graphs(formation_graphs, range(0, 99, 3), backend), operation)
        for backend in ("torch", "dgl")
    )
    assert len(by_torch) == len(by_dgl) >= 2
    for ours, theirs in zip(by_torch, by_dgl, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(graphs=packed_graphs())
@pytest.mark.parametrize("operation", OPERATIONS)
def test_backends_agree_on_any_graph(graphs: CrystalGraphs, operation: str) -> None:
    pytest.importorskip("dgl")
    by_torch, by_dgl = (
        result_and_gradients(batch_graphs(graphs, backend=backend), operation) for backend in ("torch", "dgl")
    )
    for ours, theirs in zip(by_torch, by_dgl, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(graphs=packed_graphs())
def test_torch_backend_does_what_the_words_say(graphs: CrystalGraphs) -> None:
    batch = batch_graphs(graphs, backend="torch")
    atoms = torch.arange(2.0 * len(graphs.atomic_numbers)).view(-1, 2)
    edges = torch.arange(2.0 * len(graphs.distances)).view(-1, 2) + 1
    sums, filtered, degrees = np.zeros(atoms.shape), np.zeros(atoms.shape), np.zeros((len(atoms), 1))
    means, ends, neighbours = [], [], []
    for row in range(len(graphs)):
        first = graphs.row_ptr[row]
        for edge in range(graphs.edge_ptr[row], graphs.edge_ptr[row + 1]):
            centre = first + graphs.destination[edge]
            neighbour = atoms[first + graphs.source[edge]].numpy()
            sums[centre] += edges[edge].numpy()
            filtered[centre] += edges[edge].numpy() * neighbour
            degrees[centre] += 1
            neighbours.append(neighbour)
            ends.append(neighbour + 10 * atoms[centre].numpy())
        means.append(atoms[first : graphs.row_ptr[row + 1]].numpy().mean(axis=0))
    np.testing.assert_allclose(batch.sum_to_atoms(edges), sums, rtol=1e-6)
    np.testing.assert_allclose(batch.mean_to_atoms(edges), sums / np.maximum(degrees, 1), rtol=1e-6)
    np.testing.assert_allclose(batch.sum_filtered(atoms, edges), filtered, rtol=1e-6)
    np.testing.assert_allclose(batch.mean_over_atoms(atoms), means, rtol=1e-6)
    np.testing.assert_allclose(batch.neighbours(atoms), np.reshape(neighbours, (-1, 2)))
    np.testing.assert_allclose(batch.add_ends(atoms, 10 * atoms), np.reshape(ends, (-1, 2)))


@settings(deadline=None, max_examples=40)
@given(graphs=packed_graphs())
@pytest.mark.parametrize("kind", ["atoms", "edges"])
def test_torch_rows_do_what_the_words_say(graphs: CrystalGraphs, kind: str) -> None:
    batch = batch_graphs(graphs, backend="torch")
    pointer = graphs.row_ptr if kind == "atoms" else graphs.edge_ptr
    rows = batch.atoms if kind == "atoms" else batch.edges
    values = np.random.default_rng(int(pointer[-1])).normal(size=(pointer[-1], 2)) * 3
    given_rows = torch.tensor(values)
    totals = torch.arange(2.0 * len(graphs)).view(-1, 2)
    for row in range(len(graphs)):
        own = slice(pointer[row], pointer[row + 1])
        count = int(pointer[row + 1] - pointer[row])
        np.testing.assert_allclose(rows.sum(given_rows)[row], values[own].sum(axis=0), atol=1e-12)
        np.testing.assert_allclose(rows.mean(given_rows)[row], values[own].sum(axis=0) / max(count, 1), atol=1e-12)
        np.testing.assert_array_equal(rows.spread(totals)[own], np.tile(totals[row], (count, 1)))
        if count:
            raised = np.exp(values[own])
            np.testing.assert_allclose(rows.softmax(given_rows)[own], raised / raised.sum(axis=0), atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(graphs=packed_graphs())
def test_every_distance_is_one_of_the_lengths(graphs: CrystalGraphs) -> None:
    batch = batch_graphs(graphs, backend="torch")
    assert sorted(batch.lengths.tolist()) == sorted(set(batch.distances.tolist()))
    torch.testing.assert_close(batch.of_lengths(batch.lengths[:, None])[:, 0], batch.distances, rtol=0, atol=0)


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_softmax_bears_large_scores(few_graphs: CrystalGraphs, backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    batch = batch_graphs(few_graphs, backend=backend)
    scores = 1e4 * torch.linspace(-1, 1, len(few_graphs.distances))[:, None]
    shares = batch.edges.softmax(scores)
    torch.testing.assert_close(batch.edges.sum(shares), torch.ones(len(few_graphs), 1))


def test_rows_come_in_the_order_asked_for(few_graphs: CrystalGraphs) -> None:
    batch = batch_graphs(few_graphs, [3, 0], backend="torch")
    assert batch.atomic_numbers.tolist() == [26, 26, *few_graphs.atomic_numbers[:8].tolist()]


def test_unknown_backend_names_the_nearest() -> None:
    empty, ends = np.zeros(1, np.int64), np.zeros(0, np.int32)
    graphs = CrystalGraphs(empty, empty[:0], empty, ends, ends, np.zeros(0))
    with pytest.raises(UnknownNameError, match=r"unknown graph backend 'torh'\. Did you mean 'torch'"):
        batch_graphs(graphs, backend="torh")


def test_torch_serves_where_dgl_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert default_backend() == "torch"


def test_dgl_writes_nothing_into_the_home_folder(tmp_path: Path) -> None:
    pytest.importorskip("dgl")
    code = "from automat.networks import primitives; primitives._dgl()"
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []
