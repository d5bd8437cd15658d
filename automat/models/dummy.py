"""The line every entrant must beat: the training mean or median, or the class shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {"constant": trial.suggest_categorical("constant", ["mean", "median"])}


def _regressor(params: dict[str, Any], _seed: int) -> Any:
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy=params["constant"])


def _classifier(_params: dict[str, Any], _seed: int) -> Any:
    from sklearn.dummy import DummyClassifier

    # Predicts the majority class, with the class shares as probabilities.
    return DummyClassifier(strategy="prior")


MODEL = Model(
    name="dummy",
    title="Dummy (mean or median / majority class)",
    tasks=BOTH,
    space=_space,
    defaults={"constant": "mean"},
    build=_regressor,
    build_classifier=_classifier,
    cost="cheap",
    citation="Pedregosa et al. (2011), JMLR 12, 2825-2830",
    licence=BSD,
)
