"""k nearest neighbours on standardised features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD, PROBST, scaled

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "n_neighbors": trial.suggest_int("n_neighbors", 1, 30, log=True),
        "weights": trial.suggest_categorical("weights", ["uniform", "distance"]),
        "p": trial.suggest_int("p", 1, 2),
    }


def _regressor(params: dict[str, Any], _seed: int) -> Any:
    from automat.models._neighbors import ClippedNeighborsRegressor

    return scaled(ClippedNeighborsRegressor(**params))


def _classifier(params: dict[str, Any], _seed: int) -> Any:
    from automat.models._neighbors import ClippedNeighborsClassifier

    return scaled(ClippedNeighborsClassifier(**params))


MODEL = Model(
    name="knn",
    title="k nearest neighbours",
    tasks=BOTH,
    space=_space,
    defaults={"n_neighbors": 5, "weights": "distance", "p": 1},
    build=_regressor,
    build_classifier=_classifier,
    cost="cheap",
    citation=f"Cover & Hart (1967), doi:10.1109/TIT.1967.1053964; {PROBST}",
    licence=BSD,
)
