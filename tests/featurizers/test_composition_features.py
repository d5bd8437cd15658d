"""Composition features: what may be given, presets, known values, invariances."""

from __future__ import annotations

import automat_featurizers as af
import numpy as np
import pandas as pd
import pytest
from automat_featurizers.parity import compare
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Structure

FORMULAS = ["NaCl", "SrTiO3", "Fe2O3", "UO2", "Al0.3Ga0.7As", "LaNiO3", "Fe", "Ba8Ga16Ge30"]
KINDS = [kind for kind in af.featurizers().values() if kind.takes == "composition"]
OF_WHOLE_FORMULAS = {
    "oxidation_states", "electronegativity_difference", "cation_property", "electron_affinity", "wen_alloys",
}  # fmt: skip
"""Oxidation states are guessed for the formula as written: X2Y2 may have some that XY has not; it has a weight."""

each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)

elements = st.sampled_from(["H", "O", "F", "Na", "Ti", "Fe", "Cu", "Zr", "La", "W", "Pb", "U"])
compositions = st.dictionaries(elements, st.integers(1, 12), min_size=1, max_size=5)


@each
def test_formulas_compositions_structures_and_frames_are_one(
    kind: type[af.Featurizer], crystals: list[Structure]
) -> None:
    ours = kind()
    values = ours.transform(FORMULAS)
    assert values.shape == (len(FORMULAS), len(ours.get_feature_names_out()))
    for same in (
        [Composition(formula) for formula in FORMULAS],
        af.PackedCompositions.pack(FORMULAS),
        pd.Series(FORMULAS),
        pd.DataFrame({"formula": FORMULAS}),
        iter(FORMULAS),
    ):
        np.testing.assert_array_equal(ours.transform(same), values)
    np.testing.assert_array_equal(
        ours.transform(crystals[:3]), ours.transform([crystal.composition for crystal in crystals[:3]])
    )


@pytest.mark.parametrize("impute_nan", [True, False])
@pytest.mark.parametrize("preset", ["magpie", "deml", "matminer", "matscholar_el", "megnet_el"])
def test_every_preset_is_matminers(preset: str, impute_nan: bool) -> None:
    materials = [Composition(formula) for formula in [*FORMULAS, "HeNe", "Tc", "Cf2O3"]]
    ours = af.ElementProperty(preset, impute_nan=impute_nan)
    found = compare([ours], materials)
    assert found.largest <= ours.parity
    if impute_nan:
        assert not found.reasons


@pytest.mark.parametrize(
    ("kind", "preset"),
    [(af.PymatgenElements, "matminer"), (af.MatscholarElements, "matscholar_el"), (af.MEGNetElements, "megnet_el")],
)
def test_a_preset_by_its_own_name_is_the_preset(kind: type[af.ElementProperty], preset: str) -> None:
    by_preset = af.ElementProperty(preset)
    assert kind().get_feature_names_out().tolist() == by_preset.get_feature_names_out().tolist()
    np.testing.assert_array_equal(kind().transform(FORMULAS), by_preset.transform(FORMULAS))


def test_atoms_of_the_formula_unit_are_matminers() -> None:
    ours = af.Stoichiometry((2, 3), num_atoms=True)
    materials = [Composition(formula) for formula in [*FORMULAS, "H2O2", "Fe4O6", "O2", "Ti0.5Al0.5"]]
    assert compare([ours], materials).largest <= ours.parity
    assert ours.get_feature_names_out().tolist() == ["num atoms", "2-norm", "3-norm"]
    assert ours.transform(["Fe4O6", "H2O2", "NaCl"])[:, 0].tolist() == [5, 4, 2]


def test_what_is_not_imputed_says_what_is_missing() -> None:
    made = af.ElementProperty("deml", impute_nan=False)
    values = made.transform(["NaCl", "Xe"])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).any()
    assert "Xe" in made.failures_[1]


def test_an_unknown_preset_gets_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"unknown preset 'magpi'. Did you mean 'magpie'"):
        af.ElementProperty("magpi").get_feature_names_out()


def test_known_values() -> None:
    names = af.Magpie().get_feature_names_out().tolist()
    salt = dict(zip(names, af.Magpie().transform(["NaCl"])[0].tolist(), strict=True))
    assert salt["MagpieData mean Number"] == 14
    assert salt["MagpieData range Number"] == 6
    assert salt["MagpieData mode Number"] == 11  # both are as frequent: the smaller
    np.testing.assert_allclose(af.Stoichiometry().transform(["Fe2O3"])[0, :2], [2, np.sqrt(0.4**2 + 0.6**2)])
    assert af.TMetalFraction().transform(["Fe2O3", "NaCl", "ZnO"])[:, 0].tolist() == [0.4, 0, 0]
    place = af.PeriodicTablePlace()
    shares = dict(zip(place.get_feature_names_out(), place.transform(["La2O3"])[0], strict=True))
    assert shares["share of period 6"] == pytest.approx(0.4)
    assert shares["share of group 16"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.name not in OF_WHOLE_FORMULAS], ids=lambda kind: kind.name
)
@given(amounts=compositions, times=st.integers(2, 5))
def test_a_formula_written_larger_is_the_same_material(
    kind: type[af.Featurizer], amounts: dict[str, int], times: int
) -> None:
    larger = {symbol: times * amount for symbol, amount in amounts.items()}
    here, there = kind().transform([Composition(amounts), Composition(larger)])
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9)


def test_one_material_is_not_several() -> None:
    with pytest.raises(ValueError, match="several materials are needed"):
        af.Magpie().transform("NaCl")
    with pytest.raises(ValueError, match="data frame has 2"):
        af.Magpie().transform(pd.DataFrame({"a": ["NaCl"], "b": ["KCl"]}))
