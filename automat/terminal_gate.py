"""What the terminal shows of a check and of the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat_leaderboards import TITLES
from rich.markup import escape

from automat.core import InputError
from automat.judgement import markdown, spent
from automat.terminal_lists import _console, _table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from automat.check import CheckReport
    from automat.judgement import Judgement

_STYLES = {"ok": "", "failed": "bold red", "skipped": "dim"}


def print_check(report: CheckReport) -> None:
    """A line a promise, under every model, and one that sums up."""
    console = _console()
    for model in report.models:
        takes = f" (takes {model.input})" if model.input else ""
        console.print(f"{model.name}{takes}", markup=False, style="bold")
        for line in model.lines:
            name = f"{line.name} ({line.task})" if line.task else line.name
            text = f"  {line.status:<8}{name}{f': {line.message}' if line.message else ''}"
            console.print(text, markup=False, highlight=False, soft_wrap=True, style=_STYLES[line.status])
    lines = [line for model in report.models for line in model.lines]
    failed = sum(line.status == "failed" for line in lines)
    untried = sum(line.status == "skipped" for line in lines)
    rest = f", {untried} not tried" if untried else ""
    verdict = f"{failed} of {len(lines)} checks failed{rest}" if failed else f"all {len(lines)} checks are ok"
    console.print(f"{report.subject}: {verdict}", markup=False, soft_wrap=True)


def print_judgement(judgement: Judgement, console: Console | None = None) -> None:
    """The verdict, the two beside each other, how it was judged, and the page."""
    console = console or _console()
    unit = judgement.unit_of_metric
    console.print(judgement.sentence, markup=False, soft_wrap=True)
    table = _table("", "entrant", "features", f"{TITLES[judgement.metric]}{unit}", "budget")
    for role, side in (("model", judgement.mine), ("baseline", judgement.baseline)):
        score = f"{side.mean:.4f} ± {side.std:.4f}"
        table.add_row(role, escape(side.model), escape(side.features), score, escape(spent(side.budget)))
    console.print(table)
    for line in judgement.notes:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.file.write(f"leaderboard: {judgement.page}\n")


def write_summary(path: Path | None, result: Judgement | InputError) -> None:
    """Append a verdict, or why there is none, to a Markdown file, where one is named.

    Raises:
        InputError: the file cannot be written.
    """
    if path is None:
        return
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(markdown(result))
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
