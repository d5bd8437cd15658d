"""PyCaret as one entrant: an AutoML system that gets the training fold and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import Model
from automat.models._sklearn import BOTH

if TYPE_CHECKING:
    from automat.core import Budget


def _settings(budget: Budget) -> dict[str, Any]:
    return {"learners": list(budget.pycaret_learners), "search_trials": budget.pycaret_trials}


def _regressor(params: dict[str, Any], seed: int) -> Any:
    from automat.models._pycaret import PyCaretRegressor

    return PyCaretRegressor(**params, seed=seed)


def _classifier(params: dict[str, Any], seed: int) -> Any:
    from automat.models._pycaret import PyCaretClassifier

    return PyCaretClassifier(**params, seed=seed)


MODEL = Model(
    name="pycaret",
    title="PyCaret (compare, tune, blend)",
    tasks=BOTH,
    settings=_settings,
    build=_regressor,
    build_classifier=_classifier,
    handles_missing=True,
    searches_itself=True,
    cost="expensive",
    version="2",
    least_rows=12,  # four for each part of its inner cross-validation
    requires=("pycaret",),
    citation="Ali, M. (2020), PyCaret: an open-source, low-code machine learning library in Python",
    licence="MIT",
)
