"""Materials that are nearly the same: close compositions, close rows, crystals with like spacings.

Nothing here compares every row with every other: rows are sorted into trees by numbers that two close rows must
have in common, and only what is left is compared in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from automat_featurizers.packed import entries_of, row_pointer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions, PackedStructures

    Rows = NDArray[np.intp]
    Pairs = NDArray[np.intp]
    Values = NDArray[np.float64]

NEAREST = 8
"""Atoms of every element that a crystal's spacings are taken to."""

MOST_PAIRS = 5_000_000
"""Above it, each row is compared with its nearest few instead of with all that are close."""

_FEW = 20
_ALL_TO_ALL = 2000
_DIRECTIONS = 8
_CHUNK = 100_000


@dataclass(frozen=True, eq=False)
class Close:
    """Pairs of rows that are close.

    Attributes:
        pairs: row positions, the lower one first, shape (m, 2).
        distances: of the pairs, shape (m,).
        complete: whether it is all pairs; else some rows have more close ones than were looked at.
    """

    pairs: Pairs
    distances: Values
    complete: bool = True


_NOTHING = Close(np.empty((0, 2), np.intp), np.empty(0))


def close_compositions(compositions: PackedCompositions, within: float) -> Close:
    """Pairs of compositions of which few atoms would have to be exchanged to make one the other.

    The distance is half the sum of the absolute differences of the atomic fractions: the share of atoms that
    differ. Rows of one reduced formula are not compared, they are the same.

    >>> from automat_featurizers import PackedCompositions
    >>> close_compositions(PackedCompositions.pack(["Bi2Te3", "Bi2Te2.99Se0.01", "Sb2Te3"]), 0.01).pairs.tolist()
    [[0, 1]]

    Args:
        compositions: n compositions.
        within: largest share of atoms that differ.

    Returns:
        Pairs of the first rows of their formulas: one pair stands for all rows of the two formulas.
    """
    from scipy.sparse import csr_array

    _, first = np.unique(np.array(compositions.formulas), return_index=True)
    first = np.sort(first).astype(np.intp)
    chosen = compositions.take(first)
    totals = np.add.reduceat(chosen.amounts, chosen.row_ptr[:-1]) if len(chosen) else np.empty(0)
    fractions = chosen.amounts / np.repeat(totals, np.diff(chosen.row_ptr))
    width = int(chosen.atomic_numbers.max(initial=0)) + 1
    shares = csr_array((fractions, chosen.atomic_numbers, chosen.row_ptr), shape=(len(chosen), width))
    # With weights between 0 and 1, the weighted sums of two compositions differ by the share exchanged at most.
    weights = np.random.default_rng(0).random((width, _DIRECTIONS))

    def exact(left: Pairs, right: Pairs) -> Values:
        away: Values = np.asarray(abs(shares[left] - shares[right]).sum(axis=1), np.float64).ravel() / 2
        return away

    found = _close(np.asarray(shares @ weights), within, exact)
    return Close(first[found.pairs], found.distances, found.complete)


def close_rows(values: Values, within: float) -> Close:
    """Pairs of rows of which no column differs by more than ``within``.

    >>> close_rows(np.array([[0.0, 1.0], [0.004, 1.0], [0.0, 2.0]]), 0.01).pairs.tolist()
    [[0, 1]]

    Args:
        values: finite, shape (n, columns).
        within: largest difference of a column.
    """
    exact = partial(_largest_difference, values)
    if values.shape[1] <= _DIRECTIONS:
        return _close(values, within, exact)
    directions = np.random.default_rng(0).choice([-1.0, 1.0], (values.shape[1], _DIRECTIONS))
    return _close(values @ directions / values.shape[1], within, exact)


def _largest_difference(values: Values, left: Pairs, right: Pairs) -> Values:
    away: Values = np.abs(values[left] - values[right]).max(axis=1, initial=0.0)
    return away


def _close(projected: Values, within: float, exact: Callable[[Pairs, Pairs], Values]) -> Close:
    """Close pairs: those whose projections are, no farther apart in any column than the rows are, then compared."""
    from scipy.spatial import KDTree

    if len(projected) <= 1:
        return _NOTHING
    # A hair wider, so that no pair at the very limit is lost to rounding.
    reach = within * (1 + 1e-9) + 1e-12
    tree = KDTree(projected)
    complete = int(tree.count_neighbors(tree, reach, p=np.inf)) - len(projected) <= 2 * MOST_PAIRS
    if complete:
        pairs = np.asarray(tree.query_pairs(reach, p=np.inf, output_type="ndarray"), np.intp).reshape(-1, 2)
    else:
        _, nearest = tree.query(projected, k=min(_FEW + 1, len(projected)), p=np.inf, distance_upper_bound=reach)
        left = np.repeat(np.arange(len(projected)), nearest.shape[1])
        both = np.sort(np.column_stack([left, nearest.ravel()])[nearest.ravel() < len(projected)], axis=1)
        pairs = np.unique(both[both[:, 0] != both[:, 1]], axis=0).astype(np.intp)
    if not len(pairs):
        return _NOTHING
    chunks = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
    distances = np.concatenate([exact(chunk[:, 0], chunk[:, 1]) for chunk in chunks])
    near = distances <= reach
    return Close(pairs[near], distances[near], complete)


@dataclass(frozen=True, eq=False)
class Spacings:
    """Of every crystal, how far its elements lie apart.

    For every element and every element: the distances to its nearest atoms, meant over the first element's sites,
    in units of the cube root of the volume an atom. They do not depend on the choice of the cell, on the order of
    the sites, or on rotation, and change little when atoms move a little: by elements, the average minimum
    distances of D. Widdowson, M. M. Mosca, A. Pulido, A. I. Cooper and V. Kurlin, MATCH Commun. Math. Comput.
    Chem. 87, 529 (2022), doi:10.46793/match.87-3.529W. Polytypes, which differ in how far layers are stacked, are
    close.

    Attributes:
        row_ptr: offsets of the crystals' distances, shape (n + 1,); none for a row that is no crystal.
        values: shape (distances,).
    """

    row_ptr: NDArray[np.int64]
    values: Values

    @classmethod
    def of(cls, structures: PackedStructures, rows: Rows | None = None) -> Spacings:
        """Compute them; a row whose cell has no volume, or a coordinate that is no number, has none.

        Args:
            structures: n crystals.
            rows: sorted positions of those that are wanted, the others have none; all when None.
        """
        from automat_featurizers.kernels.spacings import element_spacings

        chosen = structures if rows is None else structures.take(rows)
        row_ptr, values, _ = element_spacings(
            np.ascontiguousarray(chosen.row_ptr),
            np.ascontiguousarray(chosen.lattices),
            np.ascontiguousarray(chosen.atomic_numbers),
            np.ascontiguousarray(chosen.fractional),
            NEAREST,
        )
        if rows is None:
            return cls(row_ptr, values)
        sizes = np.zeros(len(structures), np.int64)
        sizes[rows] = np.diff(row_ptr)
        return cls(row_pointer(sizes), values)

    def close(self, labels: NDArray[np.int64], within: float) -> Close:
        """Pairs of rows with the same label of which no spacing differs by more than ``within``.

        Args:
            labels: of the rows, shape (n,); those of one label must have the same elements.
            within: largest difference, in units of the cube root of the volume an atom.
        """
        from scipy.spatial.distance import pdist

        found = [_NOTHING]
        order = np.argsort(labels, kind="stable").astype(np.intp)
        order = order[np.diff(self.row_ptr)[order] > 0]
        for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
            if len(rows) <= 1:
                continue
            table = self.values[entries_of(self.row_ptr, rows)].reshape(len(rows), -1)
            if len(rows) > _ALL_TO_ALL:
                close = _close(table, within, partial(_largest_difference, table))
            else:
                apart = pdist(table, "chebyshev")
                near = apart <= within
                close = Close(np.column_stack(np.triu_indices(len(rows), 1))[near], apart[near])
            found.append(Close(rows[close.pairs], close.distances, close.complete))
        pairs, distances = (np.concatenate([getattr(one, name) for one in found]) for name in ("pairs", "distances"))
        return Close(np.sort(pairs, axis=1), distances, all(one.complete for one in found))

    def distances(self, pairs: Pairs) -> Values:
        """The largest difference of a spacing, shape (m,); infinite where a row has none to compare.

        Args:
            pairs: of crystals with the same elements, shape (m, 2).
        """
        sizes = np.diff(self.row_ptr)
        apart = np.full(len(pairs), np.inf)
        comparable = np.flatnonzero((sizes[pairs[:, 0]] == sizes[pairs[:, 1]]) & (sizes[pairs[:, 0]] > 0))
        for start in range(0, len(comparable), _CHUNK):
            some = comparable[start : start + _CHUNK]
            left, right = (self.values[entries_of(self.row_ptr, pairs[some, side])] for side in (0, 1))
            begins = np.concatenate([[0], np.cumsum(sizes[pairs[some, 0]])[:-1]])
            apart[some] = np.maximum.reduceat(np.abs(left - right), begins)
        return apart
