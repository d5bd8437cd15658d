"""Which elements are bonded to which: the share of every kind of bond."""

from __future__ import annotations

import hashlib
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from automat_featurizers.base import Block, Featurizer, pack_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_LABEL = " bond frac."
_PADDED = 3
"""Parts of a separator with a space on either side, split at spaces."""

Pair = tuple[int, int]


class BondFractions(Featurizer):
    """Share of every kind of bond (pair of elements) among the bonds of the structure, as CrystalNN finds them.

    Columns are kinds of bond, learned or given; a bond that an atom has to a neighbour counts once for that
    atom, so one that both atoms see counts twice. Bonds of a kind without a column count in the total, which
    is why a row may add up to less than 1; a structure without any bond is all 0. Structures are those of
    elements: oxidation states are left behind when they are packed, so matminer's ``no_oxi`` has no meaning.

    ``fit`` learns every pair of elements that occur together in a structure, bonded or not, as matminer's does.
    matminer divides the value for pairs that a structure cannot have (``bbv``) by the number of bonds as well,
    so -1 becomes a different number in every row; ``divide_bbv=False`` leaves it as it is.

    Sources: Hansen et al. 2015, doi:10.1021/acs.jpclett.5b00831; neighbours: Pan et al. 2021,
    doi:10.1021/acs.inorgchem.0c02996.

    Args:
        bbv: value for kinds of bond whose elements the structure does not have; None: NaN.
        approx_bonds: count a kind of bond that has no column in the columns nearest to it by Mendeleev number.
        token: what separates the two symbols in a label: no letters or digits, a space on either side.
        allowed_bonds: kinds of bond ("Cl - Na") to which the columns are limited.
        divide_bbv: divide ``bbv`` by the number of bonds, as matminer does.

    Attributes:
        bonds_: kinds of bond, one a column, after ``fit``.
    """

    name = "bond_fractions"
    takes = "structure"
    citation = "Hansen et al. (2015), J. Phys. Chem. Lett. 6, 2326-2331, doi:10.1021/acs.jpclett.5b00831"
    cost_ms = 0.4
    parity = 1e-12
    libraries = ("pymatgen",)

    def __init__(
        self,
        *,
        bbv: float | None = 0.0,
        approx_bonds: bool = False,
        token: str = " - ",  # noqa: S107 - matminer's name for a separator
        allowed_bonds: Sequence[str] | None = None,
        divide_bbv: bool = True,
    ) -> None:
        self.bbv = bbv
        self.approx_bonds = approx_bonds
        self.token = token
        self.allowed_bonds = allowed_bonds
        self.divide_bbv = divide_bbv

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers, or the columns are others."""
        if not hasattr(self, "bonds_"):
            return super().version
        return f"{super().version}-{hashlib.sha256('|'.join(self.bonds_).encode()).hexdigest()[:8]}"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which pairs of elements occur together; those among ``allowed_bonds``, where these are given.

        Raises:
            ValueError: X holds no structures, or a parameter cannot be used.
        """
        del y
        packed, _, _ = pack_each(X, "structure")
        present = _present(packed).astype(np.int64)
        both = np.argwhere(np.triu(present.T @ present))
        learned = _sorted_names([(int(first), int(second)) for first, second in both], self._checked_token())
        if self.allowed_bonds is not None:
            allowed = set(self._allowed())
            learned = tuple(bond for bond in learned if bond in allowed)
            if not learned:
                warnings.warn(f"{self.name}: none of the allowed bonds occurs; there are no columns", stacklevel=2)
        self.bonds_ = learned
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self.allowed_bonds is not None or hasattr(self, "bonds_")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, in the order of the alphabet, shape (kinds of bond,)."""
        del input_features
        return np.array([bond + _LABEL for bond in self._bonds()], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own, with the same columns."""
        from matminer.featurizers.structure import BondFractions as Matminer

        allowed = None if self.allowed_bonds is None else list(self.allowed_bonds)
        made = Matminer(bbv=self.bbv, approx_bonds=self.approx_bonds, token=self.token, allowed_bonds=allowed)
        if hasattr(self, "bonds_"):
            made.fitted_bonds_ = list(self.bonds_)
        return made

    def _checked_token(self) -> str:
        if self.token != " " and (  # noqa: S105 - matminer's name for a separator
            len(self.token.split(" ")) != _PADDED or any(character.isalnum() for character in self.token)
        ):
            raise ValueError(f"{self.name}: a token has a space on either side and no letters, unlike {self.token!r}")
        return self.token

    def _allowed(self) -> tuple[str, ...]:
        pairs = [_pair(bond, self._checked_token()) for bond in self.allowed_bonds or ()]
        return _sorted_names(pairs, self.token)

    def _bonds(self) -> tuple[str, ...]:
        """Kinds of bond, one a column.

        Raises:
            NotFittedError: they are neither given nor learned.
        """
        if hasattr(self, "bonds_"):
            return self.bonds_
        if self.allowed_bonds is None:
            raise NotFittedError(f"{self.name} needs to know the kinds of bond: call fit, or give allowed_bonds")
        return self._allowed()

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.crystal_nn import crystal_nn

        found = packed.derived(crystal_nn)
        pairs = [_pair(bond, self.token) for bond in self._bonds()]
        rows, kinds, counts = _count(packed, found)
        totals = np.maximum(np.bincount(rows, weights=counts, minlength=len(packed)), 1.0)
        values = self._without_bonds(packed, pairs, totals)
        reasons = dict(found.reasons)
        column_of = np.full(119 * 119, -1)
        column_of[[119 * first + second for first, second in pairs]] = np.arange(len(pairs))
        columns, shares = column_of[kinds], counts / totals[rows]
        known = columns >= 0
        values[rows[known], columns[known]] += shares[known]
        if self.approx_bonds and pairs:
            reasons |= self._approximate(values, np.array(pairs), rows[~known], kinds[~known], shares[~known])
        values[list(reasons)] = np.nan
        return Block(values, reasons)

    def _approximate(
        self,
        values: NDArray[np.float64],
        pairs: NDArray[np.int64],
        rows: NDArray[np.int64],
        kinds: NDArray[np.int64],
        shares: NDArray[np.float64],
    ) -> dict[int, str]:
        """Add kinds of bond without a column to the nearest ones in ``values``; why some rows cannot be."""
        reasons: dict[int, str] = {}
        order = np.argsort(kinds, kind="stable")
        different, starts = np.unique(kinds[order], return_index=True)
        for kind, members in zip(different.tolist(), np.split(order, starts[1:]), strict=False):
            pair = divmod(kind, 119)
            nearest = _nearest(pair, pairs)
            if len(nearest):
                values[np.ix_(rows[members], nearest)] += (shares[members] / len(nearest))[:, None]
            else:
                why = f"a bond of {_name(pair, self.token)!r} can be approximated by none: no Mendeleev number"
                reasons |= dict.fromkeys(rows[members].tolist(), why)
        return reasons

    def _without_bonds(
        self, packed: PackedStructures, pairs: list[Pair], totals: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """0, or ``bbv`` where a structure lacks one of the elements of the pair, shape (n, pairs)."""
        values = np.zeros((len(packed), len(pairs)))
        bad = np.nan if self.bbv is None else self.bbv
        if bad == 0.0 or not pairs or (self.approx_bonds and np.isnan(bad)):
            return values
        present = _present(packed)
        first, second = np.array(pairs).T
        absent = ~(present[:, first] & present[:, second])
        each = bad / totals if self.divide_bbv else np.full(len(packed), bad)
        values[absent] = np.broadcast_to(each[:, None], values.shape)[absent]
        return values


def _present(packed: Any) -> NDArray[np.bool_]:
    """Which elements every structure has, by Z, shape (n, 119)."""
    present = np.zeros((len(packed), 119), np.bool_)
    present[np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr)), packed.atomic_numbers] = True
    return present


def _count(packed: PackedStructures, found: Any) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Bonds by structure and kind: the structure, 119 * (smaller Z) + (larger Z), and how many."""
    site = np.repeat(np.arange(len(found.row_ptr) - 1), np.diff(found.row_ptr))[found.bonded]
    row_of_site = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    own = packed.atomic_numbers[site]
    other = packed.atomic_numbers[packed.row_ptr[row_of_site[site]] + found.neighbor[found.bonded]]
    kind = 119 * np.minimum(own, other) + np.maximum(own, other)
    keys, counts = np.unique(row_of_site[site] * (119 * 119) + kind, return_counts=True)
    return keys // (119 * 119), keys % (119 * 119), counts


def _pair(bond: str, token: str) -> Pair:
    """The two elements of a kind of bond, the lighter first.

    Raises:
        ValueError: it does not name two elements.
    """
    numbers = _atomic_numbers()
    named = bond.replace(_LABEL, "").split(token)
    if len(named) != 2 or not set(named) <= numbers.keys():  # noqa: PLR2004 - a bond has two ends
        raise ValueError(f"a bond is two element symbols with {token!r} between them, unlike {bond!r}")
    first, second = sorted(numbers[symbol] for symbol in named)
    return first, second


def _name(pair: Pair, token: str) -> str:
    """A kind of bond as its label names it: the symbols in the order of the alphabet."""
    from automat_featurizers.elements import symbols

    return token.join(sorted(symbols()[number] for number in pair))


def _sorted_names(pairs: Sequence[Pair], token: str) -> tuple[str, ...]:
    return tuple(sorted({_name(pair, token) for pair in pairs}))


@cache
def _atomic_numbers() -> dict[str, int]:
    from automat_featurizers.elements import symbols

    return {symbol: number for number, symbol in enumerate(symbols()) if symbol}


@cache
def _mendeleev() -> NDArray[np.float64]:
    """Mendeleev numbers by Z (Pettifor 1984, doi:10.1016/0038-1098(84)90765-8), NaN where there is none."""
    from pymatgen.core import Element

    known = [np.nan]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on elements without data
        for number in range(1, 119):
            mendeleev = Element.from_Z(number).mendeleev_no
            known.append(np.nan if mendeleev is None else float(mendeleev))
    return np.array(known)


def _nearest(pair: Pair, columns: NDArray[np.int64]) -> NDArray[np.intp]:
    """The columns at the least distance in the plane of Mendeleev numbers, smaller by smaller number."""
    numbers = _mendeleev()
    away = np.sort(numbers[columns], axis=1) - np.sort(numbers[list(pair)])
    squared = (away**2).sum(axis=1)
    nearest: NDArray[np.intp] = (
        np.flatnonzero(squared == np.nanmin(squared)) if np.isfinite(squared).any() else (np.zeros(0, np.intp))
    )
    return nearest
