"""Error bars for every entrant, from rows of the training fold that the fitted model has not seen.

Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018, doi:10.1080/01621459.2017.1307116):
the errors on those rows say how wide an interval must be. Where a model states a spread of its own, errors count
in units of it (Papadopoulos, Vovk & Gammerman 2011, doi:10.1613/jair.3198), so that intervals are wide where the
model is unsure. The test rows have no part in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from automat_leaderboards.uncertainty import COVERAGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

_FLOOR = 0.1
"""Of the mean spread, added to every row's: no row is so sure that its error counts for everything."""


@dataclass(frozen=True)
class Calibration:
    """What errors on unseen rows say of the errors to come.

    Attributes:
        scale: root mean square error, in units of the spread.
        reach: half-width of the interval, in units of the spread; infinite for too few rows.
        floor: added to the model's spread; the spread is 1 where the model states none.
        rows: how many errors it is from.
    """

    scale: float
    reach: float
    floor: float
    rows: int

    def std(self, predicted: Values, spread: Values | None) -> Values:
        """Standard deviations of predictions, shape (n,), in the target's unit."""
        return self.scale * self._units(predicted, spread)

    def interval(self, predicted: Values, spread: Values | None) -> tuple[Values, Values]:
        """Lower and upper ends, shape (n,), that hold 90% of targets; NaN for too few rows to say."""
        reach = self.reach if math.isfinite(self.reach) else math.nan
        half = reach * self._units(predicted, spread)
        return predicted - half, predicted + half

    def _units(self, predicted: Values, spread: Values | None) -> Values:
        return np.ones_like(predicted) if spread is None else spread + self.floor


def calibrate(y_true: Values, predicted: Values, spread: Values | None, coverage: float = COVERAGE) -> Calibration:
    """Learn from rows that the model was not fitted on.

    Args:
        y_true: targets of those rows, shape (n,).
        predicted: their predictions, shape (n,).
        spread: that the model states for them, shape (n,), or None.
        coverage: share of targets that intervals are to hold.

    Raises:
        ValueError: no rows.
    """
    if len(y_true) == 0:
        raise ValueError("no rows to calibrate on")
    # A spread of zero everywhere tells as much as none.
    floor = 0.0 if spread is None else _FLOOR * float(spread.mean()) or 1.0
    units = np.ones_like(predicted) if spread is None else spread + floor
    errors = np.sort(np.abs(y_true - predicted) / units)
    # The (n + 1)(1 - alpha)-th smallest error: a new row's is as likely to fall into any gap between them.
    position = math.ceil((len(errors) + 1) * coverage)
    reach = float(errors[position - 1]) if position <= len(errors) else math.inf
    return Calibration(float(np.sqrt((errors**2).mean())), reach, floor, len(errors))
