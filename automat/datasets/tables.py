"""A user's table (CSV, Parquet, JSON): formulas, structures, or plain columns, and a target."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from automat.core import Dataset, InputError, UnknownNameError
from automat.datasets import checks, files, materials
from automat.datasets.reading import Columns, Reading, columns_of, kind, missing_targets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Task
    from automat.datasets.reading import Role

ID_COLUMNS = ("id", "material_id", "mpid", "mbid", "name")
FORMULA_COLUMNS = ("formula", "composition", "pretty_formula")
STRUCTURE_COLUMNS = ("structure", "cif", "poscar")
TARGET_COLUMNS = ("target", "y")

ROW_NUMBERS = "Unnamed: 0"
"""What pandas calls a first column without a name: the row numbers that it wrote itself."""


KNOWN = MappingProxyType({"id": ID_COLUMNS, "structure": STRUCTURE_COLUMNS, "formula": FORMULA_COLUMNS})


def load(path: Path, *, target: str | None = None, task: Task | None = None) -> Dataset:
    """Read a table; see :func:`read`.

    Raises:
        InputError: what the file holds cannot be used; the message says why.
    """
    return read(path, target=target, task=task).dataset


def read(path: Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None) -> Reading:
    """Read a table. Columns are known by name (see the constants of this module), unless they are given.

    Rows whose target is missing, or whose formula or structure cannot be read, are set aside and counted
    in the dataset's notes, as are columns that are not learnt from; those beside a formula or structure are
    kept in ``extra``, for splits.

    Raises:
        InputError: what the file holds cannot be used; the message says why.
        UnknownNameError: the target, or another column that is given, is not there.
    """
    columns = columns or Columns()
    text = {*ID_COLUMNS, *FORMULA_COLUMNS, *STRUCTURE_COLUMNS, *(name.lower() for name in columns.named)}
    return of_frame(files.read(path, text), path.name, target=target, task=task, columns=columns)


def of_frame(frame: pd.DataFrame, file: str, *, target: str | None, task: Task | None, columns: Columns) -> Reading:
    """What :func:`read` makes of a table that was read already.

    Raises:
        InputError: what it holds cannot be used; the message says why.
    """
    where = repr(file)
    roles = cast("dict[str, Role]", columns.chosen(frame, where, KNOWN))
    found = {role: name for name, role in roles.items()}
    special = {ROW_NUMBERS, *roles}
    chosen_target = target_column(frame, target, special, where)
    _refuse_nested(frame[[chosen_target]], where)
    ids = frame[found["id"]].tolist() if "id" in found else [f"row-{row + 1}" for row in range(len(frame))]
    names = checks.unique_ids(ids, where)
    chosen, values, classes, notes = checks.read_target(frame[chosen_target], task, where)
    roles[chosen_target] = "target"
    rows: NDArray[np.intp] | None = None
    unreadable: dict[str, str] = {}
    material = next((kind for kind in ("structure", "formula") if kind in found), None)
    apart = [name for name in columns.apart if name in frame and name not in {*special, chosen_target}]
    if material is None:
        content, rest_notes = _plain(frame.drop(columns=apart), special, chosen_target, where)
        void = set(frame.columns) - {*content["table"].columns, *roles}
        roles.update(dict.fromkeys(void, "left out"))
        content["extra"] = frame[apart].reset_index(drop=True) if apart else None
    else:
        content, rows, unreadable = _materials(frame[found[material]], material, names)
        reasons = [f"{name}: {reason}" for name, reason in unreadable.items()]
        rest_notes = [checks.set_aside(reasons, len(frame), material, where)] if reasons else []
        beside = [column for column in frame.columns if column not in {*special, chosen_target}]
        rest_notes += _unused(beside)
        content["extra"] = frame.loc[rows, beside].reset_index(drop=True) if beside else None
    dataset = Dataset(
        name=file.split(".", maxsplit=1)[0] or file,
        ids=names if rows is None else names[rows],
        target=values if rows is None else values[rows],
        target_name=chosen_target,
        unit="",
        task=chosen,
        classes=classes,
        source=file,
        notes=(*notes, *rest_notes),
        **content,
    )
    return Reading(
        checks.usable(dataset),
        len(frame),
        columns_of(frame, roles, "input" if material is None else "beside"),
        unreadable,
        missing_targets(names, values),
    )


def numeric_targets(path: Path, columns: Columns) -> list[str]:
    """The columns of numbers that could be targets, in the order of the file.

    Raises:
        InputError: the file cannot be read, or the columns that are given are not there.
    """
    frame = files.read(path, {*ID_COLUMNS, *FORMULA_COLUMNS, *STRUCTURE_COLUMNS})
    special = {ROW_NUMBERS, *columns.chosen(frame, repr(path.name), KNOWN)}
    return [name for name in frame.columns if name not in special and kind(frame[name]) == "numbers"]


def target_column(frame: pd.DataFrame, given: str | None, special: set[str], where: str) -> str:
    """The column of a table that is its target: as given, else by its name, else the only one there is.

    Raises:
        InputError: it cannot be the target, or none can be told.
        UnknownNameError: it is no column.
    """
    free = [column for column in frame.columns if column not in special]
    if given is not None:
        if given not in frame.columns:
            raise UnknownNameError(f"target column (of {where})", given, frame.columns)
        if given in special:
            raise InputError(
                f"{where}: the column {given!r} names the rows or the materials, so it cannot be the target; "
                f"allowed: {', '.join(free) or 'none, there is no other column'}"
            )
        return given
    other = {*ID_COLUMNS, *FORMULA_COLUMNS, *STRUCTURE_COLUMNS}  # a second column of names is no target either
    likely = [column for column in free if column.lower() not in other] or free
    named = [column for column in likely if column.lower() in TARGET_COLUMNS]
    if len(named) == 1:
        return str(named[0])
    if len(likely) == 1:
        return str(likely[0])
    if not free:
        raise InputError(f"{where} has no target: its only columns are {', '.join(frame.columns)}")
    raise InputError(f"{where}: which column is the target? Name it with --target; the columns are: {', '.join(free)}")


def _refuse_nested(columns: pd.DataFrame, where: str) -> None:
    for name, column in columns.items():
        nested = [row for row, value in enumerate(column) if isinstance(value, list | dict | np.ndarray)]
        if nested:
            raise InputError(
                f"{where}: the column {name!r} holds lists or objects (the first in row {nested[0] + 1}); "
                "allowed are numbers and text"
            )


def _plain(frame: pd.DataFrame, special: set[str], target: str, where: str) -> tuple[dict[str, Any], list[str]]:
    """The columns of a plain table, and notes on what is not learnt from."""
    table = frame.drop(columns=[column for column in (*special, target) if column in frame])
    _refuse_nested(table, where)
    void = [column for column in table.columns if table[column].isna().all()]
    table = table.drop(columns=void)
    if table.shape[1] == 0:
        raise InputError(f"{where} has no column besides the target {target!r} to learn from")
    numbers = table.select_dtypes("number")
    infinite = [column for column in numbers.columns if np.isinf(numbers[column]).any()]
    if infinite:
        row = int(np.isinf(numbers[infinite[0]]).to_numpy().argmax()) + 1
        raise InputError(f"{where}: the column {infinite[0]!r} is infinite, first in row {row}; leave such cells empty")
    notes = [f"columns without a value were left out: {', '.join(void)}."] if void else []
    if ROW_NUMBERS in frame:
        notes.append("the first column has no name; it was taken for row numbers and left out.")
    return {"inputs": "table", "table": table}, notes


def _materials(
    column: pd.Series, kind: str, names: NDArray[np.str_]
) -> tuple[dict[str, Any], NDArray[np.intp], dict[str, str]]:
    """Packed compositions or structures, the rows that they come from, and why each of the others is not there."""
    from automat_featurizers.packed import PackedCompositions, PackedStructures

    if kind == "formula":
        compositions, kept, reasons = materials.read_each(column, materials.composition, names)
        content: dict[str, Any] = {"inputs": "compositions", "compositions": PackedCompositions.pack(compositions)}
    else:
        structures, kept, reasons = materials.read_each(column, materials.structure, names)
        packed = PackedStructures.pack(structures)
        content = {"inputs": "structures", "structures": packed, "compositions": packed.compositions}
    return content, np.array(kept, dtype=np.intp), materials.reasons_by_name(names, kept, reasons)


def _unused(unused: Sequence[str]) -> list[str]:
    if not unused:
        return []
    return [f"materials are described by their formulas or structures alone; columns not used: {', '.join(unused)}."]
