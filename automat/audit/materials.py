"""Twins among compositions and among crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automat.audit.twins import EXCHANGED, NO_LINKS, SPACING, SPACING_OF_SAME, Kind, Twins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat_featurizers.duplicates import Close, Spacings
    from numpy.typing import NDArray

    from automat.core import Dataset, Fold

COMPOSITION = Kind("composition", "same composition", "its reduced formula is that of a training row")
STRUCTURE = Kind(
    "structure",
    "same crystal",
    "pymatgen's StructureMatcher, with its default tolerances and both crystals scaled to one volume, calls it the "
    "crystal of a training row",
)
NEAR_COMPOSITION = Kind(
    "near_duplicate",
    "near-duplicate",
    f"some training row has another formula, and at most {EXCHANGED:.0%} of the atoms differ",
)
NEAR_CRYSTAL = Kind(
    "near_duplicate",
    "near-duplicate",
    f"the mean distances from each element to its nearest atoms of each element (8 each) differ from a training "
    f"row's by at most {SPACING:g} of the cube root of the volume an atom, at the same composition or with at most "
    f"{EXCHANGED:.0%} of the atoms exchanged, and the matcher does not call the two the same crystal (polytypes, "
    "slight distortions)",
)


def find_materials(
    dataset: Dataset, folds: Sequence[Fold], *, jobs: int, seconds: float
) -> tuple[list[Twins], tuple[str, ...]]:
    """Twins by composition, by structure where there are crystals, and near-duplicates last; and remarks.

    Raises:
        ValueError: rows without compositions.
    """
    from automat_featurizers.duplicates import close_compositions

    if dataset.compositions is None:
        raise ValueError(f"{dataset.name!r} has no compositions")
    formulas = np.array(dataset.compositions.formulas)
    labels = np.unique(formulas, return_inverse=True)[1].astype(np.int64)
    same = Twins(COMPOSITION, labels, alike=True, links=NO_LINKS)
    close = close_compositions(dataset.compositions, EXCHANGED)
    notes = [] if close.complete else ["Of so many close compositions each was compared with its nearest 20 only."]
    if dataset.structures is None:
        links = labels[_closest_last(close)]
        return [same, Twins(NEAR_COMPOSITION, labels, alike=False, links=links)], tuple(notes)
    same_crystal, near, remarks = _find_crystals(dataset, folds, labels, close, jobs=jobs, seconds=seconds)
    return [same, same_crystal, near], (*notes, *remarks)


def _find_crystals(
    dataset: Dataset, folds: Sequence[Fold], labels: NDArray[np.int64], other: Close, *, jobs: int, seconds: float
) -> tuple[Twins, Twins, list[str]]:
    from automat_featurizers.crystal_matching import SAME, UNDECIDED, same_crystals
    from automat_featurizers.duplicates import Spacings

    structures = dataset.structures
    if structures is None:
        raise ValueError(f"{dataset.name!r} has no structures")
    comparable = np.bincount(labels)[labels] > 1
    comparable |= np.isin(labels, labels[other.pairs])
    spacings = Spacings.of(structures, np.flatnonzero(comparable))
    close = spacings.close(labels, SPACING_OF_SAME)
    order = np.argsort(close.distances, kind="stable")
    pairs, distances = close.pairs[order], close.distances[order]
    apart = parted(len(dataset), pairs, folds)
    pairs, distances = pairs[apart], distances[apart]
    verdicts = same_crystals(structures, pairs, jobs=jobs, seconds=seconds)
    undecided = int((verdicts == UNDECIDED).sum())
    notes = []
    if undecided:
        notes.append(
            f"{undecided} of {len(pairs)} pairs of like crystals were not compared in full (time, or the matcher "
            "failed); those within the near-duplicates' limit count as such. A longer time limit decides more."
        )
    if not close.complete:
        notes.append("Some formulas have so many like crystals that of each only its nearest 20 were looked at.")
    rows = np.arange(len(dataset), dtype=np.int64)
    near = [pairs[(verdicts != SAME) & (distances <= SPACING)], _near_of_other_formula(labels, other, spacings)]
    return (
        Twins(STRUCTURE, rows, alike=False, links=pairs[verdicts == SAME][::-1].astype(np.int64)),
        Twins(NEAR_CRYSTAL, rows, alike=False, links=np.concatenate(near)[::-1].astype(np.int64)),
        notes,
    )


def _near_of_other_formula(labels: NDArray[np.int64], close: Close, spacings: Spacings) -> NDArray[np.intp]:
    """Pairs of rows of close formulas, with like spacings, shape (m, 2)."""
    import pandas as pd

    formulas = pd.DataFrame(labels[close.pairs], columns=["left", "right"])
    rows = pd.DataFrame({"label": labels, "row": np.arange(len(labels))})
    joined = formulas.merge(rows.rename(columns={"label": "left", "row": "first"}), on="left")
    joined = joined.merge(rows.rename(columns={"label": "right", "row": "second"}), on="right")
    pairs: NDArray[np.intp] = joined[["first", "second"]].to_numpy(np.intp).reshape(-1, 2)
    return pairs[spacings.distances(pairs) <= SPACING]


def parted(rows: int, pairs: NDArray[np.intp], folds: Sequence[Fold]) -> NDArray[np.bool_]:
    """Whether some fold has one row of a pair in training and the other in test, shape (m,)."""
    found = np.zeros(len(pairs), np.bool_)
    for fold in folds:
        trained, tested = np.zeros((2, rows), np.bool_)
        trained[fold.train], tested[fold.test] = True, True
        left, right = pairs[:, 0], pairs[:, 1]
        found |= (trained[left] & tested[right]) | (tested[left] & trained[right])
    return found


def _closest_last(close: Close) -> NDArray[np.intp]:
    return close.pairs[np.argsort(-close.distances, kind="stable")]
