"""Fewer rows for the page to carry where a dataset is large: a page is to stay a file that one can send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_CHARACTERS = 600_000
"""That the rows of all entrants may take on the page, about."""

_OF_ROW, _OF_PREDICTION, _OF_PROBABILITY = 36, 8, 8
"""Characters of a row's id, formula and target; of an entrant's prediction of it, and of its probability."""


def thinned(predictions: pd.DataFrame, keep: list[str]) -> pd.DataFrame:
    """Predictions of rows drawn by chance, the same for all entrants; all of them where there are few.

    The draw is the same whenever the page is rendered.

    Args:
        predictions: test predictions (``PREDICTION_COLUMNS``).
        keep: ids that stay in any case.
    """
    cells = predictions.drop_duplicates(["model", "features"])
    of_row = _OF_ROW + len(cells) * (
        _OF_PREDICTION + (_OF_PROBABILITY if predictions["probability"].notna().any() else 0)
    )
    ids = np.sort(predictions["id"].astype(str).unique())
    most = MOST_CHARACTERS // of_row
    if len(ids) <= most:
        return predictions
    drawn = np.random.default_rng(0).choice(ids, most, replace=False)
    return predictions[predictions["id"].astype(str).isin({*drawn.tolist(), *keep})]
