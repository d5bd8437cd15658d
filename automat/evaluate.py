"""One cell: preprocess, tune, fit, predict, measure. A pure function of its inputs.

Everything that is fitted (encoders, imputers, scalers, the search, the model) is fitted on training
rows; the test rows are predicted once, by the final model, and then measured.
"""

from __future__ import annotations

import json
import time
import traceback
import warnings
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from automat_leaderboards import metrics, uncertainty

from automat import _process
from automat.calibration import calibrate
from automat.core import Predictions, RunRecord
from automat.importance import learned
from automat.output import Output, final_step, output_of
from automat.partial_work import PartialWork, digest_of
from automat.splits import inner_holdout
from automat.tuning import Search, Watch, direction, is_worth_searching, search, unsearched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        names: of the columns; empty where there are none.
        groups: featurizers and how many columns each made, in column order; empty where none made them.
    """

    values: Any
    featurize_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    groups: tuple[tuple[str, int], ...] = ()

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
        environment: variables that results depend on, as they are where the run was started: cells find them so
            wherever they are computed.
        partial: folder where a cell's unfinished work is kept, under its key; empty: nowhere.
        explains: whether cells of the first fold also tell what their models lean on.
    """

    dataset: Dataset
    folds: tuple[Fold, ...]
    models: Mapping[str, Model]
    inputs: Mapping[str, Inputs]
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    partial: str = ""
    explains: bool = False

    def is_asked(self, cell: Cell) -> bool:
        """Whether the cell is to tell what its model leans on."""
        return self.explains and cell.fold == 0


@dataclass(frozen=True, eq=False)
class Unseen:
    """Rows that an estimator was not fitted on: their targets, what it gives for them, and whence they are."""

    target: NDArray[np.float64]
    given: Output
    origin: str


Result = tuple[RunRecord, Predictions | None]


def run_cell(job: Job, cell: Cell) -> Result:
    """Compute one cell. A model that raises gives a failed record with its reason, and no predictions."""
    *_, result = steps_of(job, cell)
    return result


def steps_of(job: Job, cell: Cell) -> Iterator[Result]:
    """Compute one cell: its result, then the same with what its model leans on, where that is asked.

    The result comes first, so that whatever becomes of the explanation costs the explanation alone.
    """
    mark = _process.mark_memory()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome, predictions, fitted = _compute(job, cell)
            memory = _process.peak_above(mark)
    except MemoryError as error:
        yield failed_record(job, cell, "out_of_memory", str(error) or "out of memory"), None
        return
    except Exception as error:  # noqa: BLE001 - whatever a model raises must not end the run
        message = " ".join(f"{type(error).__name__}: {error}".split())
        trace = "".join(traceback.format_exception(error)).splitlines()[-_TRACEBACK_LINES:]
        yield failed_record(job, cell, "failed", message, details={"traceback": "\n".join(trace)}), None
        return
    record = _record(job, cell, "ok", **outcome, peak_memory_mb=memory)
    yield record, predictions
    if job.is_asked(cell):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = _learned(job, cell, fitted, record.predict_seconds)
        yield replace(record, details={**record.details, "learned": told}), predictions


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


def _compute(job: Job, cell: Cell) -> tuple[dict[str, Any], Predictions, Any]:
    """What the record says, the predictions, and the fitted estimator."""
    dataset, model, fold = job.dataset, job.models[cell.model], job.folds[cell.fold]
    inputs = job.inputs[cell.features]
    settings = {key: value for key, value in cell.budget.items() if key not in {"preset", "trials"}}
    if not np.isfinite(dataset.target).all():
        raise ValueError(f"the target is not finite in {int((~np.isfinite(dataset.target)).sum())} rows")
    target = dataset.target if dataset.task == "regression" else dataset.target.astype(np.int64)

    found, judged = _tune(job, cell, inputs, target, settings)
    params = found.params | settings
    estimator = make_estimator(job, model, params, cell.seed)
    train_rows = inputs.take(fold.train)
    started = time.process_time()
    resumed = _fit(job, cell, estimator, train_rows, target[fold.train])
    fitted = time.process_time()
    given = _predict(dataset, estimator, inputs.take(fold.test))
    predicted = time.process_time()
    on_train = _predict(dataset, estimator, train_rows)
    unseen, spent = unseen_rows(job, cell, inputs, target, params, estimator, judged)
    predictions, about = _with_error_bars(dataset, fold, given, unseen)

    details = dict(getattr(final_step(estimator), "details_", {})) | about
    if found.history:
        details["search"] = [trial | {"params": {**trial["params"], **settings}} for trial in found.history]
    scores: dict[str, Mapping[str, float]] = {
        "train": metrics.score(dataset.task, dataset.target[fold.train], on_train.values, on_train.probabilities),
        "test": measure(dataset.task, predictions),
    }
    if found.scores:
        scores["validation"] = found.scores
    outcome = {
        "params": params,
        "metrics": scores,
        "tune_seconds": found.seconds + spent,
        "fit_seconds": fitted - started + resumed,
        "predict_seconds": predicted - fitted,
        "details": details,
    }
    return outcome, predictions, estimator


def _learned(job: Job, cell: Cell, estimator: Any, predict_seconds: float) -> dict[str, Any]:
    """What the model leans on; a model that cannot be asked costs this alone, never its cell."""
    inputs, test = job.inputs[cell.features], job.folds[cell.fold].test
    try:
        return learned(
            estimator,
            inputs.take(test),
            job.dataset.target[test],
            names=inputs.names,
            groups=inputs.groups,
            task=job.dataset.task,
            classes=len(job.dataset.classes),
            seed=cell.seed,
            seconds_a_row=predict_seconds / max(1, len(test)),
        )
    except Exception as error:  # noqa: BLE001 - its scores stand
        return {"refused": " ".join(f"{type(error).__name__}: {error}".split()), "seconds": 0.0}


def _fit(job: Job, cell: Cell, estimator: Any, rows: Any, target: NDArray[Any]) -> float:
    """Fit the final estimator; a network that was being trained when its process ended goes on from there.

    Returns:
        CPU seconds that the earlier process had spent on it.
    """
    work, network = _partial_work(job, cell), final_step(estimator)
    if work is None or not _is_own_network(network):
        estimator.fit(rows, target)
        return 0.0
    return work.fit(estimator, network, rows, target, epochs=int(cell.budget.get("epochs", 1)))


def _is_own_network(estimator: Any) -> bool:
    """Whether it is trained by our trainer; another's ``checkpoint`` and ``on_epoch`` are its own affair."""
    return getattr(type(estimator), "_automat_network", False) is True


def _tune(
    job: Job, cell: Cell, inputs: Inputs, target: NDArray[Any], settings: Mapping[str, Any]
) -> tuple[Search, Unseen | None]:
    """What the search found, and what its best trial made of the rows that it was judged by."""
    dataset, model, trials = job.dataset, job.models[cell.model], int(cell.budget["trials"])
    if not is_worth_searching(model, trials):
        return unsearched(model), None
    fit_on, judge_on = inner_holdout(dataset, job.folds[cell.fold])
    fit_rows, judge_rows = inputs.take(fit_on), inputs.take(judge_on)
    judged: dict[str, Output] = {}

    def objective(params: dict[str, Any], watch: Watch | None = None) -> Mapping[str, float]:
        estimator = make_estimator(job, model, {**params, **settings}, cell.seed)
        if watch is not None and _is_own_network(final_step(estimator)):
            final_step(estimator).on_epoch = watch
        estimator.fit(fit_rows, target[fit_on])
        given = judged[_name_of(params)] = _predict(dataset, estimator, judge_rows)
        return metrics.score(dataset.task, dataset.target[judge_on], given.values, given.probabilities)

    # A third of its epochs tell whether a network is worth the others.
    prune_after = settings["epochs"] // 3 if "epochs" in settings else None
    work = _partial_work(job, cell)
    found = search(
        model,
        dataset.task,
        objective,
        trials=trials,
        seed=cell.seed,
        prune_after=prune_after,
        journal=None if work is None else work.journal(direction(dataset.task)),
    )
    name = _name_of(found.params)
    if name not in judged:  # an earlier process tried these parameters
        objective(found.params)
    return found, Unseen(dataset.target[judge_on], judged[name], "the rows that the search judged by")


def _partial_work(job: Job, cell: Cell) -> PartialWork | None:
    """Where the cell's unfinished work is kept."""
    if not job.partial:
        return None
    return PartialWork(Path(job.partial), cell.key, digest_of(job.versions, job.environment))


def unseen_rows(
    job: Job,
    cell: Cell,
    inputs: Inputs,
    target: NDArray[Any],
    params: Mapping[str, Any],
    estimator: Any,
    judged: Unseen | None,
) -> tuple[Unseen | None, float]:
    """Training rows that a fit like the final one has not seen, with its predictions, and CPU seconds spent on it.

    A network has rows of its own that it holds out, and so has PyCaret, which keeps what it gave for them before
    it was fitted on all. Where nobody held out any, a model is fitted once more without the inner holdout; not so
    a network or a search of its own, which would cost as much again. Classes need none of it: their probabilities
    are judged as they are.
    """
    dataset, model, fold = job.dataset, job.models[cell.model], job.folds[cell.fold]
    if dataset.task != "regression":
        return None, 0.0
    started = time.process_time()
    fitted = final_step(estimator)
    held = getattr(fitted, "held_rows_", None)
    if held is not None and len(held):
        rows = fold.train[held]
        before = getattr(fitted, "held_predictions_", None)
        if before is not None:
            return Unseen(dataset.target[rows], Output(before), "the rows that its own search held out"), 0.0
        given = _predict(dataset, estimator, inputs.take(rows))
        return Unseen(dataset.target[rows], given, "the rows held out to choose the epoch"), 0.0
    if judged is not None or model.searches_itself or model.cost == "network":
        return judged, 0.0
    fit_on, judge_on = inner_holdout(dataset, fold)
    again = make_estimator(job, model, params, cell.seed)
    again.fit(inputs.take(fit_on), target[fit_on])
    given = _predict(dataset, again, inputs.take(judge_on))
    spent = time.process_time() - started
    return Unseen(dataset.target[judge_on], given, "an inner holdout, by one more fit without it"), spent


def _with_error_bars(
    dataset: Dataset, fold: Fold, given: Output, unseen: Unseen | None
) -> tuple[Predictions, dict[str, Any]]:
    """The test rows' predictions, and what ``details`` say of their error bars."""
    plain = Predictions(
        dataset.ids[fold.test], dataset.target[fold.test], given.values, given.probabilities, given.spread
    )
    if unseen is None:
        return plain, {}
    learned = calibrate(unseen.target, unseen.given.values, unseen.given.spread)
    lower, upper = learned.interval(given.values, given.spread)
    about = {
        "rows": learned.rows,
        "from": unseen.origin,
        "spread": "the same for all rows" if given.spread is None else "the model's own, scaled",
    }
    std = learned.std(given.values, given.spread)
    return replace(plain, y_std=std, lower=lower, upper=upper), {"calibration": about}


def measure(task: str, made: Predictions) -> dict[str, float]:
    """Metrics of the predictions, and of the error bars or probabilities that go with them."""
    scores = metrics.score(task, made.y_true, made.y_pred, made.probabilities)
    if made.probabilities is not None:
        return scores | uncertainty.classification_uncertainty(made.y_true, made.probabilities)
    if made.y_std is None:
        return scores
    nothing = np.full(len(made.ids), np.nan)
    lower, upper = (nothing if end is None else end for end in (made.lower, made.upper))
    return scores | uncertainty.regression_uncertainty(made.y_true, made.y_pred, made.y_std, lower, upper)


def _name_of(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)


def _predict(dataset: Dataset, estimator: Any, rows: Any) -> Output:
    return output_of(estimator, rows, dataset.task, len(dataset.classes))


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
