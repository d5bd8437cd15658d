"""Bounds on what is read from files of others: beyond them a file is refused, before it costs memory or hours."""

from __future__ import annotations

import gzip
import io
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MAX_ATOMS = 5_000
"""Sites a cell. The largest crystal of the Materials Project's public sets has a few hundred."""

MAX_TEXT = 5_000_000
"""Characters of one crystal's CIF, POSCAR or JSON: a thousand for each of the atoms."""

MAX_FORMULA = 500
"""Characters of one formula."""

MAX_OPERATIONS = 20_000
"""Sites times symmetry operations of a CIF, as listed: pymatgen works through so many in 40 seconds at most (sites in
general positions; its time grows with the square), and real crystals have a tenth of it."""

MAX_BYTES = 2 * 1024**3
"""Of a table, once it is unpacked."""

MAX_LENGTH = 1_000.0
"""Of a cell's edge, in angstrom."""

MIN_HEIGHT = 0.5
"""Between opposite faces of a cell, in angstrom: a cell flatter than an atom repeats beyond count within a cutoff."""

_OPERATIONS_OF_CUBIC = 192
_SETTINGS = 530
"""Of the 230 space groups, as Hall's symbols number them."""

_OPERATION = re.compile(r"^[\s'\"\d]*[-+\d/. ]*[xyz][-+\d/. xyz]*,[-+\d/. xyz]*,[-+\d/. xyz]*['\"]?\s*$", re.IGNORECASE)
_LISTED = re.compile(r"_(?:symmetry_equiv_pos_as|space_group_symop_operation)_xyz", re.IGNORECASE)
_GROUP_NAME = re.compile(
    r"^\s*_(?:symmetry_space_group_name_H-M|space_group_name_H-M)(?:_alt)?\s+['\"]?([^'\"\n]{1,30})['\"]?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_GROUP_NAMED = re.compile(r"_(?:symmetry_space_group|symmetry_Int_Tables|space_group)_", re.IGNORECASE)
_INTEGERS = re.compile(r"\s*\d+(?:\s+\d+)*\s*")


def text(value: str) -> None:
    """Refuse a crystal's text that is longer than any crystal's.

    Raises:
        ValueError: it is.
    """
    if len(value) > MAX_TEXT:
        raise ValueError(f"has {len(value):,} characters; at most {MAX_TEXT:,} are read")


def atoms(count: int) -> None:
    """Refuse a cell with too many sites.

    Raises:
        ValueError: it has more than ``MAX_ATOMS``.
    """
    if count > MAX_ATOMS:
        raise ValueError(f"has {count:,} atoms a cell; at most {MAX_ATOMS:,} are read")


def cell(lattice: NDArray[np.float64]) -> None:
    """Refuse a cell that is none, or that no crystal has.

    Args:
        lattice: vectors as rows, in angstrom, shape (3, 3).

    Raises:
        ValueError: numbers that are none, no volume, edges that are too long, or faces that nearly meet.
    """
    import numpy as np

    if not np.isfinite(lattice).all():
        raise ValueError("has a cell of no numbers")
    longest = float(np.linalg.norm(lattice, axis=1).max())
    if longest > MAX_LENGTH:
        raise ValueError(f"has a cell edge of {longest:.6g} angstrom; at most {MAX_LENGTH:g} are read")
    volume = abs(float(np.linalg.det(lattice)))
    if volume == 0:
        raise ValueError("has a cell without volume")
    faces = np.linalg.norm(np.cross(lattice[[1, 2, 0]], lattice[[2, 0, 1]]), axis=1)
    lowest = float((volume / faces).min())
    if lowest < MIN_HEIGHT:
        raise ValueError(f"has a cell {lowest:.2g} angstrom high; at least {MIN_HEIGHT:g} are needed")


def poscar(value: str) -> None:
    """Refuse a POSCAR that declares more atoms than it may: its reader makes room for them before it looks.

    Raises:
        ValueError: it does.
    """
    # Counts stand in the sixth line or, below symbols that may take up to ten, in one of the following.
    for line in value.splitlines()[5:27]:
        if _INTEGERS.fullmatch(line):
            atoms(sum(int(count[:12]) for count in line.split()))


def cif(value: str) -> None:
    """Refuse a CIF whose sites times symmetry operations are beyond what is worked through.

    Raises:
        ValueError: they are.
    """
    sites, operations, inside, waiting = 0, 0, False, False
    for line in value.splitlines():
        bare = line.strip()
        lowered = bare[:20].lower()
        if lowered.startswith("_atom_site_") and not lowered.startswith("_atom_site_aniso"):
            inside, waiting = True, True
        elif not bare or bare.startswith(("#", "_")) or lowered.startswith(("loop_", "data_")):
            inside = inside and waiting and not bare
        elif inside:
            sites, waiting = sites + 1, False
        elif _OPERATION.match(line[:120]):
            operations += 1
    atoms(sites)
    if not operations and not _LISTED.search(value) and _GROUP_NAMED.search(value):
        operations = _order(value) if sites * _OPERATIONS_OF_CUBIC > MAX_OPERATIONS else 1
    if sites * operations > MAX_OPERATIONS:
        raise ValueError(
            f"lists {sites:,} sites and up to {operations:,} symmetry operations; at most {MAX_OPERATIONS:,} "
            "sites times operations are read"
        )


def _order(value: str) -> int:
    """Operations of the space group that a CIF names; the most there are where it is not known."""
    found = _GROUP_NAME.search(value)
    return _orders().get(_symbol(found[1]) if found else "", _OPERATIONS_OF_CUBIC)


@cache
def _orders() -> Mapping[str, int]:
    """Operations of a cell by the Hermann-Mauguin symbol, short or full; the most of its settings."""
    import spglib

    library: Any = spglib  # its answers may be None, for settings that there are not
    orders: dict[str, int] = {}
    for setting in range(1, _SETTINGS + 1):
        group = library.get_spacegroup_type(setting)
        count = len(library.get_symmetry_from_database(setting)["rotations"])
        for name in (group.international_short, group.international_full):
            orders[_symbol(name)] = max(count, orders.get(_symbol(name), 0))
    return orders


def _symbol(name: str) -> str:
    return "".join(name.split()).replace("_", "").lower()


class Unpacked(io.RawIOBase):
    """A gzipped file as it reads unpacked, up to a number of bytes.

    Args:
        path: the file.
        most: how many bytes it may hold.
    """

    def __init__(self, path: Path, most: int = MAX_BYTES) -> None:
        super().__init__()
        self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed with this file
        self._left = most
        self._refusal = (
            f"{path.name!r} unpacks to more than {most / 1024**3:.3g} GiB; unpack it yourself, or cut it into parts"
        )

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read up to ``len(buffer)`` bytes.

        Raises:
            InputError: the file holds more than it may.
        """
        content = self._file.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise InputError(self._refusal)
        buffer[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def file_size(path: Path) -> None:
    """Refuse a file that is larger than what a table may be.

    Raises:
        InputError: it is.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path.name!r} has {size / 1024**3:.3g} GiB; at most {MAX_BYTES / 1024**3:g} are read: cut it into parts"
        )
