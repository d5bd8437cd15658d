"""Metrics: arrays in, a dict out. Where a metric is not defined it is NaN."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

PRIMARY: Mapping[str, str] = {"regression": "mae", "classification": "roc_auc"}
"""By task: the metric that entrants are tuned on and ranked by."""

HIGHER_IS_BETTER = frozenset({"r2", "roc_auc", "accuracy", "balanced_accuracy", "f1", "mcc"})
"""Metrics of which more is better; of the others (MAE, RMSE) less is."""

_BINARY = 2


def regression(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """MAE, RMSE and R2 of predictions of shape (n,).

    R2 is NaN for fewer than two rows or a constant target.

    >>> regression([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])["mae"]
    0.3333333333333333

    Raises:
        ValueError: no rows, or shapes that differ.
    """
    true, predicted = _pair(y_true, y_pred)
    error = predicted - true
    # Equal targets are told by their range: their mean may be off by a rounding, and leave a spread of 1e-34.
    spread = float(((true - true.mean()) ** 2).sum()) if np.ptp(true) > 0 else 0.0
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "r2": 1 - float((error**2).sum()) / spread if spread > 0 else math.nan,
    }


def classification(y_true: ArrayLike, y_pred: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """ROC-AUC, accuracy, balanced accuracy, F1 and Matthews correlation.

    Two classes: ROC-AUC and F1 of class 1. More: the one-against-rest mean over classes (macro).
    ROC-AUC is NaN where a class has no row; balanced accuracy and the Matthews correlation are NaN where all
    rows are of one class; F1 is NaN where its class is neither there nor predicted (of several classes, such
    ones are left out of the mean). A constant guess has a Matthews correlation of 0, as is the custom.

    >>> classification([0, 1, 1], [0, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])["roc_auc"]
    1.0

    Args:
        y_true: class codes 0..k-1, shape (n,).
        y_pred: class codes, shape (n,).
        probabilities: of every class, shape (n, k).

    Raises:
        ValueError: no rows, or shapes that differ.
    """
    import warnings

    from sklearn import metrics

    true, predicted = _pair(y_true, y_pred)
    chances = np.asarray(probabilities, dtype=np.float64)
    if chances.ndim != _BINARY or len(chances) != len(true):
        raise ValueError(f"probabilities must have shape ({len(true)}, classes), but have {chances.shape}")
    classes = chances.shape[1]
    told_apart = np.ptp(true) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on classes without rows
        return {
            "roc_auc": _roc_auc(true, chances),
            "accuracy": float((true == predicted).mean()),
            "balanced_accuracy": float(metrics.balanced_accuracy_score(true, predicted)) if told_apart else math.nan,
            "f1": float(
                metrics.f1_score(
                    true,
                    predicted,
                    labels=None if classes == _BINARY else np.arange(classes),
                    average="binary" if classes == _BINARY else "macro",
                    zero_division=math.nan,
                )
            ),
            "mcc": float(metrics.matthews_corrcoef(true, predicted)) if told_apart else math.nan,
        }


def score(task: str, y_true: ArrayLike, y_pred: ArrayLike, probabilities: ArrayLike | None = None) -> dict[str, float]:
    """The task's metrics.

    Raises:
        ValueError: an unknown task, or a classification without probabilities.
    """
    if task == "regression":
        return regression(y_true, y_pred)
    if task != "classification":
        raise ValueError(f"task must be 'regression' or 'classification', but got {task!r}")
    if probabilities is None:
        raise ValueError("classification is scored from class probabilities, but none were given")
    return classification(y_true, y_pred, probabilities)


def _roc_auc(true: np.ndarray, chances: np.ndarray) -> float:  # type: ignore[type-arg]
    from sklearn.metrics import roc_auc_score

    aucs = []
    for code in range(chances.shape[1]):
        of_class = true == code
        if of_class.all() or not of_class.any():
            return math.nan
        aucs.append(float(roc_auc_score(of_class, chances[:, code])))
    return aucs[1] if len(aucs) == _BINARY else float(np.mean(aucs))


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    true, predicted = np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64)
    if true.shape != predicted.shape or true.ndim != 1 or len(true) == 0:
        raise ValueError(f"targets and predictions must be two equal rows, but have {true.shape} and {predicted.shape}")
    return true, predicted
