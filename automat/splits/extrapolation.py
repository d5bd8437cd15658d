"""Tests lie beyond what is trained on: in the target, or in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat.core import InputError
from automat.splits._base import MIN_FOLDS, MIN_LEFT_OUT, Cut, SplitKind, codes, extra_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automat.splits._base import Request

TAIL = 0.2
"""Share of the rows at either end of the target that is left out."""

_LOWEST, _HIGHEST = "lowest fifth", "highest fifth"


def cut_target(request: Request) -> list[Cut]:
    """Two folds: the rows with the highest fifth of targets, then those with the lowest.

    Every test target lies strictly beyond all training targets. Where many rows share the target at the
    border they stay in training, so that a fold has less than a fifth; an end without two rows beyond its
    border is left out. Tuning leaves out the same end of the training rows.

    Raises:
        InputError: the target is a class, or most rows share its extremes.
    """
    import numpy as np

    dataset = request.dataset
    if dataset.task != "regression":
        raise InputError(f"split 'target-extrapolation' needs numbers as targets, but {dataset.name!r} has classes")
    target = dataset.target[request.rows]
    ordered = np.sort(target)
    tail = max(int(TAIL * len(target)), 1)
    ends = {_HIGHEST: target > ordered[-tail - 1], _LOWEST: target < ordered[tail]}
    cuts = [Cut(request.rows[beyond], label) for label, beyond in ends.items() if beyond.sum() >= MIN_LEFT_OUT]
    if request.outer is not None:
        cuts = [cut for cut in cuts if cut.label == request.outer.label]
    if not cuts:
        raise InputError(
            f"split 'target-extrapolation': too few targets of {dataset.name!r} lie beyond the others "
            f"({len(target)} rows, {len(np.unique(target))} different targets)"
        )
    return cuts


def cut_time(request: Request) -> list[Cut]:
    """Train on the past, test on the time after: N folds of N + 1 stretches of about equally many rows.

    Fold i is trained on stretches 0 to i and tested on the next. Rows of one date are never parted. Tuning
    judges by the newest fifth of the training rows.

    Raises:
        InputError: no such column, a date that cannot be read, or too few dates.
    """
    import numpy as np

    date = codes(_dates(request))[request.rows]
    if request.outer is not None:
        return _newest_fifth(request, date)
    values, counts = np.unique(date, return_counts=True)
    if len(values) < request.folds + 1:
        raise InputError(
            f"split 'time:{request.column}' cannot make {request.folds} folds of {len(values)} dates; "
            f"at least {request.folds + 1} are needed"
        )
    stretch = _stretches(counts, request.folds + 1)[np.searchsorted(values, date)]
    return [
        Cut(request.rows[stretch == fold], _span(request, request.rows[stretch == fold]), request.rows[stretch < fold])
        for fold in range(1, request.folds + 1)
    ]


def _newest_fifth(request: Request, date: NDArray[np.intp]) -> list[Cut]:
    import numpy as np

    values, counts = np.unique(date, return_counts=True)
    if len(values) < MIN_FOLDS:
        raise InputError("the training rows have one date")
    from_newest = np.cumsum(counts[::-1])[:-1]  # the oldest date is never among them
    enough = int(np.abs(from_newest - TAIL * len(date)).argmin()) + 1
    return [Cut(request.rows[date >= values[-enough]])]


def _stretches(counts: NDArray[np.int64], parts: int) -> NDArray[np.intp]:
    """The stretch of every date, in order: about equally many rows each, and at least one date."""
    import numpy as np

    ends = np.cumsum(counts)
    borders = [0]
    for part in range(1, parts):
        wanted = ends[-1] * part / parts
        nearest = int(np.abs(ends - wanted).argmin()) + 1
        borders.append(min(max(nearest, borders[-1] + 1), len(counts) - (parts - part)))
    stretch = np.zeros(len(counts), dtype=np.intp)
    stretch[borders[1:]] = 1
    return np.cumsum(stretch)


def _dates(request: Request) -> NDArray[np.generic]:
    """What orders the rows: numbers (years) as they are, anything else as dates.

    Raises:
        InputError: no such column, empty cells, or text that is no date.
    """
    import numpy as np
    import pandas as pd

    given = pd.Series(extra_column(request, "time"))
    numbers = pd.to_numeric(given, errors="coerce")
    if numbers.notna().all():
        years: NDArray[np.generic] = numbers.to_numpy(np.float64)
        return years
    dates = pd.to_datetime(given.astype(str), errors="coerce", utc=True, format="mixed")
    if dates.isna().any():
        row = int(dates.isna().to_numpy().argmax())
        raise InputError(
            f"split 'time:{request.column}': {int(dates.isna().sum())} values are no dates, e.g. {given[row]!r} "
            f"({str(request.dataset.ids[row])!r}); write 2021-03-31, or a year"
        )
    instants: NDArray[np.generic] = dates.dt.tz_localize(None).to_numpy("datetime64[ns]")
    return instants


def _span(request: Request, rows: NDArray[np.intp]) -> str:
    date = _dates(request)[rows]
    first, last = date.min(), date.max()
    shown = [f"{end:g}" if date.dtype.kind == "f" else str(end)[:10] for end in (first, last)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"


KINDS = (
    SplitKind(
        "target-extrapolation",
        cut_target,
        "the highest, then the lowest fifth of targets left out: how well the model goes beyond what it has seen",
        needs="a regression target",
        counts_itself=True,
    ),
    SplitKind(
        "time",
        cut_time,
        "trained on the past, tested on the time after: how well the model does on what is found next",
        needs="a column of dates or years",
        takes_column=True,
    ),
)
