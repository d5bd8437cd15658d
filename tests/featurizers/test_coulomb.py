"""Coulomb matrices: matminer's numbers in matminer's order, and what the sorted ones do not depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.coulomb import CoulombMatrix, SineCoulombMatrix
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from sklearn.exceptions import NotFittedError

BOHR = 0.529177210903
"""Angstrom, CODATA 2018."""

either = pytest.mark.parametrize("kind", [SineCoulombMatrix, CoulombMatrix])


@pytest.mark.parametrize("diag_elems", [True, False])
@either
def test_matminers_numbers_in_matminers_order(kind: Any, diag_elems: bool, real: PackedStructures) -> None:
    """To the last digit, so that LAPACK finds the eigenvalues in the same order."""
    featurizer = kind(diag_elems=diag_elems).fit(real)
    peer = featurizer.matminer().fit(list(real))
    assert featurizer.get_feature_names_out().tolist() == peer.feature_labels()
    np.testing.assert_array_equal(featurizer.transform(real), [peer.featurize(each) for each in real])


def pairs(structure: Structure) -> NDArray[np.float64]:
    """The sine matrix as Faber et al. write it."""
    made = np.diag([0.5 * site.specie.Z**2.4 for site in structure])
    for i, one in enumerate(structure):
        for j, other in enumerate(structure):
            if i != j:
                waves = np.sin(np.pi * (one.frac_coords - other.frac_coords)) ** 2
                length = np.linalg.norm(waves @ structure.lattice.matrix) / BOHR
                made[i, j] = one.specie.Z * other.specie.Z / length
    return made


def test_exact_angstroms(crystals: list[Structure]) -> None:
    values = SineCoulombMatrix(order="magnitude", angstrom="exact", size=30).transform(crystals)
    for row, crystal in enumerate(crystals):
        expected = np.linalg.eigvalsh(pairs(crystal))
        found = np.sort(values[row, : len(crystal)])
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
        assert (values[row, len(crystal) :] == 0).all()
        assert (np.diff(np.abs(values[row])) <= 1e-9 * np.abs(expected).max()).all()


@either
def test_elements_of_the_matrix(kind: Any, crystals: list[Structure]) -> None:
    featurizer = kind(flatten=False).fit(crystals)
    size = max(map(len, crystals))
    assert featurizer.get_feature_names_out().shape == (size * size,)
    peer = featurizer.__class__().matminer()
    peer.flatten = False
    matrices = featurizer.transform(crystals).reshape(-1, size, size)
    for crystal, matrix in zip(crystals, matrices, strict=True):
        sites = len(crystal)
        np.testing.assert_array_equal(matrix[:sites, :sites], peer.featurize(crystal)[0])
        assert (matrix[sites:] == 0).all()
        assert (matrix[:, sites:] == 0).all()


@settings(max_examples=20, deadline=None)
@given(row=st.integers(0, 29), seed=st.integers(0, 2**16))
def test_sorted_eigenvalues_do_not_change_with_place_or_order(real: PackedStructures, row: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    structure = real[row]
    moved = turned_and_shifted(structure, rng)
    shuffled = Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))])
    for kind in (SineCoulombMatrix, CoulombMatrix):
        values = kind(order="magnitude", size=40).transform([structure, moved, shuffled])
        spread = np.abs(values - values[0]).max()
        assert spread <= 1e-9 * np.abs(values[0]).max()


def test_the_number_of_columns_is_learned_or_given(crystals: list[Structure]) -> None:
    small, large = crystals[8], crystals[0]
    with pytest.raises(NotFittedError, match="call fit, or give size"):
        SineCoulombMatrix().transform([small])
    learned = SineCoulombMatrix().fit([small])
    assert learned.get_feature_names_out().shape == (len(small),)
    values = learned.transform([small, large])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
    assert f"{len(large)} sites" in learned.failures_[1]
    assert learned.version != SineCoulombMatrix().fit([large]).version
    given_size = SineCoulombMatrix(size=50)
    assert given_size.transform([small, large]).shape == (2, 50)
    assert given_size.version == SineCoulombMatrix(size=50).fit([small]).version


@either
def test_sites_that_coincide_and_cells_without_volume_have_reasons(kind: Any) -> None:
    doubled = Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [1, 0, 0]])
    fine = Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    featurizer = kind(size=2)
    values = featurizer.transform([doubled, fine])
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()
    assert featurizer.failures_ == {0: f"{kind.name}: two sites coincide"}
    flat = PackedStructures(np.array([0, 1]), np.ones((1, 3, 3)), np.array([6]), np.zeros((1, 3)))
    assert np.isnan(featurizer.transform(flat)).all()
    assert "volume" in featurizer.failures_[0]


def test_wrong_options_are_refused(crystals: list[Structure]) -> None:
    with pytest.raises(ValueError, match="order must be one of"):
        SineCoulombMatrix(size=9, order="size").transform(crystals)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="angstrom must be one of"):
        SineCoulombMatrix(size=9, angstrom="bohr").transform(crystals)  # type: ignore[arg-type]
