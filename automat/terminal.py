"""What the terminal shows: progress, and tables in the order verdict, table, path."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Self

import automat_leaderboards
from automat_leaderboards import HIGHER_IS_BETTER, TITLES
from automat_leaderboards.metrics import PRIMARY
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from automat_leaderboards import Leaderboard, Row

    from automat.api import RunResult
    from automat.core import Cell, RunRecord

_SHOWN = {
    "regression": ("mae", "rmse", "r2"),
    "classification": ("roc_auc", "balanced_accuracy", "f1", "mcc"),
}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_WIDE = 200
_TEXT = ("entrant", "features")
_COLUMNS = (
    (90, ("#", "entrant", "train", "skill", "failed")),
    (150, ("#", "entrant", "features", "train", "skill", "tune s", "fit s", "failed")),
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


class ProgressBar:
    """What runs, what is left, and the best so far; silent where the output is not a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        self._features = self._bar.add_task("features", total=None, visible=False, note="")
        self._cells = self._bar.add_task("cells", total=None, visible=False, note="")
        self._scores: dict[str, list[float]] = {}
        self._metric = ""
        self._running = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def featurizing(self, done: int, total: int) -> None:
        """``done`` of ``total`` rows are featurized."""
        self._bar.update(self._features, completed=done, total=total, visible=done < total)

    def start_cells(self, total: int, done: int) -> None:
        """``done`` of ``total`` cells were found finished."""
        self._bar.update(self._features, visible=False)
        self._bar.update(self._cells, completed=done, total=total, visible=True)

    def running(self, cells: Sequence[Cell]) -> None:
        """These cells run now."""
        self._running = ", ".join(f"{cell.model} {cell.fold + 1}/{cell.split.folds}" for cell in cells)
        self._note()

    def finished(self, record: RunRecord) -> None:
        """A cell ended."""
        self._metric = PRIMARY[record.task]
        value = record.metrics.get("test", {}).get(self._metric)
        if record.status == "ok" and value is not None:
            self._scores.setdefault(record.cell.model, []).append(value)
        else:
            self._bar.console.print(f"[red]{record.cell.model}, fold {record.cell.fold + 1}: ", end="")
            self._bar.console.print(f"{record.status}, {record.error}", markup=False)
        self._bar.advance(self._cells)
        self._note()

    def _note(self) -> None:
        note = self._running
        if self._scores:
            means = {model: sum(values) / len(values) for model, values in self._scores.items()}
            best = (max if self._metric in HIGHER_IS_BETTER else min)(means, key=means.__getitem__)
            note += f" · best so far {best} {means[best]:.4g} ({len(self._scores[best])} folds)"
        self._bar.update(self._cells, note=note)


def print_run(result: RunResult, console: Console | None = None) -> None:
    """The verdict, the table, and the path on a line of its own."""
    console = console or _console()
    print_boards([result.board], console)
    for name, reason in result.left_out.items():
        console.print(f"not entered: {name} ({reason})", markup=False)
    console.print(f"{result.computed} cells computed, {result.reused} found done, {result.failed} failed")
    # Written past rich, which would wrap a long path.
    console.file.write(f"leaderboard: {result.page}\n")


def print_boards(boards: Sequence[Leaderboard], console: Console | None = None) -> None:
    """Every board: its verdict, then its table."""
    console = console or _console()
    for board in boards:
        console.print(automat_leaderboards.verdict(board), markup=False, soft_wrap=True)
        console.print(_board_table(board, console.width))


def write_board(board: Leaderboard, *, csv: Path | None, json: Path | None) -> None:
    """Write the board to the files that are named.

    Raises:
        InputError: a file that cannot be written.
    """
    for path, write in ((csv, automat_leaderboards.to_csv), (json, automat_leaderboards.to_json)):
        if path is None:
            continue
        try:
            path.write_text(write(board), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def print_datasets() -> None:
    """The embedded datasets."""
    from automat import datasets

    table = _table("name", "rows", "task", "unit", "spread", "inputs", "source")
    for info in datasets.available():
        spread = f"{info.spread:.3g}" if info.task == "regression" else f"{info.spread:.0%} outside the largest class"
        table.add_row(info.name, str(info.rows), info.task, info.unit, spread, info.inputs, info.source)
    console = _console()
    console.print(table)
    console.print("spread: mean absolute deviation of the target, what guessing its mean costs")


def print_models() -> None:
    """The registered models."""
    from automat.models import registry, unavailable_because

    table = _table("name", "takes", "tasks", "cost", "available", "licence", "citation, and source of search ranges")
    for model in sorted(registry().values(), key=lambda model: model.name):
        state = unavailable_because(model) or "yes"
        tasks = ", ".join(model.tasks)
        table.add_row(model.name, model.input, tasks, model.cost, state, model.licence, model.citation)
    _console().print(table)


def print_featurizers() -> None:
    """The feature sets, and the featurizers they are made of."""
    import automat_featurizers

    sets = _table("name", "takes", "columns", "ms a row", "what", "citation")
    for found in automat_featurizers.feature_sets():
        papers = "; ".join(citation.partition(")")[0] + ")" for citation in found.citation.split("; "))
        sets.add_row(found.name, found.takes, str(found.columns), f"{found.cost_ms:.3g}", found.summary, papers)
    singles = _table("name", "takes", "columns", "ms a row", "what", "citation")
    for name, kind in sorted(automat_featurizers.featurizers().items()):
        what = (kind.__doc__ or "").partition("\n")[0]
        made = kind()
        columns = str(len(made.get_feature_names_out())) if made.__sklearn_is_fitted__() else "as learned"
        singles.add_row(name, kind.takes, columns, f"{kind.cost_ms:.3g}", what, kind.citation)
    console = _console()
    console.print(sets)
    console.print("Single featurizers; --features also takes these, and several joined by '+':", style="dim")
    console.print(singles)
    console.print("Any other featurizer of matminer: matminer:CLASS or matminer:CLASS(PRESET)", style="dim")


def print_splits() -> None:
    """The splits."""
    from automat.splits import SPLITS

    table = _table("name", "what its score tells")
    for kind in SPLITS.values():
        table.add_row(kind.name, kind.summary)
    _console().print(table)


def _table(*heads: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=head in {"name", "rows", "tasks", "spread", "unit"})
    return table


def _console() -> Console:
    console = Console()
    # A pipe has no width of its own; 80 columns would break every row of the table.
    return console if console.is_terminal else Console(width=_WIDE)


def _board_table(board: Leaderboard, width: int) -> Table:
    title = f"{board.dataset}: {board.split} split, {board.folds} folds, seed {board.seed}, {board.preset}"
    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    rows = [_board_cells(board, row) for row in board.rows]
    narrow = next((names for room, names in _COLUMNS if width < room), tuple(rows[0]))
    shown = [name for name in rows[0] if name in narrow or name == _score_title(board, board.metric)]
    for name in shown:
        table.add_column(name, justify="left" if name in _TEXT else "right", no_wrap=True)
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
        "#": str(row.rank or "-"),
        "entrant": row.model,
        "features": row.features,
        **{_score_title(board, metric): score(metric) for metric in _SHOWN[board.task]},
        "train": number(row.mean["train"][board.metric], ".4f"),
        "skill": number(row.skill, ".3f"),
        "tune s": number(row.tune_seconds, ".1f"),
        "fit s": number(row.fit_seconds, ".1f"),
        "predict s": number(row.predict_seconds, ".2f"),
        "MB": number(row.peak_memory_mb, ".0f"),
        "failed": str(row.folds_failed or ""),
    }
