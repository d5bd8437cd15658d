"""Cells in worker processes of this machine: one thread each, reused, and allowed to die.

Workers are started afresh (spawned), get the job once, and load heavy libraries when a cell first needs
them. A worker that crashes or outruns a limit costs its own cell only.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from automat_featurizers.environment import environment, without_main

from automat import _process
from automat.evaluate import Job, Result, failed_record, steps_of
from automat.executors import parcels
from automat.executors.crew import CellLimits, CrewExecutor, unexplained
from automat.executors.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from automat.core import Cell


class Local(CrewExecutor):
    """Processes of this machine, one a core unless the run says how many."""

    def connect(self) -> None:
        """They can always be started."""

    @contextmanager
    def crew(self, job: Job, folder: Path, limits: CellLimits) -> Iterator[Workers]:
        """Workers that hold the job; see ``CrewExecutor``."""
        with (
            conditions(),
            Workers(
                default_jobs() if limits.jobs is None else limits.jobs,
                prepare,
                str(folder / parcels.write(job, folder).job),
                folder=folder,
                time_limit=limits.time_limit,
                memory_limit=limits.memory_limit,
            ) as workers,
        ):
            yield workers


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
