from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import PackedCompositions, PackedStructures
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element, Lattice, Structure

formulas = st.dictionaries(
    st.integers(1, 103), st.floats(0.01, 50).map(lambda amount: round(amount, 4)), min_size=1, max_size=6
).map(lambda cell: Composition({Element.from_Z(number): amount for number, amount in cell.items()}))


@st.composite
def crystals(draw: st.DrawFn) -> Structure:
    sides = st.floats(2.5, 9)
    angles = st.floats(70, 110)
    lattice = Lattice.from_parameters(*(draw(sides) for _ in range(3)), *(draw(angles) for _ in range(3)))
    sites = draw(st.integers(1, 6))
    coordinates = draw(st.lists(st.tuples(*[st.floats(-2, 2)] * 3), min_size=sites, max_size=sites))
    numbers = draw(st.lists(st.integers(1, 103), min_size=sites, max_size=sites))
    return Structure(lattice, [Element.from_Z(number) for number in numbers], coordinates)


@settings(deadline=None, max_examples=50)
@given(st.lists(formulas, max_size=5))
def test_compositions_survive_packing(given: list[Composition]) -> None:
    packed = PackedCompositions.pack(given)
    assert len(packed) == len(given)
    for before, after in zip(given, packed, strict=True):
        assert list(after.items()) == list(before.items())
    assert PackedCompositions.pack(packed).row_hashes() == packed.row_hashes()


@settings(deadline=None, max_examples=50)
@given(st.lists(crystals(), max_size=4))
def test_structures_survive_packing(given: list[Structure]) -> None:
    packed = PackedStructures.pack(given)
    assert len(packed) == len(given)
    for before, after in zip(given, packed, strict=True):
        np.testing.assert_array_equal(after.lattice.matrix, before.lattice.matrix)
        np.testing.assert_array_equal(after.frac_coords, before.frac_coords)
        assert list(after.species) == list(before.species)
    assert PackedStructures.pack(packed).row_hashes() == packed.row_hashes()


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_take_is_indexing(data: st.DataObject) -> None:
    compositions = PackedCompositions.pack(data.draw(st.lists(formulas, min_size=1, max_size=5)))
    structures = PackedStructures.pack(data.draw(st.lists(crystals(), min_size=1, max_size=4)))
    for packed in (compositions, structures):
        rows = data.draw(st.lists(st.integers(-len(packed), len(packed) - 1), max_size=8))
        hashes = packed.row_hashes()
        assert packed.take(rows).row_hashes() == [hashes[row] for row in rows]
        assert len(packed.take(rows)) == len(rows)


def test_take_by_mask_and_out_of_range(packed: PackedStructures) -> None:
    mask = packed.atomic_numbers[packed.row_ptr[:-1]] == 11
    assert 0 < mask.sum() < len(packed)
    assert packed.take(mask).row_hashes() == packed.take(np.flatnonzero(mask)).row_hashes()
    for wrong in ([len(packed)], [-len(packed) - 1], mask[1:]):
        with pytest.raises(IndexError):
            packed.take(wrong)


def test_isotopes_and_ions_are_one_element() -> None:
    packed = PackedCompositions.pack(["HDO", "D2O", Composition({"Fe2+": 1, "Fe3+": 2, "O2-": 4})])
    assert packed.row_ptr.tolist() == [0, 2, 4, 6]
    assert packed.atomic_numbers.tolist() == [1, 8, 1, 8, 26, 8]
    assert packed.amounts.tolist() == [2, 1, 2, 1, 3, 4]


def test_take_of_take(packed: PackedStructures) -> None:
    twice = packed.take([3, 0, 5]).take([2, 2, 0])
    assert twice.row_hashes() == [packed.row_hashes()[row] for row in (5, 5, 3)]


def test_a_hash_sees_every_part_of_a_crystal(packed: PackedStructures) -> None:
    base = packed.take([3])
    numbers, moved, stretched = base.atomic_numbers.copy(), base.fractional.copy(), base.lattices.copy()
    numbers[0] += 1
    moved[0, 0] += 1e-12
    stretched[0, 2, 2] += 1e-12
    others = [
        PackedStructures(base.row_ptr, base.lattices, numbers, base.fractional),
        PackedStructures(base.row_ptr, base.lattices, base.atomic_numbers, moved),
        PackedStructures(base.row_ptr, stretched, base.atomic_numbers, base.fractional),
    ]
    assert len({base.row_hashes()[0], *(other.row_hashes()[0] for other in others)}) == 4


def test_a_hash_does_not_depend_on_the_rows_beside_it(packed: PackedStructures) -> None:
    alone = [packed.take([row]).row_hashes()[0] for row in range(len(packed))]
    assert alone == packed.row_hashes()
    assert len(set(alone)) == len(packed)


def test_compositions_of_structures_are_pymatgens(real: PackedStructures) -> None:
    for structure, composition in zip(real, real.compositions, strict=True):
        assert list(composition.items()) == list(structure.composition.items())
    assert real.compositions.formulas == tuple(structure.composition.reduced_formula for structure in real)


def test_oxidation_states_are_left_behind() -> None:
    structure = Structure(Lattice.cubic(4.2), ["Cs+", "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    packed = PackedStructures.pack([structure])
    assert packed.atomic_numbers.tolist() == [55, 17]
    assert PackedCompositions.pack([structure.composition]).atomic_numbers.tolist() == [55, 17]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["NaCl", "Xx2O"], r"row 1: cannot read 'Xx2O' as a formula"),
        (["NaCl", ""], "row 1: cannot read '' as a formula"),
        ([{}], "row 0: .* names no element"),
        (["X2"], "row 0: .*'X.*' is no element"),
        ([None], "row 0: cannot read None"),
    ],
)
def test_unreadable_formulas_are_named(given: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PackedCompositions.pack(given)


def test_disordered_structures_are_refused_by_position() -> None:
    ordered = Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]])
    alloy = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    with pytest.raises(ValueError, match=r"row 1: .* partial occupancies"):
        PackedStructures.pack([ordered, alloy])


def test_sites_that_are_no_element_are_refused() -> None:
    vacancy = Structure(Lattice.cubic(3), ["X"], [[0, 0, 0]])
    with pytest.raises(ValueError, match="row 0: 'X' is no element"):
        PackedStructures.pack([vacancy])


def test_rows_out_of_range(packed: PackedStructures) -> None:
    with pytest.raises(IndexError, match=f"row {len(packed)} of {len(packed)} structures"):
        packed[len(packed)]
    assert packed[-1].composition == packed[len(packed) - 1].composition
