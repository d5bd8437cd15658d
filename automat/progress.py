"""What a run does, while it does it: in a terminal, and in a notebook."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from automat_leaderboards.metrics import HIGHER_IS_BETTER, PRIMARY
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from automat.core import Cell, RunRecord

Given = TypeVar("Given")


class ProgressBar:
    """What runs, what is left, and the best so far; silent where the output is neither a terminal nor a notebook."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            disable=not (self._console.is_terminal or self._console.is_jupyter),
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
        """``done`` of ``total`` cells were found finished; scores of an earlier split are another matter."""
        self._scores.clear()
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


@contextmanager
def shown(progress: Given | None) -> Iterator[Given | ProgressBar | None]:
    """The progress that is given; in a notebook, where none is, a bar of its own."""
    if progress is not None or "ipykernel" not in sys.modules or not Console().is_jupyter:
        yield progress
        return
    with ProgressBar() as bar:
        yield bar
