"""A user's torch module behind our trainer.

What the module must offer: it is made from the arguments it names, out of ``columns`` (of the features; not
for graphs) and ``outputs`` (1 for regression, else the number of classes), and gives a row of so many outputs
for every row of its input: a float tensor (n, columns), or a :class:`automat.networks.primitives.GraphBatch`
of n crystals. For regression the output is the target less its mean, in multiples of its spread; for
classification it is one score a class, of which the softmax is taken here (log probabilities stay as they are).
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from automat.networks.estimators import GraphEstimator, NetworkClassifier, NetworkEstimator, NetworkRegressor
from automat.networks.mlp import TableEstimator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

_OWN = ("epochs", "batch_size", "learning_rate", "weight_decay")


def estimator(
    network: Callable[..., nn.Module],
    params: Mapping[str, Any],
    *,
    seed: int,
    on: Literal["features", "graph"],
    classify: bool,
) -> NetworkEstimator:
    """An untrained estimator.

    Args:
        network: the module's class, or a function that makes one.
        params: fields of :class:`automat.networks.recipes.Recipe` by name.
        seed: of weights, shuffles and the inner holdout.
        on: what it takes.
        classify: whether it gives classes.
    """
    own = {name: params[name] for name in _OWN if name in params}
    further = {name: value for name, value in params.items() if name not in _OWN}
    kinds = {
        ("features", False): UserTableRegressor,
        ("features", True): UserTableClassifier,
        ("graph", False): UserGraphRegressor,
        ("graph", True): UserGraphClassifier,
    }
    return kinds[on, classify](network, **own, training=further, seed=seed)


class Outputs(nn.Module):
    """A user's network, held to its word: one row of outputs a row of its input.

    Args:
        network: the user's.
        outputs: how many it was asked for.
        classify: whether they are classes.
    """

    def __init__(self, network: nn.Module, outputs: int, *, classify: bool) -> None:
        super().__init__()
        self.network = network
        self.outputs = outputs
        self.classify = classify

    def forward(self, inputs: Any) -> torch.Tensor:
        """Scaled targets, shape (n, 1), or log probabilities of the classes, shape (n, classes).

        Raises:
            ValueError: the network gives anything else.
        """
        rows = len(inputs) if isinstance(inputs, torch.Tensor) else inputs.atoms.graphs
        given = self.network(inputs)
        if not isinstance(given, torch.Tensor):
            raise ValueError(f"the network must give a tensor, but gave {type(given).__name__}")  # noqa: TRY004 - as below
        if given.shape != (rows, self.outputs):
            raise ValueError(
                f"the network must give a tensor of shape ({rows}, {self.outputs}), a row of outputs for each of "
                f"{rows} rows, but gave {tuple(given.shape)}"
            )
        return given.log_softmax(dim=1) if self.classify else given


class _UserNetwork(NetworkEstimator):
    """What a user's networks share.

    Args:
        network: the module's class, or a function that makes one.
        epochs, batch_size, learning_rate, weight_decay: of its training.
        training: further fields of :class:`automat.networks.recipes.Recipe` by name.
        seed: of weights, shuffles and the inner holdout.
    """

    def __init__(
        self,
        network: Callable[..., nn.Module],
        *,
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-4,
        training: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.network = network
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.training = training
        self.seed = seed

    def make_network(self, outputs: int, *, classify: bool) -> Outputs:
        """The user's network for the given number of outputs.

        Raises:
            ValueError: what the user gave makes no torch module.
        """
        offered = {"columns": getattr(self, "n_features_in_", None), "outputs": outputs}
        named = inspect.signature(self.network).parameters
        made = self.network(**{name: value for name, value in offered.items() if name in named and value is not None})
        if not isinstance(made, nn.Module):
            raise ValueError(f"network(...) must give a torch.nn.Module, but gave {type(made).__name__}")  # noqa: TRY004 - a model's error, not a caller's
        return Outputs(made, outputs, classify=classify)


class UserTableRegressor(NetworkRegressor, _UserNetwork, TableEstimator):
    """A user's network on features, for one target."""


class UserTableClassifier(NetworkClassifier, _UserNetwork, TableEstimator):
    """A user's network on features, for classes."""


class UserGraphRegressor(NetworkRegressor, _UserNetwork, GraphEstimator):
    """A user's network on crystal graphs, for one target."""

    backend = None


class UserGraphClassifier(NetworkClassifier, _UserNetwork, GraphEstimator):
    """A user's network on crystal graphs, for classes."""

    backend = None
