"""Worker processes that may die or run out of time: the task that they had is lost, and nothing else."""

from __future__ import annotations

import pickle
import warnings
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from automat_featurizers.environment import QUIET_ONE_THREAD, die_with_parent, environment, without_main

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

DIED = "the worker process died"
"""What the errors of tasks begin with that took their worker along."""

_QUEUED = 3
"""Tasks a worker that are waiting: all of them at once would double the memory."""

_POLL_SECONDS = 1.0
_MOST_RESTARTS = 3


class WorkersBrokenError(RuntimeError):
    """Workers cannot be started."""


class WorkerLostError(Exception):
    """A task ended without a result: its worker died, or it outran its time."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its value, or the error that ended it."""

    value: Any = None
    error: Exception | None = None

    @property
    def lost(self) -> bool:
        """Whether the worker died or was stopped, and not the function raised."""
        return isinstance(self.error, WorkerLostError)

    @property
    def timed_out(self) -> bool:
        """Whether the worker was stopped because the task took too long."""
        return isinstance(self.error, WorkerLostError) and self.error.timed_out

    def result(self) -> Any:
        """The value; raises the error where there is one."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True)
class _Call:
    key: Hashable
    pickled: bytes


class Workers:
    """Processes with one thread each, started with the first task (spawned) and stopped when the block ends.

    A block takes hold of some environment variables and of ``__main__``, so blocks do not run in several
    threads at a time.

    >>> with Workers(2) as workers:
    ...     workers.submit("a", abs, [-1])
    ...     workers.finished()
    [('a', Outcome(value=1, error=None))]

    Args:
        count: how many.
        time_limit: seconds of wall time that a task may take; None: no limit.
        prepare, args: called in every worker as it starts; its time does not count.
    """

    def __init__(
        self,
        count: int,
        *,
        time_limit: float | None = None,
        prepare: Callable[..., None] | None = None,
        args: Sequence[Any] = (),
    ) -> None:
        self._count, self._time_limit = count, time_limit
        self._prepare = (prepare, args)
        self._waiting: dict[Any, _Call] = {}
        self._restarts = 0
        self._pool: Any = None
        self._surroundings = ExitStack()

    def __enter__(self) -> Self:
        # For as long as the block lasts: a worker that died is replaced at any time.
        self._surroundings.enter_context(environment(QUIET_ONE_THREAD))
        self._surroundings.enter_context(without_main())
        return self

    def __exit__(self, *_: object) -> None:
        with self._surroundings:
            self._stop()

    def _stop(self) -> None:
        """End all workers at once, whatever they are doing."""
        self._waiting.clear()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.stop()
            pool.join()

    @property
    def busy(self) -> bool:
        """Whether a task has not come back."""
        return bool(self._waiting)

    @property
    def has_room(self) -> bool:
        """Whether another task should be handed in already."""
        return len(self._waiting) < _QUEUED * self._count

    def submit(self, key: Hashable, function: Callable[..., Any], args: Sequence[Any]) -> None:
        """Hand a task in: a function, and what it is called with."""
        import cloudpickle  # it sends what a script or a notebook defines, too

        self._schedule(_Call(key, cloudpickle.dumps((function, tuple(args)))))

    def finished(self) -> list[tuple[Any, Outcome]]:
        """The tasks that are done, by the keys that they were handed in with; waits for at least one.

        Raises:
            WorkersBrokenError: workers cannot be started.
        """
        while self._waiting:
            done = wait(self._waiting, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED).done
            outcomes = [(future, self._outcome(future)) for future in done]
            broken = any(isinstance(outcome.error, BrokenProcessPool) for _, outcome in outcomes)
            if broken or not (done or self._pool.active):
                self._start_over()
            elif done:
                self._restarts = 0
                return [(self._waiting.pop(future).key, outcome) for future, outcome in outcomes]
        return []

    def _schedule(self, call: _Call) -> None:
        if self._pool is None:
            self._pool = self._started()
        try:
            future = self._pool.schedule(_run, args=(call.pickled,), timeout=self._time_limit)
        except RuntimeError as error:  # it broke since; ``finished`` sees to it
            future = Future()
            future.set_exception(BrokenProcessPool(str(error)))
        self._waiting[future] = call

    def _started(self) -> Any:
        from automat_featurizers.worker_pool import WorkerPool

        return WorkerPool(self._count, _start_worker, self._prepare)

    def _outcome(self, future: Any) -> Outcome:
        from pebble import ProcessExpired

        try:
            return Outcome(future.result())
        except TimeoutError:
            limit = f"stopped after the time limit of {self._time_limit:g} s"
            return Outcome(error=WorkerLostError(limit, timed_out=True))
        except ProcessExpired as error:
            return Outcome(error=WorkerLostError(f"{DIED} (exit code {error.exitcode})"))
        except Exception as error:  # noqa: BLE001 - it is the caller's to judge
            return Outcome(error=error)

    def _start_over(self) -> None:
        """Hand everything to new workers, when all died between two tasks.

        Raises:
            WorkersBrokenError: that was in vain several times.
        """
        calls = list(self._waiting.values())
        self._stop()
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise WorkersBrokenError(f"{DIED} before it took a task, {self._restarts} times")
        for call in calls:
            self._schedule(call)


def _run(call: bytes) -> Any:
    # Read here and not on the way: what cannot be read is then the task's error, and not the worker's end.
    function, args = pickle.loads(call)  # noqa: S301 - written by our own parent
    return function(*args)


def _start_worker(prepare: Callable[..., None] | None, args: Sequence[Any]) -> None:
    die_with_parent()
    warnings.simplefilter("ignore")
    if prepare is not None:
        prepare(*args)
