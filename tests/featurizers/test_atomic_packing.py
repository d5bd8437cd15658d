"""Atomic packing efficiency: matminer's numbers, the search beside trying everything, its bounds."""

from __future__ import annotations

from itertools import combinations_with_replacement

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.composition.packing import AtomicPackingEfficiency, ideal_ratios
from automat_featurizers.elements import property_table
from automat_featurizers.parity import compare
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

ALLOYS = ["CuZr", "Cu64Zr36", "FeNiB", "Fe", "NaCl", "Al2O3", "Zr2CuAl"]
metals = st.sampled_from(["Be", "B", "Al", "Ti", "Ni", "Cu", "Zr", "La", "Cs"])


@pytest.mark.parametrize("impute_nan", [True, False])
@pytest.mark.parametrize("threshold", [0.01, 0.003])
def test_numbers_are_matminers(threshold: float, impute_nan: bool) -> None:
    ours = AtomicPackingEfficiency(threshold, (1, 2, 7), impute_nan=impute_nan)
    found = compare([ours], [Composition(formula) for formula in ALLOYS])
    assert found.largest <= ours.parity
    assert set(found.raised) <= set(found.reasons)


def test_only_the_most_frequent_elements_make_clusters() -> None:
    ours = AtomicPackingEfficiency(max_types=2)
    found = compare([ours], [Composition(formula) for formula in ("Zr41Ti14Cu13Ni10Be22", "CuTiZr", "LaCuTiZr2")])
    assert found.largest <= ours.parity
    assert not found.raised


def every_distance(amounts: dict[str, int], threshold: float) -> list[float]:
    """Distances to all efficiently packed clusters, by trying every shell of every size that can be one."""
    ideal = ideal_ratios()
    symbols = sorted(amounts)
    table = property_table("magpie", ("MiracleRadius",))[:, 0]
    radii = np.array([table[Element(symbol).Z] for symbol in symbols])
    wanted = np.array([amounts[symbol] for symbol in symbols]) / sum(amounts.values())
    extremes = (radii.min() / radii.max(), radii.max() / radii.min())
    fewest, most = (3 + int(np.abs(1 - ideal / ratio).argmin()) for ratio in extremes)
    distances = []
    for size in range(fewest, most + 1):
        for shell in combinations_with_replacement(range(len(symbols)), size):
            counts = np.bincount(shell, minlength=len(symbols))
            for centre in range(len(symbols)):
                if abs(1 - ideal[size - 3] * (counts @ radii / size) / radii[centre]) < threshold:
                    cluster = (counts + np.eye(len(symbols))[centre]) / (size + 1)
                    distances.append(float(np.linalg.norm(cluster - wanted)))
    return sorted(distances)


@settings(max_examples=15)
@given(amounts=st.dictionaries(metals, st.integers(1, 5), min_size=1, max_size=3))
def test_the_search_finds_what_trying_everything_finds(amounts: dict[str, int]) -> None:
    distances = [*every_distance(amounts, 0.01), *[1.0] * 9][:9]
    ours = AtomicPackingEfficiency(n_nearest=(1, 4, 9)).transform([Composition(amounts)])[0, 2:]
    np.testing.assert_allclose(ours, [np.mean(distances[:count]) for count in (1, 4, 9)], rtol=1e-12, atol=1e-12)


def test_an_element_alone_packs_nearly_ideally_and_has_no_efficient_cluster() -> None:
    """Thirteen equal neighbours: 1 - 0.976006 is the best there is, and above the threshold."""
    values = AtomicPackingEfficiency().transform(["Cu"])[0]
    np.testing.assert_allclose(values, [1 - 0.976006, 1 - 0.976006, 1, 1, 1], rtol=1e-12)


def test_a_search_ends_and_says_so_when_it_gives_up() -> None:
    """Sixteen elements have 1e10 shells of 24 atoms, of which most are never looked at."""
    sixteen = "LiBeBMgAlSiCaScTiVCrMnFeCoNiCu"
    made = AtomicPackingEfficiency(max_types=16)
    assert np.isfinite(made.transform([sixteen])).all()
    endless = AtomicPackingEfficiency(threshold=1e-15, max_types=16)  # no cluster is found that could end it
    values = endless.transform(["Cu", sixteen])
    assert np.isfinite(values[0]).all()
    assert np.isfinite(values[1, :2]).all()
    assert np.isnan(values[1, 2:]).all()
    assert "too many clusters to search for 16 types" in endless.failures_[1]


def test_what_has_no_radius_says_so() -> None:
    ours = AtomicPackingEfficiency(impute_nan=False)
    values = ours.transform(["NaCl", "CuZr"])
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()
    assert "Cl: MiracleRadius" in ours.failures_[0]
    with pytest.raises(ValueError, match="at least one cluster"):
        AtomicPackingEfficiency(n_nearest=(0,))._compute(af.PackedCompositions.pack(["Cu"]))
