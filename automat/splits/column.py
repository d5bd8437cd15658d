"""Folds that the user has made, from a column beside the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat.core import InputError
from automat.splits._base import MIN_FOLDS, Cut, SplitKind, extra_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automat.splits._base import Request

PARTS = {"train": "train", "training": "train", "test": "test"} | dict.fromkeys(
    ("validation", "val", "valid", "dev"), "validation"
)
"""Words of a column that names the parts of one cut, and the part each means."""


def folds_of_rows(request: Request) -> NDArray[np.intp]:
    """The code of every row's fold (or part), in order: numbers by value, then text.

    Raises:
        InputError: no such column, or empty cells.
    """
    import numpy as np

    texts = _texts(request)
    code = {text: position for position, text in enumerate(sorted(set(texts), key=_order))}
    return np.array([code[text] for text in texts], dtype=np.intp)


def cut_column(request: Request) -> list[Cut]:
    """A fold for every value of the column, in order; or one cut, if its values are train, validation and test.

    Tuning leaves out one of the values that are trained on, or takes the rows called validation.

    Raises:
        InputError: no such column, empty cells, one value only, or parts without training or test rows.
    """
    import numpy as np

    texts = _texts(request)
    parts = [PARTS.get(text.strip().lower()) for text in texts]
    if request.outer is None and all(parts):
        return [_one_cut(request, np.array(parts, dtype=np.str_))]
    code = request.of_rows()
    values = np.unique(code)
    if len(values) < MIN_FOLDS:
        raise InputError(f"split 'column:{request.column}': the column is {texts[request.rows[0]]!r} in every row")
    return [Cut(rows, texts[rows[0]]) for rows in (request.rows[code == value] for value in values)]


def _one_cut(request: Request, part: NDArray[np.str_]) -> Cut:
    import numpy as np

    absent = {"train", "test"} - set(part.tolist())
    if absent:
        raise InputError(f"split 'column:{request.column}': no row is called {' or '.join(sorted(absent))}")
    rows = {name: np.flatnonzero(part == name).astype(np.intp) for name in ("train", "validation", "test")}
    held = rows["validation"] if len(rows["validation"]) else None
    return Cut(rows["test"], "test", rows["train"], held)


def _texts(request: Request) -> list[str]:
    """The column's values as text; whole numbers that a reader made floats are whole again."""
    values = extra_column(request, "column")
    return [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value) for value in values]


def _order(text: str) -> tuple[bool, float, str]:
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


KINDS = (
    SplitKind(
        "column",
        cut_column,
        "your own folds, one a value of a column; or one cut, where it says train, validation and test",
        needs="a column of folds",
        groups=folds_of_rows,
        takes_column=True,
        counts_itself=True,
    ),
)
