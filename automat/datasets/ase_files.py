"""Crystals with energies or other properties: databases of ASE (sqlite), and extended XYZ files.

ASE: Larsen et al. (2017), J. Phys.: Condens. Matter 29, 273002, doi:10.1088/1361-648X/aa680e.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import Dataset, InputError
from automat.datasets import checks, files, limits, materials, tables
from automat.datasets.reading import Columns, Reading, columns_of, kind, missing_targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from automat.core import Task
    from automat.datasets.reading import Role

DATABASES = (".db",)
XYZ = (".xyz", ".extxyz")
ENDINGS = (*DATABASES, *XYZ)

PER_ATOM = "energy_per_atom"
"""The target where none is named: the total energy over the number of atoms, in eV/atom."""

_ENERGY = "energy"
_UNITS = {PER_ATOM: "eV/atom", _ENERGY: "eV", "free_energy": "eV", "magmom": "mu_B"}
_ID = "id"
_SCALARS = bool | int | float | str | np.generic


@dataclass(frozen=True)
class _Entry:
    """A row as ASE has it: the properties are single values."""

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    periodic: NDArray[np.bool_]
    properties: Mapping[str, Any]


def read(path: Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None) -> Reading:
    """Read a database or an extended XYZ file; crystals must be periodic in three directions.

    Args:
        path: the file.
        target: ``energy_per_atom`` (the default, in eV/atom), ``energy`` (of the cell, in eV), or a property of the
            file: a key of the database, or of the comment lines.
        task: guessed from the target when None.
        columns: its ``id`` may be a property.

    Raises:
        InputError: the file cannot be read, or has nothing usable.
        UnknownNameError: the target or the id is no property.
    """
    columns = columns or Columns()
    where = repr(path.name)
    if columns.formula is not None or columns.structure is not None:
        raise InputError(f"{where} holds crystals: leave --formula and --structure out")
    entries, frame = _entries(path)
    id_column = _id_column(frame, columns, where)
    chosen_target = _target(frame, target, id_column, where)
    names = checks.unique_ids(frame[id_column].tolist(), where)
    chosen, values, classes, notes = checks.read_target(frame[chosen_target], task, where)
    crystals, kept, reasons = materials.read_each(entries, _crystal, names)
    if reasons:
        notes.append(checks.set_aside(reasons, len(names), "structure", where))
    beside = [name for name in frame.columns if name not in {id_column, chosen_target, _ID}]
    roles: dict[str, Role] = {_ID: "left out", id_column: "id", chosen_target: "target"}
    from automat_featurizers.packed import PackedStructures

    packed = PackedStructures.pack(crystals)
    dataset = Dataset(
        name=path.name.split(".", maxsplit=1)[0] or path.name,
        ids=names[kept],
        target=values[kept],
        target_name=chosen_target,
        unit=_UNITS.get(chosen_target, "") if chosen == "regression" else "",
        task=chosen,
        inputs="structures",
        compositions=packed.compositions,
        structures=packed,
        classes=classes,
        source=path.name,
        notes=tuple(notes),
        extra=frame.loc[kept, beside].reset_index(drop=True) if beside else None,
    )
    unreadable = materials.reasons_by_name(names, kept, reasons)
    said = columns_of(frame, roles, "beside")
    return Reading(checks.usable(dataset), len(frame), said, unreadable, missing_targets(names, values))


def numeric_targets(path: Path, columns: Columns) -> list[str]:
    """The properties of numbers that could be targets.

    Raises:
        InputError: the file cannot be read.
    """
    _, frame = _entries(path)
    return [name for name in frame.columns if name not in {_ID, columns.id} and kind(frame[name]) == "numbers"]


def _entries(path: Path) -> tuple[list[_Entry], pd.DataFrame]:
    """The rows of a file, and a table of their names and properties."""
    import pandas as pd

    if path.stat().st_size == 0:
        raise InputError(f"{path.name!r} is empty")
    limits.file_size(path)
    make = _from_database if path.suffix.lower() in DATABASES else _from_xyz
    what = "an ASE database" if make is _from_database else "extended XYZ"
    found: list[tuple[str, _Entry]] = files.guarded(lambda file: list(make(file)), path, what)
    if not found:
        raise InputError(f"{path.name!r} has no rows")
    rows = []
    for name, entry in found:
        row = {_ID: name, **{key: value for key, value in entry.properties.items() if isinstance(value, _SCALARS)}}
        row.pop(PER_ATOM, None)  # what the file calls so may be per anything: it is computed
        energy = row.get(_ENERGY)
        if isinstance(energy, int | float | np.number) and len(entry.numbers):
            row[PER_ATOM] = float(energy) / len(entry.numbers)
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame.columns = frame.columns.map(str)
    return [entry for _, entry in found], frame


def _id_column(frame: pd.DataFrame, columns: Columns, where: str) -> str:
    chosen = Columns(id=columns.id).chosen(frame, where, {"id": (_ID,)})
    return next(iter(chosen))


def _target(frame: pd.DataFrame, given: str | None, id_column: str, where: str) -> str:
    if given is None and PER_ATOM in frame:
        return PER_ATOM
    try:
        return tables.target_column(frame, given, {_ID, id_column}, where)
    except InputError as error:
        if given is not None:
            raise
        free = [name for name in frame.columns if name not in {_ID, id_column}]
        raise InputError(
            f"{where} has no energies; name another property with --target: {', '.join(free) or 'it has none'}"
        ) from error


def _from_database(path: Path) -> Iterator[tuple[str, _Entry]]:
    import sqlite3

    from ase import db

    connect: Any = db.connect  # it has no types
    # ASE makes a database of whatever lies there: the file is looked at first, and only read.
    with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as looked:
        found = {name for (name,) in looked.execute("select name from sqlite_master")}
    looked.close()
    if "systems" not in found:
        raise InputError(f"{path.name!r} is no database of ASE: it has no table of systems")
    for row in connect(str(path.resolve()), type="db", use_lock_file=False).select():
        properties = {name: row.get(name) for name in (_ENERGY, "free_energy", "magmom") if row.get(name) is not None}
        yield (
            str(row.id),
            _Entry(row.numbers, row.positions, row.cell, row.pbc, properties | dict(row.key_value_pairs)),
        )


def _from_xyz(path: Path) -> Iterator[tuple[str, _Entry]]:
    from ase.io.extxyz import read_xyz

    with path.open(encoding="utf-8") as file:
        number = 0
        while (line := file.readline()).strip():
            number += 1
            # A frame is cut out here: ASE's reader believes any number of atoms.
            try:
                count = int(line[:20])
                limits.atoms(count)
            except ValueError as error:
                raise InputError(f"{path.name!r}, frame {number}: {error}") from error
            text = "".join([line, *(file.readline(limits.MAX_TEXT) for _ in range(count + 1))])
            limits.text(text)
            try:
                atoms = next(read_xyz(io.StringIO(text), 0))
            except Exception as error:
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                raise InputError(f"{path.name!r}, frame {number}: {reason}") from error
            results = atoms.calc.results if atoms.calc is not None else {}
            properties = {**atoms.info, **{str(name): value for name, value in results.items()}}
            yield (
                f"frame-{number}",
                _Entry(atoms.numbers, atoms.positions, np.asarray(atoms.cell), atoms.pbc, properties),
            )


def _crystal(entry: _Entry) -> Structure:
    from pymatgen.core import Element, Lattice, Structure

    limits.atoms(len(entry.numbers))
    if not np.all(entry.periodic):
        raise ValueError("is not periodic in three directions, as crystals are")
    if not np.all(entry.numbers > 0):
        raise ValueError("has a site that is no chemical element")
    limits.cell(np.asarray(entry.cell, dtype=np.float64))
    species = [Element.from_Z(int(number)) for number in entry.numbers]
    return materials.usable(
        Structure(Lattice(np.asarray(entry.cell)), species, entry.positions, coords_are_cartesian=True)
    )
