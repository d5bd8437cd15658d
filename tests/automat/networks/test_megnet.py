from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from automat_featurizers import graph_builder

from automat.networks import trainer
from automat.networks.megnet import MEGNet
from automat.networks.primitives import batch_graphs

if TYPE_CHECKING:
    from automat_featurizers.graphs import CrystalGraphs
    from numpy.typing import NDArray
    from pymatgen.core import Structure


def made_with(**settings: Any) -> MEGNet:
    """A network with biases that are not zero."""
    with trainer.seeded(0):
        made = MEGNet(**settings)
        for name, weights in made.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weights, std=0.1)
    return made


class _ByThePaper:
    """Equations 1 to 7, atom by atom and bond by bond, in float64."""

    def __init__(self, network: MEGNet, reach: float) -> None:
        self.reach = reach
        self.state = {name: weights.double().numpy() for name, weights in network.state_dict().items()}

    def linear(self, name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        mapped: NDArray[np.float64] = self.state[f"{name}.weight"] @ x + self.state[f"{name}.bias"]
        return mapped

    def layers(self, x: NDArray[np.float64], *names: str) -> NDArray[np.float64]:
        """Dense layers with the activation between them, none after the last."""
        for name in names[:-1]:
            x = np.log(0.5 * np.exp(self.linear(name, x)) + 0.5)
        return self.linear(names[-1], x)

    def activated(self, name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Two dense layers, each with the activation."""
        activated: NDArray[np.float64] = np.log(0.5 * np.exp(self.layers(x, f"{name}.0", f"{name}.2")) + 0.5)
        return activated

    def read(self, name: str, rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(1 / (1 + np.exp(-x)))

        memory = [self.linear(f"{name}.project", row) for row in rows]
        query, cell = np.zeros(32), np.zeros(16)
        for _ in range(3):
            gates = self.linear(f"{name}.recur", query)
            cell = sigmoid(gates[16:32]) * cell + sigmoid(gates[:16]) * np.tanh(gates[32:48])
            shown = sigmoid(gates[48:]) * np.tanh(cell)
            shares = np.exp([shown @ row for row in memory])
            shares /= shares.sum()
            query = np.concatenate([shown, sum(share * row for share, row in zip(shares, memory, strict=True))])
        return query

    def value(self, graphs: CrystalGraphs, row: int) -> float:
        numbers = graphs.atomic_numbers[graphs.row_ptr[row] : graphs.row_ptr[row + 1]]
        own = slice(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
        ends = list(zip(graphs.source[own], graphs.destination[own], strict=True))
        atoms = [self.activated("atoms", self.state["embedding.weight"][number - 1]) for number in numbers]
        bonds = [
            self.activated("edges", np.array([math.exp(-(((r - self.reach * k / 99) / 0.5) ** 2)) for k in range(100)]))
            for r in graphs.distances[own]
        ]
        whole = self.activated("state", np.zeros(2))
        for number in range(3):
            name = f"blocks.{number}"
            v, e, u = atoms, bonds, whole
            if number:
                v = [self.activated(f"{name}.before.0", atom) for atom in v]
                e = [self.activated(f"{name}.before.1", bond) for bond in e]
                u = self.activated(f"{name}.before.2", u)
            edge = (f"{name}.ends", f"{name}.edge.1", f"{name}.edge.3")
            e = [
                self.layers(np.concatenate([v[centre], v[neighbour], bond, u]), *edge)
                for (neighbour, centre), bond in zip(ends, e, strict=True)
            ]
            means = [
                np.mean([bond for bond, end in zip(e, ends, strict=True) if end[1] == i], axis=0) for i in range(len(v))
            ]
            atom, state = ([f"{name}.{what}.{k}" for k in (0, 2, 4)] for what in ("atom", "state"))
            v = [self.layers(np.concatenate([mean, x, u]), *atom) for mean, x in zip(means, v, strict=True)]
            u = self.layers(np.concatenate([np.mean(e, axis=0), np.mean(v, axis=0), u]), *state)
            atoms = [old + new for old, new in zip(atoms, v, strict=True)]
            bonds = [old + new for old, new in zip(bonds, e, strict=True)]
            whole = whole + u
        read = np.concatenate([self.read("read_atoms", atoms), self.read("read_edges", bonds), whole])
        return float(self.layers(read, "output.0", "output.2", "output.4")[0])


@pytest.mark.parametrize("backend", ["torch", "dgl"])
@pytest.mark.parametrize(
    ("settings", "graph", "reach"),
    [({}, "nearest", 6.0), ({"elements": 95, "reach": 5.0}, "radius:cutoff=4", 5.0)],
    ids=["as it stands", "reference"],
)
def test_forward_is_the_papers(
    settings: dict[str, Any], graph: str, reach: float, crystals: tuple[Structure, ...], backend: str
) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    network = made_with(**settings)
    graphs = graph_builder(graph).transform([crystals[1], crystals[4]])
    paper = _ByThePaper(network, reach)
    expected = [paper.value(graphs, row) for row in range(2)]
    assert abs(expected[0] - expected[1]) > 1e-3
    with torch.inference_mode():
        found = network(batch_graphs(graphs, backend=backend))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
