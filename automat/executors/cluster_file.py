"""What to ask a queueing system for, as a small TOML file says it."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import tempfile
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from automat.core import EngineError, InputError, UnknownNameError
from automat.executors.workers import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

CLASSES = MappingProxyType(
    {
        "slurm": "SLURMCluster",
        "pbs": "PBSCluster",
        "sge": "SGECluster",
        "lsf": "LSFCluster",
        "oar": "OARCluster",
        "moab": "MoabCluster",
        "htcondor": "HTCondorCluster",
    }
)
"""dask-jobqueue's, by what a file calls the system."""

_TOP: Mapping[str, Any] = MappingProxyType(
    {
        "system": str,
        "workers": int,
        "wait": int,
        "encrypted": bool,
        "shared_directory": str,
        "job": dict,
        "scheduler": dict,
    }
)
_SCHEDULER: Mapping[str, Any] = MappingProxyType({"host": str, "interface": str, "port": int})
_JOB: Mapping[str, Any] = MappingProxyType(
    {
        "cores": int, "memory": str, "processes": int, "interface": str, "local_directory": str,
        "log_directory": str, "death_timeout": int, "python": str, "shebang": str, "job_name": str,
        "job_script_prologue": list, "job_extra_directives": list, "job_directives_skip": list,
        "worker_extra_args": list,
    }
)  # fmt: skip
_OF_SYSTEM: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "slurm": {"queue": str, "account": str, "walltime": str, "job_cpu": int, "job_mem": str},
        "pbs": {"queue": str, "account": str, "walltime": str, "resource_spec": str},
        "sge": {"queue": str, "project": str, "walltime": str, "resource_spec": str},
        "lsf": {
            "queue": str, "project": str, "walltime": str, "ncpus": int, "mem": int, "lsf_units": str,
            "use_stdin": bool,
        },
        "oar": {"queue": str, "project": str, "walltime": str, "resource_spec": str},
        "moab": {"queue": str, "account": str, "walltime": str, "resource_spec": str},
        "htcondor": {"disk": str},
    }
)  # fmt: skip
_WORDS = MappingProxyType(
    {str: "a text", int: "a whole number", bool: "true or false", list: "a list of texts", dict: "a table"}
)
_CLOSE_SECONDS = 20.0
_ADDRESS = "tls://<address of this run>"


@dataclass(frozen=True)
class ClusterFile:
    """What a file says.

    Attributes:
        path: of the file.
        system: the queueing system.
        workers: Dask workers to ask for, at most; a worker is a process with one thread.
        wait: seconds without any worker until a run ends; None: for ever.
        job: what dask-jobqueue's class takes.
        scheduler: where the scheduler, a part of this process, listens.
        encrypted: whether all connections are, by certificates that are made for this run.
        shared: folder that all machines see, for the certificates.
    """

    path: Path
    system: str
    workers: int
    wait: int | None
    job: Mapping[str, Any]
    scheduler: Mapping[str, Any]
    encrypted: bool
    shared: str

    def job_script(self) -> str:
        """The script that would be submitted, for one job.

        Raises:
            InputError: dask-jobqueue refuses something of it.
        """
        from distributed import Security

        names = {f"tls_{name}": f"<{name} of this run>" for name in ("ca_file", "worker_key", "worker_cert")}
        security = Security(require_encryption=True, **names) if self.encrypted else None
        address = _ADDRESS if self.encrypted else _ADDRESS.replace("tls", "tcp")
        with self._explained():
            made = self._class().job_cls(
                address,
                name="<name of this job>",
                protocol="tls://" if self.encrypted else None,
                security=security,
                **self.job,
            )
            script: str = made.job_script()
        return script

    @contextmanager
    def started(self) -> Iterator[Queued]:
        """A cluster without workers; it submits jobs when it is scaled, and takes them back at the end.

        Raises:
            InputError: it cannot be started.
        """
        kind = self._class()
        command = kind.job_cls.submit_command.split()[0]
        if shutil.which(command) is None:
            raise InputError(f"{str(self.path)!r}: {command}, which submits jobs to {self.system}, is not on the path")
        listening = {"dashboard_address": "127.0.0.1:0", "dashboard": False, **self.scheduler}
        refused: dict[str, str] = {}

        class Told(kind.job_cls):  # type: ignore[name-defined,misc] # known at run time
            """Says when its submission was refused; the cluster only logs it."""

            async def start(self) -> None:
                try:
                    await super().start()
                except Exception as error:
                    refused[self.name] = " ".join(str(error).split())
                    raise

        with self._explained():
            folder = tempfile.TemporaryDirectory(prefix=".automat-", dir=self.shared, ignore_cleanup_errors=True)
        with folder as certificates:
            with self._explained(), uninterrupted():
                cluster = kind(
                    n_workers=0,
                    job_cls=Told,
                    scheduler_options=listening,
                    security=True if self.encrypted else None,
                    shared_temp_directory=certificates,
                    silence_logs=logging.CRITICAL,
                    **self.job,
                )
            try:
                yield Queued(self, cluster, refused)
            finally:
                with suppress(Exception):
                    cluster.close(timeout=_CLOSE_SECONDS)
                # Files of dask-jobqueue's that else end after their folder, with remarks on the terminal.
                for name in ("ca_file", "cert", "key"):
                    with suppress(AttributeError, OSError):
                        getattr(cluster, f"_job_{name}").close()

    def _class(self) -> Any:
        import dask_jobqueue

        return getattr(dask_jobqueue, CLASSES[self.system])

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What dask-jobqueue refuses is a fault of the file."""
        try:
            yield
        except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
            raise InputError(f"{str(self.path)!r}: {' '.join(str(error).split())}") from error


@dataclass(eq=False)
class Queued:
    """A cluster whose workers wait in a queue.

    Attributes:
        file: what it is made by.
        cluster: dask-jobqueue's.
        refused: what the queueing system said of jobs that it did not take, by their names.
    """

    file: ClusterFile
    cluster: Any
    refused: dict[str, str]
    _asked: int = 0
    _began: dict[str, Any] = field(default_factory=dict)
    _dropping: Future[Any] | None = None

    def scale(self, wanted: int, present: int) -> None:
        """Ask for no more workers than there are cells.

        Args:
            wanted: how many would have something to do.
            present: how many are there.

        Raises:
            EngineError: every job was refused.
        """
        if self._dropping is not None:
            if not self._dropping.done():
                return
            self._dropping, self._asked = None, 0
        there = self._there()
        self._began |= {job: self.cluster.workers.get(job) for job in there}
        if not present:
            self._drop(there)
        asked = min(wanted, self.file.workers)
        if asked > self._asked and self._dropping is None:
            self._asked = asked
            self.cluster.scale(asked)

    def _there(self) -> set[str]:
        """Jobs that workers have come from and are there."""
        spec = dict(self.cluster.worker_spec)
        jobs = {f"{name}{suffix}": name for name in spec for suffix in ["", *spec[name].get("group", [])]}
        names = {str(worker["name"]) for worker in list(self.cluster.scheduler_info["workers"].values())}
        return {jobs[name] for name in names & jobs.keys()}

    def _drop(self, there: set[str]) -> None:
        """Without any worker, let go of jobs whose time is over, and then of those refused, to ask for them again.

        Those that wait in the queue go on waiting there. Dask itself forgets only jobs of one process, and those late.
        """
        spec = set(self.cluster.worker_spec)
        refused = spec & self.refused.keys()
        if spec and refused == spec:
            raise EngineError(f"{self.file.system} takes no jobs: {next(iter(self.refused.values()))}")
        jobs = dict(self.cluster.workers)
        begun = {name for name, job in self._began.items() if jobs.get(name) in {None, job}}
        over = (begun & spec) - there
        if not over:
            return
        for name in over | refused:
            self._began.pop(name, None)
            self.refused.pop(name, None)
        # Under names that are free only then.
        closing = self.cluster.scale_down([*over, *refused])
        self._dropping = asyncio.run_coroutine_threadsafe(closing, self.cluster.loop.asyncio_loop)


def read(path: str | Path) -> ClusterFile:
    """Read a file.

    Raises:
        InputError: it cannot be read, or says something that is not understood.
    """
    path = Path(path)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the cluster file {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:  # also what is not UTF-8
        raise InputError(f"{str(path)!r} is not TOML: {error}") from error
    _check(path, "", found, _TOP)
    if "system" not in found:
        raise InputError(f"{str(path)!r} lacks 'system', one of: {', '.join(CLASSES)}")
    system = found["system"]
    if system not in CLASSES:
        raise UnknownNameError(f"system in {str(path)!r}:", system, CLASSES)
    job, scheduler = found.get("job", {}), found.get("scheduler", {})
    _check(path, "job", job, {**_JOB, **_OF_SYSTEM[system]})
    _check(path, "scheduler", scheduler, _SCHEDULER)
    for name in ("cores", "memory"):
        if name not in job:
            raise InputError(f"{str(path)!r} lacks {name!r} below [job]: of one job of the queue")
    workers = found.get("workers", job.get("processes", job["cores"]))
    for name, number in (
        ("workers", workers),
        ("wait", found.get("wait", 1)),
        ("cores", job["cores"]),
        ("processes", job.get("processes", 1)),
    ):
        if number < 1:
            raise InputError(f"{name!r} in {str(path)!r} must be at least 1, but is {number}")
    return ClusterFile(
        path=path,
        system=system,
        workers=workers,
        wait=found.get("wait"),
        # A cell takes one thread; dask-jobqueue would put several of them into a process.
        job={"processes": job["cores"], **job},
        scheduler=scheduler,
        encrypted=found.get("encrypted", True),
        shared=found.get("shared_directory", os.getcwd()),  # noqa: PTH109 - a text
    )


def _check(path: Path, table: str, given: Mapping[str, Any], allowed: Mapping[str, Any]) -> None:
    """Keys and kinds of values."""
    for key, value in given.items():
        if key not in allowed:
            where = f"[{table}] of {str(path)!r}" if table else repr(str(path))
            raise UnknownNameError(f"key in {where}:", key, allowed)
        kind = allowed[key]
        is_right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
        if not is_right or (kind is list and not all(isinstance(item, str) for item in value)):
            raise InputError(f"{key!r} in {str(path)!r} must be {_WORDS[kind]}, but is {value!r}")
