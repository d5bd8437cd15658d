"""Element data is matminer's and pymatgen's, imputed as matminer imputes it, and used without moving rows."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.elements import checked_numbers, property_table, without_data
from automat_featurizers.packed import row_pointer
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

PRESETS = {
    "magpie": "magpie", "deml": "deml", "matminer": "pymatgen", "matscholar_el": "matscholar", "megnet_el": "megnet",
}  # fmt: skip
SMALL = ("magpie", "deml", "matminer")


@cache
def matminers(preset: str, *, impute_nan: bool) -> Any:
    from matminer.featurizers.composition import ElementProperty

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ElementProperty.from_preset(preset, impute_nan=impute_nan)


@pytest.mark.parametrize("impute_nan", [True, False])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_property_of_every_element_is_matminers(preset: str, impute_nan: bool) -> None:
    theirs = matminers(preset, impute_nan=impute_nan)
    names = tuple(theirs.features)
    table = property_table(PRESETS[preset], names, impute_nan=impute_nan)
    assert table.shape == (119, len(names))
    assert np.isnan(table[0]).all()
    expected = np.full_like(table, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(1, 119):
            for column, name in enumerate(names):
                try:
                    expected[number, column] = theirs.data_source.get_elemental_property(Element.from_Z(number), name)
                except KeyError:
                    assert not impute_nan
    # Where deml's mean is over values already imputed, it moves in the last digits.
    np.testing.assert_allclose(table, expected, rtol=1e-13, atol=0)
    assert np.isnan(table[1:]).any() == (not impute_nan and preset != "megnet_el")


def test_tables_are_shared_and_cannot_be_changed() -> None:
    table = property_table("magpie", ("Number",))
    assert table is property_table("magpie", ("Number",))
    # Magpie's tables end at copernicium; matminer imputes even the atomic number beyond.
    assert table[1:, 0].tolist() == [*range(1, 113), *[56.5] * 6]
    with pytest.raises(ValueError, match="read-only"):
        table[1, 0] = 2


@pytest.mark.parametrize("source", ["magpie", "deml", "pymatgen", "matscholar", "megnet"])
def test_an_unknown_property_is_named(source: Any) -> None:
    with pytest.raises(ValueError, match=f"{source} has no property 'charm'"):
        property_table(source, ("charm",))


amounts = st.one_of(st.integers(1, 20).map(float), st.floats(1e-3, 30))
cells = st.dictionaries(st.integers(1, 118), amounts, min_size=1, max_size=9)


@settings(deadline=None, max_examples=60)
@given(cells, st.sampled_from(SMALL), st.booleans())
def test_statistics_are_matminers_for_any_elements(cell: dict[int, float], preset: str, impute_nan: bool) -> None:
    composition = Composition({Element.from_Z(number): amount for number, amount in cell.items()})
    theirs = matminers(preset, impute_nan=impute_nan)
    ours = af.ElementProperty(preset, impute_nan=impute_nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = np.array(theirs.featurize(composition), np.float64)
        except KeyError:  # deml without imputation, for elements that it does not list
            expected = None
    values = ours.transform([composition])[0]
    if expected is None:
        assert np.isnan(values).any()
        assert ours.failures_[0].startswith("element_property: no data for ")
        return
    # Sums of numbers of up to 1e21 (resistivities) leave a rounding error of that size in their deviations.
    table = property_table(PRESETS[preset], tuple(theirs.features), impute_nan=impute_nan)
    size = np.abs(np.nan_to_num(table[list(cell)])).max(axis=0).repeat(len(theirs.stats))
    np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
    known = ~np.isnan(expected)
    scale = np.maximum(1.0, size)[known]
    assert (np.abs(values - expected)[known] <= 1e-12 * scale).all()


@settings(deadline=None, max_examples=40)
@given(cells, st.sampled_from([0.125, 2.0, 8.0]))
def test_only_proportions_count(cell: dict[int, float], times: float) -> None:
    larger = {number: amount * times for number, amount in cell.items()}
    packed = af.PackedCompositions(
        row_pointer([len(cell)] * 2),
        np.array([*cell, *larger], np.int64),
        np.array([*cell.values(), *larger.values()], np.float64),
    )
    for preset in SMALL:
        # A power of two scales every sum without rounding, so even noise is equal.
        here, there = af.ElementProperty(preset).transform(packed)
        np.testing.assert_array_equal(there, here)


def test_reasons_name_elements_and_properties() -> None:
    packed = af.PackedCompositions.pack(["NaCl", "XeF2", "HeNe"])
    table = property_table("magpie", ("Electronegativity", "Number"), impute_nan=False)
    found = without_data(packed, table, ("Electronegativity", "Number"))
    assert set(found) <= {1, 2}
    assert found[2] == "no data for He, Ne: Electronegativity" or math.isfinite(table[2, 0])
    assert without_data(packed.take([0]), table, ("Electronegativity", "Number")) == {}


@pytest.mark.parametrize("number", [-1, 0, 119])
def test_numbers_that_are_no_elements_stop_only_their_row(number: int) -> None:
    packed = af.PackedCompositions(row_pointer([1, 2, 1]), np.array([26, number, 8, 29]), np.ones(4))
    with pytest.raises(ValueError, match=f"atomic number {number}"):
        checked_numbers(packed)
    for kind in (af.Magpie, af.ValenceOrbital, af.BandCenter, af.AtomicOrbitals, af.ElementFraction):
        made = kind()
        values = made.transform(packed)
        assert np.isfinite(values[[0, 2]]).all()
        assert np.isnan(values[1]).all()
        assert f"atomic number {number}" in made.failures_[1]


def test_orbital_energies_differ_so_that_their_order_is_one() -> None:
    # Uranium is the last element that has energies.
    energies = [energy for number in range(1, 93) for energy in Element.from_Z(number).atomic_orbitals.values()]
    assert len(set(energies)) == len(energies)


@pytest.mark.parametrize(
    "formula", ["O2", "H2O2", "Na3ClO5", "FeC0.00001", "Al0.3Ga0.7As", "Fe0.333O0.667", "SiO2", "Fe", "Li2O2", "HeH"]
)
def test_band_edges_are_matminers(formula: str) -> None:
    ours = af.AtomicOrbitals()
    composition = Composition(formula)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ours.matminer().featurize(composition)
    assert ours.transform([composition])[0].tolist() == expected


def test_full_shells_have_no_unoccupied_orbital_and_heavy_elements_no_energies() -> None:
    made = af.AtomicOrbitals()
    helium, neptunium = made.transform(["He", "NpO2"])
    assert helium[:3].tolist()[:2] == [0, 2]
    assert np.isnan(helium[3:]).all()
    assert np.isnan(neptunium).all()
    assert sorted(made.failures_) == [0, 1]


def test_every_element_has_one_place_in_the_periodic_table() -> None:
    place = af.PeriodicTablePlace()
    labels = place.get_feature_names_out().tolist()
    values = place.transform([Element.from_Z(number).symbol for number in range(1, 119)])
    assert ((values == 0) | (values == 1)).all()
    groups, periods, blocks = values[:, :18], values[:, 18:25], values[:, 25:]
    assert (periods.sum(axis=1) == 1).all()
    assert (blocks.sum(axis=1) == 1).all()
    assert (groups.sum(axis=1) == 1 - blocks[:, 3]).all()
    # Periods end with the noble gases; 2, 8, 8, 18, 18, 32 and 32 elements.
    assert periods.sum(axis=0).tolist() == [2, 8, 8, 18, 18, 32, 32]
    assert blocks[:, labels[25:].index("share of block f")].sum() in {28, 30}
    assert labels[25:] == [f"share of block {block}" for block in "spdf"]
    assert blocks[1].tolist() == [1, 0, 0, 0]  # helium's subshell is 1s


@pytest.mark.parametrize("impute_nan", [True, False])
def test_mixing_enthalpies_are_matminers(impute_nan: bool) -> None:
    from automat_featurizers.elements import mixing_enthalpies
    from matminer.utils.data import MixingEnthalpy

    theirs = MixingEnthalpy(impute_nan=impute_nan)
    ours = mixing_enthalpies(impute_nan=impute_nan)
    for one, other in [("Fe", "Ni"), ("Zr", "Cu"), ("N", "Na"), ("O", "Fe"), ("Pu", "Ga")]:
        expected = theirs.get_mixing_enthalpy(Element(one), Element(other))
        np.testing.assert_allclose(ours[Element(one).Z, Element(other).Z], expected, rtol=1e-13)
        np.testing.assert_allclose(ours[Element(other).Z, Element(one).Z], expected, rtol=1e-13)


@pytest.mark.parametrize("impute_nan", [True, False])
def test_cohesive_energies_and_miedemas_parameters_are_matminers(impute_nan: bool) -> None:
    from matminer.featurizers.composition import Miedema
    from matminer.utils.data import CohesiveEnergyData

    energies = property_table("kittel", ("cohesive energy",), impute_nan=impute_nan)[:, 0]
    model = property_table("miedema", ("molar_volume", "valence_electrons"), impute_nan=impute_nan)
    cohesive = CohesiveEnergyData(impute_nan=impute_nan)
    parameters = Miedema(impute_nan=impute_nan).df_dataset
    for symbol in ("Fe", "O", "U", "Ar"):
        number = Element(symbol).Z
        if impute_nan or symbol in cohesive.cohesive_energy_data:
            expected = cohesive.get_elemental_property(symbol)
            np.testing.assert_allclose(energies[number], expected, rtol=1e-13)
        if symbol in parameters.index:
            expected = parameters.loc[symbol, ["molar_volume", "valence_electrons"]].to_numpy(float)
            np.testing.assert_allclose(model[number], expected, rtol=1e-13)
        else:
            assert np.isnan(model[number]).all()
    with pytest.raises(ValueError, match="kittel has no property 'cohesion'"):
        property_table("kittel", ("cohesion",))
