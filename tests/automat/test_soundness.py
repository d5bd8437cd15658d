"""Forged estimators: an index out of range is found before compiled code follows it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from automat import presets, soundness
from automat.models import registry
from automat.soundness import UnsoundError

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(80, 4))
Y = X[:, 0] + 0.1 * GENERATOR.normal(size=80)
FEW = {"n_estimators": 5, "max_iter": 5, "iterations": 5}


def fitted(name: str, task: str = "regression") -> Any:
    model = registry()[name]
    settings = model.settings(presets.budget("quick"))
    params = {**model.defaults, **settings, **{key: few for key, few in FEW.items() if key in settings}}
    target = Y if task == "regression" else np.digitize(Y, [-0.5, 0.5])
    return model.make(task, params, 0).fit(X, target)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [
    "random_forest", "extra_trees", "decision_tree", "hist_gradient_boosting", "knn", "svm", "lightgbm", "xgboost",
    "catboost", "linear", "dummy",
])  # fmt: skip
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_what_was_fitted_here_is_sound(name: str, task: str) -> None:
    soundness.check(fitted(name, task))


@pytest.mark.parametrize(("column", "value", "match"), [
    ("left_child", 10**6, "nodes beyond"), ("right_child", 0, "circle"), ("feature", 900, "columns beyond"),
    ("left_child", -1, "one child"),
])  # fmt: skip
def test_a_tree_that_points_outside(column: str, value: int, match: str) -> None:
    forest = fitted("random_forest")
    tree = forest.estimators_[2].tree_
    state = tree.__getstate__()
    state["nodes"][column][0] = value
    tree.__setstate__(state)
    with pytest.raises(UnsoundError, match=match):
        soundness.check(forest)


def test_a_tree_of_more_columns_than_its_forest() -> None:
    """It may say itself how many it takes; what is given has those of the forest."""
    forest = fitted("random_forest")
    forest.n_features_in_ = forest.estimators_[0].n_features_in_ = 1
    with pytest.raises(UnsoundError, match="columns beyond the 1"):
        soundness.check(forest)


@pytest.mark.parametrize(("column", "value", "match"), [
    ("left", 70_000, "nodes beyond"), ("right", 0, "circle"), ("feature_idx", 4, "columns beyond the 4"),
])  # fmt: skip
def test_a_histogram_tree_that_points_outside(column: str, value: int, match: str) -> None:
    model = fitted("hist_gradient_boosting")
    model._predictors[1][0].nodes[column][0] = value
    with pytest.raises(UnsoundError, match=match):
        soundness.check(model)


@pytest.mark.parametrize("place", [1, 2])
def test_neighbours_beyond_the_rows(place: int) -> None:
    model = fitted("knn")
    tree = model[-1]._tree
    state = list(tree.__getstate__())
    state[place] = state[place].copy()
    if place == 1:
        state[1][3] = 80
    else:
        state[2]["idx_end"][0] = 10**6
    tree.__setstate__(tuple(state))
    with pytest.raises(UnsoundError, match="rows beyond the 80"):
        soundness.check(model)


def test_support_vectors_that_are_not_there() -> None:
    model = fitted("svm", "classification")
    model[-1]._n_support[0] += 1000
    with pytest.raises(UnsoundError, match="support vectors"):
        soundness.check(model)


@pytest.mark.parametrize(("field", "first", "match"), [
    ("left_child", "999", "nodes beyond"), ("left_child", "-999", "leaves beyond"), ("right_child", "0", "circle"),
    ("split_feature", "44", "columns beyond the 4"), ("decision_type", "1", "sets of categories|cat_boundaries"),
])  # fmt: skip
def test_a_tree_of_lightgbm_that_points_outside(field: str, first: str, match: str) -> None:
    text: str = fitted("lightgbm").booster_.model_to_string()
    start = text.index(f"\n{field}=", text.index("Tree=2")) + len(field) + 2
    end = text.index("\n", start)
    changed: str = text[:start] + " ".join([first, *text[start:end].split()[1:]]) + text[end:]

    # The library itself is not asked to read it: it would follow what is there.
    class Booster:
        def model_to_string(self) -> str:
            return changed

    Booster.__module__ = "lightgbm.basic"
    with pytest.raises(UnsoundError, match=match):
        soundness.check(Booster())


@pytest.mark.parametrize(("field", "value", "match"), [
    ("left_children", 10**6, "nodes beyond"), ("right_children", 0, "circle"), ("split_indices", 4, "columns beyond"),
])  # fmt: skip
def test_a_tree_of_xgboost_that_points_outside(field: str, value: int, match: str) -> None:
    import xgboost

    content = json.loads(fitted("xgboost").get_booster().save_raw("json"))
    content["learner"]["gradient_booster"]["model"]["trees"][1][field][0] = value
    changed = xgboost.Booster(model_file=bytearray(json.dumps(content).encode()))
    with pytest.raises(UnsoundError, match=match):
        soundness.check([changed])


def test_what_runs_in_circles_itself_ends() -> None:
    class Ring(BaseEstimator):  # type: ignore[misc]
        pass

    ring = Ring()
    ring.part = [{"again": ring}]
    soundness.check(ring)
