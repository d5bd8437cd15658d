"""Trained models: refitted, kept as files that run no code, read in another process."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.tree import DecisionTreeRegressor

from automat import datasets, persist, plan, trained
from automat.core import Dataset, InputError, Model
from automat.evaluate import Job, run_cell
from automat.explanation import explain
from automat.persist import UnsafeModelError
from automat.refit import refit
from automat.trained import TrainedModel

SAFE = ("catboost", "decision_tree", "extra_trees", "hist_gradient_boosting", "knn", "lightgbm", "linear", "mlp",
        "random_forest", "svm", "xgboost")  # fmt: skip


@cache
def crystals(rows: int = 60) -> Dataset:
    whole = datasets.load("mp_dielectric")
    chosen = np.arange(rows)
    assert whole.structures is not None
    packed = whole.structures.take(chosen)
    return replace(
        whole, ids=whole.ids[chosen], target=whole.target[chosen], structures=packed, compositions=packed.compositions
    )


@cache
def formulas() -> Dataset:
    whole = crystals()
    return replace(whole, name="formulas", inputs="compositions", structures=None)


def train(dataset: Dataset, model: str | Model, **budget: Any) -> TrainedModel:
    planned = plan.make(dataset, models=[model], preset="quick", trials=1)
    cells = [replace(cell, budget={**cell.budget, **budget}) for cell in planned.cells]
    inputs = plan.inputs(planned, cells, cache_dir=None, jobs=1)
    job = Job(dataset, planned.folds, {each.name: each for each in planned.models}, inputs)
    records = [run_cell(job, cell)[0] for cell in cells]
    assert [record.status for record in records] == ["ok"] * len(records), records[0].error
    return refit(job, records, command="automat run ...")


SHORT = {"n_estimators": 20, "max_iter": 20, "iterations": 20, "epochs": 2}


def short(name: str) -> dict[str, Any]:
    from automat.models import registry
    from automat.presets import budget

    settings = registry()[name].settings(budget("quick"))
    return {key: value for key, value in SHORT.items() if key in settings}


@pytest.mark.parametrize("name", SAFE)
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_every_tabular_model_is_kept_without_code(
    name: str, task: str, diabetes: Dataset, flowers: Dataset, tmp_path: Path
) -> None:
    dataset = diabetes if task == "regression" else flowers
    made = train(dataset, name, **short(name))
    again = trained.load(made.save(tmp_path / "m.automat"))
    pd.testing.assert_frame_equal(again.describe(dataset.table), made.describe(dataset.table))
    assert again.card == made.card
    with zipfile.ZipFile(tmp_path / "m.automat") as archive:
        assert not [member for member in archive.namelist() if "pickle" in member]


@pytest.mark.parametrize("name", ["cgcnn", "schnet", "megnet"])
def test_every_graph_network_is_kept_without_code(name: str, tmp_path: Path) -> None:
    dataset = crystals()
    made = train(dataset, name, epochs=2)
    again = trained.load(made.save(tmp_path / "m.automat"))
    assert dataset.structures is not None
    np.testing.assert_array_equal(again.predict(dataset.structures), made.predict(dataset.structures))
    one = dataset.structures[0]
    assert again.predict([one]) == pytest.approx(made.predict(dataset.structures)[:1], abs=1e-5)


def test_a_model_is_fitted_on_all_rows_with_the_parameters_of_the_best_fold(diabetes: Dataset) -> None:
    made = train(diabetes, "knn")
    assert made.card.rows == len(diabetes)
    # One neighbour would give every training row itself; the model has seen them all.
    assert made.domain is not None
    assert made.domain.distance(made.estimator[0].transform(diabetes.table)).max() < 1e-5
    assert made.calibration is not None
    assert made.card.calibration["rows"] == made.calibration.rows
    assert set(made.card.scores) >= {"mae", "rmse", "r2"}


def test_predictions_say_what_is_known_of_them() -> None:
    made = train(formulas(), "random_forest", n_estimators=30)
    told = made.describe(["NaCl", "MgO", "Fe2O3", "UPt3"], ids=["a", "b", "c", "d"])
    assert list(told.columns) == ["id", "prediction", "std", "lower", "upper", "distance", "in_domain"]
    assert (told["lower"] < told["prediction"]).all()
    assert (told["prediction"] < told["upper"]).all()
    assert np.ptp(told["std"]) > 0
    # A formula that was trained on is near, an intermetallic of uranium far.
    known = made.describe([crystals().structures[3].composition])  # type: ignore[index]
    assert known["distance"].item() < 1e-5
    assert told["distance"].idxmax() == 3
    assert not told["in_domain"][3]


def test_classes_come_back_by_name(flowers: Dataset) -> None:
    made = train(flowers, "linear")
    named = made.predict(flowers.table)
    assert set(named) == set(flowers.classes)
    told = made.describe(flowers.table)
    chances = told[[f"probability of {name}" for name in flowers.classes]]
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(chances.to_numpy(), made.predict_proba(flowers.table))


def test_it_is_a_scikit_learn_estimator(flowers: Dataset, diabetes: Dataset) -> None:
    made = train(diabetes, "linear")
    other = clone(made).fit(diabetes.table, -diabetes.target)
    np.testing.assert_allclose(other.predict(diabetes.table), -made.predict(diabetes.table), rtol=1e-6)
    assert made.predict(diabetes.table).mean() > 0
    classes = train(flowers, "linear")
    names = np.array(flowers.classes)[flowers.target.astype(int)]
    again = clone(classes).fit(flowers.table, names)
    assert (again.predict(flowers.table) == names).mean() > 0.9


def test_other_inputs_are_refused(diabetes: Dataset) -> None:
    on_table, on_formulas = train(diabetes, "linear"), train(formulas(), "linear")
    with pytest.raises(InputError, match=r"lacks the columns 'bmi'"):
        on_table.predict(diabetes.table.drop(columns="bmi"))  # type: ignore[union-attr]
    with pytest.raises(InputError, match="takes a table with the columns age"):
        on_table.predict(["NaCl"])
    with pytest.raises(InputError, match=r"'linear' takes compositions: row 1: "):
        on_formulas.predict(["NaCl", "Nothing"])
    with pytest.raises(InputError, match="is no class"):
        on_table.predict_proba(diabetes.table)


def test_a_model_is_read_in_a_fresh_process(tmp_path: Path) -> None:
    made = train(formulas(), "lightgbm", n_estimators=20)
    path = made.save(tmp_path / "m.automat")
    script = "import automat, sys; print(repr(automat.load_model(sys.argv[1]).predict(['NaCl', 'MgO']).tolist()))"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repr(made.predict(["NaCl", "MgO"]).tolist())


class Constant(DecisionTreeRegressor):  # type: ignore[misc]
    """A user's own class."""


OWN = Model(name="own", build=lambda _params, seed: Constant(max_depth=2, random_state=seed))


def test_what_has_no_safe_form_is_pickled_only_if_that_is_said_twice(diabetes: Dataset, tmp_path: Path) -> None:
    made = train(diabetes, OWN)
    path = tmp_path / "own.automat"
    with pytest.raises(UnsafeModelError, match="no safe form on disk"):
        made.save(path)
    assert not path.exists()
    made.save(path, allow_pickle=True)
    with pytest.raises(UnsafeModelError, match="can run any code"):
        trained.load(path)
    again = trained.load(path, allow_pickle=True)
    np.testing.assert_array_equal(again.predict(diabetes.table), made.predict(diabetes.table))


def _rewritten(path: Path, change: Any) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_damaged_and_foreign_files_are_told_apart(diabetes: Dataset, tmp_path: Path) -> None:
    made = train(diabetes, "linear")

    def fresh() -> Path:
        return made.save(tmp_path / "m.automat")

    def newer(members: dict[str, bytes]) -> None:
        members["card.json"] = json.dumps(json.loads(members["card.json"]) | {"version": 99}).encode()

    cases = {
        "no trained model at": tmp_path / "absent.automat",
        "is damaged or was changed: step0.skops": _rewritten(fresh(), lambda m: m.update({"step0.skops": b"x"})),
    }
    for message, path in cases.items():
        with pytest.raises(InputError, match=message):
            trained.load(path)
    for message, change in (
        ("newer release", newer),
        ("it has no card.json", lambda m: m.pop("card.json")),
        ("is damaged or was changed: more", lambda m: m.update({"more": b"x"})),
        ("card.json cannot be read", lambda m: m.update({"card.json": b"{"})),
    ):
        with pytest.raises(InputError, match=message):
            trained.load(_rewritten(fresh(), change))
    whole = fresh().read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.automat").write_bytes(whole[:size])
        with pytest.raises(InputError):
            trained.load(tmp_path / "cut.automat")


def test_a_file_that_unpacks_without_end_is_refused(
    diabetes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = train(diabetes, "linear").save(tmp_path / "m.automat")
    monkeypatch.setattr(persist, "_MOST_BYTES", 1_000)
    with pytest.raises(InputError, match="unpacks to more than"):
        trained.load(path)


def test_a_type_that_is_not_listed_is_not_made(diabetes: Dataset, tmp_path: Path) -> None:
    import hashlib

    import skops.io

    path = train(diabetes, "linear").save(tmp_path / "m.automat")
    evil = skops.io.dumps({"run": io.BytesIO})

    def smuggle(members: dict[str, bytes]) -> None:
        members["step0.skops"] = evil
        card = json.loads(members["card.json"])
        card["members"]["step0.skops"] = hashlib.sha256(evil).hexdigest()
        members["card.json"] = json.dumps(card).encode()

    with pytest.raises(UnsafeModelError, match="BytesIO"):
        trained.load(_rewritten(path, smuggle))


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "random_forest", "catboost"])
def test_what_features_add_sums_to_the_prediction(name: str) -> None:
    made = train(formulas(), name, **short(name))
    told = explain(made, ["NaCl", "Fe2O3"], ["a", "b"], strongest=5)
    sums = told.groupby("id")["adds"].sum()
    np.testing.assert_allclose(sums.loc[["a", "b"]], made.predict(["NaCl", "Fe2O3"]), rtol=1e-4)
    assert told[told["id"] == "a"]["feature"].tolist()[0] == "(base)"
    assert told[told["id"] == "a"]["feature"].tolist()[-1] == "all others"
    shown = told[told["id"] == "a"]["adds"].abs().to_numpy()[1:-1]
    assert (np.diff(shown) <= 0).all()
    assert len(shown) == 5


def test_classes_are_explained_by_class(flowers: Dataset) -> None:
    made = train(flowers, "lightgbm", n_estimators=10)
    told = explain(made, flowers.table.iloc[:2], ["a", "b"])  # type: ignore[union-attr]
    assert set(told["of"]) == set(flowers.classes)
    scores = told.pivot_table(index="id", columns="of", values="adds", aggfunc="sum")
    assert scores.idxmax(axis=1).tolist() == ["setosa", "setosa"]


def test_atoms_of_an_additive_network_average_to_the_prediction() -> None:
    made = train(crystals(), "schnet", epochs=2)
    some = crystals().structures.take(np.arange(5))  # type: ignore[union-attr]
    told = explain(made, some, list("abcde"))
    np.testing.assert_allclose(told.groupby("id")["adds"].mean(), made.predict(some), rtol=1e-5)
    assert told[told["id"] == "a"]["element"].tolist() == [site.specie.symbol for site in some[0]]


def test_what_cannot_be_explained_says_so(diabetes: Dataset) -> None:
    with pytest.raises(InputError, match="made of no trees"):
        explain(train(diabetes, "linear"), diabetes.table, list(diabetes.ids))
    with pytest.raises(InputError, match="no mean over atoms"):
        explain(train(crystals(), "cgcnn", epochs=1), crystals().structures, list(crystals().ids))


def test_a_forged_tree_is_one_message(diabetes: Dataset, tmp_path: Path) -> None:
    made = train(diabetes, "decision_tree")
    tree = made.estimator[-1].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    tree.__setstate__(state)
    with pytest.raises(InputError, match=r"'m.automat' cannot be read.*nodes beyond the"):
        trained.load(made.save(tmp_path / "m.automat"))


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(diabetes: Dataset, tmp_path: Path) -> None:
    path = train(diabetes, "linear").save(tmp_path / "m.automat")

    def swell(members: dict[str, bytes]) -> None:
        members["arrays.safetensors"] = bytes(80 * 1024**2)

    with pytest.raises(InputError, match="200 times its size"):
        trained.load(_rewritten(path, swell))


def test_a_trained_model_serves_scikit_learns_tools(diabetes: Dataset, flowers: Dataset) -> None:
    from sklearn.base import is_classifier, is_regressor
    from sklearn.exceptions import NotFittedError
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.utils.validation import check_is_fitted

    regressor, classifier = train(diabetes, "linear"), train(flowers, "lightgbm", **SHORT)
    assert is_regressor(regressor)
    assert is_classifier(classifier)
    assert list(classifier.classes_) == list(flowers.classes)
    assert not hasattr(regressor, "classes_")
    check_is_fitted(regressor)
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(regressor))
    scores = cross_val_score(regressor, diabetes.table, diabetes.target, cv=3)
    plain = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    np.testing.assert_allclose(scores, cross_val_score(plain, diabetes.table, diabetes.target, cv=3), rtol=1e-9)
    names = np.array(flowers.classes)[flowers.target.astype(int)]
    assert cross_val_score(classifier, flowers.table, names, cv=3).min() > 0.85
    piped = make_pipeline(FunctionTransformer(), regressor)
    np.testing.assert_array_equal(piped.predict(diabetes.table), regressor.predict(diabetes.table))


def test_a_trained_model_of_formulas_is_validated_by_scikit_learn() -> None:
    from sklearn.model_selection import cross_val_predict

    dataset = formulas()
    assert dataset.formulas is not None
    made = train(dataset, "linear")
    given = np.array(dataset.formulas, dtype=object)
    assert cross_val_predict(made, given, dataset.target, cv=3).shape == dataset.target.shape


def test_a_process_that_only_predicts_needs_no_list_of_estimators(diabetes: Dataset, tmp_path: Path) -> None:
    path = train(diabetes, "linear").save(tmp_path / "m.automat")
    program = f"""
import sys
from automat import persist
persist.import_skops_lightly()
from skops.io import _trusted_types
assert not _trusted_types.SKLEARN_ESTIMATOR_TYPE_NAMES
from automat import trained
model = trained.load({str(path)!r})
assert type(model.estimator).__name__ == "Pipeline"
assert "sklearn.mixture" not in sys.modules
from sklearn.utils import all_estimators
assert len(all_estimators()) > 100
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_only_scikit_learns_own_estimators_are_known_as_such() -> None:
    assert persist._is_estimator("sklearn.linear_model._ridge.Ridge")
    for other in (
        "sklearn.utils.Bunch", "sklearn.utils._testing.os", "os.system", "sklearn.absent.Thing", "sklearn.base.clone",
        "sklearn.linear_model._ridge.LinearClassifierMixin", "sklearn.linear_model.tests.test_ridge.Ridge", "Ridge",
        "sklearn.linear_model.Ridge",  # its own name is another: a file names the module that defines it
    ):  # fmt: skip
        assert not persist._is_estimator(other), other
