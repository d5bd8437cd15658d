"""What was understood of a source, beside the dataset itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from automat.core import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    import pandas as pd

    from automat.core import Dataset

Role = Literal["id", "formula", "structure", "target", "input", "beside", "left out"]

DISORDERED = "has partial occupancies"
"""What the reason of a disordered crystal says."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table say what; None: known by their names.

    Attributes:
        id: the rows' names.
        formula: chemical formulas.
        structure: crystals as CIF, POSCAR or pymatgen's JSON.
        apart: columns that are no input: targets of other runs.
    """

    id: str | None = None
    formula: str | None = None
    structure: str | None = None
    apart: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that are named."""
        return tuple(name for name in (self.id, self.formula, self.structure) if name is not None)

    def chosen(self, frame: pd.DataFrame, where: str, known: Mapping[str, Collection[str]]) -> dict[str, str]:
        """The role of every column that names rows or materials: as given, else by its name.

        A formula that is given alone is what the rows are, also where a structure stands beside it.

        Args:
            frame: the table.
            where: its name, for messages.
            known: for id, formula and structure, the lower-case names that are known.

        Raises:
            UnknownNameError: what is given is no column.
            InputError: one column is given twice.
        """
        columns = {str(column).lower(): str(column) for column in reversed(frame.columns)}
        roles: dict[str, str] = {}
        if len(set(self.named)) != len(self.named):
            raise InputError(f"{where}: one column cannot be two of id, formula and structure")
        for role, names in known.items():
            given = getattr(self, role)
            if given is not None and given not in frame.columns:
                raise UnknownNameError(f"{role} column (of {where})", given, map(str, frame.columns))
            if given is None and not (role == "structure" and self.formula is not None):
                given = next((columns[name] for name in names if name in columns), None)
                given = None if given in self.named else given
            if given is not None:
                roles[given] = role
        return roles


@dataclass(frozen=True)
class Column:
    """A column of a source.

    Attributes:
        name: its name.
        role: what it is taken for.
        kind: numbers, text, true or false, dates.
        missing: how many rows have no value.
    """

    name: str
    role: Role
    kind: str
    missing: int


@dataclass(frozen=True, eq=False)
class Reading:
    """A dataset, and how it was read.

    Attributes:
        dataset: what can be learnt from.
        rows: of the source.
        columns: of the source, in its order.
        unreadable: why rows were set aside, by their names.
        without_target: names of the rows that have none.
    """

    dataset: Dataset
    rows: int
    columns: tuple[Column, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    without_target: tuple[str, ...] = ()

    @property
    def understood(self) -> str:
        """One sentence: which columns were taken for what."""
        kinds: tuple[Role, ...] = ("id", "formula", "structure", "target", "input")
        said = []
        for role in kinds:
            names = [column.name for column in self.columns if column.role == role]
            if role == "input" and names:
                said.append(f"{len(names)} input column{'s' if len(names) > 1 else ''}")
            elif names:
                said.append(f"{role} {names[0]!r}")
        data = self.dataset
        return f"{data.name}: {len(data)} of {self.rows} rows, {data.inputs}, {data.task}; " + ", ".join(said)


def columns_of(frame: pd.DataFrame, roles: Mapping[str, Role], other: Role) -> tuple[Column, ...]:
    """The columns of a table with their roles; ``other`` is the role of those that have none."""
    return tuple(
        Column(str(name), roles.get(str(name), other), kind(frame[name]), int(_missing(frame[name])))
        for name in frame.columns
    )


def kind(column: pd.Series) -> str:
    """What a column holds, for people."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return "true or false"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "numbers"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "dates"
    return "text"


def _missing(column: pd.Series) -> int:
    empty = column.isna()
    if column.dtype == object:
        empty |= column.map(lambda value: isinstance(value, str) and not value.strip())
    return int(empty.sum())


def missing_targets(names: Iterable[str], values: Iterable[float]) -> tuple[str, ...]:
    """Names of the rows whose target is NaN."""
    import numpy as np

    return tuple(str(name) for name, value in zip(names, values, strict=True) if np.isnan(value))
