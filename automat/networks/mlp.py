"""A multilayer perceptron for tables of features.

The plain network that Gorishniy et al., NeurIPS 34, 18932 (2021), arXiv:2106.11959, find hard to beat when
it is trained with care: linear layers, batch norm, ReLU, dropout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from automat.networks._layers import BatchNorm
from automat.networks.estimators import NetworkClassifier, NetworkEstimator, NetworkRegressor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from automat.networks.trainer import Source

_FAR = 10.0
"""Scaled inputs are cut at this many spreads: a rare element must not throw its material off the map."""

_CONSTANT = 1e-6
"""Columns whose spread is a smaller share of their largest value are constant, but for rounding."""


class MLP(nn.Module):
    """From rows of n columns to one row of outputs each.

    Args:
        columns: of the input.
        outputs: 1 for regression; the number of classes, whose log probabilities come out.
        classify: whether outputs are classes.
        layers: hidden layers.
        width: of a hidden layer.
        dropout: share of a hidden layer's values dropped in training.
        norm: whether batch norm follows every hidden linear layer.
    """

    def __init__(
        self,
        columns: int,
        outputs: int = 1,
        *,
        classify: bool = False,
        layers: int = 3,
        width: int = 256,
        dropout: float = 0.1,
        norm: bool = True,
    ) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for layer in range(layers):
            parts.append(nn.Linear(width if layer else columns, width))
            if norm:
                parts.append(BatchNorm(width))
            parts += [nn.ReLU(), nn.Dropout(dropout)]
        self.hidden = nn.Sequential(*parts)
        self.output = nn.Linear(width if layers else columns, outputs)
        self.classify = classify

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Scaled targets, shape (n, 1), or log probabilities of the classes, shape (n, classes)."""
        outputs: torch.Tensor = self.output(self.hidden(values))
        return outputs.log_softmax(dim=1) if self.classify else outputs


class TableEstimator(NetworkEstimator):
    """Inputs are float arrays (n, columns); they are standardised by the rows that are trained on."""

    def learn_inputs(self, X: ArrayLike, rows: NDArray[np.intp]) -> None:
        """Mean and spread of every column over the rows that are trained on."""
        values = _table(X)[rows]
        self.n_features_in_ = values.shape[1]
        self.mean_ = values.mean(axis=0)
        spread = values.std(axis=0)
        constant = spread <= _CONSTANT * np.abs(values).max(axis=0)
        self.scale_ = np.where(constant, 0.0, 1 / np.where(constant, 1.0, spread))

    def source(self, X: ArrayLike) -> Source:
        """Standardised rows.

        Raises:
            ValueError: values that are not finite, or other columns than were fitted on.
        """
        values = _table(X)
        if values.shape[1] != self.n_features_in_:
            raise ValueError(f"fitted on {self.n_features_in_} columns, but got an input with {values.shape[1]}")
        scaled = np.clip((values - self.mean_) * self.scale_, -_FAR, _FAR)
        inputs = torch.from_numpy(scaled.astype(np.float32))
        return lambda rows: inputs[rows]


class _MLPEstimator(TableEstimator):
    """What regressor and classifier share.

    Args:
        layers, width, dropout, norm: of the network.
        epochs, batch_size, learning_rate, weight_decay: of its training.
        training: further fields of :class:`automat.networks.trainer.Recipe` by name.
        seed: of weights, shuffles, dropout and the inner holdout.
    """

    def __init__(
        self,
        *,
        layers: int = 3,
        width: int = 256,
        dropout: float = 0.1,
        norm: bool = True,
        epochs: int = 100,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        training: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.layers = layers
        self.width = width
        self.dropout = dropout
        self.norm = norm
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.training = training
        self.seed = seed

    def make_network(self, outputs: int, *, classify: bool) -> MLP:
        return MLP(
            self.n_features_in_,
            outputs,
            classify=classify,
            layers=self.layers,
            width=self.width,
            dropout=self.dropout,
            norm=self.norm,
        )


class MLPRegressor(NetworkRegressor, _MLPEstimator):
    """A multilayer perceptron for one target."""


class MLPClassifier(NetworkClassifier, _MLPEstimator):
    """A multilayer perceptron for classes."""


def _table(X: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(X, np.float64)
    if values.ndim != 2:  # noqa: PLR2004 - rows and columns
        raise ValueError(f"the input must have rows and columns, but its shape is {values.shape}")
    missing = int((~np.isfinite(values)).any(axis=1).sum())
    if missing:
        raise ValueError(f"{missing} of {len(values)} rows hold features that are not finite numbers")
    return values
