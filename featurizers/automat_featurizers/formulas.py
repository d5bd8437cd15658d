"""Chemical formulas to elements and amounts and back, as pymatgen reads and writes them, without its objects.

pymatgen builds an object for every formula and asks every element for its data along the way. Here a
formula is cut by one regular expression, and whatever that does not fully explain (exponents, charges,
``@``, unusual spaces, vanishing amounts) is given to pymatgen itself.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import util
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pymatgen.core import Composition

_SMALLEST = 1e-8
"""pymatgen drops smaller amounts, and takes amounts this near to an integer for one."""
_LARGEST = 1e15
"""Below this pymatgen writes the amounts of a bracket without an exponent, and integers are exact."""
_POLYANION_GAP = 1.65
"""Elements that differ less in electronegativity are written as a unit: (SO4)3, but not (TiO3)2."""
_FEWEST_WITH_POLYANION = 3

_MAX_Z = 118
_SPECIAL: Mapping[str, str] = MappingProxyType(
    {f"{metal}O": f"{metal}2O2" for metal in ("Li", "Na", "K", "H", "Cs", "Rb")}
    | {symbol: f"{symbol}2" for symbol in ("O", "N", "F", "Cl", "H")}
)
"""What pymatgen writes of peroxides and gases: its ``Composition.special_formulas``."""

_PLAIN = re.compile(r"(?:[A-Z][a-z]?[0-9.]* *)+")
_ENTRY = re.compile(r"([A-Z][a-z]?)([0-9.]*)")
_TOKEN = re.compile(r"([A-Z][a-z]?) *([0-9.]*)|([(\[])|([)\]]) *([0-9.]*)| +|(.)", re.DOTALL)


@dataclass(frozen=True)
class Entries:
    """What was read of several compositions.

    Attributes:
        counts: number of elements of every readable row.
        numbers, amounts: Z and amount of every element of every readable row, in its order.
        readable: which rows those are.
        unreadable: row to why it cannot be read.
    """

    counts: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)
    readable: list[int] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)


def read_each(compositions: Iterable[Composition | str]) -> Entries:
    """Elements and amounts of every composition or formula; of those that cannot be read, why."""
    from pymatgen.core import Composition

    number_of = _number_by_identity().__getitem__
    every = compositions if isinstance(compositions, list) else list(compositions)
    if set(map(type, every)) == {Composition}:
        plain = _read_plain(every, number_of)
        if plain is not None:
            return plain
    read = Entries()
    add_number, add_amount = read.numbers.extend, read.amounts.extend
    each: Iterable[Any] = every
    for row, given in enumerate(each):
        numbers: Collection[int]
        amounts: Collection[float]
        try:
            if type(given) is Composition and not given.allow_negative:
                data = given._data  # noqa: SLF001 - the mapping's public face adds up all entries for every one
                try:
                    numbers, amounts = [*map(number_of, map(id, data))], data.values()
                    if not math.isfinite(max(amounts, default=0.0)):
                        raise KeyError  # noqa: TRY301 - as an unusual species, it is looked at more closely
                except KeyError:
                    entries = composition_entries(given)
                    numbers, amounts = entries.keys(), entries.values()
            else:
                entries = formula_entries(given) if type(given) is str else composition_entries(given)
                numbers, amounts = entries.keys(), entries.values()
            if not numbers:
                raise ValueError(f"the formula {given!r} names no element")  # noqa: TRY301 - one handler for all rows
        except ValueError as error:
            read.unreadable[row] = str(error)
            continue
        read.readable.append(row)
        read.counts.append(len(numbers))
        add_number(numbers)
        add_amount(amounts)
    return read


def _read_plain(compositions: Sequence[Any], number_of: Callable[[int], int]) -> Entries | None:
    """Compositions of plain elements in positive amounts, all at once; None where one is anything else."""
    contents = [composition._data for composition in compositions]  # noqa: SLF001 - see ``read_each``
    counts = list(map(len, contents))
    amounts = list(chain.from_iterable([content.values() for content in contents]))
    try:
        numbers = list(map(number_of, map(id, chain.from_iterable(contents))))
    except KeyError:
        return None
    if not all(counts) or not min(amounts) > 0 or not math.isfinite(max(amounts)):
        return None
    return Entries(counts, numbers, amounts, list(range(len(compositions))))


def formula_entries(text: str) -> dict[int, float]:
    """Z to amount, in the order in which pymatgen's ``Composition`` has the elements.

    Isotopes (D, T) count as their element.

    >>> formula_entries("Ca3(PO4)2")
    {20: 3.0, 15: 2.0, 8: 8.0}

    Raises:
        ValueError: what pymatgen does not read either, or what names no element.
    """
    number_of = _numbers()
    try:
        if _PLAIN.fullmatch(text):
            entries: dict[int, float] = {}
            for symbol, amount in _ENTRY.findall(text):
                number = number_of[symbol]
                entries[number] = entries.get(number, 0.0) + (float(amount) if amount else 1.0)
        else:
            entries = _with_brackets(text)
        if min(entries.values()) >= _SMALLEST and max(entries.values()) < _LARGEST:
            return entries
    except (KeyError, ValueError):
        pass  # pymatgen knows more notations, and says best what is wrong
    return composition_entries(text)


def composition_entries(given: Any) -> dict[int, float]:
    """Z to amount of whatever pymatgen's ``Composition`` is made from, in its order.

    Ions and isotopes of one element add up. (pymatgen's own ``get_el_amt_dict`` counts twice where an
    element stands beside its isotope or ion, as in HDO.)

    Raises:
        ValueError: no composition, one that names no element or something else, or an amount that is
            negative or infinite.
    """
    from pymatgen.core import Composition, DummySpecies

    entries: dict[int, float] = {}
    try:
        # Copying a composition, pymatgen gives every isotope and ion what all of the element have together.
        composition = given if isinstance(given, Composition) else Composition(given)
        for species, amount in composition._data.items():  # noqa: SLF001 - see ``read_each``
            if amount < 0:
                raise ValueError("an amount is negative")  # noqa: TRY301 - one message for all that is wrong
            if isinstance(species, DummySpecies):  # pymatgen gives a dummy a number as well
                raise ValueError(f"{species.symbol!r} is no element")  # noqa: TRY004, TRY301 - the text is at fault
            entries[int(species.Z)] = entries.get(int(species.Z), 0.0) + amount
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"cannot read {given!r} as a formula ({error})") from error
    if not entries:
        raise ValueError(f"the formula {given!r} names no element")
    if not all(map(math.isfinite, entries.values())):
        raise ValueError(f"cannot read {given!r} as a formula (an amount is not finite)")
    return entries


def reduced_formula(numbers: Sequence[int], amounts: Sequence[float]) -> str:
    """The reduced formula as pymatgen's ``Composition.reduced_formula`` writes it.

    Elements stand in the order of their electronegativity, and the last two may form a unit. Amounts that
    are not all integers are written as they are.

    >>> reduced_formula([20, 15, 8], [6.0, 4.0, 16.0])
    'Ca3(PO4)2'

    Args:
        numbers: Z of every element, each once.
        amounts: their amounts.
    """
    table = _writing()
    rank, symbols = table.rank, table.symbols
    try:
        order = sorted(range(len(numbers)), key=lambda entry: rank[numbers[entry]])
    except KeyError:  # pymatgen sorts with NaN where there is no electronegativity; so the same comparisons are made
        order = sorted(range(len(numbers)), key=lambda entry: [table.value(numbers[entry]), symbols[numbers[entry]]])
    if not all(_SMALLEST <= amount < _LARGEST for amount in amounts) or len(set(numbers)) != len(numbers):
        return _by_pymatgen(tuple(numbers), tuple(amounts))
    whole = [round(amount) for amount in amounts]
    if any(abs(amount - near) >= _SMALLEST for amount, near in zip(amounts, whole, strict=True)):
        # Elements of equal electronegativity keep their order here, and go by the alphabet below.
        order = sorted(range(len(numbers)), key=lambda entry: table.value(numbers[entry]))
        return "".join(symbols[numbers[entry]] + _written(amounts[entry]) for entry in order)
    divisor = math.gcd(*whole)
    unit = ""
    if len(order) >= _FEWEST_WITH_POLYANION:
        first, last = order[-2], order[-1]
        gap = table.value(numbers[last]) - table.value(numbers[first])
        units = math.gcd(whole[first], whole[last]) // divisor
        if gap < _POLYANION_GAP and units != 1:
            inside = "".join(
                _count(symbols[numbers[entry]], whole[entry] // divisor // units) for entry in (first, last)
            )
            unit, order = f"({inside}){units}", order[:-2]
    formula = "".join([_count(symbols[numbers[entry]], whole[entry] // divisor) for entry in order]) + unit
    return table.special.get(formula, formula)


@dataclass(frozen=True)
class _Writing:
    """What formulas are written with, Z-indexed; without the elements that have no electronegativity."""

    symbols: tuple[str, ...]
    electronegativity: dict[int, float]
    rank: dict[int, int]
    special: Mapping[str, str]

    def value(self, number: int) -> float:
        """The electronegativity, a new NaN where there is none: lists with one and the same NaN compare otherwise."""
        return self.electronegativity.get(number, float("nan"))


def element_symbols() -> tuple[str, ...]:
    """Element symbols by Z; the one at 0 is empty."""
    return _writing().symbols


@cache
def _writing() -> _Writing:
    symbols, value = _elements()
    order = sorted(value, key=lambda number: (value[number], symbols[number]))
    rank = {number: place for place, number in enumerate(order)}
    return _Writing(symbols, value, rank, _SPECIAL)


def _elements() -> tuple[tuple[str, ...], dict[int, float]]:
    """Symbols by Z, and electronegativities where there are any, from pymatgen's file: importing it takes a second."""
    found = util.find_spec("pymatgen.core")
    try:
        path = Path(found.origin if found and found.origin else "").with_name("periodic_table.json")
        table = json.loads(path.read_text(encoding="utf-8"))
        # Deuterium and tritium stand in the table beside hydrogen.
        by_number = {int(about["Atomic no"]): symbol for symbol, about in table.items() if symbol not in {"D", "T"}}
        symbols = ("", *(by_number[number] for number in range(1, _MAX_Z + 1)))
        value = {number: float(table[symbols[number]]["X"]) for number in by_number if table[symbols[number]].get("X")}
    except (OSError, ValueError, KeyError):
        return _elements_of_pymatgen()
    return symbols, value


def _elements_of_pymatgen() -> tuple[tuple[str, ...], dict[int, float]]:
    from pymatgen.core import Element

    elements = [Element.from_Z(number) for number in range(1, _MAX_Z + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on every element without an electronegativity
        value = {element.Z: float(element.X) for element in elements if not math.isnan(element.X)}
    return ("", *(element.symbol for element in elements)), value


@cache
def _number_by_identity() -> dict[int, int]:
    """Z of pymatgen's elements by their ``id``: they live as long as the process, and their hash is slow.

    Isotopes are not among them: deuterium beside hydrogen has to be added up.
    """
    from pymatgen.core import Element

    return {id(element): int(element.Z) for element in map(Element.from_Z, range(1, 119))}


@cache
def _numbers() -> dict[str, int]:
    """Symbol to Z; deuterium and tritium are hydrogen."""
    from pymatgen.core import Element

    return {element.name: int(element.Z) for element in Element}


@lru_cache(10_000)
def _by_pymatgen(numbers: tuple[int, ...], amounts: tuple[float, ...]) -> str:
    from pymatgen.core import Composition, Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on every element without an electronegativity
        pairs = zip(numbers, amounts, strict=True)
        return str(Composition({Element.from_Z(number): amount for number, amount in pairs}).reduced_formula)


def _with_brackets(text: str) -> dict[int, float]:
    """Elements and amounts of a formula with brackets or spaces.

    A bracket becomes its elements, each multiplied and then added up, before what surrounds it: in floating
    point that is pymatgen's order.

    Raises:
        ValueError, KeyError: a notation that is not known here.
    """
    open_groups: list[list[tuple[str, float]]] = [[]]
    for symbol, amount, opening, closing, factor, unknown in _TOKEN.findall(text):
        if symbol:
            open_groups[-1].append((symbol, float(amount) if amount else 1.0))
        elif opening:
            open_groups.append([])
        elif closing:
            inside = _added_up(open_groups.pop(), float(factor) if factor else 1.0)
            if not inside or not open_groups or max(inside.values()) >= _LARGEST:
                raise ValueError(text)
            open_groups[-1].extend(inside.items())
        elif unknown:
            raise ValueError(text)
    if len(open_groups) != 1:
        raise ValueError(text)
    number_of = _numbers()
    entries: dict[int, float] = {}
    for symbol, total in _added_up(open_groups[0], 1.0).items():
        entries[number_of[symbol]] = entries.get(number_of[symbol], 0.0) + total
    return entries


def _added_up(group: Iterable[tuple[str, float]], factor: float) -> dict[str, float]:
    total: dict[str, float] = {}
    for symbol, amount in group:
        total[symbol] = total.get(symbol, 0.0) + amount * factor
    return total


def _count(symbol: str, count: int) -> str:
    return symbol if count == 1 else f"{symbol}{count}"


def _written(amount: float) -> str:
    return str(int(amount)) if abs(amount - int(amount)) < _SMALLEST else str(round(amount, 8))
