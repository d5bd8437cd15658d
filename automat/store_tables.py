"""Folds and predictions as the tables that lie on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from automat.core import Dataset, Fold, Predictions, RunRecord


def folds_table(dataset: Dataset, folds: Sequence[Fold]) -> pd.DataFrame:
    """Which ids are in which part of which fold, and the fold's label."""
    import pandas as pd

    parts = [
        pd.DataFrame({"id": dataset.ids[rows], "fold": fold.index, "part": part, "label": fold.label})
        for fold in folds
        for part, rows in (("train", fold.train), ("validation", fold.validation), ("test", fold.test))
        if rows is not None
    ]
    return pd.concat(parts, ignore_index=True)


def to_parquet(record: RunRecord, predictions: Predictions) -> bytes:
    """A cell's predictions as a Parquet file."""
    import io

    import pandas as pd

    n = len(predictions.ids)
    probability = np.full(n, np.nan)
    if predictions.probabilities is not None:
        classes = predictions.probabilities.shape[1]
        column = np.ones(n, dtype=np.intp) if classes == 2 else predictions.y_pred.astype(np.intp)  # noqa: PLR2004 - binary
        probability = predictions.probabilities[np.arange(n), column]
    frame = pd.DataFrame(
        {
            "cell": record.cell.key,
            "model": record.cell.model,
            "features": record.cell.features,
            "fold": record.cell.fold,
            "id": predictions.ids,
            "y_true": predictions.y_true,
            "y_pred": predictions.y_pred,
            **{
                name: np.full(n, np.nan) if values is None else values
                for name, values in (
                    ("y_std", predictions.y_std),
                    ("lower", predictions.lower),
                    ("upper", predictions.upper),
                )
            },
            "probability": probability,
        }
    )
    if predictions.probabilities is not None:
        for code in range(predictions.probabilities.shape[1]):
            frame[f"probability_{code}"] = predictions.probabilities[:, code]
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
