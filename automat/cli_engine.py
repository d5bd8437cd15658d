"""The command line's options of what a run does and where cells run, and what becomes of Ctrl-C there."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from automat.api import RunResult
    from automat.executors.crew import Executor as Place
    from automat.ladder import LadderResult

EXIT_INTERRUPTED = 130

Executor = Annotated[str | None, typer.Option(help="Where cells run: local or dask.")]
Scheduler = Annotated[str | None, typer.Option(help="Address of a running Dask scheduler, e.g. tcp://host:8786.")]
Cluster = Annotated[Path | None, typer.Option(help="TOML file: what to ask a queueing system (SLURM, PBS, ...) for.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="With --cluster: print the job script, submit nothing.")]


@contextmanager
def place(executor: str | None, scheduler: str | None, cluster: Path | None, jobs: int | None) -> Iterator[Place]:
    """Where cells run; Ctrl-C leaves nothing running there."""
    from automat.executors.choosing import opened

    try:
        with opened(executor, scheduler=scheduler, cluster=cluster, jobs=jobs) as found:
            yield found
    except KeyboardInterrupt:
        typer.echo("automat: stopped. Finished cells are kept; the same command goes on from here.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None


def comparison(split: str | None) -> Callable[..., RunResult | LadderResult]:
    """What compares models on one split, or on those of the ladder."""
    from automat import api, splits

    return api.run_ladder if split == splits.LADDER else partial(api.run, split=split)


def limits(time_limit: str | None, memory_limit: str | None) -> dict[str, Any]:
    """What a cell may take, as :func:`automat.run` is told.

    Raises:
        InputError: no duration, or no size.
    """
    from automat import terminal, terminal_engine

    return {
        "time_limit": terminal.parse_duration(time_limit) if time_limit else None,
        "memory_limit": terminal_engine.parse_size(memory_limit) if memory_limit else None,
    }


def print_job_script(cluster: Path | None) -> NoReturn:
    """Print what would be submitted, and end.

    Raises:
        InputError: there is no cluster file, or it cannot be used.
    """
    if cluster is None:
        raise InputError("--dry-run prints the job script of a cluster file, but --cluster names none")
    from automat.executors import cluster_file
    from automat.executors.choosing import need

    need("dask", "distributed", "dask_jobqueue")
    typer.echo(cluster_file.read(cluster).job_script().rstrip())
    raise typer.Exit
