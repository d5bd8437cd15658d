"""Test predictions as CGCNN's own program writes them: ``test_results.csv``.

A line a test row: id, target, prediction; no header. For two classes the prediction is the probability of the
second, as there.

CGCNN: Xie & Grossman (2018), Phys. Rev. Lett. 120, 145301, doi:10.1103/PhysRevLett.120.145301.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from automat import whole_files
from automat.core import InputError
from automat.exports.entrants import entrant

if TYPE_CHECKING:
    from pathlib import Path

    from automat.exports.entrants import Entrant

_TWO = 2


def write(
    path: Path, runs: Path, *, dataset: str | None = None, model: str | None = None, fold: int | None = None
) -> tuple[Entrant, int]:
    """Write the test predictions of one entrant of the newest board.

    Args:
        path: the file.
        runs: folder of the runs.
        dataset: of the board; that of the newest when None.
        model: the entrant; the best when None.
        fold: only this one, from 1; all of them, one after the other, when None.

    Returns:
        The entrant, and how many rows were written.

    Raises:
        InputError: there is nothing to write, more than two classes, or the file cannot be written.
        UnknownNameError: no such dataset or entrant.
    """
    chosen = entrant(runs, dataset=dataset, model=model)
    rows = chosen.predictions.sort_values(["fold", "id"], kind="stable")
    if fold is not None:
        finished = sorted({int(each) + 1 for each in rows["fold"]})
        if fold not in finished:
            raise InputError(
                f"{chosen.row.model!r} has not finished fold {fold}; it has {', '.join(map(str, finished))}"
            )
        rows = rows[rows["fold"] == fold - 1]
    given = rows["y_pred"]
    targets: list[object] = rows["y_true"].tolist()
    if chosen.board.task == "classification":
        if rows[[name for name in rows if str(name).startswith("probability_")]].notna().any().sum() > _TWO:
            raise InputError(f"{chosen.board.dataset!r} has more than two classes; CGCNN's file holds two")
        given = rows["probability"]
        targets = [int(code) for code in rows["y_true"]]
    if not np.isfinite(given).all():
        raise InputError(f"{chosen.row.model!r} gives no probabilities, which CGCNN's file holds")
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(zip(rows["id"], targets, given.tolist(), strict=True))
    try:
        whole_files.write(path, buffer.getvalue())
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
    return chosen, len(rows)
