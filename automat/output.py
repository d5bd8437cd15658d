"""What fitted estimators give, in one form."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.core import Task


@dataclass(frozen=True, eq=False)
class Output:
    """What an estimator gives for n rows.

    Attributes:
        values: predicted targets or class codes, shape (n,).
        probabilities: of classes, shape (n, k); None for regression.
        spread: that the model states with its values, shape (n,); None where it states none.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None


def final_step(estimator: Any) -> Any:
    """The model itself, behind what its inputs need."""
    return estimator[-1] if hasattr(estimator, "steps") else estimator


def output_of(estimator: Any, rows: Any, task: Task, classes: int = 0) -> Output:
    """What the estimator gives for rows; scikit-learn's ``return_std`` where its ``predict`` knows it.

    Args:
        estimator: fitted.
        rows: what it takes.
        task: regression or classification.
        classes: how many there are; training rows may have lacked some.

    Raises:
        ValueError: predictions that are not finite numbers; a model may not be scored on fewer rows.
    """
    spread: NDArray[np.float64] | None = None
    if task == "regression" and "return_std" in inspect.signature(final_step(estimator).predict).parameters:
        given, spread = estimator.predict(rows, return_std=True)
        spread = np.asarray(spread, dtype=np.float64).ravel()
    else:
        given = estimator.predict(rows)
    predicted = np.asarray(given, dtype=np.float64).ravel()
    if not np.isfinite(predicted).all():
        raise ValueError(f"{int((~np.isfinite(predicted)).sum())} of {len(predicted)} predictions are not finite")
    if task == "regression":
        return Output(predicted, None, spread)
    given = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    # A class that the training rows lack has no column of its own.
    probabilities = np.zeros((len(given), classes))
    seen = getattr(estimator, "classes_", np.arange(given.shape[1]))
    probabilities[:, np.asarray(seen, dtype=np.intp)] = given
    return Output(predicted, probabilities)
