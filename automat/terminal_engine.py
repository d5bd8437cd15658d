"""What the terminal takes and shows of the engine: limits, what a run would cost, what works here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from automat.core import InputError
from automat.executors.memory import in_words
from automat.terminal_lists import _console

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from automat.doctor import Finding
    from automat.forecast import Forecast

_MB = 1_000_000
_MINUTE, _HOUR = 60.0, 3600.0
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}
_POWERS = {"M": 2, "G": 3, "T": 4}


def parse_size(text: str) -> int:
    """Bytes of a size like ``500MB``, ``8GB`` or ``8GiB``; the first two are decimal, the last is 1024 to the third.

    >>> parse_size("8GB"), parse_size("1.5 GiB")
    (8000000000, 1610612736)

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MGT])(I?)B?", text.strip().upper())
    if not found or float(found[1]) == 0:
        raise InputError(f"memory limit {text!r} is not a size; write 500MB, 8GB or 8GiB")
    unit: int = (1024 if found[3] else 1000) ** _POWERS[found[2]]
    return round(float(found[1]) * unit)


def duration(seconds: float) -> str:
    """A duration as people say it.

    >>> duration(4.2), duration(600), duration(90_000)
    ('4.2 s', '10 min', '25 h')
    """
    for unit, name in ((_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{seconds:.3g} s"


def print_forecasts(forecasts: Sequence[Forecast], absent: Mapping[str, str], console: Console | None = None) -> None:
    """What runs would cost: a table a dataset, or where there are several a line each; then the sum."""
    console = console or _console()
    if len(forecasts) == 1:
        _print_entrants(forecasts[0], console)
    else:
        _print_datasets(forecasts, console)
    if absent:
        names = ", ".join(absent)
        console.print(f"planned by the number of rows alone, since they are not here: {names}", markup=False)
    if not forecasts:
        return
    unknown, missing = sum(each.unknown for each in forecasts), sum(each.cells - each.cached for each in forecasts)
    known = f"{missing - unknown} of {missing} missing cells" if unknown else f"{missing} missing cells"
    spent, wall = sum(each.cpu_seconds for each in forecasts), sum(each.wall_seconds for each in forecasts)
    memory = in_words(max(each.memory_mb for each in forecasts) * _MB)
    workers = forecasts[0].workers
    console.print(
        f"{known}: {duration(spent)} of CPU, {duration(wall)} on {workers} workers, "
        f"up to {memory} more a worker than it starts with"
    )
    if unknown:
        console.print(f"{unknown} missing cells have no records to tell their cost: they come on top")


def _print_entrants(forecast: Forecast, console: Console) -> None:
    title = (
        f"{forecast.dataset}: {forecast.rows} rows, {forecast.split} split, {forecast.folds} folds, {forecast.preset}"
    )
    table = _table(title, "entrant", "features", "cells", "cached", "missing", "CPU", "memory", "from records", "rows^")
    for each in forecast.entrants:
        cpu = "unknown" if each.cpu_seconds is None else duration(each.cpu_seconds) if each.missing else ""
        memory = "unknown" if each.memory_mb is None else in_words(each.memory_mb * _MB) if each.missing else ""
        power = f"{each.power:.2g}" if each.records else ""
        counts = (str(number) for number in (each.cells, each.cached, each.missing))
        table.add_row(escape(each.model), escape(each.features), *counts, cpu, memory, str(each.records), power)
    console.print(table)
    for features, seconds in forecast.featurize.items():
        cost = "unknown" if seconds is None else duration(seconds)
        console.print(f"features {features}: {cost} of CPU, once, unless the cache has them", markup=False)
    for name, reason in forecast.left_out.items():
        console.print(f"cannot enter: {name} ({reason})", markup=False)


def _print_datasets(forecasts: Sequence[Forecast], console: Console) -> None:
    heads = ("dataset", "rows", "folds", "entrants", "cells", "cached", "unknown", "CPU", "wall", "memory")
    table = _table("", *heads)
    for each in forecasts:
        is_known = each.unknown < each.cells - each.cached
        costs = (duration(each.cpu_seconds), duration(each.wall_seconds), in_words(each.memory_mb * _MB))
        counts = (each.rows, each.folds, len(each.entrants), each.cells, each.cached, each.unknown)
        table.add_row(escape(each.dataset), *map(str, counts), *(costs if is_known else ("", "", "")))
    console.print(table)


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """What was looked at, what was found, and what to do; last the verdict."""
    console = console or _console()
    table = _table("", "what", "", "found", "to do")
    for each in findings:
        state = f"[{_COLOURS[each.state]}]{each.state}[/]"
        table.add_row(escape(each.about), state, escape(each.says), escape(each.remedy))
    console.print(table)
    wrong, notes = (sum(each.state == state for each in findings) for state in ("wrong", "note"))
    console.print(f"{wrong} wrong, {notes} to note, {len(findings) - wrong - notes} as they should be")


def _table(title: str, *heads: str) -> Table:
    table = Table(title=escape(title) or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    numbers = {"cells", "cached", "missing", "unknown", "CPU", "wall", "memory", "from records", "rows^", "rows"}
    for head in heads:
        table.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    return table
