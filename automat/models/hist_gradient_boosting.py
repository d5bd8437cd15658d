"""Histogram gradient boosting of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD, GRINSZTAJN

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 8, 64, log=True),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 2, 60, log=True),
        "l2_regularization": trial.suggest_float("l2_regularization", 1e-6, 10.0, log=True),
        "max_features": trial.suggest_float("max_features", 0.2, 1.0),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**params, early_stopping=False, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**params, early_stopping=False, random_state=seed)


MODEL = Model(
    name="hist_gradient_boosting",
    title="Histogram gradient boosting",
    tasks=BOTH,
    space=_space,
    defaults={
        "learning_rate": 0.06,
        "max_leaf_nodes": 31,
        "min_samples_leaf": 20,
        "l2_regularization": 1e-6,
        "max_features": 0.5,
    },
    settings=lambda budget: {"max_iter": budget.trees},
    build=_regressor,
    build_classifier=_classifier,
    handles_missing=True,
    citation=f"Pedregosa et al. (2011), JMLR 12, 2825-2830; {GRINSZTAJN}",
    licence=BSD,
)
