"""Cells in worker processes of this machine: one thread each, reused, and allowed to die.

Workers are started afresh (spawned), get the job once, and load heavy libraries when a cell first needs
them. A worker that crashes or outruns a limit costs its own cell only.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from automat_featurizers.environment import environment, without_main

from automat import _process
from automat.evaluate import Job, Result, failed_record, steps_of
from automat.executors import parcels
from automat.executors.claims import Queue
from automat.executors.crew import OnRecord, OnRunning, run_through, unexplained
from automat.executors.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from automat.core import Cell


class Local:
    """Processes of this machine."""

    def connect(self) -> None:
        """They can always be started."""

    def run_cells(
        self,
        job: Job,
        cells: Sequence[Cell] | Queue,
        *,
        jobs: int | None,
        on_record: OnRecord,
        on_running: OnRunning = lambda _cells: None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        """Run cells in the given order on ``jobs`` workers, one a core when None; see ``Executor``."""
        queue = cells if isinstance(cells, Queue) else Queue(cells)
        if not len(queue):
            return
        with (
            tempfile.TemporaryDirectory(prefix="automat-", ignore_cleanup_errors=True) as name,
            conditions(),
            Workers(
                min(default_jobs() if jobs is None else jobs, len(queue)),
                prepare,
                str(Path(name) / parcels.write(job, Path(name)).job),
                folder=Path(name),
                time_limit=time_limit,
                memory_limit=memory_limit,
            ) as workers,
        ):
            run_through(workers, job, queue, on_record=on_record, on_running=on_running)


@contextmanager
def conditions() -> Iterator[None]:
    """What a worker process finds when it is started inside."""
    with environment(_process.ONE_THREAD), without_main():
        yield


def prepare(path: str) -> Callable[[Cell], Iterator[Result]]:
    """What a worker does: it holds one job for its life."""
    job: Job = parcels.read(Path(path).parent, Path(path).name)  # written by this very run
    os.environ.update(job.environment)  # another machine may say otherwise
    if job.partial and not Path(job.partial).parent.is_dir():  # another machine, which does not see the run's folder
        job = replace(job, partial="")

    def run(cell: Cell) -> Iterator[Result]:
        result: Result | None = None
        try:
            for result in steps_of(job, cell):
                yield result
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit, or whatever a library has made of its own
            reason = f"{type(error).__name__}: {error}"
            failed = (failed_record(job, cell, "failed", reason), None)
            yield failed if result is None else unexplained(job, result, reason)

    return run


def default_jobs() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
