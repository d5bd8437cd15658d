"""Mean absolute Shapley values of fitted trees, by the boosters' own code and the shap library."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.output import final_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_STEPS = 2e8
"""Exact values take leaves x depth^2 steps a tree and row; rows, and trees of a forest, are so many that it fits."""

FEWEST_ROWS = 10
_FEWEST_TREES = 10


def shapley_means(estimator: Any, rows: Any, names: Sequence[str], *, shown: int) -> dict[str, Any] | None:
    """Features by the mean absolute Shapley value over rows, the largest first; None where there are no trees.

    Of a forest, whose prediction is the mean of its trees', the first trees may stand for all. For classes the
    values are of the raw score, summed over classes.

    Args:
        estimator: fitted, perhaps a pipeline that ends in the trees.
        rows: what it takes.
        names: of the columns of ``rows``.
        shown: so many features.
    """
    model = final_step(estimator)
    explain = _EXPLAINERS.get(type(model).__module__.split(".")[0])
    if explain is None:
        return None
    has_steps_before = model is not estimator and len(estimator) > 1
    values = np.asarray(estimator[:-1].transform(rows) if has_steps_before else rows, dtype=np.float64)
    labels = list(names)
    if values.shape[1] != len(labels):
        labels = [str(name) for name in estimator[0].get_feature_names_out()]
    found = explain(model, values)
    if found is None:
        return None
    adds, trees = found
    means = np.abs(adds).mean(axis=0)
    if means.ndim > 1:
        means = means.sum(axis=1)
    order = np.argsort(-means, kind="stable")[:shown]
    return {
        "rows": len(adds),
        "trees": trees[0],
        "of_trees": trees[1],
        "features": [{"name": labels[place], "mean": float(means[place])} for place in order.tolist()],
    }


_Found = tuple["NDArray[np.float64]", tuple[int, int]]
"""Shapley values, shape (rows, columns) or (rows, columns, classes); trees that were looked at, and of how many."""


def _rows_within(steps_a_row: float, rows: int) -> int:
    return int(min(rows, MOST_STEPS // max(steps_a_row, 1.0)))


def _steps(leaves: float, depth: float, trees: int) -> float:
    return trees * leaves * depth**2


def _of_lightgbm(model: Any, rows: NDArray[np.float64]) -> _Found | None:
    booster = model.booster_
    trees, leaves = booster.num_trees(), float(model.num_leaves)
    few = _rows_within(_steps(leaves, 2 * np.log2(leaves), trees), len(rows))
    if few < min(FEWEST_ROWS, len(rows)):
        return None
    made = np.asarray(booster.predict(rows[:few], pred_contrib=True))
    return _without_base(made, rows.shape[1]), (trees, trees)


def _of_xgboost(model: Any, rows: NDArray[np.float64]) -> _Found | None:
    import xgboost

    booster = model.get_booster()
    depth = float(model.get_params().get("max_depth") or 6)
    trees = booster.num_boosted_rounds()
    # Deep trees run out of rows long before they are full.
    few = _rows_within(_steps(min(2.0**depth, 256.0), depth, trees), len(rows))
    if few < min(FEWEST_ROWS, len(rows)):
        return None
    made = np.asarray(booster.predict(xgboost.DMatrix(rows[:few], nthread=1), pred_contribs=True))
    return _classes_last(made), (trees, trees)


def _of_catboost(model: Any, rows: NDArray[np.float64]) -> _Found | None:
    from catboost import Pool

    trees = int(model.tree_count_)
    made = np.asarray(
        model.get_feature_importance(Pool(rows), type="ShapValues", shap_mode="NoPreCalc", thread_count=1)
    )
    return _classes_last(made), (trees, trees)


def _of_sklearn(model: Any, rows: NDArray[np.float64]) -> _Found | None:
    forest = getattr(model, "estimators_", None)
    members = [each for each in np.ravel(forest) if hasattr(each, "tree_")] if forest is not None else []
    if hasattr(model, "tree_"):
        members = [model]
    boosted = [tree for stage in getattr(model, "_predictors", ()) for tree in stage]
    if not members and not boosted:
        return None
    used, trees = model, len(members) or len(boosted)
    if boosted:
        leaves, depth = model.max_leaf_nodes or 31, 2 * np.log2(model.max_leaf_nodes or 31)
        few = _rows_within(_steps(leaves, depth, trees), len(rows))
    else:
        a_tree = float(np.mean([_steps(each.tree_.n_leaves, each.tree_.max_depth, 1) for each in members]))
        few = len(rows)
        looked_at = min(trees, max(_FEWEST_TREES, int(MOST_STEPS // (a_tree * few))))
        few = _rows_within(a_tree * looked_at, few)
        if looked_at < trees:
            used = copy.copy(model)
            used.estimators_ = list(members[:looked_at])
            used.n_estimators = looked_at
    if few < min(FEWEST_ROWS, len(rows)):
        return None
    import shap

    made = np.asarray(shap.TreeExplainer(used).shap_values(rows[:few], check_additivity=False))
    return made, (len(used.estimators_) if members and len(members) > 1 else trees, trees)


def _without_base(made: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    """LightGBM sets classes side by side, each with its base value last."""
    return np.moveaxis(made.reshape(len(made), -1, columns + 1)[:, :, :-1], 1, 2)


def _classes_last(made: NDArray[np.float64]) -> NDArray[np.float64]:
    """From (rows, classes, columns and base) or (rows, columns and base)."""
    return made[:, :-1] if made.ndim == 2 else np.moveaxis(made[:, :, :-1], 1, 2)  # noqa: PLR2004 - one score


_EXPLAINERS = {
    "lightgbm": _of_lightgbm,
    "xgboost": _of_xgboost,
    "catboost": _of_catboost,
    "sklearn": _of_sklearn,
    "automat": _of_sklearn,
}
