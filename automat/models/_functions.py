"""Two functions of a user's as a scikit-learn estimator."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class _Functions(BaseEstimator):  # type: ignore[misc]
    """``fit(X, y)`` gives something fitted; the other functions take it first, and rows second."""

    fit_function: Callable[..., Any]
    seed: int
    fitted_: Any

    def _fit(self, X: Any, y: NDArray[Any]) -> None:
        takes_seed = "seed" in inspect.signature(self.fit_function).parameters
        self.fitted_ = self.fit_function(X, y, seed=self.seed) if takes_seed else self.fit_function(X, y)


class FunctionsRegressor(RegressorMixin, _Functions):  # type: ignore[misc]
    """A regressor.

    Args:
        fit_function: ``fit(X, y)``, or ``fit(X, y, seed)``, to something fitted.
        predict_function: ``predict(fitted, X)`` to values, shape (n,).
        seed: for ``fit``.
    """

    def __init__(
        self, fit_function: Callable[..., Any], predict_function: Callable[[Any, Any], Any], seed: int = 0
    ) -> None:
        self.fit_function = fit_function
        self.predict_function = predict_function
        self.seed = seed

    def fit(self, X: Any, y: NDArray[np.float64]) -> Self:
        """Fit on n inputs and their n targets."""
        self._fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        """Whatever the user's function gives; it is measured as it is."""
        return self.predict_function(self.fitted_, X)


class FunctionsClassifier(ClassifierMixin, _Functions):  # type: ignore[misc]
    """A classifier.

    Args:
        fit_function: ``fit(X, y)``, or ``fit(X, y, seed)``, to something fitted; y are class codes.
        predict_function: ``predict(fitted, X)`` to class codes, shape (n,).
        probability_function: ``predict_proba(fitted, X)`` to probabilities of the classes of the training
            rows in the order of their codes, shape (n, classes).
        seed: for ``fit``.

    Attributes:
        classes_: the class codes of the training rows.
    """

    def __init__(
        self,
        fit_function: Callable[..., Any],
        predict_function: Callable[[Any, Any], Any],
        probability_function: Callable[[Any, Any], Any],
        seed: int = 0,
    ) -> None:
        self.fit_function = fit_function
        self.predict_function = predict_function
        self.probability_function = probability_function
        self.seed = seed

    def fit(self, X: Any, y: NDArray[np.int64]) -> Self:
        """Fit on n inputs and their n class codes."""
        self.classes_ = np.unique(y)
        self._fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        """Whatever the user's function gives; it is measured as it is."""
        return self.predict_function(self.fitted_, X)

    def predict_proba(self, X: Any) -> Any:
        """Whatever the user's function gives; it is measured as it is."""
        return self.probability_function(self.fitted_, X)
