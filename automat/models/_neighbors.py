"""Nearest neighbours that accept training sets smaller than k."""

from __future__ import annotations

from typing import Any, Self

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor


class _Clipped:
    """Lowers ``n_neighbors`` to the number of training rows, where there are fewer."""

    n_neighbors: int

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on n rows; all n are neighbours when k > n."""
        self.n_neighbors = min(self.n_neighbors, len(X))
        super().fit(X, y)  # type: ignore[misc]
        return self


class ClippedNeighborsRegressor(_Clipped, KNeighborsRegressor):  # type: ignore[misc]
    """k nearest neighbours regression, with k at most the number of training rows."""


class ClippedNeighborsClassifier(_Clipped, KNeighborsClassifier):  # type: ignore[misc]
    """k nearest neighbours classification, with k at most the number of training rows."""
