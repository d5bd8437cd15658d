"""How a dataset is cut into folds. One function a kind; ``SPLITS`` names them.

A kind takes the dataset, the rows to cut, the number of folds and a seed, and gives the test rows of
every fold: together they are the rows given, each exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from automat.core import Fold, InputError, Split, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.core import Dataset

INNER_FOLDS = 5
"""The inner holdout is one fifth of the training rows."""

MIN_FOLDS = 2

Cut = Callable[["Dataset", "NDArray[np.intp]", int, int], list["NDArray[np.intp]"]]


@dataclass(frozen=True)
class SplitKind:
    """A registered way to cut.

    Attributes:
        name: what ``--split`` takes.
        cut: the function.
        summary: what its score tells, in one sentence.
    """

    name: str
    cut: Cut
    summary: str


def cut_random(_dataset: Dataset, rows: NDArray[np.intp], folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Shuffled k-fold, the very folds of scikit-learn's ``KFold(folds, shuffle=True, random_state=seed)``."""
    from sklearn.model_selection import KFold

    cuts = KFold(folds, shuffle=True, random_state=seed).split(rows)
    return [rows[test] for _, test in cuts]


def cut_stratified(dataset: Dataset, rows: NDArray[np.intp], folds: int, seed: int) -> list[NDArray[np.intp]]:
    """Shuffled k-fold with the class shares of the whole in every fold (scikit-learn's StratifiedKFold).

    Raises:
        InputError: the target is not a class.
    """
    from sklearn.model_selection import StratifiedKFold

    if dataset.task != "classification":
        raise InputError(f"split 'stratified' needs classes, but {dataset.name!r} is a regression; use 'random'")
    cuts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(rows, dataset.target[rows])
    return [rows[test] for _, test in cuts]


def cut_formula(dataset: Dataset, rows: NDArray[np.intp], folds: int, seed: int) -> list[NDArray[np.intp]]:
    """K-fold over reduced formulas: all polymorphs of a composition lie in the same fold.

    Formulas are shuffled, then each goes, largest group first, to the fold with the fewest rows.

    Raises:
        InputError: rows have no formulas, or there are fewer formulas than folds.
    """
    if dataset.formulas is None:
        raise InputError(f"split 'formula' needs formulas, but {dataset.name!r} is a plain table; use 'random'")
    _, group, sizes = np.unique(np.array(dataset.formulas)[rows], return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise InputError(f"split 'formula' cannot make {folds} folds of {len(sizes)} distinct formulas")
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    fold_of_group = np.empty(len(sizes), dtype=np.intp)
    filled = np.zeros(folds, dtype=np.int64)
    for label in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        emptiest = int(filled.argmin())
        fold_of_group[label] = emptiest
        filled[emptiest] += sizes[label]
    return [rows[fold_of_group[group] == fold] for fold in range(folds)]


SPLITS: Mapping[str, SplitKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            SplitKind("random", cut_random, "shuffled k-fold: how well the model interpolates"),
            SplitKind("stratified", cut_stratified, "shuffled k-fold with equal class shares in every fold"),
            SplitKind("formula", cut_formula, "grouped by reduced formula: no polymorph of a test row is trained on"),
        )
    }
)


def default_kind(dataset: Dataset) -> str:
    """``stratified`` for classes, else ``random``."""
    return "stratified" if dataset.task == "classification" else "random"


def make(dataset: Dataset, split: Split) -> tuple[Fold, ...]:
    """Cut the whole dataset.

    Returns:
        One fold an index, in order; test rows are sorted, disjoint, and cover the dataset.

    Raises:
        UnknownNameError: no such kind of split.
        InputError: fewer than two folds, or more folds than rows (or than members of a class).
    """
    kind = _kind(split.kind)
    if split.folds < MIN_FOLDS:
        raise InputError(f"folds must be at least {MIN_FOLDS}, but got {split.folds}")
    smallest, what = len(dataset), f"rows in {dataset.name!r}"
    if split.kind == "stratified" and dataset.task == "classification":
        counts = np.bincount(dataset.target.astype(int), minlength=len(dataset.classes))
        smallest, what = int(counts.min()), f"rows of class {dataset.classes[int(counts.argmin())]!r}"
    if split.folds > smallest:
        raise InputError(f"cannot make {split.folds} folds of {smallest} {what}")
    every = np.arange(len(dataset), dtype=np.intp)
    tests = [np.sort(test) for test in kind.cut(dataset, every, split.folds, split.seed)]
    return tuple(
        Fold(split=split, index=index, train=np.setdiff1d(every, test), test=test) for index, test in enumerate(tests)
    )


def inner_holdout(dataset: Dataset, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut a fold's training rows once more, in the same manner, for tuning.

    Returns:
        Rows to train on and rows to validate on; the fold's test rows are in neither. Where the training
        rows are too few to be cut in the fold's own manner, they are cut at random.
    """
    seed = fold.split.seed + 1 + fold.index
    cut, units = _kind(fold.split.kind).cut, len(fold.train)
    if cut is cut_stratified:
        counts = np.bincount(dataset.target[fold.train].astype(int))
        units = int(counts[counts > 0].min())
    elif cut is cut_formula and dataset.formulas is not None:
        units = len({dataset.formulas[row] for row in fold.train})
    if units < MIN_FOLDS:
        cut, units = cut_random, len(fold.train)
    validation = np.sort(cut(dataset, fold.train, min(INNER_FOLDS, units), seed)[0])
    return np.setdiff1d(fold.train, validation), validation


def _kind(name: str) -> SplitKind:
    if name not in SPLITS:
        raise UnknownNameError("split", name, SPLITS)
    return SPLITS[name]
