"""CGCNN, a graph network on crystal structures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._networks import OPTIONS, estimator, truth
from automat.models._sklearn import BOTH

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "width": trial.suggest_categorical("width", [32, 64, 96]),
        "hidden": trial.suggest_categorical("hidden", [64, 128, 256]),
        "convolutions": trial.suggest_int("convolutions", 2, 5),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 2e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-1, log=True),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.cgcnn import CGCNNRegressor
    from automat.networks.ensembles import EnsembleRegressor

    return estimator(CGCNNRegressor, EnsembleRegressor, params, seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.cgcnn import CGCNNClassifier
    from automat.networks.ensembles import EnsembleClassifier

    return estimator(CGCNNClassifier, EnsembleClassifier, params, seed)


MODEL = Model(
    name="cgcnn",
    title="CGCNN",
    input="graph",
    tasks=BOTH,
    space=_space,
    # The architecture is the paper's; the training is what did best in 30 epochs on 2,800 formation energies.
    defaults={
        "width": 64,
        "hidden": 128,
        "convolutions": 3,
        "batch_size": 64,
        "learning_rate": 5e-3,
        "weight_decay": 1e-4,
    },
    settings=lambda budget: {"epochs": budget.epochs},
    options={**OPTIONS, "additive": truth},
    # The tutorial's training, of 28,046 structures; batch size and weight decay are those of the authors' code.
    variants={
        "tutorial": {
            "width": 64,
            "hidden": 32,
            "convolutions": 4,
            "batch_size": 256,
            "learning_rate": 0.02,
            "weight_decay": 0.0,
            "epochs": 1000,
            "schedule": "milestones",
            "milestones": [800],
        }
    },
    build=_regressor,
    build_classifier=_classifier,
    cost="network",
    version="2",
    # DGL serves where it is installed; plain torch gives the same numbers elsewhere.
    requires=("torch",),
    citation="Xie & Grossman (2018), doi:10.1103/PhysRevLett.120.145301; ranges around its configuration",
    licence="MIT (own code); Apache-2.0 (DGL), BSD-3-Clause (torch)",
)
