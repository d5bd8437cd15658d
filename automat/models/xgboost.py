"""XGBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, GORISHNIY

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_depth": trial.suggest_int("max_depth", 3, 10),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.1, 30.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bynode": trial.suggest_float("colsample_bynode", 0.1, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 10.0, log=True),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-6, 1.0, log=True),
    }


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(**params, tree_method="hist", n_jobs=1, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(**params, tree_method="hist", n_jobs=1, random_state=seed)


MODEL = Model(
    name="xgboost",
    title="XGBoost",
    tasks=BOTH,
    space=_space,
    defaults={
        "learning_rate": 0.06,
        "max_depth": 6,
        "min_child_weight": 2.0,
        "subsample": 0.8,
        "colsample_bynode": 0.3,
        "reg_lambda": 1.0,
        "reg_alpha": 1e-6,
    },
    settings=lambda budget: {"n_estimators": budget.trees},
    build=_regressor,
    build_classifier=_classifier,
    handles_missing=True,
    requires=("xgboost",),
    citation=f"Chen & Guestrin (2016), doi:10.1145/2939672.2939785; {GORISHNIY}",
    licence="Apache-2.0",
)
