"""How far a material is from those that a model was trained on.

The distance to the nearest training row, over standardised features. A row is out of the domain when it is
farther from all training rows than 95% of these are from their own nearest neighbour: most materials of an
unseen kind are not, and a model interpolates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

WITHIN = 0.95
"""Share of training rows that are not farther from their nearest neighbour than the limit."""

MOST_ROWS = 20_000
"""Training rows that are kept; of more, so many are drawn."""

_BLOCK_ROWS, _BLOCK_AMONG = 256, 1_024
"""Rows that are compared at once: their 2 MB of distances stay in the processor's cache."""

_DECIMALS = 5
"""Distances of equal rows come out as rounding errors of a matrix product."""


@dataclass(frozen=True, eq=False)
class Domain:
    """The rows that were trained on.

    Attributes:
        center, scale: of every column, shape (columns,); a constant column's scale is 0, and it does not count.
        rows: standardised, shape (rows, columns), single precision.
        limit: the distance beyond which a row is out of the domain.
    """

    center: Values
    scale: Values
    rows: NDArray[np.float32]
    limit: float

    @classmethod
    def of(cls, features: Values, seed: int = 0) -> Domain:
        """Learned from features of shape (n, columns); a missing value counts as its column's mean.

        Raises:
            ValueError: no rows.
        """
        if len(features) == 0:
            raise ValueError("no rows to learn a domain from")
        known = np.isfinite(features)
        counts = np.maximum(known.sum(axis=0), 1)
        center = np.where(known, features, 0.0).sum(axis=0) / counts
        away = np.where(known, features - center, 0.0)
        spread = np.sqrt((away**2).sum(axis=0) / counts)
        scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9 * (np.abs(center) + 1e-300))
        if len(features) > MOST_ROWS:
            drawn = np.sort(np.random.default_rng(seed).choice(len(features), MOST_ROWS, replace=False))
            away = away[drawn]
        rows = (away * scale).astype(np.float32)
        # A row's nearest is itself, unless another lies at its very place: the second is as near.
        nearest = _to_neighbour(rows, rows, min(2, len(rows)), scale)
        return cls(center, scale, rows, float(np.quantile(nearest, WITHIN)))

    def distance(self, features: Values) -> Values:
        """To the nearest training row, shape (n,), as a root mean square over the columns that vary."""
        away = np.where(np.isfinite(features), features - self.center, 0.0) * self.scale
        return _to_neighbour(self.rows, away.astype(np.float32), 1, self.scale)

    def holds(self, distance: Values) -> NDArray[np.bool_]:
        """Whether rows at these distances are in the domain."""
        return distance <= self.limit


def _to_neighbour(among: NDArray[np.float32], rows: NDArray[np.float32], place: int, scale: Values) -> Values:
    """Root mean square distance, over the columns that vary, of every row to its nearest, or second, neighbour."""
    varying = max(1, int((scale > 0).sum()))
    distances: Values = np.round(np.sqrt(_squares(among, rows, place)) / np.sqrt(varying), _DECIMALS)
    return distances


def _squares(among: NDArray[np.float32], rows: NDArray[np.float32], place: int) -> Values:
    """Squared distance of every row, shape (n,), to its nearest (``place`` 1) or second nearest (2) of ``among``.

    Here rather than by scikit-learn's neighbours, whose import takes longer than one material's distance; memory is
    bounded by a block.

    Raises:
        ValueError: a value is not finite, or there is nothing to compare with.
    """
    if len(among) == 0 or not (np.isfinite(among).all() and np.isfinite(rows).all()):
        raise ValueError("distances are between rows of finite numbers")
    exact = among.astype(np.float64)
    # |a|^2 - 2 a.r of all pairs of a block, as one product; |r|^2 is the same for all that a row is compared with.
    wide = np.column_stack([-2.0 * exact, (exact**2).sum(axis=1)])
    nearest = np.full((len(rows), 2), np.inf)
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS].astype(np.float64)
        padded, every = np.column_stack([block, np.ones(len(block))]), np.arange(len(block))
        first, second = nearest[start : start + len(block)].T
        for other in range(0, len(wide), _BLOCK_AMONG):
            squares = padded @ wide[other : other + _BLOCK_AMONG].T
            closest = squares.argmin(axis=1)
            best = squares[every, closest]
            squares[every, closest] = np.inf
            second[:] = np.minimum(np.minimum(second, squares.min(axis=1)), np.maximum(first, best))
            first[:] = np.minimum(first, best)
        nearest[start : start + len(block)] += (block**2).sum(axis=1)[:, None]
    return np.maximum(nearest[:, place - 1], 0.0)
