"""What every registered model must do, on a toy set."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from automat_featurizers import build_graphs

from automat import datasets, splits
from automat.core import Cell, Dataset, Fold, Model, Split, Task
from automat.evaluate import Inputs, Job, make_estimator, run_cell
from automat.models import registry, unavailable_because
from automat.presets import PRESETS

# Entrants' own libraries warn of small data, deprecations and failed inner fits; the records say what matters.
pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = 60
CASES = [(model, task) for model in registry().values() for task in model.tasks]


@cache
def toy(task: Task) -> Dataset:
    """60 real crystals: formation energy, or whether it is below the median."""
    whole = datasets.load("mp_formation")
    rows = np.linspace(0, len(whole) - 1, ROWS).astype(int)
    target = whole.target[rows]
    assert whole.structures is not None
    structures = whole.structures.take(rows)
    if task == "classification":
        target = (target < np.median(target)).astype(float)
    return replace(
        whole,
        ids=whole.ids[rows],
        target=target,
        task=task,
        structures=structures,
        compositions=structures.compositions,
        classes=("high", "low") if task == "classification" else (),
    )


@cache
def inputs_of(kind: str) -> Inputs:
    """Graphs of the crystals, or shares of their elements and their lattices."""
    dataset = toy("regression")
    assert dataset.structures is not None
    if kind != "features":
        return Inputs(build_graphs(dataset.structures))
    shares = np.zeros((ROWS, 104))
    for row, composition in enumerate(dataset.compositions or ()):
        for element, amount in composition.fractional_composition.items():
            shares[row, element.Z] = amount
    return Inputs(np.column_stack([shares, dataset.structures.lattices.reshape(ROWS, 9)]))


@cache
def folds_of(task: Task) -> tuple[Fold, ...]:
    dataset = toy(task)
    return tuple(splits.make(dataset, Split(splits.default_kind(dataset), 2, 0)))


def job_of(model: Model, task: Task) -> Job:
    return Job(toy(task), folds_of(task), {model.name: model}, {model.input: inputs_of(model.input)})


def cell_of(job: Job, model: Model, trials: int = 1) -> Cell:
    small = replace(PRESETS["quick"], trees=20, epochs=2, pycaret_learners=("knn", "dt"), pycaret_trials=1)
    return Cell(
        dataset="toy",
        dataset_sha256=job.dataset.sha256,
        target="y",
        split=job.folds[0].split,
        fold=0,
        model=model.name,
        model_version=model.version,
        features=model.input,
        features_version="1",
        budget={"preset": "quick", "trials": trials, **model.settings(small)},
        seed=0,
    )


def case_id(case: object) -> str:
    return case.name if isinstance(case, Model) else str(case)


@pytest.mark.parametrize(("model", "task"), CASES, ids=case_id)
def test_it_runs_a_cell_and_repeats(model: Model, task: Task) -> None:
    if reason := unavailable_because(model):
        pytest.skip(reason)
    job = job_of(model, task)
    cell = cell_of(job, model, trials=2)
    (record, first), (_, second) = run_cell(job, cell), run_cell(job, cell)
    assert record.status == "ok", record.details.get("traceback", record.error)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first.y_pred, second.y_pred)
    assert set(record.metrics) >= {"train", "test"}
    if task == "classification":
        assert first.probabilities is not None
        np.testing.assert_allclose(first.probabilities.sum(axis=1), 1, atol=1e-5)
        assert set(first.y_pred) <= {0.0, 1.0}


@pytest.mark.parametrize(("model", "task"), CASES, ids=case_id)
def test_it_predicts_one_row(model: Model, task: Task) -> None:
    if reason := unavailable_because(model):
        pytest.skip(reason)
    job = job_of(model, task)
    settings = {key: value for key, value in cell_of(job, model).budget.items() if key not in {"preset", "trials"}}
    estimator = make_estimator(job, model, dict(model.defaults) | settings, seed=0)
    fold, inputs = job.folds[0], job.inputs[model.input]
    target = job.dataset.target.astype(int) if task == "classification" else job.dataset.target
    estimator.fit(inputs.take(fold.train), target[fold.train])
    one = np.ravel(estimator.predict(inputs.take(fold.test[:1])))
    several = np.ravel(estimator.predict(inputs.take(fold.test[:3])))
    assert one.shape == (1,)
    assert one[0] == pytest.approx(several[0], abs=1e-5)


@pytest.mark.parametrize("model", registry().values(), ids=case_id)
def test_it_says_who_it_is(model: Model) -> None:
    assert model.title
    assert model.citation
    assert model.licence
    assert model.name == model.name.lower()


@pytest.mark.parametrize("model", [model for model in registry().values() if model.is_searched], ids=case_id)
def test_defaults_lie_in_the_search_space(model: Model) -> None:
    import optuna

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(dict(model.defaults))
    trial = study.ask()
    assert model.space(trial) == dict(model.defaults)
    for name, distribution in trial.distributions.items():
        assert distribution._contains(distribution.to_internal_repr(model.defaults[name])), name
