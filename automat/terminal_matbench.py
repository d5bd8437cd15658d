"""What the terminal shows of Matbench: published figures beside boards, and a submission that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat_leaderboards import TITLES, published
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from automat import matbench_submission
from automat.store import Store
from automat.terminal_lists import _console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from automat_leaderboards import Leaderboard
    from automat_leaderboards.published import PublishedRow
    from rich.console import Console

_SHOWN = {
    "regression": ("mae", "rmse"),
    "classification": ("balanced_accuracy", published.ROC_AUC_OF_LABELS, "f1"),
}
_TITLES = TITLES | {published.ROC_AUC_OF_LABELS: "ROC-AUC of labels"}


def print_published(boards: Sequence[Leaderboard], console: Console | None = None) -> None:
    """Published figures of every board that has them, in tables of their own: no ranks, and none of ours among them."""
    console = console or _console()
    shown: set[str] = set()
    for board in boards:
        rows = published.beside(board)
        if not rows or board.dataset in shown:
            continue
        shown.add(board.dataset)
        console.print(f"{board.dataset}: published, not run here (Matbench v0.1, the same folds)", style="italic")
        console.print(_table(board, rows))
        if board.task == "classification":
            console.print(published.LABELS_NOTE, style="dim", markup=False, soft_wrap=True)
    if shown:
        console.print(published.SPREAD_NOTE, style="dim", markup=False, soft_wrap=True)
        console.print("whom to cite: automat_leaderboards.published.published(DATASET)", style="dim", markup=False)
    else:
        console.print("no published figures: these are of Matbench's tasks with --split official", markup=False)


def write_submission(
    path: Path, runs: Path, *, dataset: str | None, model: str | None, console: Console | None = None
) -> None:
    """Write a submission, and say what is in it."""
    tasks = matbench_submission.write_submission(path, Store(runs), dataset=dataset, model=model)
    # Written past rich, which would wrap a long path.
    (console or _console()).file.write(f"submission: {path} ({', '.join(tasks)})\n")


def _table(board: Leaderboard, rows: Sequence[PublishedRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, style="dim")
    table.add_column("algorithm", no_wrap=True)
    metrics = _SHOWN[board.task]
    for name in metrics:
        unit = f" {board.unit}" if board.unit and board.task == "regression" else ""
        table.add_column(_TITLES[name] + unit, justify="right", no_wrap=True)
    for row in rows:
        cells = (f"{row.mean[name]:.4f} ± {row.std[name]:.4f}" if name in row.mean else "" for name in metrics)
        table.add_row(escape(row.algorithm), *cells)
    return table
