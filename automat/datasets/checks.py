"""What a target and ids must satisfy. Every refusal says what was given and what is allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Dataset, Task

MIN_ROWS = 4
"""Two folds, each with two rows to train on and two to test on."""

FEW_VALUES = 10
ROWS_A_VALUE = 3
"""A whole-numbered target is taken for classes when it has few values, each seen about this often."""

_NAMED = 3


def unique_ids(ids: pd.Series, where: str) -> NDArray[np.str_]:
    """Row names as text.

    Raises:
        InputError: a name is empty or stands twice.
    """
    empty = ids.isna() | (ids.astype(str).str.strip() == "")
    if empty.any():
        raise InputError(f"{where}: {int(empty.sum())} rows have no id, the first is row {int(empty.argmax()) + 1}")
    names = ids.astype(str)
    if names.duplicated().any():
        first = names[names.duplicated()].iloc[0]
        count = int(names.duplicated(keep=False).sum())
        raise InputError(f"{where}: ids must be unique, but {count} rows share theirs, e.g. {first!r}")
    return np.asarray(names, dtype=np.str_)


def guess_task(target: pd.Series) -> Task:
    """Classification for text, booleans, and few whole numbers that recur; regression otherwise."""
    import pandas as pd

    present = target.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    if pd.api.types.is_bool_dtype(present) or (len(present) > 0 and numbers.isna().all()):
        return "classification"
    whole = not numbers.isna().any() and bool((numbers % 1 == 0).all())
    few = numbers.nunique() <= min(FEW_VALUES, len(numbers) // ROWS_A_VALUE)
    return "classification" if whole and few else "regression"


def regression_target(target: pd.Series, where: str) -> NDArray[np.float64]:
    """Numbers, NaN where a value is missing.

    Raises:
        InputError: text that is no number, an infinite value, or all values the same.
    """
    import pandas as pd

    numbers = pd.to_numeric(target, errors="coerce").astype(float)
    wrong = target[numbers.isna() & target.notna()]
    if len(wrong):
        shown = ", ".join(f"row {row + 1}: {value!r}" for row, value in list(wrong.items())[:_NAMED])
        raise InputError(f"{where}: the target {target.name!r} is not numeric in {len(wrong)} rows ({shown})")
    values = np.asarray(numbers, dtype=np.float64)
    if np.isinf(values).any():
        rows = np.flatnonzero(np.isinf(values))
        raise InputError(
            f"{where}: the target {target.name!r} is infinite in {len(rows)} rows, the first is row {rows[0] + 1}"
        )
    return values


def class_target(target: pd.Series, where: str) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Class codes (NaN where missing) and class names in sorted order.

    Raises:
        InputError: fewer than two classes.
    """
    present = target.dropna()
    names = sorted(present.unique(), key=lambda value: (isinstance(value, str), value))
    if len(names) == 1:
        raise InputError(f"{where}: the target {target.name!r} is {names[0]!r} in every row; there is nothing to learn")
    codes = target.map({name: float(code) for code, name in enumerate(names)}).astype(float)
    return codes.to_numpy(), tuple(str(name) for name in names)


def usable(dataset: Dataset) -> Dataset:
    """The dataset without rows whose target is missing, which are counted in its notes.

    Raises:
        InputError: most targets are missing, too few rows are left, or the target is constant.
    """
    missing = np.isnan(dataset.target)
    where, rows = f"{dataset.name!r}", len(dataset)
    if missing.sum() * 2 > rows:
        raise InputError(
            f"{where}: the target {dataset.target_name!r} is missing in {int(missing.sum())} of {rows} rows"
        )
    if missing.any():
        first = ", ".join(dataset.ids[missing][:_NAMED].tolist())
        note = f"{int(missing.sum())} of {rows} rows have no target and were set aside (first: {first})."
        dataset = replace(take(dataset, np.flatnonzero(~missing)), notes=(*dataset.notes, note))
    if len(dataset) < MIN_ROWS:
        raise InputError(f"{where} has {len(dataset)} usable rows; at least {MIN_ROWS} are needed")
    if np.ptp(dataset.target) == 0:
        value = f"{dataset.target[0]:g}"
        raise InputError(
            f"{where}: the target {dataset.target_name!r} is {value} in every row; there is nothing to learn"
        )
    return dataset


def take(dataset: Dataset, rows: NDArray[Any]) -> Dataset:
    """The given rows of a dataset, in the given order."""
    return replace(
        dataset,
        ids=dataset.ids[rows],
        target=dataset.target[rows],
        compositions=None if dataset.compositions is None else dataset.compositions.take(rows),
        structures=None if dataset.structures is None else dataset.structures.take(rows),
        table=None if dataset.table is None else dataset.table.iloc[rows].reset_index(drop=True),
    )


def set_aside(reasons: Sequence[str], total: int, what: str, where: str) -> str:
    """The note on rows that could not be read.

    Raises:
        InputError: none could.
    """
    if len(reasons) == total:
        raise InputError(f"{where}: no {what} could be read; {reasons[0]}")
    return f"{len(reasons)} of {total} rows were set aside, their {what} could not be read (first: {reasons[0]})."
