"""Dask's workers as a crew: each is given parcels once, then cells, as many at once as it has threads.

A cell is tied to the worker that it was given to, so it is known here which cell was lost with which worker, whatever
the scheduler does about it: it is given to another one, a few times at most.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from automat.core import EngineError
from automat.executors import dask_node
from automat.executors.workers import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from automat.core import Cell

MOST_LOST_WORKERS = 3
"""A cell whose workers died so often becomes a failed record: it may be what kills them."""

CHUNK_BYTES = 16_000_000
"""Of a parcel, in one message: what the scheduler holds of it at a time."""

_LOOK_EVERY_SECONDS = 0.5
_GATHER_SECONDS = 5.0


@dataclass(eq=False)
class _Seat:
    """One thread of a Dask worker."""

    crew: DaskCrew
    address: str
    work: Cell | None = None
    future: Any = None

    def give(self, work: Cell) -> None:
        """Let it work."""
        self.crew.submit(self, work)

    def free(self) -> list[Cell]:
        """What it was given; it is free then."""
        given = [] if self.work is None else [self.work]
        self.work = self.future = None
        return given


@dataclass(eq=False)
class DaskCrew:
    """The workers of a Dask cluster, for the cells of one job.

    Attributes:
        client: of the cluster.
        order: what cells are computed by.
        folder: of the job's parcels.
        versions, sources: what a worker must have installed, for its results to be the same as here.
        scale: asks the cluster for workers: how many are wanted, how many are there.
        patience: seconds without any worker until the run ends; None: for ever, as in a queue of jobs.
        most: cells at once; None: one a thread.
    """

    client: Any
    order: dask_node.Order
    folder: Path
    versions: Mapping[str, str]
    sources: str
    scale: Callable[[int, int], None]
    patience: float | None
    most: int | None = None
    _seats: dict[str, list[_Seat]] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    _again: deque[Cell] = field(default_factory=deque)
    _over: list[Ended] = field(default_factory=list)
    _lost: Counter[str] = field(default_factory=Counter)
    _ended: threading.Event = field(default_factory=threading.Event)
    _looked: float = -1e9
    _seen: float = field(default_factory=time.monotonic)

    @property
    def works(self) -> list[Cell]:
        """What is being worked on, or was lost and waits for another worker."""
        return [seat.work for seat in self._busy() if seat.work is not None] + list(self._again)

    def start(self, wanted: int) -> None:
        """Let so many workers be there, as far as the cluster is ours."""
        self.scale(wanted, len(self._seats))
        if time.monotonic() - self._looked >= _LOOK_EVERY_SECONDS:
            self._looked = time.monotonic()
            self._look()

    def idle(self) -> list[_Seat]:
        """Threads that have nothing to do; what was lost goes to the first of them."""
        busy = self._busy()
        able = [seats for address, seats in self._seats.items() if address not in self._refused]
        free = [seat for seats in able for seat in seats if seat.work is None]
        # One a worker first: threads of one share its memory.
        free.sort(key=lambda seat: sum(each.work is not None for each in self._seats[seat.address]))
        if self.most is not None:
            free = free[: max(0, self.most - len(busy))]
        while free and self._again:
            free.pop(0).give(self._again.popleft())
        return free

    def submit(self, seat: _Seat, work: Cell) -> None:
        """Give a cell to a worker, and to no other."""
        seat.work = work
        with _reached():
            seat.future = self.client.submit(
                dask_node.compute,
                self.order,
                work,
                key=f"automat-{work.model}-{work.fold}-{secrets.token_hex(8)}",
                workers=[seat.address],
                allow_other_workers=False,
                pure=False,
            )
        seat.future.add_done_callback(lambda _future: self._ended.set())

    def wait(self, seconds: float) -> list[Ended]:
        """What ended, within so many seconds at most."""
        if not self._over:
            self._ended.wait(seconds)
        self._ended.clear()
        for seat in self._busy():
            if seat.future.done():
                self._hear(seat)
        ended, self._over = self._over, []
        return ended

    def close(self) -> None:
        """Let go of what is still computed."""
        with suppress(Exception):
            self.client.cancel([seat.future for seat in self._busy()], force=True)

    def _busy(self) -> list[_Seat]:
        return [seat for seats in self._seats.values() for seat in seats if seat.work is not None]

    def _hear(self, seat: _Seat) -> None:
        """What came of a cell, if its result is here yet."""
        try:
            ended: Ended = seat.future.result(timeout=_GATHER_SECONDS)
        except TimeoutError:  # the worker may have died with it; that is seen in a moment
            return
        except dask_node.MissingParcelError:  # another run over the same data is over, and has let go of it
            self._again += seat.free()
            self._supply([seat.address])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with that machine
            if _is_loss(error):
                self._lose(seat)
            else:
                self._refuse(seat.address, error)
                self._again += seat.free()
        else:
            seat.free()
            self._over.append(ended)

    def _lose(self, seat: _Seat) -> None:
        """A worker is gone: its cell goes to another one, or is given up."""
        future = seat.future
        for work in seat.free():
            with suppress(Exception):
                self.client.cancel([future], force=True)
            self._lost[work.key] += 1
            if self._lost[work.key] < MOST_LOST_WORKERS:
                self._again.append(work)
            else:
                reason = f"{MOST_LOST_WORKERS} Dask workers died while they computed it"
                self._over.append(Ended(work, "death", reason=reason))

    def _refuse(self, address: str, why: Exception | str) -> None:
        """A worker cannot compute cells: it is given none any more."""
        reason = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
        self._refused[address] = " ".join(reason.split())

    def _look(self) -> None:
        """Who is there now.

        Raises:
            EngineError: the cluster is gone, or none of its workers can compute cells.
        """
        with _reached():
            threads: dict[str, int] = self.client.nthreads()
        for address in self._seats.keys() - threads.keys():
            for seat in self._seats.pop(address):
                self._lose(seat)
        new = [address for address in threads if address not in self._seats and address not in self._refused]
        for address in self._supply(new):
            self._seats[address] = [_Seat(self, address) for _ in range(threads[address])]
        if self._seats.keys() - self._refused.keys():
            self._seen = time.monotonic()
        elif threads and self._refused.keys() >= threads.keys():
            address, reason = next(iter(self._refused.items()))
            raise EngineError(f"no Dask worker can compute cells; of {address}: {reason}")
        elif self.patience is not None and time.monotonic() - self._seen > self.patience:
            raise EngineError(f"the Dask scheduler has had no workers for {self.patience:g} s")

    def _supply(self, addresses: Sequence[str]) -> list[str]:
        """Send workers what they do not have of the job; those that have all of it then."""
        if not addresses:
            return []
        told = self._ask(addresses, dask_node.about, self.order.names)
        good = {}
        for address, about in told.items():
            differs = self._differs(about)
            if differs:
                self._refuse(address, differs)
            else:
                good[address] = about["missing"]
        for name in self.order.names:
            wanting = [address for address, missing in good.items() if name in missing]
            reached = self._send(name, wanting)
            good = {address: good[address] for address in good if address not in wanting or address in reached}
        return list(good)

    def _send(self, name: str, addresses: Sequence[str]) -> Sequence[str]:
        """Send a parcel to workers; those that have all of it then."""
        sender, size = secrets.token_hex(8), (self.folder / name).stat().st_size
        with (self.folder / name).open("rb") as file:
            while addresses and (chunk := file.read(CHUNK_BYTES)):
                is_last = file.tell() == size
                told = self._ask(addresses, dask_node.receive, name, sender, chunk, is_last=is_last)
                addresses = list(told)
        return addresses

    def _ask(
        self, addresses: Sequence[str], function: Callable[..., Any], *args: Any, **options: Any
    ) -> dict[str, Any]:
        """Run a function on workers; the answers of those that could."""
        with _reached():
            told = self.client.run(function, *args, workers=list(addresses), on_error="return", **options)
        answers = {}
        for address, answer in told.items():
            if not isinstance(answer, Exception):
                answers[address] = answer
            elif not isinstance(answer, OSError):  # else it was not reached: it has gone, as is seen in a moment
                self._refuse(address, answer)
        return answers

    def _differs(self, about: Mapping[str, Any]) -> str:
        """What a worker has installed that is not what is here; empty where nothing differs."""
        theirs: Mapping[str, str] = about["versions"]
        names = [name for name in {**self.versions, **theirs} if self.versions.get(name) != theirs.get(name)]
        differing = [
            f"{name} {theirs.get(name, 'is absent')} (here {self.versions.get(name, 'absent')})" for name in names
        ]
        if about["sources"] != self.sources:
            differing.append("automat's sources")
        return f"its results would not be the same: {', '.join(differing)}" if differing else ""


@contextmanager
def _reached() -> Iterator[None]:
    """What the client cannot do means that its scheduler is gone: errors of workers are values here."""
    try:
        yield
    except Exception as error:
        raise EngineError(f"the Dask scheduler is gone ({type(error).__name__}: {error})") from error


def _is_loss(error: Exception) -> bool:
    """Whether it tells of a worker that is gone, rather than of one that cannot work."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    return isinstance(error, (dask_node.CancelledError, CancelledError, CommClosedError, KilledWorker))
