"""What several features of structures check: their options, and cells that nothing can be computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from automat_featurizers.packed import PackedStructures

_FLAT = 1e-9
"""Share of the product of its edges below which a cell has no volume."""


def check_choice(option: str, given: str, allowed: Collection[str]) -> None:
    """Refuse a value that an option does not have.

    Raises:
        ValueError: naming the option, the value and what is allowed.
    """
    if given not in allowed:
        raise ValueError(f"{option} must be one of {', '.join(map(repr, allowed))}, but got {given!r}")


def unusable(packed: PackedStructures) -> dict[int, str]:
    """Rows whose cell has no volume or whose coordinates are no finite numbers, and why."""
    volumes = np.abs(np.linalg.det(packed.lattices))
    sizes = np.prod(np.linalg.norm(packed.lattices, axis=2), axis=1)
    flat = np.flatnonzero(~(volumes > _FLAT * sizes))  # written so that NaN counts, too
    rows = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    unplaced = rows[~np.isfinite(packed.fractional).all(axis=1)]
    why = "the cell has no volume, or a coordinate is not finite"
    return dict.fromkeys(sorted({*flat.tolist(), *unplaced.tolist()}), why)
