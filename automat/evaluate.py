"""One cell: preprocess, tune, fit, predict, measure. A pure function of its inputs.

Everything that is fitted (encoders, imputers, scalers, the search, the model) is fitted on training
rows; the test rows are predicted once, by the final model, and then measured.
"""

from __future__ import annotations

import inspect
import time
import traceback
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from automat_leaderboards import metrics

from automat import _process
from automat.core import Predictions, RunRecord
from automat.splits import inner_holdout
from automat.tuning import Search, Watch, is_worth_searching, search, unsearched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from automat.core import Cell, Dataset, Fold, Model

_TRACEBACK_LINES = 30


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a model is given for the whole dataset; cells take rows of it.

    Attributes:
        values: float features (n, columns), a DataFrame, or a packed collection with ``take``.
        featurize_seconds: CPU seconds that computing them cost, once.
        notes: what could not be computed, a sentence each.
    """

    values: Any
    featurize_seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def take(self, rows: NDArray[np.intp]) -> Any:
        """The given rows, in the given order."""
        if hasattr(self.values, "iloc"):
            return self.values.iloc[rows]
        if isinstance(self.values, np.ndarray):
            return self.values[rows]
        return self.values.take(rows)


@dataclass(frozen=True, eq=False)
class Job:
    """All that the cells of a run share: sent once to every worker.

    Attributes:
        dataset: the data.
        folds: by index.
        models: by name.
        inputs: by the cells' ``features``.
        versions, commit: what is installed, for the record.
    """

    dataset: Dataset
    folds: tuple[Fold, ...]
    models: Mapping[str, Model]
    inputs: Mapping[str, Inputs]
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""


def run_cell(job: Job, cell: Cell) -> tuple[RunRecord, Predictions | None]:
    """Compute one cell. A model that raises gives a failed record with its reason, and no predictions."""
    mark = _process.mark_memory()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome, predictions = _compute(job, cell)
    except MemoryError as error:
        return failed_record(job, cell, "out_of_memory", str(error) or "out of memory"), None
    except Exception as error:  # noqa: BLE001 - whatever a model raises must not end the run
        message = " ".join(f"{type(error).__name__}: {error}".split())
        trace = "".join(traceback.format_exception(error)).splitlines()[-_TRACEBACK_LINES:]
        return failed_record(job, cell, "failed", message, details={"traceback": "\n".join(trace)}), None
    return _record(job, cell, "ok", **outcome, peak_memory_mb=_process.peak_above(mark)), predictions


def failed_record(job: Job, cell: Cell, status: Any, error: str, details: Mapping[str, Any] | None = None) -> RunRecord:
    """The record of a cell that did not finish; its worker may be gone, so it states no memory."""
    return _record(job, cell, status, error=error, details=details or {}, peak_memory_mb=0.0)


def make_estimator(job: Job, model: Model, params: Mapping[str, Any], seed: int) -> Any:
    """The model's estimator behind what its inputs need; all of it is fitted together.

    Plain tables are encoded, and missing features imputed where the model does not take them.
    """
    estimator = model.make(job.dataset.task, dict(params), seed)
    if model.input != "features":
        return estimator
    from sklearn.pipeline import make_pipeline

    steps: list[Any] = []
    if job.dataset.inputs == "table":
        from automat_featurizers import TableEncoder

        steps.append(TableEncoder())
    if not model.handles_missing:
        from sklearn.impute import SimpleImputer

        steps.append(SimpleImputer(strategy="median", keep_empty_features=True))
    return make_pipeline(*steps, estimator) if steps else estimator


def _compute(job: Job, cell: Cell) -> tuple[dict[str, Any], Predictions]:
    dataset, model, fold = job.dataset, job.models[cell.model], job.folds[cell.fold]
    inputs = job.inputs[cell.features]
    settings = {key: value for key, value in cell.budget.items() if key not in {"preset", "trials"}}
    if not np.isfinite(dataset.target).all():
        raise ValueError(f"the target is not finite in {int((~np.isfinite(dataset.target)).sum())} rows")
    target = dataset.target if dataset.task == "regression" else dataset.target.astype(np.int64)

    found = _tune(job, cell, inputs, target, settings)
    params = found.params | settings
    estimator = make_estimator(job, model, params, cell.seed)
    train_rows = inputs.take(fold.train)
    started = time.process_time()
    estimator.fit(train_rows, target[fold.train])
    fitted = time.process_time()
    on_test, probabilities, spread = _predict(dataset, estimator, inputs.take(fold.test))
    predicted = time.process_time()
    on_train, train_probabilities, _ = _predict(dataset, estimator, train_rows)

    details = dict(getattr(_final(estimator), "details_", {}))
    if found.history:
        details["search"] = list(found.history)
    scores: dict[str, Mapping[str, float]] = {
        "train": metrics.score(dataset.task, dataset.target[fold.train], on_train, train_probabilities),
        "test": metrics.score(dataset.task, dataset.target[fold.test], on_test, probabilities),
    }
    if found.scores:
        scores["validation"] = found.scores
    outcome = {
        "params": params,
        "metrics": scores,
        "tune_seconds": found.seconds,
        "fit_seconds": fitted - started,
        "predict_seconds": predicted - fitted,
        "details": details,
    }
    return outcome, Predictions(dataset.ids[fold.test], dataset.target[fold.test], on_test, probabilities, spread)


def _tune(job: Job, cell: Cell, inputs: Inputs, target: NDArray[Any], settings: Mapping[str, Any]) -> Search:
    dataset, model, trials = job.dataset, job.models[cell.model], int(cell.budget["trials"])
    if not is_worth_searching(model, trials):
        return unsearched(model)
    fit_on, judge_on = inner_holdout(dataset, job.folds[cell.fold])
    fit_rows, judge_rows = inputs.take(fit_on), inputs.take(judge_on)

    def objective(params: dict[str, Any], watch: Watch | None = None) -> Mapping[str, float]:
        estimator = make_estimator(job, model, {**params, **settings}, cell.seed)
        if watch is not None and hasattr(_final(estimator), "on_epoch"):
            _final(estimator).on_epoch = watch
        estimator.fit(fit_rows, target[fit_on])
        predicted, probabilities, _ = _predict(dataset, estimator, judge_rows)
        return metrics.score(dataset.task, dataset.target[judge_on], predicted, probabilities)

    # A third of its epochs tell whether a network is worth the others.
    prune_after = settings["epochs"] // 3 if "epochs" in settings else None
    return search(model, dataset.task, objective, trials=trials, seed=cell.seed, prune_after=prune_after)


def _final(estimator: Any) -> Any:
    """The model itself, behind what its inputs need."""
    return estimator[-1] if hasattr(estimator, "steps") else estimator


def _predict(
    dataset: Dataset, estimator: Any, rows: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Predictions of shape (n,), class probabilities of shape (n, k) for classification, and a spread.

    The spread, of shape (n,), is scikit-learn's ``return_std``, of a regressor whose ``predict`` knows it.

    Raises:
        ValueError: predictions that are not finite numbers; a model may not be scored on fewer rows.
    """
    spread: NDArray[np.float64] | None = None
    if dataset.task == "regression" and "return_std" in inspect.signature(_final(estimator).predict).parameters:
        given, spread = estimator.predict(rows, return_std=True)
        spread = np.asarray(spread, dtype=np.float64).ravel()
    else:
        given = estimator.predict(rows)
    predicted = np.asarray(given, dtype=np.float64).ravel()
    if not np.isfinite(predicted).all():
        raise ValueError(f"{int((~np.isfinite(predicted)).sum())} of {len(predicted)} predictions are not finite")
    if dataset.task == "regression":
        return predicted, None, spread
    given = np.asarray(estimator.predict_proba(rows), dtype=np.float64)
    # A class that the training rows lack has no column of its own.
    probabilities = np.zeros((len(given), len(dataset.classes)))
    seen = getattr(estimator, "classes_", np.arange(given.shape[1]))
    probabilities[:, np.asarray(seen, dtype=np.intp)] = given
    return predicted, probabilities, None


def _record(job: Job, cell: Cell, status: Any, **outcome: Any) -> RunRecord:
    fold = job.folds[cell.fold]
    inputs = job.inputs.get(cell.features)
    return RunRecord(
        cell=cell,
        task=job.dataset.task,
        unit=job.dataset.unit,
        title=job.models[cell.model].title or cell.model,
        status=status,
        n_train=len(fold.train),
        n_test=len(fold.test),
        featurize_seconds=inputs.featurize_seconds if inputs else 0.0,
        versions=job.versions,
        commit=job.commit,
        host=_process.host(),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **outcome,
    )
