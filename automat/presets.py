"""Budgets as data: what ``--preset`` grants every entrant.

Counts, not clocks: the same preset gives the same result on a slow machine, only later.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from automat.core import Budget, InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESETS: Mapping[str, Budget] = MappingProxyType(
    {
        budget.name: budget
        for budget in (
            Budget(
                name="quick",
                folds=2,
                trials=MappingProxyType({"cheap": 3, "moderate": 3, "expensive": 2, "network": 1}),
                trees=300,
                epochs=20,
                pycaret_learners=("knn", "et", "lightgbm"),
                pycaret_trials=2,
            ),
            Budget(
                name="default",
                folds=5,
                trials=MappingProxyType({"cheap": 15, "moderate": 10, "expensive": 3, "network": 1}),
                trees=500,
                epochs=30,
                pycaret_learners=("lr", "knn", "dt", "rf", "et", "lightgbm", "xgboost"),
                pycaret_trials=8,
            ),
            Budget(
                name="best",
                folds=5,
                trials=MappingProxyType({"cheap": 100, "moderate": 60, "expensive": 20, "network": 10}),
                trees=2000,
                epochs=300,
                pycaret_learners=(),
                pycaret_trials=50,
            ),
        )
    }
)


def budget(preset: str, *, trials: int | None = None) -> Budget:
    """A preset, with the number of trials overridden where given; the name then says so.

    >>> budget("quick", trials=5).name
    'quick, 5 trials'

    Raises:
        UnknownNameError: no such preset.
        InputError: fewer than one trial.
    """
    if preset not in PRESETS:
        raise UnknownNameError("preset", preset, PRESETS)
    chosen = PRESETS[preset]
    if trials is None:
        return chosen
    if trials < 1:
        raise InputError(f"trials must be at least 1, but got {trials}")
    return replace(
        chosen,
        name=f"{preset}, {trials} trials",
        trials=MappingProxyType(dict.fromkeys(chosen.trials, trials)),
        pycaret_trials=trials,
    )
