from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from automat import splits
from automat.core import Cell, Dataset, Model, Split
from automat.evaluate import Inputs, Job, run_cell
from automat.models import registry, unavailable_because
from automat.networks.ensembles import EnsembleRegressor
from automat.networks.mlp import MLPRegressor
from automat.store import Store


def job_of(dataset: Dataset, *models: Model, inputs: Any = None) -> Job:
    kind = splits.default_kind(dataset)
    return Job(
        dataset=dataset,
        folds=splits.make(dataset, Split(kind, 3, 0)),
        models={model.name: model for model in models},
        inputs={"table": Inputs(dataset.table if inputs is None else inputs)},
    )


def cell_of(job: Job, model: str, *, trials: int = 3, fold: int = 0, **settings: Any) -> Cell:
    return Cell(
        dataset=job.dataset.name,
        dataset_sha256=job.dataset.sha256,
        target=job.dataset.target_name,
        split=job.folds[0].split,
        fold=fold,
        model=model,
        model_version="1",
        features="table",
        features_version="1",
        budget={"preset": "quick", "trials": trials, **settings},
        seed=0,
    )


class Spy(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Remembers every row that any fit of any instance saw."""

    seen: list[NDArray[np.float64]] = []  # noqa: RUF012 - shared by all instances on purpose

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, X: NDArray[np.float64], y: NDArray[np.float64]) -> Self:
        self.seen.append(np.column_stack([X, y]))
        self.mean_ = y.mean()
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(X), self.mean_)


SPY = Model(
    name="spy",
    space=lambda trial: {"power": trial.suggest_float("power", 0, 1)},
    defaults={"power": 0.5},
    build=lambda params, _seed: Spy(**params),
)


def test_the_test_fold_is_never_fitted(diabetes: Dataset) -> None:
    Spy.seen.clear()
    job = job_of(diabetes, SPY)
    record, _ = run_cell(job, cell_of(job, "spy", trials=4))
    assert record.status == "ok"
    assert diabetes.table is not None
    fold = job.folds[0]
    rows = np.column_stack([diabetes.table.to_numpy(), diabetes.target])
    test_rows = {row.tobytes() for row in rows[fold.test]}
    assert len(Spy.seen) == 5
    for fitted in Spy.seen:
        assert not {row.tobytes() for row in np.ascontiguousarray(fitted)} & test_rows
    assert [len(fitted) for fitted in Spy.seen] == [64, 64, 64, 64, 80]


def test_imputing_learns_from_the_fitted_rows_alone(diabetes: Dataset) -> None:
    """A huge value in a test row must not move the median that fills a training row's gap."""
    assert diabetes.table is not None
    job = job_of(diabetes, SPY)
    values = diabetes.table.to_numpy().copy()
    values[job.folds[0].train[0], 0] = np.nan
    values[job.folds[0].test, 0] = 1e9
    Spy.seen.clear()
    record, _ = run_cell(job_of(diabetes, SPY, inputs=diabetes.table.assign(age=values[:, 0])), cell_of(job, "spy"))
    assert record.status == "ok"
    expected = np.nanmedian(values[job.folds[0].train, 0])
    final = Spy.seen[-1]
    assert final[0, list(diabetes.table.columns).index("age")] == pytest.approx(expected)


def test_metrics_are_those_of_the_predictions(diabetes: Dataset) -> None:
    model = Model(name="ols", build=lambda _params, _seed: LinearRegression())
    job = job_of(diabetes, model)
    record, predictions = run_cell(job, cell_of(job, "ols"))
    assert predictions is not None
    assert diabetes.table is not None
    fold = job.folds[0]
    expected = LinearRegression().fit(diabetes.table.to_numpy()[fold.train], diabetes.target[fold.train])
    np.testing.assert_allclose(predictions.y_pred, expected.predict(diabetes.table.to_numpy()[fold.test]))
    assert record.metrics["test"]["mae"] == pytest.approx(np.abs(predictions.y_pred - predictions.y_true).mean())
    assert record.n_test == len(predictions.ids) == 40
    assert set(record.metrics) == {"train", "test"}


def test_a_cell_repeats(diabetes: Dataset) -> None:
    job = job_of(diabetes, registry()["extra_trees"])
    cell = cell_of(job, "extra_trees", n_estimators=10)
    (first, one), (second, two) = run_cell(job, cell), run_cell(job, cell)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.y_pred, two.y_pred)
    assert first.params == second.params
    assert first.metrics == second.metrics


def raise_error(_params: dict[str, Any], _seed: int) -> Any:
    raise RuntimeError("no\nluck")


class Wild(Spy):
    def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full(len(X), np.nan)


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (raise_error, "RuntimeError: no luck"),
        (lambda _params, _seed: Wild(), "ValueError: 40 of 40 predictions are not finite"),
        (lambda _params, _seed: object(), "AttributeError: 'object' object has no attribute 'fit'"),
    ],
)
def test_a_model_that_fails_is_a_record(diabetes: Dataset, build: Any, error: str) -> None:
    job = job_of(diabetes, Model(name="bad", build=build, handles_missing=True), inputs=np.ones((120, 2)))
    job = replace(job, dataset=replace(diabetes, inputs="compositions"))
    record, predictions = run_cell(job, cell_of(job, "bad"))
    assert predictions is None
    assert (record.status, record.error) == ("failed", error)
    assert "Traceback" in record.details["traceback"] or "Error" in record.details["traceback"]
    assert record.n_train == 80


def test_nan_targets_are_refused_before_any_fit(diabetes: Dataset) -> None:
    Spy.seen.clear()
    target = diabetes.target.copy()
    target[3] = np.nan
    job = replace(job_of(diabetes, SPY), dataset=replace(diabetes, target=target))
    record, predictions = run_cell(job, cell_of(job, "spy"))
    assert (record.status, record.error) == ("failed", "ValueError: the target is not finite in 1 rows")
    assert predictions is None
    assert not Spy.seen


def test_memory_is_what_the_cell_added(diabetes: Dataset) -> None:
    class Heavy(Spy):
        def fit(self, X: NDArray[np.float64], y: NDArray[np.float64]) -> Self:
            np.ones(25_000_000)  # 200 MB, and let go
            return super().fit(X, y)

    light = Model(name="light", build=lambda _params, _seed: Spy())
    heavy = Model(name="heavy", build=lambda _params, _seed: Heavy())
    job = job_of(diabetes, light, heavy)
    run_cell(job, cell_of(job, "light"))
    added, _ = run_cell(job, cell_of(job, "heavy"))
    after, _ = run_cell(job, cell_of(job, "light"))
    assert 180 < added.peak_memory_mb < 260
    assert after.peak_memory_mb < 50


def test_out_of_memory_is_told_apart(diabetes: Dataset) -> None:
    def greedy(_params: dict[str, Any], _seed: int) -> Any:
        raise MemoryError

    job = job_of(diabetes, Model(name="greedy", build=greedy))
    record, _ = run_cell(job, cell_of(job, "greedy"))
    assert record.status == "out_of_memory"


def test_a_class_that_training_lacks_has_probability_zero(flowers: Dataset) -> None:
    job = job_of(flowers, registry()["linear"])
    fold = job.folds[0]
    without = replace(fold, train=fold.train[flowers.target[fold.train] != 2])
    job = replace(job, folds=(without, *job.folds[1:]))
    record, predictions = run_cell(job, cell_of(job, "linear", trials=1))
    assert record.status == "ok", record.error
    assert predictions is not None
    assert predictions.probabilities is not None
    assert predictions.probabilities.shape == (50, 3)
    assert not predictions.probabilities[:, 2].any()


def test_the_record_says_what_was_searched(diabetes: Dataset) -> None:
    job = job_of(diabetes, registry()["knn"])
    record, _ = run_cell(job, cell_of(job, "knn", trials=5))
    assert len(record.details["search"]) == 5
    best = min(record.details["search"], key=lambda trial: trial["value"])
    assert record.params == best["params"]
    assert record.metrics["validation"]["mae"] == best["value"]
    assert record.details["search"][0]["params"] == registry()["knn"].defaults


def test_the_members_spread_is_stored_with_the_predictions(diabetes: Dataset, tmp_path: Path) -> None:
    def build(params: dict[str, Any], seed: int) -> EnsembleRegressor:
        return EnsembleRegressor(MLPRegressor(**params), members=2, seed=seed)

    job = job_of(diabetes, Model(name="two", build=build))
    record, predictions = run_cell(job, cell_of(job, "two", epochs=2))
    assert predictions is not None
    assert predictions.y_std is not None
    assert (predictions.y_std > 0).all()
    store = Store(tmp_path)
    store.write(record, predictions)
    stored = store.predictions(diabetes.name, [record.cell.key])
    np.testing.assert_array_equal(stored["y_std"], predictions.y_std)


def test_networks_that_fall_behind_in_the_search_are_ended(diabetes: Dataset) -> None:
    def build(params: dict[str, Any], seed: int) -> MLPRegressor:
        return MLPRegressor(**params, training={"holdout": 0.3}, seed=seed)

    # So few rows have an inner holdout only if a larger share of them is asked for.
    job = job_of(diabetes, replace(registry()["mlp"], name="judged_mlp", build=build))
    record, _ = run_cell(job, cell_of(job, "judged_mlp", trials=8, epochs=6))
    pruned = [row for row in record.details["search"] if "pruned_after" in row]
    assert pruned
    assert all(2 <= row["pruned_after"] <= 6 for row in pruned)
    assert record.details["search"][0]["value"] is not None


def _holding_out(params: dict[str, Any], seed: int) -> MLPRegressor:
    return MLPRegressor(**params, training={"holdout": 0.3}, seed=seed)


NET = Model(name="net", build=_holding_out, cost="network")
PYCARET = pytest.mark.skipif(
    bool(unavailable_because(registry()["pycaret"])), reason=unavailable_because(registry()["pycaret"])
)


@pytest.mark.parametrize(
    ("model", "trials", "settings", "origin"),
    [
        (registry()["knn"], 3, {}, "the rows that the search judged by"),
        (registry()["knn"], 1, {}, "an inner holdout, by one more fit without it"),
        (NET, 1, {"epochs": 5}, "the rows held out to choose the epoch"),
        pytest.param(
            registry()["pycaret"],
            1,
            {"learners": ["dt", "knn"], "search_trials": 1},
            "the rows that its own search held out",
            marks=PYCARET,
        ),
    ],
)
def test_error_bars_come_from_training_rows_that_were_not_fitted(
    diabetes: Dataset, model: Model, trials: int, settings: dict[str, Any], origin: str
) -> None:
    job = job_of(diabetes, model)
    record, made = run_cell(job, cell_of(job, model.name, trials=trials, **settings))
    assert record.status == "ok", record.error
    assert record.details["calibration"]["from"] == origin
    assert made is not None
    assert made.y_std is not None
    assert made.lower is not None
    assert made.upper is not None
    inside = (made.lower <= made.y_true) & (made.y_true <= made.upper)
    assert record.metrics["test"]["coverage"] == inside.mean()
    assert inside.mean() > 0.75


@PYCARET
def test_what_pycaret_held_out_was_predicted_before_its_last_fit(diabetes: Dataset) -> None:
    from automat.models._pycaret import PyCaretRegressor

    assert diabetes.table is not None
    rows, target = diabetes.table.to_numpy(), diabetes.target
    fitted = PyCaretRegressor(learners=["lr"], search_trials=1).fit(rows, target)
    held = fitted.held_rows_
    assert len(held) == len(set(held)) == pytest.approx(len(rows) / 5, abs=1)
    assert fitted.details_["final"] == "LinearRegression"
    others = np.setdiff1d(np.arange(len(rows)), held)
    # PyCaret computes in single precision.
    before = LinearRegression().fit(rows[others], target[others]).predict(rows[held])
    np.testing.assert_allclose(fitted.held_predictions_, before, rtol=1e-4)
    after = LinearRegression().fit(rows, target).predict(rows)
    np.testing.assert_allclose(fitted.predict(rows), after, rtol=1e-4)
    assert np.abs(after[held] - before).max() > 1


def test_a_network_that_holds_nothing_out_is_not_trained_twice_for_error_bars(diabetes: Dataset) -> None:
    job = job_of(diabetes, replace(registry()["mlp"], cost="network"))
    record, made = run_cell(job, cell_of(job, "mlp", trials=1, epochs=2))
    assert made is not None
    assert made.y_std is None
    assert "calibration" not in record.details
    assert "coverage" not in record.metrics["test"]


def test_rows_that_a_spy_saw_do_not_judge_it_and_test_rows_do_not_calibrate(diabetes: Dataset) -> None:
    Spy.seen.clear()
    job = job_of(diabetes, SPY)
    _, made = run_cell(job, cell_of(job, "spy", trials=1))
    final, again = Spy.seen
    assert len(again) < len(final) == len(job.folds[0].train)
    assert made is not None
    assert made.y_std is not None
    # A mean's error bar is the root mean square distance of the held-out targets from the others' mean.
    held = np.array([row for row in final.tolist() if row not in again.tolist()])
    mean = again[:, -1].mean()
    assert made.y_std == pytest.approx(np.full(len(made.ids), np.sqrt(((held[:, -1] - mean) ** 2).mean())))


def test_a_forest_tells_how_far_its_trees_are_apart(diabetes: Dataset) -> None:
    assert diabetes.table is not None
    rows = diabetes.table.to_numpy()
    for name in ("random_forest", "extra_trees"):
        forest = registry()[name].make("regression", {"n_estimators": 20, "max_features": 0.5}, 0)
        forest.fit(rows[:100], diabetes.target[:100])
        mean, spread = forest.predict(rows[100:], return_std=True)
        by_tree = np.stack([tree.predict(rows[100:]) for tree in forest.estimators_])
        np.testing.assert_allclose(mean, by_tree.mean(axis=0))
        np.testing.assert_allclose(spread, by_tree.std(axis=0))


def test_probabilities_are_judged_as_they_are(flowers: Dataset) -> None:
    job = job_of(flowers, registry()["knn"])
    record, made = run_cell(job, cell_of(job, "knn", trials=1))
    assert made is not None
    assert made.y_std is None
    assert {"log_loss", "brier", "calibration_error"} <= set(record.metrics["test"])
    assert "calibration" not in record.details


def test_what_a_model_leans_on_is_told_once_and_changes_nothing(diabetes: Dataset) -> None:
    assert diabetes.table is not None
    names = tuple(map(str, diabetes.table.columns))
    plain_job = job_of(diabetes, registry()["linear"])
    asking = replace(plain_job, inputs={"table": Inputs(diabetes.table, names=names)}, explains=True)
    (told, one), (plain, two) = (run_cell(job, cell_of(job, "linear")) for job in (asking, plain_job))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.y_pred, two.y_pred)
    assert told.metrics == plain.metrics
    assert {each["name"] for each in told.details["learned"]["permutation"]["features"]} == set(names)
    assert told.details["learned"]["seconds"] > 0
    assert "learned" not in plain.details
    later, _ = run_cell(asking, cell_of(asking, "linear", fold=1))
    assert "learned" not in later.details


def test_a_model_that_cannot_be_asked_keeps_its_scores(diabetes: Dataset) -> None:
    class Shy(Spy):
        def predict(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
            if len(X) not in {40, 80, 16, 64}:
                raise ValueError("not so many")
            return super().predict(X)

    job = job_of(diabetes, Model(name="shy", build=lambda _params, _seed: Shy()))
    job = replace(job, explains=True, inputs={"table": Inputs(diabetes.table, names=("any",) * 4)})
    record, _ = run_cell(job, cell_of(job, "shy"))
    assert record.status == "ok"
    assert record.details["learned"]["refused"] == "ValueError: not so many"
