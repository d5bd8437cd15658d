"""Guessed oxidation states are pymatgen's."""

from __future__ import annotations

import warnings

import automat_featurizers as af
import numpy as np
from automat_featurizers.oxidation import oxidation_guess
from pymatgen.core import Composition

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
