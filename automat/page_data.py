"""What a board's page shows beside records: crystals, learning curves, the ladder, the audit, as plain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.learning import LEARNING
from automat.splits import LADDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from automat.core import Dataset
    from automat.store import Store

MOST_SITES = 200
"""A cell of more sites would be drawn as one blot."""


def crystals(dataset: Dataset, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Lattice (vectors as rows, in angstrom), symbols and fractional coordinates of the rows of these names.

    Empty where the dataset has no structures; cells of more than ``MOST_SITES`` sites are left out.
    """
    packed = dataset.structures
    if packed is None:
        return {}
    from automat_featurizers.elements import symbols

    names = symbols()
    found = {}
    for row in np.flatnonzero(np.isin(dataset.ids, list(ids))):
        span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
        numbers = packed.atomic_numbers[span]
        if len(numbers) <= MOST_SITES:
            found[str(dataset.ids[row])] = {
                "lattice": packed.lattices[row].round(4).tolist(),
                "symbols": [names[int(number)] for number in numbers],
                "fractional": packed.fractional[span].round(4).tolist(),
            }
    return found


def beside(store: Store, row: Mapping[str, Any]) -> dict[str, Any]:
    """What other commands kept for the board of a record's row: ``ladder``, ``learning`` and ``audit``, if any."""
    folder, digest = store.folder(row["dataset"]), row["folds_sha256"]
    found: dict[str, Any] = {"folds_sha256": digest}
    if audit := _read(store.page(row).with_suffix(".audit.json")):
        found["audit"] = audit
    for kind in (LADDER, LEARNING):
        newest_last = sorted(folder.glob(f"{kind}-*.json"), key=lambda path: path.stat().st_mtime)
        for path in newest_last:
            kept = _read(path)
            about = ("dataset_sha256", "target", "preset", "seed")
            if kept and all(kept.get(name) == row[name] for name in about) and digest and digest in _digests(kept):
                found[kind] = kept
    return found


def _digests(kept: Mapping[str, Any]) -> list[str]:
    """Of the folds of all its boards."""
    return [str(each["folds_sha256"]) for each in kept.get("rungs", [kept])]


def _read(path: Path) -> dict[str, Any] | None:
    """None where there is none, or none that can be read."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept
