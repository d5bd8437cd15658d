"""Ridge regression, and logistic regression with the same penalty, on standardised features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH, BSD, PROBST, scaled

if TYPE_CHECKING:
    import optuna


def _space(trial: optuna.Trial) -> dict[str, Any]:
    return {"alpha": trial.suggest_float("alpha", 2**-10, 2**10, log=True)}


def _regressor(params: dict[str, Any], _seed: int) -> Any:
    from sklearn.linear_model import Ridge

    return scaled(Ridge(alpha=params["alpha"]))


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return scaled(LogisticRegression(C=1 / params["alpha"], max_iter=1000, random_state=seed))


MODEL = Model(
    name="linear",
    title="Ridge / logistic regression",
    tasks=BOTH,
    space=_space,
    defaults={"alpha": 1.0},
    build=_regressor,
    build_classifier=_classifier,
    cost="cheap",
    citation=f"Hoerl & Kennard (1970), doi:10.1080/00401706.1970.10488634; {PROBST}",
    licence=BSD,
)
