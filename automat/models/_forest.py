"""What random forests and extremely randomised trees share: the space and the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import optuna

    from automat.core import Budget

DEFAULTS = {"max_features": 0.33, "min_samples_leaf": 1, "min_samples_split": 2}


def space(trial: optuna.Trial) -> dict[str, Any]:
    """Columns a split, rows a leaf, rows a split."""
    return {
        "max_features": trial.suggest_float("max_features", 0.1, 1.0),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 1, 20, log=True),
        "min_samples_split": trial.suggest_int("min_samples_split", 2, 10),
    }


def settings(budget: Budget) -> dict[str, Any]:
    """Trees do not overfit by number, so their number is a cost and not searched."""
    return {"n_estimators": max(100, budget.trees * 2 // 5)}
