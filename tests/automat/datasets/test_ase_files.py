from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.db
import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from automat import datasets
from automat.core import InputError, UnknownNameError
from automat.datasets import Columns

# ASE has no types.
calculator: Any = SinglePointCalculator
connect: Any = ase.db.connect


@pytest.fixture
def crystals() -> list[Atoms]:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    made = []
    for row in range(8):
        crystal = whole.structures[row]
        numbers = [site.specie.Z for site in crystal]
        atoms = Atoms(numbers, cell=crystal.lattice.matrix, scaled_positions=crystal.frac_coords, pbc=True)
        atoms.calc = calculator(atoms, energy=-1.5 * (row + 1) * len(atoms))
        atoms.info = {"gap": float(whole.target[row]), "tag": f"mp-{row}"}
        made.append(atoms)
    return made


@pytest.fixture
def xyz(crystals: list[Atoms], tmp_path: Path) -> Path:
    ase.io.write(tmp_path / "lab.xyz", crystals, format="extxyz")
    return tmp_path / "lab.xyz"


def test_a_real_database_of_energies(shared_data: Path) -> None:
    path = shared_data / "potentials" / "PtCoCu_ase.db"
    data = datasets.load(path)
    assert (data.target_name, data.unit, data.inputs, len(data)) == ("energy_per_atom", "eV/atom", "structures", 90)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("select id, energy, natoms from systems order by id").fetchall()
    assert data.ids.tolist() == [str(row) for row, _, _ in rows]
    np.testing.assert_allclose(data.target, [energy / count for _, energy, count in rows], rtol=1e-15)
    total = datasets.load(path, target="energy", columns=Columns(id="uid"))
    assert (total.unit, total.ids[0][:8]) == ("eV", "0270290x")
    np.testing.assert_allclose(total.target, data.target * 108)


def test_real_cells_as_extended_xyz(shared_data: Path, tmp_path: Path) -> None:
    with gzip.open(shared_data / "potentials" / "aenet_TiO2_1000.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(40), strict=False)]
    frames = []
    for row in rows:
        atoms = Atoms(row["species"], positions=row["positions"], cell=row["lattice"], pbc=True)
        atoms.calc = calculator(atoms, energy=row["energy_eV"])
        frames.append(atoms)
    ase.io.write(tmp_path / "tio2.xyz", frames, format="extxyz")
    data = datasets.load(tmp_path / "tio2.xyz")
    assert set(data.formulas or ()) == {"TiO2"}
    expected = [row["energy_eV"] / len(row["species"]) for row in rows]
    np.testing.assert_allclose(data.target, expected, rtol=1e-9)
    assert data.structures is not None
    cell = data.structures.lattices[0]
    np.testing.assert_allclose(cell, rows[0]["lattice"], atol=1e-7)
    first = data.structures.fractional[: len(rows[0]["species"])] @ cell
    np.testing.assert_allclose(first, rows[0]["positions"], atol=1e-6)


def test_a_property_as_the_target(xyz: Path) -> None:
    data = datasets.load(xyz, target="gap", columns=Columns(id="tag"))
    assert data.ids[:2].tolist() == ["mp-0", "mp-1"]
    assert (data.target_name, data.unit) == ("gap", "")
    assert data.extra is not None
    assert "energy" in data.extra
    with pytest.raises(UnknownNameError, match="Did you mean 'gap'"):
        datasets.load(xyz, target="gop")
    names = [each.dataset.name for each in datasets.read_each(xyz, target="gap,energy_per_atom")]
    assert names == ["lab-gap", "lab-energy_per_atom"]


def test_without_energies_the_target_must_be_named(xyz: Path, crystals: list[Atoms]) -> None:
    for atoms in crystals:
        atoms.calc = None
        atoms.info = {"gap": atoms.info["gap"], "width": atoms.info["gap"]}
    ase.io.write(xyz, crystals, format="extxyz")
    with pytest.raises(
        InputError, match=r"'lab\.xyz' has no energies; name another property with --target: gap, width"
    ):
        datasets.load(xyz)


def test_molecules_are_set_aside(xyz: Path, crystals: list[Atoms]) -> None:
    crystals[0].pbc = (True, True, False)
    crystals[1].pbc, crystals[1].cell = False, np.zeros((3, 3))
    ase.io.write(xyz, crystals, format="extxyz")
    reading = datasets.read(xyz)
    assert len(reading.dataset) == 6
    assert set(reading.unreadable) == {"frame-1", "frame-2"}
    assert "not periodic in three directions" in reading.unreadable["frame-1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("three\n", "frame 1: invalid literal"),
        ("999999999999\nx\n", "frame 1: has 999,999,999,999 atoms a cell; at most 5,000 are read"),
        ('2\nLattice="1 0 0 0 1 0 0 0 1"\nH 0 0 0\n', "frame 1: "),
        ("-3\n\n", "frame 1: "),
    ],
)
def test_xyz_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "lab.xyz").write_text(text)
    with pytest.raises(InputError, match=message):
        datasets.load(tmp_path / "lab.xyz")


def test_databases_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "lab.db").write_text("hello")
    with pytest.raises(InputError, match=r"cannot read 'lab\.db' as an ASE database: file is not a database"):
        datasets.load(tmp_path / "lab.db")
    sqlite3.connect(tmp_path / "other.db").execute("create table systems_ (x)")
    with pytest.raises(InputError, match="is no database of ASE"):
        datasets.load(tmp_path / "other.db")
    with sqlite3.connect(tmp_path / "other.db") as database:
        assert [name for (name,) in database.execute("select name from sqlite_master")] == ["systems_"]


def test_a_database_as_ase_writes_it_and_a_run_on_it(
    tmp_path: Path, crystals: list[Atoms], command: Callable[..., str]
) -> None:
    with connect(tmp_path / "lab.db") as database:
        for atoms in crystals:
            database.write(atoms, key_value_pairs=atoms.info)
    data = datasets.load(tmp_path / "lab.db")
    np.testing.assert_allclose(data.target, [-1.5 * (row + 1) for row in range(8)])
    shown = command(
        "run", "--dataset", "lab.db", "--models", "dummy,linear", "--features", "magpie", "--preset", "quick",
        "--split", "random", "--jobs", "1",
    )  # fmt: skip
    assert "read lab: 8 of 8 rows, structures, regression; id 'id', target 'energy_per_atom'" in shown
    assert "MAE eV/atom" in shown
