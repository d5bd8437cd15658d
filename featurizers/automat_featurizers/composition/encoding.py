"""Where the elements of a composition stand in the periodic table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

_GROUPS, _PERIODS, _BLOCKS = range(1, 19), range(1, 8), ("s", "p", "d", "f")


@cache
def _places() -> NDArray[np.float64]:
    """One-hot group, period and block by Z, shape (119, 29); an f element has no group."""
    from pymatgen.core import Element

    table = np.zeros((119, len(_GROUPS) + len(_PERIODS) + len(_BLOCKS)))
    for number in range(1, 119):
        element = Element.from_Z(number)
        # pymatgen reads a p block from helium's place in the table.
        block = "s" if element.symbol == "He" else str(element.block)
        if block != "f":
            table[number, int(element.group) - 1] = 1
        # pymatgen sets lanthanides and actinides two rows lower, where tables print them.
        period = 6 if element.is_lanthanoid else 7 if element.is_actinoid else int(element.row)
        table[number, len(_GROUPS) + period - 1] = 1
        table[number, len(_GROUPS) + len(_PERIODS) + _BLOCKS.index(block)] = 1
    return table


class PeriodicTablePlace(Featurizer):
    """Shares of the atoms in each group (18), period (7) and block (4) of the periodic table.

    The one-hot encoding of elements that crystal graph networks start from (Xie & Grossman 2018,
    doi:10.1103/PhysRevLett.120.145301), averaged over the atoms. Elements of the f block have no group.

    >>> PeriodicTablePlace().fit_transform(["NaCl"]).sum()
    3.0
    """

    name = "periodic_table_place"
    takes = "composition"
    citation = "Xie & Grossman (2018), Phys. Rev. Lett. 120, 145301, doi:10.1103/PhysRevLett.120.145301"
    cost_ms = 0.001
    libraries = ("pymatgen",)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels, shape (29,)."""
        del input_features
        named = {"group": _GROUPS, "period": _PERIODS, "block": _BLOCKS}
        return np.array(
            [f"share of {what} {each}" for what, several in named.items() for each in several], dtype=object
        )

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers
        from automat_featurizers.kernels.weighted import weighted_mean

        return Block(weighted_mean(packed.row_ptr, checked_numbers(packed), packed.amounts, _places()))
