"""Networks as scikit-learn estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from automat.networks import trainer

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from automat.networks.trainer import Problem, Recipe, Source


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """A network with its recipe; a family of networks says what it makes of its inputs.

    Attributes:
        network_: the fitted network, in evaluation mode.
        details_: learning curves and sizes, JSON-able.
    """

    seed: int
    network_: nn.Module
    details_: dict[str, Any]

    def recipe(self) -> Recipe:
        """How to train, from the estimator's parameters."""
        raise NotImplementedError

    def learn_inputs(self, X: Any, rows: NDArray[np.intp]) -> None:
        """Fit whatever the inputs are scaled by, on the rows that are trained on."""

    def source(self, X: Any) -> Source:
        """The network's input for rows of X."""
        raise NotImplementedError

    def make_network(self, outputs: int, *, classify: bool) -> nn.Module:
        """An untrained network."""
        raise NotImplementedError

    def _train(
        self,
        X: Any,
        targets: NDArray[Any],
        rows: tuple[NDArray[np.intp], NDArray[np.intp]],
        problem: Problem,
        *,
        classes: int = 0,
    ) -> None:
        """Train a network for so many classes, or for one number where there are none."""
        self.learn_inputs(X, rows[0])
        with trainer.one_thread():
            with trainer.seeded(self.seed):
                network = self.make_network(classes or 1, classify=classes > 0)
            lessons = trainer.Lessons(self.source(X), torch.from_numpy(targets), *rows)
            curves = trainer.train(network, lessons, problem, self.recipe(), self.seed)
        self.network_ = network
        self.details_ = {
            "epochs": {"train": list(curves.train), "validation": list(curves.validation)},
            "best_epoch": curves.best_epoch,
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "rows": {"train": len(rows[0]), "validation": len(rows[1])},
        }

    def _outputs(self, X: Any) -> torch.Tensor:
        with trainer.one_thread():
            return trainer.outputs_of(self.network_, self.source(X), np.arange(len(X), dtype=np.intp))


class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A network with one output, trained on scaled targets."""

    def fit(self, X: Any, y: NDArray[np.float64]) -> Self:
        """Fit on n inputs and their n targets.

        Raises:
            ValueError: targets that are not finite, or not one an input.
            DivergedError: the loss is no longer finite.
        """
        targets = _checked(X, y)
        rows = trainer.hold_out(targets, self.recipe().holdout, self.seed)
        self.problem_ = trainer.Regression.of(targets[rows[0]])
        self._train(X, targets, rows, self.problem_)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predicted targets in their unit, shape (n,)."""
        values: NDArray[np.float64] = self.problem_.to_unit(self._outputs(X)).numpy()
        return values


class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A network with one output a class.

    Attributes:
        classes_: the class codes of the training rows, in the order of the outputs.
    """

    def fit(self, X: Any, y: NDArray[np.float64]) -> Self:
        """Fit on n inputs and their n class codes.

        Raises:
            ValueError: class codes that are not finite, or not one an input.
            DivergedError: the loss is no longer finite.
        """
        given = np.asarray(y)
        _checked(X, given)
        self.classes_, codes = np.unique(given, return_inverse=True)
        rows = trainer.hold_out(codes, self.recipe().holdout, self.seed)
        problem = trainer.Classification()
        self._train(X, codes.astype(np.int64), rows, problem, classes=len(self.classes_))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities of the classes, shape (n, classes)."""
        probabilities: NDArray[np.float64] = self._outputs(X).double().softmax(dim=1).numpy()
        return probabilities

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The likeliest class code of every row, shape (n,)."""
        chosen: NDArray[np.float64] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


def _checked(X: Any, y: NDArray[Any]) -> NDArray[np.float64]:
    targets = np.asarray(y, np.float64)
    if targets.shape != (len(X),):
        raise ValueError(f"{len(X)} inputs need targets of shape ({len(X)},), but got {targets.shape}")
    if len(targets) == 0:
        raise ValueError("no rows to fit on")
    missing = int((~np.isfinite(targets)).sum())
    if missing:
        raise ValueError(f"{missing} of {len(targets)} targets are not finite numbers")
    return targets
