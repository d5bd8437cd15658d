"""X-ray powder patterns: matminer's numbers, Bragg's law, and what does not change a pattern."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.diffraction import XRDPowderPattern
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure


def tungsten() -> Structure:
    return Structure(Lattice.cubic(3.1652), ["W", "W"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def relative(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest difference of every row, relative to the row's largest value."""
    away: NDArray[np.float64] = np.abs(ours - theirs).max(axis=1) / np.abs(theirs).max(axis=1)
    return away


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"two_theta_range": (20, 90), "bw_method": 0.02, "wavelength": "MoKa1"},
        {"two_theta_range": (0.5, 60.0), "pattern_length": 77, "wavelength": 1.2},
        {"debye_waller_factors": {"O": 1.5, "Na": 0.7}, "symprec": 0.01},
    ],
)
def test_matminers_numbers(crystals: list[Structure], options: dict[str, Any]) -> None:
    """On crystals where matminer gives the same pattern wherever the crystal lies."""
    featurizer = XRDPowderPattern(**options)
    peer = featurizer.matminer()
    assert featurizer.get_feature_names_out().tolist() == peer.feature_labels()
    rng = np.random.default_rng(0)
    chosen = crystals[::2] if not options else crystals[::3]
    theirs = np.array([peer.featurize(crystal) for crystal in chosen])
    stable = np.ones(len(chosen), dtype=bool)
    for _ in range(3):
        moved = np.array([peer.featurize(turned_and_shifted(crystal, rng)) for crystal in chosen])
        stable &= relative(moved, theirs) < 1e-9
    assert stable.sum() >= len(chosen) // 2
    ours = featurizer.transform(chosen)
    assert relative(ours, theirs)[stable].max() < 1e-9


@pytest.mark.slow
def test_where_matminer_differs_from_itself_its_strongest_line_counts_99(real: PackedStructures) -> None:
    featurizer = XRDPowderPattern()
    peer = featurizer.matminer()
    ours = featurizer.transform(real)
    for row, structure in enumerate(real):
        theirs = np.asarray(peer.featurize(structure))
        if np.abs(theirs - ours[row]).max() < 1e-9 * theirs.max():
            continue
        assert int(peer.xrd_calc.get_pattern(structure, two_theta_range=(0, 127)).y.max()) == 99


def test_lines_lie_where_braggs_law_puts_them() -> None:
    pattern = XRDPowderPattern(bw_method=0.005, pattern_length=127 * 100 + 1).transform([tungsten()])[0]
    peaks = np.flatnonzero((pattern[1:-1] > pattern[:-2]) & (pattern[1:-1] > pattern[2:])) + 1
    # Of a body-centred lattice, reflections with an odd sum of indices are absent: N = h^2 + k^2 + l^2 is even.
    spacings = 3.1652 / np.sqrt([2, 4, 6, 8, 10, 12])
    np.testing.assert_allclose(peaks[:6] / 100, np.degrees(2 * np.arcsin(1.54184 / 2 / spacings)), atol=0.02)


@pytest.mark.parametrize("intensities", ["whole", "exact"])
def test_a_pattern_is_a_density(real: PackedStructures, intensities: Any) -> None:
    """Nowhere negative; its integral over all angles is one."""
    narrow = XRDPowderPattern((0, 170), bw_method=0.02, pattern_length=1701, intensities=intensities)
    patterns = narrow.transform(real)
    assert (patterns >= 0).all()
    integral = patterns.sum(axis=1) * 0.1
    assert (integral <= 1 + 1e-6).all()
    assert np.median(integral) > 0.95


@settings(max_examples=15, deadline=None)
@given(row=st.integers(0, 29), seed=st.integers(0, 2**16))
def test_exact_patterns_do_not_change_with_place_cell_or_order(real: PackedStructures, row: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    structure = real[row]
    moved = turned_and_shifted(structure, rng)
    shuffled = Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))])
    oblique = structure.copy()
    oblique.make_supercell([[1, 0, 0], [int(rng.integers(-3, 4)), 1, 0], [int(rng.integers(-3, 4)), -1, 1]])
    double = structure.copy()
    double.make_supercell([2, 1, 1])
    patterns = XRDPowderPattern(intensities="exact").transform([structure, moved, shuffled, oblique, double])
    assert relative(patterns[1:], patterns[[0]].repeat(4, axis=0)).max() < 1e-9


def test_patterns_of_mirror_images_are_the_same() -> None:
    """Friedel's law: an intensity is that of the inverse reflection."""
    quartz = Structure.from_spacegroup(
        "P3_121", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.47, 0, 1 / 3], [0.414, 0.267, 0.214]]
    )
    mirrored = Structure(quartz.lattice, quartz.species, -quartz.frac_coords)
    patterns = XRDPowderPattern(intensities="exact").transform([quartz, mirrored])
    np.testing.assert_allclose(patterns[0], patterns[1], rtol=1e-9, atol=1e-12)


def test_one_line_and_unknown_elements_are_named() -> None:
    featurizer = XRDPowderPattern()
    tiny = Structure(Lattice.cubic(1.0), ["H"], [[0, 0, 0]])
    unknown = Structure(Lattice.cubic(4.0), ["Lr"], [[0, 0, 0]])
    flat = PackedStructures(
        np.array([0, 1]), np.array([[[1.0, 0, 0], [2, 0, 0], [0, 0, 3]]]), np.array([6]), np.zeros((1, 3))
    )
    values = featurizer.transform([tiny, unknown, tungsten()])
    assert np.isnan(values[:2]).all()
    assert np.isfinite(values[2]).all()
    assert "one line" in featurizer.failures_[0]
    assert "scattering parameters" in featurizer.failures_[1]
    assert np.isnan(featurizer.transform(flat)).all()
    assert "volume" in featurizer.failures_[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"intensities": "some"}, "intensities must be one of"),
        ({"wavelength": "CuKz"}, "CuKa"),
        ({"two_theta_range": (90, 10)}, "two_theta_range"),
        ({"two_theta_range": (0.5, 10)}, "pattern_length"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    featurizer = XRDPowderPattern(**options)
    with pytest.raises(ValueError, match=message):
        featurizer.transform([tungsten()])
