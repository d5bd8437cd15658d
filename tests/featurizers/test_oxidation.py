"""Guessed oxidation states are pymatgen's."""

from __future__ import annotations

import warnings

import automat_featurizers as af
import numpy as np
from automat_featurizers.oxidation import decorated, decorated_structure, oxidation_guess
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure

FORMULAS = ["NaCl", "Fe2O3", "Fe3O4", "SrTiO3", "LaNiO3", "CaSO4", "LiFePO4", "UO2", "Al2O3", "MgF2", "KNbO3", "Cu2O"]


def test_mean_charges_are_pymatgens() -> None:
    packed = af.PackedCompositions.pack(FORMULAS)
    guess = oxidation_guess(packed)
    assert not guess.reasons
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, formula in enumerate(FORMULAS):
            theirs = Composition(formula).oxi_state_guesses()[0]
            ours = guess.charges[packed.row_ptr[row] : packed.row_ptr[row + 1]]
            np.testing.assert_allclose(ours, [theirs[symbol.symbol] for symbol in Composition(formula)], atol=1e-12)


def test_what_cannot_be_neutral_has_no_charges_but_a_reason() -> None:
    guess = oxidation_guess(af.PackedCompositions.pack(["NaK", "Fe"]))
    assert np.isnan(guess.charges[:2]).all()
    assert guess.reasons[0]
    assert guess.charges[2] == 0


elements = st.sampled_from(["Li", "Na", "Ca", "Al", "Fe", "Mn", "Ti", "Cu", "N", "P", "O", "S", "Cl", "H"])


@settings(max_examples=60)
@given(amounts=st.dictionaries(elements, st.integers(1, 4), min_size=2, max_size=4))
def test_the_state_of_every_atom_is_pymatgens(amounts: dict[str, int]) -> None:
    composition = Composition(amounts)
    theirs = composition.oxi_state_guesses()
    guess = oxidation_guess(af.PackedCompositions.pack([composition]))
    assert bool(guess.reasons) == (not theirs)
    if theirs:
        np.testing.assert_allclose(guess.charges, [theirs[0][each.symbol] for each in composition], atol=1e-12)
        assert decorated(composition) == composition.add_charges_from_oxi_state_guesses()


def test_a_structure_gets_the_mean_states_of_its_elements() -> None:
    magnetite = Structure(Lattice.cubic(5.0), ["Fe"] * 3 + ["O"] * 4, np.linspace(0, 0.9, 21).reshape(7, 3))
    charges = [site.specie.oxi_state for site in decorated_structure(magnetite)]
    np.testing.assert_allclose(charges, [8 / 3] * 3 + [-2] * 4)
