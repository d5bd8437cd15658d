"""LightGBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, GRINSZTAJN

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 8, 128, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 2, 60, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.2, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-6, 10.0, log=True),
        "reg_alpha": trial.suggest_float("reg_alpha", 1e-6, 1.0, log=True),
    }


# Row subsampling does nothing in LightGBM unless its frequency is set; the thread count and the
# column-wise histograms are fixed so that results repeat.
_FIXED: dict[str, Any] = {
    "subsample_freq": 1,
    "n_jobs": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbose": -1,
}


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from lightgbm import LGBMRegressor

    return LGBMRegressor(**params, **_FIXED, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(**params, **_FIXED, random_state=seed)


MODEL = Model(
    name="lightgbm",
    title="LightGBM",
    tasks=BOTH,
    space=_space,
    defaults={
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_child_samples": 10,
        "subsample": 0.8,
        "colsample_bytree": 0.4,
        "reg_lambda": 1e-6,
        "reg_alpha": 1e-6,
    },
    settings=lambda budget: {"n_estimators": budget.trees},
    build=_regressor,
    build_classifier=_classifier,
    handles_missing=True,
    requires=("lightgbm",),
    citation=f"Ke et al. (2017), NeurIPS 30, 3146-3154; {GRINSZTAJN}",
    licence="MIT",
)
