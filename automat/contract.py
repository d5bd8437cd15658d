"""What an entrant promises, tried on a toy set: sixty real crystals.

Every promise is a step. It returns a remark for people, or raises: :class:`BrokenError` where the promise is
broken (the message says what is wrong and how to mend it), anything else where the model itself raises.
"""

from __future__ import annotations

import hashlib
import inspect
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import datasets, plan
from automat.evaluate import Job, run_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.core import Cell, Dataset, Model, Task

ROWS = 60
SEED = 0
_TRIALS = 2
_SPACES = 5
_DATASET = "mp_formation"
_FEATURES = "magpie"

SAME = 1e-6
"""Two fits with one seed may differ by this share of the target's spread: sums in another order round otherwise."""

ALIKE = 1e-4
"""Two batches may, likewise: networks round in single precision."""


class BrokenError(Exception):
    """A promise that a model does not keep."""


@dataclass(frozen=True)
class Step:
    """One promise.

    Attributes:
        name: of the promise.
        keeps: tries it.
        is_needed: whether there is nothing more to try where it is broken.
    """

    name: str
    keeps: Callable[[], str]
    is_needed: bool = False


def toy(task: Task) -> Dataset:
    """Sixty crystals of the Materials Project: formation energy, or whether it lies below their median."""
    whole = datasets.load(_DATASET)
    if whole.structures is None:
        raise RuntimeError(f"{_DATASET} has structures")
    rows = np.linspace(0, len(whole) - 1, ROWS).astype(np.intp)
    structures = whole.structures.take(rows)
    target = whole.target[rows]
    regression = replace(
        whole,
        name="toy",
        ids=whole.ids[rows],
        target=target,
        structures=structures,
        compositions=structures.compositions,
    )
    if task == "regression":
        return regression
    below = (target < np.median(target)).astype(np.float64)
    return replace(regression, target=below, unit="", task=task, classes=("above", "below"))


def steps(model: Model, task: Task) -> Iterator[Step]:
    """Every step for one task, in the order in which they must be taken: a later one needs what an earlier made."""
    contract = _Contract(model, task)
    yield Step("search space and builder", contract.builds, is_needed=True)
    yield Step("fits", contract.fits, is_needed=True)
    yield Step("predictions", contract.predicts, is_needed=True)
    if task == "classification":
        yield Step("probabilities", contract.gives_probabilities, is_needed=True)
    yield Step("same question, same answer", contract.answers_twice, is_needed=True)
    yield Step("one row at a time", contract.predicts_one_row)
    yield Step("rows on their own", contract.rows_do_not_depend_on_each_other)
    yield Step("same seed, same result", contract.repeats)
    yield Step("inputs left as they are", contract.leaves_inputs)
    yield Step("fitted copy", contract.travels_fitted)
    if model.handles_missing and model.input == "features":
        yield Step("missing features", contract.takes_missing_features)
    if task == "regression":
        yield Step("missing targets", contract.meets_missing_targets)
    yield Step("runs as an entrant", contract.enters)


class _Contract:
    """One model, one task, and what the steps hand on to each other."""

    def __init__(self, model: Model, task: Task) -> None:
        # A name of its own: the one it has may be registered, where models that ship are checked.
        self.model, self.task = replace(model, name="checked"), task
        self.dataset = toy(task)
        # What it is given is computed before any step, and without the model's own code: it may hang.
        planned = self._planned(replace(self.model, settings=lambda _budget: {}))
        self.inputs = plan.inputs(planned, planned.cells, cache_dir=None, jobs=1)
        self._changed: list[str] = []

    def builds(self) -> str:
        """Parameters from the search space are what the builder takes, and it gives an estimator."""
        planned = self._planned(self.model)
        self.cell: Cell = planned.cells[0]
        self.job = Job(planned.dataset, planned.folds, {self.model.name: planned.models[0]}, self.inputs)
        self.train, self.test = planned.folds[0].train, planned.folds[0].test
        self.settings = {key: value for key, value in self.cell.budget.items() if key not in {"preset", "trials"}}
        proposals = [dict(self.model.defaults), *(self._proposed() if self.model.is_searched else ())]
        for params in proposals:
            estimator = self._made(params | self.settings)
            for name in ("fit", "predict", *(("predict_proba",) if self.task == "classification" else ())):
                if not hasattr(estimator, name):
                    raise BrokenError(f"build gives a {type(estimator).__name__}, which has no {name}")
        if not self.model.is_searched:
            return "nothing to search"
        return f"searches {', '.join(sorted(proposals[-1].keys() - self.settings.keys())) or 'nothing'}"

    def fits(self) -> str:
        """It fits on toy rows."""
        started = time.process_time()
        self.fitted = self._fitted()
        return f"{time.process_time() - started:.2g} s on {len(self.train)} rows"

    def predicts(self) -> str:
        """One finite number a row, or one known class code."""
        given = self._watched(self.fitted.predict, self._rows(self.test), "predict")
        self.predicted = self._one_a_row(given, len(self.test), "predict")
        unknown = set(self.predicted.tolist()) - {0.0, 1.0} if self.task == "classification" else set()
        if unknown:
            raise BrokenError(
                f"predict gives {min(unknown):g}, which is none of the class codes 0 and 1 it was fitted on; "
                "give the codes as they come in y"
            )
        if self.task == "regression" and "return_std" in inspect.signature(self.fitted.predict).parameters:
            _, std = self.fitted.predict(self._rows(self.test), return_std=True)
            if (self._one_a_row(std, len(self.test), "the standard deviation of predict") < 0).any():
                raise BrokenError("predict(X, return_std=True) gives a negative standard deviation")
            return "with a standard deviation each"
        return ""

    def gives_probabilities(self) -> str:
        """A probability for each class, which sum to one."""
        self.predicted = self._probabilities(self.fitted, self.test)
        return ""

    def answers_twice(self) -> str:
        """A fitted model that is asked twice says the same."""
        again = self._given(self.fitted, self.test)
        mend = "draw no random numbers in predict"
        self._must_agree(again, self.predicted, SAME, "the same rows get other values when they are asked again", mend)
        return ""

    def predicts_one_row(self) -> str:
        """A batch of one row is predicted as the same row among others."""
        alone = np.concatenate([self._given(self.fitted, self.test[row : row + 1]) for row in range(3)])
        self._must_agree(
            alone,
            self.predicted[:3],
            ALIKE,
            "a row that is predicted alone gets another value than among others",
            "use nothing of the batch in predict: what it needs to know of the data belongs into fit",
        )
        return ""

    def rows_do_not_depend_on_each_other(self) -> str:
        """The order and the company of a batch's rows change nothing."""
        half = self.test[: len(self.test) // 2]
        mend = "use nothing of the batch in predict: what it needs to know of the data belongs into fit"
        backwards = self._given(self.fitted, self.test[::-1])[::-1]
        self._must_agree(backwards, self.predicted, ALIKE, "rows in another order get other values", mend)
        fewer = self._given(self.fitted, half)
        self._must_agree(fewer, self.predicted[: len(half)], ALIKE, "rows in a smaller batch get other values", mend)
        return ""

    def repeats(self) -> str:
        """Two fits with the same seed predict the same."""
        other = self._given(self._fitted(), self.test)
        mend = "seed everything random with the seed that the model is given: build(params, seed), or fit(X, y, seed)"
        self._must_agree(other, self.predicted, SAME, "two fits with the same seed give other values", mend)
        return ""

    def leaves_inputs(self) -> str:
        """Neither fit nor predict wrote into what it was given, in any step before this."""
        if self._changed:
            raise BrokenError(
                f"{' and '.join(dict.fromkeys(self._changed))} writes into its inputs; work on a copy, since other "
                "entrants read the same arrays"
            )
        return ""

    def travels_fitted(self) -> str:
        """A fitted model survives being pickled, and predicts the same."""
        import cloudpickle

        try:
            copied = pickle.loads(cloudpickle.dumps(self.fitted))  # noqa: S301 - what we have just written
        except Exception as error:
            raise BrokenError(
                f"a fitted model cannot be pickled ({type(error).__name__}: {error}); keep open files, locks and "
                "generators out of its attributes"
            ) from error
        mend = "keep all that predict needs in the fitted model"
        self._must_agree(
            self._given(copied, self.test), self.predicted, SAME, "a pickled copy predicts other values", mend
        )
        return ""

    def takes_missing_features(self) -> str:
        """A model that says so takes NaN among its features."""
        holes = np.array(self._rows(self.train), dtype=np.float64)
        holes[::4, 0] = np.nan
        estimator = self._made(dict(self.model.defaults) | self.settings).fit(holes, self._target(self.train))
        self._one_a_row(estimator.predict(holes), len(holes), "predict on rows with missing features")
        return ""

    def meets_missing_targets(self) -> str:
        """A NaN target is refused, by the model or before it reaches the model."""
        target = self._target(self.train).copy()
        target[1] = np.nan
        estimator = self._made(dict(self.model.defaults) | self.settings)
        try:
            estimator.fit(self._rows(self.train), target)
        except Exception as error:  # noqa: BLE001 - any refusal will do
            refusal = f"it refuses them ({type(error).__name__})"
        else:
            refusal = "it would take them in silence, but a run refuses them before they reach it"
        holed = self.job.dataset.target.copy()
        holed[self.train[1]] = np.nan
        record, _ = run_cell(replace(self.job, dataset=replace(self.job.dataset, target=holed)), self.cell)
        if record.status == "ok":
            raise BrokenError("a run with a missing target ended well; please report this")
        return refusal

    def enters(self) -> str:
        """A whole cell of a run: search, fit, predict, measure."""
        record, _ = run_cell(self.job, self.cell)
        if record.status != "ok":
            raise BrokenError(f"a run of it fails: {record.error}")
        scores = record.metrics["test"]
        if self.task == "classification":
            return f"ROC-AUC {scores['roc_auc']:.2f} on {record.n_test} toy rows, where guessing has 0.50"
        test, train = self._target(self.test), self._target(self.train)
        guess = float(np.abs(test - train.mean()).mean())
        return f"MAE {scores['mae']:.2f} on {record.n_test} toy rows, where guessing the mean costs {guess:.2f}"

    def _planned(self, model: Model) -> plan.Plan:
        return plan.make(
            self.dataset,
            models=[model],
            features=_FEATURES if model.input == "features" else None,
            preset="quick",
            folds=3,
            trials=_TRIALS,
            seed=SEED,
        )

    def _proposed(self) -> list[dict[str, Any]]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=SEED))
        found = []
        for _ in range(_SPACES):
            proposed = self.model.space(study.ask())
            if not isinstance(proposed, Mapping):
                raise BrokenError(f"space(trial) must give a dict of parameters, but gives {type(proposed).__name__}")
            found.append({**self.model.defaults, **proposed})
        return found

    def _made(self, params: dict[str, Any]) -> Any:
        try:
            return self.model.make(self.task, dict(params), SEED)
        except TypeError as error:
            names = ", ".join(params) or "none"
            raise BrokenError(f"build cannot be called with the parameters ({names}) and a seed: {error}") from error

    def _fitted(self) -> Any:
        estimator = self._made(dict(self.model.defaults) | self.settings)
        X, y = self._rows(self.train), self._target(self.train)
        before = _digest((X, y))
        estimator.fit(X, y)
        if _digest((X, y)) != before:
            self._changed.append("fit")
        return estimator

    def _rows(self, rows: NDArray[np.intp]) -> Any:
        given = self.job.inputs[self.cell.features].take(rows)
        if isinstance(given, np.ndarray) and not self.model.handles_missing:
            return np.nan_to_num(given)  # a run imputes them; toy features have hardly any
        return given

    def _target(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        target = self.job.dataset.target[rows]
        return target if self.task == "regression" else target.astype(np.int64)

    def _watched(self, call: Callable[[Any], Any], X: Any, name: str) -> Any:
        before = _digest(X)
        given = call(X)
        if _digest(X) != before:
            self._changed.append(name)
        return given

    def _given(self, estimator: Any, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What decides the score: values, or probabilities."""
        if self.task == "classification":
            return self._probabilities(estimator, rows)
        given = self._watched(estimator.predict, self._rows(rows), "predict")
        return self._one_a_row(given, len(rows), "predict")

    def _probabilities(self, estimator: Any, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        given = self._watched(estimator.predict_proba, self._rows(rows), "predict_proba")
        chances = np.asarray(given, dtype=np.float64)
        if chances.shape != (len(rows), 2):
            raise BrokenError(
                f"predict_proba gives shape {chances.shape}, but must give ({len(rows)}, 2): a column for each class"
            )
        if not np.isfinite(chances).all() or (chances < 0).any() or not np.allclose(chances.sum(axis=1), 1, atol=1e-4):
            raise BrokenError("predict_proba must give numbers from 0 to 1 that sum to 1 in every row")
        return chances

    def _one_a_row(self, given: Any, rows: int, call: str) -> NDArray[np.float64]:
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise BrokenError(f"{call} must give an array of numbers, but gives {type(given).__name__}") from error
        if values.shape not in {(rows,), (rows, 1)}:
            raise BrokenError(f"{call} gives shape {values.shape}, but must give ({rows},): one number a row")
        wrong = int((~np.isfinite(values)).sum())
        if wrong:
            raise BrokenError(
                f"{wrong} of {rows} values that {call} gives are NaN or infinite; a model must answer for every row"
            )
        return values.ravel()

    def _must_agree(
        self, one: NDArray[np.float64], other: NDArray[np.float64], tolerance: float, what: str, mend: str
    ) -> None:
        spread = float(self.job.dataset.target.std())
        off = float(np.abs(one - other).max())
        if off > tolerance * max(spread, float(np.abs(other).max())):
            raise BrokenError(f"{what} (by up to {off:.2g}); {mend}")


def _digest(content: Any) -> str:
    return hashlib.sha256(pickle.dumps(content)).hexdigest()
