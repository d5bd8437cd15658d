"""What MEGNet and SchNet both must do."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure

from automat.networks import trainer
from automat.networks.megnet import MEGNet, MEGNetClassifier, MEGNetRegressor
from automat.networks.primitives import batch_graphs
from automat.networks.schnet import SchNet, SchNetClassifier, SchNetRegressor

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automat.core import Dataset

KINDS: tuple[type[MEGNet | SchNet], ...] = (MEGNet, SchNet)


def made(kind: type[MEGNet | SchNet], seed: int = 0, outputs: int = 1, *, classify: bool = False) -> MEGNet | SchNet:
    with trainer.seeded(seed):
        return kind(outputs, classify=classify)


def values(network: MEGNet | SchNet, structures: list[Structure]) -> NDArray[np.float32]:
    graphs = build_graphs(PackedStructures.pack(structures))
    with torch.inference_mode():
        result: NDArray[np.float32] = network(batch_graphs(graphs, backend="torch"))[:, 0].numpy()
    return result


@pytest.mark.parametrize(
    ("network", "count"),
    [
        pytest.param(lambda: MEGNet(elements=95), 167_761, id="MEGNet with the reference's 95 elements"),
        pytest.param(MEGNet, 168_129, id="MEGNet"),
        pytest.param(SchNet, 129_089, id="SchNet"),
    ],
)
def test_parameters_are_as_many_as_stated(network: Callable[[], torch.nn.Module], count: int) -> None:
    assert sum(weights.numel() for weights in network().parameters()) == count


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_the_same_with_both_backends(
    kind: type[MEGNet | SchNet], formation_graphs: CrystalGraphs
) -> None:
    pytest.importorskip("dgl")
    outputs, gradients = [], []
    for backend in ("torch", "dgl"):
        network = made(kind, seed=1)
        outputs.append(network(batch_graphs(formation_graphs, range(16), backend)))
        outputs[-1].square().mean().backward()
        gradients.append([weights.grad for weights in network.parameters()])
    assert outputs[0].std() > 1e-3
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
    for by_torch, by_dgl in zip(*gradients, strict=True):
        assert by_torch.isfinite().all()
        torch.testing.assert_close(by_torch, by_dgl, rtol=1e-5, atol=1e-5)


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
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_crystal_has_the_same_value(
    kind: type[MEGNet | SchNet], crystals: tuple[Structure, ...], change: Callable[[Structure], Structure]
) -> None:
    network = made(kind)
    before = values(network, list(crystals))
    assert np.ptp(before) > 1e-2
    np.testing.assert_allclose(values(network, [change(one) for one in crystals]), before, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_crystal_has_the_value_it_has_alone(kind: type[MEGNet | SchNet], crystals: tuple[Structure, ...]) -> None:
    network = made(kind)
    alone = np.concatenate([values(network, [crystal]) for crystal in crystals])
    np.testing.assert_allclose(values(network, list(crystals)), alone, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_overfits_eight_crystals(
    kind: type[MEGNet | SchNet], formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    rows = np.arange(8, dtype=np.intp)
    problem = trainer.Regression.of(formation.target[:8])
    lessons = trainer.Lessons(
        partial(batch_graphs, formation_graphs, backend="torch"),
        torch.tensor(formation.target[:8]),
        rows,
        held=rows[:0],
    )
    curves = trainer.train(made(kind), lessons, problem, trainer.Recipe(epochs=100, learning_rate=5e-3), seed=0)
    assert curves.train[0] > 0.3
    assert curves.train[-1] < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_an_element_beyond_the_embedding_is_named(kind: type[MEGNet | SchNet], few_graphs: CrystalGraphs) -> None:
    short = kind(elements=20)
    with pytest.raises(ValueError, match="atomic number 38 is not in the element table, which ends at 20"):
        short(batch_graphs(few_graphs, [2], backend="torch"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_element_of_the_table_has_a_row(kind: type[MEGNet | SchNet]) -> None:
    assert np.isfinite(values(made(kind), [Structure(Lattice.cubic(3), ["Og"], [[0, 0, 0]])])).all()


@pytest.mark.parametrize("backend", ["torch", "dgl"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lone_atom_without_edges_can_be_learnt_from(kind: type[MEGNet | SchNet], backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    graphs = build_graphs(PackedStructures.pack([Structure(Lattice.cubic(30), ["He"], [[0, 0, 0]])]))
    assert graphs.edge_ptr.tolist() == [0, 0]
    network = made(kind)
    value = network(batch_graphs(graphs, backend=backend))
    assert value.shape == (1, 1)
    value.sum().backward()
    assert all(weights.grad is None or weights.grad.isfinite().all() for weights in network.parameters())
    assert value.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_classes_have_log_probabilities(kind: type[MEGNet | SchNet], few_graphs: CrystalGraphs) -> None:
    outputs = made(kind, outputs=3, classify=True)(batch_graphs(few_graphs))
    assert outputs.shape == (5, 3)
    torch.testing.assert_close(outputs.exp().sum(dim=1), torch.ones(5))


@pytest.mark.parametrize("estimator", [MEGNetRegressor, SchNetRegressor])
def test_one_seed_gives_one_fit(
    estimator: type[MEGNetRegressor | SchNetRegressor], formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    def predicted(seed: int) -> NDArray[np.float64]:
        fitted = estimator(epochs=2, batch_size=25, seed=seed).fit(formation_graphs, formation.target)
        return fitted.predict(formation_graphs)

    first = predicted(3)
    np.testing.assert_array_equal(first, predicted(3))
    assert np.abs(first - predicted(4)).max() > 1e-3


@pytest.mark.parametrize("estimator", [MEGNetRegressor, SchNetRegressor])
def test_batches_of_one_row_can_be_learnt_from(
    estimator: type[MEGNetRegressor | SchNetRegressor], formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    fitted = estimator(epochs=2, batch_size=1).fit(formation_graphs.take(range(6)), formation.target[:6])
    assert np.isfinite(fitted.predict(formation_graphs.take([7]))).all()


@pytest.mark.parametrize("estimator", [MEGNetClassifier, SchNetClassifier])
def test_classes_are_learnt(
    estimator: type[MEGNetClassifier | SchNetClassifier], formation_graphs: CrystalGraphs
) -> None:
    oxides = np.array(
        [
            8 in formation_graphs.atomic_numbers[start:stop]
            for start, stop in zip(formation_graphs.row_ptr[:-1], formation_graphs.row_ptr[1:], strict=True)
        ]
    )
    assert 20 < oxides.sum() < 80
    fitted = estimator(epochs=20, batch_size=16).fit(formation_graphs, oxides.astype(float))
    np.testing.assert_allclose(fitted.predict_proba(formation_graphs).sum(axis=1), 1, atol=1e-6)
    assert (fitted.predict(formation_graphs) == oxides).mean() > 0.9
