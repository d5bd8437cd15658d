"""Networks as scikit-learn estimators."""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from automat.core import UnknownNameError
from automat.networks import backends, batches, trainer
from automat.networks.primitives import batch_graphs
from automat.networks.trainer import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat_featurizers.graphs import CrystalGraphs
    from numpy.typing import NDArray
    from torch import nn

    from automat.networks.backends import Backend
    from automat.networks.checkpoints import Checkpoint
    from automat.networks.trainer import Curves, OnEpoch, Problem, Source

_OWN = ("epochs", "batch_size", "learning_rate", "weight_decay")
"""What every estimator names itself of its recipe."""

_LEAST = {"hidden": 1, "elements": 1, "layers": 0, "convolutions": 0, "blocks": 0, "interactions": 0}
"""Of the sizes that a family may have, beside its width."""


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """A network with its recipe; a family of networks says what it makes of its inputs.

    Attributes:
        training: further fields of :class:`Recipe` by name; a parameter of every family.
        on_epoch: told of every epoch of ``fit``, and may end it. Not a parameter: it belongs to one fit, and
            neither a clone nor a copy on disk has it.
        checkpoint: where ``fit`` is kept, and goes on from; likewise not a parameter.
        network_: the fitted network, in evaluation mode, on the CPU.
        details_: learning curves and sizes, JSON-able.
        held_rows_: positions of the rows that were held out to choose the epoch by, and not trained on.
    """

    # Tells a cell that ``on_epoch`` and ``checkpoint`` are these: others' estimators may have parameters of the name.
    _automat_network: ClassVar[bool] = True

    narrowest: ClassVar[int] = 1
    """The least width, where a family has one."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    training: Mapping[str, Any] | None = None
    seed: int
    on_epoch: OnEpoch | None = None
    checkpoint: Checkpoint | None = None
    network_: nn.Module
    details_: dict[str, Any]
    held_rows_: NDArray[np.intp]

    def recipe(self) -> Recipe:
        """How to train, from the estimator's parameters.

        Raises:
            UnknownNameError: ``training`` has a key that is no field of a recipe, or a parameter of its own.
            ValueError: a value that makes no sense.
        """
        further = dict(self.training or {})
        allowed = [field.name for field in fields(Recipe) if field.name not in _OWN]
        for name in further:
            if name not in allowed:
                raise UnknownNameError("training option", name, allowed)
        return Recipe(**{name: getattr(self, name) for name in _OWN}, **further)

    def check(self) -> None:
        """Look at the parameters before there is anything to fit on.

        Raises:
            UnknownNameError: one names something that is not there.
            ValueError: a value that makes no sense.
        """
        self.recipe()
        for name, least in ({"width": self.narrowest} | _LEAST).items():
            size = getattr(self, name, least)
            if size < least:
                raise ValueError(f"{name} must be at least {least}, but got {size}")

    def learn_inputs(self, X: Any, rows: NDArray[np.intp]) -> None:
        """Fit whatever the inputs are scaled by, on the rows that are trained on."""

    def source(self, X: Any) -> Source:
        """The network's input for rows of X."""
        raise NotImplementedError

    def sizes(self, _X: Any) -> NDArray[np.int64] | None:
        """Of the rows of X, shape (n,), to make batches of rows of alike size; None where they are all alike."""
        return None

    def facts(self) -> dict[str, Any]:
        """What else ``details_`` tells, JSON-able."""
        return {}

    def make_network(self, outputs: int, *, classify: bool) -> nn.Module:
        """An untrained network."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in {"on_epoch", "checkpoint"}}

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
        recipe = self.recipe()
        self.learn_inputs(X, rows[0])
        with trainer.one_thread():
            with trainer.seeded(self.seed):
                network = self.make_network(classes or 1, classify=classes > 0)
            about = json.dumps(self.facts(), sort_keys=True)
            lessons = trainer.Lessons(
                self.source(X), torch.from_numpy(targets), *rows, sizes=self.sizes(X), about=about
            )
            curves = trainer.train(
                network, lessons, problem, recipe, self.seed, on_epoch=self.on_epoch, checkpoint=self.checkpoint
            )
        self.network_, self.held_rows_ = network, rows[1]
        self.details_ = {
            **_told(curves),
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "rows": {"train": len(rows[0]), "validation": len(rows[1])},
            "device": trainer.device_of(recipe.device).type,
            **self.facts(),
        }

    def _outputs(self, X: Any) -> torch.Tensor:
        device = trainer.device_of(self.recipe().device)
        network = self.network_ if device.type == "cpu" else copy.deepcopy(self.network_).to(device)
        with trainer.one_thread():
            return trainer.outputs_of(network, self.source(X), np.arange(len(X), dtype=np.intp)).cpu()


class GraphEstimator(NetworkEstimator):
    """Inputs are packed crystal graphs (``automat_featurizers.graphs.CrystalGraphs``).

    Attributes:
        backend: of the graph operations, a parameter of every family: ``dgl`` or ``torch``. If None, DGL
            where it can be imported and the device is the CPU, which is all that it knows.
        lightest_backend: instead of DGL where neither the parameter nor the environment names a backend. Not a
            parameter: a network that was read from a file has it, so that who only predicts imports no DGL.
    """

    backend: str | None
    lightest_backend: Backend | None = None

    def check(self) -> None:
        """Look at the parameters, by an untrained network too.

        Raises:
            UnknownNameError: one names something that is not there.
            ValueError: a value that makes no sense.
        """
        super().check()
        backends.backend(self.graph_backend())
        self.make_network(1, classify=False)

    def graph_backend(self) -> str:
        """What the graph operations run on.

        Raises:
            ValueError: DGL is asked for on a GPU.
        """
        if trainer.device_of(self.recipe().device).type == "cpu":
            return self.backend or backends.asked() or self.lightest_backend or backends.default_backend()
        if self.backend == "dgl":
            raise ValueError("backend 'dgl' runs on the CPU alone; use backend 'torch', or device 'cpu'")
        return "torch"

    def source(self, X: CrystalGraphs) -> Source:
        """Batches of graphs."""
        return partial(batch_graphs, X, backend=self.graph_backend())

    def sizes(self, X: CrystalGraphs) -> NDArray[np.int64]:
        """Atoms of every graph."""
        return np.diff(X.row_ptr)

    def facts(self) -> dict[str, Any]:
        """The backend that was used."""
        return {"backend": self.graph_backend()}


class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A network with one output, trained on scaled targets."""

    def fit(self, X: Any, y: NDArray[np.float64]) -> Self:
        """Fit on n inputs and their n targets.

        Raises:
            ValueError: targets that are not finite, or not one an input.
            DivergedError: the loss is no longer finite.
        """
        targets = _checked(X, y)
        rows = batches.hold_out(targets, self.recipe().holdout, self.seed)
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
        rows = batches.hold_out(codes, self.recipe().holdout, self.seed)
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


def _told(curves: Curves) -> dict[str, Any]:
    epochs = {"train": list(curves.train), "validation": list(curves.validation)}
    told: dict[str, Any] = {"epochs": epochs, "best_epoch": curves.best_epoch}
    if curves.averaged or curves.kept_average:
        epochs["averaged"] = list(curves.averaged)
        told["weights"] = "averaged" if curves.kept_average else "raw"
    if curves.resumed_after:
        told["resumed"] = {"after_epoch": curves.resumed_after, "cpu_seconds_before": curves.seconds_before}
    return told


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
