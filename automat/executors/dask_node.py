"""What a Dask worker does: it keeps parcels, and lets each cell run in a process of its own, as on one machine.

A cell that crashes, hangs or eats memory ends its process, never the Dask worker. Processes are kept warm for the next
cell of the same job, and end when there was none for a while, when the run is over, and with the Dask worker.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automat import _process
from automat.executors.local import conditions, prepare
from automat.executors.workers import Ended, Workers, WorkersError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from automat.core import Cell

IDLE_SECONDS = 60.0
"""So long a process without a cell is kept."""

UNUSED_SECONDS = 3600.0
"""So long a parcel that nothing asks for is kept; who needs it again sends it again."""

_POLL_SECONDS = 0.2
_FOLDER = "automat"
_lock = threading.Lock()
_idle: list[_Idle] = []
_running: list[Order] = []


@dataclass(frozen=True)
class Order:
    """How cells are to be computed.

    Attributes:
        job: the name of the parcel to begin with.
        names: of all parcels.
        time_limit, memory_limit: of a cell.
    """

    job: str
    names: tuple[str, ...]
    time_limit: float | None
    memory_limit: int | None


@dataclass(frozen=True, eq=False)
class _Idle:
    """A process that waits for a cell."""

    order: Order
    workers: Workers
    since: float


class MissingParcelError(RuntimeError):
    """A parcel is not here."""


class CancelledError(RuntimeError):
    """Nobody wants the cell any more."""


class FolderError(RuntimeError):
    """Parcels cannot be kept here: no OSError, which tells of a connection that is lost."""


def about(names: Sequence[str], dask_worker: Any) -> dict[str, Any]:
    """What is installed here, and which of these parcels are missing.

    Raises:
        FolderError: parcels cannot be kept here.
    """
    folder = _folder(dask_worker)
    with _explained(folder):
        missing = _missing(names, folder)
    return {"versions": _process.versions(), "sources": _process.sources(), "missing": missing}


def receive(name: str, sender: str, content: bytes, dask_worker: Any, *, is_last: bool) -> None:
    """Take the next part of a parcel.

    Raises:
        FolderError: there is no room for it, or the folder cannot be written.
    """
    folder = _folder(dask_worker)
    part = folder / f".{name}.{sender}"
    with _explained(folder):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with part.open("ab") as file:
                file.write(content)
            if is_last:
                part.replace(folder / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise


def forget(names: Sequence[str], dask_worker: Any) -> None:
    """A run is over: let go of what it has brought, but for what other runs use too."""
    folder = _folder(dask_worker)
    with _lock:
        ended = [each for each in _idle if each.order.job in names]
        _idle[:] = [each for each in _idle if each not in ended]
        for name in set(names) - _used(besides=names):
            (folder / name).unlink(missing_ok=True)
    for each in ended:
        each.workers.close()


def compute(order: Order, cell: Cell) -> Ended:
    """Compute a cell, in a Dask task.

    Raises:
        MissingParcelError: what it needs is not here.
        CancelledError: nobody wants it any more, or the Dask worker closes.
        WorkersError: processes do not start here.
    """
    from distributed import get_worker

    dask_worker: Any = get_worker()
    key = dask_worker.get_current_task()
    folder = _folder(dask_worker)
    with _using(order):
        workers = _taken(order, folder)
        try:
            ended = _computed(workers, cell, lambda: _is_wanted(dask_worker, key))
        except BaseException as error:
            workers.close()
            if isinstance(error, WorkersError):  # a process that had to be replaced may have found something gone
                _check(order, folder)
            raise
        with _lock:
            _idle.append(_Idle(order, workers, time.monotonic()))
    sweeper = threading.Timer(IDLE_SECONDS + 1, _sweep, [folder])
    sweeper.daemon = True
    sweeper.start()
    return ended


def _taken(order: Order, folder: Path) -> Workers:
    """A process for the job: one that waits, or a new one."""
    _check(order, folder)  # one that waits may have to be replaced, too
    with _lock:
        for each in _idle:
            if each.order == order:
                _idle.remove(each)
                return each.workers
        # Those of jobs before hold memory that this one may need.
        others = [each for each in _idle if each.order.job != order.job]
        _idle[:] = [each for each in _idle if each not in others]
    for each in others:
        each.workers.close()
    return Workers(
        1,
        prepare,
        str(folder / order.job),
        folder=folder,
        time_limit=order.time_limit,
        memory_limit=order.memory_limit,
    )


@contextmanager
def _using(order: Order) -> Iterator[None]:
    """Parcels of an order that is computed are let be."""
    with _lock:
        _running.append(order)
    try:
        yield
    finally:
        with _lock:
            _running.remove(order)


def _used(besides: Sequence[str] = ()) -> set[str]:
    """The parcels that processes here need, but for those of the jobs named."""
    orders = [*_running, *(each.order for each in _idle)]
    return {name for order in orders if order.job not in besides for name in order.names}


def _missing(names: Sequence[str], folder: Path) -> list[str]:
    return [name for name in names if not (folder / name).is_file()]


def _check(order: Order, folder: Path) -> None:
    """See to it that what an order needs is here, and stays.

    Raises:
        MissingParcelError: some of it is not.
    """
    missing = _missing(order.names, folder)
    if missing:
        raise MissingParcelError(f"not here: {', '.join(missing)}")
    with suppress(OSError):
        for name in order.names:
            (folder / name).touch()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """What the system refuses is a fault of this machine, and is not taken for a connection that is lost."""
    try:
        yield
    except OSError as error:
        raise FolderError(f"parcels cannot be kept in {str(folder)!r}: {error.strerror or error}") from error


def _computed(workers: Workers, cell: Cell, is_wanted: Callable[[], bool]) -> Ended:
    is_given = False
    while is_wanted():
        with _lock, conditions(), _may_have_children():
            workers.start(1)
        ended = workers.wait(_POLL_SECONDS)
        if ended:
            return ended[0]
        for worker in [] if is_given else workers.idle():
            worker.give(cell)
            is_given = True
    raise CancelledError


def _is_wanted(dask_worker: Any, key: Any) -> bool:
    """Whether the scheduler still wants the task, and this Dask worker will be there to give its result."""
    task = dask_worker.state.tasks.get(key)
    return task is not None and task.state == "executing" and dask_worker.status.name in {"running", "paused"}


def _sweep(folder: Path) -> None:
    """End processes that wait for too long, and drop parcels that nothing has asked for."""
    now = time.monotonic()
    with _lock:
        ended = [each for each in _idle if now - each.since >= IDLE_SECONDS]
        _idle[:] = [each for each in _idle if each not in ended]
        used = _used()
        with suppress(OSError):
            for path in folder.iterdir():
                if path.name not in used and time.time() - path.stat().st_mtime > UNUSED_SECONDS:
                    path.unlink(missing_ok=True)
    for each in ended:
        each.workers.close()


@contextmanager
def _may_have_children() -> Iterator[None]:
    """Let processes be started from a daemonic one, which a Dask worker below a nanny is.

    Python forbids it so that nothing outlives the daemon; ours end with the process that started them.
    """
    config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined] # noqa: SLF001
    before = config.get("daemon")
    config["daemon"] = False
    try:
        yield
    finally:
        config["daemon"] = before


def _folder(dask_worker: Any) -> Path:
    """Where this Dask worker's parcels lie; Dask removes it with the worker."""
    return Path(dask_worker.local_directory) / _FOLDER
