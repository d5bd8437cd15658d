"""Files to predictions: crystals, tables and lists of formulas, in parts, with a reason for what cannot be read."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import InputError
from automat.datasets.reading import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from automat.trained import TrainedModel

    Made = Mapping[str, Any]
    """Columns by name, of one length: a data frame, or arrays and lists."""

    Plain = dict[str, list[Any]]
    """Such columns as lists of Python's own objects; what is missing is NaN."""

CRYSTALS = (".cif", ".vasp", ".poscar", ".json")
STANDARD_INPUT = "-"

_AT_ONCE = 5_000
"""Rows that are predicted together: enough to be quick, few enough to need little memory."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of the input.

    Attributes:
        ids: of all rows.
        given: what was read of each: a pymatgen object or formula; a data frame for plain tables.
        errors: position to why that row cannot be read.
    """

    ids: list[str]
    given: Any
    errors: dict[int, str]


def predict(
    trained: TrainedModel,
    inputs: Sequence[str | Path],
    make: Callable[[Any, list[str]], Made] | None = None,
    *,
    columns: Columns | None = None,
) -> Iterator[Plain]:
    """Predictions of everything in the inputs, in order, a part at a time.

    Args:
        trained: the model.
        inputs: files (CIF, POSCAR, or tables with a formula, structure or plain columns), folders of crystals, or
            ``-`` for formulas on standard input, a line each.
        make: materials and ids to columns; the model's own description of them by default.
        columns: of tables, what names the rows and the materials; known by their names by default.

    Returns:
        Columns by name: ``id``, what ``make`` gives, and ``error``: empty, or why the row has no prediction.
        No data frames: to import pandas takes a tenth of the time of predicting one crystal.

    Raises:
        InputError: an input is absent, is of no known kind, or has nothing that the model takes.
    """
    if not inputs:
        raise InputError("nothing to predict: name a file, a folder, or - for standard input")
    for given in inputs:
        for part in _parts(trained, given, columns or Columns()):
            yield _predicted(part, make or trained.described)


def _predicted(part: Part, make: Callable[[Any, list[str]], Made]) -> Plain:
    good = [row for row in range(len(part.ids)) if row not in part.errors]
    made: Plain = {"id": []}
    if good:
        rows = part.given.iloc[good] if hasattr(part.given, "iloc") else [part.given[row] for row in good]
        try:
            made = plain(make(rows, [str(row) for row in good]))
        except InputError:
            raise
        except Exception as error:  # a model's file may have been changed, or be of other versions of its libraries
            raise InputError(f"the model fails on these rows: {type(error).__name__}: {error}") from error
    made["error"] = [""] * len(made["id"])
    together = _failures_below(made, part.errors)
    # In the order of the input, by position: ids may repeat, and several rows may explain one material.
    positions = [int(position) for position in together["id"]]
    order = sorted(range(len(positions)), key=positions.__getitem__)
    ordered = {name: [cells[row] for row in order] for name, cells in together.items()}
    return ordered | {"id": [part.ids[positions[row]] for row in order]}


def plain(made: Made) -> Plain:
    """Columns as lists."""
    return {str(name): made[name].tolist() if hasattr(made[name], "tolist") else list(made[name]) for name in made}


def _failures_below(made: Plain, errors: Mapping[int, str]) -> Plain:
    """Rows of what could not be read under those of predictions: NaN there, beside which whole numbers are floats."""
    if not errors:
        return made
    below = {"id": [str(row) for row in errors], "error": list(errors.values())}
    return {
        name: [
            *(float(cell) if type(cell) is int else cell for cell in cells),
            *below.get(name, [np.nan] * len(errors)),
        ]
        for name, cells in made.items()
    }


def _parts(trained: TrainedModel, given: str | Path, columns: Columns) -> Iterator[Part]:
    if str(given) == STANDARD_INPUT:
        yield from _formulas(trained, (line.strip() for line in sys.stdin))
        return
    path = Path(given)
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file() and _is_named_like_a_crystal(each))
        if not files:
            raise InputError(f"the folder {str(path)!r} holds no crystal ({', '.join(CRYSTALS)})")
        for start in range(0, len(files), _AT_ONCE):
            yield _crystals(trained, files[start : start + _AT_ONCE])
        return
    if not path.is_file():
        raise InputError(f"no file or folder at {str(path)!r}")
    if _is_crystal(path):
        yield _crystals(trained, [path])
        return
    yield from _table(trained, path, columns)


def _is_named_like_a_crystal(path: Path) -> bool:
    return path.suffix.lower() in CRYSTALS or path.name.upper().startswith(("POSCAR", "CONTCAR"))


def _is_crystal(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return _is_named_like_a_crystal(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False  # the reader of tables says what is wrong with it
    return isinstance(content, dict) and "lattice" in content


def _table(trained: TrainedModel, path: Path, columns: Columns) -> Iterator[Part]:
    from automat.datasets import files, tables

    text = {*tables.ID_COLUMNS, *tables.FORMULA_COLUMNS, *tables.STRUCTURE_COLUMNS}
    frame = files.read(path, text | {name.lower() for name in (*columns.named, *trained.named_columns)})
    found = {role: name for name, role in columns.chosen(frame, repr(path.name), tables.KNOWN).items()}
    ids = frame[found["id"]].astype(str).tolist() if "id" in found else [f"row-{row + 1}" for row in range(len(frame))]
    takes = trained.card.inputs
    serving = {"structures": ("structure",), "compositions": ("formula", "structure"), "table": ()}[takes]
    role = next((role for role in serving if role in found), None)
    if takes == "table":
        trained.check_columns(frame)
    if serving and role is None:
        names = [name for each in serving for name in tables.KNOWN[each]]
        raise InputError(
            f"{path.name!r} has no column of {takes} ({', '.join(names)}); its columns are {', '.join(frame.columns)}"
        )
    for start in range(0, len(frame), _AT_ONCE):
        rows = frame.iloc[start : start + _AT_ONCE]
        names = ids[start : start + _AT_ONCE]
        if role is None:
            yield Part(names, rows, trained.faults(rows))
        else:
            kind = "structure" if role == "structure" else "composition"
            yield _part(names, *_read(rows[found[role]].tolist(), kind, names))


def _read(cells: list[Any], kind: str, names: list[str]) -> tuple[list[Any], list[int], list[str]]:
    from automat.datasets import materials

    return materials.read_each(cells, getattr(materials, kind), np.array(names))


def _crystals(trained: TrainedModel, files: Sequence[Path]) -> Part:
    from automat.datasets import materials

    if trained.card.inputs == "table":
        raise InputError(f"{trained.card.name!r} takes a table with the columns {', '.join(trained.card.columns)}")
    names = np.array([each.name for each in files])
    read, kept, reasons = materials.read_each(files, materials.structure_file, names)
    return _part(names.tolist(), read, kept, reasons)


def _formulas(trained: TrainedModel, lines: Iterator[str]) -> Iterator[Part]:
    if trained.card.inputs != "compositions":
        raise InputError(f"{trained.card.name!r} takes {trained.card.inputs}; standard input is read as formulas")
    lines = (line for line in lines if line)
    while batch := list(islice(lines, _AT_ONCE)):
        yield _part(batch, *_read(batch, "composition", batch))


def _part(names: list[str], read: list[Any], kept: list[int], reasons: list[str]) -> Part:
    place = dict(zip(kept, read, strict=True))
    lost = [row for row in range(len(names)) if row not in place]
    told = [reason.partition(": ")[2] for reason in reasons]
    return Part(names, [place.get(row) for row in range(len(names))], dict(zip(lost, told, strict=True)))
