"""Force-field inspired descriptors: matminer's numbers as given, and a definition that depends on the crystal alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.density import DensityFeatures
from automat_featurizers.structure.jarvis import JarvisCFID
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

Rounding = Callable[[list[Structure]], AbstractContextManager[list[Structure]]]
BLOCKS = ("use_cell", "use_chem", "use_chg", "use_rdf", "use_adf", "use_ddf", "use_nn")
CHEM, CELL, CHARGES = slice(0, 438), slice(438, 442), slice(442, 820)
RDF, ADF1, ADF2 = slice(820, 920), slice(920, 1099), slice(1099, 1278)
DDF, NN = slice(1278, 1457), slice(1457, 1557)


def only(*blocks: str, definition: str = "matminer") -> JarvisCFID:
    return JarvisCFID(**{block: block in blocks for block in BLOCKS}, definition=definition)  # type: ignore[arg-type]


def matminers(featurizer: JarvisCFID, structures: list[Structure]) -> NDArray[np.float64]:
    peer = featurizer.matminer()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array([peer.featurize(each) for each in structures])


def nudged(packed: PackedStructures) -> PackedStructures:
    """The crystals shifted by what rounding might do."""
    return PackedStructures(
        packed.row_ptr, packed.lattices, packed.atomic_numbers, packed.fractional + np.array([1.1e-9, -0.7e-9, 0.6e-9])
    )


def cubic(group: str, edge: float, sites: dict[str, list[float]]) -> Structure:
    return Structure.from_spacegroup(group, Lattice.cubic(edge), list(sites), list(sites.values()))


@pytest.fixture(scope="module")
def salt() -> Structure:
    return cubic("Fm-3m", 5.64, {"Na": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]})


def test_labels_are_matminers() -> None:
    whole = JarvisCFID()
    labels = whole.get_feature_names_out().tolist()
    assert labels == whole.matminer().feature_labels()
    assert len(set(labels)) == len(labels) == 1557
    for block in BLOCKS:
        assert only(block).get_feature_names_out().tolist() == only(block).matminer().feature_labels()
    assert len(only().get_feature_names_out()) == 0


def test_numbers_are_matminers_where_rounding_does_not_matter(real: PackedStructures) -> None:
    ours = JarvisCFID()
    here, there = ours.transform(real), ours.transform(nudged(real))
    calm = np.flatnonzero(np.isfinite(here).all(axis=1) & (np.abs(here - there).max(axis=1) < 1e-9))
    calm = calm[np.argsort(np.diff(real.row_ptr)[calm], kind="stable")][:4]
    assert len(calm) == 4
    expected = matminers(ours, list(real.take(calm)))
    np.testing.assert_allclose(here[calm], expected, rtol=1e-9, atol=1e-9)
    assert (expected[:, DDF] > 0).any()


def test_numbers_are_matminers_even_where_rounding_decides(
    crystals: list[Structure], rounds_as_we_do: Rounding
) -> None:
    rng = np.random.default_rng(0)
    chosen = [crystals[2], crystals[8], *crystals[12:14], turned_and_shifted(crystals[12], rng)]
    ours = JarvisCFID()
    values = ours.transform(chosen)
    assert (np.abs(values - ours.transform(nudged(PackedStructures.pack(chosen)))).max(axis=1) > 0.1).any()
    with rounds_as_we_do(chosen) as same:
        expected = matminers(ours, same)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


def test_a_cell_that_matminer_takes_for_vacuum_is_changed_like_matminers(rounds_as_we_do: Rounding) -> None:
    slab = Structure(Lattice.tetragonal(3.0, 25.0), ["Al", "Al"], [[0, 0, 0], [0.5, 0.5, 0.08]])
    ours = JarvisCFID()
    values = ours.transform([slab])
    with rounds_as_we_do([slab]) as same:  # the dihedral angles of so straight a slab are decided by the last bit
        np.testing.assert_allclose(values, matminers(ours, same), rtol=1e-9, atol=1e-9)
    others = np.delete(np.arange(values.shape[1]), DDF)
    np.testing.assert_allclose(values[:, others], matminers(ours, [slab])[:, others], rtol=1e-9, atol=1e-9)
    volume = only("use_cell", definition="invariant").transform([slab])[0, 1]
    assert volume == pytest.approx(112.5)
    assert values[0, CELL][2] == pytest.approx(3.0 * 3.0 * 10.0 / 2)


def test_the_numbers_of_the_cell_stand_under_their_labels_in_our_definition(crystals: list[Structure]) -> None:
    density, volume, packing = DensityFeatures().transform(crystals).T
    ours = only("use_cell", definition="invariant")
    assert ours.get_feature_names_out().tolist() == ["jml_pack_frac", "jml_vpa", "jml_density", "jml_log_vpa"]
    expected = np.stack([packing, volume, density, np.log(volume)], axis=1)
    np.testing.assert_allclose(ours.transform(crystals), expected, rtol=1e-12)
    swapped = only("use_cell").transform(crystals)
    np.testing.assert_allclose(swapped, expected[:, [3, 2, 1, 0]], rtol=0, atol=1e-5)


def test_rock_salt_by_hand(salt: Structure) -> None:
    """First shells: 6 at 2.82 and 12 at 3.99; the bonds of the first make 90 and 180 degrees."""
    values = JarvisCFID(definition="invariant").transform([salt])[0]
    neighbors = values[NN]
    assert neighbors[28] == pytest.approx(6)
    assert neighbors[39] == pytest.approx(12)
    shell = 4 / 3 * np.pi * (2.9**3 - 2.8**3)
    assert values[RDF][28] == pytest.approx(6 / shell / (8 / 5.64**3))
    # Per bond, 4 x 4 pairs of bonds at its ends that are not on one line with it: 4 dihedrals of 0 degrees, 8 of
    # 90, 4 of 180; an atom has 6 bonds. Bin k ends at k + 1 degrees.
    assert np.flatnonzero(values[DDF]).tolist() == [89, 178]
    assert values[DDF][[89, 178]].tolist() == [48, 24]
    # Both cutoffs lie between the second and the third shell: 18 neighbours.
    np.testing.assert_allclose(values[ADF1], values[ADF2])
    axes = np.vstack([np.eye(3), -np.eye(3)])
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    diagonals = [np.insert(pair, place, 0) for place in range(3) for pair in signs]
    bonds = np.vstack([axes, diagonals]) / np.linalg.norm(np.vstack([axes, diagonals]), axis=1)[:, None]
    angles = np.degrees(np.arccos(np.clip(bonds @ bonds.T, -1, 1)))[np.triu_indices(18, 1)]
    expected, _ = np.histogram(angles.round(3), bins=np.arange(1, 181.0))
    np.testing.assert_allclose(values[ADF1], expected)


def other_cell(structure: Structure, rng: np.random.Generator) -> Structure:
    """The same crystal in oblique vectors."""
    vectors = np.eye(3, dtype=int)
    for _ in range(2):
        one, two = rng.permutation(3)[:2]
        vectors[one] += rng.integers(-1, 2) * vectors[two]
    return structure.copy().make_supercell(vectors, to_unit_cell=False)


@settings(max_examples=25, deadline=None)
@given(row=st.integers(0, 29), seed=st.integers(0, 2**16))
def test_our_definition_depends_on_the_crystal_alone(real: PackedStructures, row: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    structure = real[row]
    shuffled = Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))])
    supercell = structure.copy().make_supercell(rng.permutation([2, 1, 1]))
    same = [structure, turned_and_shifted(structure, rng), shuffled, supercell, other_cell(structure, rng)]
    ours = JarvisCFID(definition="invariant")
    values = ours.transform([*same, turned_and_shifted(supercell, rng)])
    np.testing.assert_allclose(values, np.repeat(values[:1], 6, axis=0), rtol=1e-7, atol=1e-7)
    assert ours.matminer() is None


@settings(max_examples=15, deadline=None)
@given(crystal=st.integers(0, 16), seed=st.integers(0, 2**16))
def test_our_definition_survives_symmetry(crystals: list[Structure], crystal: int, seed: int) -> None:
    """Atoms on thresholds, bonds on one line, round parameters: what turns matminer's numbers into others."""
    structure = crystals[crystal]
    moved = turned_and_shifted(structure, np.random.default_rng(seed))
    values = JarvisCFID(definition="invariant").transform([structure, moved])
    np.testing.assert_allclose(values[1], values[0], rtol=1e-7, atol=1e-7)


def test_matminers_definition_does_not(real: PackedStructures) -> None:
    moved = [turned_and_shifted(each, np.random.default_rng(1)) for each in real]
    ours = JarvisCFID()
    before, after = ours.transform(real), ours.transform(moved)
    for block in (CELL, RDF, ADF1, ADF2, DDF, NN):
        assert np.nanmax(np.abs(after[:, block] - before[:, block])) > 0.01
    for block in (CHEM, CHARGES):
        np.testing.assert_array_equal(after[:, block], before[:, block])


def test_an_element_without_data_costs_only_its_block() -> None:
    europium = cubic("Im-3m", 4.58, {"Eu": [0, 0, 0]})
    noble = cubic("Fm-3m", 6.2, {"Xe": [0, 0, 0]})
    heavy = cubic("Fm-3m", 5.0, {"Og": [0, 0, 0]})
    ours = JarvisCFID()
    values = ours.transform([europium, noble, heavy])
    missing = np.isnan(values)
    assert missing[:, CHEM].all()
    assert not missing[:2, CHARGES].any()
    assert missing[2, CHARGES].all()
    assert missing[:, CELL].sum(axis=1).tolist() == [0, 1, 1]
    assert not missing[:, RDF.start :].any()
    assert ours.failures_[0] == "jarvis_cfid: no chemical descriptors of Eu"
    assert "no atomic radius" in ours.failures_[1]
    assert "no charge distribution of Og" in ours.failures_[2]


@pytest.mark.parametrize("definition", ["matminer", "invariant"])
def test_hard_crystals_end_as_numbers_or_reasons(definition: str) -> None:
    crowd = np.random.default_rng(0).random((60, 3))
    hard = [
        Structure(Lattice.cubic(30.0), ["Al"], [[0, 0, 0]]),  # alone
        Structure(Lattice.cubic(4.0), ["Al"] * 60, crowd),  # no gap between any distances
        Structure(Lattice.cubic(0.01), ["Al"], [[0, 0, 0]]),  # billions
        Structure(Lattice.cubic(4.0), ["Al", "Al"], [[0, 0, 0], [0, 0, 0]]),  # one place
        Structure(Lattice([[3, 0, 0], [31, 3, 0], [-17, 40, 3.5]]), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        Structure(Lattice.cubic(4.0), ["Al"], [[7.25, -3.5, 0.5]]),
        Structure(Lattice.cubic(0.3), ["Al"], [[0, 0, 0]]),  # matminer's supercell would have 39,304 atoms
    ]
    flat = PackedStructures(np.array([0, 1]), np.ones((1, 3, 3)), np.array([13]), np.zeros((1, 3)))
    ours = JarvisCFID(definition=definition)  # type: ignore[arg-type]
    values = ours.transform(hard)
    assert not np.isinf(values).any()
    assert set(np.flatnonzero(np.isnan(values).any(axis=1)).tolist()) <= set(ours.failures_)
    assert "too many atoms" in ours.failures_[2]
    assert "too many neighbours for angles in the first shells" in ours.failures_[1]
    assert np.isfinite(values[1, RDF]).all()
    assert np.isfinite(values[5]).all()
    assert ("supercell" in ours.failures_.get(6, "")) == (definition == "matminer")
    nothing = ours.transform(flat)[0]
    assert np.isfinite(nothing[CHEM]).all()
    assert np.isnan(nothing[CELL]).all()
    assert np.isnan(nothing[RDF.start :]).all()
    assert "no volume" in ours.failures_[0]


def test_an_isolated_atom_has_no_cutoffs() -> None:
    alone = Structure(Lattice.cubic(30.0), ["Al"], [[0, 0, 0]])
    ours = JarvisCFID(definition="invariant")
    values = ours.transform([alone])[0]
    assert (values[RDF] == 0).all()
    assert (values[NN] == 0).all()
    assert np.isnan(values[ADF1.start : DDF.stop]).all()
    assert "no atoms within 10 angstrom" in ours.failures_[0]


def test_blocks_are_the_columns_of_the_whole(real: PackedStructures) -> None:
    few = real.take(range(5))
    whole = JarvisCFID().transform(few)
    labels = JarvisCFID().get_feature_names_out().tolist()
    for block in BLOCKS:
        part = only(block)
        columns = [labels.index(label) for label in part.get_feature_names_out()]
        np.testing.assert_array_equal(part.transform(few), whole[:, columns])


def test_another_definition_is_refused(salt: Structure) -> None:
    with pytest.raises(ValueError, match="definition must be one of"):
        JarvisCFID(definition="exact").transform([salt])  # type: ignore[arg-type]
