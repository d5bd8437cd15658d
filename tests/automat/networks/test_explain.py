from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure
from torch import nn

from automat.core import Dataset
from automat.networks import trainer
from automat.networks._layers import ElementEmbedding
from automat.networks.estimators import GraphEstimator, NetworkRegressor
from automat.networks.explain import AdditiveReadout, Contributions, NotAdditiveError, contributions
from automat.networks.mlp import MLPRegressor
from automat.networks.primitives import GraphBatch, batch_graphs


class Surroundings(nn.Module):
    """The least that an additive network can be: atoms, what is around them, and the head."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.embedding = ElementEmbedding(118, 8)
        self.readout = AdditiveReadout(8, 16, outputs)

    def features(self, batch: GraphBatch) -> torch.Tensor:
        atoms = self.embedding(batch.atomic_numbers)
        near = torch.exp(-batch.distances)[:, None] * batch.neighbours(atoms)
        around: torch.Tensor = atoms + batch.sum_to_atoms(near)
        return around

    def forward(self, batch: GraphBatch) -> torch.Tensor:
        outputs: torch.Tensor = self.readout(batch, self.features(batch))
        return outputs

    def atom_outputs(self, batch: GraphBatch) -> torch.Tensor:
        return self.readout.of_atoms(self.features(batch))


class SurroundingsRegressor(NetworkRegressor, GraphEstimator):
    def __init__(self, backend: str | None = None, training: Any = None, seed: int = 0) -> None:
        self.epochs, self.batch_size, self.learning_rate, self.weight_decay = 15, 8, 0.01, 0.0
        self.backend = backend
        self.training = training
        self.seed = seed

    def make_network(self, outputs: int, *, classify: bool) -> Surroundings:
        assert not classify
        return Surroundings(outputs)


@pytest.fixture(scope="module")
def fitted(formation: Dataset, formation_graphs: CrystalGraphs) -> SurroundingsRegressor:
    return SurroundingsRegressor("torch").fit(formation_graphs, formation.target)


@pytest.fixture(scope="module")
def explained(fitted: SurroundingsRegressor, formation_graphs: CrystalGraphs) -> Contributions:
    return contributions(fitted, formation_graphs)


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_the_head_is_exactly_the_mean_of_its_atoms(few_graphs: CrystalGraphs, backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    batch = batch_graphs(few_graphs, backend=backend)
    with trainer.seeded(0):
        head = AdditiveReadout(5, 7, 2).double()
        atoms = torch.randn(len(batch.atomic_numbers), 5, dtype=torch.float64)
    with torch.inference_mode():
        whole, parts = head(batch, atoms), head.of_atoms(atoms)
    assert parts.shape == (len(atoms), 2)
    assert parts.std() > 1e-2
    for row, (start, end) in enumerate(zip(few_graphs.row_ptr[:-1], few_graphs.row_ptr[1:], strict=True)):
        torch.testing.assert_close(parts[start:end].mean(dim=0), whole[row], rtol=0, atol=1e-15)


def test_an_atom_contributes_by_itself_alone() -> None:
    with trainer.seeded(0):
        head = AdditiveReadout(5, 7)
        atoms = torch.randn(6, 5)
    before = head.of_atoms(atoms)
    atoms[2] += 1
    changed = (head.of_atoms(atoms) != before)[:, 0]
    assert changed.tolist() == [False, False, True, False, False, False]


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_contributions_average_to_the_prediction(
    formation: Dataset, formation_graphs: CrystalGraphs, backend: str
) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    model = SurroundingsRegressor(backend).fit(formation_graphs, formation.target)
    found = contributions(model, formation_graphs)
    predicted = model.predict(formation_graphs)
    assert predicted.std() > 0.1
    assert len(found) == len(predicted)
    # Single precision's rounding; the largest crystal has 54 atoms.
    np.testing.assert_allclose(found.predictions, predicted, rtol=0, atol=2e-6)
    assert max(np.ptp(found.of(row)) for row in range(len(found))) > 0.1


def test_in_double_precision_they_average_to_the_last_digit(
    fitted: SurroundingsRegressor, formation_graphs: CrystalGraphs
) -> None:
    model = copy.deepcopy(fitted)
    model.network_.double()
    found = contributions(model, formation_graphs)
    np.testing.assert_allclose(found.predictions, model.predict(formation_graphs), rtol=0, atol=1e-13)


def test_alike_atoms_contribute_alike(fitted: SurroundingsRegressor, few_graphs: CrystalGraphs) -> None:
    rock_salt = contributions(fitted, few_graphs).of(0)
    numbers = few_graphs.atomic_numbers[: few_graphs.row_ptr[1]]
    for number in (11, 17):
        assert np.ptp(rock_salt[numbers == number]) < 1e-6
    assert abs(rock_salt[numbers == 11].mean() - rock_salt[numbers == 17].mean()) > 1e-3


def test_contributions_follow_their_sites(fitted: SurroundingsRegressor, crystals: tuple[Structure, ...]) -> None:
    turned = [Structure.from_sites(list(crystal)[::-1]) for crystal in crystals]
    forth, back = (contributions(fitted, build_graphs(PackedStructures.pack(some))) for some in (crystals, turned))
    for row in range(len(crystals)):
        np.testing.assert_allclose(forth.of(row), back.of(row)[::-1], atol=1e-5)


def test_elements_are_averaged_over_their_atoms(explained: Contributions) -> None:
    table = explained.averages().set_index("element")
    oxygen = explained.values[explained.atomic_numbers == 8]
    row = table.loc["O"]
    assert row["atoms"] == len(oxygen)
    assert row["mean"] == pytest.approx(oxygen.mean())
    assert row["std"] == pytest.approx(oxygen.std(ddof=1))
    crystal_of = np.repeat(np.arange(len(explained)), np.diff(explained.row_ptr))
    assert row["crystals"] == len(set(crystal_of[explained.atomic_numbers == 8]))
    assert table["atoms"].sum() == len(explained.values)
    assert table["mean"].is_monotonic_increasing


def test_what_oxygen_does_is_learned_from_formation_energies(explained: Contributions) -> None:
    table = explained.averages()
    frequent = table[table["crystals"] >= 5].set_index("element")["mean"]
    # Oxides and fluorides are what forms with the most energy.
    assert frequent["O"] < frequent.median()


def test_elements_are_averaged_site_by_site(fitted: SurroundingsRegressor) -> None:
    def perovskite(a: str, b: str) -> Structure:
        sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
        return Structure(Lattice.cubic(3.9), [a, b, "O", "O", "O"], sites)

    graphs = build_graphs(PackedStructures.pack([perovskite(*pair) for pair in (("Ba", "Ti"), ("Ti", "Ba"))]))
    found = contributions(fitted, graphs)
    table = found.averages(sites=["A", "B", "X", "X", "X"] * 2).set_index(["element", "site"])
    assert table["mean"].to_dict() == {
        ("Ba", "A"): pytest.approx(found.of(0)[0]),
        ("Ba", "B"): pytest.approx(found.of(1)[1]),
        ("Ti", "A"): pytest.approx(found.of(1)[0]),
        ("Ti", "B"): pytest.approx(found.of(0)[1]),
        ("O", "X"): pytest.approx(np.concatenate([found.of(0)[2:], found.of(1)[2:]]).mean()),
    }
    assert table.loc[("O", "X"), ["atoms", "crystals"]].tolist() == [6, 2]
    assert table["mean"]["Ba", "A"] != table["mean"]["Ba", "B"]


def test_labels_must_be_one_an_atom(explained: Contributions) -> None:
    with pytest.raises(ValueError, match=r"atoms need as many site labels, but got shape \(2,\)"):
        explained.averages(sites=["A", "B"])


def test_a_network_that_is_no_mean_over_atoms_is_refused(few_graphs: CrystalGraphs) -> None:
    table = MLPRegressor(epochs=1).fit(np.eye(3), np.arange(3.0))
    with pytest.raises(NotAdditiveError, match="MLPRegressor cannot be explained atom by atom"):
        contributions(table, few_graphs)
