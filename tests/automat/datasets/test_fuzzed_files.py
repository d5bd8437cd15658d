"""Real files, mutated: whatever is read is a usable crystal or table, or one refusal; quickly, and within memory."""

from __future__ import annotations

import contextlib
import gzip
import json
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from automat import datasets
from automat.core import InputError
from automat.datasets import card, limits, materials

FEW, MANY = 150, 4_000
SECONDS = 10.0
MEMORY = 512 * 1024**2
"""Bytes that reading thousands of mutated files may add at the peak."""

DICTIONARY = [
    b"0", b"-1", b"1e308", b"nan", b"inf", b"999999999", b"loop_", b"data_", b"_cell_length_a", b"'", b'"', b";", b"\n",
    b"\n;\n", b"?", b".", b"x,y,z", b"{", b"}", b"[", b"]", b",", b"\x00", b"\xff\xfe", b"../../etc/passwd", b"Xx",
    b"D", b"_symmetry_space_group_name_H-M 'F m -3 m'", b"@module", b"=1+1", b"(((", b"0.5", b"Na0.5K0.5", b"(12)",
    b" " * 50,
]  # fmt: skip


def mutated(content: bytes, generator: np.random.Generator) -> bytes:
    """A few bytes changed, pieces cut, doubled or swapped, and words of the formats put in."""
    text = bytearray(content)
    for _ in range(int(generator.integers(1, 6))):
        size = len(text)
        start = int(generator.integers(0, size + 1))
        end = min(size, start + int(generator.integers(0, 1 + max(1, size // 8))))
        match int(generator.integers(0, 7)):
            case 0:
                text[start:end] = b""
            case 1:
                text[start:start] = text[start:end]
            case 2:
                text[start:start] = DICTIONARY[int(generator.integers(len(DICTIONARY)))]
            case 3 if start < size:
                text[start] = int(generator.integers(256))
            case 4:
                word = DICTIONARY[int(generator.integers(len(DICTIONARY)))]
                text[start : start + len(word)] = word
            case 5 if size:
                digits = [place for place, byte in enumerate(text) if 48 <= byte <= 57]
                if digits:
                    text[digits[int(generator.integers(len(digits)))]] = int(generator.integers(48, 58))
            case _:
                text[start:] = text[start : start + int(generator.integers(0, 200))]
    return bytes(text)


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """What runs within may add so much memory at its peak, and no more."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < MEMORY


def crystals() -> list[bytes]:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    found = []
    for row, kind in enumerate(("cif", "poscar", "json", "cif", "poscar", "json")):
        crystal = whole.structures[7 * row]
        text = json.dumps(crystal.as_dict()) if kind == "json" else crystal.to(fmt=kind)
        found.append(text.encode())
    # A file with the symmetry operations of its group, and one with the group's name alone.
    symmetric = whole.structures[3].to(fmt="cif", symprec=0.01)
    return [*found, symmetric.encode()]


def tables() -> dict[str, bytes]:
    rows = [{"id": f"m{row}", "formula": formula, "gap": row / 7} for row, formula in enumerate(
        ("NaCl", "MgO", "Si", "Ca3(PO4)2", "Li0.5CoO2", "K2Cr2O7"))]  # fmt: skip
    listing = "id,formula,gap\n" + "".join(f"{row['id']},{row['formula']},{row['gap']}\n" for row in rows)
    return {
        "lab.csv": listing.encode(),
        "lab.csv.gz": gzip.compress(listing.encode(), mtime=0),
        "lab.json": json.dumps(rows).encode(),
        "lab.json.gz": gzip.compress(json.dumps(rows).encode(), mtime=0),
    }


def frames(folder: Path) -> bytes:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    made = []
    for row in range(5):
        crystal = whole.structures[row]
        numbers = [site.specie.Z for site in crystal]
        made.append(Atoms(numbers, cell=crystal.lattice.matrix, scaled_positions=crystal.frac_coords, pbc=True))
        made[-1].info = {"gap": float(row)}
    ase.io.write(folder / "seed.xyz", made, format="extxyz")
    return (folder / "seed.xyz").read_bytes()


def one_line(error: InputError) -> bool:
    """False: nothing was read; but the message must be one line."""
    assert "\n" not in str(error)
    return False


def read_crystal(content: bytes) -> bool:
    """Whether it was read; what is read keeps the limits, and what is not is an exception of the ordinary kind."""
    try:
        crystal = materials.structure(content.decode("utf-8", errors="replace"))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - pymatgen's readers raise whatever they meet; callers name the first line
        return False
    assert 0 < len(crystal) <= limits.MAX_ATOMS
    assert np.isfinite(crystal.frac_coords).all()
    assert crystal.is_ordered
    assert max(crystal.lattice.abc) <= limits.MAX_LENGTH
    return True


def read_file(path: Path, target: str | None) -> bool:
    """Whether it was read; a refusal is one line."""
    try:
        data = datasets.load(path, target=target)
    except InputError as error:
        return one_line(error)
    assert np.isfinite(data.target).all()
    assert len(set(data.ids.tolist())) == len(data) >= 4
    return True


def within_time(call: Callable[[], bool], content: bytes) -> bool:
    begin = time.process_time()
    done = call()
    assert time.process_time() - begin < SECONDS, content[:2000]
    return done


def fuzz_crystals(count: int, seed: int) -> int:
    generator = np.random.default_rng(seed)
    seeds = crystals()
    read = 0
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            content = mutated(seeds[number % len(seeds)], generator)
            read += within_time(partial(read_crystal, content), content)
    return read


def fuzz_files(folder: Path, count: int, seed: int) -> int:
    generator = np.random.default_rng(seed)
    seeds = [*tables().items(), ("lab.xyz", frames(folder))]
    read = 0
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            name, whole = seeds[number % len(seeds)]
            content = mutated(whole, generator)
            (folder / name).write_bytes(content)
            read += within_time(partial(read_file, folder / name, "gap"), content)
    return read


def test_mutated_crystals() -> None:
    assert 0 < fuzz_crystals(FEW, seed=1) < FEW


@pytest.mark.slow
def test_thousands_of_mutated_crystals() -> None:
    assert 0 < fuzz_crystals(MANY, seed=2) < MANY


def test_mutated_tables_and_frames(tmp_path: Path) -> None:
    assert 0 < fuzz_files(tmp_path, FEW, seed=3) < FEW


@pytest.mark.slow
def test_thousands_of_mutated_tables_and_frames(tmp_path: Path) -> None:
    assert 0 < fuzz_files(tmp_path, MANY, seed=4) < MANY


def test_mutated_real_folders(shared_data: Path, tmp_path: Path) -> None:
    seed = shared_data / "cgcnn" / "sample-regression"
    generator = np.random.default_rng(5)
    read = 0
    for _ in range(8):
        for file in seed.iterdir():
            (tmp_path / file.name).write_bytes(mutated(file.read_bytes(), generator))
        (tmp_path / "id_prop.csv").write_bytes((seed / "id_prop.csv").read_bytes())
        begin = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read += read_file(tmp_path, None)
        assert time.process_time() - begin < SECONDS * 10
    assert read


def test_mutated_cards(tmp_path: Path) -> None:
    whole = b"name: a\nunit: {gap: eV, y: GPa}\nnotes:\n  - &x one\n  - *x\ntask: regression\n"
    generator = np.random.default_rng(6)
    read = 0
    for _ in range(300):
        path = tmp_path / "lab.yaml"
        path.write_bytes(mutated(whole, generator))
        try:
            read += card.read(path) is not None
        except InputError as error:
            read += one_line(error)
    assert 0 < read < 300
