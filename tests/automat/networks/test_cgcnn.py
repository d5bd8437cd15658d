from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from automat_featurizers.atom_features import cgcnn_atom_features
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure
from torch.nn import functional

from automat.networks import _layers, trainer
from automat.networks.cgcnn import CGCNN
from automat.networks.primitives import batch_graphs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automat.core import Dataset


@pytest.fixture
def network(few_graphs: CrystalGraphs) -> CGCNN:
    """The reference configuration, its batch norms having seen some crystals."""
    with trainer.seeded(0):
        made = CGCNN(torch.tensor(cgcnn_atom_features()))
        made.train()
        for _ in range(5):
            made(batch_graphs(few_graphs, backend="torch"))
    return made.eval()


def values(network: CGCNN, structures: list[Structure], backend: str = "torch") -> NDArray[np.float32]:
    graphs = build_graphs(PackedStructures.pack(structures))
    with torch.inference_mode():
        result: NDArray[np.float32] = network(batch_graphs(graphs, backend=backend))[:, 0].numpy()
    return result


def softplus(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(0, value)


def by_the_paper(network: CGCNN, graphs: CrystalGraphs, row: int) -> float:
    """Equations 5 and 6, atom by atom and edge by edge, in float64."""
    state = {name: weights.double().numpy() for name, weights in network.state_dict().items()}

    def linear(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        mapped: NDArray[np.float64] = state[f"{name}.weight"] @ x + state[f"{name}.bias"]
        return mapped

    def norm(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        scaled = (x - state[f"{name}.running_mean"]) / np.sqrt(state[f"{name}.running_var"] + 1e-5)
        normed: NDArray[np.float64] = scaled * state[f"{name}.weight"] + state[f"{name}.bias"]
        return normed

    atoms = graphs.atomic_numbers[graphs.row_ptr[row] : graphs.row_ptr[row + 1]]
    edges = range(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
    features = [linear("embedding", cgcnn_atom_features()[number].astype(np.float64)) for number in atoms]
    for layer in range(3):
        name = f"convolutions.{layer}"
        sums = [np.zeros(64) for _ in atoms]
        for edge in edges:
            centre, neighbour = graphs.destination[edge], graphs.source[edge]
            distance = [math.exp(-(((graphs.distances[edge] - 0.2 * k) / 0.2) ** 2)) for k in range(41)]
            z = norm(
                f"{name}.norm_edges",
                linear(f"{name}.linear", np.concatenate([features[centre], features[neighbour], distance])),
            )
            sums[centre] += 1 / (1 + np.exp(-z[:64])) * softplus(z[64:])
        features = [
            softplus(own + norm(f"{name}.norm_atoms", total)) for own, total in zip(features, sums, strict=True)
        ]
    crystal = softplus(linear("crystal", softplus(np.mean(features, axis=0))))
    return float(linear("output", crystal)[0])


def test_reference_configuration_has_80833_parameters(network: CGCNN) -> None:
    assert sum(weights.numel() for weights in network.parameters()) == 80_833


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_forward_is_the_papers(network: CGCNN, crystals: tuple[Structure, ...], backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    chosen = [crystals[1], crystals[4]]
    graphs = build_graphs(PackedStructures.pack(chosen))
    expected = [by_the_paper(network, graphs, row) for row in range(2)]
    assert abs(expected[0] - expected[1]) > 1e-3
    np.testing.assert_allclose(values(network, chosen, backend), expected, rtol=1e-5, atol=1e-5)


def test_gradients_are_the_same_with_both_backends(formation_graphs: CrystalGraphs) -> None:
    pytest.importorskip("dgl")
    gradients = []
    for backend in ("torch", "dgl"):
        with trainer.seeded(1):
            network = CGCNN(torch.tensor(cgcnn_atom_features()))
        network(batch_graphs(formation_graphs, range(16), backend)).square().mean().backward()
        gradients.append([weights.grad for weights in network.parameters()])
    for by_torch, by_dgl in zip(*gradients, strict=True):
        torch.testing.assert_close(by_torch, by_dgl, rtol=1e-5, atol=1e-5)


def test_gate_has_the_derivative_that_autograd_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(7, 6, generator=generator, dtype=torch.float64) * 5
    ours, theirs = given.clone().requires_grad_(), given.clone().requires_grad_()
    weights = torch.linspace(-1, 2, 21, dtype=torch.float64).view(7, 3)
    gated = _layers.gate(ours)
    expected = torch.sigmoid(theirs[:, :3]) * functional.softplus(theirs[:, 3:])
    torch.testing.assert_close(gated, expected)
    torch.autograd.backward((gated * weights).sum())
    torch.autograd.backward((expected * weights).sum())
    torch.testing.assert_close(ours.grad, theirs.grad)


def reordered(structure: Structure) -> Structure:
    return Structure.from_sites(list(structure)[::-1])


def rotated(structure: Structure) -> Structure:
    a, b = 0.7, 1.1
    about_z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    turned = Lattice(structure.lattice.matrix @ (about_z @ about_x).T)
    return Structure(turned, structure.species, structure.frac_coords)


def translated(structure: Structure) -> Structure:
    return Structure(structure.lattice, structure.species, structure.frac_coords + np.array([0.31, -0.77, 1.23]))


def doubled(structure: Structure) -> Structure:
    bigger: Structure = structure.copy()
    bigger.make_supercell([2, 1, 1])
    return bigger


@pytest.mark.parametrize("change", [reordered, rotated, translated, doubled])
def test_the_same_crystal_has_the_same_value(
    network: CGCNN, crystals: tuple[Structure, ...], change: Callable[[Structure], Structure]
) -> None:
    # Perovskite is left out: its oxygen has 14 neighbours of two elements within equal 2.76 angstrom, of
    # which the graph takes 12 by site order; the network is as invariant as its graph.
    chosen = [crystal for crystal in crystals if "Ti" not in crystal.symbol_set]
    assert len(chosen) == 4
    before = values(network, chosen)
    assert np.ptp(before) > 1e-3
    np.testing.assert_allclose(values(network, [change(one) for one in chosen]), before, atol=1e-4)


def test_overfits_eight_crystals(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    targets = torch.tensor(formation.target[:8])
    rows = np.arange(8, dtype=np.intp)
    with trainer.seeded(0):
        network = CGCNN(torch.tensor(cgcnn_atom_features()))
    problem = trainer.Regression.of(formation.target[:8])
    lessons = trainer.Lessons(partial(batch_graphs, formation_graphs), targets, rows, held=rows[:0])
    curves = trainer.train(network, lessons, problem, trainer.Recipe(epochs=150, learning_rate=0.01), seed=0)
    assert curves.train[0] > 0.3
    assert curves.train[-1] < 0.01


def test_an_element_beyond_the_table_is_named(few_graphs: CrystalGraphs) -> None:
    short = CGCNN(torch.tensor(cgcnn_atom_features()[:20]))
    with pytest.raises(ValueError, match="atomic number 38 is not in the element table, which ends at 19"):
        short(batch_graphs(few_graphs, [2], backend="torch"))


def test_a_lone_atom_without_edges_has_a_value(network: CGCNN) -> None:
    far_apart = Structure(Lattice.cubic(30), ["He"], [[0, 0, 0]])
    assert build_graphs(PackedStructures.pack([far_apart])).edge_ptr.tolist() == [0, 0]
    for mode in (network.train(), network.eval()):
        alone = mode(batch_graphs(build_graphs(PackedStructures.pack([far_apart]))))
        assert alone.shape == (1, 1)
        assert torch.isfinite(alone).all()
