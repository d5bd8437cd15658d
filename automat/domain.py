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

_CHUNK = 512


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
        nearest = _nearest(rows, rows, itself=True)
        limit = float(np.quantile(nearest, WITHIN)) if len(rows) > 1 else 0.0
        return cls(center, scale, rows, limit)

    def distance(self, features: Values) -> Values:
        """To the nearest training row, shape (n,), as a root mean square over the columns that vary."""
        away = np.where(np.isfinite(features), features - self.center, 0.0) * self.scale
        return _nearest(away.astype(np.float32), self.rows, itself=False)

    def holds(self, distance: Values) -> NDArray[np.bool_]:
        """Whether rows at these distances are in the domain."""
        return distance <= self.limit


def _nearest(rows: NDArray[np.float32], among: NDArray[np.float32], *, itself: bool) -> Values:
    """Distance to the nearest of ``among``, in chunks so that memory stays small; ``itself``: not to the row itself."""
    columns = max(1, int((np.ptp(among, axis=0) > 0).sum())) if len(among) else 1
    lengths = (among**2).sum(axis=1)
    found = np.empty(len(rows))
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        squares = (part**2).sum(axis=1)[:, None] + lengths - 2 * part @ among.T
        if itself:
            squares[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        at = squares.argmin(axis=1)
        # The expanded square loses digits where rows are close; the nearest one is measured again.
        found[start : start + len(part)] = np.sqrt(((part.astype(np.float64) - among[at]) ** 2).sum(axis=1) / columns)
    return found
