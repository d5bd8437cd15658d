"""Radial distribution functions: matminer's numbers, bins with atoms on their edges, and what they do not depend on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure.radial import PartialRadialDistributionFunction, RadialDistributionFunction
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from sklearn.exceptions import NotFittedError

either = pytest.mark.parametrize("kind", [RadialDistributionFunction, PartialRadialDistributionFunction])


@pytest.mark.parametrize(("cutoff", "bin_size"), [(20.0, 0.1), (7.3, 0.25), (6.0, 1.0)])
def test_numbers_are_matminers(cutoff: float, bin_size: float, real: PackedStructures) -> None:
    small = real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[:8])
    ours = RadialDistributionFunction(cutoff, bin_size)
    peer = ours.matminer()
    assert ours.get_feature_names_out().tolist() == peer.feature_labels()
    np.testing.assert_allclose(ours.transform(small), [peer.featurize(each) for each in small], rtol=1e-12, atol=1e-12)


def neighbours(featurizer: RadialDistributionFunction, crystal: Structure, values: Any) -> NDArray[np.float64]:
    """How many there are in each bin, of all sites together, shape (bins,)."""
    shells = 4 / 3 * np.pi * np.diff(edges_of(featurizer) ** 3)
    counts: NDArray[np.float64] = np.asarray(values) * shells * len(crystal) / crystal.volume
    return counts


def edges_of(featurizer: RadialDistributionFunction) -> NDArray[np.float64]:
    bins = len(featurizer.get_feature_names_out())
    return np.arange(bins + 1) * featurizer.bin_size


def stray(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], edges: NDArray[np.float64], crystal: Structure
) -> NDArray[np.intp]:
    """Edges that more neighbours have crossed than are on them, to within 1e-8 of the distance."""
    distances = np.concatenate([[each.nn_distance for each in found] for found in crystal.get_all_neighbors(edges[-1])])
    on_edge = (np.abs(distances[:, None] - edges[1:]) <= 1e-8 * edges[1:]).sum(axis=0)
    crossed = np.abs(np.cumsum(ours - theirs))
    found: NDArray[np.intp] = np.flatnonzero(crossed > on_edge + 1e-6)
    return found


def test_atoms_on_the_edges_of_bins_fall_where_matminers_do(
    crystals: list[Structure], rounds_as_we_do: Callable[..., AbstractContextManager[list[Structure]]]
) -> None:
    """Round parameters: distances such as 4.0 and 2.5 lie on edges; those of turned cells beside them, by rounding."""
    cells = [Structure(Lattice.cubic(edge), ["Po"], [[0, 0, 0]]) for edge in (2.5, 3.0, 3.2, 4.1)]
    turned = [turned_and_shifted(each, np.random.default_rng(3)) for each in cells] + crystals[-2:]
    ours = RadialDistributionFunction(8.0)
    peer = ours.matminer()
    here = ours.transform([*cells, *turned])
    with rounds_as_we_do([*cells, *turned]) as same:
        np.testing.assert_allclose(here, [peer.featurize(each) for each in same], rtol=1e-12, atol=1e-12)
    # With whatever rounding this processor has, what is on no edge is where it was.
    plain = [peer.featurize(each) for each in cells]
    np.testing.assert_allclose(here[: len(cells)], plain, rtol=1e-12, atol=1e-12)
    for crystal, values in zip(turned, here[len(cells) :], strict=True):
        counts = neighbours(ours, crystal, values)
        theirs = neighbours(ours, crystal, peer.featurize(crystal))
        assert stray(counts, theirs, edges_of(ours), crystal).tolist() == []


def test_a_neighbour_in_another_bin_is_stray_unless_it_is_on_the_edge() -> None:
    ours = RadialDistributionFunction(8.0)
    cell = Structure(Lattice.cubic(2.5), ["Po"], [[0, 0, 0]])
    counts = neighbours(ours, cell, ours.transform([cell])[0])
    assert counts[25] == pytest.approx(6)  # at 2.5, an edge
    assert counts[35] == pytest.approx(12)  # at 3.54
    for place, bins, expected in ((25, -1, []), (25, 1, [25]), (35, -1, [34]), (25, -2, [23])):
        moved = counts.copy()
        moved[place] -= 1
        moved[place + bins] += 1
        assert stray(moved, counts, edges_of(ours), cell).tolist() == expected
    moved = counts + np.where(np.arange(len(counts)) == 35, 1, 0)
    assert stray(moved, counts, edges_of(ours), cell)[0] == 35


@pytest.mark.parametrize(
    "options",
    [{"cutoff": 8.0}, {"cutoff": 6.3, "bin_size": 0.2, "include_elems": ["Xe"], "exclude_elems": ["O"]}],
)
def test_partial_numbers_are_matminers(options: dict[str, Any], crystals: list[Structure]) -> None:
    oxygen = Structure(Lattice.cubic(3.1), ["O", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    chlorine = Structure(Lattice.cubic(3.4), ["Cl"], [[0, 0, 0]])
    chosen = [crystals[0], crystals[3], crystals[6], crystals[12], oxygen, chlorine]
    ours = PartialRadialDistributionFunction(**options).fit(chosen)
    peer = ours.matminer().fit(chosen)
    assert ours.get_feature_names_out().tolist() == peer.feature_labels()
    expected = np.array([peer.featurize(each) for each in chosen])
    np.testing.assert_allclose(ours.transform(chosen), expected, rtol=1e-12, atol=1e-12)
    assert (expected > 0).any()


def test_rock_salt_by_hand() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    shell = 4 / 3 * np.pi * (2.9**3 - 2.8**3)
    total = RadialDistributionFunction(definition="invariant").transform([salt])[0]
    assert total[:28].max() == 0
    assert total[28] == pytest.approx(6 / shell * 5.64**3 / 8)
    assert RadialDistributionFunction().transform([salt])[0, 28] == pytest.approx(8 * total[28])
    partial = PartialRadialDistributionFunction(4.0).fit([salt])
    values = dict(zip(partial.get_feature_names_out().tolist(), partial.transform([salt])[0].tolist(), strict=True))
    assert values["Na-Cl PRDF r=2.80-2.90"] == pytest.approx(6 / shell)
    assert values["Na-Na PRDF r=2.80-2.90"] == 0
    assert values["Cl-Cl PRDF r=3.90-4.00"] == pytest.approx(12 / (4 / 3 * np.pi * (4.0**3 - 3.9**3)))


@settings(max_examples=25, deadline=None)
@given(crystal=st.integers(0, 46), seed=st.integers(0, 2**16))
@either
def test_our_definition_depends_on_the_crystal_alone(
    kind: Any, crystals: list[Structure], real: PackedStructures, crystal: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    structure = crystals[crystal] if crystal < len(crystals) else real[crystal - len(crystals)]
    vectors = np.array([[1, 0, 0], [rng.integers(-2, 3), 1, 0], [rng.integers(-2, 3), rng.integers(-2, 3), 1]])
    same = [
        structure,
        turned_and_shifted(structure, rng),
        Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))]),
        turned_and_shifted(structure.copy().make_supercell(rng.permutation([2, 1, 1])), rng),
        structure.copy().make_supercell(vectors, to_unit_cell=False),
    ]
    values = kind(cutoff=9.0, definition="invariant").fit(same).transform(same)
    np.testing.assert_allclose(values, np.repeat(values[:1], len(same), axis=0), rtol=1e-9, atol=1e-9)


@either
def test_hard_crystals_end_as_numbers_or_reasons(kind: Any) -> None:
    hard = [
        Structure(Lattice.cubic(40.0), ["Al"], [[0, 0, 0]]),
        Structure(Lattice.cubic(0.01), ["Al"], [[0, 0, 0]]),
        Structure(Lattice.cubic(4.0), ["Al", "Al"], [[0, 0, 0], [0, 0, 0]]),
        Structure(Lattice([[3, 0, 0], [31, 3, 0], [-17, 40, 3.5]]), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    ]
    ours = kind(cutoff=10.0).fit(hard)
    values = ours.transform(hard)
    assert (values[0] == 0).all()
    assert np.isnan(values[1]).all()
    assert ours.failures_ == {1: f"{ours.name}: too many atoms within 10.0 angstrom"}
    assert np.isfinite(values[2:]).all()
    flat = PackedStructures(np.array([0, 1]), np.ones((1, 3, 3)), np.array([13]), np.zeros((1, 3)))
    assert np.isnan(ours.transform(flat)).all()
    assert "no volume" in ours.failures_[0]


def test_sites_in_one_place_are_counted_like_matminers() -> None:
    """Two elements in one place are neighbours at no distance; one element twice is not, unless an image apart."""
    cell = Lattice.cubic(4.0)
    cells = [
        Structure(cell, ["Na", "Cl"], [[0, 0, 0], [0, 0, 0]]),
        Structure(cell, ["Al", "Al"], [[0, 0, 0], [0, 0, 0]]),
        Structure(cell, ["Al", "Al"], [[0, 0, 0], [1, 0, 0]]),
    ]
    ours = RadialDistributionFunction(5.0)
    peer = ours.matminer()
    values = ours.transform(cells)
    np.testing.assert_allclose(values, [peer.featurize(each) for each in cells], rtol=1e-12)
    assert (values[:, 0] > 0).tolist() == [True, False, True]


def test_wrong_options_are_refused(crystals: list[Structure]) -> None:
    with pytest.raises(ValueError, match="definition must be one of"):
        RadialDistributionFunction(definition="smooth").transform(crystals)  # type: ignore[arg-type]
    for cutoff, bin_size in ((0.0, 0.1), (5.0, 0.0), (1.0, 2.0), (np.inf, 0.1)):
        with pytest.raises(ValueError, match="do not fit"):
            RadialDistributionFunction(cutoff, bin_size).transform(crystals)
    with pytest.raises(NotFittedError, match="call fit"):
        PartialRadialDistributionFunction().transform(crystals)
    with pytest.raises(ValueError, match="no elements"):
        PartialRadialDistributionFunction(exclude_elems=["Cu"]).fit([crystals[9]])


def test_columns_follow_the_elements_that_fit_finds(crystals: list[Structure]) -> None:
    one = PartialRadialDistributionFunction(5.0).fit(crystals[:1])
    two = PartialRadialDistributionFunction(5.0).fit(crystals[1:2])
    assert one.elements_ == ("Na", "Cl")
    assert len(one.get_feature_names_out()) == 3 * 50
    assert one.version != two.version
    np.testing.assert_array_equal(one.transform(crystals[1:2]), np.zeros((1, 150)))
