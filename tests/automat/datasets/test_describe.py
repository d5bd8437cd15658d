from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automat import datasets
from automat.core import InputError, UnknownNameError
from automat.datasets import Columns
from automat.datasets.describe import Description, Finding, describe, far_out

LAB = """\
sample,what,cif,gap,hardness
a,NaCl,x,1.5,7
b,NaCl,x,1.7,8
c,MgO,x,7.8,
d,Si,x,1.1,9
e,Ge,x,0.7,3
f,nonsense,x,2.5,4
g,C,x,,5
"""


def finding(described: Description, what: str) -> Finding:
    return next(each for each in described.findings if each.what.startswith(what))


def write(folder: Path, text: str = LAB, name: str = "lab.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_what_was_understood_and_what_stands_out(tmp_path: Path) -> None:
    columns = Columns(id="sample", formula="what")
    described = describe(write(tmp_path), target="gap", columns=columns)
    assert (described.rows, described.usable, described.inputs, described.task) == (7, 5, "compositions", "regression")
    roles = {column.name: (column.role, column.kind, column.missing) for column in described.columns}
    assert roles == {
        "sample": ("id", "text", 0),
        "what": ("formula", "text", 0),
        "cif": ("beside", "text", 0),
        "gap": ("target", "numbers", 1),
        "hardness": ("beside", "numbers", 1),
    }
    assert described.elements == {"Na": 0.4, "Cl": 0.4, "Mg": 0.2, "O": 0.2, "Si": 0.2, "Ge": 0.2}
    assert described.formulas == 4
    assert described.numbers["max"] == 7.8
    assert finding(described, "no target").examples == ("g",)
    assert finding(described, "formula cannot be read").examples[0].startswith("f: 'nonsense'")
    assert finding(described, "same reduced formula").examples == ("a, b",)
    assert finding(described, "of these, with targets that differ").what.endswith("by up to 0.2")


def test_the_same_formula_twice_in_other_words_and_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(UnknownNameError, match=r"unknown formula column .of 'lab\.csv'. 'whot'. Did you mean 'what'"):
        datasets.load(path, target="gap", columns=Columns(formula="whot"))
    with pytest.raises(InputError, match="one column cannot be two of id, formula and structure"):
        datasets.load(path, target="gap", columns=Columns(formula="what", id="what"))
    with pytest.raises(InputError, match=r"the column 'what' names the rows or the materials"):
        datasets.load(path, target="what", columns=Columns(formula="what"))


def test_a_formula_that_is_named_is_taken_before_a_structure_that_is_guessed(tmp_path: Path) -> None:
    assert datasets.load(write(tmp_path), target="gap", columns=Columns(formula="what")).inputs == "compositions"
    with pytest.raises(InputError, match="no structure could be read"):
        datasets.load(write(tmp_path), target="gap")


def test_ids_named_by_hand_stay_as_written(tmp_path: Path) -> None:
    text = "nr,formula,y\n007,NaCl,1.5\n7,Si,2.5\n08,Ge,3.5\n8,C,4.5\n"
    data = datasets.load(write(tmp_path, text), target="y", columns=Columns(id="nr"))
    assert data.ids.tolist() == ["007", "7", "08", "8"]


def test_disordered_crystals_are_counted_apart(tmp_path: Path) -> None:
    from pymatgen.core import Lattice, Structure

    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    mixed = Structure(Lattice.cubic(4.0), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])
    crystals = [*(whole.structures[row] for row in (0, 1, 2, 3)), mixed, whole.structures[0]]
    rows = [
        {"id": f"c{row}", "structure": crystal.to(fmt="cif"), "y": row + 0.5} for row, crystal in enumerate(crystals)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "lab.parquet")
    described = describe(tmp_path / "lab.parquet")
    assert finding(described, "disordered").examples == ("c4",)
    assert finding(described, "same crystal").examples == ("c0, c5",)
    assert described.atoms is not None
    counts = [len(crystal) for crystal in crystals[:4]]
    assert described.atoms[0] == min(counts)
    assert described.atoms[2] == max(counts)


def test_a_plain_table_with_gaps_twins_and_a_rare_class(tmp_path: Path) -> None:
    text = "a,b,y\n" + "1,x,u\n" * 6 + "2,,v\n" * 5 + "3,z,w\n" * 2
    described = describe(write(tmp_path, text), target="y")
    assert described.classes == {"u": 6, "v": 5, "w": 2}
    assert finding(described, "same row of inputs").rows == 13
    assert finding(described, "empty cells").examples == ("b: 5 empty",)
    assert finding(described, "classes of fewer than 4 rows").examples == ("w: 2",)


def test_far_out_values_are_tukey_s() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 100, -200])
    assert far_out(values).tolist() == [8, 7]
    assert far_out(np.array([0.0, 0, 0, 0, 0, 7])).tolist() == []


def test_nothing_stands_out_in_a_clean_table(tmp_path: Path) -> None:
    described = describe(write(tmp_path, "a,y\n1,1.5\n2,2.5\n3,3.5\n4,4.5\n"), target="y")
    assert described.findings == ()


def test_every_embedded_dataset_has_a_description() -> None:
    for info in datasets.available():
        described = describe(info.name)
        assert (described.usable, described.task, described.unit) == (info.rows, info.task, info.unit)


def test_the_command_says_it_in_one_screen_and_as_json(tmp_path: Path, command: Callable[..., str]) -> None:
    write(tmp_path)
    shown = command("data", "describe", "lab.csv", "--target", "gap", "--formula", "what", "--id", "sample")
    assert "lab: 5 of 7 rows can be used; compositions" in shown
    assert "set aside, and counted" in shown
    assert len(shown.splitlines()) < 40
    (told,) = json.loads(command("data", "describe", "lab.csv", "--target", "gap", "--formula", "what", "--json"))
    assert told["usable"] == 5
    assert told["findings"][0]["what"] == "no target"
    refused = command("data", "describe", "lab.csv", "--target", "gup", "--formula", "what", code=2)
    assert "Did you mean 'gap'?" in refused
