"""What networks are told of an atom, by its element.

CGCNN's 92 one-hot columns are made from element data. The layout is that of Xie & Grossman 2018
(doi:10.1103/PhysRevLett.120.145301, supplementary table): every property is cut into equal bins and one column
of its group is 1. Element data comes from pymatgen; covalent radii are those of Cordero et al. 2008
(doi:10.1039/b801115j).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MAX_Z = 103
COLUMNS = 92

_F_BLOCK = 0
_ANGSTROM_TO_PM = 100


@dataclass(frozen=True)
class AtomProperty:
    """A group of one-hot columns.

    Attributes:
        name: of the property.
        columns: how many.
        low, high: the range that the columns cut into equal bins; values beyond fall into the end bins.
        value: an element to its value; NaN where it is not known (all columns 0).
    """

    name: str
    columns: int
    low: float
    high: float
    value: Callable[[Any], float]

    def column(self, value: float) -> int | None:
        """The column of a value; None where it is NaN."""
        if math.isnan(value):
            return None
        position = int((value - self.low) / (self.high - self.low) * self.columns)
        return min(max(position, 0), self.columns - 1)


def _block(element: Any) -> str:
    """The subshell that fills: helium's is 1s, though pymatgen reads p from its place in the table."""
    return "s" if element.symbol == "He" else str(element.block)


def _group(element: Any) -> float:
    return _F_BLOCK if element.block == "f" else element.group


def _covalent_radius(element: Any) -> float:
    from pymatgen.analysis.molecule_structure_comparator import CovalentRadius

    return float(_ANGSTROM_TO_PM * CovalentRadius.radius.get(element.symbol, math.nan))


def _valence_electrons(element: Any) -> float:
    """Electrons outside the noble-gas core; filled d and f shells under a valence p shell do not count."""
    kinds = {"s": "s", "p": "sp", "d": "sd", "f": "sdf"}[_block(element)]
    return sum(count for kind, count in _outer(element) if kind in kinds)


def _outer(element: Any) -> list[tuple[str, int]]:
    """Kind and number of electrons of the subshells that the noble gas before the element does not have."""
    from pymatgen.core import Element

    noble = max((z for z in (2, 10, 18, 36, 54, 86) if z < element.Z), default=0)
    core = {(n, kind) for n, kind, _ in Element.from_Z(noble).full_electronic_structure} if noble else set()
    return [(kind, count) for n, kind, count in element.full_electronic_structure if (n, kind) not in core]


def _log(value: float | None) -> float:
    return math.log(value) if value is not None and value > 0 else math.nan


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


PROPERTIES = (
    AtomProperty("group, f block first", 19, 0, 19, _group),
    AtomProperty("period", 7, 1, 8, lambda element: element.row if element.block != "f" else _f_period(element)),
    AtomProperty("electronegativity", 10, 0.5, 4.0, lambda element: _known(element.X)),
    AtomProperty("covalent radius, pm", 10, 25, 250, _covalent_radius),
    AtomProperty("valence electrons", 12, 1, 13, _valence_electrons),
    AtomProperty("ln first ionization energy, eV", 10, 1.3, 3.3, lambda element: _log(element.ionization_energy)),
    AtomProperty("electron affinity, eV", 10, -3, 3.7, lambda element: _known(element.electron_affinity)),
    AtomProperty("block", 4, 0, 4, lambda element: "spdf".index(_block(element))),
    AtomProperty("ln molar volume, cm3/mol", 10, 1.5, 4.3, lambda element: _log(element.molar_volume)),
)


def _f_period(element: Any) -> float:
    return 6 if element.is_lanthanoid else 7


@cache
def _table() -> NDArray[np.float32]:
    from pymatgen.core import Element

    table = np.zeros((MAX_Z + 1, COLUMNS), dtype=np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on every property that an element lacks
        for number in range(1, MAX_Z + 1):
            element, start = Element.from_Z(number), 0
            for group in PROPERTIES:
                column = group.column(group.value(element))
                if column is not None:
                    table[number, start + column] = 1
                start += group.columns
    table.setflags(write=False)
    return table


def cgcnn_atom_features() -> NDArray[np.float32]:
    """One row an atomic number, shape (104, 92); row 0 is empty. At most one 1 in each group of columns.

    A property that is not known leaves its group empty: electronegativity of He, Ne and Ar; covalent radius
    from Bk on; molar volume of At, Fr and from Fm on. The array is shared and read-only.
    """
    return _table()


def magpie_atom_features() -> NDArray[np.float32]:
    """Magpie's 22 properties (Ward et al. 2016, doi:10.1038/npjcompumats.2016.28), shape (119, 22); row 0 is empty.

    Each column has mean 0 and spread 1 over the elements; a property that is not known is 0, the mean. The array is
    shared and read-only.
    """
    return _magpie_table()


@cache
def _magpie_table() -> NDArray[np.float32]:
    from automat_featurizers.composition.element_property import MAGPIE_PROPERTIES
    from automat_featurizers.elements import property_table

    known = property_table("magpie", MAGPIE_PROPERTIES, impute_nan=False)
    scaled = (known - np.nanmean(known[1:], axis=0)) / np.nanstd(known[1:], axis=0)
    table: NDArray[np.float32] = np.nan_to_num(scaled, nan=0.0).astype(np.float32)
    table.setflags(write=False)
    return table


@cache
def one_hot_atom_features() -> NDArray[np.float32]:
    """One column an element, shape (119, 118); row 0 is empty. Shared and read-only.

    A linear map of these columns is an embedding of the elements that is learned from the data alone.
    """
    from automat_featurizers.elements import MAX_Z as HEAVIEST

    table = np.eye(HEAVIEST + 1, dtype=np.float32)[:, 1:].copy()
    table.setflags(write=False)
    return table


_ATOM_FEATURES: dict[str, Callable[[], NDArray[np.float32]]] = {
    "cgcnn": cgcnn_atom_features,
    "magpie": magpie_atom_features,
    "learned": one_hot_atom_features,
}


def atom_features(name: str) -> NDArray[np.float32]:
    """What is known of each element, shape (max Z + 1, columns); row Z describes it. Shared and read-only.

    Args:
        name: ``cgcnn`` (one-hot properties), ``magpie`` (scaled properties) or ``learned`` (one column an element).

    Raises:
        ValueError: no such columns.
    """
    if name not in _ATOM_FEATURES:
        raise ValueError(f"unknown atom features {name!r}. Allowed: {', '.join(_ATOM_FEATURES)}")
    return _ATOM_FEATURES[name]()
