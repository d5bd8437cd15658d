"""Batches of line graphs, with both backends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from automat_featurizers import PackedStructures, VoronoiGraphs, graph_builder, line_graphs
from pymatgen.core import Structure

from automat.core import UnknownNameError
from automat.networks.lines import LineBatch, batch_lines
from automat.networks.primitives import batch_graphs

WIDTH = 3


@pytest.fixture(scope="module")
def structures(crystals: tuple[Structure, ...]) -> PackedStructures:
    return PackedStructures.pack(crystals)


def results(batch: LineBatch, edges: int) -> list[torch.Tensor]:
    """Every operation, and the gradient of their sum."""
    generator = torch.Generator().manual_seed(0)
    nodes = torch.randn(edges, WIDTH, generator=generator, requires_grad=True)
    pairs = torch.randn(len(batch.cosines), WIDTH, generator=generator, requires_grad=True)
    made = [
        batch.firsts(nodes),
        batch.add_ends(nodes, nodes.flip(1)),
        batch.sum_to_edges(pairs),
        batch.mean_to_edges(pairs),
        batch.sum_filtered(nodes, pairs),
        batch.pairs.mean(pairs),
    ]
    torch.stack([(each * torch.linspace(1, 2, each.numel()).view_as(each)).sum() for each in made]).sum().backward()  # type: ignore[no-untyped-call]
    assert nodes.grad is not None
    assert pairs.grad is not None
    return [*(each.detach() for each in made), nodes.grad, pairs.grad, batch.cosines]


@pytest.mark.parametrize("spec", ["nearest:max_neighbours=6,vectors=true", "voronoi:vectors=true"])
def test_torch_does_what_the_words_say(structures: PackedStructures, spec: str) -> None:
    rows = [3, 0, 4]
    graphs = graph_builder(spec).transform(structures)
    lines = line_graphs(graphs)
    batch = batch_lines(lines, rows, "torch")
    taken = lines.take(rows)
    nodes = torch.arange(WIDTH * float(taken.edge_ptr[-1])).view(-1, WIDTH)
    pairs = torch.arange(WIDTH * float(len(taken.first))).view(-1, WIDTH)
    sums, counts = torch.zeros_like(nodes), torch.zeros(len(nodes), 1)
    firsts, ends = [], []
    for row in range(3):
        for pair in range(taken.pair_ptr[row], taken.pair_ptr[row + 1]):
            first, second = (int(taken.edge_ptr[row] + each[pair]) for each in (taken.first, taken.second))
            sums[second] += pairs[pair]
            counts[second] += 1
            firsts.append(nodes[first])
            ends.append(nodes[first] + 10 * nodes[second])
    torch.testing.assert_close(batch.firsts(nodes), torch.stack(firsts))
    torch.testing.assert_close(batch.add_ends(nodes, 10 * nodes), torch.stack(ends))
    torch.testing.assert_close(batch.sum_to_edges(pairs), sums)
    torch.testing.assert_close(batch.mean_to_edges(pairs), sums / counts.clamp(min=1))
    torch.testing.assert_close(batch.cosines.double(), torch.from_numpy(taken.cosines), rtol=0, atol=1e-6)


def test_backends_agree(structures: PackedStructures) -> None:
    pytest.importorskip("dgl")
    graphs = graph_builder("nearest:max_neighbours=5,vectors=true").transform(structures)
    lines = line_graphs(graphs, backtracking=False)
    by_torch, by_dgl = (results(batch_lines(lines, backend=name), len(graphs.source)) for name in ("torch", "dgl"))
    for ours, theirs in zip(by_torch, by_dgl, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_edges_of_a_line_batch_are_those_of_the_graph_batch(structures: PackedStructures) -> None:
    graphs = VoronoiGraphs(vectors=True).transform(structures)
    rows = [4, 1]
    batch, lines = batch_graphs(graphs, rows, "torch"), batch_lines(line_graphs(graphs), rows, "torch")
    assert batch.vectors is not None
    # Of a pair u to v to w, the way from v to u is the first edge's vector, and to w the second one's turned round.
    to_first, to_second = lines.firsts(batch.vectors), -lines.add_ends(torch.zeros_like(batch.vectors), batch.vectors)
    cosines = torch.nn.functional.cosine_similarity(to_first, to_second)
    torch.testing.assert_close(cosines, lines.cosines, rtol=0, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_a_batch_has_the_columns_of_its_graphs(structures: PackedStructures, backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    graphs = VoronoiGraphs().transform(structures)
    batch = batch_graphs(graphs, [2, 0], backend)
    assert batch.vectors is None
    assert batch.columns.keys() == {"solid_angle", "area", "volume"}
    moved = batch.to(torch.device("cpu"))
    for name, values in graphs.take([2, 0]).columns.items():
        np.testing.assert_allclose(moved.columns[name].numpy(), values, rtol=1e-6)
    # The faces of a cell fill the sphere around its atom.
    spheres = batch.sum_to_atoms(batch.columns["solid_angle"][:, None])
    torch.testing.assert_close(spheres, torch.full_like(spheres, 4 * torch.pi), rtol=1e-3, atol=0)


def test_a_moved_batch_keeps_vectors(structures: PackedStructures) -> None:
    graphs = VoronoiGraphs(vectors=True).transform(structures)
    moved = batch_graphs(graphs, backend="torch").to(torch.device("meta"))
    assert moved.vectors is not None
    assert moved.vectors.shape == (len(graphs.source), 3)
    assert {values.device.type for values in (moved.vectors, *moved.columns.values())} == {"meta"}
    lines = batch_lines(line_graphs(graphs), backend="torch").to(torch.device("meta"))
    assert lines.cosines.device.type == "meta"


def test_an_unknown_backend_is_named(structures: PackedStructures) -> None:
    lines = line_graphs(VoronoiGraphs(vectors=True).transform(structures))
    with pytest.raises(UnknownNameError, match="unknown graph backend 'jax'"):
        batch_lines(lines, backend="jax")
