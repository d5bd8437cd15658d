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
from automat.networks.primitives import GraphBatch, batch_graphs, default_backend

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDTH = 5

OPERATIONS: dict[str, Callable[[GraphBatch, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "neighbours": lambda batch, atoms, _: batch.neighbours(atoms),
    "add_ends": lambda batch, atoms, _: batch.add_ends(atoms, 3 * atoms.flip(1)),
    "sum_to_atoms": lambda batch, _, edges: batch.sum_to_atoms(edges),
    "mean_over_atoms": lambda batch, atoms, _: batch.mean_over_atoms(atoms),
}


@st.composite
def packed_graphs(draw: st.DrawFn) -> CrystalGraphs:
    """Up to four graphs; atoms may have no edges, and so may whole graphs."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    ends = [draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=8)) for size in sizes]
    flat = np.array([end for graph in ends for end in sorted(graph)], np.int64).reshape(-1, 2)
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
    assert len(by_torch) == len(by_dgl) == 2
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
    sums, means, ends, neighbours = np.zeros(atoms.shape), [], [], []
    for row in range(len(graphs)):
        first = graphs.row_ptr[row]
        for edge in range(graphs.edge_ptr[row], graphs.edge_ptr[row + 1]):
            neighbour = atoms[first + graphs.source[edge]].numpy()
            sums[first + graphs.destination[edge]] += edges[edge].numpy()
            neighbours.append(neighbour)
            ends.append(neighbour + 10 * atoms[first + graphs.destination[edge]].numpy())
        means.append(atoms[first : graphs.row_ptr[row + 1]].numpy().mean(axis=0))
    np.testing.assert_allclose(batch.sum_to_atoms(edges), sums, rtol=1e-6)
    np.testing.assert_allclose(batch.mean_over_atoms(atoms), means, rtol=1e-6)
    np.testing.assert_allclose(batch.neighbours(atoms), np.reshape(neighbours, (-1, 2)))
    np.testing.assert_allclose(batch.add_ends(atoms, 10 * atoms), np.reshape(ends, (-1, 2)))


def test_rows_come_in_the_order_asked_for(few_graphs: CrystalGraphs) -> None:
    batch = batch_graphs(few_graphs, [3, 0], backend="torch")
    assert batch.atomic_numbers.tolist() == [26, 26, *few_graphs.atomic_numbers[:8].tolist()]


def test_unknown_backend_names_the_nearest() -> None:
    empty = np.zeros(1, np.int64)
    graphs = CrystalGraphs(empty, empty[:0], empty, empty[:0], empty[:0], np.zeros(0))
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
