"""Which executor is meant."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING

from automat.core import InputError, UnknownNameError
from automat.executors.local import Local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from automat.executors.crew import Executor

EXECUTORS = ("local", "dask")


@contextmanager
def opened(
    executor: str | Executor | None = None,
    *,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    jobs: int | None = None,
) -> Iterator[Executor]:
    """The executor that is meant, until the end of the block; one that is opened already is passed on.

    Args:
        executor: ``local`` or ``dask``; where None, ``dask`` if either of the next two is given, else ``local``.
        scheduler: address of a running Dask scheduler.
        cluster: a file that says what to ask a queueing system for.
        jobs: workers of a cluster of this machine.

    Raises:
        InputError: they do not go together, or Dask is not installed.
    """
    if executor is not None and not isinstance(executor, str):
        yield executor
        return
    given = [f"{name} {str(value)!r}" for name, value in (("scheduler", scheduler), ("cluster", cluster)) if value]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} were both given; one of them says where cells run")
    chosen = executor or ("dask" if given else "local")
    if chosen not in EXECUTORS:
        raise UnknownNameError("executor", chosen, EXECUTORS)
    if chosen == "local":
        if given:
            raise InputError(f"executor 'local' runs cells in processes of this machine, but {given[0]} was given")
        yield Local()
        return
    need("dask", "distributed", *(["dask_jobqueue"] if cluster else []))
    from automat.executors import cluster_file
    from automat.executors.dask import Dask

    asked = None if cluster is None else cluster_file.read(cluster)
    with Dask(scheduler=scheduler, cluster=asked, jobs=jobs) as found:
        yield found


def need(*packages: str) -> None:
    """Refuse to go on without packages of the extra ``cluster``.

    Raises:
        InputError: one is not installed.
    """
    absent = [name.replace("_", "-") for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"executor 'dask' needs {' and '.join(absent)}, not installed here: pip install \"automat[cluster]\""
        )
