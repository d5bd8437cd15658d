"""Kinds of bonds and dimensions of bonded networks."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.kernels.dimensionality import dimensions
from automat_featurizers.packed import row_pointer
from automat_featurizers.structure.bonding import BondFractions
from automat_featurizers.structure.dimensionality import Dimensionality
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from sklearn.exceptions import NotFittedError

CHOICES: list[dict[str, Any]] = [
    {},
    {"bbv": -1.0},
    {"bbv": None},
    {"approx_bonds": True, "allowed_bonds": ["Ti - O", "O - Sr", "Mg - Mg", "F - Ca", "As - Ga"]},
    {"approx_bonds": True, "bbv": None, "allowed_bonds": ["Ti - O", "Cl - Cl"]},
    {"token": " ", "allowed_bonds": ["O Ti", "Zn O bond frac.", "Fe Fe"]},
]


@pytest.mark.parametrize("parameters", CHOICES)
@pytest.mark.parametrize("fitted", [True, False])
def test_columns_and_numbers_are_matminers(
    crystals: list[Structure], packed: PackedStructures, parameters: dict[str, Any], fitted: bool
) -> None:
    chosen = BondFractions(**parameters)
    peer = chosen.matminer()
    if fitted:
        chosen.fit(packed.take(range(3, 12)))
        peer.fit(crystals[3:12])
    elif "allowed_bonds" not in parameters:
        with pytest.raises(NotFittedError):
            chosen.transform(packed)
        return
    assert chosen.get_feature_names_out().tolist() == peer.feature_labels()
    expected = np.array([peer.featurize(crystal) for crystal in crystals], dtype=float)
    np.testing.assert_allclose(chosen.transform(packed), expected, rtol=0, atol=1e-12)


def test_a_bad_bond_value_may_be_left_alone(packed: PackedStructures) -> None:
    values = BondFractions(bbv=-1.0, divide_bbv=False).fit(packed).transform(packed)
    assert set(values[values < 0].tolist()) == {-1.0}
    divided = BondFractions(bbv=-1.0).fit(packed).transform(packed)
    assert (divided[values < 0] > -1.0).all()


def test_what_was_learned_is_part_of_the_version(packed: PackedStructures) -> None:
    one, other = BondFractions().fit(packed.take([0])), BondFractions().fit(packed)
    assert len({BondFractions().version, one.version, other.version}) == 3
    assert pickle.loads(pickle.dumps(other)).version == other.version  # noqa: S301 - our own bytes


def test_no_allowed_bond_that_occurs_is_told(packed: PackedStructures) -> None:
    chosen = BondFractions(allowed_bonds=["Os - Pt"])
    with pytest.warns(UserWarning, match="no columns"):
        chosen.fit(packed)
    assert chosen.transform(packed).shape == (len(packed), 0)


@pytest.mark.parametrize("wrong", [{"allowed_bonds": ["NaCl"]}, {"allowed_bonds": ["Na - Xy"]}, {"token": "-"}])
def test_what_is_no_bond_is_refused(packed: PackedStructures, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"two element symbols|a token has a space"):
        BondFractions(**wrong).fit(packed)


def test_a_bond_that_nothing_approximates_is_a_reason() -> None:
    heavy = Structure(Lattice.cubic(2.9), ["Rf"], [[0, 0, 0]])
    chosen = BondFractions(approx_bonds=True, allowed_bonds=["Na - Cl"])
    assert np.isnan(chosen.transform([heavy])).all()
    assert set(chosen.failures_) == {0}


def test_rows_add_up_to_one_where_every_bond_has_a_column(real: PackedStructures) -> None:
    values = BondFractions().fit(real).transform(real)
    total = values.sum(axis=1)
    assert set(np.round(total, 12).tolist()) <= {0.0, 1.0}
    assert total.mean() > 0.9


@pytest.mark.parametrize("kind", [BondFractions, Dimensionality])
@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 11), seed=st.integers(0, 2**32 - 1))
def test_a_supercell_in_any_order_is_the_same_crystal(
    crystals: list[Structure], kind: type, row: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    large = crystals[row].copy()
    large.make_supercell([[1, 0, 0], [rng.integers(-2, 3), 2, 0], [0, rng.integers(-2, 3), 1]])
    large = Structure.from_sites([large[int(site)] for site in rng.permutation(len(large))])
    chosen = kind().fit(crystals)
    here, there = chosen.transform([crystals[row], large])
    np.testing.assert_allclose(there, here, rtol=0, atol=1e-12)


def test_every_dimension_is_found() -> None:
    graphite = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(2.46, 6.7), ["C", "C"], [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25]]
    )
    selenium = Structure.from_spacegroup("P3_121", Lattice.hexagonal(4.366, 4.954), ["Se"], [[0.225, 0, 1 / 3]])
    stretched = Structure.from_spacegroup("P3_121", Lattice.hexagonal(6.5, 4.954), ["Se"], [[0.15, 0, 1 / 3]])
    nitrogen = Structure(Lattice.cubic(5.7), ["N", "N"], [[0.05, 0.05, 0.05], [-0.05, -0.05, -0.05]])
    halite = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    given_ = [graphite, selenium, stretched, nitrogen, halite]
    expected = [Dimensionality().matminer().featurize(each)[0] for each in given_]
    found = Dimensionality().transform(given_)[:, 0].tolist()
    assert found == expected
    assert set(found) == {0.0, 1.0, 2.0, 3.0}


def spanned(loops: list[tuple[int, int, int]]) -> int:
    """Dimension of a ring of four sites whose closing bonds have the given translations."""
    bonds: list[list[tuple[int, tuple[int, int, int]]]] = [[(1, (1, -2, 5))], [(2, (0, 3, 0))], [(3, (-4, 0, 0))], []]
    for position, loop in enumerate(loops):
        here = position % 4
        bonds[here].append((here, loop))
    flat = [bond for each in bonds for bond in each]
    made = dimensions(
        np.array([0, 4]),
        row_pointer([len(each) for each in bonds]),
        np.array([other for other, _ in flat], np.int64),
        np.array([image for _, image in flat], np.int64).reshape(-1, 3),
        np.ones(len(flat), np.bool_),
    )
    return int(made[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 3), max_size=6))
def test_the_dimension_is_the_rank_of_the_loops(loops: list[tuple[int, int, int]]) -> None:
    expected = np.linalg.matrix_rank(np.array(loops)) if loops else 0
    assert spanned(loops) == expected


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_dimension_does_not_depend_on_where_the_sites_are_counted_from(data: st.DataObject) -> None:
    """Moving a site's origin by a lattice vector changes the images of its bonds, not the network."""
    count = data.draw(st.integers(1, 6))
    step = st.tuples(*[st.integers(-2, 2)] * 3)
    bonds = data.draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), step), max_size=12))
    shifts = np.array(data.draw(st.lists(step, min_size=count, max_size=count)))

    def dimension(*, moved: bool) -> float:
        ordered = sorted(bonds)
        image = np.array([way for _, _, way in ordered], np.int64).reshape(-1, 3)
        if moved and ordered:
            ends = np.array([(first, second) for first, second, _ in ordered])
            image = image + shifts[ends[:, 0]] - shifts[ends[:, 1]]
        starts = np.bincount([first for first, _, _ in ordered], minlength=count) if ordered else np.zeros(count, int)
        others = np.array([second for _, second, _ in ordered], np.int64)
        return float(
            dimensions(np.array([0, count]), row_pointer(starts), others, image, np.ones(len(others), np.bool_))[0]
        )

    assert dimension(moved=True) == dimension(moved=False)
