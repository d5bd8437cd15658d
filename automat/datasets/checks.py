"""What a target and ids must satisfy. Every refusal says what was given and what is allowed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from automat.core import InputError, Task, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Dataset

MIN_ROWS = 4
"""Two folds, each with two rows to train on and two to test on."""

FEW_VALUES = 10
ROWS_A_VALUE = 3
"""A whole-numbered target is taken for classes when it has few values, each seen about this often."""

_NAMED = 3


def unique_ids(ids: Sequence[object], where: str) -> NDArray[np.str_]:
    """Row names as text.

    Raises:
        InputError: a name is empty or stands twice.
    """
    import numpy as np
    import pandas as pd

    given = pd.Series(ids, dtype=object)
    names = given.astype(str)
    empty = given.isna() | (names.str.strip() == "")
    if empty.any():
        raise InputError(f"{where}: {int(empty.sum())} rows have no id, the first is row {int(empty.argmax()) + 1}")
    if names.duplicated().any():
        first = names[names.duplicated()].iloc[0]
        count = int(names.duplicated(keep=False).sum())
        raise InputError(f"{where}: ids must be unique, but {count} rows share theirs, e.g. {first!r}")
    return np.asarray(names, dtype=np.str_)


def read_target(
    target: pd.Series, task: Task | None, where: str
) -> tuple[Task, NDArray[np.float64], tuple[str, ...], list[str]]:
    """A column as the given task's target, or as the task that its values suggest.

    Returns:
        The task; values or class codes, NaN where missing; class names; and the note on a guess.

    Raises:
        UnknownNameError: no such task.
        InputError: the column is no target of that task.
    """
    if task is not None and task not in get_args(Task):
        raise UnknownNameError("task", str(task), get_args(Task))
    chosen, why = guess_task(target) if task is None else (task, "")
    notes = [f"{target.name!r} was read as a {chosen} target ({why})."] if why else []
    if chosen == "classification":
        values, classes = class_target(target, where)
        return chosen, values, classes, notes
    return chosen, regression_target(target, where), (), notes


def guess_task(target: pd.Series) -> tuple[Task, str]:
    """Classification for text, booleans, and few whole numbers that recur; else regression. And why."""
    import numpy as np
    import pandas as pd

    present = target.dropna()
    if len(present) and all(isinstance(value, bool | np.bool_) for value in present):
        return "classification", "true or false"
    numbers = pd.to_numeric(present, errors="coerce")
    if len(present) and numbers.isna().all():
        return "classification", "text"
    whole = bool(((numbers % 1) == 0).all())
    values = numbers.nunique()
    if whole and values <= min(FEW_VALUES, len(numbers) // ROWS_A_VALUE):
        return "classification", f"{values} whole numbers that recur"
    return "regression", "numbers"


def regression_target(target: pd.Series, where: str) -> NDArray[np.float64]:
    """Numbers, NaN where a value is missing.

    Raises:
        InputError: text that is no number, an infinite value, or all values the same.
    """
    import numpy as np
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(target):
        raise InputError(f"{where}: the target {target.name!r} holds dates; allowed are numbers, or text for classes")
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
    """Class codes (NaN where missing) and class names, numbers in order before text in order.

    Raises:
        InputError: one class, or so many that most rows are alone in theirs.
    """
    present = target.dropna()
    names = sorted(present.unique(), key=_class_order)
    if len(names) == 1:
        raise InputError(f"{where}: the target {target.name!r} is {names[0]!r} in every row; there is nothing to learn")
    if len(names) * 2 > max(len(present), MIN_ROWS):
        shown = ", ".join(repr(str(name)) for name in names[:_NAMED])
        raise InputError(
            f"{where}: the target {target.name!r} has {len(names)} different values in {len(present)} rows "
            f"({shown}, ...), too many for classes; allowed are numbers, or classes of two rows and more"
        )
    codes = target.map({name: float(code) for code, name in enumerate(names)}).astype(float)
    return codes.to_numpy(), tuple(str(name) for name in names)


def _class_order(value: Any) -> tuple[bool, float, str]:
    import numpy as np

    number = isinstance(value, bool | int | float | np.generic)
    return not number, float(value) if number else 0.0, str(value)


def usable(dataset: Dataset) -> Dataset:
    """The dataset without rows whose target is missing, and classes without rows; its notes say so.

    Notes also count the rows whose formula is another row's as well.

    Raises:
        InputError: half of the targets or more are missing, too few rows are left, or the target is constant.
    """
    import numpy as np

    missing = np.isnan(dataset.target)
    where, rows = f"{dataset.name!r}", len(dataset)
    if missing.any() and missing.sum() * 2 >= rows:
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
    shared = () if dataset.formulas is None else shared_formulas(dataset.formulas)
    return replace(_without_empty_classes(dataset), notes=(*dataset.notes, *shared))


def _without_empty_classes(dataset: Dataset) -> Dataset:
    """Classes whose rows were all set aside are no longer classes: codes stay 0..k-1, all of them in use."""
    import numpy as np

    codes, target = np.unique(dataset.target, return_inverse=True)
    if dataset.task == "regression" or len(codes) == len(dataset.classes):
        return dataset
    classes = tuple(dataset.classes[int(code)] for code in codes)
    return replace(dataset, target=target.astype(np.float64), classes=classes)


def shared_formulas(formulas: Sequence[str]) -> tuple[str, ...]:
    """The note on polymorphs: how many rows have a reduced formula that another row has too; none, no note."""
    counts = Counter(formulas)
    shared = sum(count for count in counts.values() if count > 1)
    if not shared:
        return ()
    polymorphs = f"{shared} of {len(formulas)} rows share their reduced formula with another row (polymorphs)"
    return (f"{polymorphs}; split 'formula' keeps them on one side.",)


def take(dataset: Dataset, rows: NDArray[Any]) -> Dataset:
    """The given rows of a dataset, in the given order."""
    return replace(
        dataset,
        ids=dataset.ids[rows],
        target=dataset.target[rows],
        compositions=None if dataset.compositions is None else dataset.compositions.take(rows),
        structures=None if dataset.structures is None else dataset.structures.take(rows),
        table=None if dataset.table is None else dataset.table.iloc[rows].reset_index(drop=True),
        extra=None if dataset.extra is None else dataset.extra.iloc[rows].reset_index(drop=True),
    )


def set_aside(reasons: Sequence[str], total: int, what: str, where: str) -> str:
    """The note on rows that could not be read.

    Raises:
        InputError: none could.
    """
    if len(reasons) == total:
        raise InputError(f"{where}: no {what} could be read; {reasons[0]}")
    return f"{len(reasons)} of {total} rows were set aside, their {what} could not be read (first: {reasons[0]})."
