"""Support vector machines with a Gaussian kernel, on standardised features and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD, PROBST, scaled

if TYPE_CHECKING:
    import optuna

_CACHE_MB = 500


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "C": trial.suggest_float("C", 2**-3, 2**8, log=True),
        "gamma": trial.suggest_float("gamma", 2**-12, 2**-2, log=True),
        "epsilon": trial.suggest_float("epsilon", 1e-3, 0.3, log=True),
    }


def _regressor(params: dict[str, Any], _seed: int) -> Any:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    # epsilon and C are in units of the target, so the target is standardised too.
    return TransformedTargetRegressor(scaled(SVR(**params, cache_size=_CACHE_MB)), transformer=StandardScaler())


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.svm import SVC

    return scaled(SVC(C=params["C"], gamma=params["gamma"], probability=True, random_state=seed, cache_size=_CACHE_MB))


MODEL = Model(
    name="svm",
    title="Support vector machine (RBF)",
    tasks=BOTH,
    space=_space,
    defaults={"C": 4.0, "gamma": 2**-7, "epsilon": 0.03},
    build=_regressor,
    build_classifier=_classifier,
    citation=f"Cortes & Vapnik (1995), doi:10.1007/BF00994018; {PROBST}",
    licence=BSD,
)
