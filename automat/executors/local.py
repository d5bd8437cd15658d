"""Cells in worker processes of this machine: one thread each, reused, and allowed to die.

Workers are started afresh (spawned), get the job once, and load heavy libraries when a cell first needs
them. A worker that crashes or outruns a limit costs its own cell only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from automat_featurizers.environment import environment, without_main

from automat import _process
from automat.evaluate import Job, failed_record, run_cell
from automat.executors.claims import Queue
from automat.executors.workers import Ended, Workers

if TYPE_CHECKING:
    from automat.core import Cell, Predictions, RunRecord

OnRecord = Callable[["RunRecord", "Predictions | None"], None]
OnRunning = Callable[[Sequence["Cell"]], None]

_POLL_SECONDS = 0.2
_STATUS = {"time": "timeout", "memory": "out_of_memory", "system": "out_of_memory", "death": "failed"}


def run_cells(
    job: Job,
    cells: Sequence[Cell] | Queue,
    *,
    jobs: int,
    on_record: OnRecord,
    on_running: OnRunning = lambda _cells: None,
    time_limit: float | None = None,
    memory_limit: int | None = None,
) -> None:
    """Run cells in the given order on ``jobs`` workers.

    Args:
        job: what the cells share.
        cells: in the order they should start, or a queue that other runs look at too.
        jobs: worker processes.
        on_record: called in this process with every record as it comes.
        on_running: called now and then with the cells that run.
        time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.
        memory_limit: bytes that a cell's worker, with all it starts, may hold; one that holds more is ended and
            becomes an ``out_of_memory`` record. It is looked at five times a second.

    Raises:
        KeyboardInterrupt: passed on, once the workers are stopped.
    """
    queue = cells if isinstance(cells, Queue) else Queue(cells)
    if not len(queue):
        return
    with (
        tempfile.TemporaryDirectory(prefix="automat-", ignore_cleanup_errors=True) as folder,
        environment(_process.ONE_THREAD),
        without_main(),
        Workers(
            min(jobs, len(queue)),
            _prepare,
            str(_write_job(job, Path(folder))),
            folder=Path(folder),
            time_limit=time_limit,
            memory_limit=memory_limit,
        ) as workers,
    ):
        try:
            while len(queue) or workers.works:
                # Those that died are replaced while there is work for them.
                workers.start(len(queue) + len(workers.works))
                ended = workers.wait(_POLL_SECONDS)
                for worker in workers.idle():
                    cell = queue.next()
                    if cell is None:
                        break
                    worker.give(cell)
                for each in ended:
                    on_record(*_result(job, each))
                    queue.drop(each.work)
                queue.renew()
                on_running(workers.works)
        finally:
            queue.close()


def _write_job(job: Job, folder: Path) -> Path:
    """The job as a file of this run alone: a pipe would hold it once a worker."""
    import cloudpickle

    path = folder / "job"
    path.write_bytes(cloudpickle.dumps(job))
    return path


def _prepare(path: str) -> Callable[[Cell], tuple[RunRecord, Predictions | None]]:
    """What a worker does: it holds one job for its life."""
    import pickle

    job: Job = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by this very run

    def run(cell: Cell) -> tuple[RunRecord, Predictions | None]:
        try:
            return run_cell(job, cell)
        except BaseException as error:  # noqa: BLE001 - SystemExit, or whatever a library has made of its own
            return failed_record(job, cell, "failed", f"{type(error).__name__}: {error}"), None

    return run


def _result(job: Job, ended: Ended) -> tuple[RunRecord, Predictions | None]:
    if ended.by == "result":
        result: tuple[RunRecord, Predictions | None] = ended.value
        return result
    return failed_record(job, ended.work, _STATUS[ended.by], ended.reason), None


def default_jobs() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
