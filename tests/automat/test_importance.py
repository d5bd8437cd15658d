from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeRegressor

from automat import importance, shapley
from automat.importance import learned
from automat.models import registry

ROWS, COLUMNS = 400, 6
NAMES = [f"column {place}" for place in range(COLUMNS)]
GROUPS = [("left", 3), ("right", 3)]


@pytest.fixture(scope="module")
def data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column 1 decides, column 4 adds a little, the others are noise."""
    values = np.random.default_rng(0).normal(size=(ROWS, COLUMNS))
    return values, 3 * values[:, 1] + 0.5 * values[:, 4]


def told(estimator: Any, data: Any, **given: Any) -> dict[str, Any]:
    values, target = data
    about: dict[str, Any] = {"names": NAMES, "groups": GROUPS, "task": "regression", "classes": 0, "seed": 0}
    return learned(estimator, values, target, **about | given)


def test_what_decides_comes_first_and_noise_is_nothing(data: Any) -> None:
    found = told(LinearRegression().fit(*data), data)["permutation"]
    assert [each["name"] for each in found["features"][:2]] == ["column 1", "column 4"]
    # The mean distance of two normal draws is 2 / sqrt(pi): what a wrong column costs, times its coefficient.
    assert found["features"][0]["rise"] == pytest.approx(3 * 2 / np.sqrt(np.pi), rel=0.2)
    assert found["features"][0]["sure"] < found["features"][0]["rise"] / 5
    assert abs(found["features"][-1]["rise"]) < 1e-9
    assert [each["name"] for each in found["groups"]] == ["left", "right"]
    assert found["groups"][0]["rise"] == pytest.approx(found["features"][0]["rise"], rel=1e-6)
    assert (found["rows"], found["columns"], found["error"]) == (importance.ROWS, COLUMNS, "absolute error")


def test_it_repeats_and_leaves_its_inputs(data: Any) -> None:
    model, before = KNeighborsRegressor().fit(*data), data[0].copy()
    first, second = (told(model, data)["permutation"] for _ in range(2))
    assert first == second
    np.testing.assert_array_equal(data[0], before)


def test_wide_tables_are_screened_within_the_budget() -> None:
    width = 300
    values = np.random.default_rng(1).normal(size=(ROWS, width))
    target = 5 * values[:, 217]
    counted: list[int] = []

    class Counting(LinearRegression):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:
            counted.append(len(X))
            return super().predict(X)

    # Fewer rows than columns fit anything, so the coefficients are given.
    model = Counting()
    model.coef_, model.intercept_ = 5.0 * (np.arange(width) == 217), 0.0
    names = [str(place) for place in range(width)]
    found = learned(model, values, target, names=names, groups=[], task="regression", classes=0, seed=0)
    assert found["permutation"]["features"][0]["name"] == "217"
    assert len(found["permutation"]["features"]) == importance.SHOWN
    assert found["permutation"]["screened_on"] == importance.SCREENING_ROWS
    assert sum(counted) < importance.MOST_PREDICTIONS


def test_a_table_is_permuted_by_its_own_columns(data: Any) -> None:
    from automat_featurizers import TableEncoder

    values, target = data
    phase = np.where(values[:, 1] > 0, "bcc", "fcc")
    table = pd.DataFrame({"phase": phase, "noise": values[:, 0]})
    model = make_pipeline(TableEncoder(), DecisionTreeRegressor(max_depth=4, random_state=0)).fit(table, target)
    about: dict[str, Any] = {"groups": [], "task": "regression", "classes": 0, "seed": 0}
    found = learned(model, table, target, names=list(table), **about)
    assert found["permutation"]["features"][0]["name"] == "phase"
    assert {each["name"] for each in found["shapley"]["features"]} == {"phase=bcc", "phase=fcc", "noise"}
    assert list(table["phase"]) == list(phase)


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "hist_gradient_boosting", "random_forest"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_shapley_values_of_trees_find_what_decides(data: Any, name: str, task: Any) -> None:
    values, target = data
    trees = {"catboost": "iterations", "hist_gradient_boosting": "max_iter"}.get(name, "n_estimators")
    model = registry()[name].make(task, dict(registry()[name].defaults) | {trees: 40}, 0)
    given = target if task == "regression" else (target > 0).astype(np.int64)
    found = told(model.fit(values, given), (values, given.astype(float)), task=task, classes=2)
    shown = found["shapley"]
    assert shown["features"][0]["name"] == "column 1"
    assert len(shown["features"]) == COLUMNS
    assert shown["of_trees"] == 40
    assert found["permutation"]["features"][0]["name"] == "column 1"


def test_trees_that_the_library_does_not_know_leave_what_was_found(data: Any) -> None:
    for model in (AdaBoostRegressor(n_estimators=3, random_state=0), BaggingRegressor(n_estimators=3, random_state=0)):
        found = told(model.fit(*data), data)
        assert found["permutation"]["features"][0]["name"] == "column 1"
        assert "InvalidModelError" in found["shapley"]["refused"]
        assert found["seconds"] > 0


def test_a_pipeline_of_trees_alone_is_looked_at(data: Any) -> None:
    found = told(make_pipeline(RandomForestRegressor(10, max_depth=5, random_state=0)).fit(*data), data)
    assert found["shapley"]["features"][0]["name"] == "column 1"


@pytest.mark.parametrize(("rows", "apart", "screened"), [(116, True, 16), (115, False, 16), (10, False, 10)])
def test_it_tells_whether_other_rows_screened(rows: int, apart: bool, screened: int) -> None:
    values = np.random.default_rng(1).normal(size=(rows, 50))
    model = LinearRegression().fit(values, values[:, 3])
    names = [str(place) for place in range(50)]
    found = learned(model, values, values[:, 3], names=names, groups=[], task="regression", classes=0, seed=0)
    assert (found["permutation"]["screened_apart"], found["permutation"]["screened_on"]) == (apart, screened)


def test_shapley_values_are_those_of_the_library(data: Any) -> None:
    import shap

    model = ExtraTreesRegressor(20, max_depth=5, random_state=0).fit(*data)
    expected = np.abs(shap.TreeExplainer(model).shap_values(data[0][:50])).mean(axis=0)
    found = shapley.shapley_means(model, data[0][:50], NAMES, shown=3)
    assert found is not None
    assert [each["mean"] for each in found["features"]] == pytest.approx(sorted(expected, reverse=True)[:3])


def test_of_a_large_forest_some_trees_stand_for_all(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapley, "MOST_STEPS", 1e6)
    model = RandomForestRegressor(60, random_state=0).fit(*data)
    found = shapley.shapley_means(model, data[0][:50], NAMES, shown=3)
    assert found is None or found["trees"] < found["of_trees"] == 60
    assert len(model.estimators_) == 60
    monkeypatch.setattr(shapley, "MOST_STEPS", 1e3)
    assert shapley.shapley_means(model, data[0][:50], NAMES, shown=3) is None


def test_three_classes_have_one_figure_a_feature() -> None:
    from sklearn.datasets import load_iris

    values, codes = load_iris(return_X_y=True)
    names = ["a", "b", "c", "d"]
    about: dict[str, Any] = {"names": names, "groups": [], "task": "classification", "classes": 3, "seed": 0}
    for model in (HistGradientBoostingClassifier(max_iter=20), LogisticRegression(max_iter=2000)):
        found = learned(model.fit(values, codes), values, codes.astype(float), **about)
        assert found["permutation"]["error"] == "log loss"
        assert found["permutation"]["features"][0]["name"] in {"c", "d"}
    assert "shapley" not in found


def test_a_slow_model_is_left_alone_with_the_reason(data: Any) -> None:
    found = told(LinearRegression().fit(*data), data, seconds_a_row=1.0)
    assert found == {"refused": "its predictions take too long to be asked again", "seconds": 0.0}


def test_atoms_of_an_additive_network_are_averaged_by_element() -> None:
    from automat_featurizers import PackedStructures, graph_builder
    from pymatgen.core import Lattice, Structure

    from automat.networks.schnet import SchNetRegressor

    def salt(symbol: str) -> Structure:
        return Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), [symbol, "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    graphs = graph_builder("nearest").transform(PackedStructures.pack([salt("Na"), salt("K")] * 10))
    target = np.array([-2.0, -1.0] * 10)
    model = SchNetRegressor(width=16, interactions=1, epochs=2, seed=0).fit(graphs, target)
    found = learned(model, graphs, target, names=[], groups=[], task="regression", classes=0, seed=0)
    assert sorted(each["symbol"] for each in found["elements"]) == ["Cl", "K", "Na"]
    atoms = {each["symbol"]: each for each in found["elements"]}
    mean = sum(each["mean"] * each["atoms"] for each in found["elements"]) / sum(
        each["atoms"] for each in atoms.values()
    )
    assert mean == pytest.approx(model.predict(graphs).mean(), rel=1e-4)
    assert atoms["Cl"]["crystals"] == 20
    refused = learned(KNeighborsRegressor(), graphs, target, names=[], groups=[], task="regression", classes=0, seed=0)
    assert "refused" in refused
