from __future__ import annotations

import gzip
import json
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from automat import datasets
from automat.core import InputError
from automat.datasets import limits, local, materials

SALT = Structure(Lattice.cubic(5.69), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CIF_HEAD = "data_x\n" + "".join(f"_cell_length_{edge} 9\n" for edge in "abc") + "".join(
    f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma")
)  # fmt: skip
SITES = "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"


def poscar(counts: str, symbols: str | None = "Na Cl") -> str:
    head = "x\n1.0\n5 0 0\n0 5 0\n0 0 5\n"
    return head + (f"{symbols}\n" if symbols else "") + f"{counts}\ndirect\n0 0 0\n0.5 0.5 0.5\n"


@pytest.mark.parametrize("symbols", ["Na Cl", None, "\n".join(["Na Cl"] * 9)])
@pytest.mark.parametrize("counts", ["1 99999999999", "9" * 300, "5000 1"])
def test_a_poscar_that_declares_too_many_atoms_is_refused_at_once(counts: str, symbols: str | None) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"atoms a cell; at most 5,000 are read"):
            materials.structure(poscar(counts, symbols))
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_a_poscar_of_few_atoms_is_read() -> None:
    assert materials.structure(poscar("1 1")).composition.reduced_formula == "NaCl"
    assert materials.structure(SALT.to(fmt="poscar")).composition.reduced_formula == "NaCl"


def test_a_cif_with_too_many_sites_or_operations_is_refused_at_once() -> None:
    sites = "".join(f"A{row} Na 0.{row:05d} 0.1 0.2\n" for row in range(limits.MAX_ATOMS + 1))
    listed = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'x+{row}/48, -y, z'\n" for row in range(192))
    few = "".join(f"A{row} Na 0.{row:05d} 0.1 0.2\n" for row in range(600))
    named = "_symmetry_space_group_name_H-M 'F m -3 m'\n"
    begin = time.process_time()
    for text, message in (
        (CIF_HEAD + SITES + sites, "has 5,001 atoms a cell"),
        (CIF_HEAD + listed + SITES + few, "lists 600 sites and up to 192 symmetry operations"),
        (CIF_HEAD + named + SITES + few, "lists 600 sites and up to 192 symmetry operations"),
    ):
        with pytest.raises(ValueError, match=message):
            materials.structure(text)
    assert time.process_time() - begin < 2


def test_a_large_cif_without_symmetry_is_read() -> None:
    grid = (np.indices((9, 9, 9)).reshape(3, -1).T / 9).tolist()
    text = Structure(Lattice.cubic(27.0), ["Si"] * len(grid), grid).to(fmt="cif")
    assert len(materials.structure(text)) == 729
    bare = "\n".join(line for line in text.splitlines() if "equiv_pos" not in line and "x, y, z" not in line)
    assert len(materials.structure(bare.replace("loop_\nloop_", "loop_"))) == 729


def test_a_large_cif_that_names_a_small_group_is_not_refused() -> None:
    sites = "".join(f"A{row} Si 0.{row:05d} 0.1 0.2\n" for row in range(400))
    text = CIF_HEAD + "_symmetry_space_group_name_H-M '{}'\n" + SITES + sites
    for group in ("P 21/c", "P 1 21/c 1", "P2_1/c", "P-1", "P n a 21"):
        limits.cif(text.format(group))
    for group in ("F m -3 m", "unheard of"):
        with pytest.raises(ValueError, match="lists 400 sites and up to 192 symmetry operations"):
            limits.cif(text.format(group))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3) * 1001, "cell edge of 1001 angstrom; at most 1000"),
        (np.diag([0.4, 5, 5]), "a cell 0.4 angstrom high; at least 0.5"),
        (np.array([[5.0, 0, 0], [5.0, 1e-3, 0], [0, 0, 5]]), "a cell 0.001 angstrom high"),
        (np.zeros((3, 3)), "a cell without volume"),
        (np.full((3, 3), np.nan), "a cell of no numbers"),
    ],
)
def test_cells_that_no_crystal_has(matrix: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        limits.cell(matrix)


@given(
    st.tuples(*[st.floats(2.0, 90.0)] * 3),
    st.tuples(*[st.floats(60.0, 119.0)] * 3).filter(lambda angles: sum(angles) < 350),
)
def test_cells_of_crystals_pass(lengths: tuple[float, ...], angles: tuple[float, ...]) -> None:
    lattice = Lattice.from_parameters(*lengths, *angles)
    heights = lattice.volume / np.array(
        [np.linalg.norm(np.cross(*np.delete(lattice.matrix, row, 0))) for row in range(3)]
    )
    if heights.min() >= limits.MIN_HEIGHT:
        limits.cell(np.asarray(lattice.matrix))
    else:
        with pytest.raises(ValueError, match="high"):
            limits.cell(np.asarray(lattice.matrix))


def test_json_makes_no_objects_of_the_classes_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    content = SALT.as_dict()
    for holder in (content["sites"][0], content):
        holder["properties"] = {"x": {"@module": "planted", "@class": "Anything"}}
    for given_as in (content, json.dumps(content)):
        assert materials.structure(given_as) == SALT
    assert "planted" not in sys.modules


def test_json_of_other_shapes() -> None:
    content = SALT.as_dict()
    shared = json.loads(json.dumps(content))
    shared["sites"][0]["species"] = [{"element": "Na", "occu": 0.5}, {"element": "K", "occu": 0.5}]
    with pytest.raises(ValueError, match="partial occupancies"):
        materials.structure(shared)
    many = content | {"sites": content["sites"] * 2501}
    with pytest.raises(ValueError, match="has 5,002 atoms a cell"):
        materials.structure(many)
    flat = json.loads(json.dumps(content))
    flat["sites"][0]["abc"] = [0.0, 0.0]
    with pytest.raises(ValueError, match=r"inhomogeneous|three coordinates"):
        materials.structure(flat)
    charged = SALT.copy()
    charged.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    assert materials.structure(charged.as_dict()).composition.reduced_formula == "NaCl"


def test_compositions_as_dicts() -> None:
    assert materials.composition({"@module": "x", "@class": "y", "Na": 1, "Cl": 1.0}).reduced_formula == "NaCl"
    for wrong in ({}, {"Na": -1}, {"Na": float("nan")}, {"Xx": 1}):
        with pytest.raises(ValueError, match=r"not amounts|not a valid Element"):
            materials.composition(wrong)


@pytest.mark.parametrize("formula", ["K1e999", "K" + "9" * 400, "(K9e200)9e200"])
def test_amounts_beyond_numbers_are_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=r"not finite|Invalid|cannot|invalid|e9|e2"):
        materials.composition(formula)


def test_long_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="has 501 characters; a formula has at most 500"):
        materials.composition("H" * 501)
    with pytest.raises(ValueError, match="has 5,000,001 characters"):
        materials.structure("x" * (limits.MAX_TEXT + 1))


def test_a_crystal_s_file_that_is_too_large_is_set_aside(tmp_path: Path) -> None:
    for row in range(5):
        (tmp_path / f"c{row}.cif").write_text(SALT.to(fmt="cif"))
    with (tmp_path / "c5.cif").open("wb") as file:
        file.truncate(limits.MAX_TEXT + 1)
    (tmp_path / "id_prop.csv").write_text("".join(f"c{row},{row}.5\n" for row in range(6)))
    reading = datasets.read(tmp_path)
    assert reading.unreadable == {"c5": "has 5,000,001 bytes; at most 5,000,000 are read"}


@pytest.mark.parametrize("name", ["lab.csv.gz", "lab.json.gz"])
def test_an_archive_that_unpacks_beyond_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"a,y\n" + b"1,2\n" * 3_000_000))
    assert path.stat().st_size < 100_000
    opened = limits.Unpacked
    monkeypatch.setattr(limits, "Unpacked", lambda file: opened(file, 1_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"unpacks to more than 0.000931 GiB"):
            datasets.load(path, target="y")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_parquet_of_one_repeated_value_counts_by_its_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lab.parquet"
    pd.DataFrame({"a": np.ones(1_000_000), "y": np.ones(1_000_000)}).to_parquet(path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(limits, "MAX_BYTES", 10_000_000)
    with pytest.raises(InputError, match=r"'lab\.parquet' unpacks to more than"):
        datasets.load(path, target="y")


def test_a_table_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "lab.csv").open("wb") as file:
        file.truncate(limits.MAX_BYTES + 1)
    with pytest.raises(InputError, match=r"'lab\.csv' has 2 GiB; at most 2 are read"):
        datasets.load(tmp_path / "lab.csv")


@pytest.mark.slow
def test_every_crystal_of_the_materials_project_passes(shared_data: Path) -> None:
    path = shared_data / "mp_formation" / "mp_formation_structures.jsonl.gz"
    with gzip.open(path, "rt") as file:
        wanted = [json.loads(line)["id"] for line in file]
    _, packed = local.read_structures(path, wanted)
    for row, lattice in enumerate(packed.lattices):
        limits.cell(lattice)
        limits.atoms(int(packed.row_ptr[row + 1] - packed.row_ptr[row]))
    assert len(packed) > 50_000
