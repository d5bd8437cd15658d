"""What the terminal shows of an audit and of a verification: verdict, tables, remarks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from automat.audit.result import ANY, percent
from automat.terminal_lists import _console, _table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from automat.audit.result import Audit, EntrantErrors
    from automat.verify.result import Verification

_EXAMPLES = 3
_FOLDS = 12


def print_audit(audit: Audit, console: Console | None = None) -> None:
    """The verdict, the shares by kind and fold, examples, the entrants, and what each kind means."""
    console = console or _console()
    console.print(audit.verdict, markup=False, soft_wrap=True)
    console.print(_shares(audit))
    if len(audit.touched) > _FOLDS:
        console.print(f"the {_FOLDS} folds with the largest shares, of {len(audit.touched)}", style="dim")
    if audit.examples:
        console.print(_examples(audit))
    if any(one.touched_rows for one in audit.errors):
        console.print(_errors(audit))
        console.print(_of_errors(audit), markup=False, soft_wrap=True)
    for kind in audit.kinds:
        console.print(f"{kind.title}: {kind.definition}", markup=False, soft_wrap=True, style="dim")
    for note in audit.notes:
        console.print(note, markup=False, soft_wrap=True)


def print_verification(verification: Verification, console: Console | None = None) -> None:
    """A line for everything that does not hold, and a summary."""
    console = console or _console()
    for found in verification.disagreements:
        console.print(f"{found.file}: {found.what}", markup=False, highlight=False, soft_wrap=True)
    console.print(verification.summary, markup=False, soft_wrap=True)


def _shares(audit: Audit) -> Table:
    table = _table("fold", "left out", "test rows", *(kind.title for kind in audit.kinds), "any of these")
    names = [*(kind.name for kind in audit.kinds), ANY]
    shown = sorted(audit.touched, key=lambda fold: -fold.share())[:_FOLDS]
    for fold in sorted(shown, key=lambda fold: fold.fold):
        cells = [f"{fold.rows[name]} ({percent(fold.share(name))})" for name in names]
        table.add_row(str(fold.fold + 1), fold.label, str(fold.test_rows), *cells)
    tested = sum(fold.test_rows for fold in audit.touched)
    sums = [f"{sum(fold.rows[name] for fold in audit.touched)} ({percent(audit.share(name))})" for name in names]
    table.add_row("all", "", str(tested), *sums, style="bold")
    return table


def _examples(audit: Audit) -> Table:
    table = _table("kind", "fold", "test row", "training row", f"targets {audit.unit}".strip())
    for kind in audit.kinds:
        for one in [example for example in audit.examples if example.kind == kind.name][:_EXAMPLES]:
            rows = (f"{one.test_id} {one.test_formula}".strip(), f"{one.train_id} {one.train_formula}".strip())
            table.add_row(kind.title, str(one.fold + 1), *rows, f"{one.test_target:g}, {one.train_target:g}")
    return table


def _errors(audit: Audit) -> Table:
    unit = f" {audit.unit}" if audit.unit and audit.errors[0].measure == "mae" else ""
    measure = audit.errors[0].measure.replace("_", " ") + unit
    table = _table("entrant", "features", "preset", "rows", f"{measure}, touched", "clean", "difference (95% interval)")
    titles = _titles(audit)
    for one in audit.errors:
        if not one.touched_rows or _says_nothing_new(one, audit):
            continue
        interval = "too few to tell" if math.isnan(one.low) else f"({one.low:+.4f} to {one.high:+.4f})"
        table.add_row(
            one.model,
            one.features,
            one.preset,
            titles[one.kind],
            f"{one.touched:.4f} ({one.touched_rows} rows)",
            f"{one.clean:.4f} ({one.clean_rows} rows)",
            f"{one.difference:+.4f} {interval}",
            style="bold" if one.tells else "",
        )
    return table


def _of_errors(audit: Audit) -> str:
    """Whom touched rows help, in a sentence."""
    titles = _titles(audit)
    said = []
    for verb, certain in (
        ("less", [one for one in audit.errors if one.high < 0]),
        ("more", [one for one in audit.errors if one.low > 0]),
    ):
        models: dict[str, list[str]] = {}
        for one in certain:
            models.setdefault(one.model, []).append(titles[one.kind])
        names = "; ".join(f"{model} ({', '.join(dict.fromkeys(kinds))})" for model, kinds in models.items())
        said.append(f"For certain {verb} error on touched than on clean rows: {names or 'no entrant'}.")
    return " ".join([*said, "Touched rows may be easier or harder by nature: the dummy, which learns no row, tells."])


def _says_nothing_new(one: EntrantErrors, audit: Audit) -> bool:
    """Whether some kind alone touches all rows that any kind does: the line would be there twice."""
    tested = sum(fold.rows[ANY] for fold in audit.touched)
    return one.kind == ANY and any(
        sum(fold.rows[kind.name] for fold in audit.touched) == tested for kind in audit.kinds
    )


def _titles(audit: Audit) -> dict[str, str]:
    return {kind.name: kind.title for kind in audit.kinds} | {ANY: "any of these"}
