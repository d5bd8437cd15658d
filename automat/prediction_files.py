"""Predictions to a file or the terminal, written as they are made."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from automat import prediction
from automat import trained as models
from automat.core import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from automat.datasets.reading import Columns
    from automat.prediction import Plain
    from automat.trained import TrainedModel


_WIDE = 200
_FORMULAS = frozenset("=+-@\t\r\n")
"""What a spreadsheet takes for the beginning of a formula, and the blanks that it overlooks before one."""
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Written:
    """How many rows were written, and how many of them have no prediction."""

    rows: int
    failed: int


def write(
    model: Path,
    inputs: Sequence[str | Path],
    *,
    output: Path | None = None,
    form: str | None = None,
    explained: bool = False,
    averaged: bool = False,
    allow_pickle: bool = False,
    columns: Columns | None = None,
) -> Written:
    """Predict with a model's file, and write as it goes.

    Args:
        model: the file.
        inputs: see :func:`automat.prediction.predict`.
        output: a file; None: standard output.
        form: ``csv``, ``json`` or ``table``; None: by the file's ending, or a table.
        explained: what every feature or atom adds, instead of the predictions.
        averaged: that, averaged over all atoms of an element.
        allow_pickle: load a model that can run any code.
        columns: of tables, see there.

    Raises:
        InputError: the model or an input cannot be used, or the file cannot be written.
    """
    chosen = _form(output, form)
    trained = models.load(model, allow_pickle=allow_pickle)
    make = None
    if averaged and not explained:
        raise InputError("averages by element are of explanations; add --explain")
    if explained:
        from automat.explanation import explain

        def make(rows: Any, ids: list[str]) -> pd.DataFrame:
            return explain(trained, rows, ids)

    parts = prediction.predict(trained, inputs, make, columns=columns)
    if averaged:
        parts = _averages(parts)
    if output is None:
        return _WRITERS[chosen](parts, sys.stdout, trained)
    if any(Path(given).exists() and output.exists() and output.samefile(given) for given in inputs):
        raise InputError(f"{str(output)!r} is an input too; write to another file")
    # Whole or not at all: what was there before stays until all is predicted.
    temporary = output.with_name(f".{output.name}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            written = _WRITERS[chosen](parts, file, trained)
        temporary.replace(output)
    except OSError as error:
        raise InputError(f"cannot write {str(output)!r}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return written


def _averages(parts: Iterator[Plain]) -> Iterator[Plain]:
    """One table of elements, and a row for what could not be read."""
    import pandas as pd

    told = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
    bad = told[told["error"] != ""]
    from automat.explanation import by_element

    made = by_element(told) if len(bad) < len(told) else pd.DataFrame()
    if len(bad):
        reasons = [f"{name}: {reason}" for name, reason in zip(bad["id"], bad["error"], strict=True)]
        made = pd.concat([made.assign(error=""), pd.DataFrame({"error": reasons})], ignore_index=True)
    yield prediction.plain(made)


def _form(output: Path | None, form: str | None) -> str:
    chosen = form or (output.suffix.lower().removeprefix(".") if output is not None else "table")
    if chosen not in _WRITERS:
        raise UnknownNameError("format", chosen, _WRITERS)
    return chosen


def _as_csv(parts: Iterator[Plain], file: TextIO, _trained: TrainedModel) -> Written:
    rows = failed = 0
    held: list[Plain] = []
    columns: list[str] = []
    lines = csv.writer(file, lineterminator="\n")

    def put(part: Plain) -> None:
        absent = [math.nan] * _rows(part)
        # Names of classes and features come from a file of somebody's, as ids do.
        for cells in zip(*(part.get(name, absent) for name in columns), strict=True):
            lines.writerow(["" if _is_missing(cell) else _harmless(cell) for cell in cells])

    def head(first: Plain) -> None:
        columns.extend(first)
        lines.writerow([_harmless(name) for name in columns])
        for part in held:
            put(part)

    for part in parts:
        rows, failed = rows + _rows(part), failed + _failed(part)
        if columns:
            put(part)
        elif _rows(part) == _failed(part):
            held.append(part)  # it has no columns of predictions; the header waits for one that has
        else:
            head(part)
            put(part)
    if held and not columns:
        head(held[0])
    return Written(rows, failed)


def _as_json(parts: Iterator[Plain], file: TextIO, _trained: TrainedModel) -> Written:
    import pandas as pd

    rows = failed = 0
    file.write("[")
    for part in parts:
        for record in json.loads(pd.DataFrame(part).to_json(orient="records", double_precision=15)):
            file.write((",\n " if rows else "\n ") + json.dumps(record, ensure_ascii=False))
            rows += 1
        failed += _failed(part)
    file.write("\n]\n")
    return Written(rows, failed)


def _as_table(parts: Iterator[Plain], file: TextIO, trained: TrainedModel) -> Written:
    rows = failed = 0
    for part in parts:
        _print(part, trained.card.target, trained.card.unit, file)
        rows, failed = rows + _rows(part), failed + _failed(part)
    return Written(rows, failed)


_WRITERS = {"csv": _as_csv, "json": _as_json, "table": _as_table}


def _rows(part: Plain) -> int:
    return len(next(iter(part.values()), []))


def _failed(part: Plain) -> int:
    return sum(reason != "" for reason in part.get("error", []))


def _is_missing(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _harmless(cell: object) -> object:
    """Text that a spreadsheet would take for a formula, as text; a class named -1 stays a number."""
    if not isinstance(cell, str) or cell[:1] not in _FORMULAS or _NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def _print(made: Plain, target: str, unit: str, file: TextIO) -> None:
    """Predictions or explanations, a row each."""
    # Only here: who writes a file loads none of it.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, cells in made.items():
        title = f"{target} {unit}".strip() if name == "prediction" else name
        numbers = bool(cells) and all(isinstance(cell, float) for cell in cells)
        table.add_column(escape(title), justify="right" if numbers else "left")
    for row in zip(*made.values(), strict=True):
        table.add_row(*(escape(_predicted(value)) for value in row))
    console = Console(file=file)
    (console if console.is_terminal else Console(file=file, width=_WIDE)).print(table)


def _predicted(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.5g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
