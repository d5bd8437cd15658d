"""What networks are told of distances and elements, and that it can be chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from automat_featurizers import BesselBasis, GaussianBasis
from automat_featurizers.atom_features import atom_features
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Structure

from automat.core import Dataset, UnknownNameError
from automat.networks import backends, trainer
from automat.networks.bases import ATOMS, BASES, ENVELOPE, AtomColumns, Bessel, Gaussians, atom_table, distance_basis
from automat.networks.cgcnn import CGCNNRegressor
from automat.networks.megnet import MEGNetRegressor
from automat.networks.primitives import batch_graphs
from automat.networks.schnet import SchNetRegressor

KINDS = (CGCNNRegressor, MEGNetRegressor, SchNetRegressor)
DISTANCES = np.concatenate([np.linspace(0.3, 9.0, 200), [5.0, 8.0]])


def columns(basis: torch.nn.Module, distances: Any) -> Any:
    return basis(torch.tensor(distances, dtype=torch.float32)).numpy()


@pytest.mark.parametrize(("cutoff", "count"), [(5.0, 16), (8.0, 6)])
def test_bessel_waves_are_those_of_the_featurizer(cutoff: float, count: int) -> None:
    expected = BesselBasis(count=count, cutoff=cutoff, exponent=ENVELOPE).transform(DISTANCES)
    assert np.abs(expected).max() > 0.3
    np.testing.assert_allclose(columns(Bessel(cutoff, count), DISTANCES), expected, atol=2e-5)
    assert not columns(Bessel(cutoff, count), [cutoff, cutoff + 1]).any()


def test_gaussians_are_those_of_the_featurizer() -> None:
    made = CGCNNRegressor().make_network(1, classify=False)
    np.testing.assert_allclose(columns(made.basis, DISTANCES), GaussianBasis().transform(DISTANCES), atol=1e-5)


@pytest.mark.parametrize("atoms", ATOMS)
def test_elements_are_told_by_their_columns(atoms: str) -> None:
    rows = AtomColumns(atom_table(atoms), 5)
    numbers = torch.tensor([8, 26, 8, 92])
    expected = atom_features(atoms)[numbers] @ rows.map.weight.detach().numpy().T
    np.testing.assert_allclose(rows(numbers).detach(), expected, atol=1e-6)


def test_an_element_beyond_the_columns_is_named() -> None:
    with pytest.raises(ValueError, match="atomic number 104 is not in the element table, which ends at 103"):
        AtomColumns(atom_table("cgcnn"), 4)(torch.tensor([104]))


def test_unknown_names_are_told() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown atoms 'magpi'\. Did you mean 'magpie'"):
        atom_table("magpi")
    with pytest.raises(UnknownNameError, match=r"unknown basis 'gaussians'\. Did you mean 'gaussian'"):
        distance_basis("gaussians", 5.0, lambda: Gaussians(torch.zeros(1), 1.0))


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("atoms", ATOMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_is_learnt_from(
    kind: Any, atoms: str, basis: str, formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    rows = range(32)
    fitted = kind(atoms=atoms, basis=basis, epochs=6, batch_size=8, training={"holdout": 0.0})
    fitted.fit(formation_graphs.take(rows), formation.target[:32])
    curve = fitted.details_["epochs"]["train"]
    assert curve[-1] < curve[0]
    assert np.isfinite(fitted.predict(formation_graphs)).all()


@pytest.mark.parametrize("backend", ["torch", "dgl"])
@pytest.mark.parametrize("kind", KINDS)
def test_choices_are_equal_with_both_backends(kind: Any, backend: str, formation_graphs: CrystalGraphs) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    with trainer.seeded(0):
        network = kind(atoms="magpie", basis="bessel").make_network(1, classify=False).eval()
    with torch.inference_mode():
        one = network(batch_graphs(formation_graphs, range(12), backend))
        alone = torch.cat([network(batch_graphs(formation_graphs, [row], "torch")) for row in range(12)])
    assert one.std() > 1e-3
    torch.testing.assert_close(one, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_chosen_survives_the_disk(kind: Any, formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    from automat.networks import states

    fitted = kind(atoms="magpie", basis="bessel", epochs=1).fit(formation_graphs, formation.target)
    again = states.from_state(*states.to_state(fitted))
    np.testing.assert_array_equal(again.predict(formation_graphs), fitted.predict(formation_graphs))


def test_a_network_of_a_file_asks_for_dgl_only_where_it_is_named(
    formation: Dataset, formation_graphs: CrystalGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automat.networks import states

    monkeypatch.delenv(backends.VARIABLE, raising=False)
    state, arrays = states.to_state(CGCNNRegressor(epochs=1).fit(formation_graphs, formation.target))
    assert states.from_state(state, arrays).graph_backend() == "torch"
    named = {**state, "params": {**state["params"], "backend": "dgl"}}
    assert states.from_state(named, arrays).graph_backend() == "dgl"
    monkeypatch.setenv(backends.VARIABLE, "dgl")
    assert states.from_state(state, arrays).graph_backend() == "dgl"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_kept_before_a_basis_could_be_chosen_is_read(
    kind: Any, formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    from automat.networks import states

    fitted = kind(epochs=1).fit(formation_graphs, formation.target)
    state, arrays = states.to_state(fitted)
    arrays["network.centres"] = arrays.pop("network.basis.centres")
    params = {name: value for name, value in state["params"].items() if name not in {"basis", "atoms"}}
    again = states.from_state(state | {"params": params}, arrays)
    np.testing.assert_array_equal(again.predict(formation_graphs), fitted.predict(formation_graphs))


def test_weights_of_another_network_are_refused_in_one_line(
    formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    from automat.networks import states

    state, arrays = states.to_state(SchNetRegressor(epochs=1).fit(formation_graphs, formation.target))
    arrays["network.other"] = arrays.pop("network.basis.centres")
    message = "made by another release of automat, whose SchNetRegressor has other weights: basis.centres, other"
    with pytest.raises(states.OtherReleaseError, match=f"^{message}$"):
        states.from_state(state, arrays)
    narrow = states.to_state(SchNetRegressor(width=8, epochs=1).fit(formation_graphs, formation.target))[1]
    with pytest.raises(states.OtherReleaseError, match=r"^made by another release [^\n]*, \.\.\.$"):
        states.from_state(state, narrow)


def test_radius_graphs_are_invariant_where_shells_are_not_cut(crystals: tuple[Structure, ...]) -> None:
    """Perovskite's oxygen has 14 neighbours at one distance, of which 12 nearest must choose; a radius need not."""
    from automat_featurizers import graph_builder

    perovskite = crystals[2]
    turned = Structure.from_sites(list(perovskite)[::-1])
    builder = graph_builder("radius:cutoff=4")
    network = MEGNetRegressor(reach=5.0, elements=95).make_network(1, classify=False).eval()
    with torch.inference_mode():
        first, second = (network(batch_graphs(builder.transform([each]))) for each in (perovskite, turned))
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)
    assert len(build_graphs(PackedStructures.pack([perovskite])).distances) == 12 * 5
