"""Leak audit: what training rows tell of test rows, how much of every fold is touched, and whom it helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.audit import errors, twins
from automat.audit.result import ANY, Audit, EntrantErrors, Example, Touched, percent
from automat.audit.twins import Kind
from automat.core import Dataset, InputError, Split, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Fold
    from automat.store import Store

__all__ = ["ANY", "Audit", "EntrantErrors", "Example", "Kind", "Touched", "audit", "audit_folds", "percent"]

_EXAMPLES = 5
"""Of every kind."""


def audit(
    dataset: str | Path | Dataset,
    *,
    target: str | None = None,
    split: str | None = None,
    folds: int | None = None,
    seed: int | None = None,
    kinds: Sequence[str] | None = None,
    runs: str | Path | None = None,
    jobs: int | None = None,
    seconds: float = 60.0,
    cache_dir: Path | None = None,
) -> Audit:
    """Look for what training rows tell of test rows.

    Args:
        dataset: a name, a file, a folder, or a Dataset.
        target: the target column of a file.
        split: how to cut it. Where neither it nor ``folds`` nor ``seed`` is given: as the newest board of the
            runs is cut, else as ``automat run`` cuts by default.
        folds: number of folds.
        seed: of the split.
        kinds: names of the kinds to look for; all when None.
        runs: a folder that ``automat run`` wrote. Entrants that ran on these very folds are compared on touched
            and clean rows, and the audit is kept beside each of their boards as ``<board>.audit.json``.
        jobs: worker processes that compare crystals; one a core when None.
        seconds: of wall time that comparing crystals may take.
        cache_dir: where features that a split needs are kept; None: nowhere.

    Raises:
        InputError: something given cannot be used.
    """
    from automat import datasets, splits
    from automat.executors import local
    from automat.store import Store

    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)
    store = None if runs is None else Store(Path(runs))
    if store is not None and not store.root.is_dir():
        raise InputError(f"no runs at {str(runs)!r}; `automat run` makes them")
    boards = [] if store is None else _boards(store, data)
    as_newest = split is None and folds is None and seed is None
    cut = (_cut_as_before(data, boards) if as_newest else None) or _cut_as_asked(data, split, folds, seed)
    made = splits.make(*cut, cache_dir=cache_dir)
    data = cut[0]
    on_these = [board for board in boards if _is_of(board, data, made[0].split)]
    jobs = local.default_jobs() if jobs is None else jobs
    found = audit_folds(
        data,
        made,
        None if store is None else _predictions(store, on_these),
        kinds=kinds,
        jobs=jobs,
        seconds=seconds,
    )
    if store is not None and not on_these:
        found = replace(found, notes=(*found.notes, f"No entrant in {str(runs)!r} ran on these very folds."))
    for board in on_these:
        _keep(Store(Path(str(runs))), board.iloc[0], found)
    return found


def audit_folds(
    dataset: Dataset,
    folds: Sequence[Fold],
    predictions: pd.DataFrame | None = None,
    *,
    kinds: Sequence[str] | None = None,
    jobs: int = 1,
    seconds: float = 60.0,
) -> Audit:
    """Audit folds that are made; ``predictions`` as :func:`automat.audit.errors.compare` takes them.

    Raises:
        UnknownNameError: a kind that there is not for such a dataset.
        InputError: no kind.
    """
    allowed = twins.kinds_of(dataset)
    unknown = next((name for name in kinds or () if name not in allowed), None)
    if unknown is not None:
        raise UnknownNameError(f"kind of twins in {dataset.name!r}", unknown, allowed)
    if kinds is not None and not kinds:
        raise InputError("no kinds were named")
    found = twins.find(dataset, folds, jobs=jobs, seconds=seconds)
    chosen = [one for one in found.twins if kinds is None or one.kind.name in kinds]
    partners = {one.kind.name: [one.partners(fold) for fold in folds] for one in chosen}
    masks = {kind: [rows >= 0 for rows in of_folds] for kind, of_folds in partners.items()}
    masks[ANY] = [np.logical_or.reduce(of_fold) for of_fold in zip(*masks.values(), strict=True)]
    split = folds[0].split
    compared: list[EntrantErrors] = []
    if predictions is not None:
        compared = errors.compare(dataset, folds, masks, found.groups, predictions)
    return Audit(
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        target=dataset.target_name,
        unit=dataset.unit,
        n_rows=len(dataset),
        split=split.kind,
        folds=len(folds),
        split_seed=split.seed,
        folds_sha256=split.sha256,
        kinds=tuple(one.kind for one in chosen),
        touched=tuple(
            Touched(
                fold=fold.index,
                label=fold.label,
                test_rows=len(fold.test),
                rows={kind: int(of_folds[place].sum()) for kind, of_folds in masks.items()},
            )
            for place, fold in enumerate(folds)
        ),
        examples=tuple(
            example for kind, of_folds in partners.items() for example in _examples(dataset, folds, kind, of_folds)
        ),
        errors=tuple(compared),
        notes=found.notes,
    )


def _examples(
    dataset: Dataset, folds: Sequence[Fold], kind: str, partners: Sequence[NDArray[np.intp]]
) -> list[Example]:
    formulas = dataset.formulas or [""] * len(dataset)
    found: list[Example] = []
    for fold, of_fold in zip(folds, partners, strict=True):
        touched = np.flatnonzero(of_fold >= 0)[: _EXAMPLES - len(found)]
        for row, twin in zip(fold.test[touched].tolist(), of_fold[touched].tolist(), strict=True):
            found.append(
                Example(
                    kind=kind,
                    fold=fold.index,
                    test_id=str(dataset.ids[row]),
                    train_id=str(dataset.ids[twin]),
                    test_formula=formulas[row],
                    train_formula=formulas[twin],
                    test_target=float(dataset.target[row]),
                    train_target=float(dataset.target[twin]),
                )
            )
    return found


def _boards(store: Store, dataset: Dataset) -> list[pd.DataFrame]:
    """The records of every board of data of this name, newest board first.

    Raises:
        UnknownNameError: no records of that dataset.
    """
    import automat_leaderboards

    table = store.table(dataset.name)
    if table.empty:
        raise UnknownNameError("dataset in these runs", dataset.name, {one.cell.dataset for one in store.records()})
    return automat_leaderboards.protocols(table)


def _is_of(board: pd.DataFrame, dataset: Dataset, split: Split) -> bool:
    """Whether a board's entrants ran on this data and these folds."""
    first = board.iloc[0]
    return (first["dataset_sha256"], first["target"], first["folds_sha256"]) == (
        dataset.sha256,
        dataset.target_name,
        split.sha256,
    )


def _cut_as_before(dataset: Dataset, boards: Sequence[pd.DataFrame]) -> tuple[Dataset, Split] | None:
    """As the newest of the boards of this very data is cut."""
    from automat import splits

    for board in boards:
        first = board.iloc[0]
        split = Split(str(first["split"]), int(first["folds"]), int(first["split_seed"]), str(first["folds_sha256"]))
        data = splits.with_column_aside(dataset, split.kind)
        if _is_of(board, data, split):
            return data, split
    return None


def _cut_as_asked(dataset: Dataset, kind: str | None, folds: int | None, seed: int | None) -> tuple[Dataset, Split]:
    """As ``automat run`` would cut it."""
    from automat import presets, splits

    kind = kind or splits.default_kind(dataset)
    count = splits.default_folds(kind, presets.budget("default").folds) if folds is None else folds
    return splits.with_column_aside(dataset, kind), Split(kind, count, seed or 0)


def _predictions(store: Store, boards: Sequence[pd.DataFrame]) -> pd.DataFrame | None:
    """Test predictions of every entrant on these boards, with the board's preset and seed."""
    import pandas as pd

    tables = [
        store.predictions(str(board.iloc[0]["dataset"]), board["cell"]).assign(
            preset=board.iloc[0]["preset"], seed=board.iloc[0]["seed"]
        )
        for board in boards
    ]
    return pd.concat(tables, ignore_index=True) if tables else None


def _keep(store: Store, row: Any, found: Audit) -> None:
    """Write the audit beside a board's page, with the errors of that board's entrants."""
    own = tuple(one for one in found.errors if (one.preset, one.seed) == (row["preset"], row["seed"]))
    store.write_page(store.page(row).with_suffix(".audit.json"), replace(found, errors=own).to_json())
