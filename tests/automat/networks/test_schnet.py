from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from automat_featurizers import graph_builder
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure

from automat.networks import trainer
from automat.networks.primitives import batch_graphs
from automat.networks.schnet import SchNet

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def network() -> SchNet:
    """As it stands, with biases that are not zero."""
    with trainer.seeded(0):
        made = SchNet()
        for name, weights in made.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weights, std=0.1)
    return made


def activation(value: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted: NDArray[np.float64] = np.log(0.5 * np.exp(value) + 0.5)
    return shifted


def by_the_paper(network: SchNet, graphs: CrystalGraphs, row: int) -> float:
    """Atom by atom and edge by edge, in float64."""
    state = {name: weights.double().numpy() for name, weights in network.state_dict().items()}

    def linear(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        mapped: NDArray[np.float64] = state[f"{name}.weight"] @ x + state[f"{name}.bias"]
        return mapped

    numbers = graphs.atomic_numbers[graphs.row_ptr[row] : graphs.row_ptr[row + 1]]
    edges = range(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
    atoms = [state["embedding.weight"][number - 1] for number in numbers]
    for layer in range(6):
        name = f"interactions.{layer}"
        sums = [np.zeros(64) for _ in atoms]
        for edge in edges:
            distance = graphs.distances[edge]
            if distance > 5:
                continue
            gaussians = np.array([math.exp(-10 * (distance - 0.1 * k) ** 2) for k in range(51)])
            weights = linear(f"{name}.filters.2", activation(linear(f"{name}.filters.0", gaussians)))
            weights = weights * 0.5 * (math.cos(math.pi * distance / 5) + 1)
            sums[graphs.destination[edge]] += (state[f"{name}.before.weight"] @ atoms[graphs.source[edge]]) * weights
        atoms = [
            old + linear(f"{name}.after.2", activation(linear(f"{name}.after.0", total)))
            for old, total in zip(atoms, sums, strict=True)
        ]
    return float(np.mean([linear("atom.2", activation(linear("atom.0", atom))) for atom in atoms]))


@pytest.mark.parametrize("backend", ["torch", "dgl"])
@pytest.mark.parametrize("graph", ["nearest", "radius"])
def test_forward_is_the_papers(network: SchNet, crystals: tuple[Structure, ...], backend: str, graph: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    graphs = graph_builder(graph).transform([crystals[1], crystals[4]])
    expected = [by_the_paper(network, graphs, row) for row in range(2)]
    assert abs(expected[0] - expected[1]) > 1e-2
    with torch.inference_mode():
        found = network(batch_graphs(graphs, backend=backend))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_neighbours_fade_out_at_the_cutoff(network: SchNet) -> None:
    def value(spacing: float) -> float:
        graphs = build_graphs(PackedStructures.pack([Structure(Lattice.cubic(spacing), ["Ar"], [[0, 0, 0]])]))
        assert len(graphs.distances) >= 6
        with torch.inference_mode():
            return float(network(batch_graphs(graphs, backend="torch")))

    far, beyond, just_inside, inside = value(7.0), value(5.001), value(4.99), value(3.5)
    assert beyond == far
    assert just_inside == pytest.approx(far, abs=1e-3)
    assert abs(inside - far) > 1e-2
