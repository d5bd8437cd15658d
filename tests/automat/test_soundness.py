"""Forged estimators: an index out of range is found before compiled code follows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import AdaBoostRegressor, GradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

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


def test_a_member_takes_no_more_columns_than_its_ensemble() -> None:
    """An ensemble may hand its rows to the trees of its members, past what these say of themselves."""
    model = GradientBoostingRegressor(n_estimators=3).fit(X, Y)
    soundness.check(model)
    member = model.estimators_[1, 0]
    state = member.tree_.__getstate__()
    state["nodes"]["feature"][0] = 90_000_000
    member.tree_.__setstate__(state)
    member.n_features_in_ = 10**8
    with pytest.raises(UnsoundError, match="columns beyond the 4"):
        soundness.check(model)
    # Nor by being held within a pipeline too, whose steps say their own.
    hidden = make_pipeline(StandardScaler(), member)
    with pytest.raises(UnsoundError, match="columns beyond the 4"):
        soundness.check([hidden, model])
    with pytest.raises(UnsoundError, match="columns beyond the 4"):
        soundness.check([model, hidden])


def test_a_histogram_tree_says_nothing_of_columns() -> None:
    model = fitted("hist_gradient_boosting")
    predictor = model._predictors[1][0]
    predictor.nodes["feature_idx"][0] = 90_000_000
    predictor.n_features_in_ = 10**8
    with pytest.raises(UnsoundError, match="columns beyond the 4"):
        soundness.check(model)


@pytest.mark.parametrize("name", ["decision_tree", "svm"])
def test_what_would_take_rows_of_any_width(name: str) -> None:
    """Without a number of columns scikit-learn looks at no row's width; what holds it may claim any."""
    model = fitted(name)
    last = model[-1] if hasattr(model, "steps") else model
    last = getattr(last, "regressor_", last)
    last = last[-1] if hasattr(last, "steps") else last
    del last.n_features_in_
    holder = TransformedTargetRegressor()
    holder.regressor_ = last
    vars(holder)["n_features_in_"] = 4
    with pytest.raises(UnsoundError, match="nothing says how many columns"):
        soundness.check(holder)


def test_steps_that_widen_are_sound() -> None:
    widened = make_pipeline(PolynomialFeatures(3), DecisionTreeRegressor()).fit(X, Y)
    assert widened[-1].n_features_in_ > 4
    soundness.check(widened)
    soundness.check(AdaBoostRegressor(widened, n_estimators=2).fit(X, Y))


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
    with pytest.raises(UnsoundError, match=match):
        soundness.check(lightgbm_of(changed))


def lightgbm_of(text: str) -> Any:
    """The library itself is not asked to read it: it would follow what is there."""

    class Booster:
        def model_to_string(self) -> str:
            return text

    Booster.__module__ = "lightgbm.basic"
    return Booster()


@pytest.mark.parametrize(("pattern", "new", "match"), [
    (r"\nleaf_features=.*\d.*", lambda line: re.sub(r"\d+", "90000000", line), "columns beyond the 4"),
    (r"\nleaf_features=.*\d.*", lambda line: line + "1 1 1", "lines are not those"),
    (r"\nnum_features=.*", lambda line: re.sub(r"\d+$", "70000000", line), "lines are not those"),
    (r"\nleaf_const=.*", lambda line: re.sub(r"=.*", "=1", line), "lines are not those"),
    (r"\nnum_tree_per_iteration=1", lambda line: line + "0000000", "outputs beyond"),
])  # fmt: skip
def test_lines_of_lightgbm_that_point_outside(pattern: str, new: Callable[[str], str], match: str) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, linear_tree=True, verbose=-1, min_child_samples=5).fit(X, Y)
    soundness.check(model)
    text: str = model.booster_.model_to_string()
    changed, count = re.subn(pattern, lambda found: new(found[0]), text)
    assert count
    with pytest.raises(UnsoundError, match=match):
        soundness.check(lightgbm_of(changed))


def test_a_booster_of_lightgbm_takes_the_columns_of_its_estimator() -> None:
    model = fitted("lightgbm")
    model._n_features = 2
    with pytest.raises(UnsoundError, match="its booster takes 4 columns, it 2"):
        soundness.check(model)


@pytest.mark.parametrize(("field", "value", "match"), [
    ("left_children", 10**6, "nodes beyond"), ("right_children", 0, "circle"), ("split_indices", 4, "columns beyond"),
])  # fmt: skip
def test_a_tree_of_xgboost_that_points_outside(field: str, value: int, match: str) -> None:
    content = json.loads(fitted("xgboost").get_booster().save_raw("json"))
    content["learner"]["gradient_booster"]["model"]["trees"][1][field][0] = value
    changed = xgboost.Booster(model_file=bytearray(json.dumps(content).encode()))
    with pytest.raises(UnsoundError, match=match):
        soundness.check([changed])


def xgboost_of(content: Any) -> Any:
    """The library itself is not asked to read it, as of LightGBM."""

    class Booster:
        def save_raw(self, form: str) -> bytes:
            assert form == "json"
            return json.dumps(content).encode()

    Booster.__module__ = "xgboost.core"
    return Booster()


def split_of(categories: list[int], start: int, size: int) -> dict[str, list[int]]:
    return {
        "categories": categories, "categories_nodes": [0], "categories_segments": [start], "categories_sizes": [size],
    }  # fmt: skip


@pytest.mark.parametrize(("of_model", "of_tree", "match"), [
    ({"tree_info": [50_000_000, 0, 0, 0, 0]}, {}, "outputs beyond the 1"),
    ({"tree_info": [0]}, {}, "not told one by one"),
    ({"iteration_indptr": [0, 90_000]}, {}, "trees beyond"),
    ({"iteration_indptr": [0, 3, 1]}, {}, "rounds overlap"),
    ({}, split_of([1], 0, 90_000), "categories beyond"),
    ({}, split_of([1], -8, 9), "categories beyond"),
    ({}, split_of([2**31], 0, 1), "categories beyond"),
    ({}, {"categories_nodes": [0]}, "sets of categories are not told"),
    ({}, split_of([1], 0, 1) | {"categories_nodes": [90_000]}, "nodes beyond"),
    ({}, {"tree_param": {"size_leaf_vector": "50000"}}, "outputs beyond"),
])  # fmt: skip
def test_outputs_and_categories_of_xgboost_that_point_outside(
    of_model: dict[str, Any], of_tree: dict[str, Any], match: str
) -> None:
    content = json.loads(fitted("xgboost").get_booster().save_raw("json"))
    soundness.check(xgboost_of(content))
    model = content["learner"]["gradient_booster"]["model"]
    model |= of_model
    model["trees"][1] |= of_tree
    with pytest.raises(UnsoundError, match=match):
        soundness.check(xgboost_of(content))


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_other_boosters_of_xgboost(booster: str) -> None:
    model = xgboost.XGBRegressor(n_estimators=3, booster=booster).fit(X, Y)
    soundness.check(model)
    content = json.loads(model.get_booster().save_raw("json"))
    held = content["learner"]["gradient_booster"]
    (held["weight_drop"] if booster == "dart" else held["model"]["weights"]).pop()
    with pytest.raises(UnsoundError, match=r"told one by one|weights are not those"):
        soundness.check(xgboost_of(content))


def test_what_runs_in_circles_itself_ends() -> None:
    class Ring(BaseEstimator):  # type: ignore[misc]
        pass

    ring = Ring()
    ring.part = [{"again": ring}]
    soundness.check(ring)
