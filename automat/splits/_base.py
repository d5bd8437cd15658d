"""What a kind of split is, and what it is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from automat.core import Dataset, Fold

MIN_FOLDS = 2

INNER_FOLDS = 5
"""The inner holdout is about one fifth of the training rows."""

MIN_LEFT_OUT = 2
"""Rows that a group must have to be left out as a fold: R2 is not defined on fewer."""

_GRAMMAR = re.compile(r"(?P<name>[^:*]*)(?::(?P<column>.+)|\*(?P<repeats>\d+))?", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Request:
    """What a kind is asked to cut.

    Attributes:
        dataset: the whole dataset.
        rows: sorted positions of the rows to cut.
        folds: how many are wanted; 0: as many as the kind makes by itself.
        seed: of the shuffle.
        column: of ``Dataset.extra``; empty for kinds that take none.
        groups: code of every row of the dataset, for kinds that never part a group.
        outer: the fold whose training rows are cut for tuning; None where the whole dataset is cut.
        cache_dir: where features that the cut needs are kept; None: nowhere.
    """

    dataset: Dataset
    rows: NDArray[np.intp]
    folds: int
    seed: int
    column: str = ""
    groups: NDArray[np.intp] | None = None
    outer: Fold | None = None
    cache_dir: Path | None = None

    def folds_of(self, units: int, what: str) -> int:
        """The number of folds to cut ``units`` things into; for tuning, fewer will do.

        Raises:
            InputError: there are more folds than things.
        """
        folds = min(self.folds, max(units, MIN_FOLDS)) if self.outer is not None else self.folds
        if folds > units:
            raise InputError(f"cannot make {folds} folds of {units} {what}")
        return folds

    def of_rows(self) -> NDArray[np.intp]:
        """The groups of the rows to cut, shape (rows,)."""
        if self.groups is None:
            raise ValueError("this kind of split has no groups")
        return self.groups[self.rows]


@dataclass(frozen=True, eq=False)
class Cut:
    """One fold of a kind.

    Attributes:
        test: row positions.
        label: what is left out; empty where rows are drawn by chance.
        train: row positions; None: all rows that are cut, but the test rows.
        validation: rows for tuning, in neither of the others; None: tuning cuts ``train`` itself.
    """

    test: NDArray[np.intp]
    label: str = ""
    train: NDArray[np.intp] | None = None
    validation: NDArray[np.intp] | None = None


class Groups(Protocol):
    """Which rows belong together."""

    def __call__(self, request: Request) -> NDArray[np.intp]:
        """The code of every row of the dataset, shape (n,), whatever rows are to be cut.

        Raises:
            InputError: the dataset lacks what tells.
        """


@dataclass(frozen=True)
class SplitKind:
    """A registered way to cut.

    Attributes:
        name: what ``--split`` takes.
        cut: the folds of a request.
        summary: what its score tells, in one sentence.
        needs: what a dataset must have, for people.
        groups: which rows are never parted; None where rows stand alone, or belong to several groups.
        shuffled: whether the seed decides the folds, so that repeats differ.
        takes_column: whether it is asked for as ``NAME:COLUMN``.
        counts_itself: whether the data, not the user, says how many folds there are.
        fixed_seed: the seed that it is always cut with; None: the user's.
        version: raise it when the same request no longer gives the same folds, or the same inner holdout.
    """

    name: str
    cut: Callable[[Request], list[Cut]]
    summary: str
    needs: str = "any rows"
    groups: Groups | None = None
    shuffled: bool = False
    takes_column: bool = False
    counts_itself: bool = False
    fixed_seed: int | None = None
    version: str = "1"

    @property
    def usage(self) -> str:
        """How it is asked for."""
        return f"{self.name}:COLUMN" if self.takes_column else self.name


@dataclass(frozen=True)
class Asked:
    """A split as it is written: ``random``, ``random*3``, ``column:my_fold``."""

    name: str
    column: str = ""
    repeats: int = 1


def parse(text: str) -> Asked:
    """Read what ``--split`` was given; whether there is such a kind is not looked at.

    >>> parse("random*3")
    Asked(name='random', column='', repeats=3)
    >>> parse("time:published")
    Asked(name='time', column='published', repeats=1)

    Raises:
        InputError: no repeats or no column where a sign announces them.
    """
    found = _GRAMMAR.fullmatch(text)
    if found is None or found["repeats"] == "0":
        raise InputError(f"split {text!r} cannot be read; write NAME, NAME:COLUMN or NAME*REPEATS, e.g. random*3")
    return Asked(found["name"], found["column"] or "", int(found["repeats"] or 1))


def codes(labels: NDArray[np.generic]) -> NDArray[np.intp]:
    """Equal labels to equal codes 0..k-1, in the order of the labels, shape (n,)."""
    import numpy as np

    found: NDArray[np.intp] = np.unique(labels, return_inverse=True)[1].astype(np.intp)
    return found


def extra_column(request: Request, kind: str) -> NDArray[np.object_]:
    """The column that was asked for, as it is, shape (n,); of ``Dataset.extra``, else of a plain table.

    Raises:
        InputError: there is no such column, or it has empty cells.
    """
    import difflib

    dataset, name = request.dataset, request.column
    frames = [frame for frame in (dataset.extra, dataset.table) if frame is not None]
    columns = [str(column) for frame in frames for column in frame.columns]
    column = next((frame[name] for frame in frames if name in frame.columns), None)
    if column is None:
        nearest = difflib.get_close_matches(name, columns, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        allowed = ", ".join(columns) or "none, there are no columns beside its materials and target"
        raise InputError(f"split '{kind}:{name}': {dataset.name!r} has no such column.{hint} Allowed: {allowed}")
    if column.isna().any():
        first = dataset.ids[column.isna().to_numpy().argmax()]
        raise InputError(
            f"split '{kind}:{name}': the column is empty in {int(column.isna().sum())} of {len(dataset)} rows "
            f"(first: {str(first)!r})"
        )
    values: NDArray[np.object_] = column.to_numpy(object)
    return values
