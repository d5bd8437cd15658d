"""The orbital field matrix."""

from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import compare, turned_and_shifted
from automat_featurizers.structure.orbital_field import OrbitalFieldMatrix
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Element, Lattice, Structure


@pytest.mark.parametrize("period_tag", [False, True])
def test_every_element_is_described_as_by_matminer(period_tag: bool) -> None:
    from automat_featurizers.kernels.orbital_field import element_entries

    entries, counts = element_entries(period_tag=period_tag)
    peer = OrbitalFieldMatrix(period_tag=period_tag).matminer()
    for number in range(1, 95):
        expected = np.flatnonzero(peer.get_ohv(Element.from_Z(number), period_tag))
        assert entries[number, : counts[number]].tolist() == expected.tolist()
    assert counts[0] == 0
    assert (counts[95:] == 0).all()


@pytest.mark.parametrize("period_tag", [False, True])
def test_numbers_are_matminers(crystals: list[Structure], period_tag: bool) -> None:
    found = compare([OrbitalFieldMatrix(period_tag=period_tag)], [crystals[row] for row in (2, 5, 8, 9, 15, 16)])
    assert found.stable.all()
    assert found.largest < 1e-9


def test_atoms_that_are_nearly_equivalent_get_the_first_ones_numbers() -> None:
    """The second sulfur is 0.006 angstrom from where symmetry would put it."""
    lattice = Lattice.tetragonal(3.9, 5.0)
    bent = Structure(lattice, ["Pb", "S", "S"], [[0, 0, 0], [0.5, 0.5, 0.27], [0.5, 0.5, -0.2712]])
    found = compare([OrbitalFieldMatrix()], [bent])
    assert found.largest < 1e-9
    ours, corrected = OrbitalFieldMatrix(), OrbitalFieldMatrix(corrected=True)
    assert 1e-4 < np.abs(ours.transform([bent]) / 1.00001495 - corrected.transform([bent])).max() < 1e-2


def test_distances_in_thin_cells_are_those_across_the_face() -> None:
    """Matminer measures between nearest images in a cell three times as long; across a gap, too."""
    thin = Structure(Lattice.orthorhombic(2.3, 2.4, 11.0), ["Zn", "S"], [[0, 0, 0], [0.4, 0.3, 0.21]])
    oblique = Structure(
        Lattice([[2.2, 0, 0], [1.0, 2.3, 0], [0.9, 1.1, 9.5]]), ["Zn", "S"], [[0, 0, 0], [0.4, 0.3, 0.3]]
    )
    found = compare([OrbitalFieldMatrix()], [thin, oblique])
    assert found.largest < 1e-9


def test_open_faces_are_left_out_as_in_matminer() -> None:
    """The layers are farther apart than neighbours are looked for; the corrected matrix sees across."""
    layer = Structure(
        Lattice.hexagonal(3.2, 17.0), ["Mo", "S", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.092], [1 / 3, 2 / 3, -0.092]]
    )
    found = compare([OrbitalFieldMatrix()], [layer])
    assert found.largest < 1e-9
    ours, corrected = OrbitalFieldMatrix().transform([layer]), OrbitalFieldMatrix(corrected=True).transform([layer])
    assert (corrected.sum() - ours.sum()) / ours.sum() > 1e-3


@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 11), seed=st.integers(0, 2**32 - 1))
def test_the_corrected_matrix_is_the_crystals_own(crystals: list[Structure], row: int, seed: int) -> None:
    """Neither place, order of the sites nor choice of the cell matters."""
    rng = np.random.default_rng(seed)
    large = crystals[row].copy()
    large.make_supercell([[1, 0, 0], [rng.integers(-2, 3), 1, 0], [0, rng.integers(-2, 3), 2]])
    large = Structure.from_sites([large[int(site)] for site in rng.permutation(len(large))])
    here, there = OrbitalFieldMatrix(corrected=True).transform([crystals[row], turned_and_shifted(large, rng)])
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-8)


def test_two_elements_fill_the_entries_of_their_subshells() -> None:
    """Simple cubic CsCl type: eight equal faces and six small ones, all numbers follow from its geometry."""
    a = 4.0
    packed = PackedStructures.pack([Structure(Lattice.cubic(a), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])])
    matrix = OrbitalFieldMatrix(corrected=True).transform(packed).reshape(32, 32)
    # The cell is a truncated octahedron: a square face of edge sqrt(2)/4 a, at a/2 from the atom.
    edge, height = np.sqrt(2) / 4 * a, a / 2
    square = 4 * np.arcsin(edge**2 / (edge**2 + 4 * height**2))
    hexagon = (4 * np.pi - 6 * square) / 8
    bohr = 0.529177210903
    near = 8 / (np.sqrt(3) / 2 * a / bohr)
    far = 6 * square / hexagon / (a / bohr)
    s1, s2, p5, p6 = 0, 1, 6, 7
    assert matrix[s1, s1] == pytest.approx(far / 2)  # Na to Na, half of the sites
    assert matrix[p5, p5] == pytest.approx(far / 2)  # Cl to Cl
    assert matrix[s1, p5] == pytest.approx(near / 2)  # the neighbour Na of Cl
    assert matrix[s2, p5] == pytest.approx(far / 2)  # the s2 of Cl's neighbours Cl
    assert matrix[p6].sum() == 0


def test_elements_beyond_plutonium_are_a_reason() -> None:
    chosen = OrbitalFieldMatrix()
    assert np.isnan(chosen.transform([Structure(Lattice.cubic(3.4), ["Am"], [[0, 0, 0]])])).all()
    assert "95" in chosen.failures_[0]
