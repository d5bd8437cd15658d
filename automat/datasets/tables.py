"""A user's table (CSV, Parquet, JSON): formulas, structures, or plain columns, and a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Dataset, InputError, UnknownNameError
from automat.datasets import checks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from pymatgen.core import Structure

    from automat.core import Task

ENDINGS = (".csv", ".csv.gz", ".parquet", ".json")
ID_COLUMNS = ("id", "material_id", "mpid", "name")
FORMULA_COLUMNS = ("formula", "composition", "pretty_formula")
STRUCTURE_COLUMNS = ("structure", "cif", "poscar")
TARGET_COLUMNS = ("target", "y")


def load(path: Path, *, target: str | None = None, task: Task | None = None) -> Dataset:
    """Read a table. Columns are known by name: see the constants of this module.

    Rows whose target is missing, or whose formula or structure cannot be read, are set aside and counted
    in the dataset's notes.

    Raises:
        InputError: what the file holds cannot be used; the message says why.
        UnknownNameError: the target is not a column.
    """
    frame = _read(path)
    where = repr(path.name)
    columns = {str(column).lower(): column for column in reversed(list(frame.columns))}
    id_column = _first(columns, ID_COLUMNS)
    structure_column = _first(columns, STRUCTURE_COLUMNS)
    formula_column = _first(columns, FORMULA_COLUMNS)
    special = {id_column, structure_column, formula_column} - {None}
    target_column = _target_column(frame, target, special, where)

    ids = frame[id_column] if id_column is not None else frame.index.map(lambda row: f"row-{row + 1}").to_series()
    chosen = task or checks.guess_task(frame[target_column])
    classes: tuple[str, ...] = ()
    if chosen == "classification":
        values, classes = checks.class_target(frame[target_column], where)
    else:
        values = checks.regression_target(frame[target_column], where)
    notes = [f"{target_column!r} was read as a {chosen} target."] if task is None else []
    shared: dict[str, Any] = {
        "name": path.name.split(".")[0] or path.name,
        "target_name": str(target_column),
        "unit": "",
        "task": chosen,
        "classes": classes,
        "source": path.name,
    }
    names = checks.unique_ids(ids.reset_index(drop=True), where)
    if structure_column is None and formula_column is None:
        table = frame.drop(columns=[column for column in (*special, target_column) if column in frame])
        if table.shape[1] == 0:
            raise InputError(f"{where} has no column besides the target {target_column!r} to learn from")
        return checks.usable(
            Dataset(**shared, ids=names, target=values, inputs="table", table=table, notes=tuple(notes))
        )

    kind, column = ("structure", structure_column) if structure_column is not None else ("formula", formula_column)
    read, kept, reasons = _parse(frame[column], _structure if kind == "structure" else _composition, names)
    if reasons:
        notes.append(checks.set_aside(reasons, len(frame), kind, where))
    return checks.usable(
        Dataset(**shared, **_packed(kind, read), ids=names[kept], target=values[kept], notes=tuple(notes))
    )


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".csv": pd.read_csv,
        ".csv.gz": pd.read_csv,
        ".parquet": pd.read_parquet,
        ".json": pd.read_json,
    }
    ending = "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]).lower()
    if ending not in readers:
        raise InputError(f"cannot read {path.name!r}: a table ends in {', '.join(ENDINGS)}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name!r} is empty")
    try:
        frame = readers[ending](path)
    except (ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"cannot read {path.name!r} as {ending[1:].upper()}: {reason}") from error
    if len(frame) == 0:
        raise InputError(f"{path.name!r} has columns but no rows")
    return frame.reset_index(drop=True)


def _first(columns: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((columns[name] for name in names if name in columns), None)


def _target_column(frame: pd.DataFrame, given: str | None, special: set[Any], where: str) -> Any:
    free = [column for column in frame.columns if column not in special]
    if given is not None:
        if given not in frame.columns:
            raise UnknownNameError(f"target column (of {where})", given, map(str, frame.columns))
        return given
    named = [column for column in free if str(column).lower() in TARGET_COLUMNS]
    if len(named) == 1:
        return named[0]
    if len(free) == 1:
        return free[0]
    listed = ", ".join(map(str, free)) or "none"
    raise InputError(f"{where}: which column is the target? Name it with --target; the columns are: {listed}")


def _parse(
    column: pd.Series, parse: Callable[[Any], Any], names: np.ndarray[Any, Any]
) -> tuple[list[Any], list[int], list[str]]:
    """What could be read, at which rows, and the reasons of what could not."""
    read: list[Any] = []
    kept: list[int] = []
    reasons: list[str] = []
    for row, (name, value) in enumerate(zip(names, column, strict=True)):
        try:
            read.append(parse(value))
            kept.append(row)
        except Exception as error:  # noqa: BLE001 - pymatgen's readers raise whatever they meet
            text = str(value).strip().splitlines()
            reasons.append(f"{name}: {(text or [''])[0][:40]!r}: {error}")
    return read, kept, reasons


def _composition(value: Any) -> Any:
    from pymatgen.core import Composition

    if not isinstance(value, str) or not value.strip():
        raise ValueError("empty")
    composition = Composition(value)
    if any(not hasattr(element, "Z") or element.Z < 1 for element in composition) or not composition:
        raise ValueError("not a formula of chemical elements")
    return composition


def _structure(value: Any) -> Structure:
    from pymatgen.core import Structure

    if isinstance(value, dict):
        structure = Structure.from_dict(value)
    else:
        text = str(value)
        first = text.lstrip()[:1]
        structure = Structure.from_str(text, fmt="json" if first == "{" else "cif" if "_cell_" in text else "poscar")
    if not structure.is_ordered:
        raise ValueError("has partial occupancies")
    return structure


def _packed(kind: str, read: list[Any]) -> dict[str, Any]:
    from automat_featurizers.packed import PackedCompositions, PackedStructures

    if kind == "formula":
        return {"inputs": "compositions", "compositions": PackedCompositions.pack(read)}
    structures = PackedStructures.pack(read)
    return {"inputs": "structures", "structures": structures, "compositions": structures.compositions}
