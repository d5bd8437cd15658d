"""What a run computes: the missing cells of a plan, their inputs first, their records kept and shown as they come."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from automat import _process, plan
from automat.core import InputError
from automat.evaluate import Job
from automat.executors import leftovers, local
from automat.executors.claims import Queue
from automat.networks import backends
from automat.pages import NoPages, Pages
from automat.store import Store, check_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat.core import Cell, Predictions, RunRecord
    from automat.executors.crew import Executor


class Progress(plan.FeaturizeProgress, Protocol):
    """Told what a run does."""

    def start_cells(self, total: int, done: int) -> None:
        """``done`` of ``total`` cells were found finished."""

    def running(self, cells: Sequence[Cell]) -> None:
        """These cells run now."""

    def finished(self, record: RunRecord) -> None:
        """A cell ended, here or in another run over the same folder."""


@dataclass(frozen=True)
class Limits:
    """Where a run computes, and what it may take.

    Attributes:
        executor: where cells run.
        jobs: cells at once, at most, and processes of this machine that featurize; None: as many as there is room for.
        time_limit, memory_limit: of a cell.
    """

    executor: Executor
    jobs: int | None
    time_limit: float | None
    memory_limit: int | None


def store_in(out: Path) -> Store:
    """The records below a folder, which is made.

    Raises:
        InputError: it cannot be written to.
    """
    try:
        check_writable(out)
    except OSError as error:
        raise InputError(f"cannot write to the output folder {str(out)!r}: {error.strerror}") from error
    return Store(out)


def cache_dir(out: Path) -> Path:
    """Where features are kept: ``AUTOMAT_CACHE``, else the user's cache folder, else beside the records.

    Raises:
        InputError: ``AUTOMAT_CACHE`` names a folder that cannot be written to.
    """
    import platformdirs

    chosen = os.environ.get("AUTOMAT_CACHE")
    folder = Path(chosen or platformdirs.user_cache_dir("automat"))
    try:
        check_writable(folder)
    except OSError as error:
        if chosen:
            raise InputError(
                f"cannot write to the cache folder {chosen!r} (AUTOMAT_CACHE): {error.strerror}"
            ) from error
        return out / "cache"
    return folder


def compute_part(store: Store, planned: plan.Plan, limits: Limits, progress: Progress | None) -> None:
    """Compute what is missing of cells that stand on no board."""
    missing = [cell for cell in planned.cells if not store.is_done(cell)]
    compute(NoPages(store, planned, "", reload=False), missing, limits, progress)


def compute(pages: Pages, missing: Sequence[Cell], limits: Limits, progress: Progress | None) -> int:
    """Compute what is missing; how many cells that was, less those that another run has computed meanwhile."""
    store, planned = pages.store, pages.planned
    cache = cache_dir(store.root)
    leftovers.sweep(store, missing)
    if missing:
        limits.executor.connect()
    jobs = limits.jobs or local.default_jobs()
    inputs = plan.inputs(planned, missing, cache_dir=cache, jobs=jobs, progress=progress)
    pages.write_context([note for each in inputs.values() for note in each.notes])
    if progress:
        progress.start_cells(total=len(planned.cells), done=len(planned.cells) - len(missing))
    if not missing:
        return 0
    partial = store.partial_folder(planned.dataset.name).resolve()
    # A worker that does not see the run's folder keeps no partial work; cells of no board have made none yet.
    partial.parent.mkdir(parents=True, exist_ok=True)
    job = Job(
        dataset=planned.dataset,
        folds=planned.folds,
        models={model.name: model for model in planned.models},
        inputs=inputs,
        versions=_process.versions(),
        commit=_process.commit(),
        environment=backends.surroundings(),
        partial=str(partial),
        explains=pages.tell_what_is_learned,
    )
    computed = 0

    def keep(record: RunRecord, predictions: Predictions | None) -> None:
        nonlocal computed
        store.write(record, predictions)
        computed += 1
        show(record)

    def found(cell: Cell) -> None:
        record = store.read(cell)
        if record is not None:
            show(record)

    def show(record: RunRecord) -> None:
        if progress:
            progress.finished(record)
        pages.render_now_and_then()

    limits.executor.run_cells(
        job,
        Queue(missing, store, on_found=found),
        jobs=limits.jobs,
        on_record=keep,
        on_running=progress.running if progress else lambda _cells: None,
        time_limit=limits.time_limit,
        memory_limit=limits.memory_limit,
    )
    return computed
