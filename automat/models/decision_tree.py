"""One decision tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD, PROBST

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "max_depth": trial.suggest_int("max_depth", 3, 30),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 60, log=True),
        "max_features": trial.suggest_float("max_features", 0.3, 1.0),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(**params, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(**params, random_state=seed)


MODEL = Model(
    name="decision_tree",
    title="Decision tree",
    tasks=BOTH,
    space=_space,
    defaults={"max_depth": 30, "min_samples_leaf": 1, "max_features": 1.0},
    build=_regressor,
    build_classifier=_classifier,
    cost="cheap",
    citation=f"Breiman et al. (1984), Classification and Regression Trees; {PROBST}",
    licence=BSD,
)
