"""A folder of crystals: with ``id_prop.csv``, the layout that CGCNN introduced, or with a table of targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import Dataset, InputError
from automat.datasets import checks, files, limits, materials, tables
from automat.datasets.reading import Column, Columns, Reading, columns_of, kind, missing_targets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from automat.core import Task
    from automat.datasets.reading import Role

TARGETS = "id_prop.csv"
"""Two columns without a header: the name of a structure file, and its target."""

ENDINGS = (".cif", ".vasp", ".poscar", ".json")
"""Of crystals' files, in the order in which they are looked for."""

_COLUMNS = 2


def load(path: Path, *, task: Task | None = None) -> Dataset:
    """Read a folder; see :func:`read`.

    Raises:
        InputError: nothing usable in it.
    """
    return read(path, task=task).dataset


def read(path: Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None) -> Reading:
    """Read ``id_prop.csv``, or the one other table in the folder or beside it, and the crystal of each of its rows.

    A table beside the folder has the folder's name (``crystals.csv`` for ``crystals/``). Its ids are names of
    files, with or without their ending.

    Raises:
        InputError: no table of targets, more than one, or nothing usable.
        UnknownNameError: a column that is given is not there.
    """
    if (path / TARGETS).is_file():
        if target is not None:
            raise InputError(f"a folder has one target, the second column of {TARGETS}; leave --target out")
        if columns is not None and columns.named:
            raise InputError(f"{TARGETS} has no column names; leave --id, --formula and --structure out")
        return _listed(path, task)
    return _tabled(path, table_of(path), target, task, columns or Columns())


def table_of(path: Path) -> Path:
    """The table of targets of a folder without ``id_prop.csv``.

    Raises:
        InputError: there is none, or more than one.
    """
    where = repr(path.resolve().name)
    inside = sorted(file for file in path.iterdir() if file.name.lower().endswith(files.ENDINGS) and file.is_file())
    # Crystals may be JSON files as well: one such file is a table only where nothing else is.
    found = [file for file in inside if file.suffix.lower() != ".json"]
    resolved = path.resolve()
    found = found or [
        beside for ending in files.ENDINGS if (beside := resolved.parent / f"{resolved.name}{ending}").is_file()
    ]
    if not found:
        raise InputError(
            f"folder {where} has no {TARGETS} (lines of: structure file's name, target), and no table of targets in "
            f"it or beside it ({', '.join(files.ENDINGS)})"
        )
    if len(found) > 1:
        names = ", ".join(file.name for file in found[: _COLUMNS + 1])
        raise InputError(f"folder {where} has {len(found)} tables ({names}); one of targets is allowed")
    return found[0]


def _listed(path: Path, task: Task | None) -> Reading:
    name = path.resolve().name
    where = repr(name)
    listing = path / TARGETS
    if listing.stat().st_size == 0:
        raise InputError(f"{TARGETS} in {where} is empty")
    frame = files.guarded(_listing, listing, "CSV")
    if frame.shape[1] < _COLUMNS:
        raise InputError(f"{TARGETS} in {where} has {frame.shape[1]} column; two are needed: id, target")
    roles: dict[str, Role] = {"0": "id", "1": "target"}
    frame.columns = frame.columns.map(str)
    read = columns_of(frame, roles, "left out")
    said = [
        Column(title, column.role, column.kind, column.missing)
        for title, column in zip(("id", "target"), read, strict=False)
    ]
    return _with_crystals(path, frame["0"].tolist(), frame["1"].rename("target"), task, (*said, *read[_COLUMNS:]), None)


def _tabled(path: Path, table: Path, target: str | None, task: Task | None, columns: Columns) -> Reading:
    where = repr(table.name)
    if columns.formula is not None or columns.structure is not None:
        raise InputError(f"{where} lies with a folder of crystals: its rows are those; leave --formula and --structure")
    text = {*tables.ID_COLUMNS, *tables.FORMULA_COLUMNS, *(name.lower() for name in columns.named)}
    frame = files.read(table, text)
    known = {"id": tables.ID_COLUMNS, "formula": tables.FORMULA_COLUMNS}
    chosen = columns.chosen(frame, where, known)
    special = {tables.ROW_NUMBERS, *chosen}
    id_column = next((name for name, role in chosen.items() if role == "id"), None)
    if id_column is None:
        raise InputError(
            f"{where} has no column of ids ({', '.join(tables.ID_COLUMNS)}), the names of the crystals' files; name it "
            f"with --id; the columns are: {', '.join(frame.columns)}"
        )
    target_column = tables.target_column(frame, target, special, where)
    beside = [name for name in frame.columns if name not in {id_column, target_column, tables.ROW_NUMBERS}]
    roles: dict[str, Role] = {id_column: "id", target_column: "target"}
    extra = frame[beside] if beside else None
    ids = [_without_ending(name) for name in frame[id_column].astype(str)]
    return _with_crystals(path, ids, frame[target_column], task, columns_of(frame, roles, "beside"), extra)


def numeric_targets(path: Path, columns: Columns) -> list[str]:
    """The columns of numbers of a folder's table that could be targets.

    Raises:
        InputError: there is no such table, or it cannot be read.
    """
    if (path / TARGETS).is_file():
        raise InputError(f"a folder has one target, the second column of {TARGETS}; leave --target out")
    frame = files.read(table_of(path), {*tables.ID_COLUMNS})
    special = {tables.ROW_NUMBERS, *columns.chosen(frame, repr(path.name), {"id": tables.ID_COLUMNS})}
    return [name for name in frame.columns if name not in special and kind(frame[name]) == "numbers"]


def _with_crystals(
    path: Path,
    ids: list[str],
    target: pd.Series,
    task: Task | None,
    columns: tuple[Column, ...],
    extra: pd.DataFrame | None,
) -> Reading:
    from automat_featurizers.packed import PackedStructures

    name = path.resolve().name
    where = repr(name)
    names: NDArray[np.str_] = checks.unique_ids(ids, where)
    chosen, values, classes, notes = checks.read_target(target, task, where)
    structures, kept, reasons = materials.read_each(names, lambda row: _crystal(path, row), names)
    if reasons:
        notes.append(checks.set_aside(reasons, len(names), "structure", where))
    packed = PackedStructures.pack(structures)
    dataset = Dataset(
        name=name,
        ids=names[kept],
        target=values[kept],
        target_name=str(target.name),
        unit="",
        task=chosen,
        inputs="structures",
        compositions=packed.compositions,
        structures=packed,
        classes=classes,
        source=name,
        notes=tuple(notes),
        extra=None if extra is None else extra.iloc[kept].reset_index(drop=True),
    )
    unreadable = materials.reasons_by_name(names, kept, reasons)
    return Reading(checks.usable(dataset), len(names), columns, unreadable, missing_targets(names, values))


def _listing(path: Path) -> pd.DataFrame:
    import pandas as pd

    limits.file_size(path)
    # Ids stay as written: 007 names another file than 7.
    return pd.read_csv(path, header=None, converters={0: str}, float_precision="round_trip")


def _without_ending(name: str) -> str:
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in ENDINGS else name


def _crystal(folder: Path, name: str) -> Structure:
    if Path(name).name != name:
        raise ValueError("the id names a file outside the folder")
    file = next((folder / f"{name}{ending}" for ending in ENDINGS if (folder / f"{name}{ending}").is_file()), None)
    if file is None:
        raise FileNotFoundError(f"no {name}.cif")
    return materials.structure_file(file)
