"""A Dask scheduler and two Dask workers, as they are started by hand; and entrants that leave traces."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

TABLE = "x,z,y\n" + "".join(f"{row},{row * 7 % 11},{row * 1.5 + (row * 7 % 11) + row % 3}\n" for row in range(60))
ENTRANTS = """
import ctypes, os, time
from pathlib import Path
import numpy as np
from sklearn.linear_model import Ridge
from automat import Model

TRACES = Path(TRACES_FOLDER)

def leave_trace(name):
    (TRACES / f"{name}-{os.getpid()}-{os.getppid()}-{time.monotonic_ns()}").touch()

class Plain(Ridge):
    def fit(self, X, y):
        leave_trace("plain")
        return super().fit(X, y)

class Slow(Ridge):
    def fit(self, X, y):
        leave_trace("slow")
        time.sleep(SECONDS)
        return super().fit(X, y)

class Sleeps(Ridge):
    def fit(self, X, y):
        leave_trace("sleeps")
        time.sleep(3600)

class Crashes(Ridge):
    def fit(self, X, y):
        leave_trace("crashes")
        ctypes.string_at(0)

class Eats(Ridge):
    def fit(self, X, y):
        leave_trace("eats")
        self.held = np.ones(125_000_000)
        time.sleep(3600)

class Raises(Ridge):
    def fit(self, X, y):
        leave_trace("raises")
        raise ValueError("no such thing")

KINDS = [Plain, Slow, Sleeps, Crashes, Eats, Raises]
MODELS = [
    Model(name=kind.__name__.lower(), handles_missing=True, build=lambda params, seed, kind=kind: kind())
    for kind in KINDS if kind.__name__.lower() in WANTED
]
"""


@dataclass
class Bench:
    """A folder with a table, entrants, and the traces that their cells leave."""

    folder: Path

    def __post_init__(self) -> None:
        (self.folder / "traces").mkdir(parents=True)
        (self.folder / "lab.csv").write_text(TABLE)

    @property
    def runs(self) -> Path:
        return self.folder / "automat-runs"

    def entrants(self, *wanted: str, seconds: float = 0.0) -> Path:
        """A file of models; every fit leaves a trace."""
        path = self.folder / f"{'-'.join(wanted)}.py"
        text = ENTRANTS.replace("TRACES_FOLDER", repr(str(self.folder / "traces")))
        path.write_text(text.replace("WANTED", repr(set(wanted))).replace("SECONDS", str(seconds)))
        return path

    def traces(self, entrant: str) -> list[tuple[int, int]]:
        """The process, and its parent, of every fit of an entrant so far; in order of time."""
        found = sorted((self.folder / "traces").glob(f"{entrant}-*"), key=lambda path: int(path.name.split("-")[3]))
        return [(int(path.name.split("-")[1]), int(path.name.split("-")[2])) for path in found]

    def arguments(self, *models: Path | str, **options: Any) -> dict[str, Any]:
        """What ``automat.run`` takes."""
        return {
            "dataset": self.folder / "lab.csv", "target": "y", "models": [str(model) for model in models],
            "preset": "quick", "trials": 1, "out": self.runs, **options,
        }  # fmt: skip

    def start(self, models: Path | str, *options: str) -> subprocess.Popen[str]:
        """The command line, in a process group of its own, as a terminal starts it."""
        return subprocess.Popen(
            [
                sys.executable, "-m", "automat.cli", "run", "--dataset", "lab.csv", "--target", "y",
                "--models", str(models), "--preset", "quick", "--trials", "1", *options,
            ],
            cwd=self.folder, env=os.environ | {"AUTOMAT_CACHE": str(self.folder / "cache")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """All of them."""
        return [json.loads(path.read_text()) for path in sorted(self.runs.glob("*/records/*.json"))]


@dataclass
class RunningCluster:
    """A scheduler and its workers, of somebody else.

    Attributes:
        address: of the scheduler.
        processes: scheduler first.
    """

    address: str
    processes: list[subprocess.Popen[bytes]]


class Onlooker:
    """Calls a function whenever the run says what runs."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def featurizing(self, done: int, total: int) -> None:
        pass

    def start_cells(self, total: int, done: int) -> None:
        pass

    def running(self, _cells: Any) -> None:
        self.act()

    def finished(self, record: Any) -> None:
        pass


@pytest.fixture
def onlooker() -> Callable[[Callable[[], None]], Onlooker]:
    """Makes one that calls a function."""
    return Onlooker


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("AUTOMAT_CACHE", str(tmp_path / "cache"))
    return Bench(tmp_path / "bench")


def start_cluster(folder: Path, workers: int, *, nanny: bool = True) -> RunningCluster:
    """As an administrator starts it by hand, on free ports of this machine."""
    from distributed import Client

    known = folder / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = subprocess.Popen(
        [
            sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
            "--no-dashboard", "--scheduler-file", str(known),
        ],
        **quiet,
    )  # fmt: skip
    started = [
        subprocess.Popen(
            [
                sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(known),
                "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder),
                "--nanny" if nanny else "--no-nanny",
            ],
            **quiet,
        )
        for _ in range(workers)
    ]  # fmt: skip
    until = time.monotonic() + 240
    while not known.exists() or not known.read_text().strip():
        assert time.monotonic() < until
        time.sleep(0.05)
    address = json.loads(known.read_text())["address"]
    with Client(address, set_as_default=False, timeout=120) as client:
        client.wait_for_workers(workers, timeout=240)
    return RunningCluster(address, [scheduler, *started])


def stop(processes: list[Any]) -> None:
    """End processes and all they have started."""
    family = [child for process in processes for child in _family(process.pid)]
    for process in family:
        process.kill()
    for process in processes:
        process.wait(timeout=20)
    psutil.wait_procs(family, timeout=20)


def _family(pid: int) -> list[psutil.Process]:
    try:
        return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(scope="module")
def cluster_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCluster]:
    cluster = start_cluster(tmp_path_factory.mktemp("cluster"), 2)
    yield cluster
    stop(cluster.processes)


@pytest.fixture
def running_cluster(cluster_of_two: RunningCluster) -> RunningCluster:
    """A scheduler and two workers below nannies, which have replaced those that a test before has killed."""
    from distributed import Client

    with Client(cluster_of_two.address, set_as_default=False, timeout=120) as client:
        client.wait_for_workers(2, timeout=240)
    return cluster_of_two


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[RunningCluster]:
    """A scheduler and a worker that a test may end."""
    (tmp_path / "own").mkdir()
    cluster = start_cluster(tmp_path / "own", 1, nanny=False)
    yield cluster
    stop(cluster.processes)


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(is_so: Callable[[], object], seconds: float = 240) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.05)

    return wait


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test ends what it has started."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    helpers = ("resource_tracker", "forkserver", "dask_scheduler", "dask_worker", "multiprocessing")
    for process in psutil.Process().children(recursive=True):
        if process.pid not in before and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            command = " ".join(process.cmdline())
            assert any(name in command for name in helpers), f"left behind: {command}"


@pytest.fixture
def interrupt() -> Callable[[subprocess.Popen[str]], None]:
    """Ctrl-C, as a terminal sends it: to the whole group."""
    return lambda process: os.killpg(process.pid, signal.SIGINT)
