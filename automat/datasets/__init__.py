"""Datasets by name: embedded ones, the user's tables, and folders of crystals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import InputError, UnknownNameError
from automat.datasets.embedded import EMBEDDED, DatasetInfo, available

if TYPE_CHECKING:
    from automat.core import Dataset, Task

__all__ = ["DatasetInfo", "available", "load"]


def load(name_or_path: str | Path, *, target: str | None = None, task: Task | None = None) -> Dataset:
    """An embedded dataset by name, or a user's table or folder by path.

    Args:
        name_or_path: a name of ``available()``, a CSV, Parquet or JSON file, or a folder with id_prop.csv.
        target: the target column of a table; guessed when there is only one candidate.
        task: of a table or folder; guessed from the target when None.

    Raises:
        UnknownNameError: neither a name nor a path that exists.
        InputError: what is there cannot be used; one message says why.
    """
    given = str(name_or_path)
    if given in EMBEDDED:
        from automat.datasets import embedded

        if target is not None and target != EMBEDDED[given].target:
            raise InputError(
                f"dataset {given!r} has the one target {EMBEDDED[given].target!r}, not {target!r}; "
                "other targets of its file are datasets of their own (`automat datasets`)"
            )
        return embedded.load(given)
    path = Path(name_or_path)
    if path.is_dir():
        from automat.datasets import folders

        if target is not None:
            raise InputError(f"a folder has one target, the second column of {folders.TARGETS}; leave --target out")
        return folders.load(path, task=task)
    if path.is_file():
        from automat.datasets import tables

        return tables.load(path, target=target, task=task)
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"no file or folder at {given!r}")
    raise UnknownNameError("dataset", given, EMBEDDED)
