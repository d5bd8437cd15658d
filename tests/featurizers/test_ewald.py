"""Ewald sums: Madelung constants, matminer's numbers, what a crystal's energy does not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import EwaldEnergy, PackedStructures
from automat_featurizers.kernels.ewald import DONE, ewald_energies
from automat_featurizers.parity import compare, turned_and_shifted
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure

# Prototype, space group, lattice parameter, sites, nearest distance over the parameter, charge, Madelung constant
# (to the nearest distance, per formula unit): Kittel, Introduction to Solid State Physics, 8th edition, chapter 3.
MADELUNG = [
    (("Na", "Cl"), "Fm-3m", 5.64, [[0, 0, 0], [0.5, 0.5, 0.5]], 0.5, 1, 1.747565),
    (("Cs", "Cl"), "Pm-3m", 4.12, [[0, 0, 0], [0.5, 0.5, 0.5]], 3**0.5 / 2, 1, 1.762675),
    (("Zn", "S"), "F-43m", 5.41, [[0, 0, 0], [0.25, 0.25, 0.25]], 3**0.5 / 4, 2, 1.638055),
]
COULOMB = 14.399645
"""Energy of two elementary charges an angstrom apart, eV."""


@pytest.mark.parametrize(("species", "group", "edge", "sites", "near", "charge", "constant"), MADELUNG)
def test_madelung_constants(
    species: tuple[str, str],
    group: str,
    edge: float,
    sites: list[list[float]],
    near: float,
    charge: int,
    constant: float,
) -> None:
    crystal = Structure.from_spacegroup(group, Lattice.cubic(edge), list(species), sites)
    energy = EwaldEnergy(accuracy=12).transform([crystal, crystal.get_primitive_structure()])[:, 0]
    expected = -constant * charge**2 * COULOMB / (near * edge) / 2
    np.testing.assert_allclose(energy, expected, rtol=1e-6)


@pytest.mark.parametrize("accuracy", [4, 8, 12])
def test_numbers_are_matminers(accuracy: int, real: PackedStructures, crystals: list[Structure]) -> None:
    ours = EwaldEnergy(accuracy=accuracy)
    small = list(real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[:12]))
    found = compare([ours], [*small, *crystals])
    assert found.stable.sum() > 12
    assert found.largest <= ours.parity
    assert set(found.raised) == set(found.reasons)


def test_the_energy_of_the_cell_is_that_of_its_atoms(crystals: list[Structure]) -> None:
    cell, atom = EwaldEnergy(per_atom=False), EwaldEnergy()
    assert cell.get_feature_names_out().tolist() == cell.matminer().feature_labels() == ["ewald_energy"]
    np.testing.assert_allclose(
        cell.transform(crystals)[:, 0], atom.transform(crystals)[:, 0] * [len(each) for each in crystals], rtol=1e-13
    )


def test_a_charged_cell_has_pymatgens_background() -> None:
    """Charges as they come, on a skewed cell, beside pymatgen's own sum."""
    lattice = Lattice([[4.1, 0.3, 0], [-1.7, 5.2, 0.4], [0.9, 6.3, 4.4]])
    places = np.random.default_rng(2).random((5, 3))
    charges = np.array([1.5, -2.0, 0.0, 1.0, 0.7])
    crystal = Structure(lattice, ["Na", "O", "Ar", "K", "Li"], places)
    crystal.add_oxidation_state_by_site(charges.tolist())
    energies, outcomes = ewald_energies(np.array([0, 5]), lattice.matrix[None].copy(), places, charges, 12.0)
    assert outcomes.tolist() == [DONE]
    assert energies[0] * COULOMB == pytest.approx(EwaldSummation(crystal).total_energy, rel=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), which=st.integers(0, 7))
def test_neither_place_nor_cell_counts(seed: int, which: int, crystals: list[Structure]) -> None:
    """Rotation, translation, order of sites, another choice of the same cell, a supercell."""
    rng = np.random.default_rng(seed)
    crystal = crystals[which]
    moved = turned_and_shifted(crystal, rng)
    shuffled = Structure.from_sites([crystal[int(site)] for site in rng.permutation(len(crystal))])
    skewed = crystal.copy()
    skewed.make_supercell([[1, 0, 0], [int(rng.integers(-2, 3)), 1, 0], [0, int(rng.integers(-2, 3)), 1]])
    energies = EwaldEnergy(accuracy=12).transform([crystal, moved, shuffled, skewed, crystal * (2, 1, 1)])[:, 0]
    np.testing.assert_allclose(energies, energies[0], rtol=1e-10)


def test_what_has_no_energy_says_why() -> None:
    ours = EwaldEnergy()
    salt = Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    together = Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [1, 0, 0]])
    alloy = Structure(Lattice.cubic(4.0), ["Na", "K"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    flat = Structure(Lattice([[4, 0, 0], [0, 4, 0], [4, 4, 0]]), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    needle = Structure(Lattice.orthorhombic(1e9, 1e-2, 1e-2), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    copper = Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    values = ours.transform([salt, together, alloy, flat, needle, copper])[:, 0]
    assert values[0] < 0
    assert values[5] == 0
    assert np.isnan(values[1:5]).all()
    assert "two sites coincide" in ours.failures_[1]
    assert "balance" in ours.failures_[2]
    assert "no volume" in ours.failures_[3]
    assert "too many terms" in ours.failures_[4]


def test_accuracy_is_a_number_of_digits(crystals: list[Structure]) -> None:
    coarse, fine, exact = (EwaldEnergy(accuracy=digits).transform(crystals[:8])[:, 0] for digits in (4, 8, 12))
    np.testing.assert_allclose(coarse, exact, rtol=1e-3)
    np.testing.assert_allclose(fine, exact, rtol=1e-7)
    with pytest.raises(ValueError, match="positive number of digits"):
        EwaldEnergy(accuracy=0)._compute(PackedStructures.pack(crystals[:1]))
