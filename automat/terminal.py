"""What the terminal shows: progress, and tables in the order verdict, table, path."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import automat_leaderboards
from automat_leaderboards import TITLES
from automat_leaderboards.significance import TESTS
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from automat import ladder, learning, whole_files
from automat.core import InputError
from automat.terminal_lists import _console

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from automat_leaderboards import Leaderboard, Row
    from rich.console import Console

    from automat.api import RunResult
    from automat.ladder import Ladder, LadderResult

_SHOWN = {
    "regression": ("mae", "rmse", "r2"),
    "classification": ("roc_auc", "balanced_accuracy", "f1", "mcc"),
}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TEXT = ("entrant", "features")
_COLUMNS = (
    (90, ("#", "entrant", "train", "skill", "failed")),
    (150, ("#", "entrant", "features", "ranks", "train", "skill", "tune s", "fit s", "failed")),
)
"""Below a terminal's width: the columns that stand beside the primary metric. Wider ones get all."""


def parse_duration(text: str) -> float:
    """Seconds of a duration like ``90s``, ``30m`` or ``2h``; a bare number is seconds.

    >>> parse_duration("30m")
    1800.0

    Raises:
        InputError: anything else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found or float(found[1]) == 0:
        raise InputError(f"time limit {text!r} is not a duration; write 90s, 30m or 2h")
    return float(found[1]) * _SECONDS[found[2] or "s"]


def print_results(results: Iterable[RunResult | LadderResult]) -> None:
    """One after the other."""
    for result in results:
        if isinstance(result, ladder.LadderResult):
            print_ladder(result)
        else:
            print_run(result)


def print_run(result: RunResult, console: Console | None = None) -> None:
    """The verdict, the table, and the path on a line of its own."""
    console = console or _console()
    print_boards([result.board], console)
    for name, reason in result.left_out.items():
        console.print(f"not entered: {name} ({reason})", markup=False)
    console.print(f"{result.computed} cells computed, {result.reused} found done, {result.failed} failed")
    for curve in result.learning.curves if result.learning else ():
        console.print(learning.sentence(curve), markup=False, soft_wrap=True)
    # Written past rich, which would wrap a long path.
    if result.model is not None:
        console.file.write(f"model: {result.model}\n")
    console.file.write(f"leaderboard: {result.page}\n")


def print_ladder(result: LadderResult, console: Console | None = None) -> None:
    """The sentence, a row an entrant and a column a split, how far the tests lie, and the paths."""
    console = console or _console()
    climbed = result.ladder
    console.print(ladder.sentence(climbed), markup=False, soft_wrap=True)
    console.print(_ladder_table(climbed, console.width))
    for kind, reason in climbed.left_out.items():
        console.print(f"left out: {kind} ({reason})", markup=False, soft_wrap=True)
    for name, reason in result.runs[0].left_out.items():
        console.print(f"not entered: {name} ({reason})", markup=False)
    computed, reused = (sum(getattr(run, name) for run in result.runs) for name in ("computed", "reused"))
    console.print(f"{computed} cells computed, {reused} found done, {result.failed} failed")
    first, *others = result.runs
    console.file.write(f"leaderboard: {first.page}\n")
    for run in others:
        console.file.write(f"page ({run.board.split}): {run.page}\n")
    console.file.write(f"ladder: {result.path}\n")


def print_boards(boards: Sequence[Leaderboard], console: Console | None = None) -> None:
    """Every board: its verdict, then its table."""
    console = console or _console()
    for board in boards:
        console.print(automat_leaderboards.verdict(board), markup=False, soft_wrap=True)
        console.print(_board_table(board, console.width))
        if any(row.tied for row in board.rows):
            console.print(f"=: tied with the best ({TESTS[board.tie_test]}, Holm, 5%)", style="dim")


def print_overviews(boards: Sequence[Leaderboard], console: Console | None = None) -> None:
    """What the boards of several datasets say together, where there are any."""
    console = console or _console()
    for overview in automat_leaderboards.overviews(boards):
        title = f"{len(overview.datasets)} datasets, {overview.split} split, {overview.preset}"
        table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for name in ("entrant", "score", "skill", "mean rank", "first", "datasets"):
            table.add_column(name, justify="left" if name in _TEXT else "right", no_wrap=True)
        for each in overview.standings:
            numbers = ["-" if math.isnan(x) else f"{x:.3f}" for x in (each.normalised, each.skill, each.mean_rank)]
            table.add_row(each.model, *numbers, str(each.wins), str(each.n_datasets))
        console.print(table)
        console.print("score: mean over datasets, 0 the dummy, 1 the best entrant; skill: 1 is perfect", style="dim")
        if overview.test:
            console.print(automat_leaderboards.rank_verdict(overview), markup=False, soft_wrap=True)


def write_board(
    board: Leaderboard,
    *,
    csv: Path | None = None,
    json: Path | None = None,
    latex: Path | None = None,
    markdown: Path | None = None,
) -> None:
    """Write the board to the files that are named.

    Raises:
        InputError: a file that cannot be written.
    """
    for path, write in (
        (csv, automat_leaderboards.to_csv),
        (json, automat_leaderboards.to_json),
        (latex, automat_leaderboards.to_latex),
        (markdown, automat_leaderboards.to_markdown),
    ):
        if path is None:
            continue
        try:
            whole_files.write(path, write(board))
        except OSError as error:
            raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _ladder_table(climbed: Ladder, width: int) -> Table:
    unit = f" {climbed.unit}" if climbed.unit and climbed.task == "regression" else ""
    title = f"{climbed.dataset}: {TITLES[climbed.metric]}{unit} by split (times the first), seed {climbed.seed}, "
    table = Table(title=title + climbed.preset, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    with_features = width > _COLUMNS[0][0]
    for name in ("entrant", "features") if with_features else ("entrant",):
        table.add_column(name, no_wrap=True)
    for rung in climbed.rungs:
        table.add_column(rung.split, justify="right")

    def add(name: str, beside: str, cells: Iterable[str]) -> None:
        table.add_row(name, *([beside] if with_features else []), *cells)

    for row in climbed.rows:
        pairs = list(zip(row.scores, row.ratios, strict=True))
        add(escape(row.model), escape(row.features), (_on_rung(*pair, first=pair is pairs[0]) for pair in pairs))
    table.add_section()
    rungs = climbed.rungs
    add("training rows", "median", (str(rung.train_rows) for rung in rungs))
    add("distance to training", "median, std a feature", (f"{rung.distance.median:.3f}" for rung in rungs))
    add("tests far from training", "beyond 95% of it", (f"{rung.distance.far:.0%}" for rung in rungs))
    return table


def _on_rung(score: float | None, ratio: float | None, *, first: bool) -> str:
    if score is None:
        return "-"
    return f"{score:.4f}" + ("" if first or ratio is None else f" ({ratio:.2f}x)")


def _board_table(board: Leaderboard, width: int) -> Table:
    title = f"{board.dataset}: {board.split} split, {board.folds} folds, seed {board.seed}, {board.preset}"
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    rows = [_board_cells(board, row) for row in board.rows]
    narrow = next((names for room, names in _COLUMNS if width < room), tuple(rows[0]))
    shown = [name for name in rows[0] if name in narrow or name == _score_title(board, board.metric)]
    for name in shown:
        # Where room is short names are cut, never numbers.
        least = None if name in _TEXT else max(len(name), *(len(cells[name]) for cells in rows))
        table.add_column(name, justify="left" if name in _TEXT else "right", no_wrap=True, min_width=least)
    for row, cells in zip(board.rows, rows, strict=True):
        table.add_row(*(cells[name] for name in shown), style="bold" if row.rank == 1 or row.tied else "")
    return table


def _score_title(board: Leaderboard, metric: str) -> str:
    return TITLES[metric] + (f" {board.unit}" if board.unit and metric in {"mae", "rmse"} else "")


def _board_cells(board: Leaderboard, row: Row) -> dict[str, str]:
    """Every column's title and text."""

    def number(value: float, pattern: str) -> str:
        return "" if math.isnan(value) else format(value, pattern)

    def score(metric: str) -> str:
        if not row.folds_ok:
            return "-"
        return f"{number(row.mean['test'][metric], '.4f')} ± {number(row.std['test'][metric], '.4f')}"

    return {
        "#": f"{row.rank or '-'}{'=' if row.tied else ''}",
        "entrant": row.model,
        "features": row.features,
        **{_score_title(board, metric): score(metric) for metric in _SHOWN[board.task]},
        "95%": " to ".join(filter(None, (number(end, ".4f") for end in row.interval))),
        "ranks": "-".join(str(rank) for rank in sorted(set(row.rank_range or ()))),
        "train": number(row.mean["train"][board.metric], ".4f"),
        "skill": number(row.skill, ".3f"),
        "tune s": number(row.tune_seconds, ".1f"),
        "fit s": number(row.fit_seconds, ".1f"),
        "predict s": number(row.predict_seconds, ".2f"),
        "MB": number(row.peak_memory_mb, ".0f"),
        "failed": str(row.folds_failed or ""),
    }
