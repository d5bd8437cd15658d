"""Random forest."""

from __future__ import annotations

from typing import Any

from automat.core import Model
from automat.models import _forest
from automat.models._sklearn import BOTH, BSD, GRINSZTAJN


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.models._tree_spread import SpreadForestRegressor

    return SpreadForestRegressor(**params, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(**params, random_state=seed)


MODEL = Model(
    name="random_forest",
    title="Random forest",
    tasks=BOTH,
    space=_forest.space,
    defaults=_forest.DEFAULTS,
    settings=_forest.settings,
    build=_regressor,
    build_classifier=_classifier,
    cost="expensive",
    citation=f"Breiman (2001), doi:10.1023/A:1010933404324; {GRINSZTAJN}",
    licence=BSD,
)
