"""A user's table (CSV, Parquet, JSON): formulas, structures, or plain columns, and a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import Dataset, InputError, UnknownNameError
from automat.datasets import checks, files, materials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Task

ID_COLUMNS = ("id", "material_id", "mpid", "mbid", "name")
FORMULA_COLUMNS = ("formula", "composition", "pretty_formula")
STRUCTURE_COLUMNS = ("structure", "cif", "poscar")
TARGET_COLUMNS = ("target", "y")

ROW_NUMBERS = "Unnamed: 0"
"""What pandas calls a first column without a name: the row numbers that it wrote itself."""


def load(path: Path, *, target: str | None = None, task: Task | None = None) -> Dataset:
    """Read a table. Columns are known by name: see the constants of this module.

    Rows whose target is missing, or whose formula or structure cannot be read, are set aside and counted
    in the dataset's notes, as are columns that are not learnt from; those beside a formula or structure are
    kept in ``extra``, for splits.

    Raises:
        InputError: what the file holds cannot be used; the message says why.
        UnknownNameError: the target is not a column.
    """
    where = repr(path.name)
    frame = files.read(path, {*ID_COLUMNS, *FORMULA_COLUMNS, *STRUCTURE_COLUMNS})
    columns = {column.lower(): column for column in reversed(frame.columns)}
    id_column, structure_column, formula_column = (
        next((columns[name] for name in names if name in columns), None)
        for names in (ID_COLUMNS, STRUCTURE_COLUMNS, FORMULA_COLUMNS)
    )
    special = {ROW_NUMBERS, *(column for column in (id_column, structure_column, formula_column) if column)}
    target_column = _target_column(frame, target, special, where)
    _refuse_nested(frame[[target_column]], where)
    ids = [f"row-{row + 1}" for row in range(len(frame))] if id_column is None else frame[id_column].tolist()
    names = checks.unique_ids(ids, where)
    chosen, values, classes, notes = checks.read_target(frame[target_column], task, where)
    material = structure_column or formula_column
    rows: NDArray[np.intp] | None = None
    if material is None:
        content, rest_notes = _plain(frame, special, target_column, where)
    else:
        kind = "formula" if structure_column is None else "structure"
        content, rows, rest_notes = _materials(frame[material], kind, names, where)
        beside = [column for column in frame.columns if column not in {*special, target_column}]
        rest_notes += _unused(beside)
        content["extra"] = frame.loc[rows, beside].reset_index(drop=True) if beside else None
    return checks.usable(
        Dataset(
            name=path.name.split(".")[0] or path.name,
            ids=names if rows is None else names[rows],
            target=values if rows is None else values[rows],
            target_name=target_column,
            unit="",
            task=chosen,
            classes=classes,
            source=path.name,
            notes=(*notes, *rest_notes),
            **content,
        )
    )


def _target_column(frame: pd.DataFrame, given: str | None, special: set[str], where: str) -> str:
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
    named = [column for column in free if column.lower() in TARGET_COLUMNS]
    if len(named) == 1:
        return str(named[0])
    if len(free) == 1:
        return str(free[0])
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
    column: pd.Series, kind: str, names: NDArray[np.str_], where: str
) -> tuple[dict[str, Any], NDArray[np.intp], list[str]]:
    """Packed compositions or structures, the rows that they come from, and notes on the others."""
    from automat_featurizers.packed import PackedCompositions, PackedStructures

    if kind == "formula":
        compositions, kept, reasons = materials.read_each(column, materials.composition, names)
    else:
        structures, kept, reasons = materials.read_each(column, materials.structure, names)
    notes = [checks.set_aside(reasons, len(column), kind, where)] if reasons else []
    content: dict[str, Any] = {"inputs": "compositions"}
    if kind == "formula":
        content["compositions"] = PackedCompositions.pack(compositions)
    else:
        packed = PackedStructures.pack(structures)
        content = {"inputs": "structures", "structures": packed, "compositions": packed.compositions}
    return content, np.array(kept, dtype=np.intp), notes


def _unused(unused: Sequence[str]) -> list[str]:
    if not unused:
        return []
    return [f"materials are described by their formulas or structures alone; columns not used: {', '.join(unused)}."]
