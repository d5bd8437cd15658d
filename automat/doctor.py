"""What works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from automat import _process
from automat.models import registry, unavailable_because

if TYPE_CHECKING:
    from collections.abc import Iterator

State = Literal["ok", "note", "wrong"]

_GB = 1_000_000_000
_LITTLE_MEMORY = 4 * _GB
"""Below it, a worker a core does not fit: one with every library loaded holds about 1 GB."""

_LITTLE_DISK = 2 * _GB
_PYTHON = (3, 11)
_CONSTRAINTS = Path(__file__).resolve().parent.parent / "constraints.txt"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: what.
        state: ``ok``; ``note``: something is slower or absent, the rest works; ``wrong``: runs will fail.
        says: what was found.
        remedy: what to do; empty where nothing is to be done.
    """

    about: str
    state: State
    says: str
    remedy: str = ""


def examine(out: Path, cache: Path) -> list[Finding]:
    """Look at this machine.

    Args:
        out: folder that runs will write to.
        cache: folder of features.
    """
    return [
        *_interpreter(),
        *_machine(),
        _folder("output folder", out),
        _folder("cache folder", cache),
        *_entrants(),
        _cuda(),
        _dgl(),
        _dask(),
        *_versions(),
    ]


def _interpreter() -> Iterator[Finding]:
    version = platform.python_version()
    known = sys.version_info[:2] == _PYTHON
    tested = ".".join(map(str, _PYTHON))
    yield Finding("python", "ok" if known else "note", version, "" if known else f"tested with {tested}")


def _machine() -> Iterator[Finding]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", "ok", f"{cores}, a worker each by default")
    memory = psutil.virtual_memory()
    enough = memory.available >= min(_LITTLE_MEMORY, cores * _GB)
    says = f"{memory.available / _GB:.1f} of {memory.total / _GB:.1f} GB available"
    yield Finding("memory", "ok" if enough else "note", says, "" if enough else "fewer workers: --jobs 1")


def _folder(about: str, folder: Path) -> Finding:
    """Whether a folder, or the nearest above it that is there, can be written to, and how much room it has."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding(about, "wrong", f"{folder} cannot be written to", "name another: --out, or AUTOMAT_CACHE")
    free = shutil.disk_usage(there).free
    says = f"{folder}, {free / _GB:.1f} GB free"
    if free < _LITTLE_DISK:
        return Finding(about, "note", says, "make room, or name another: --out, or AUTOMAT_CACHE")
    return Finding(about, "ok", says)


def _entrants() -> Iterator[Finding]:
    """Every model, with what it lacks; its packages are looked for, and not loaded."""
    for model in sorted(registry().values(), key=lambda model: model.name):
        reason = unavailable_because(model)
        if reason:
            needs = " ".join(model.requires) or "the package it names"
            yield Finding(f"model {model.name}", "note", reason, f"pip install {needs}")
        else:
            yield Finding(f"model {model.name}", "ok", ", ".join(model.requires) or "scikit-learn")


def _cuda() -> Finding:
    """Whether networks find a graphics processor; this loads PyTorch."""
    try:
        import torch
    except ImportError as error:
        return Finding("cuda", "note", f"PyTorch cannot be loaded ({error})", "pip install torch")
    if torch.cuda.is_available():
        return Finding("cuda", "ok", f"{torch.cuda.get_device_name(0)}, PyTorch {torch.__version__}")
    return Finding("cuda", "note", f"none that PyTorch {torch.__version__} finds; networks train on the CPU")


def _dgl() -> Finding:
    """Whether DGL can be loaded beside this PyTorch; its binaries are built for some versions alone."""
    os.environ.setdefault("DGLBACKEND", "pytorch")  # else it writes a file into the home folder
    try:
        import dgl
    except Exception as error:  # noqa: BLE001 - whatever its binaries raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        return Finding("dgl loads", "note", reason, "only comparisons with networks of others need it")
    return Finding("dgl loads", "ok", str(dgl.__version__))


def _dask() -> Finding:
    """Whether cells can run on a cluster."""
    found = {}
    for package in ("dask", "distributed", "dask-jobqueue"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            return Finding(
                "dask", "note", f"{package} is not installed", 'for clusters: pip install "automat[cluster]"'
            )
    return Finding("dask", "ok", ", ".join(f"{package} {version}" for package, version in found.items()))


def _versions() -> Iterator[Finding]:
    """Installed packages beside those that the results were tested with, where the list of those is here."""
    tested = _tested()
    for package in _process.PACKAGES:
        try:
            found = metadata.version(package)
        except metadata.PackageNotFoundError:
            if package in tested:
                yield Finding(package, "note", "not installed", f"pip install {package}=={tested[package]}")
            continue
        wanted = tested.get(package, found)
        same = found.partition("+")[0] == wanted.partition("+")[0]
        remedy = "" if same else f"tested with {wanted}; pip install {package}=={wanted}"
        yield Finding(package, "ok" if same else "note", found, remedy)


def _tested() -> dict[str, str]:
    """Versions by package, of ``constraints.txt`` beside the sources; none where that is not here."""
    try:
        lines = _CONSTRAINTS.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split("#")[0].strip().split(";")[0].partition("==") for line in lines)
    return {name.strip().lower(): version.strip() for name, equal, version in pairs if equal}
