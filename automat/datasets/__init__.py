"""Datasets by name (embedded, Matbench's, matminer's), the user's tables, folders of crystals, and files of ASE."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from automat.core import InputError, UnknownNameError
from automat.datasets import catalogue, embedded, matbench, megnet2018
from automat.datasets.embedded import EMBEDDED, DatasetInfo, available
from automat.datasets.reading import Columns, Reading

if TYPE_CHECKING:
    from automat.core import Dataset, Task

__all__ = ["Columns", "DatasetInfo", "Reading", "available", "elsewhere", "fetched", "load", "read", "read_each"]

ALL = "all"
"""As a target: every column of numbers, one after the other."""

_ELSEWHERE = (megnet2018.NAME, *matbench.TASKS)
_NAMES = (*EMBEDDED, *_ELSEWHERE)


def elsewhere() -> tuple[DatasetInfo, ...]:
    """Datasets with a name that do not ship, with where each is found, or why it is not here."""
    return (megnet2018.about(), *(matbench.about(name) for name in matbench.TASKS))


def fetched() -> tuple[str, ...]:
    """Names of matminer's catalogue that are no other dataset's: matminer fetches them where there is a network."""
    return tuple(name for name in catalogue.names() if name not in _NAMES)


def load(
    name_or_path: str | Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None
) -> Dataset:
    """A dataset by name, or a user's table, folder or file of ASE by path.

    Args:
        name_or_path: a name of ``available()`` or ``elsewhere()``, or of matminer's catalogue; a CSV, Parquet or
            JSON file; a folder of crystals with id_prop.csv or another table; an ASE database or extended XYZ. A
            card (see :mod:`automat.datasets.card`) may lie beside.
        target: the target column of a table; guessed when there is only one candidate.
        task: of a table or folder; guessed from the target when None.
        columns: which columns of a table say what; known by their names when None.

    Raises:
        UnknownNameError: neither a name nor a path that exists.
        InputError: what is there cannot be used; one message says why.
    """
    return read(name_or_path, target=target, task=task, columns=columns).dataset


def read(
    name_or_path: str | Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None
) -> Reading:
    """What :func:`load` gives, with how it was read.

    Raises:
        UnknownNameError: neither a name nor a path that exists.
        InputError: what is there cannot be used; one message says why.
    """
    given = str(name_or_path)
    if given in EMBEDDED or given in _ELSEWHERE:
        if columns is not None and columns.named:
            raise InputError(f"dataset {given!r} has no columns to choose; leave --id, --formula and --structure out")
        data = _embedded(given, target, task) if given in EMBEDDED else _named(given, target, task)
        return Reading(data, len(data))
    path = _path(given)
    if path is None:
        return catalogue.read(given, target=target, task=task, columns=columns)
    from automat.datasets import card

    found = card.beside(path)
    reader = _reader(path)
    reading = reader.read(path, target=target or found.target, task=task or found.task, columns=columns)
    return replace(reading, dataset=found.apply(reading.dataset))


def read_each(
    name_or_path: str | Path, *, target: str | None = None, task: Task | None = None, columns: Columns | None = None
) -> tuple[Reading, ...]:
    """One reading for each of several targets, which then are no inputs of each other.

    Args:
        name_or_path: see :func:`load`.
        target: a column; several, separated by commas; or ``all``: every column of numbers of a file.
        task: see :func:`load`.
        columns: see :func:`load`.

    Returns:
        One reading a target; where they are several, their datasets are called ``name-target``.

    Raises:
        UnknownNameError: neither a name nor a path that exists, or a target that is no column.
        InputError: what is there cannot be used; one message says why.
    """
    asked = columns or Columns()
    given = str(name_or_path)
    if target is None or (target != ALL and "," not in target) or given in EMBEDDED or given in _ELSEWHERE:
        return (read(name_or_path, target=target, task=task, columns=columns),)
    path = _path(given)
    if path is None:
        raise InputError(f"dataset {given!r}: several targets are read from files alone; name one")
    possible = _reader(path).numeric_targets(path, asked)
    if target in possible:  # a column that has a comma in its name, or is called `all`
        return (read(path, target=target, task=task, columns=columns),)
    names = possible if target == ALL else [name.strip() for name in target.split(",") if name.strip()]
    if not names:
        raise InputError(f"{path.name!r} has no column of numbers that could be a target")
    names = list(dict.fromkeys(names))
    readings = [read(path, target=name, task=task, columns=replace(asked, apart=tuple(names))) for name in names]
    if len(names) == 1:
        return (readings[0],)
    return tuple(
        replace(each, dataset=replace(each.dataset, name=f"{each.dataset.name}-{each.dataset.target_name}"))
        for each in readings
    )


def _path(given: str) -> Path | None:
    """The file or folder that is meant; None where only a name of matminer's catalogue is."""
    if not given.strip() or "\0" in given:
        raise UnknownNameError("dataset", given, _NAMES)
    path = Path(given)
    try:
        path = path.expanduser()
        found = path.is_dir() or path.is_file()
    except (OSError, RuntimeError) as error:  # a name too long, no right to look, an unknown ~user
        raise InputError(f"cannot look for a dataset at {given[:80]!r}: {error.__class__.__name__}") from error
    if found:
        return path
    if path.suffix or len(path.parts) > 1:
        raise InputError(_no_path(path, given))
    if given not in catalogue.names():
        raise UnknownNameError("dataset", given, (*_NAMES, *fetched()))
    return None


class _Reader(Protocol):
    """What each module that reads files or folders has."""

    def read(self, path: Path, *, target: str | None, task: Task | None, columns: Columns | None) -> Reading: ...

    def numeric_targets(self, path: Path, columns: Columns) -> list[str]: ...


def _reader(path: Path) -> _Reader:
    from automat.datasets import ase_files, folders, tables

    if path.is_dir():
        return folders
    return ase_files if path.suffix.lower() in ase_files.ENDINGS else tables


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
