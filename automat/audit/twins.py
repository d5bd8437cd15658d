"""Which rows of a dataset are the same material, or nearly: found once, whatever the folds.

Rows carry labels: those of one label are twins. Links join labels whose rows are twins as well. So a formula that
ten thousand rows share is one label, and not fifty million pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat.core import Dataset, Fold

    Rows = NDArray[np.intp]

EXCHANGED = 0.01
"""Near-duplicate compositions: at most this share of atoms differ."""

SPACING = 0.02
"""Near-duplicate crystals: no mean distance between elements differs by more, in units of (volume / atoms)^(1/3)."""

SPACING_OF_SAME = 0.3
"""Crystals whose spacings differ by more are not shown to the matcher. Of 140 such pairs, drawn among 51,868
crystals of the Materials Project (0.3 to 1 apart), it called none the same; random steps of 0.2 angstrom changed
the spacings of 35 crystals by 0.16 at most."""

COLUMN = 0.01
"""Near-duplicate rows of a table: no numeric column differs by more, in units of its standard deviation."""

COMMON_SHARE, COMMON_ROWS = 0.01, 5
"""A target value that more than this share of rows has, and more rows than this, says nothing when it is met twice."""


@dataclass(frozen=True)
class Kind:
    """One way in which a test row can be known from the training rows.

    Attributes:
        name: short, for tables and files.
        title: for people.
        definition: when exactly a row counts, in one sentence.
    """

    name: str
    title: str
    definition: str


@dataclass(frozen=True, eq=False)
class Twins:
    """The rows that are twins in the sense of one kind.

    Attributes:
        kind: the sense.
        labels: of the rows, shape (n,); -1: a row without twins.
        alike: whether rows of one label are twins; else only rows of linked labels are.
        links: pairs of labels, the closest pairs last, shape (m, 2).
    """

    kind: Kind
    labels: NDArray[np.int64]
    alike: bool
    links: NDArray[np.int64]

    def partners(self, fold: Fold) -> Rows:
        """Of every test row, a training row that is its twin; -1 where there is none; shape (test rows,)."""
        size = int(self.labels.max(initial=-1)) + 1
        trained = np.full(size + 1, -1, np.intp)  # one more, for rows without a label
        trained[self.labels[fold.train[::-1]]] = fold.train[::-1]
        trained[-1] = -1
        labels = self.labels[fold.test]
        found = trained[labels] if self.alike else np.full(len(labels), -1, np.intp)
        linked = np.full(size + 1, -1, np.intp)
        for here, there in ((0, 1), (1, 0)):
            reached = self.links[trained[self.links[:, there]] >= 0]
            linked[reached[:, here]] = trained[reached[:, there]]
        partners: Rows = np.where(found >= 0, found, linked[labels])
        return partners


@dataclass(frozen=True, eq=False)
class Found:
    """What there is to know of a dataset's twins.

    Attributes:
        twins: a kind each.
        groups: labels of rows that are not independent of each other (one composition, or equal rows), shape (n,).
        notes: what was not looked at, or not told, a sentence each.
    """

    twins: tuple[Twins, ...]
    groups: NDArray[np.int64]
    notes: tuple[str, ...]


NO_LINKS = np.empty((0, 2), np.int64)


def kinds_of(dataset: Dataset) -> tuple[str, ...]:
    """Names of the kinds that are looked for in such a dataset."""
    materials = ("composition", "structure") if dataset.structures is not None else ("composition",)
    equal = ("equal_target",) if dataset.task == "regression" else ()
    return (*(("row",) if dataset.table is not None else materials), "near_duplicate", *equal)


def find(dataset: Dataset, folds: Sequence[Fold], *, jobs: int = 1, seconds: float = 60.0) -> Found:
    """The twins of a dataset.

    Args:
        dataset: the data.
        folds: crystals are compared in full only where some fold parts them.
        jobs: worker processes that compare crystals.
        seconds: of wall time that comparing crystals may take.
    """
    if dataset.table is not None:
        from automat.audit.tables import find_rows

        base, near, notes = find_rows(dataset.table)
        made = [base, near]
    else:
        from automat.audit.materials import find_materials

        made, notes = find_materials(dataset, folds, jobs=jobs, seconds=seconds)
        base, near = made[0], made[-1]
    if dataset.task == "regression":
        equal, remarks = _equal_targets(dataset, base, near)
        made.append(equal)
        notes = (*notes, *remarks)
    else:
        notes = (*notes, "Classes are shared by many rows, so equal targets are not looked for.")
    return Found(tuple(made), base.labels, notes)


def _equal_targets(dataset: Dataset, base: Twins, near: Twins) -> tuple[Twins, tuple[str, ...]]:
    """Rows with the same target that are also of one ``base`` label, or near-duplicates."""
    import pandas as pd

    _, value, count = np.unique(dataset.target + 0.0, return_inverse=True, return_counts=True)
    common = (count > COMMON_ROWS) & (count > COMMON_SHARE * len(dataset))
    kind = Kind(
        "equal_target",
        "equal target",
        f"its target is that of a training row to the last digit, and that row is of the kind {base.kind.title!r} or "
        f"{near.kind.title!r}; values that more than {COMMON_SHARE:.0%} of the rows (and more than {COMMON_ROWS}) "
        "have do not count, as rounding or a physical limit makes them equal",
    )
    rare = np.flatnonzero(~common[value])
    labels = np.full(len(dataset), -1, np.int64)
    _, labels[rare] = np.unique(np.column_stack([base.labels, value])[rare], axis=0, return_inverse=True)
    table = pd.DataFrame({"near": near.labels[rare], "value": value[rare], "label": labels[rare]})
    table = table.drop_duplicates(["near", "value"])
    links = pd.DataFrame(near.links, columns=["near", "other"]).merge(table, on="near")
    links = links.merge(table.rename(columns={"near": "other", "label": "linked"}), on=["other", "value"])
    remark = f"{int(common[value].sum())} rows have a target that is too common to count when it is met twice."
    twins = Twins(kind, labels, alike=True, links=links[["label", "linked"]].to_numpy(np.int64).reshape(-1, 2))
    return twins, (remark,) if common.any() else ()
