"""Rows drawn by chance."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from automat.core import InputError
from automat.splits._base import Cut, SplitKind

if TYPE_CHECKING:
    from automat.splits._base import Request

_TRAIN_SHARE, _VALIDATION_SHARE, _TEST_SHARE = 0.6, 0.2, 0.2


def cut_random(request: Request) -> list[Cut]:
    """Shuffled k-fold, the very folds of scikit-learn's ``KFold(folds, shuffle=True, random_state=seed)``.

    Raises:
        InputError: more folds than rows.
    """
    from sklearn.model_selection import KFold

    folds = request.folds_of(len(request.rows), f"rows in {request.dataset.name!r}")
    cuts = KFold(folds, shuffle=True, random_state=request.seed).split(request.rows)
    return [Cut(request.rows[test]) for _, test in cuts]


def cut_stratified(request: Request) -> list[Cut]:
    """Shuffled k-fold with the class shares of the whole in every fold (scikit-learn's StratifiedKFold).

    Raises:
        InputError: the target is not a class, or a class has fewer rows than there are folds.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    dataset = request.dataset
    if dataset.task != "classification":
        raise InputError(f"split 'stratified' needs classes, but {dataset.name!r} is a regression; use 'random'")
    target = dataset.target[request.rows].astype(int)
    counts = np.bincount(target, minlength=len(dataset.classes))
    if request.outer is not None:
        counts[counts == 0] = len(target)  # a class that the training rows lack needs no share
    rarest = int(counts.argmin())
    folds = request.folds_of(int(counts[rarest]), f"rows of class {dataset.classes[rarest]!r}")
    cuts = StratifiedKFold(folds, shuffle=True, random_state=request.seed).split(request.rows, target)
    return [Cut(request.rows[test]) for _, test in cuts]


def cut_60_20_20(request: Request) -> list[Cut]:
    """One shuffled cut: 60% to train on, 20% to tune on, 20% to test on.

    As the CGCNN tutorial cuts (Xie & Grossman 2018, doi:10.1103/PhysRevLett.120.145301; their loader, seed
    123): Python's own shuffle of the rows, parts rounded down, the first rows to train on, the last to test on.
    Up to two rows are in no part.

    Raises:
        InputError: too few rows.
    """
    import numpy as np

    order = request.rows.tolist()
    random.Random(request.seed).shuffle(order)  # noqa: S311 - a shuffle that can be repeated, no secret
    train, validation, test = (int(share * len(order)) for share in (_TRAIN_SHARE, _VALIDATION_SHARE, _TEST_SHARE))
    if not test:
        raise InputError(f"split '60-20-20' cannot cut {len(order)} rows; at least 5 are needed")
    shuffled = np.array(order, dtype=np.intp)
    held = shuffled[len(order) - validation - test : len(order) - test]
    return [Cut(shuffled[-test:], "one fifth by chance", shuffled[:train], held)]


KINDS = (
    SplitKind("random", cut_random, "shuffled k-fold: how well the model interpolates", shuffled=True),
    SplitKind(
        "stratified",
        cut_stratified,
        "shuffled k-fold with equal class shares in every fold",
        needs="classes",
        shuffled=True,
    ),
    SplitKind(
        "60-20-20",
        cut_60_20_20,
        "one shuffled cut, trained on 60%, tuned on 20%, tested on 20%, as in the CGCNN tutorial (its seed: 123)",
        shuffled=True,
        counts_itself=True,
    ),
)
