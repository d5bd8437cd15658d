"""The table of run records: one row a cell, the only thing that crosses into this package.

Every producer of results writes these columns; extra columns are ignored.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from automat_leaderboards.uncertainty import CLASSIFICATION_UNCERTAINTY, REGRESSION_UNCERTAINTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

REGRESSION_METRICS = ("mae", "rmse", "r2")
CLASSIFICATION_METRICS = ("roc_auc", "accuracy", "balanced_accuracy", "f1", "mcc")
PARTS = ("train", "validation", "test")

RECORD_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "cell": "hex key of the cell",
        "dataset": "dataset name",
        "dataset_sha256": "content hash of the dataset",
        "task": "regression or classification",
        "target": "target column",
        "unit": "unit of the target, may be empty",
        "split": "kind of split",
        "folds": "number of folds of the split",
        "split_seed": "seed of the split's shuffle",
        "folds_sha256": "digest of the ids of every fold; may be empty",
        "fold": "fold index from 0",
        "seed": "seed of models and search",
        "preset": "name of the budget",
        "model": "model name",
        "title": "model title for people",
        "features": "feature set, or what the model takes instead",
        "model_version": "version of the model's code",
        "features_version": "version of the features",
        "n_train": "training rows",
        "n_test": "test rows",
        "status": "ok, failed, timeout or out_of_memory",
        "error": "one line, empty when ok",
        "params": "chosen parameters, JSON",
        "budget": "what the model could spend, JSON",
        "featurize_seconds": "CPU seconds to featurize the dataset once",
        "tune_seconds": "CPU seconds of the search",
        "fit_seconds": "CPU seconds of the final fit",
        "predict_seconds": "CPU seconds to predict the test rows",
        "peak_memory_mb": "how far the worker's memory rose at its peak, in MB",
        "versions": "package versions, JSON",
        "commit": "commit of the sources, may be empty",
        "host": "processor and system",
        "finished_at": "UTC, ISO 8601",
        "details": "what the entrant says of itself, JSON",
    }
    | {
        f"{part}_{metric}": f"{metric} on the {part} rows; NaN where not defined"
        for part in PARTS
        for metric in (*REGRESSION_METRICS, *CLASSIFICATION_METRICS)
    }
    | {
        f"test_{name}": f"{name} of the error bars or probabilities of the test rows; NaN where not defined"
        for name in (*REGRESSION_UNCERTAINTY, *CLASSIFICATION_UNCERTAINTY)
    }
)
"""Column name to meaning."""

PREDICTION_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "cell": "hex key of the cell",
        "model": "model name",
        "features": "feature set",
        "fold": "fold index from 0",
        "id": "row name",
        "y_true": "target, or class code",
        "y_pred": "prediction, or class code",
        "y_std": "standard deviation of the errors to expect; NaN where nothing tells it",
        "lower": "lower end of the interval that is to hold 90% of targets; NaN likewise",
        "upper": "its upper end",
        "probability": "of class 1 (binary) or of the predicted class; NaN for regression",
    }
)
"""Columns of the table of test predictions."""


def check_records(records: pd.DataFrame) -> None:
    """Refuse a table that is not one of run records.

    Raises:
        ValueError: columns are missing; the message names them.
    """
    missing = [column for column in RECORD_COLUMNS if column not in records.columns]
    if missing:
        raise ValueError(f"not a table of run records: it lacks the columns {', '.join(missing)}")
