from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import DummySpecies, Lattice, Structure

from automat import datasets
from automat.core import InputError, UnknownNameError
from automat.datasets import checks, tables

FORMULAS = "id,formula,gap\na,NaCl,8.5\nb,GaAs,1.42\nc,Si,1.12\nd,TiO2,3.2\ne,MgO,7.8\n"


def write(folder: Path, text: str, name: str = "lab.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_formulas_with_a_target(tmp_path: Path) -> None:
    dataset = datasets.load(write(tmp_path, FORMULAS))
    assert (dataset.name, dataset.inputs, dataset.task, dataset.target_name) == (
        "lab",
        "compositions",
        "regression",
        "gap",
    )
    assert dataset.formulas == ("NaCl", "GaAs", "Si", "TiO2", "MgO")
    assert dataset.ids.tolist() == list("abcde")
    assert "'gap' was read as a regression target (numbers)." in dataset.notes


def test_plain_columns_with_classes(tmp_path: Path) -> None:
    text = "T,phase,outcome\n1,bcc,good\n2,fcc,bad\n3,bcc,good\n4,hcp,bad\n"
    dataset = datasets.load(write(tmp_path, text), target="outcome")
    assert (dataset.inputs, dataset.task, dataset.classes) == ("table", "classification", ("bad", "good"))
    assert dataset.target.tolist() == [1, 0, 1, 0]
    assert dataset.table is not None
    assert list(dataset.table.columns) == ["T", "phase"]


def test_structures_as_cif_text(tmp_path: Path) -> None:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    cifs = [whole.structures[row].to(fmt="cif") for row in range(5)]
    path = tmp_path / "crystals.parquet"
    pd.DataFrame({"material_id": whole.ids[:5], "cif": cifs, "n": whole.target[:5]}).to_parquet(path)
    dataset = datasets.load(path)
    assert dataset.inputs == "structures"
    assert dataset.formulas == whole.formulas[:5]  # type: ignore[index]
    assert dataset.structures is not None
    assert dataset.structures[0].volume == pytest.approx(whole.structures[0].volume, rel=1e-5)


def test_rows_that_cannot_be_read_are_set_aside_and_counted(tmp_path: Path) -> None:
    dataset = datasets.load(write(tmp_path, FORMULAS + "f,Xx9,1.0\ng,,2.0\n"))
    assert len(dataset) == 5
    assert any(note.startswith("2 of 7 rows were set aside, their formula could not be read") for note in dataset.notes)


def test_rows_without_a_target_are_set_aside_and_counted(tmp_path: Path) -> None:
    dataset = datasets.load(write(tmp_path, FORMULAS + "f,KBr,\n"))
    assert len(dataset) == 5
    assert "1 of 6 rows have no target and were set aside (first: f)." in dataset.notes


def test_names_of_any_kind_stay_text(tmp_path: Path) -> None:
    text = (
        FORMULAS.replace("\na,", "\n<script>alert(1)</script>,")
        .replace("\nb,", "\n=1+1,")
        .replace("\nc,", "\n../../etc,")
    )
    dataset = datasets.load(write(tmp_path, text))
    assert dataset.ids.tolist()[:3] == ["<script>alert(1)</script>", "=1+1", "../../etc"]


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "empty": ("", {}, "'lab.csv' is empty"),
    "header only": ("formula,gap\n", {}, "'lab.csv' has columns but no rows"),
    "one row": ("formula,gap\nNaCl,1.0\n", {"task": "regression"}, "has 1 usable rows; at least 4 are needed"),
    "unknown target": (FORMULAS, {"target": "gpa"}, r"'gpa'\. Did you mean 'gap'\?"),
    "no telling which": ("formula,a,b\nNaCl,1,2\n", {}, "which column is the target.*--target.*: a, b"),
    "text among numbers": (FORMULAS + "f,KBr,high\n", {}, r"'gap' is not numeric in 1 rows \(row 6: 'high'\)"),
    "infinite": (FORMULAS + "f,KBr,inf\n", {}, "'gap' is infinite in 1 rows, the first is row 6"),
    "mostly missing": ("x,y\n1,1.5\n2,\n3,\n4,\n", {"target": "y", "task": "regression"}, "'y' is missing in 3 of 4"),
    "constant": ("formula,y\nNaCl,1.5\nKCl,1.5\nSi,1.5\nGe,1.5\n", {}, "'y' is 1.5 in every row; there is"),
    "one class": ("formula,y\nNaCl,a\nKCl,a\nSi,a\nGe,a\n", {}, "'y' is 'a' in every row"),
    "duplicate ids": (FORMULAS + "a,KBr,1.0\n", {}, "ids must be unique, but 2 rows share theirs, e.g. 'a'"),
    "missing id": (FORMULAS + ",KBr,1.0\n", {}, "1 rows have no id, the first is row 6"),
    "no formula readable": ("formula,y\n??,1.5\n!!,2.5\n##,3\n--,4\n", {}, "no formula could be read; row-1: '\\?\\?'"),
    "nothing to learn from": ("id,y\na,1.5\nb,2.5\n", {}, "has no column besides the target 'y' to learn from"),
    "no target column": ("id,formula\na,NaCl\n", {}, "has no target: its only columns are id, formula"),
    "ids as target": (FORMULAS, {"target": "id"}, "'id' names the rows or the materials.*allowed: gap"),
    "minus infinity": (FORMULAS + "f,KBr,-inf\n", {}, "'gap' is infinite in 1 rows, the first is row 6"),
    "half missing": ("formula,y\nNaCl,1.5\nKCl,2.5\nSi,\nGe,\n", {}, "'y' is missing in 2 of 4 rows"),
    "text, each its own": ('formula,y\nNaCl,"1,5"\nKCl,"2,5"\nSi,"3,1"\n', {}, "'y' has 3 different values in 3 rows"),
    "unknown task": (FORMULAS, {"task": "regresion"}, "unknown task 'regresion'. Did you mean 'regression'"),
    "two columns of a name": ("x,y,y\n1,2,3\n", {"target": "y"}, "two columns named 'y'"),
    "semicolons": ("formula;y\nNaCl;1\n", {}, "has one column, 'formula;y'; columns must be separated by commas"),
    "more fields than names": ("formula,y\na,NaCl,1\nb,KCl,2\n", {}, "more fields than the header has names"),
    "infinite input": ("x,y\n1,1.5\ninf,2\n3,4\n4,5\n", {"target": "y"}, "'x' is infinite, first in row 2"),
    "not a table": ("\x00\x01\x02", {}, "which column is the target|cannot read 'lab.csv'|no rows"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "options", "message"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_refused_with_one_message(
    tmp_path: Path, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        datasets.load(write(tmp_path, text), **options)
    assert "\n" not in str(caught.value)


def test_a_wrong_ending_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"cannot read 'lab.docx': a table ends in \.csv, \.csv\.gz, \.parquet, \.json"
    ):
        datasets.load(write(tmp_path, "x", "lab.docx"))


def test_one_crystal_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'one.cif' is one crystal, no dataset: give a table, or the folder"):
        datasets.load(write(tmp_path, "data_x", "one.cif"))


def test_text_that_is_no_crystal_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no structure could be read; row-1: is no CIF, POSCAR or JSON of a crystal"):
        datasets.load(write(tmp_path, "made_of,y\nNaCl,1.5\nMgO,2.5\n"), columns=datasets.Columns(structure="made_of"))


def test_ids_and_formulas_stay_as_written(tmp_path: Path) -> None:
    text = "id,formula,y\n007,NaN,1.5\n7,Si,2.5\nNA,Ge,3.5\nNone,C,4.5\n"
    dataset = datasets.load(write(tmp_path, text))
    assert dataset.ids.tolist() == ["007", "7", "NA", "None"]
    assert dataset.formulas == ("NaN", "Si", "Ge", "C")


def test_structures_as_pymatgen_s_own_objects(tmp_path: Path) -> None:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    rows = [{"structure": whole.structures[row].as_dict(), "n": float(whole.target[row])} for row in range(5)]
    dummy = Structure(Lattice.cubic(3), [DummySpecies("X")], [[0, 0, 0]])
    mixed = Structure(Lattice.cubic(3), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    rows += [{"structure": each.as_dict(), "n": 1.0 + row} for row, each in enumerate((dummy, mixed))]
    dataset = datasets.load(write(tmp_path, json.dumps(rows), "crystals.json"))
    assert dataset.structures is not None
    assert dataset.structures.row_hashes() == whole.structures.take(range(5)).row_hashes()
    assert dataset.notes[1].startswith("2 of 7 rows were set aside, their structure could not be read (first: row-6:")


def test_what_is_not_learnt_from_is_said(tmp_path: Path) -> None:
    text = ",formula,pressure,y\n0,NaCl,1,1.5\n1,KCl,1,2.5\n2,KCl,1,3.5\n3,Ge,1,4.5\n"
    dataset = datasets.load(write(tmp_path, text))
    assert any(note.endswith("columns not used: pressure.") for note in dataset.notes)
    assert any(note.startswith("2 of 4 rows share their reduced formula") for note in dataset.notes)
    plain = datasets.load(write(tmp_path, ",x,void,y\n0,1,,1.5\n1,1,,2.5\n2,5,,3.5\n3,4,,4.5\n"), target="y")
    assert plain.table is not None
    assert list(plain.table.columns) == ["x"]
    assert "columns without a value were left out: void." in plain.notes
    assert any("row numbers" in note for note in plain.notes)


def test_a_class_whose_rows_were_all_set_aside_is_none(tmp_path: Path) -> None:
    text = "formula,y\nNaCl,a\nKCl,c\nSi,a\nGe,c\n??,b\n!!,b\n"
    dataset = datasets.load(write(tmp_path, text))
    assert dataset.classes == ("a", "c")
    assert dataset.target.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        (["yes", "no", "yes"], "classification", "text"),
        ([True, False, None], "classification", "true or false"),
        ([0, 1, 1, 0, 1, 0], "classification", "2 whole numbers that recur"),
        ([0, 1, 2, 3, 4, 5], "regression", "numbers"),
        ([0.5, 1.5] * 10, "regression", "numbers"),
        ([1, "a", 2], "regression", "numbers"),
    ],
)
def test_the_task_is_guessed_from_the_values(values: list[Any], task: str, why: str) -> None:
    assert checks.guess_task(pd.Series(values)) == (task, why)


def test_a_path_that_is_nearly_there(tmp_path: Path) -> None:
    write(tmp_path, FORMULAS, "alloys.csv")
    with pytest.raises(InputError, match=r"no file or folder at '.*aloys\.csv'\. Did you mean '.*alloys\.csv'"):
        datasets.load(tmp_path / "aloys.csv")


@pytest.mark.parametrize("given", ["", " ", "a\0b"])
def test_names_that_no_file_can_have(given: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown dataset"):
        datasets.load(given)


def test_a_name_too_long_for_a_file() -> None:
    with pytest.raises(InputError, match="cannot look for a dataset at 'xxx"):
        datasets.load("x" * 5000)


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"no file or folder at 'nowhere/lab\.csv'"):
        datasets.load("nowhere/lab.csv")


@given(
    rows=st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["bcc", "fcc", "hcp", "<b>", "=1"]), st.floats(-1e3, 1e3)),
        min_size=4,
        max_size=30,
    ).filter(lambda rows: len({row[2] for row in rows}) > 1)
)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_what_is_read(
    rows: list[tuple[float, str, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("csv") / "round.csv"
    frame = pd.DataFrame(rows, columns=["T", "phase", "y"])
    frame.to_csv(path, index=False)
    dataset = tables.load(path, target="y", task="regression")
    assert dataset.target.tolist() == frame["y"].tolist()
    assert dataset.table is not None
    assert dataset.table["T"].tolist() == frame["T"].tolist()
    assert dataset.table["phase"].tolist() == frame["phase"].tolist()


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_noise_is_refused_or_read_but_never_a_traceback(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "noise.csv"
    path.write_bytes(noise)
    try:
        dataset = datasets.load(path)
    except (InputError, UnknownNameError):
        return
    assert len(dataset) >= 4
    assert np.isfinite(dataset.target).all()
