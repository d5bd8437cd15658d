"""Facts about this process and this machine: memory, threads, versions."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import importlib.util
import multiprocessing
import os
import platform
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_THREAD: Mapping[str, str] = MappingProxyType(
    {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
        # Idle OpenMP threads spin by default, and starve every other process of the machine.
        "OMP_WAIT_POLICY": "passive",
        # Without it DGL writes a file into the home folder to ask which backend is wanted.
        "DGLBACKEND": "pytorch",
    }
)
"""What a worker's environment says before any heavy import."""

PACKAGES = (
    "automat", "numpy", "pandas", "scipy", "scikit-learn", "xgboost", "lightgbm", "catboost", "pycaret",
    "torch", "dgl", "optuna", "matminer", "pymatgen",
)  # fmt: skip

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_KB_PER_MB = 1024


def mark_memory() -> float:
    """Let the peak count from now on, where the system can (Linux).

    Returns:
        Resident memory of this process now, in MB.
    """
    gc.collect()
    if multiprocessing.parent_process() is not None:
        # A worker holds what it has imported until it ends: looking through it takes longer than a small fit.
        gc.freeze()
    # What an earlier cell freed goes back to the system; a cell that fills it again would seem to need nothing.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK)
    return _resident_mb()


def peak_above(mark: float) -> float:
    """How far this process's memory rose above a mark since it was made, in MB.

    Workers are reused: what an earlier cell loaded and left behind is below the mark, and does not count.
    Where the system keeps no peak, it is the memory that is still held.
    """
    peak = _resident_mb()
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1]) / _KB_PER_MB
    return max(0.0, peak - mark)


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / _KB_PER_MB**2


def versions() -> dict[str, str]:
    """Python's and the installed packages' versions; packages that are absent are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def sources() -> str:
    """A digest of the sources that results come from, as they lie on disk now."""
    digest = hashlib.sha256()
    for package in ("automat", "automat_featurizers", "automat_leaderboards"):
        found = importlib.util.find_spec(package)
        folder = Path(str(found.origin)).parent if found else Path()
        for path in sorted(folder.rglob("*.py")) if found else []:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def commit() -> str:
    """The commit of automat's sources, with ``+changes`` where they differ; empty outside a checkout."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return ""
    try:
        head = _git(here, "rev-parse", "--short=12", "HEAD")
        return head + ("+changes" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def host() -> str:
    """Processor and system, without the machine's name."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - git is found as the user has it
        capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    return done.stdout.strip()
