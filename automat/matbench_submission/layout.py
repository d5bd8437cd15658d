"""What a submission is made of: scores, and the digest over all of it."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from automat.core import Task

BENCHMARK = "matbench_v0.1"
LAYOUT = "0.6"
"""The release of the matbench package whose layout is written."""

FOLDS = 5
THRESHOLD = 0.5
"""Probabilities above it are class 1."""

SCORES: Mapping[str, tuple[str, ...]] = {
    "regression": ("mae", "rmse", "mape", "max_error"),
    "classification": ("accuracy", "balanced_accuracy", "f1", "rocauc"),
}

_SMALLEST_FOR_MAPE = 1e-5


def digest(content: Mapping[str, Any]) -> str:
    """The digest of a submission without its ``hash``, as Matbench takes it: of its JSON, nested keys in order.

    >>> digest({"b": 1, "a": {"d": [2.5], "c": None}}) == digest({"a": {"c": None, "d": [2.5]}, "b": 1})
    True
    """
    return hashlib.sha256(json.dumps(_in_order(content)).encode()).hexdigest()


def scores(task: Task, y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Matbench's scores of a fold.

    Args:
        task: regression or classification.
        y_true: values or class codes, shape (n,).
        y_pred: values, or codes or probabilities of class 1, shape (n,); classes are told at 0.5. ``rocauc`` is that of
            the classes told, not of the probabilities, as in every published submission (matbench issue 137).
    """
    from sklearn import metrics

    true, predicted = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if task == "regression":
        error = np.abs(true - predicted)
        told = np.abs(true) > _SMALLEST_FOR_MAPE
        return {
            "mae": float(error.mean()),
            "rmse": math.sqrt(float((error**2).mean())),
            "mape": float((error[told] / np.abs(true[told])).mean()) if told.any() else math.nan,
            "max_error": float(error.max()),
        }
    labels = (predicted > THRESHOLD).astype(np.intp)
    return {
        "accuracy": float(metrics.accuracy_score(true, labels)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(true, labels)),
        "f1": float(metrics.f1_score(true, labels)),
        "rocauc": float(metrics.roc_auc_score(true, labels)),
    }


def _in_order(value: Any) -> Any:
    """Nested objects with their keys in order; what lists hold stays as it is."""
    if not isinstance(value, dict):
        return value
    return {key: _in_order(value[key]) for key in sorted(value)}
