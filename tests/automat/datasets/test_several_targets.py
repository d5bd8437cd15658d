from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automat import datasets
from automat.core import InputError, UnknownNameError

LAB = "formula,gap,hardness,colour\nNaCl,1.5,7,w\nMgO,7.8,,w\nSi,1.1,9,b\nGe,0.7,3,b\nC,5.5,10,b\nSiC,2.4,9.5,b\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.csv"
    path.write_text(LAB)
    return path


@pytest.mark.parametrize("asked", ["gap,hardness", "gap, hardness", "all"])
def test_each_target_is_a_dataset_of_its_own(lab: Path, asked: str) -> None:
    gap, hardness = (reading.dataset for reading in datasets.read_each(lab, target=asked))
    assert (gap.name, len(gap)) == ("lab-gap", 6)
    assert (hardness.name, len(hardness)) == ("lab-hardness", 5)


def test_one_target_keeps_the_file_s_name(lab: Path) -> None:
    (reading,) = datasets.read_each(lab, target="gap")
    assert reading.dataset.name == "lab"


def test_targets_of_a_plain_table_are_no_inputs_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("x,a,b\n1,1.5,3\n2,2.5,5\n3,3.5,7\n4,4.5,9\n")
    first, second = (reading.dataset for reading in datasets.read_each(path, target="a,b"))
    for data, other in ((first, "b"), (second, "a")):
        assert data.table is not None
        assert data.table.columns.tolist() == ["x"]
        assert data.extra is not None
        assert other in data.extra
    with pytest.raises(InputError, match="no column besides the target"):
        datasets.read_each(path, target="all")


def test_a_column_with_a_comma_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text('formula,"gap, eV",y\nNaCl,1.5,1\nMgO,7.8,2\nSi,1.1,3\nGe,0.7,5\n')
    (reading,) = datasets.read_each(path, target="gap, eV")
    assert reading.dataset.target_name == "gap, eV"


def test_what_cannot_be_several(lab: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'hardness'"):
        datasets.read_each(lab, target="gap,hardnes")
    with pytest.raises(InputError, match="'a,b'"):
        datasets.read_each("mp_dielectric", target="a,b")


def test_a_run_makes_a_board_for_each_target(tmp_path: Path, lab: Path, command: Callable[..., str]) -> None:
    lab.write_text("formula,gap,hardness\n" + "".join(f"NaCl{n},{n / 2},{n * n}.5\n" for n in range(1, 13)))
    shown = command(
        "run", "--dataset", "lab.csv", "--target", "gap,hardness", "--models", "dummy,linear",
        "--preset", "quick", "--split", "random", "--jobs", "1",
    )  # fmt: skip
    assert shown.count("leaderboard: ") == 2
    assert "read lab-gap: 12 of 12 rows, compositions, regression; formula 'formula', target 'gap'" in shown
    assert sorted(each.name for each in (tmp_path / "automat-runs").iterdir() if each.is_dir()) == [
        "lab-gap",
        "lab-hardness",
    ]
