"""A full disk, a folder that becomes read-only, a clock that jumps, wild cells, many cells, garbled files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from automat import api, store
from automat.core import StorageError

WILD = """
import os, subprocess, sys, time
import numpy as np
from sklearn.linear_model import Ridge
from automat import Model

class Wild(Ridge):
    def fit(self, X, y):
        self.act()
        return super().fit(X, y)

class Sleeps(Wild):
    def act(self): time.sleep(3600)

class Eats(Wild):
    def act(self):
        self.held = np.ones(250_000_000)
        time.sleep(60)

class Forks(Wild):
    def act(self): subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)  # forked by a cell"])

class Prints(Wild):
    def act(self):
        for _ in range(500):
            print("x" * 1_000_000)
            sys.stderr.write("y" * 1_000_000)

class Exits(Wild):
    def act(self): os._exit(7)

class Leaves(Wild):
    def act(self): sys.exit(7)

class Crashes(Wild):
    def act(self):
        import ctypes
        ctypes.string_at(0)

MODELS = [
    Model(name=kind.__name__.lower(), handles_missing=True, build=lambda params, seed, kind=kind: kind())
    for kind in (Sleeps, Eats, Forks, Prints, Exits, Leaves, Crashes)
]
"""
ENDS = {
    "sleeps": ("timeout", "stopped after the time limit of 12 s"),
    "eats": ("out_of_memory", "stopped as it held "),
    "forks": ("ok", ""),
    "prints": ("ok", ""),
    "exits": ("failed", "the worker process died (exit code 7)"),
    "leaves": ("failed", "SystemExit: 7"),
    "crashes": ("failed", "the worker process died (SIGSEGV)"),
}


@pytest.mark.slow
def test_wild_cells(laboratory: Any, ledger: Callable[..., None]) -> None:
    (laboratory.folder / "wild.py").write_text(WILD)
    limits = ("--models", "entrants.py,wild.py", "--time-limit", "12s", "--memory-limit", "1GB")
    laboratory.finish(*limits, code=3)
    records = laboratory.records().values()
    for name, (status, error) in ENDS.items():
        found = [record for record in records if record["cell"]["model"] == name]
        assert [record["status"] for record in found] == [status, status], name
        assert all(record["error"].startswith(error) for record in found)
    assert sum(record["status"] == "ok" for record in records) == laboratory.cells + 4
    running = subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "forked by a cell" not in running
    for name, (status, _) in ENDS.items():
        ledger(f"a cell that {name}", 2, laboratory.cells + 14, f"{status}; the others go on")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("a file system can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk(laboratory: Any, undisturbed: pd.DataFrame, small_disk: Path, ledger: Callable[..., None]) -> None:
    (laboratory.folder / "automat-runs").symlink_to(small_disk)
    output = laboratory.finish(code=3)
    assert "No space left on device" in output
    assert "the same command goes on from there" in output
    done = laboratory.keep_in_mind()
    assert 0 < done < laboratory.cells
    assert f"The {done} finished cells below" in output
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    laboratory.finish()
    laboratory.keep_in_mind()
    laboratory.is_right(undisturbed)
    ledger("disk full", 1, laboratory.cells, f"exit 3 after {done} cells; with more room the same command goes on")


@pytest.mark.slow
def test_a_folder_that_becomes_read_only(
    laboratory: Any,
    undisturbed: pd.DataFrame,
    small_disk: Path,
    ledger: Callable[..., None],
    wait_until: Callable[..., None],
) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    (laboratory.folder / "automat-runs").symlink_to(small_disk)
    process = laboratory.start()
    wait_until(lambda: len(laboratory.records()) >= 5)
    wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=False).returncode == 0)
    done = laboratory.keep_in_mind()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Read-only file system" in errors
    assert "Traceback" not in errors
    refused = laboratory.finish(code=2)
    assert "cannot write to the output folder 'automat-runs': Read-only file system" in refused
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    laboratory.finish()
    laboratory.keep_in_mind()
    laboratory.is_right(undisturbed)
    ledger("read-only folder", 1, laboratory.cells, f"exit 3 after {done} cells, 2 at the next try; then it goes on")


def run_here(folder: Path, **options: Any) -> api.RunResult:
    (folder / "lab.csv").write_text("x,y\n" + "".join(f"{row},{row % 7}\n" for row in range(40)))
    given: dict[str, Any] = {"target": "y", "models": ["dummy", "linear"], "preset": "quick", "jobs": 2, "trials": 1}
    return api.run(folder / "lab.csv", out=folder / "runs", **(given | options))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("after", [1, 4])
def test_what_cannot_be_written_ends_the_run_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_this_process: Any, number: int, after: int
) -> None:
    synced = []

    def full(_file: int) -> None:
        synced.append(1)
        if len(synced) > after:
            raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=os.strerror(number)):
            run_here(tmp_path, jobs=1)
    assert not [path for path in (tmp_path / "runs").rglob(".*") if path.name != ".lock"]
    done = sum(record.status == "ok" for record in store.Store(tmp_path / "runs").records())
    again = run_here(tmp_path, executor=in_this_process)
    assert (again.computed, again.reused, again.failed) == (4 - done, done, 0)


def test_a_clock_that_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: Callable[..., None]) -> None:
    now = time.time()
    jumps = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: now + (-1) ** next(jumps) * 86_400 * 365)
    result = run_here(tmp_path, time_limit=60.0)
    assert (result.computed, result.failed) == (4, 0)
    again = run_here(tmp_path, time_limit=60.0)
    assert (again.computed, again.reused) == (0, 4)
    ledger("a clock that jumps by years", 1, 4, "nothing to see")


@pytest.mark.slow
@pytest.mark.long
def test_a_thousand_cells(tmp_path: Path, ledger: Callable[..., None], request: pytest.FixtureRequest) -> None:
    kind = type(request.getfixturevalue("laboratory"))
    laboratory = kind(tmp_path / "thousand", entrants=50)
    text = (laboratory.folder / "entrants.py").read_text().replace("time.sleep(0.04)", "pass")
    (laboratory.folder / "entrants.py").write_text(text)
    started = time.monotonic()
    output = laboratory.finish("--folds", "20")
    assert "1000 cells computed, 0 found done, 0 failed" in output
    assert laboratory.keep_in_mind() == 1000
    ledger("1,000 cells queued", 1, 1000, f"{time.monotonic() - started:.0f} s")


GARBLED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _content: b"",
    "half": lambda content: content[: len(content) // 2],
    "flipped": lambda content: bytes(byte ^ 0x55 for byte in content),
    "one byte": lambda content: content[: len(content) // 2] + b"\x00" + content[len(content) // 2 + 1 :],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, in_this_process: Any) -> tuple[Path, api.RunResult]:
    """A folder with a run that is over, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, run_here(folder, executor=in_this_process)


@pytest.mark.parametrize("how", sorted(GARBLED))
@pytest.mark.parametrize("pattern", ["*/records/*.json", "*/predictions/*.parquet", "*/folds/*.parquet", "*/*.json"])
def test_garbled_files_are_set_aside_and_computed_again(
    tmp_path: Path,
    how: str,
    pattern: str,
    finished: tuple[Path, api.RunResult],
    in_this_process: Any,
    ledger: Callable[..., None],
) -> None:
    folder, first = finished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    runs = tmp_path / "runs"
    victim = min(runs.glob(pattern))
    content = victim.read_bytes()
    victim.write_bytes(GARBLED[how](content))
    again = run_here(tmp_path, executor=in_this_process)
    scores = [{row.model: row.mean["test"] for row in result.board.rows} for result in (first, again)]
    assert scores[0] == scores[1]
    assert again.failed == 0
    is_a_cell = "records" in pattern or "predictions" in pattern
    assert again.computed == int(is_a_cell)
    for path in runs.glob("*/folds/*.parquet"):
        assert set(pd.read_parquet(path)["part"]) == {"train", "test"}
    if is_a_cell:
        assert list(victim.parent.glob("*.unreadable"))
    what = pattern.split("/")[1] if "/" in pattern[2:] else "context of a page"
    ledger(f"{what}: {how}", 1, 4, "set aside, computed again" if is_a_cell else "written again")


@pytest.mark.parametrize("how", sorted(GARBLED))
def test_a_garbled_cache_is_computed_again(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch, in_this_process: Any, ledger: Callable[..., None]
) -> None:
    monkeypatch.setenv("AUTOMAT_CACHE", str(tmp_path / "cache"))
    formulas = [f"Fe{a}O{b}" for a in range(1, 6) for b in range(1, 8)]
    (tmp_path / "oxides.csv").write_text(
        "formula,y\n" + "".join(f"{each},{len(each)}.{n}\n" for n, each in enumerate(formulas))
    )
    given: dict[str, Any] = {
        "target": "y",
        "models": ["linear"],
        "preset": "quick",
        "executor": in_this_process,
        "trials": 1,
        "features": "magpie",
    }
    first = api.run(tmp_path / "oxides.csv", out=tmp_path / "first", **given)
    cached = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert cached
    for path in cached:
        path.write_bytes(GARBLED[how](path.read_bytes()))
    again = api.run(tmp_path / "oxides.csv", out=tmp_path / "again", **given)
    assert [row.mean["test"] for row in again.board.rows] == [row.mean["test"] for row in first.board.rows]
    ledger(f"cache: {how}", 1, 2, "computed again")
