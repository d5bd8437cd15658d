"""Ward et al.'s features of the tessellation: known crystals, invariances, edges."""

from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.density import DensityFeatures
from automat_featurizers.structure.symmetry import GlobalSymmetryFeatures, StructuralComplexity
from automat_featurizers.structure.ward import (
    ChemicalOrdering,
    CoordinationNumber,
    LocalPropertyDifference,
    MaximumPackingEfficiency,
    StructuralHeterogeneity,
)
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

VORONOI = (
    CoordinationNumber,
    StructuralHeterogeneity,
    ChemicalOrdering,
    MaximumPackingEfficiency,
    LocalPropertyDifference,
)
EVERY = (*VORONOI, DensityFeatures)
each_voronoi = pytest.mark.parametrize("kind", VORONOI, ids=lambda kind: kind.name)
each = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture(scope="module")
def copper() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.615), ["Cu"], [[0, 0, 0]])


def test_rock_salt_and_fcc_are_what_the_textbook_says(salt: Structure, copper: Structure) -> None:
    both = [salt, copper]
    np.testing.assert_allclose(CoordinationNumber().fit_transform(both)[:, 3], [6, 12], rtol=1e-6)
    fcc, sixth = np.pi / np.sqrt(18), np.pi / 6
    np.testing.assert_allclose(MaximumPackingEfficiency().fit_transform(both)[:, 0], [sixth, fcc], rtol=1e-9)
    # Every neighbour of Na is Cl and none is Na: |1 - 2| and |1 - 0|; the second shell is the reverse.
    np.testing.assert_allclose(ChemicalOrdering().fit_transform(both), [[1, 1, 1], [0, 0, 0]], atol=1e-6)
    spread = StructuralHeterogeneity().fit_transform(both)
    np.testing.assert_allclose(spread, [[0, 1, 1, 0, 0, 0, 0, 0, 0]] * 2, atol=1e-6)


def test_local_differences_are_those_of_the_elements(salt: Structure) -> None:
    names = LocalPropertyDifference().get_feature_names_out().tolist()
    for signed, low in ((False, 6.0), (True, -6.0)):
        made = LocalPropertyDifference(signed=signed).fit_transform([salt])[0]
        what = "local signed difference in" if signed else "local difference in"
        columns = LocalPropertyDifference(signed=signed).get_feature_names_out().tolist()
        assert made[columns.index(f"minimum {what} Number")] == pytest.approx(low)
        assert made[columns.index(f"maximum {what} Number")] == pytest.approx(6.0)
    assert len(names) == 110


@each
def test_features_do_not_depend_on_the_place_of_the_crystal(
    kind: type[CoordinationNumber], real: PackedStructures
) -> None:
    rng = np.random.default_rng(3)
    here = kind().fit_transform(real)
    there = kind().fit_transform([turned_and_shifted(structure, rng) for structure in real])
    np.testing.assert_allclose(there, here, rtol=1e-6, atol=1e-6)


@each
@given(seed=st.integers(0, 10_000), row=st.integers(0, 29))
def test_features_do_not_depend_on_the_order_of_sites(
    kind: type[CoordinationNumber], real: PackedStructures, seed: int, row: int
) -> None:
    structure = real[row]
    order = np.random.default_rng(seed).permutation(len(structure))
    other = Structure.from_sites([structure[int(site)] for site in order])
    here, there = kind().fit_transform([structure, other])
    np.testing.assert_allclose(there, here, rtol=1e-6, atol=1e-6)


@each
@pytest.mark.parametrize("cell", [[2, 1, 1], [[1, 0, 0], [3, 1, 0], [-2, 1, 1]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]]])
def test_features_do_not_depend_on_the_choice_of_cell_or_a_supercell(
    kind: type[CoordinationNumber], real: PackedStructures, cell: list[object]
) -> None:
    small = [structure for structure in real if len(structure) <= 12][:8]
    here, there = kind().fit_transform(small), kind().fit_transform([structure * cell for structure in small])
    np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-5)


@each_voronoi
def test_what_cannot_be_tessellated_is_nan_with_the_reason(kind: type[CoordinationNumber], copper: Structure) -> None:
    twice = Structure(Lattice.cubic(3.0), ["Na", "Cl"], [[0, 0, 0], [0, 0, 0]])
    half = Structure(Lattice.cubic(3.0), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    made = kind()
    values = made.fit_transform([copper, twice, half, copper])
    assert np.isfinite(values[[0, 3]]).all()
    assert np.isnan(values[[1, 2]]).all()
    assert "coincide" in made.failures_[1]
    assert "partial occupancies" in made.failures_[2]


def test_symmetry_of_known_crystals(salt: Structure, copper: Structure) -> None:
    quartz = Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.91, 5.40), ["Si", "O"], [[0.47, 0, 2 / 3], [0.41, 0.27, 0.78]]
    )
    found = GlobalSymmetryFeatures().fit_transform([salt, copper.get_primitive_structure(), quartz])
    np.testing.assert_array_equal(found, [[225, 1, 1, 192], [225, 1, 1, 48], [154, 3, 0, 6]])
    bits = StructuralComplexity().fit_transform([salt, salt * [2, 1, 1], copper, quartz])
    np.testing.assert_allclose(bits[:3], [[1, 8], [1, 16], [0, 0]])
    share = np.array([1 / 3, 2 / 3])
    np.testing.assert_allclose(bits[3], -(share * np.log2(share)).sum() * np.array([1, 9]))
    assert not np.signbit(bits).any()


def test_density_of_an_element_without_a_radius_keeps_the_other_columns() -> None:
    gas = Structure(Lattice.cubic(6.2), ["Xe"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    made = DensityFeatures()
    values = made.fit_transform([gas])
    assert np.isfinite(values[0, :2]).all()
    assert np.isnan(values[0, 2])
    assert made.failures_ == {0: "density: an element has no atomic radius"}
