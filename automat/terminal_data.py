"""What the terminal shows of a dataset's description: what was understood, then what stands out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.markup import escape

from automat.terminal_lists import _console, _table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.table import Table

    from automat.datasets import Reading
    from automat.datasets.describe import Description
    from automat.datasets.kept_pages import Fetched

_COLUMNS = 15
_ELEMENTS = 12
_CLASSES = 8


def print_readings(readings: Iterable[Reading], console: Console | None = None) -> None:
    """Which columns of a file were taken for what; nothing of a dataset that has a name."""
    console = console or _console()
    for reading in readings:
        if reading.columns:
            console.print(f"read {reading.understood}", markup=False, highlight=False, soft_wrap=True)


def print_description(described: Description, console: Console | None = None) -> None:
    """In one screen: rows, target, columns, elements; then findings, with what is done about each; then notes."""
    console = console or _console()
    for line in _understood(described):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if described.columns:
        console.print(_columns(described))
        if len(described.columns) > _COLUMNS:
            console.print(f"and {len(described.columns) - _COLUMNS} more columns", style="dim")
    if described.findings:
        console.print(_findings(described))
    else:
        console.print("nothing stands out: no duplicates, no gaps, no outliers")
    for note in described.notes:
        console.print(note, markup=False, highlight=False, soft_wrap=True, style="dim")


def print_json(described: Sequence[Description], file: TextIO | None = None) -> None:
    """The descriptions as a JSON list."""
    file = file or sys.stdout
    json.dump([one.to_dict() for one in described], file, indent=1, allow_nan=False, ensure_ascii=False)
    file.write("\n")


def print_fetched(fetched: Fetched, console: Console | None = None) -> None:
    """How much came, and the paths on lines of their own."""
    console = console or _console()
    console.print(f"{fetched.rows} materials in {fetched.pages} pages, {fetched.reused} of them kept from before")
    # Written past rich, which would wrap a long path.
    console.file.write(f"card: {fetched.card}\n")
    console.file.write(f"table: {fetched.path}\n")


def _understood(one: Description) -> list[str]:
    unit = f" in {one.unit}" if one.unit else " (no unit given)" if one.task == "regression" else ""
    lines = [
        f"{one.name}: {one.usable} of {one.rows} rows can be used; {one.inputs}",
        f"target: {one.target}{unit}, {one.task}",
    ]
    if one.numbers:
        said = ", ".join(f"{name} {value:.4g}" for name, value in one.numbers.items())
        lines.append(f"values: {said}")
    if one.classes:
        shown = [f"{name} {count}" for name, count in list(one.classes.items())[:_CLASSES]]
        more = [f"{len(one.classes) - _CLASSES} more"] if len(one.classes) > _CLASSES else []
        lines.append(f"classes: {', '.join([*shown, *more])}")
    if one.elements:
        shown = [f"{name} {share:.0%}" for name, share in list(one.elements.items())[:_ELEMENTS]]
        more = [f"{len(one.elements) - _ELEMENTS} more"] if len(one.elements) > _ELEMENTS else []
        lines.append(f"elements: {len(one.elements)}, in share of rows: {', '.join([*shown, *more])}")
    if one.formulas is not None:
        lines.append(f"formulas: {one.formulas} different")
    if one.atoms is not None:
        fewest, median, most = one.atoms
        lines.append(f"atoms a cell: {fewest} to {most}, median {median:g}")
    named = (("source", one.source), ("licence", one.licence), ("citation", one.citation))
    return [*lines, *(f"{name}: {text}" for name, text in named if text)]


def _columns(one: Description) -> Table:
    table = _table("column", "taken for", "holds", "empty")
    for column in one.columns[:_COLUMNS]:
        table.add_row(escape(column.name), column.role, column.kind, str(column.missing or ""))
    return table


def _findings(one: Description) -> Table:
    table = _table("found", "rows", "e.g.", "what is done")
    for finding in one.findings:
        table.add_row(escape(finding.what), str(finding.rows), escape("; ".join(finding.examples)), finding.action)
    return table
