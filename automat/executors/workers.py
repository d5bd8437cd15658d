"""Worker processes that may be killed at any moment, by us, by the system or by anyone.

Every worker has a pipe of its own and shares no lock, so one that is killed leaves the others as they are. What
goes through the pipe is too short to be written by halves; results go through files, which are renamed when they
are whole. A piece of work may give its result and then a better one: what it gave last counts, also of a worker that
was ended meanwhile. A worker leads a process group, so what a cell has forked ends with it. Time is taken from the
clock that never jumps.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from pathlib import Path
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Literal, Self

from automat.core import EngineError
from automat.executors import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

_GRACE_SECONDS = 5.0
_LONGEST_MESSAGE = 400
"""Characters: below the 4,096 bytes that a pipe takes whole (POSIX, PIPE_BUF)."""

_MOST_FAILED_STARTS = 20

_PART = ".part"
_READY, _DONE, _LOST, _CLOSED = "ready", "done", "lost: ", ""
EndedBy = Literal["result", "time", "memory", "system", "death"]


@dataclass(frozen=True)
class Ended:
    """How a piece of work ended.

    Attributes:
        work: what the worker had been given.
        by: ``result``: as it should; ``time`` or ``memory``: over its limit; ``system``: killed as the machine ran
            out of memory; ``death``: otherwise.
        value: the result; if it was not to end so, what the work had given by then, or None.
        reason: a line, where it did not end as it should.
    """

    work: Any
    by: EndedBy
    value: Any = None
    reason: str = ""


class WorkersError(EngineError):
    """Workers cannot work at all."""


class Workers:
    """Some workers, started when they are asked for and replaced when they die.

    Args:
        count: how many.
        prepare: called in every worker as it starts; gives the function that does the work, or a generator of
            results, each better than the one before.
        argument: what ``prepare`` is called with.
        folder: for results; of this run alone.
        time_limit: seconds of the wall clock that a piece of work may take.
        memory_limit: bytes that a worker with all it has started may hold.
    """

    def __init__(
        self,
        count: int,
        prepare: Callable[[Any], Callable[[Any], Any]],
        argument: Any,
        *,
        folder: Path,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        self._count = count
        self._start = (prepare, argument, folder)
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._workers: list[_Worker] = []
        self._kills = memory.system_kills()
        self._failed_starts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all of them."""
        for worker in self._workers:
            worker.kill()

    @property
    def works(self) -> list[Any]:
        """What is being worked on."""
        return [worker.work for worker in self._workers if worker.work is not None]

    def start(self, wanted: int) -> None:
        """Let so many workers be there, at most ``count``."""
        with uninterrupted():
            while len(self._workers) < min(wanted, self._count):
                self._workers.append(_Worker(*self._start))

    def idle(self) -> list[_Worker]:
        """Workers that have started and have nothing to do."""
        return [worker for worker in self._workers if worker.is_idle]

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, within so many seconds at most; also what had to be ended.

        Raises:
            WorkersError: workers cannot start.
        """
        by_end: dict[Any, _Worker] = {}
        for worker in self._workers:
            by_end |= {worker.pipe: worker, worker.process.sentinel: worker}
        told = connection.wait(list(by_end), timeout=seconds) if by_end else []
        # What a dead worker has forked keeps its pipes open, and then nothing tells of its death but the system.
        heard = {by_end[each] for each in told} | {worker for worker in self._workers if not worker.process.is_alive()}
        ended = [found for worker in self._workers if worker in heard and (found := self._hear(worker))]
        ended += [found for worker in self._workers if worker.work is not None and (found := self._over(worker))]
        self._workers = [worker for worker in self._workers if not worker.is_gone]
        return ended

    def _hear(self, worker: _Worker) -> Ended | None:
        """What a worker has to say, or that it died."""
        message = worker.message()
        if message == _READY:
            worker.is_idle = True
            self._failed_starts = 0
            return None
        if message == _DONE:
            return Ended(worker.end(), "result", worker.result())
        if message is not None and message.startswith(_LOST) and worker.work is not None:
            return Ended(worker.end(), "death", worker.result(), message.removeprefix(_LOST))
        if message is None and worker.process.is_alive():
            return None
        given = worker.kill()
        if message:
            raise WorkersError(f"a worker process could not start: {message}")
        by, reason = self._death(worker.process.exitcode)
        if worker.work is not None:
            return Ended(worker.end(), by, given, reason)
        # One that dies between two pieces of work costs nothing, but those that never start would go on for ever.
        self._failed_starts += not worker.was_ready
        if self._failed_starts >= _MOST_FAILED_STARTS:
            raise WorkersError(f"{self._failed_starts} worker processes in a row died as they started: {reason}")
        return None

    def _death(self, code: int | None) -> tuple[EndedBy, str]:
        """Why a process ended so."""
        kills, before = memory.system_kills(), self._kills
        self._kills = kills
        if code == -signal.SIGKILL and kills > before:
            return "system", "killed by the system, which ran out of memory"
        if code is not None and code < 0:
            known = {int(each): each.name for each in signal.Signals}
            return "death", f"the worker process died ({known.get(-code, f'signal {-code}')})"
        return "death", f"the worker process died (exit code {code})"

    def _over(self, worker: _Worker) -> Ended | None:
        """Kill a worker that is over a limit; one that has its result by now is left alone."""
        by: EndedBy
        if self._time_limit is not None and time.monotonic() - worker.since > self._time_limit:
            by, reason = "time", f"stopped after the time limit of {self._time_limit:g} s"
        elif self._memory_limit is not None and (held := worker.memory()) > self._memory_limit:
            by = "memory"
            limit = memory.in_words(self._memory_limit)
            reason = f"stopped as it held {memory.in_words(held)}, over the memory limit of {limit}"
        else:
            return None
        if worker.pipe.poll():
            return None
        given = worker.kill()
        return Ended(worker.end(), by, given, reason)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C comes afterwards: a process that is left half started prints a traceback into the terminal.

    Processes that are started inside never see it; workers ignore it anyway.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Python starts it with the first process, and lets signals through again where it does.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Worker:
    """One process, as the process that started it sees it."""

    def __init__(self, prepare: Callable[[Any], Callable[[Any], Any]], argument: Any, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_live, args=(theirs, prepare, argument, str(folder)), daemon=True, name="automat-worker"
        )
        self.process.start()
        theirs.close()
        self.work: Any = None
        self.since = time.monotonic()
        self.was_ready = False
        self.is_gone = False
        self._is_idle = False
        self._path = folder / f"{self.process.pid}.result"

    @property
    def is_idle(self) -> bool:
        """Whether it waits for work."""
        return self._is_idle and not self.is_gone

    @is_idle.setter
    def is_idle(self, idle: bool) -> None:
        self._is_idle = idle
        self.was_ready = True

    def give(self, work: Any) -> None:
        """Let it work."""
        self.work, self.since, self._is_idle = work, time.monotonic(), False
        # Of one that died just now the pipe is closed; that is seen when it is waited for.
        with suppress(OSError):
            self.pipe.send(work)

    def end(self) -> Any:
        """What it was given; it is free then."""
        work, self.work, self._is_idle = self.work, None, True
        return work

    def message(self) -> str | None:
        """The next message; None where there is none, empty where there will be none."""
        try:
            return self.pipe.recv_bytes().decode() if self.pipe.poll() else None
        except (EOFError, OSError):
            self.process.join(_GRACE_SECONDS)  # it is about to end, and its exit code says why
            return _CLOSED

    def result(self) -> Any:
        """What it has written, of its work of now; None where that is nothing."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        self._path.unlink()
        return pickle.loads(content)  # noqa: S301 - written by a worker of this very run

    def memory(self) -> int:
        """Bytes that it and all it has started hold."""
        return 0 if self.process.pid is None else memory.of_tree(self.process.pid)

    def kill(self) -> Any:
        """End it and everything it has started; what its work had given by then."""
        pid = self.process.pid
        if self.is_gone or pid is None:
            return None
        self.is_gone = True
        below = memory.below(pid)
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        if self.process.is_alive():
            self.process.kill()
        memory.end(below)
        self.process.join(_GRACE_SECONDS)
        self.pipe.close()
        self._path.with_suffix(_PART).unlink(missing_ok=True)
        return self.result()


def _live(
    pipe: connection.Connection, prepare: Callable[[Any], Callable[[Any], Any]], argument: Any, folder: str
) -> None:
    """A worker's life."""
    with suppress(OSError):
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _end_with_parent()
    # Libraries print what they please, a gigabyte of it: it must neither break into the progress bar nor be kept.
    sink = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(sink, stream)
    path = Path(folder) / f"{os.getpid()}.result"
    try:
        do = prepare(argument)
    except BaseException as error:  # noqa: BLE001 - the parent is told
        pipe.send_bytes(f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE].encode())
        return
    pipe.send_bytes(_READY.encode())
    while True:
        try:
            work = pipe.recv()
        except (EOFError, OSError):
            return
        before = memory.below(os.getpid())
        made = do(work)
        message = _DONE
        for result in made if isinstance(made, GeneratorType) else (made,):
            message = _write(result, path)
        _end_what_was_started(before)
        pipe.send_bytes(message.encode())


def _write(result: Any, path: Path) -> str:
    """Write a result, in place of one before; what is to be said of it."""
    part = path.with_suffix(_PART)
    try:
        part.write_bytes(pickle.dumps(result))
        part.replace(path)
    except Exception as error:  # noqa: BLE001 - no room for it, or something in it that cannot be sent
        part.unlink(missing_ok=True)
        return f"{_LOST}the result could not be passed on: {type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
    return _DONE


def _end_what_was_started(before: list[Any]) -> None:
    """End the processes that a piece of work has left behind."""
    loky: Any = sys.modules.get("joblib.externals.loky.reusable_executor")
    if loky is not None and getattr(loky, "_executor", None) is not None:
        loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)
    memory.end([child for child in memory.below(os.getpid()) if child not in before])


def _end_with_parent() -> None:
    """End this worker and what it has started when the process that started it is gone.

    A parent that is killed outright cannot stop its workers, and they would wait for work for ever.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
