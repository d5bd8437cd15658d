"""Formulas are read and written as pymatgen reads and writes them."""

from __future__ import annotations

import csv
import gzip
import math
import subprocess
import sys
import warnings
from importlib import util
from pathlib import Path

import pytest
from automat_featurizers import PackedCompositions
from automat_featurizers import formulas as formulas_module
from automat_featurizers.formulas import composition_entries, formula_entries, read_each, reduced_formula
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

MATBENCH = Path(__file__).parents[3] / "shared/data/matbench/matbench_mp_e_form.csv.gz"

symbols = st.sampled_from([Element.from_Z(number).symbol for number in range(1, 119)])
amounts = st.one_of(
    st.just(""),
    st.integers(1, 300).map(str),
    st.floats(0.001, 50).map(lambda amount: f"{amount:.4g}"),
    st.sampled_from([".5", "2.", "0.333333333333", "0", "1e-9", "007"]),
)
spaces = st.sampled_from(["", "", "", " "])
entries = st.builds("{}{}{}{}".format, symbols, spaces, amounts, spaces)


def bracketed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    brackets = st.sampled_from([("(", ")"), ("[", "]"), ("( ", " ) ")])
    inside = st.lists(inner, min_size=1, max_size=3).map("".join)
    return st.builds(lambda pair, text, factor: f"{pair[0]}{text}{pair[1]}{factor}", brackets, inside, amounts)


parts = st.recursive(entries, bracketed, max_leaves=8)
formulas = st.lists(parts, min_size=1, max_size=5).map("".join)


def pymatgens(text: str) -> list[tuple[int, float]] | None:
    """Elements and amounts of pymatgen; None where it refuses or nothing is left."""
    try:
        read = Composition(text)
    except ValueError:
        return None
    return [(element.Z, amount) for element, amount in read.items()] or None


@settings(deadline=None, max_examples=400)
@given(formulas)
def test_formulas_are_read_as_pymatgen_reads_them(text: str) -> None:
    expected = pymatgens(text)
    if expected is None:
        with pytest.raises(ValueError, match="formula"):
            formula_entries(text)
    else:
        assert list(formula_entries(text).items()) == expected  # the same order and the same bits


@settings(deadline=None, max_examples=400)
@given(st.text(alphabet="ACFHNaeoi0123.()[] -*@+·\n", max_size=10))
def test_whatever_is_typed_is_read_or_refused_as_by_pymatgen(text: str) -> None:
    try:
        expected = [(species.Z, amount) for species, amount in Composition(text).items() if type(species) is Element]
        dummies = len(Composition(text)) > len(expected)
    except Exception:  # noqa: BLE001 - pymatgen refuses in several ways
        expected, dummies = [], True
    if dummies or not expected:
        with pytest.raises(ValueError, match="formula"):
            formula_entries(text)
    else:
        assert list(formula_entries(text).items()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ca3(PO4)2", {20: 3, 15: 2, 8: 8}),
        ("[Co(NH3)6]Cl3", {27: 1, 7: 6, 1: 18, 17: 3}),
        ("((CH3)2N)2 C.5", {6: 4.5, 1: 12, 7: 2}),
        ("CoCO3", {27: 1, 6: 1, 8: 3}),
        ("Pt1 C1", {78: 1, 6: 1}),
        ("Na 2 Cl 2", {11: 2, 17: 2}),
        ("HDO", {1: 2, 8: 1}),
        ("T2O", {1: 2, 8: 1}),
        ("Y3N@C80", {39: 3, 7: 1, 6: 80}),
        ("Fe1e2O", {26: 100, 8: 1}),
        ("Fe0O", {8: 1}),
    ],
)
def test_notations(text: str, expected: dict[int, float]) -> None:
    read = formula_entries(text)
    assert list(read.items()) == list(expected.items())


@pytest.mark.parametrize(
    "text", ["", "2NaCl", "Na2 3Cl", "Na(Cl", "NaCl)", "Na()", "(2)Na", "Xx2O", "Fe-2", "O2.5.3", "fe"]
)
def test_what_pymatgen_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        formula_entries(text)


@pytest.mark.parametrize("given", ["Fe" + "9" * 400, "Fe1e999", Composition({"Fe": math.inf, "O": 1})])
def test_infinite_amounts_are_refused(given: str | Composition) -> None:
    # On its own, and beside what is packed all at once.
    for others in ([], [Composition("NaCl")], ["NaCl"]):
        read = read_each([*others, given])
        assert list(read.unreadable) == [len(others)]
        assert "not finite" in read.unreadable[len(others)]


def test_negative_amounts_are_refused() -> None:
    negative = Composition({"Fe": -1, "O": 2}, allow_negative=True)
    read = read_each([negative, "NaCl"])
    assert read.readable == [1]
    assert "negative" in read.unreadable[0]


def test_an_element_beside_its_ion_counts_once() -> None:
    mixed = Composition({"Fe": 1, "Fe2+": 2, "O2-": 3})
    assert composition_entries(mixed) == {26: 3, 8: 3}
    assert composition_entries(Composition("HDO")) == {1: 2, 8: 1}
    packed = PackedCompositions.pack([mixed, Composition("HDO"), Composition("NaCl")])
    assert packed.amounts.tolist() == [3, 3, 2, 1, 1, 1]


def test_kinds_of_input_mix() -> None:
    given = ["NaCl", Composition("Fe2O3"), "Na(", {"Mg": 1, "O": 1}, Composition({"Fe3+": 2, "O2-": 3}), None]
    packed, readable, unreadable = PackedCompositions.pack_each(given)
    assert readable == [0, 1, 3, 4]
    assert list(unreadable) == [2, 5]
    assert packed.formulas == ("NaCl", "Fe2O3", "MgO", "Fe2O3")


whole = st.integers(1, 60).map(float)
cells = st.dictionaries(st.integers(1, 118), whole, min_size=1, max_size=6)
mixed_cells = st.dictionaries(st.integers(1, 118), st.one_of(whole, st.floats(1e-6, 40)), min_size=1, max_size=5)
special = st.dictionaries(st.sampled_from([1, 3, 7, 8, 9, 11, 17, 19, 37, 55]), whole, min_size=1, max_size=3)


@settings(deadline=None, max_examples=400)
@given(st.one_of(cells, mixed_cells, special))
def test_reduced_formulas_are_pymatgens(cell: dict[int, float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # noble gases have no electronegativity
        expected = Composition({Element.from_Z(number): amount for number, amount in cell.items()}).reduced_formula
    assert reduced_formula(list(cell), list(cell.values())) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O2", "O2"),
        ("Li4O4", "Li2O2"),
        ("Ca6P4O16", "Ca3(PO4)2"),
        ("Sr2Ti2O6", "SrTiO3"),
        ("Al2Si4O14H4", "AlSi2H2O7"),
        ("Fe0.5O0.5", "Fe0.5O0.5"),
        ("XeF2", "XeF2"),
        ("HeNe2", "HeNe2"),
    ],
)
def test_reduced_formulas(text: str, expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Composition(text).reduced_formula == expected
    assert PackedCompositions.pack([text]).formulas == (expected,)


@pytest.mark.slow
@pytest.mark.skipif(not MATBENCH.exists(), reason="needs the Matbench formation energies (132,752 formulas)")
def test_all_of_matbench_is_read_and_written_as_by_pymatgen() -> None:
    with gzip.open(MATBENCH, "rt", newline="") as file:
        texts = [row["composition"] for row in csv.DictReader(file)]
    assert len(texts) == 132_752
    theirs = [Composition(text) for text in texts]
    packed = PackedCompositions.pack(texts)
    from_objects = PackedCompositions.pack(theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row, (composition, formula) in enumerate(zip(theirs, packed.formulas, strict=True)):
            span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
            read = list(zip(packed.atomic_numbers[span].tolist(), packed.amounts[span].tolist(), strict=True))
            assert read == [(element.Z, amount) for element, amount in composition.items()], texts[row]
            assert formula == composition.reduced_formula, texts[row]
    assert from_objects.row_hashes() == packed.row_hashes()


def test_the_elements_and_special_formulas_are_pymatgens() -> None:
    assert formulas_module._elements() == formulas_module._elements_of_pymatgen()
    assert dict(formulas_module._SPECIAL) == Composition.special_formulas
    assert formulas_module.element_symbols()[26] == "Fe"


def test_without_its_file_pymatgen_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = formulas_module._elements()
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    assert formulas_module._elements() == expected


def test_writing_a_formula_does_not_import_pymatgen() -> None:
    script = (
        "import sys; from automat_featurizers.formulas import reduced_formula; "
        "print(reduced_formula([20, 15, 8], [6.0, 4.0, 16.0]), 'pymatgen.core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Ca3(PO4)2", "False"]
