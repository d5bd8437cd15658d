"""Datasets by name: embedded ones, Matbench's, the user's tables, and folders of crystals."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import InputError, UnknownNameError
from automat.datasets import embedded, matbench, megnet2018
from automat.datasets.embedded import EMBEDDED, DatasetInfo, available

if TYPE_CHECKING:
    from automat.core import Dataset, Task

__all__ = ["DatasetInfo", "available", "elsewhere", "load"]

_ELSEWHERE = (megnet2018.NAME, *matbench.TASKS)
_NAMES = (*EMBEDDED, *_ELSEWHERE)


def elsewhere() -> tuple[DatasetInfo, ...]:
    """Datasets with a name that do not ship, with where each is found, or why it is not here."""
    return (megnet2018.about(), *(matbench.about(name) for name in matbench.TASKS))


def load(name_or_path: str | Path, *, target: str | None = None, task: Task | None = None) -> Dataset:
    """A dataset by name, or a user's table or folder by path.

    Args:
        name_or_path: a name of ``available()`` or ``elsewhere()``, a CSV, Parquet or JSON file, or a folder with
            id_prop.csv.
        target: the target column of a table; guessed when there is only one candidate.
        task: of a table or folder; guessed from the target when None.

    Raises:
        UnknownNameError: neither a name nor a path that exists.
        InputError: what is there cannot be used; one message says why.
    """
    given = str(name_or_path)
    if given in EMBEDDED:
        return _embedded(given, target, task)
    if given in _ELSEWHERE:
        return _named(given, target, task)
    if not given.strip() or "\0" in given:
        raise UnknownNameError("dataset", given, _NAMES)
    path = Path(given)
    try:
        path = path.expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, no right to look, an unknown ~user
        raise InputError(f"cannot look for a dataset at {given[:80]!r}: {error.__class__.__name__}") from error
    if is_folder:
        from automat.datasets import folders

        if target is not None:
            raise InputError(f"a folder has one target, the second column of {folders.TARGETS}; leave --target out")
        return folders.load(path, task=task)
    if is_file:
        from automat.datasets import tables

        return tables.load(path, target=target, task=task)
    if path.suffix or len(path.parts) > 1:
        raise InputError(_no_path(path, given))
    raise UnknownNameError("dataset", given, _NAMES)


def _embedded(name: str, target: str | None, task: Task | None) -> Dataset:
    what = EMBEDDED[name]
    _check_asked(name, what.target, what.task, target, task)
    return embedded.load(name)


def _named(name: str, target: str | None, task: Task | None) -> Dataset:
    if name == megnet2018.NAME:
        _check_asked(name, megnet2018.TARGET, "regression", target, task)
        return megnet2018.load()
    what = matbench.TASKS[name]
    _check_asked(name, what.target, what.task, target, task)
    return matbench.load(name)


def _check_asked(name: str, its_target: str, its_task: Task, target: str | None, task: Task | None) -> None:
    if target is not None and target != its_target:
        raise InputError(
            f"dataset {name!r} has the one target {its_target!r}, not {target!r}; "
            "other targets of its file are datasets of their own (`automat datasets`)"
        )
    if task is not None and task != its_task:
        raise InputError(f"dataset {name!r} is for {its_task}, not {task}")


def _no_path(path: Path, given: str) -> str:
    try:
        beside = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        beside = []
    nearest = difflib.get_close_matches(path.name, beside, n=1)
    hint = f" Did you mean {str(path.with_name(nearest[0]))!r}?" if nearest else ""
    return f"no file or folder at {given!r}.{hint} Allowed: a table, a folder with id_prop.csv, or a dataset's name"
