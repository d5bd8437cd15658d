"""The folds of Matbench v0.1, to the row."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from automat.core import InputError
from automat.splits._base import Cut, SplitKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from automat.splits._base import Request

MATBENCH_SEED = 18012019
MATBENCH_FOLDS = 5

MATBENCH_ROWS: Mapping[str, int] = MappingProxyType(
    {
        "dielectric": 4764,
        "expt-gap": 4604,
        "expt-is-metal": 4921,
        "glass": 5680,
        "jdft2d": 636,
        "log-gvrh": 10987,
        "log-kvrh": 10987,
        "mp-e-form": 132752,
        "mp-gap": 106113,
        "mp-is-metal": 106113,
        "perovskites": 18928,
        "phonons": 1265,
        "steels": 312,
    }
)
"""Rows of every task (Dunn et al. 2020, doi:10.1038/s41524-020-00406-3, table 1)."""

_ID = re.compile(r"mb-(?P<task>[a-z0-9-]+?)-(?P<number>\d+)")


def cut_official(request: Request) -> list[Cut]:
    """Five folds of scikit-learn's shuffled KFold (StratifiedKFold for classes), seed 18012019, in order of the ids.

    They are defined on a whole task: one row fewer, and every fold is another. Tuning cuts the training rows
    in the same manner.

    Raises:
        InputError: rows are not exactly those of a Matbench task.
    """
    import numpy as np
    from sklearn.model_selection import KFold, StratifiedKFold

    stratified = request.dataset.task == "classification"
    if request.outer is None:
        rows = request.rows[_in_order(request)]
        seed, folds = MATBENCH_SEED, MATBENCH_FOLDS
    else:
        rows, seed = request.rows, request.seed
        target = request.dataset.target[rows].astype(int)
        folds = request.folds_of(
            int(np.unique(target, return_counts=True)[1].min()) if stratified else len(rows), "rows"
        )
    if stratified:
        cuts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, request.dataset.target[rows])
    else:
        cuts = KFold(folds, shuffle=True, random_state=seed).split(rows)
    return [Cut(rows[test]) for _, test in cuts]


def _in_order(request: Request) -> NDArray[np.intp]:
    """Positions that put the rows into the order of their Matbench ids.

    Raises:
        InputError: rows are not exactly those of a Matbench task.
    """
    import numpy as np

    dataset = request.dataset
    found = [_ID.fullmatch(name) for name in dataset.ids.tolist()]
    tasks = {match["task"] for match in found if match}
    if None in found or len(tasks) != 1 or (task := next(iter(tasks))) not in MATBENCH_ROWS:
        raise InputError(
            f"split 'official' is that of Matbench, whose rows have ids like mb-dielectric-0001; "
            f"those of {dataset.name!r} are not (first: {str(dataset.ids[0])!r})"
        )
    numbers = np.array([int(match["number"]) for match in found if match])
    if len(numbers) != MATBENCH_ROWS[task] or set(numbers.tolist()) != set(range(1, len(numbers) + 1)):
        raise InputError(
            f"split 'official' is defined on all {MATBENCH_ROWS[task]} rows of matbench_{task.replace('-', '_')}, "
            f"but {dataset.name!r} has {len(numbers)}"
        )
    return np.argsort(numbers)


KINDS = (
    SplitKind(
        "official",
        cut_official,
        "the folds of Matbench v0.1 (always seed 18012019): scores that compare with the published ones",
        needs="all rows of a Matbench task",
        counts_itself=True,
        fixed_seed=MATBENCH_SEED,
    ),
)
