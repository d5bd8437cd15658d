"""One cell of a table, or one file of a folder, to one composition or crystal."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from pymatgen.core import Composition, Structure

Given = TypeVar("Given")
Read = TypeVar("Read")

_SHOWN = 40


def read_each(
    given: Iterable[Given], read: Callable[[Given], Read], names: NDArray[np.str_]
) -> tuple[list[Read], list[int], list[str]]:
    """What could be read, at which rows, and for each of the others its name and the reason."""
    results: list[Read] = []
    kept: list[int] = []
    reasons: list[str] = []
    for row, (name, value) in enumerate(zip(names, given, strict=True)):
        try:
            results.append(read(value))
            kept.append(row)
        except Exception as error:  # noqa: BLE001 - pymatgen's readers raise whatever they meet
            lines = str(error).strip().splitlines() or [type(error).__name__]
            reasons.append(f"{name}: {lines[0]}")
    return results, kept, reasons


def composition(value: Any) -> Composition:
    """A formula as written; amounts may be fractions.

    Raises:
        ValueError: not text, or no formula of chemical elements.
    """
    from pymatgen.core import Composition, DummySpecies

    if not isinstance(value, str) or not value.strip():
        raise ValueError("empty")
    shown = repr(value.strip()[:_SHOWN])
    try:
        result = Composition(value)
    except Exception as error:
        raise ValueError(f"{shown}: {error}") from error
    if not result or any(isinstance(species, DummySpecies) for species in result):
        raise ValueError(f"{shown}: not a formula of chemical elements")
    return result


def structure(value: Any) -> Structure:
    """A crystal from pymatgen's dict or JSON text, CIF text, or POSCAR text.

    Raises:
        ValueError: none of these, or no ordered crystal of chemical elements in a cell with a volume.
        Exception: whatever pymatgen's reader of that format raises.
    """
    from pymatgen.core import Structure

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen's remarks on rounding and on its own imports
        if isinstance(value, dict):
            return _usable(Structure.from_dict(value))
        if not isinstance(value, str) or not value.strip():
            raise ValueError("empty")
        kind = "json" if value.lstrip().startswith("{") else "cif" if "_cell_" in value.lower() else "poscar"
        return _usable(Structure.from_str(value, fmt=kind))


def _usable(crystal: Structure) -> Structure:
    from pymatgen.core import DummySpecies

    if len(crystal) == 0:
        raise ValueError("has no sites")
    if not crystal.is_ordered:
        raise ValueError("has partial occupancies")
    if any(isinstance(site.specie, DummySpecies) for site in crystal):
        raise ValueError("has a site that is no chemical element")
    if not (np.isfinite(crystal.frac_coords).all() and crystal.volume > 0):
        raise ValueError("has coordinates that are no numbers, or a cell without volume")
    return crystal
