"""MEGNet, a graph network on crystal structures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._networks import OPTIONS, estimator
from automat.models._sklearn import BOTH

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "width": trial.suggest_categorical("width", [16, 32, 48]),
        "hidden": trial.suggest_categorical("hidden", [32, 64, 96]),
        "blocks": trial.suggest_int("blocks", 2, 4),
        "batch_size": trial.suggest_categorical("batch_size", [32, 64, 128]),
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-6, 1e-1, log=True),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.ensembles import EnsembleRegressor
    from automat.networks.megnet import MEGNetRegressor

    return estimator(MEGNetRegressor, EnsembleRegressor, params, seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from automat.networks.ensembles import EnsembleClassifier
    from automat.networks.megnet import MEGNetClassifier

    return estimator(MEGNetClassifier, EnsembleClassifier, params, seed)


MODEL = Model(
    name="megnet",
    title="MEGNet",
    input="graph",
    tasks=BOTH,
    space=_space,
    # The architecture is the paper's. Peak learning rates of 3e-3 and 5e-3 did alike on 2,800 formation energies.
    defaults={
        "width": 32,
        "hidden": 64,
        "blocks": 3,
        "batch_size": 64,
        "learning_rate": 5e-3,
        "weight_decay": 1e-4,
    },
    settings=lambda budget: {"epochs": budget.epochs},
    options={**OPTIONS, "elements": int, "reach": float},
    # The graphs, the distance Gaussians and the 167,761 parameters of the authors' first code.
    variants={"reference": {"graph": "radius:cutoff=4", "reach": 5.0, "elements": 95}},
    build=_regressor,
    build_classifier=_classifier,
    cost="network",
    version="2",
    # DGL serves where it is installed; plain torch gives the same numbers elsewhere.
    requires=("torch",),
    citation="Chen et al. (2019), doi:10.1021/acs.chemmater.9b01294; ranges around its configuration",
    licence="MIT (own code); Apache-2.0 (DGL), BSD-3-Clause (torch)",
)
