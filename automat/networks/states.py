"""Fitted networks as plain numbers: what is needed to make them again, and no code."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from automat.networks.ensembles import EnsembleClassifier, EnsembleRegressor
from automat.networks.problems import Regression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "CGCNNClassifier": "automat.networks.cgcnn",
        "CGCNNRegressor": "automat.networks.cgcnn",
        "MEGNetClassifier": "automat.networks.megnet",
        "MEGNetRegressor": "automat.networks.megnet",
        "MLPClassifier": "automat.networks.mlp",
        "MLPRegressor": "automat.networks.mlp",
        "SchNetClassifier": "automat.networks.schnet",
        "SchNetRegressor": "automat.networks.schnet",
    }
)
"""Estimators that can be made again, and where they are defined."""

_ENSEMBLES = {"EnsembleClassifier": EnsembleClassifier, "EnsembleRegressor": EnsembleRegressor}
_WEIGHTS = "network."


class UnknownNetworkError(ValueError):
    """A network that is not one of :data:`KINDS`."""


class OtherReleaseError(ValueError):
    """Weights of a network as another release of automat builds it."""


def is_network(estimator: object) -> bool:
    """Whether the estimator can be written by this module."""
    if isinstance(estimator, EnsembleClassifier | EnsembleRegressor):
        return is_network(estimator.estimator)
    return KINDS.get(type(estimator).__name__) == type(estimator).__module__


def to_state(estimator: Any) -> tuple[dict[str, Any], Arrays]:
    """A fitted estimator as a JSON-able dict and named arrays.

    Raises:
        UnknownNetworkError: it is no network of automat's.
    """
    if not is_network(estimator):
        raise UnknownNetworkError(f"{type(estimator).__name__} is not one of {', '.join(KINDS)}")
    if isinstance(estimator, EnsembleClassifier | EnsembleRegressor):
        return _ensemble_state(estimator)
    arrays: Arrays = {f"{_WEIGHTS}{name}": each.numpy() for name, each in estimator.network_.state_dict().items()}
    arrays |= {name: value for name, value in vars(estimator).items() if isinstance(value, np.ndarray)}
    classes = getattr(estimator, "classes_", None)
    state: dict[str, Any] = {
        "kind": type(estimator).__name__,
        "params": estimator.get_params(deep=False),
        "outputs": 1 if classes is None else len(classes),
    }
    if classes is None:
        state["problem"] = asdict(estimator.problem_)
    if hasattr(estimator, "n_features_in_"):
        state["columns"] = int(estimator.n_features_in_)
    return state, arrays


def from_state(state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The fitted estimator of :func:`to_state`; it predicts the same, and has no learning curves.

    Where nothing names a backend it predicts with plain torch: DGL takes a second to import.

    Raises:
        UnknownNetworkError: the state names no network of automat's.
        OtherReleaseError: the weights do not fit the network.
    """
    if state.get("kind") in _ENSEMBLES:
        return _ensemble_from(state, arrays)
    if state.get("kind") not in KINDS:
        raise UnknownNetworkError(f"{state.get('kind')!r} is not one of {', '.join(KINDS)}")
    kind = getattr(importlib.import_module(KINDS[state["kind"]]), state["kind"])
    estimator: Any = kind(**state["params"])
    if hasattr(estimator, "lightest_backend"):
        estimator.lightest_backend = "torch"
    weights = {}
    for name, values in arrays.items():
        if name.startswith(_WEIGHTS):
            weights[name.removeprefix(_WEIGHTS)] = torch.from_numpy(np.array(values))
        else:
            setattr(estimator, name, np.array(values))
    if "problem" in state:
        estimator.problem_ = Regression(**state["problem"])
    if "columns" in state:
        estimator.n_features_in_ = int(state["columns"])
    network = estimator.make_network(int(state["outputs"]), classify="problem" not in state)
    _load(network, weights, state["kind"])
    network.eval()
    estimator.network_ = network
    return estimator


def _load(network: torch.nn.Module, weights: dict[str, torch.Tensor], kind: str) -> None:
    # Before a basis could be chosen, networks held the centres of their Gaussians themselves.
    if "centres" in weights:
        weights["basis.centres"] = weights.pop("centres")
    expected = network.state_dict()
    # Files hold a single number, such as how many batches a normalisation saw, as a row of one.
    weights |= {
        name: weights[name].reshape(())
        for name, own in expected.items()
        if name in weights and own.ndim == 0 and weights[name].numel() == 1
    }
    differing = [
        name
        for name in sorted(expected.keys() | weights.keys())
        if name not in weights or name not in expected or weights[name].shape != expected[name].shape
    ]
    if differing:
        shown = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")  # noqa: PLR2004 - as many as are shown
        raise OtherReleaseError(f"made by another release of automat, whose {kind} has other weights: {shown}")
    network.load_state_dict(weights)


def _ensemble_state(ensemble: Any) -> tuple[dict[str, Any], Arrays]:
    members: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for position, member in enumerate(ensemble.members_):
        state, of_member = to_state(member)
        members.append(state)
        arrays |= {f"{position}/{name}": values for name, values in of_member.items()}
    return {"kind": type(ensemble).__name__, "members": members, "seed": ensemble.seed}, arrays


def _ensemble_from(state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Any:
    members = [
        from_state(
            member,
            {
                name.partition("/")[2]: values
                for name, values in arrays.items()
                if name.partition("/")[0] == str(position)
            },
        )
        for position, member in enumerate(state["members"])
    ]
    ensemble = _ENSEMBLES[state["kind"]](members[0], len(members), seed=state["seed"])
    ensemble.members_ = members
    return ensemble
