"""Forests that say how far their trees are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]


class _TreeSpread:
    """Adds ``return_std`` to a forest's ``predict``."""

    estimators_: list[Any]

    def predict(self, X: Any, return_std: bool = False) -> Values | tuple[Values, Values]:
        """The trees' mean, shape (n,); with ``return_std`` the standard deviation over trees too.

        The spread is small where trees saw many like rows. Noise in the targets is in it only where leaves hold
        single rows, so it is to be calibrated before it is read as an error.
        """
        mean: Values = super().predict(X)  # type: ignore[misc]
        if not return_std:
            return mean
        rows = np.asarray(X, dtype=np.float32)  # what trees compute with
        squares = np.zeros(len(rows))
        for tree in self.estimators_:
            squares += (tree.predict(rows, check_input=False) - mean) ** 2
        return mean, np.sqrt(squares / len(self.estimators_))


class SpreadForestRegressor(_TreeSpread, RandomForestRegressor):  # type: ignore[misc]
    """Random forest; ``predict`` knows ``return_std``."""


class SpreadExtraTreesRegressor(_TreeSpread, ExtraTreesRegressor):  # type: ignore[misc]
    """Extremely randomised trees; ``predict`` knows ``return_std``."""
