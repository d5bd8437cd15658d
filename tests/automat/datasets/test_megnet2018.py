"""MEGNet's set and split, from a local folder."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automat import datasets, splits
from automat.core import Dataset, InputError, Split
from automat.datasets import local, megnet2018

TARGETS, STRUCTURES = "mp_formation_targets.csv.gz", "mp_formation_structures.jsonl.gz"


@pytest.fixture(scope="module")
def folder(matbench_data: Path) -> Path:
    found = matbench_data / "mp_formation"
    if not found.is_dir():
        pytest.skip("AUTOMAT_DATA names no folder with mp_formation/")
    return found


@pytest.fixture(scope="module")
def whole(folder: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOMAT_DATA", str(folder.parent))
        return datasets.load("mp_megnet2018")


def test_it_has_the_parts_of_megnets_split(whole: Dataset) -> None:
    (fold,) = splits.make(whole, Split("column:megnet_split", 0, 0))
    assert fold.validation is not None
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (44787, 3679, 3141)
    assert len(whole) == len(set(whole.ids.tolist())) == 51607
    assert megnet2018.about().rows == 51607
    assert whole.spread == pytest.approx(megnet2018.about().spread, abs=6e-5)
    assert "261 crystals without a target were set aside" in whole.notes[0]


def test_a_crystal_and_its_target_are_those_of_the_files(whole: Dataset, folder: Path) -> None:
    table = pd.read_csv(folder / TARGETS, float_precision="round_trip").set_index("id")
    rows = np.random.default_rng(0).choice(len(whole), 40, replace=False)
    wanted = {str(whole.ids[row]): int(row) for row in rows}
    assert whole.structures is not None
    assert whole.extra is not None
    seen = 0
    with gzip.open(folder / STRUCTURES, "rt") as file:
        for line in file:
            crystal = json.loads(line)
            row = wanted.get(crystal["id"])
            if row is None:
                continue
            seen += 1
            packed = whole.structures[row]
            assert packed.lattice.matrix.tolist() == crystal["lattice"]
            assert [str(site.specie) for site in packed] == crystal["species"]
            assert packed.frac_coords.tolist() == crystal["frac_coords"]
            assert whole.target[row] == table.loc[crystal["id"], "e_form_megnet2018"]
            assert whole.extra["megnet_split"][row] == table.loc[crystal["id"], "megnet_split"]
    assert seen == 40


def test_without_the_folder_it_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"set AUTOMAT_DATA to one with mp_formation/mp_formation_targets\.csv\.gz"):
        datasets.load("mp_megnet2018")
    assert megnet2018.about().where == "not here: put into $AUTOMAT_DATA"


def test_a_crystal_that_is_missing_is_noticed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(folder / TARGETS, tmp_path / TARGETS)
    with gzip.open(folder / STRUCTURES, "rt") as given, gzip.open(tmp_path / STRUCTURES, "wt") as kept:
        kept.writelines(line for _, line in zip(range(100), given, strict=False))
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path))
    with pytest.raises(InputError, match="of the 51607 crystals that have a target"):
        datasets.load("mp_megnet2018")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "JSONDecodeError"),
        (
            '{"id": "a", "lattice": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "species": ["Xx"], "frac_coords": [[0, 0, 0]]}',
            "Xx",
        ),
        ('{"id": "a", "lattice": [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "species": ["H"], "frac_coords": []}', "0 coord"),
        ('{"id": "a", "species": ["H"], "frac_coords": [[0, 0, 0]]}', "lattice"),
    ],
)
def test_a_line_that_is_no_crystal_is_named(line: str, reason: str, tmp_path: Path) -> None:
    good = {"id": "b", "lattice": np.eye(3).tolist(), "species": ["Po"], "frac_coords": [[0, 0, 0]]}
    with gzip.open(tmp_path / "lines.jsonl.gz", "wt") as file:
        file.write(json.dumps(good) + "\n" + line + "\n")
    with pytest.raises(InputError, match=f"near line 2: .*{reason}"):
        local.read_structures(tmp_path / "lines.jsonl.gz", {"a", "b"})
    with gzip.open(tmp_path / "lines.jsonl.gz", "wt") as file:
        file.write(json.dumps(good) + "\n")
    names, packed = local.read_structures(tmp_path / "lines.jsonl.gz", {"a", "b"})
    assert names == ["b"]
    assert packed.atomic_numbers.tolist() == [84]


def test_a_file_cut_short_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / STRUCTURES).write_bytes((folder / STRUCTURES).read_bytes()[:20000])
    with pytest.raises(InputError, match="cannot read"):
        local.read_structures(tmp_path / STRUCTURES, {"mp-2"})
