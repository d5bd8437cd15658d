"""Close compositions, close rows and crystals with like spacings, against comparing everything with everything."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from automat_featurizers import PackedCompositions, PackedStructures, duplicates
from automat_featurizers.duplicates import Spacings, close_compositions, close_rows
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition, Lattice, Structure


def exchanged(first: str, second: str) -> float:
    """Share of atoms that differ, from pymatgen's atomic fractions."""
    left, right = Composition(first), Composition(second)
    elements = {*left, *right}
    return float(sum(abs(left.get_atomic_fraction(each) - right.get_atomic_fraction(each)) for each in elements) / 2)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["Fe", "Ni", "Cr", "O"]), st.integers(1, 200), min_size=1, max_size=4),
        min_size=2,
        max_size=25,
    ),
    st.sampled_from([0.001, 0.01, 0.1]),
)
def test_close_compositions_are_those_that_a_full_comparison_finds(
    amounts: list[dict[str, int]], within: float
) -> None:
    formulas = ["".join(f"{element}{amount}" for element, amount in each.items()) for each in amounts]
    packed = PackedCompositions.pack(formulas)
    found = close_compositions(packed, within)
    assert found.complete
    first = {formula: row for row, formula in reversed(list(enumerate(packed.formulas)))}
    apart = {(i, j): exchanged(formulas[i], formulas[j]) for i, j in combinations(sorted(first.values()), 2)}
    got = {tuple(sorted(pair)) for pair in found.pairs.tolist()}
    assert got >= {pair for pair, away in apart.items() if away < within - 1e-9}
    assert got <= {pair for pair, away in apart.items() if away < within + 1e-9}
    for pair, away in zip(found.pairs.tolist(), found.distances, strict=True):
        assert away == pytest.approx(apart[tuple(sorted(pair))], abs=1e-12)


@pytest.mark.parametrize("columns", [1, 3, 40])
def test_close_rows_are_those_that_a_full_comparison_finds(columns: int) -> None:
    random = np.random.default_rng(columns)
    rows = random.normal(size=(60, columns))
    # Of half of them a copy, a little off: more and less than the limit.
    values = np.concatenate(
        [rows, rows[:30] + random.choice([-1, 1], (30, columns)) * np.linspace(0.001, 0.02, 30)[:, None]]
    )
    found = close_rows(values, 0.01)
    apart = np.abs(values[:, None] - values[None]).max(axis=2)
    expected = {(i, j) for i, j in combinations(range(len(values)), 2) if apart[i, j] <= 0.01}
    assert len(expected) >= 14
    assert {tuple(sorted(pair)) for pair in found.pairs.tolist()} == expected


def test_where_all_rows_are_close_only_the_nearest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_PAIRS", 1000)
    values = np.linspace(0, 0.001, 200)[:, None]
    found = close_rows(values, 0.01)
    assert not found.complete
    assert len(np.unique(found.pairs)) == 200
    assert 200 * 10 <= len(found.pairs) <= 200 * 20


def moved(crystal: Structure, by: float, seed: int = 0) -> Structure:
    random = np.random.default_rng(seed)
    steps = random.normal(size=(len(crystal), 3))
    steps *= by / np.linalg.norm(steps, axis=1)[:, None]
    return Structure(crystal.lattice, crystal.species, crystal.cart_coords + steps, coords_are_cartesian=True)


def test_spacings_do_not_depend_on_the_cell_its_scale_or_the_order_of_sites(crystals: list[Structure]) -> None:
    random = np.random.default_rng(0)
    for crystal in crystals:
        other = crystal.copy()
        other.make_supercell([[1, 1, 0], [0, 2, 0], [0, 0, 1]])
        turned = np.linalg.qr(random.normal(size=(3, 3)))[0]
        order = random.permutation(len(other))
        other = Structure(
            Lattice(1.1 * other.lattice.matrix @ turned),
            [other.species[site] for site in order],
            other.frac_coords[order] + 0.37,
        )
        spacings = Spacings.of(PackedStructures.pack([crystal, other]))
        assert spacings.distances(np.array([[0, 1]]))[0] < 1e-9


def test_spacings_change_at_most_twice_as_far_as_atoms_move(crystals: list[Structure]) -> None:
    for crystal in crystals:
        by = 0.02
        unit = (crystal.volume / len(crystal)) ** (1 / 3)
        spacings = Spacings.of(PackedStructures.pack([crystal, moved(crystal, by)]))
        away = spacings.distances(np.array([[0, 1]]))[0]
        assert away <= 2 * by / unit + 1e-9


def test_spacings_tell_which_element_sits_where() -> None:
    lattice = Lattice.cubic(5.64)
    sites = Structure.from_spacegroup("Fm-3m", lattice, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    swapped = sites.copy()
    swapped[0], swapped[4] = "Cl", "Na"
    assert swapped.composition == sites.composition
    spacings = Spacings.of(PackedStructures.pack([sites, swapped]))
    assert spacings.distances(np.array([[0, 1]]))[0] > 0.05


def test_spacings_of_rock_salt() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    values = Spacings.of(PackedStructures.pack([salt])).values.reshape(2, 2, duplicates.NEAREST)
    unit = 5.64 / 2
    # Atoms lie on a cubic grid of one atom a unit: 12 of the same element at sqrt(2), 6 others at 1, then at sqrt(3).
    assert values[0, 0] == pytest.approx([2**0.5] * 8)
    assert values[0, 1] == pytest.approx([1] * 6 + [3**0.5] * 2)
    assert unit == pytest.approx((salt.volume / len(salt)) ** (1 / 3))


@pytest.mark.parametrize("all_to_all", [1, 2000])
def test_close_crystals_share_a_label(
    crystals: list[Structure], all_to_all: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_ALL_TO_ALL", all_to_all)
    packed = PackedStructures.pack([*crystals, *(moved(crystal, by) for crystal in crystals for by in (0.01, 0.3))])
    labels = np.unique(np.array(packed.compositions.formulas), return_inverse=True)[1].astype(np.int64)
    spacings = Spacings.of(packed)
    found = spacings.close(labels, 0.02)
    pairs = np.array(list(combinations(range(len(packed)), 2)))
    pairs = pairs[labels[pairs[:, 0]] == labels[pairs[:, 1]]]
    near = spacings.distances(pairs) <= 0.02
    assert len(crystals) <= near.sum() < len(pairs)
    assert {tuple(pair) for pair in found.pairs.tolist()} == {tuple(pair) for pair in pairs[near].tolist()}
    assert np.allclose(spacings.distances(found.pairs), found.distances)


def test_spacings_of_some_rows_are_those_of_all(crystals: list[Structure]) -> None:
    packed = PackedStructures.pack(crystals)
    rows = np.array([1, 4, 5])
    every, some = Spacings.of(packed), Spacings.of(packed, rows)
    assert np.flatnonzero(np.diff(some.row_ptr)).tolist() == rows.tolist()
    pairs = np.array([[5, 16]])
    for row in rows:
        here, there = (slice(each.row_ptr[row], each.row_ptr[row + 1]) for each in (some, every))
        assert np.array_equal(some.values[here], every.values[there])
    assert np.isinf(some.distances(pairs)[0])
    assert np.isfinite(every.distances(pairs)[0])


def test_a_row_that_is_no_crystal_is_close_to_nothing(crystals: list[Structure]) -> None:
    packed = PackedStructures.pack([crystals[0], crystals[0]])
    packed.fractional[0] = np.nan
    spacings = Spacings.of(packed)
    assert np.isinf(spacings.distances(np.array([[0, 1]]))).all()
    assert not len(spacings.close(np.zeros(2, np.int64), 0.3).pairs)
