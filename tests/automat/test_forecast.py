"""What a run would cost: from records alone, scaled by rows, unknown where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automat import forecast as forecasting
from automat import plan
from automat.core import Cell, Dataset, InputError, RunRecord
from automat.datasets.matbench import TASKS
from automat.forecast import Forecast, forecast, forecasts
from automat.store import Store


@pytest.fixture
def planned(diabetes: Dataset) -> plan.Plan:
    return plan.make(diabetes, models=["dummy", "linear"], preset="quick", trials=1)


def record(cell: Cell, *, rows: int, seconds: float, memory: float = 100.0) -> RunRecord:
    return RunRecord(
        cell=cell, task="regression", unit="", title="", status="ok", n_train=rows, n_test=10,
        fit_seconds=seconds / 2, tune_seconds=seconds / 2, peak_memory_mb=memory,
    )  # fmt: skip


def elsewhere(cell: Cell, name: str) -> Cell:
    """The same entrant on another dataset."""
    return replace(cell, dataset=name, dataset_sha256=name)


def cells_of(planned: plan.Plan, model: str) -> list[Cell]:
    return [cell for cell in planned.cells if cell.model == model]


def of(found: Forecast, model: str) -> forecasting.Expected:
    return next(each for each in found.entrants if each.model == model)


def test_without_records_the_cost_is_unknown(planned: plan.Plan, tmp_path: Path) -> None:
    found = forecast(planned, Store(tmp_path), workers=2)
    assert (found.cells, found.cached, found.unknown) == (4, 0, 4)
    assert (of(found, "linear").cpu_seconds, of(found, "linear").memory_mb) == (None, None)
    assert (found.cpu_seconds, found.wall_seconds) == (0, 0)


def test_times_are_scaled_in_proportion_to_rows(planned: plan.Plan, tmp_path: Path) -> None:
    store, cell = Store(tmp_path), cells_of(planned, "linear")[0]
    store.write(record(elsewhere(cell, "small"), rows=30, seconds=3.0), None)
    found = forecast(planned, store, workers=2)
    linear = of(found, "linear")
    assert [len(fold.train) for fold in planned.folds] == [60, 60]
    assert (linear.records, linear.power, linear.missing) == (1, 1.0, 2)
    assert linear.cpu_seconds == pytest.approx(2 * 3.0 * 60 / 30)
    assert linear.memory_mb == pytest.approx(200)
    assert found.wall_seconds == pytest.approx(6.0)
    assert found.unknown == 2


def test_growth_is_learned_where_sizes_differ(planned: plan.Plan, tmp_path: Path) -> None:
    store, cell = Store(tmp_path), cells_of(planned, "linear")[0]
    for rows in (10, 20, 40):
        store.write(record(elsewhere(cell, f"of{rows}"), rows=rows, seconds=1e-3 * rows**2), None)
    linear = of(forecast(planned, store, workers=1), "linear")
    assert linear.power == pytest.approx(2.0)
    assert linear.cpu_seconds == pytest.approx(2 * 1e-3 * 60**2)


def test_what_loads_libraries_is_not_scaled(planned: plan.Plan, tmp_path: Path) -> None:
    store, (first, second) = Store(tmp_path), cells_of(planned, "linear")
    store.write(record(elsewhere(first, "small"), rows=6, seconds=5.1, memory=300.0), None)
    store.write(record(elsewhere(second, "small"), rows=6, seconds=0.1, memory=2.0), None)
    linear = of(forecast(planned, store, workers=1), "linear")
    assert linear.cpu_seconds == pytest.approx(2 * (2.5 + 0.1 * 60 / 6))
    assert linear.memory_mb == pytest.approx(300 + 2 / 6 * 54)


def test_beyond_what_is_known_time_grows_at_least_in_proportion(planned: plan.Plan, tmp_path: Path) -> None:
    store, cell = Store(tmp_path), cells_of(planned, "linear")[0]
    for rows in (10, 20):
        store.write(record(elsewhere(cell, f"of{rows}"), rows=rows, seconds=2.0), None)
    linear = of(forecast(planned, store, workers=1), "linear")
    assert linear.power == pytest.approx(0.0)
    assert linear.cpu_seconds == pytest.approx(2 * 2.0 * 60 / 20)


def test_what_is_done_costs_nothing(planned: plan.Plan, tmp_path: Path) -> None:
    store = Store(tmp_path)
    for cell in cells_of(planned, "linear"):
        store.write(record(cell, rows=60, seconds=5.0), None)
    linear = of(forecast(planned, store, workers=2), "linear")
    assert (linear.cached, linear.missing, linear.cpu_seconds) == (2, 0, 0.0)


def test_another_budget_tells_nothing(planned: plan.Plan, tmp_path: Path) -> None:
    store, cell = Store(tmp_path), cells_of(planned, "linear")[0]
    richer = replace(elsewhere(cell, "small"), budget=dict(cell.budget) | {"trials": 50})
    store.write(record(richer, rows=60, seconds=5.0), None)
    store.write(replace(record(elsewhere(cell, "other"), rows=60, seconds=5.0), status="failed"), None)
    assert of(forecast(planned, store, workers=2), "linear").cpu_seconds is None


@pytest.mark.parametrize(("workers", "wall"), [(1, 10.0), (2, 7.0), (8, 4.0)])
def test_cells_go_to_the_worker_that_is_free_first(workers: int, wall: float) -> None:
    assert forecasting._wall([3.0, 1.0, 2.0, 4.0], workers) == pytest.approx(wall)


def test_features_are_counted_once_and_not_where_the_cache_has_them(tmp_path: Path) -> None:
    from automat import datasets

    data = datasets.load("mp_dielectric")
    planned = plan.make(data, models=["linear"], features="magpie", preset="quick", trials=1)
    store, cell = Store(tmp_path), planned.cells[0]
    assert forecast(planned, store, workers=1).featurize == {"magpie": None}
    store.write(replace(record(elsewhere(cell, "small"), rows=90, seconds=1.0), featurize_seconds=2.0), None)
    found = forecast(planned, store, workers=1)
    assert found.featurize == {"magpie": pytest.approx(2.0 / 100 * len(data))}
    store.write(record(cell, rows=90, seconds=1.0), None)
    assert forecast(planned, store, workers=1).featurize == {}


def test_several_datasets_and_those_that_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diabetes: Dataset
) -> None:
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("MATMINER_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr("automat.datasets.matbench.TASKS", {"matbench_steels": TASKS["matbench_steels"]})
    made, absent = forecasts(
        [diabetes], matbench=True, runs=tmp_path, models=["linear"], preset="quick", folds=3, workers=4
    )
    assert [(each.dataset, each.rows, each.folds, each.workers) for each in made] == [
        ("diabetes", 120, 3, 4),
        ("matbench_steels", 312, 3, 4),
    ]
    assert list(absent) == ["matbench_steels"]
    with pytest.raises(InputError, match="no dataset was named"):
        forecasts([], runs=tmp_path)
    with pytest.raises(InputError, match="unknown dataset 'mp_formtion'"):
        forecasts(["mp_formtion"], runs=tmp_path)


def test_a_real_run_forecasts_itself(diabetes: Dataset, tmp_path: Path) -> None:
    from automat import api

    given: dict[str, Any] = {"models": ["linear"], "preset": "quick", "trials": 2}
    api.run(diabetes, out=tmp_path, jobs=1, **given)
    spent = api.load_results(tmp_path)[["tune_seconds", "fit_seconds", "predict_seconds"]].to_numpy().sum()
    (again,), _ = forecasts([diabetes], runs=tmp_path, seed=1, workers=1, **given)
    (linear,) = again.entrants
    assert (linear.cached, linear.missing, linear.records) == (0, 2, 2)
    assert linear.cpu_seconds == pytest.approx(spent)
