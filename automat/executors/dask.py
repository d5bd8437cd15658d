"""Cells on a Dask cluster: one of this machine, a running one, or one that a queueing system is asked for."""

from __future__ import annotations

import logging
import warnings
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from automat_featurizers.environment import without_main

from automat import _process
from automat.core import InputError
from automat.executors import dask_node, parcels
from automat.executors.crew import CrewExecutor
from automat.executors.dask_crew import DaskCrew
from automat.executors.local import default_jobs
from automat.executors.workers import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from automat.evaluate import Job
    from automat.executors.cluster_file import ClusterFile, Queued
    from automat.executors.crew import CellLimits

CONNECT_SECONDS = 15.0
PATIENCE_SECONDS = 60.0
_CLOSE_SECONDS = 10.0


class Dask(CrewExecutor):
    """A Dask cluster, opened when cells first need it, and closed with the ``with`` block.

    Args:
        scheduler: address of a running one; it is left running.
        cluster: what to ask a queueing system for. Without either, a cluster of this machine.
        jobs: Dask workers of the cluster of this machine; one a core when None.
    """

    def __init__(self, *, scheduler: str | None, cluster: ClusterFile | None, jobs: int | None) -> None:
        self._scheduler = scheduler
        self._cluster_file = cluster
        self._jobs = jobs
        self._stack = ExitStack()
        self._client: Any = None
        self._queued: Queued | None = None
        self._sent: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Exception):
            if self._client is not None and self._sent:
                self._client.run(dask_node.forget, tuple(self._sent), on_error="ignore")
        self._client = self._queued = None
        self._stack.close()

    def connect(self) -> None:
        """Reach a scheduler that is said to run; clusters of our own are started when cells are ready for them.

        Raises:
            InputError: it cannot be reached.
        """
        if self._scheduler is not None:
            self._opened()

    @contextmanager
    def crew(self, job: Job, folder: Path, limits: CellLimits) -> Iterator[DaskCrew]:
        """The cluster's workers, ``limits.jobs`` cells at once at most, else one a thread; see ``CrewExecutor``."""
        parcel = parcels.write(job, folder)
        client = self._opened()
        self._sent.update(parcel.names)
        crew = DaskCrew(
            client=client,
            order=dask_node.Order(parcel.job, parcel.names, limits.time_limit, limits.memory_limit),
            folder=folder,
            versions=job.versions,
            sources=_process.sources(),
            scale=self._scale,
            patience=PATIENCE_SECONDS if self._cluster_file is None else self._cluster_file.wait,
            most=limits.jobs,
        )
        try:
            yield crew
        finally:
            crew.close()

    def _opened(self) -> Any:
        """A client of the cluster, which is started if need be."""
        if self._client is None:
            self._stack.enter_context(_quiet())
            if self._scheduler is not None:
                address: Any = self._scheduler
            elif self._cluster_file is not None:
                self._queued = self._stack.enter_context(self._cluster_file.started())
                address = self._queued.cluster
            else:
                address = self._stack.enter_context(_local_cluster(self._jobs or default_jobs()))
            self._client = self._stack.enter_context(_client(address))
        return self._client

    def _scale(self, wanted: int, present: int) -> None:
        if self._queued is not None:
            self._queued.scale(wanted, present)


@contextmanager
def _client(address: Any) -> Iterator[Any]:
    """A client of a cluster or of a scheduler's address.

    Raises:
        InputError: it cannot be reached.
    """
    from distributed import Client

    try:
        with uninterrupted(), warnings.catch_warnings():
            # Versions are compared by ourselves, those that results depend on.
            warnings.simplefilter("ignore")
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"the Dask scheduler at {address!r} cannot be reached: {message}") from error
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=_CLOSE_SECONDS)


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """Dask workers of this machine, a process and a thread each."""
    import dask
    from distributed import LocalCluster

    settings = {
        "distributed.worker.profile.enabled": False,
        "distributed.worker.memory.terminate": False,
        "distributed.deploy.lost-worker-timeout": "1s",
    }
    # Of processes that are started where Ctrl-C is held back, it is held back for ever: that is ours to handle.
    with dask.config.set(settings), without_main():
        with uninterrupted():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                security=True,  # others on this machine reach the port, too, and a scheduler runs what it is sent
                silence_logs=logging.CRITICAL,
            )
        try:
            yield cluster
        finally:
            with suppress(Exception):
                cluster.close(timeout=_CLOSE_SECONDS)


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask remarks on what dies: a record tells what came of the cells, and a message of the rest."""
    import distributed  # noqa: F401 - it sets its loggers' levels

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
