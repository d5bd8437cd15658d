"""Features of ions: matminer's numbers for the same oxidation states, and what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.oxidation import decorated
from automat_featurizers.parity import compare
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = ("minimum", "maximum", "range", "mean", "avg_dev", "std_dev", "mode")
MADE: list[Callable[[], af.Featurizer]] = [
    af.OxidationStates,
    lambda: af.OxidationStates(ALL),
    af.ElectronegativityDiff,
    lambda: af.ElectronegativityDiff(ALL),
    af.CationProperty,
    lambda: af.CationProperty(impute_nan=False),
    af.ElectronAffinity,
    lambda: af.ElectronAffinity(impute_nan=False),
]
ionic = st.dictionaries(
    st.sampled_from(["Li", "Na", "Ca", "Al", "Fe", "Mn", "Ti", "La", "O", "S", "F", "Cl"]),
    st.integers(1, 4),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def many() -> list[Composition]:
    """Every twelfth formula of the embedded formation-energy set."""
    from automat import datasets

    compositions = datasets.load("mp_formation").compositions
    assert compositions is not None
    return list(compositions.take(np.arange(0, len(compositions), 12)))


@pytest.mark.parametrize("made", MADE)
def test_numbers_are_matminers_for_the_same_oxidation_states(
    made: Callable[[], af.Featurizer], many: list[Composition]
) -> None:
    ours = made()
    found = compare([ours], many)
    assert (~np.isnan(found.difference)).sum() > 100
    assert found.largest <= ours.parity
    # matminer also raises for a cation without known ionization energies.
    silent = [many[row] for row in found.raised if row not in found.reasons]
    assert np.isfinite(ours.transform(silent)).all()
    assert len(silent) < 0.1 * len(many)


@pytest.mark.parametrize("impute_nan", [True, False])
def test_ionic_character_is_matminers_on_any_formula(impute_nan: bool, many: list[Composition]) -> None:
    ours = af.IonProperty(impute_nan=impute_nan)
    found = compare([ours], [*many, Composition("Al0.3Ga0.7As"), Composition("HeNe"), Composition("Fe")])
    assert found.largest <= ours.parity
    assert not found.raised


@pytest.mark.parametrize("impute_nan", [True, False])
def test_mixed_valence_is_matminers_where_matminer_ends(impute_nan: bool, many: list[Composition]) -> None:
    reduced = [composition.reduced_composition for composition in many]
    small = [each for each in reduced if each.num_atoms <= 10 and len(each) <= 4] + [Composition("Fe3O4")]
    ours = af.IonProperty(fast=False, impute_nan=impute_nan)
    found = compare([ours], small)
    assert len(small) > 100
    assert found.largest <= ours.parity
    assert not found.raised
    assert ours.transform(["Fe3O4"])[0, 0] == 1
    assert af.IonProperty(fast=True).transform(["Fe3O4"])[0, 0] == 0


def test_a_search_that_would_not_end_ends() -> None:
    """matminer tries more combinations here than it could in years."""
    made = af.IonProperty(fast=False)
    values = made.transform(["Mn60Fe60Co60O240", "V100W100Re100O700"])
    assert values[:, 0].tolist() == [1, 1]


def test_by_hand() -> None:
    values = af.OxidationStates(("minimum", "maximum", "mean")).transform(["NaCl", "Fe2O3", "Fe"])
    np.testing.assert_allclose(values, [[-1, 1, 0], [-2, 3, 0], [0, 0, 0]], atol=1e-15)
    difference = af.ElectronegativityDiff(("mean",)).transform(["NaCl"])[0, 0]
    assert difference == pytest.approx(3.16 - 0.93)
    possible, largest, mean = af.IonProperty().transform(["NaCl"])[0]
    assert possible == 1
    assert largest == pytest.approx(1 - np.exp(-((3.16 - 0.93) ** 2) / 4))
    assert mean == pytest.approx(largest / 4)


@pytest.mark.parametrize("made", [af.ElectronegativityDiff, af.CationProperty, af.ElectronAffinity])
def test_what_has_no_ions_says_so(made: Callable[[], af.Featurizer]) -> None:
    ours = made()
    values = ours.transform(["NaK", "Fe", "XeF2", "Al0.5Ga0.5As", "NaCl"])
    assert np.isnan(values[:4]).all()
    assert np.isfinite(values[4]).all()
    assert "balance" in ours.failures_[0]
    assert "no cations and anions" in ours.failures_[1]
    assert "Xe" in ours.failures_[2]
    assert "whole numbers" in ours.failures_[3]


def test_a_guess_that_needs_whole_atoms_is_not_made_up() -> None:
    ours = af.IonProperty(fast=False)
    values = ours.transform(["Al0.5Ga0.5As"])[0]
    assert np.isnan(values[0])
    assert np.isfinite(values[1:]).all()
    assert "whole numbers" in ours.failures_[0]


@given(amounts=ionic)
def test_the_guess_is_neutral_and_the_elements_order_moves_no_number(amounts: dict[str, int]) -> None:
    ours = af.OxidationStates(("mean",))
    here = ours.transform([Composition(amounts)])
    if not ours.failures_:
        assert here[0, 0] == pytest.approx(0, abs=1e-12)
        species = decorated(Composition(amounts))
        assert sum(each.oxi_state * amount for each, amount in species.items()) == pytest.approx(0, abs=1e-9)
    character = af.IonProperty()
    turned = Composition(dict(reversed(amounts.items())))
    np.testing.assert_allclose(
        character.transform([turned]), character.transform([Composition(amounts)]), rtol=1e-12, atol=1e-15
    )
