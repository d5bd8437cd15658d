"""Symmetry functions: DScribe's and matminer's numbers, a sum written out, and what they do not depend on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.symmetry_functions import (
    G2_SHELLS,
    G4_FANS,
    GaussianSymmFunc,
    SymmetryFunctions,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from sklearn.exceptions import NotFittedError


def symbols_of(structure: Structure) -> list[str]:
    return [element.symbol for element in sorted(structure.composition.elements, key=lambda each: each.Z)]


def test_dscribes_numbers(crystals: list[Structure], real: PackedStructures) -> None:
    descriptors = pytest.importorskip("dscribe.descriptors", reason="DScribe is not installed")
    pytest.importorskip("ase", reason="ASE is not installed")
    from pymatgen.io.ase import AseAtomsAdaptor

    for structure in [*crystals, *real.take(range(0, 30, 3))]:
        symbols = symbols_of(structure)
        ours = SymmetryFunctions(neighbors="species", species=symbols).site_values([structure])
        theirs = descriptors.ACSF(
            r_cut=6.0, g2_params=G2_SHELLS, g4_params=G4_FANS, species=symbols, periodic=True
        ).create(AseAtomsAdaptor.get_atoms(structure))
        # DScribe puts its G1, the sum of the cutoff function alone, before the G2 of each element.
        each, elements = len(G2_SHELLS) + 1, len(symbols)
        kept = [column for column in range(theirs.shape[1]) if column >= each * elements or column % each]
        np.testing.assert_allclose(ours, theirs[:, kept], rtol=1e-9, atol=1e-11 * np.abs(theirs).max())


def test_matminers_numbers(real: PackedStructures) -> None:
    order = np.argsort(np.diff(real.row_ptr), kind="stable")
    structures = list(real.take(order[4:24:2]))
    for options in (
        {},
        {"etas_g2": (1.0,), "etas_g4": (0.1, 2.0), "zetas_g4": (1.5,), "cutoff": 4.0, "stats": ("range",)},
    ):
        featurizer = GaussianSymmFunc(**options)  # type: ignore[arg-type]
        peer = featurizer.matminer()
        assert featurizer.get_feature_names_out().tolist() == peer.feature_labels()
        theirs = np.array([peer.featurize(structure) for structure in structures])
        ours = featurizer.transform(structures)
        # With a zeta that is not whole, matminer has NaN where neighbours lie on one line.
        known = np.isfinite(theirs)
        assert known.all() or options
        assert known.mean() > 0.5
        assert np.isfinite(ours).all()
        np.testing.assert_allclose(ours[known], theirs[known], rtol=1e-9, atol=1e-9)


def written_out(structure: Structure, site: int, cutoff: float) -> tuple[float, float]:
    """One weighted G2 (eta 0.3, r_s 2) and G4 (eta 0.02, zeta 2.5, lambda -0.5), term by term."""
    neighbors = structure.get_neighbors(structure[site], cutoff)

    def fade(length: float) -> float:
        return 0.5 * (math.cos(math.pi * length / cutoff) + 1) if length < cutoff else 0.0

    radial = sum(
        each.specie.Z * math.exp(-0.3 * (each.nn_distance - 2) ** 2) * fade(each.nn_distance) for each in neighbors
    )
    angular = 0.0
    for position, one in enumerate(neighbors):
        for other in neighbors[:position]:
            between = float(np.linalg.norm(one.coords - other.coords))
            a, b = one.nn_distance, other.nn_distance
            cosine = (a * a + b * b - between**2) / (2 * a * b)
            term = (1 - 0.5 * cosine) ** 2.5 * math.exp(-0.02 * (a * a + b * b + between**2))
            angular += one.specie.Z * other.specie.Z * term * fade(a) * fade(b) * fade(between)
    return radial, 2**-1.5 * angular


def test_weighted_sums_term_by_term(crystals: list[Structure]) -> None:
    featurizer = SymmetryFunctions(4.0, [(0.3, 2.0)], [(0.02, 2.5, -0.5)])
    for structure in (crystals[3], crystals[5], crystals[6], crystals[12]):
        expected = [written_out(structure, site, 4.0) for site in range(len(structure))]
        np.testing.assert_allclose(featurizer.site_values([structure]), expected, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 29), seed=st.integers(0, 2**16))
def test_no_change_with_place_cell_order_or_supercell(real: PackedStructures, row: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    structure = real[row]
    moved = turned_and_shifted(structure, rng)
    shuffled = Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))])
    oblique = structure.copy()
    oblique.make_supercell([[1, 0, 0], [int(rng.integers(-3, 4)), 1, 0], [int(rng.integers(-3, 4)), -1, 1]])
    double = structure.copy()
    double.make_supercell([1, 2, 1])
    for featurizer in (
        SymmetryFunctions(4.5),
        SymmetryFunctions(4.5, neighbors="species", species=symbols_of(structure), statistics=("minimum", "maximum")),
    ):
        values = featurizer.transform([structure, moved, shuffled, oblique, double])
        scale = np.abs(values[0]).max() + 1e-12
        np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), rtol=1e-7, atol=3e-8 * scale)


def test_weighted_ones_have_the_same_columns_for_any_elements(crystals: list[Structure]) -> None:
    featurizer = SymmetryFunctions()
    names = featurizer.get_feature_names_out()
    assert len(set(names)) == len(names) == 2 * (len(G2_SHELLS) + len(G4_FANS))
    assert names[0] == "mean wG2 eta=2 r_s=1.5"
    assert featurizer.transform(crystals).shape == (len(crystals), len(names))
    assert not featurizer.failures_


def test_species_are_learned_or_given(crystals: list[Structure]) -> None:
    salt, titanate = crystals[0], crystals[3]
    with pytest.raises(NotFittedError, match="give species"):
        SymmetryFunctions(neighbors="species").transform([salt])
    learned = SymmetryFunctions(neighbors="species").fit([salt])
    assert learned.species_ == ("Na", "Cl")
    assert "mean G4 Cl-Na eta=0.01 zeta=1 lambda=1" in learned.get_feature_names_out()
    values = learned.transform([salt, titanate])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
    assert "not among the species" in learned.failures_[1]
    assert learned.version != SymmetryFunctions(neighbors="species").fit([titanate]).version
    one, other = (SymmetryFunctions(neighbors="species", species=order) for order in (["Na", "Cl"], ["Cl", "Na"]))
    np.testing.assert_array_equal(one.transform([salt]), other.transform([salt]))


def test_an_isolated_atom_has_zeros_and_hopeless_cells_have_reasons() -> None:
    isolated = Structure(Lattice.cubic(30), ["Xe"], [[0, 0, 0]])
    doubled = Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0, 0, 1]])
    tiny = Structure(Lattice.cubic(0.2), ["H"], [[0, 0, 0]])
    flat = Structure(Lattice([[3, 0, 0], [0, 3, 0], [3, 3, 0]]), ["H"], [[0, 0, 0]])
    featurizer = SymmetryFunctions()
    values = featurizer.transform([isolated, doubled, tiny, flat])
    assert (values[0] == 0).all()
    assert np.isnan(values[1:]).all()
    reasons = [featurizer.failures_[row].removeprefix("symmetry_functions: ") for row in (1, 2, 3)]
    assert reasons[0] == "two sites coincide"
    assert reasons[1].startswith("a site has more neighbours")
    assert reasons[2].startswith("the cell has no volume")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r_cut": 0.0}, "cutoff must be a positive length"),
        ({"neighbors": "all"}, "neighbors must be one of"),
        ({"g2_params": [(-1.0, 0.0)]}, "eta must not be negative"),
        ({"g4_params": [(0.1, 1.0, 2.0)]}, "lambda"),
        ({"statistics": ["median"]}, "a statistic must be one of"),
        ({"neighbors": "species", "species": []}, "names no element"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str, crystals: list[Structure]) -> None:
    with pytest.raises(ValueError, match=message):
        SymmetryFunctions(**options).transform(crystals[:1])
