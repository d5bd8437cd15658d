"""Cells in worker processes of this machine: one thread each, reused, and allowed to die.

Workers are started afresh (spawned), get the job once, and load heavy libraries when a cell first needs
them. A worker that crashes or outruns the time limit costs its own cell only.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automat_featurizers.environment import die_with_parent, environment, without_main

from automat import _process
from automat.evaluate import Job, failed_record, run_cell

if TYPE_CHECKING:
    from automat.core import Cell, Predictions, RunRecord

OnRecord = Callable[["RunRecord", "Predictions | None"], None]
OnRunning = Callable[[Sequence["Cell"]], None]

_POLL_SECONDS = 0.2
_job: Job | None = None


def run_cells(
    job: Job,
    cells: Sequence[Cell],
    *,
    jobs: int,
    on_record: OnRecord,
    on_running: OnRunning = lambda _cells: None,
    time_limit: float | None = None,
) -> None:
    """Run cells in the given order on ``jobs`` workers.

    Args:
        job: what the cells share.
        cells: in the order they should start.
        jobs: worker processes.
        on_record: called in this process with every record as it comes.
        on_running: called now and then with the cells that run.
        time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.

    Raises:
        KeyboardInterrupt: passed on, once the workers are stopped.
    """
    if not cells:
        return
    from automat_featurizers.worker_pool import WorkerPool

    with (
        tempfile.TemporaryDirectory(prefix="automat-") as folder,
        environment(_process.ONE_THREAD),
        without_main(),
    ):
        pool: Any = WorkerPool(min(jobs, len(cells)), _start_worker, (str(_write_job(job, Path(folder))),))
        try:
            futures = {pool.schedule(_run_in_worker, args=(cell,), timeout=time_limit): cell for cell in cells}
            waiting: set[Any] = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    on_record(*_result(job, futures[future], future, time_limit))
                on_running([cell for future, cell in futures.items() if future.running()])
            pool.close()
            pool.join()
        except BaseException:
            pool.stop()
            pool.join()
            raise


def _write_job(job: Job, folder: Path) -> Path:
    """The job as a file of this run alone: a pipe would hold it once a worker."""
    import cloudpickle

    path = folder / "job"
    path.write_bytes(cloudpickle.dumps(job))
    return path


def _start_worker(path: str) -> None:
    global _job  # noqa: PLW0603 - a worker holds one job for its life
    import pickle
    import signal

    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    # Libraries print what they please; their output must not break into the progress bar.
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.dup2(sink, sys.stderr.fileno())
    _job = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by this very run


def _run_in_worker(cell: Cell) -> tuple[RunRecord, Predictions | None]:
    if _job is None:
        raise RuntimeError("the worker has no job")
    return run_cell(_job, cell)


def _result(job: Job, cell: Cell, future: Any, time_limit: float | None) -> tuple[RunRecord, Predictions | None]:
    from pebble import ProcessExpired

    try:
        result: tuple[RunRecord, Predictions | None] = future.result()
    except TimeoutError:
        return failed_record(job, cell, "timeout", f"stopped after the time limit of {time_limit:g} s"), None
    except ProcessExpired as error:
        return failed_record(job, cell, "failed", f"the worker process died (exit code {error.exitcode})"), None
    except Exception as error:  # noqa: BLE001 - e.g. a result that cannot be sent back
        return failed_record(job, cell, "failed", f"{type(error).__name__}: {error}"), None
    return result


def default_jobs() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
