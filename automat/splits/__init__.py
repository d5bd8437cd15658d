"""How a dataset is cut into folds. One function a kind; ``SPLITS`` names them.

The modules of this package are families of kinds. To add one: a function from a ``Request`` to its ``Cut``s,
and its ``SplitKind`` in the module's ``KINDS``.

A kind whose seed decides the folds can be repeated: ``random*3`` is three times k-fold, each shuffled anew.
Cross-validation is nested already: every fold's tuning holds out rows of its training rows, cut in the fold's own
manner. It is one holdout, not k inner folds, which would cost k fits a trial where more trials buy more.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from automat.core import Fold, InputError, Split, UnknownNameError
from automat.splits import clusters, column, extrapolation, groups, official, random
from automat.splits._base import INNER_FOLDS, MIN_FOLDS, Asked, Cut, Request, SplitKind, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from automat.core import Dataset

__all__ = [
    "HIGHER_RUNGS",
    "INNER_FOLDS",
    "LADDER",
    "MIN_FOLDS",
    "PARTS",
    "SPLITS",
    "SplitKind",
    "default_folds",
    "default_kind",
    "folds_sha256",
    "inner_holdout",
    "make",
    "with_column_aside",
]

SPLITS: Mapping[str, SplitKind] = MappingProxyType(
    {kind.name: kind for family in (random, groups, clusters, extrapolation, column, official) for kind in family.KINDS}
)

PARTS = ("train", "validation", "test")
"""Of a fold."""


LADDER = "ladder"
"""What ``--split`` takes for several splits, the rungs of :mod:`automat.ladder`."""

HIGHER_RUNGS = ("formula", "chemical-system", "cluster-out")
"""Above the split by chance, each farther from it than the one before."""


def default_kind(dataset: Dataset) -> str:
    """``stratified`` for classes, else ``random``."""
    return "stratified" if dataset.task == "classification" else "random"


def default_folds(kind: str, folds: int) -> int:
    """What to ask of a kind when the user named no number: ``folds``, or 0 where the kind has its own.

    Raises:
        UnknownNameError: no such kind of split.
        InputError: what was given is not written as a split is.
    """
    return 0 if _kind(kind)[0].counts_itself else folds


def with_column_aside(dataset: Dataset, kind: str) -> Dataset:
    """The dataset whose models do not see the column that a split names (``time:published``).

    A plain table's column moves from the inputs to ``extra``; any other dataset is as it was.

    Raises:
        UnknownNameError: no such kind of split.
        InputError: what was given is not written as a split is, or the table has no other column to learn from.
    """
    name = _kind(kind)[1].column
    if dataset.table is None or name not in dataset.table:
        return dataset
    rest = dataset.table.drop(columns=[name])
    if not len(rest.columns):
        raise InputError(f"split {kind!r}: {dataset.name!r} has no column besides {name!r} to learn from")
    kept = {} if dataset.extra is None else {column: dataset.extra[column] for column in dataset.extra}
    return replace(dataset, table=rest, extra=dataset.table[[name]].assign(**kept))


def make(dataset: Dataset, split: Split, *, cache_dir: Path | None = None) -> tuple[Fold, ...]:
    """Cut the whole dataset.

    Args:
        dataset: to cut.
        split: as it is asked for; or as it was made (with its digest), and then the same folds come out.
        cache_dir: where features that the cut needs are kept; None: nowhere.

    Returns:
        One fold an index, in order; row positions are sorted, test and training rows disjoint.

    Raises:
        UnknownNameError: no such kind of split.
        InputError: the dataset lacks what the kind needs, fewer than two folds, more folds than rows (or
            groups, or members of a class), or folds that are not those of the digest.
    """
    import numpy as np

    kind, asked = _kind(split.kind)
    wanted = split.folds // asked.repeats if split.sha256 else split.folds
    if not kind.counts_itself and wanted < MIN_FOLDS:
        raise InputError(f"folds must be at least {MIN_FOLDS}, but got {wanted}")
    seed = split.seed if kind.fixed_seed is None else kind.fixed_seed
    every = np.arange(len(dataset), dtype=np.intp)
    request = Request(dataset, every, wanted, seed, asked.column, cache_dir=cache_dir)
    if kind.groups is not None:
        request = replace(request, groups=kind.groups(request))
    cuts: list[Cut] = []
    for repeat in range(asked.repeats):
        cuts += kind.cut(replace(request, seed=_seed_of_repeat(seed, repeat)))
    if kind.counts_itself and wanted and wanted * asked.repeats != len(cuts):
        raise InputError(
            f"split {split.kind!r} makes {len(cuts) // asked.repeats} folds of {dataset.name!r}, not {wanted}"
        )
    folds = [_fold(split, index, cut, request) for index, cut in enumerate(cuts)]
    digest = folds_sha256(_ids(dataset, fold) for fold in folds)
    if split.sha256 and split.sha256 != digest:
        raise InputError(f"split {split.kind!r} of {dataset.name!r} gives other folds than those of {split.sha256[:8]}")
    made = Split(split.kind, len(folds), seed, digest, kind.version)
    return tuple(replace(fold, split=made) for fold in folds)


def inner_holdout(dataset: Dataset, fold: Fold) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut a fold's training rows once more, in the same manner, for tuning.

    About a fifth of them is held out: of the kind's own cuts of the training rows, the one nearest to that.

    Returns:
        Rows to train on and rows to validate on; the fold's test rows are in neither. Where the training
        rows cannot be cut in the fold's own manner, they are cut at random.
    """
    import numpy as np

    if fold.validation is not None:
        return fold.train, fold.validation
    kind, asked = _kind(fold.split.kind)
    seed = fold.split.seed + 1 + fold.index
    request = Request(dataset, fold.train, INNER_FOLDS, seed, asked.column, groups=fold.groups, outer=fold)
    try:
        cuts = kind.cut(request)
    except InputError:
        cuts = random.cut_random(request)
    validation = min(
        (np.sort(cut.test) for cut in cuts), key=lambda rows: abs(len(rows) - len(fold.train) / INNER_FOLDS)
    )
    return np.setdiff1d(fold.train, validation), validation


def folds_sha256(folds: Iterable[Mapping[str, Iterable[str]]]) -> str:
    """The digest of a split: of which ids are in which part of which fold, whatever the order of the rows.

    Args:
        folds: for every fold, in order, the ids of each of ``PARTS`` (one that is absent is empty).
    """
    digest = hashlib.sha256()
    for fold in folds:
        text = json.dumps([sorted(map(str, fold.get(part, ()))) for part in PARTS], separators=(",", ":"))
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def _ids(dataset: Dataset, fold: Fold) -> dict[str, Sequence[str]]:
    rows = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {part: dataset.ids[positions].tolist() for part, positions in rows.items() if positions is not None}


def _fold(split: Split, index: int, cut: Cut, request: Request) -> Fold:
    import numpy as np

    test = np.sort(cut.test)
    train = np.setdiff1d(request.rows, test) if cut.train is None else np.sort(cut.train)
    if not len(train) or not len(test):
        raise InputError(f"split {split.kind!r} leaves fold {index + 1} of {request.dataset.name!r} without rows")
    validation = None if cut.validation is None else np.sort(cut.validation)
    return Fold(split, index, train, test, cut.label, validation, request.groups)


def _seed_of_repeat(seed: int, repeat: int) -> int:
    """The seed itself, and others that no seed nearby gives."""
    import numpy as np

    return seed if repeat == 0 else int(np.random.SeedSequence([seed, repeat]).generate_state(1)[0] // 2)


def _kind(text: str) -> tuple[SplitKind, Asked]:
    asked = parse(text)
    if asked.name not in SPLITS:
        raise UnknownNameError("split", asked.name, [kind.usage for kind in SPLITS.values()])
    kind = SPLITS[asked.name]
    if kind.takes_column != bool(asked.column):
        takes = f"needs a column, {kind.usage}" if kind.takes_column else f"takes no column, but got {asked.column!r}"
        raise InputError(f"split {asked.name!r} {takes}")
    if asked.repeats > 1 and not kind.shuffled:
        repeatable = ", ".join(kind.name for kind in SPLITS.values() if kind.shuffled)
        raise InputError(
            f"split {asked.name!r} is the same whatever the seed; only these can be repeated: {repeatable}"
        )
    return kind, asked
