"""A multilayer perceptron in torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, GORISHNIY

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "layers": trial.suggest_int("layers", 1, 6),
        "width": trial.suggest_int("width", 64, 512, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "norm": trial.suggest_categorical("norm", [True, False]),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1.0, log=True),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.mlp import MLPRegressor

    return MLPRegressor(**params, seed=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.mlp import MLPClassifier

    return MLPClassifier(**params, seed=seed)


MODEL = Model(
    name="mlp",
    title="Multilayer perceptron",
    tasks=BOTH,
    space=_space,
    defaults={
        "layers": 3,
        "width": 256,
        "dropout": 0.1,
        "norm": True,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "weight_decay": 1e-2,
    },
    # A row costs this network a fraction of what a crystal costs a graph network, so it may pass more often.
    settings=lambda budget: {"epochs": 3 * budget.epochs},
    build=_regressor,
    build_classifier=_classifier,
    cost="expensive",
    version="2",
    requires=("torch",),
    citation=GORISHNIY,
    licence="MIT (own code); BSD-3-Clause (torch)",
)
