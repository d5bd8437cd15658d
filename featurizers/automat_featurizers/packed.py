"""Compositions and crystals as flat arrays: packed once, read by features, graphs and splits.

A packed collection of n items keeps one row pointer of n + 1 offsets; the entries of item i lie at
``row_ptr[i]:row_ptr[i + 1]`` of every flat array beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

from automat_featurizers.formulas import read_each, reduced_formula

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray
    from pymatgen.core import Composition, Structure

Made = TypeVar("Made")
Packed = TypeVar("Packed")

_KEPT = "_kept"


def row_pointer(counts: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets of rows with the given numbers of entries, shape (n + 1,)."""
    pointer = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=pointer[1:])
    return pointer


def entries_of(row_ptr: NDArray[np.int64], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Positions of the flat entries that belong to ``rows``, in the order of ``rows``."""
    starts, counts = row_ptr[rows], np.diff(row_ptr)[rows]
    first_of_row = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    entries: NDArray[np.intp] = (np.arange(counts.sum()) + first_of_row).astype(np.intp)
    return entries


def positions(rows: ArrayLike, count: int) -> NDArray[np.intp]:
    """Row positions 0..count-1 of what numpy takes as an index: positions, negative ones, or a mask.

    Raises:
        IndexError: a position beyond the rows, or a mask of another length.
    """
    given = np.asarray(rows)
    wanted: NDArray[np.intp] = np.arange(count)[given if given.size else given.astype(np.intp)]
    return wanted


def _atomic_number(species: Any) -> int:
    """Z of an element, whatever its isotope or charge; pymatgen gives dummy species a number as well."""
    from pymatgen.core import DummySpecies

    if isinstance(species, DummySpecies):
        raise ValueError(f"{species.symbol!r} is no element")  # noqa: TRY004 - an unreadable value, not a wrong call
    return int(species.Z)


def _site_numbers(structure: Structure) -> list[int]:
    """Z of every site.

    Raises:
        ValueError: what cannot be packed.
    """
    if not structure.is_ordered:
        raise ValueError(f"{structure.composition.formula} has partial occupancies; order it first")
    if len(structure) == 0:
        raise ValueError("the structure has no sites")
    return [_atomic_number(site.specie) for site in structure]


def _all_of(packed: Packed, readable: list[int], unreadable: dict[int, str]) -> Packed:
    del readable
    if unreadable:
        row, why = next(iter(unreadable.items()))
        raise ValueError(f"row {row}: {why}")
    return packed


class _Derived:
    """What was computed from packed arrays, kept with them."""

    def derived(self, make: Callable[[Self], Made]) -> Made:
        """``make(self)``, computed once: several features read one neighbour list or one tessellation.

        It is kept as long as the arrays are, and is not sent along when they are pickled.
        """
        kept: dict[Any, Any] = self.__dict__.setdefault(_KEPT, {})
        if make not in kept:
            kept[make] = make(self)
        made: Made = kept[make]
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != _KEPT}


@dataclass(frozen=True, eq=False)
class PackedCompositions(_Derived):
    """n chemical compositions.

    Attributes:
        row_ptr: offsets, shape (n + 1,).
        atomic_numbers: Z of every entry, shape (entries,), in the element order of each composition.
        amounts: amount of that element in the formula as written, shape (entries,).
    """

    row_ptr: NDArray[np.int64]
    atomic_numbers: NDArray[np.int64]
    amounts: NDArray[np.float64]

    @classmethod
    def pack(cls, compositions: Iterable[Composition | str]) -> Self:
        """Pack pymatgen compositions or formulas.

        Raises:
            ValueError: a formula that cannot be read, with its position and text.
        """
        return _all_of(*cls.pack_each(compositions))

    @classmethod
    def pack_each(cls, compositions: Iterable[Composition | str]) -> tuple[Self, list[int], dict[int, str]]:
        """Pack what can be read: the packed rows, which rows those are, and why each other cannot be read."""
        read = read_each(compositions)
        numbers, amounts = np.array(read.numbers, np.int64), np.array(read.amounts, np.float64)
        return cls(row_pointer(read.counts), numbers, amounts), read.readable, read.unreadable

    def __len__(self) -> int:
        return len(self.row_ptr) - 1

    def __getitem__(self, row: int) -> Composition:
        from pymatgen.core import Composition, Element

        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} compositions")
        row %= len(self)
        span = slice(self.row_ptr[row], self.row_ptr[row + 1])
        pairs = zip(self.atomic_numbers[span], self.amounts[span], strict=True)
        return Composition({Element.from_Z(int(number)): float(amount) for number, amount in pairs})

    def __iter__(self) -> Iterator[Composition]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: ArrayLike) -> PackedCompositions:
        """The given rows, in the given order: positions, or a mask."""
        wanted = positions(rows, len(self))
        entries = entries_of(self.row_ptr, wanted)
        counts = np.diff(self.row_ptr)[wanted]
        return PackedCompositions(row_pointer(counts), self.atomic_numbers[entries], self.amounts[entries])

    @cached_property
    def formulas(self) -> tuple[str, ...]:
        """Reduced formulas, as pymatgen writes them."""
        numbers, amounts = self.atomic_numbers.tolist(), self.amounts.tolist()
        return tuple(
            reduced_formula(numbers[start:stop], amounts[start:stop]) for start, stop in pairwise(self.row_ptr.tolist())
        )

    def row_hashes(self) -> list[str]:
        """One hex digest a row, of its content alone: equal rows have equal digests."""
        return _row_hashes(self.row_ptr, self.atomic_numbers, self.amounts)


@dataclass(frozen=True, eq=False)
class PackedStructures(_Derived):
    """n ordered crystals.

    Attributes:
        row_ptr: offsets, shape (n + 1,).
        lattices: lattice vectors as rows, in angstrom, shape (n, 3, 3).
        atomic_numbers: Z of every site, shape (sites,).
        fractional: fractional coordinates of every site, shape (sites, 3).
    """

    row_ptr: NDArray[np.int64]
    lattices: NDArray[np.float64]
    atomic_numbers: NDArray[np.int64]
    fractional: NDArray[np.float64]

    @classmethod
    def pack(cls, structures: Iterable[Structure]) -> Self:
        """Pack pymatgen structures; oxidation states and site properties are left behind.

        Raises:
            ValueError: a structure with partial occupancies, without sites, or with a site that is no
                element, with its position.
        """
        return _all_of(*cls.pack_each(structures))

    @classmethod
    def pack_each(cls, structures: Iterable[Structure]) -> tuple[Self, list[int], dict[int, str]]:
        """Pack what can be packed: the packed rows, which rows those are, and why each other cannot."""
        counts: list[int] = []
        lattices: list[NDArray[np.float64]] = []
        numbers: list[int] = []
        fractional: list[NDArray[np.float64]] = []
        readable: list[int] = []
        unreadable: dict[int, str] = {}
        for row, structure in enumerate(structures):
            try:
                sites = _site_numbers(structure)
            except ValueError as error:
                unreadable[row] = str(error)
                continue
            readable.append(row)
            counts.append(len(sites))
            numbers.extend(sites)
            lattices.append(structure.lattice.matrix)
            fractional.append(np.asarray(structure.frac_coords, np.float64))
        packed = cls(
            row_pointer(counts),
            np.array(lattices, np.float64).reshape(-1, 3, 3),
            np.array(numbers, np.int64),
            np.concatenate(fractional) if fractional else np.empty((0, 3)),
        )
        return packed, readable, unreadable

    def __len__(self) -> int:
        return len(self.row_ptr) - 1

    def __getitem__(self, row: int) -> Structure:
        from pymatgen.core import Element, Lattice, Structure

        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} structures")
        row %= len(self)
        span = slice(self.row_ptr[row], self.row_ptr[row + 1])
        species = [Element.from_Z(int(number)) for number in self.atomic_numbers[span]]
        return Structure(Lattice(self.lattices[row]), species, self.fractional[span])

    def __iter__(self) -> Iterator[Structure]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: ArrayLike) -> PackedStructures:
        """The given rows, in the given order: positions, or a mask."""
        wanted = positions(rows, len(self))
        sites = entries_of(self.row_ptr, wanted)
        counts = np.diff(self.row_ptr)[wanted]
        return PackedStructures(
            row_pointer(counts), self.lattices[wanted], self.atomic_numbers[sites], self.fractional[sites]
        )

    @cached_property
    def compositions(self) -> PackedCompositions:
        """Compositions of the cells: elements in the order of their first site, amounts a cell."""
        counts: list[int] = []
        numbers: list[int] = []
        amounts: list[float] = []
        for row in range(len(self)):
            cell: dict[int, int] = {}
            for number in self.atomic_numbers[self.row_ptr[row] : self.row_ptr[row + 1]].tolist():
                cell[number] = cell.get(number, 0) + 1
            counts.append(len(cell))
            numbers.extend(cell)
            amounts.extend(cell.values())
        return PackedCompositions(row_pointer(counts), np.array(numbers, np.int64), np.array(amounts, np.float64))

    def row_hashes(self) -> list[str]:
        """One hex digest a row, of its content alone: equal rows have equal digests."""
        sites = _row_hashes(self.row_ptr, self.atomic_numbers, self.fractional)
        lattices = np.ascontiguousarray(self.lattices, np.float64)
        return [
            hashlib.blake2b(digest.encode() + lattice.tobytes(), digest_size=16).hexdigest()
            for digest, lattice in zip(sites, lattices, strict=True)
        ]


def _row_hashes(row_ptr: NDArray[np.int64], integers: NDArray[np.int64], floats: NDArray[np.float64]) -> list[str]:
    """128-bit digests of the entries of every row: among a billion rows, two are alike by a chance of 1e-21."""
    ends = row_ptr.tolist()
    whole = memoryview(np.asarray(integers, np.int64).tobytes())
    real = memoryview(np.asarray(floats, np.float64).tobytes())
    size = 8 * (floats.size // max(1, len(floats)))
    digests = []
    for start, stop in pairwise(ends):
        digest = hashlib.blake2b(whole[8 * start : 8 * stop], digest_size=16)
        digest.update(real[size * start : size * stop])
        digests.append(digest.hexdigest())
    return digests
