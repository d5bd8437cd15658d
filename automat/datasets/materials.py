"""One cell of a table, or one file of a folder, to one composition or crystal."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from automat.datasets import limits
from automat.datasets.reading import DISORDERED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

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
    """A formula as written, or pymatgen's dict; amounts may be fractions.

    Raises:
        ValueError: not text, or no formula of chemical elements.
    """
    from pymatgen.core import Composition, DummySpecies

    if isinstance(value, dict):
        return _amounts(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("empty")
    if len(value) > limits.MAX_FORMULA:
        raise ValueError(f"has {len(value):,} characters; a formula has at most {limits.MAX_FORMULA}")
    shown = repr(value.strip()[:_SHOWN])
    try:
        result = Composition(value)
    except Exception as error:
        raise ValueError(f"{shown}: {error}") from error
    if not np.isfinite(sum(result.values())):
        raise ValueError(f"{shown}: an amount is not finite")
    if not result or any(isinstance(species, DummySpecies) for species in result):
        raise ValueError(f"{shown}: not a formula of chemical elements")
    return result


def _amounts(content: dict[str, Any]) -> Composition:
    """A composition from what pymatgen's ``Composition.as_dict`` gives: amounts by element."""
    from pymatgen.core import Composition, Element

    amounts = {name: float(amount) for name, amount in content.items() if not name.startswith("@")}
    if not amounts or not all(np.isfinite(amount) and amount > 0 for amount in amounts.values()):
        raise ValueError("not amounts of chemical elements")
    return Composition({Element(name): amount for name, amount in amounts.items()})


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
            return usable(from_dict(value))
        if not isinstance(value, str) or not value.strip():
            raise ValueError("empty")
        limits.text(value)
        if value.lstrip().startswith("{"):
            return usable(from_dict(json.loads(value)))
        if "_cell_" in value.lower():
            limits.cif(value)
            return usable(Structure.from_str(value, fmt="cif"))
        limits.poscar(value)
        try:
            crystal = Structure.from_str(value, fmt="poscar")
        except MemoryError:
            raise
        except Exception as error:  # of what is no crystal at all, pymatgen's reader says where it broke off
            raise ValueError(f"is no CIF, POSCAR or JSON of a crystal ({type(error).__name__}: {error})") from error
        return usable(crystal)


def structure_file(path: Path) -> Structure:
    """The crystal of a CIF, POSCAR or JSON file.

    Raises:
        ValueError: it is too large, or what :func:`structure` says.
        Exception: whatever pymatgen's reader of that format raises.
    """
    if path.stat().st_size > limits.MAX_TEXT:
        raise ValueError(f"has {path.stat().st_size:,} bytes; at most {limits.MAX_TEXT:,} are read")
    # Names of authors are often in other encodings, and some editors begin with a mark of theirs; a crystal itself is
    # in ASCII.
    return structure(path.read_text(encoding="utf-8-sig", errors="replace"))


def from_dict(content: dict[str, Any]) -> Structure:
    """A crystal from what pymatgen's ``Structure.as_dict`` gives: its cell, species and coordinates alone.

    pymatgen's own reader makes objects of whatever classes the properties of sites name; they are passed over here.

    Raises:
        ValueError: a site that is shared, or not in the cell's coordinates.
        Exception: the keys or values are not those of a crystal.
    """
    from pymatgen.core import Element, Lattice, Structure

    sites = content["sites"]
    limits.atoms(len(sites))
    matrix = np.array(content["lattice"]["matrix"], dtype=np.float64)
    if matrix.shape != (3, 3):
        raise ValueError("has a cell that is not three vectors")
    limits.cell(matrix)
    species = []
    for site in sites:
        if len(site["species"]) != 1 or site["species"][0].get("occu", 1) != 1:
            raise ValueError(DISORDERED)
        species.append(Element(str(site["species"][0]["element"])))
    coordinates = np.array([site["abc"] for site in sites], dtype=np.float64)
    if sites and coordinates.shape != (len(sites), 3):
        raise ValueError("has a site without three coordinates")
    return Structure(Lattice(matrix), species, coordinates)


def usable(crystal: Structure) -> Structure:
    """The crystal, if it can be packed and featurized.

    Raises:
        ValueError: it is too large, disordered, has no sites or one that is no element, or a cell that is none.
    """
    from pymatgen.core import DummySpecies

    if len(crystal) == 0:
        raise ValueError("has no sites")
    limits.atoms(len(crystal))
    limits.cell(np.asarray(crystal.lattice.matrix, dtype=np.float64))
    if not crystal.is_ordered:
        raise ValueError(DISORDERED)
    if any(isinstance(site.specie, DummySpecies) for site in crystal):
        raise ValueError("has a site that is no chemical element")
    if not np.isfinite(crystal.frac_coords).all():
        raise ValueError("has coordinates that are no numbers")
    return crystal


def reasons_by_name(names: NDArray[np.str_], kept: list[int], reasons: list[str]) -> dict[str, str]:
    """Why each row that :func:`read_each` could not read is not there, by its name."""
    lost = sorted(set(range(len(names))) - set(kept))
    told = zip(lost, reasons, strict=True)
    return {str(names[row]): reason[len(str(names[row])) + 2 :] for row, reason in told}
