"""CatBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, GORISHNIY

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "depth": trial.suggest_int("depth", 4, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1.0, 10.0, log=True),
        "random_strength": trial.suggest_float("random_strength", 0.1, 3.0, log=True),
        "rsm": trial.suggest_float("rsm", 0.1, 1.0),
    }


# One thread, no catboost_info folder in the working directory, no printing.
_FIXED = {"thread_count": 1, "allow_writing_files": False, "verbose": False, "border_count": 128}


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(**params, **_FIXED, random_seed=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(**params, **_FIXED, random_seed=seed)


MODEL = Model(
    name="catboost",
    title="CatBoost",
    tasks=BOTH,
    space=_space,
    defaults={"learning_rate": 0.06, "depth": 6, "l2_leaf_reg": 3.0, "random_strength": 1.0, "rsm": 0.5},
    settings=lambda budget: {"iterations": 2 * budget.trees},
    build=_regressor,
    build_classifier=_classifier,
    handles_missing=True,
    cost="expensive",
    requires=("catboost",),
    citation=f"Prokhorenkova et al. (2018), NeurIPS 31, 6638-6648; {GORISHNIY}",
    licence="Apache-2.0",
)
