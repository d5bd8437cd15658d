"""Workers that sleep, eat, fork, print, exit and are killed: each costs its own piece of work only."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from automat.executors import memory
from automat.executors.workers import Ended, Workers, WorkersError


def sleep(rest: str, _folder: Path) -> None:
    time.sleep(float(rest))


def eat(rest: str, _folder: Path) -> None:
    held = np.ones(int(float(rest) / 8))
    time.sleep(30)
    del held


def talk(rest: str, _folder: Path) -> None:
    for _ in range(int(rest)):
        sys.stdout.write("x" * 1_000_000)


def leave(rest: str, _folder: Path) -> None:
    os._exit(int(rest))


def get_signal(rest: str, _folder: Path) -> None:
    os.kill(os.getpid(), int(rest))


def give_what_cannot_be_sent(_rest: str, _folder: Path) -> Any:
    return lambda: None


def fill_the_disk(_rest: str, _folder: Path) -> str:
    """Let no file be longer than a kilobyte, as on a disk without room."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return "x" * 2000


def fork(rest: str, folder: Path) -> None:
    (folder / "child").write_text(str(subprocess.Popen([sys.executable, "-c", f"{FORKED}\n{rest}"]).pid))


def fork_and_sleep(_rest: str, folder: Path) -> None:
    if os.fork() == 0:
        time.sleep(60)
    (folder / "worker").write_text(str(os.getpid()))
    time.sleep(60)


def improve(rest: str, folder: Path) -> Iterator[str]:
    yield "first"
    yield "second"
    if rest:
        prepare(str(folder))(rest)
        yield "third"


ACTS: dict[str, Callable[[str, Path], Any]] = {
    "sleep": sleep, "eat": eat, "print": talk, "exit": leave, "signal": get_signal, "fork": fork,
    "fork-and-sleep": fork_and_sleep, "lambda": give_what_cannot_be_sent, "full": fill_the_disk,
    "improve": improve,
}  # fmt: skip


def prepare(folder: str) -> Callable[[str], Any]:
    def do(work: str) -> Any:
        kind, _, rest = work.partition(" ")
        if kind in ACTS:
            return ACTS[kind](rest, Path(folder)) or work
        return work

    return do


FORKED = "import time, os"


def prepare_nothing(_argument: object) -> Callable[[str], Any]:
    raise ValueError("no such file")


def run(folder: Path, works: list[str], *, count: int = 1, **limits: Any) -> list[Ended]:
    """The way a piece of work ended, in the order of ending."""
    ended: list[Ended] = []
    todo = list(works)
    with Workers(count, prepare, str(folder), folder=folder, **limits) as workers:
        until = time.monotonic() + 60
        while len(ended) < len(works):
            assert time.monotonic() < until
            workers.start(count)
            ended += workers.wait(0.1)
            for worker in workers.idle():
                if todo:
                    worker.give(todo.pop(0))
    return ended


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_work_is_done_in_order(tmp_path: Path) -> None:
    ended = run(tmp_path, ["a", "b", "c"])
    assert [(each.by, each.value) for each in ended] == [("result", "a"), ("result", "b"), ("result", "c")]
    assert list(tmp_path.glob("*.result")) == []


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("exit 3", "the worker process died (exit code 3)"),
        (f"signal {int(signal.SIGSEGV)}", "the worker process died (SIGSEGV)"),
        (f"signal {int(signal.SIGKILL)}", "the worker process died (SIGKILL)"),
        (f"signal {int(signal.SIGTERM)}", "the worker process died (SIGTERM)"),
    ],
)
def test_a_worker_that_dies_costs_its_own_work_only(tmp_path: Path, work: str, reason: str) -> None:
    ended = run(tmp_path, ["a", work, "b"])
    assert [each.by for each in ended] == ["result", "death", "result"]
    assert (ended[1].work, ended[1].reason) == (work, reason)


def test_a_result_that_cannot_be_passed_on_says_why(tmp_path: Path) -> None:
    ended = run(tmp_path, ["a", "lambda", "b", "full", "c"])
    assert [each.by for each in ended] == ["result", "death", "result", "death", "result"]
    assert ended[1].reason.startswith("the result could not be passed on: AttributeError: Can't pickle")
    assert "File too large" in ended[3].reason
    assert list(tmp_path.iterdir()) == []


def test_what_a_piece_of_work_gave_last_counts(tmp_path: Path) -> None:
    ended = run(tmp_path, ["improve", "improve exit 3", "exit 3", "improve sleep 60", "improve b"], time_limit=3)
    assert [(each.by, each.value) for each in ended] == [
        ("result", "second"), ("death", "second"), ("death", None), ("time", "second"), ("result", "third"),
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_kill_by_the_system_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([4, 5])
    monkeypatch.setattr(memory, "system_kills", lambda: next(counts))
    (ended,) = run(tmp_path, [f"signal {int(signal.SIGKILL)}"])
    assert (ended.by, ended.reason) == ("system", "killed by the system, which ran out of memory")


def test_the_kernel_counts_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, own, vmstat = tmp_path / "groups", tmp_path / "cgroup", tmp_path / "vmstat"
    (groups / "run").mkdir(parents=True)
    own.write_text("0::/run\n3:cpuset:/\n")
    vmstat.write_text("nr_free_pages 12\noom_kill 2\n")
    (groups / "run" / "memory.events").write_text("low 0\noom 9\noom_kill 3\n")
    monkeypatch.setattr(memory, "_GROUPS", groups)
    monkeypatch.setattr(memory, "_OWN_GROUPS", own)
    monkeypatch.setattr(memory, "_VMSTAT", vmstat)
    assert memory.system_kills() == 5


def test_over_the_memory_limit(tmp_path: Path) -> None:
    ended = run(tmp_path, ["eat 8e8", "b"], memory_limit=500_000_000)
    assert [each.by for each in ended] == ["memory", "result"]
    assert ended[0].reason.startswith("stopped as it held ")
    assert ended[0].reason.endswith("over the memory limit of 500 MB")


def test_what_a_worker_has_started_counts_as_its_memory(tmp_path: Path) -> None:
    eats = "held = bytearray(700_000_000); held[::4096] = b'x' * len(held[::4096]); time.sleep(60)"
    ended = run(tmp_path, [f"fork {eats}", "b"])
    assert [each.by for each in ended] == ["result", "result"]  # what was left behind was ended with its cell
    assert not psutil.pid_exists(int((tmp_path / "child").read_text()))
    sleeping = f"subprocess.Popen([sys.executable, '-c', {FORKED + chr(10) + eats!r}]); time.sleep(60)"
    script = f"import subprocess, sys, time\n{sleeping}"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until(lambda: memory.of_tree(process.pid) > 700_000_000)
    finally:
        memory.end([*memory.below(process.pid), psutil.Process(process.pid)])
        process.wait()


def test_over_the_time_limit_even_if_the_clock_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jumps = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: (-1) ** next(jumps) * 1e9)
    ended = run(tmp_path, ["sleep 0.5", "sleep 60", "a"], time_limit=2)
    assert [each.by for each in ended] == ["result", "time", "result"]
    assert ended[1].reason == "stopped after the time limit of 2 s"


def test_what_a_killed_worker_has_forked_ends_with_it(tmp_path: Path) -> None:
    with Workers(1, prepare, str(tmp_path), folder=tmp_path) as workers:
        workers.start(1)
        wait_until(lambda: bool(workers.wait(0.1) or workers.idle()))
        workers.idle()[0].give("fork-and-sleep")
        wait_until(lambda: (tmp_path / "worker").exists() and bool((tmp_path / "worker").read_text()))
        worker = psutil.Process(int((tmp_path / "worker").read_text()))
        forked = worker.children(recursive=True)
        assert forked
        worker.kill()
        ended: list[Ended] = []
        until = time.monotonic() + 20
        while not ended:
            assert time.monotonic() < until
            ended = workers.wait(0.1)
        assert ended[0].reason == "the worker process died (SIGKILL)"
        _, alive = psutil.wait_procs(forked, timeout=5)
        assert alive == []


def test_printing_costs_nothing(tmp_path: Path) -> None:
    started = time.monotonic()
    (ended,) = run(tmp_path, ["print 1000"])  # a gigabyte
    assert ended.by == "result"
    assert time.monotonic() - started < 30
    assert list(tmp_path.iterdir()) == []


def test_workers_that_cannot_start_say_why(tmp_path: Path) -> None:
    with Workers(1, prepare_nothing, None, folder=tmp_path) as workers:
        workers.start(1)
        with pytest.raises(WorkersError, match="could not start: ValueError: no such file"):
            wait_until(lambda: bool(workers.wait(0.1)))


@pytest.mark.parametrize(
    ("size", "words"), [(8e9, "8 GB"), (1.5e6, "1.5 MB"), (2000, "2 kB"), (123_456_789_000, "123 GB")]
)
def test_bytes_in_words(size: float, words: str) -> None:
    assert memory.in_words(size) == words
