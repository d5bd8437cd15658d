"""How cells run, wherever they run: each is given to who is free, and what comes back is kept."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from automat.evaluate import failed_record
from automat.executors.claims import Queue

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from automat.core import Cell, Predictions, RunRecord
    from automat.evaluate import Job, Result
    from automat.executors.workers import Ended

OnRecord = Callable[["RunRecord", "Predictions | None"], None]
OnRunning = Callable[[Sequence["Cell"]], None]

_POLL_SECONDS = 0.2
_STATUS = {"time": "timeout", "memory": "out_of_memory", "system": "out_of_memory", "death": "failed"}


class Executor(Protocol):
    """A place where cells run."""

    def connect(self) -> None:
        """Find out whether cells can run there, before anything is prepared for them.

        Raises:
            InputError: they cannot.
        """

    def run_cells(
        self,
        job: Job,
        cells: Sequence[Cell] | Queue,
        *,
        jobs: int | None,
        on_record: OnRecord,
        on_running: OnRunning = ...,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        """Run cells in the given order.

        Args:
            job: what the cells share.
            cells: in the order they should start, or a queue that other runs look at too.
            jobs: how many run at once, at most; as many as there is room for when None.
            on_record: called in this process with every record as it comes.
            on_running: called now and then with the cells that run.
            time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.
            memory_limit: bytes that a cell's worker, with all it starts, may hold; one that holds more is ended and
                becomes an ``out_of_memory`` record. It is looked at five times a second.

        Raises:
            KeyboardInterrupt: passed on, once nothing runs any more.
            EngineError: cells cannot be computed any more.
        """


class CrewExecutor(ABC):
    """A place where a crew computes the cells, from parcels in a folder of the run alone; see ``Executor``."""

    @abstractmethod
    def crew(self, job: Job, folder: Path, limits: CellLimits) -> AbstractContextManager[Crew]:
        """Those who compute the cells of a job, until the end of the block.

        Args:
            job: what the cells share.
            folder: empty; for parcels and results.
            limits: of the cells.
        """

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
        """Run cells in the given order; see ``Executor``."""
        queue = cells if isinstance(cells, Queue) else Queue(cells)
        if not len(queue):
            return
        limits = CellLimits(jobs, time_limit, memory_limit)
        with (
            tempfile.TemporaryDirectory(prefix="automat-", ignore_cleanup_errors=True) as name,
            self.crew(job, Path(name), limits) as crew,
        ):
            run_through(crew, job, queue, on_record=on_record, on_running=on_running)


@dataclass(frozen=True)
class CellLimits:
    """What cells may take.

    Attributes:
        jobs: how many run at once, at most; as many as there is room for when None.
        time_limit: seconds a cell may take.
        memory_limit: bytes that a cell's worker may hold.
    """

    jobs: int | None
    time_limit: float | None
    memory_limit: int | None


class Free(Protocol):
    """Who can be given a cell."""

    def give(self, work: Cell) -> None:
        """Let it work."""


class Crew(Protocol):
    """Those who compute cells."""

    @property
    def works(self) -> Sequence[Cell]:
        """What is being worked on."""

    def start(self, wanted: int) -> None:
        """Let so many be there, as far as it goes."""

    def idle(self) -> Sequence[Free]:
        """Who can be given a cell now."""

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, within so many seconds at most."""


def run_through(crew: Crew, job: Job, queue: Queue, *, on_record: OnRecord, on_running: OnRunning) -> None:
    """Let a crew compute the cells of a queue."""
    try:
        while len(queue) or crew.works:
            # Those that died are replaced while there is work for them.
            crew.start(len(queue) + len(crew.works))
            ended = crew.wait(_POLL_SECONDS)
            for each in crew.idle():
                cell = queue.next()
                if cell is None:
                    break
                each.give(cell)
            for found in ended:
                on_record(*_result(job, found))
                queue.drop(found.work)
            queue.renew()
            on_running(crew.works)
    finally:
        queue.close()


def unexplained(job: Job, result: Result, reason: str) -> Result:
    """A result whose explanation was ended before it was told."""
    record, predictions = result
    if record.status != "ok" or "learned" in record.details or not job.is_asked(record.cell):
        return result
    return replace(record, details={**record.details, "learned": {"refused": reason, "seconds": 0.0}}), predictions


def _result(job: Job, ended: Ended) -> Result:
    if ended.value is not None:
        result: Result = ended.value
        # Ended after the cell was scored, as its model was asked what it leans on.
        return result if ended.by == "result" else unexplained(job, result, ended.reason)
    status: Any = _STATUS[ended.by]
    return failed_record(job, ended.work, status, ended.reason), None
