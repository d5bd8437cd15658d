"""Who computes which cell, where several runs work in one folder at once.

A run claims a cell before it starts it: a file, made so that only one can make it, that names the process. The claim
goes when the cell's record lies there. What a dead process has claimed is taken over: on the same machine it is dead
when no process has its number and start time; on another one when its claims were not renewed for a while, by the
clock of who waits, so clocks need not agree.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import time
from collections import deque
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from automat.core import Cell
    from automat.store import Store

RENEW_EVERY_SECONDS = 30.0
"""How often a run says that it still lives."""

LOOK_EVERY_SECONDS = 0.5
"""How often a run that has nothing else to do looks for what others compute."""

GONE_AFTER_SECONDS = 300.0
"""A claim from another machine that was not renewed for so long is of a run that is gone."""


@dataclass
class Claims:
    """The claims of one process on the cells of one folder.

    Args:
        store: whose cells.
    """

    store: Store

    def __post_init__(self) -> None:
        self._held: dict[str, Path] = {}
        self._renewed = time.monotonic()
        self._seen: dict[Path, tuple[int, float]] = {}

    def take(self, cell: Cell) -> bool:
        """Claim a cell; False where another living process has it."""
        path = self.store.claim_path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone(path.parent):
            if path.exists() and self._is_held(path):
                return False
            content = json.dumps(_self())
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_text(content)
            temporary.replace(path)
        self._held[cell.key] = path
        return True

    def drop(self, cell: Cell) -> None:
        """Give a claim back."""
        path = self._held.pop(cell.key, None)
        # One that slept for long may find that its claim was taken over.
        with contextlib.suppress(OSError, ValueError):
            if path is not None and json.loads(path.read_text()) == _self():
                path.unlink(missing_ok=True)

    def drop_all(self, cells: Sequence[Cell]) -> None:
        """Give back what is held of these."""
        for cell in cells:
            self.drop(cell)

    def renew(self) -> None:
        """Say now and then that this process lives."""
        if time.monotonic() - self._renewed < RENEW_EVERY_SECONDS:
            return
        self._renewed = time.monotonic()
        for path in self._held.values():
            with contextlib.suppress(OSError):
                os.utime(path)

    def _is_held(self, path: Path) -> bool:
        """Whether a living process has the claim."""
        lives = holder_lives(path)
        if lives is not None:
            return lives
        try:
            changed = path.stat().st_mtime_ns
        except OSError:  # given back just now
            return False
        before, since = self._seen.get(path, (None, 0.0))
        if before != changed:
            self._seen[path] = (changed, time.monotonic())
            return True
        return time.monotonic() - since < GONE_AFTER_SECONDS


class Queue:
    """Cells in the order they should start, each given out once, and to one run at a time.

    Args:
        cells: to be computed.
        store: where their records go; None: nobody else can compute them.
        on_found: told of a cell whose record another run has written meanwhile.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        store: Store | None = None,
        *,
        on_found: Callable[[Cell], None] = lambda _cell: None,
    ) -> None:
        self._cells = tuple(cells)
        self._todo = deque(cells)
        self._elsewhere: dict[str, Cell] = {}
        self._store = store
        self._claims = None if store is None else Claims(store)
        self._on_found = on_found
        self._looked = -math.inf
        self._before = {cell.key: self._stamp(cell) for cell in cells}

    def __len__(self) -> int:
        """Cells that were not given out."""
        return len(self._todo) + len(self._elsewhere)

    def next(self) -> Cell | None:
        """A cell to compute now; None where there is none, or others compute those that are left."""
        while self._todo:
            cell = self._todo.popleft()
            if self._taken(cell):
                return cell
        if time.monotonic() - self._looked < LOOK_EVERY_SECONDS:
            return None
        self._looked = time.monotonic()
        for cell in list(self._elsewhere.values()):
            del self._elsewhere[cell.key]
            if self._taken(cell):
                return cell
        return None

    def drop(self, cell: Cell) -> None:
        """The record of a cell lies in the folder."""
        if self._claims is not None:
            self._claims.drop(cell)

    def close(self) -> None:
        """Nothing more is computed."""
        if self._claims is not None:
            self._claims.drop_all(self._cells)

    def renew(self) -> None:
        """This run lives."""
        if self._claims is not None:
            self._claims.renew()

    def _taken(self, cell: Cell) -> bool:
        """Claim a cell that is still to be computed; else remember where it is."""
        if self._claims is None or self._store is None:
            return True
        if not self._claims.take(cell):
            self._elsewhere[cell.key] = cell
            return False
        # Between the look at the folder and the claim another run may have written its record. One of a cell that
        # failed counts as well: both runs ask for it once.
        is_new = self._stamp(cell) != self._before[cell.key] and self._store.read(cell) is not None
        if not is_new and not self._store.is_done(cell):
            return True
        self._claims.drop(cell)
        self._on_found(cell)
        return False

    def _stamp(self, cell: Cell) -> int:
        return 0 if self._store is None else self._store.stamp(cell)


def holder_lives(claim: Path) -> bool | None:
    """Whether the process that made a claim lives; False where there is none, None where it is on another machine."""
    try:
        holder = json.loads(claim.read_text())
        pid, started, host = int(holder["pid"]), int(holder["started"]), str(holder["host"])
    except (OSError, ValueError, TypeError, KeyError):  # absent, or garbled: nobody can be asked
        return False
    return _lives(pid, started) if host == _host() else None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[float]:
    """No other process of this machine looks at claims meanwhile; the system ends it with the process.

    Yields:
        The time by the clock that dates the folder's files, in seconds; a file server's is not this machine's.
    """
    import fcntl

    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.utime(file.fileno())
        yield os.fstat(file.fileno()).st_mtime


@cache
def _host() -> str:
    """This machine since it was started, and the part of it where process numbers mean the same."""
    found = [socket.gethostname()]
    with contextlib.suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)


@cache
def _self() -> dict[str, Any]:
    return {"pid": os.getpid(), "started": _started(os.getpid()), "host": _host()}


def _lives(pid: int, started: int) -> bool:
    return _started(pid) == started


def _started(pid: int) -> int | None:
    """When a process was started, as a number that no other process of that number has; None if it has ended.

    On Linux in ticks since the machine was: times of day move when the clock is set.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        fields = []
    if fields:
        return None if fields[0] in {"Z", "X"} else int(fields[19])
    import psutil

    try:
        return None if Path("/proc/self/stat").exists() else int(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
