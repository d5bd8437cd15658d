"""Extremely randomised trees."""

from __future__ import annotations

from typing import Any

from automat.core import Model
from automat.models import _forest
from automat.models._sklearn import BOTH, BSD, GRINSZTAJN


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.models._tree_spread import SpreadExtraTreesRegressor

    return SpreadExtraTreesRegressor(**params, random_state=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(**params, random_state=seed)


MODEL = Model(
    name="extra_trees",
    title="Extremely randomised trees",
    tasks=BOTH,
    space=_forest.space,
    defaults=_forest.DEFAULTS,
    settings=_forest.settings,
    build=_regressor,
    build_classifier=_classifier,
    cost="expensive",
    citation=f"Geurts, Ernst & Wehenkel (2006), doi:10.1007/s10994-006-6226-1; {GRINSZTAJN}",
    licence=BSD,
)
