"""Properties of the elements, Z-indexed, read once from what the installed matminer and pymatgen hold.

Every table has one row an atomic number, 0..118, and one column a property; row 0 is NaN. With imputation
an element that lacks a property gets the mean over those that have it, as matminer defines that mean:

- magpie, deml, matscholar, miedema, kittel: over the elements of the table; magpie's end at Z = 112, and beyond even
  the atomic number is the mean, 56.5;
- deml's first ionization energy, and pymatgen's properties: over the members of pymatgen's ``Element``, among
  which hydrogen stands three times (H, D, T); a pymatgen property of exactly 0 counts as missing;
- megnet: over the embedded elements and the network's dummy atom. Without imputation the dummy atom stands in for
  an element that was not embedded (beyond Z = 94), so that no value is NaN.
"""

from __future__ import annotations

import csv
import json
import math
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automat_featurizers.formulas import element_symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

Source = Literal["magpie", "deml", "pymatgen", "matscholar", "megnet", "miedema", "kittel"]

MAX_Z = 118
"""The heaviest element that has a name."""

_NAMED = 3
"""Properties that a reason names before it only counts them."""
_BLOCKS = {"s": 1.0, "p": 2.0, "d": 3.0, "f": 3.0}
"""matminer's numbers of the blocks: d and f share one."""
_OWN_FACTS = {"atom_num": "Z", "atom_mass": "atomic_mass", "row_num": "row"}
"""What is never imputed in deml's table: pymatgen knows it of every element."""


@cache
def symbols() -> tuple[str, ...]:
    """Element symbols by Z; the one at 0 is empty."""
    return element_symbols()


@cache
def property_table(source: Source, names: tuple[str, ...], *, impute_nan: bool = True) -> NDArray[np.float64]:
    """Properties of the elements, shape (119, len(names)), in the units of the source. Read-only, shared.

    Args:
        source: whose data: magpie (Ward et al. 2016, doi:10.1038/npjcompumats.2016.28), deml (Deml et al.
            2016, doi:10.1103/PhysRevB.93.085142), pymatgen (Ong et al. 2013,
            doi:10.1016/j.commatsci.2012.10.028), matscholar (Tshitoyan et al. 2019,
            doi:10.1038/s41586-019-1335-8), megnet (Chen et al. 2019, doi:10.1021/acs.chemmater.9b01294),
            miedema (Zhang et al. 2016, doi:10.1016/j.cpc.2016.08.013) or kittel (cohesive energies of Introduction to
            Solid State Physics, 8th edition, 2005).
        names: as matminer names the properties.
        impute_nan: the mean over the elements where a property is not known; else NaN (megnet: see above).

    Raises:
        ValueError: a property that the source does not have.
    """
    columns = {
        "magpie": _magpie, "deml": _deml, "pymatgen": _pymatgen, "matscholar": _matscholar, "megnet": _megnet,
        "miedema": _miedema, "kittel": _kittel,
    }[source]  # fmt: skip
    table = np.full((MAX_Z + 1, len(names)), np.nan)
    for column, name in enumerate(names):
        try:
            table[1:, column] = columns(name, impute_nan)
        except (KeyError, OSError, AttributeError) as error:
            raise ValueError(f"{source} has no property {name!r} of the elements ({error})") from error
    table.setflags(write=False)
    return table


def checked_numbers(packed: PackedCompositions) -> NDArray[np.int64]:
    """Z of every entry, of which every one is an element's.

    Raises:
        ValueError: an atomic number outside 1..118.
    """
    numbers = np.ascontiguousarray(packed.atomic_numbers, np.int64)
    wrong = numbers[(numbers < 1) | (numbers > MAX_Z)]
    if wrong.size:
        raise ValueError(f"no element has the atomic number {wrong[0]}")
    return numbers


def without_data(packed: PackedCompositions, table: NDArray[np.float64], names: Sequence[str]) -> dict[int, str]:
    """Row to which of its elements lack which properties, for the rows that have such elements.

    Args:
        packed: the compositions.
        table: shape (119, len(names)), NaN where a property is not known.
        names: of the properties.
    """
    unknown = np.isnan(table)
    affected = np.flatnonzero(unknown.any(axis=1)[packed.atomic_numbers])
    if not affected.size:
        return {}
    lacking: dict[int, list[int]] = {}
    for entry, row in zip(affected, np.searchsorted(packed.row_ptr, affected, side="right") - 1, strict=True):
        lacking.setdefault(int(row), []).append(int(packed.atomic_numbers[entry]))
    return {row: _lack(tuple(numbers), unknown[numbers].any(axis=0), names) for row, numbers in lacking.items()}


def _lack(numbers: tuple[int, ...], missing: NDArray[np.bool_], names: Sequence[str]) -> str:
    which = [name for name, lacks in zip(names, missing, strict=True) if lacks]
    more = f" and {len(which) - _NAMED} more" if len(which) > _NAMED else ""
    elements = ", ".join(symbols()[number] for number in numbers)
    return f"no data for {elements}: {', '.join(which[:_NAMED])}{more}"


def _by_symbol(values: dict[str, float], mean: float) -> NDArray[np.float64]:
    """Values of Z = 1..118; where there is none, the mean."""
    found = np.array([values.get(symbol, math.nan) for symbol in symbols()[1:]], np.float64)
    return np.where(np.isnan(found), mean, found)


def _mean(values: Sequence[float], impute_nan: bool) -> float:
    return float(np.nanmean(np.array(values, np.float64))) if impute_nan else math.nan


def data_files() -> Path:
    """Where matminer keeps its tables; reading them needs none of its code."""
    found = find_spec("matminer")
    if found is None or found.origin is None:
        raise ImportError("matminer is not installed: its element data is needed")
    return Path(found.origin).parent / "utils" / "data_files"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # "Missing"
        return math.nan


def _magpie(name: str, impute_nan: bool) -> NDArray[np.float64]:
    lines = (data_files() / "magpie_elementdata" / f"{name}.table").read_text(encoding="utf-8").splitlines()
    values = np.full(MAX_Z, np.nan)
    known = [_number(line) for line in lines[:MAX_Z]]
    values[: len(known)] = known
    return np.where(np.isnan(values), _mean(values.tolist(), impute_nan), values)


def _deml(name: str, impute_nan: bool) -> NDArray[np.float64]:
    from matminer.utils.data_files.deml_elementdata import properties
    from pymatgen.core import Element

    if name == "FERE correction":
        return _deml("mus_fere", impute_nan) - _deml("GGAU_Etot", impute_nan)
    if name == "first_ioniz":
        first = {symbol: energies[0] for symbol, energies in properties["ionization_en"].items()}
        return _by_symbol(first, _mean([first.get(element.symbol, math.nan) for element in Element], impute_nan))
    values: dict[str, float] = properties[name]
    if name not in _OWN_FACTS:
        return _by_symbol(values, _mean([*values.values()], impute_nan))
    if impute_nan:
        values = {symbol: float(getattr(Element(symbol), _OWN_FACTS[name])) for symbol in symbols()[1:]} | values
    return _by_symbol(values, math.nan)


def _pymatgen(name: str, impute_nan: bool) -> NDArray[np.float64]:
    from pymatgen.core import Element

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on every property that an element lacks
        if name == "block":
            return np.array([_BLOCKS[Element(symbol).block] for symbol in symbols()[1:]])
        read: Callable[[Any], float] = lambda element: _given(getattr(element, name), impute_nan)  # noqa: E731 - one expression, used twice
        mean = _mean([read(element) for element in Element], impute_nan)
        return _by_symbol({symbol: read(Element(symbol)) for symbol in symbols()[1:]}, mean)


def _given(value: float | None, impute_nan: bool) -> float:
    if value is None or (impute_nan and value == 0):
        return math.nan
    return float(value)


@cache
def _miedema_rows() -> list[dict[str, str]]:
    with (data_files() / "Miedema.csv").open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _miedema(name: str, impute_nan: bool) -> NDArray[np.float64]:
    values = {row["element"]: float(row[name]) for row in _miedema_rows()}
    return _by_symbol(values, _mean([*values.values()], impute_nan))


def _kittel(name: str, impute_nan: bool) -> NDArray[np.float64]:
    if name != "cohesive energy":
        raise KeyError(name)
    values = _json("cohesive_energies.json")
    return _by_symbol(values, _mean([*values.values()], impute_nan))


@cache
def mixing_enthalpies(*, impute_nan: bool = True) -> NDArray[np.float64]:
    """Mixing enthalpies of the liquid alloys of two elements at equal amounts, kJ/mol, shape (119, 119).

    Of Miedema's model, as tabulated by Takeuchi & Inoue 2005, doi:10.2320/matertrans.46.2817. Read-only, shared.

    Args:
        impute_nan: for a pair that is not listed, the mean over those that are; else NaN.
    """
    lines = (data_files() / "MiedemaLiquidDeltaHf.tsv").read_text(encoding="utf-8").splitlines()[1:]
    known: dict[tuple[str, str], float] = {}
    for line in lines:
        one, other, enthalpy = line.split()
        known[min(one, other), max(one, other)] = float(enthalpy)
    table = np.full((MAX_Z + 1, MAX_Z + 1), _mean([*known.values()], impute_nan))
    numbers = {symbol: number for number, symbol in enumerate(symbols())}
    for (one, other), value in known.items():
        table[numbers[one], numbers[other]] = table[numbers[other], numbers[one]] = value
    table.setflags(write=False)
    return table


@cache
def _json(file: str) -> Any:
    return json.loads((data_files() / file).read_text(encoding="utf-8"))


def _matscholar(name: str, impute_nan: bool) -> NDArray[np.float64]:
    values = {symbol: vector[_component(name)] for symbol, vector in _json("matscholar_els.json").items()}
    return _by_symbol(values, _mean([*values.values()], impute_nan))


def _megnet(name: str, impute_nan: bool) -> NDArray[np.float64]:
    # The first vector is the dummy atom's; those of Z = 1..94 follow.
    values = [vector[_component(name)] for vector in _json("megnet_elemental_embedding.json")[:95]]
    stand_in = _mean(values, impute_nan) if impute_nan else values[0]
    return _by_symbol(dict(zip(symbols()[1:], values[1:], strict=False)), stand_in)


def _component(name: str) -> int:
    """Which component ``embedding 1``, ``embedding 2``, ... is."""
    kind, _, place = name.partition(" ")
    if kind != "embedding" or not place.isdecimal() or int(place) < 1:
        raise KeyError(name)
    return int(place) - 1
