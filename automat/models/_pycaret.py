"""PyCaret's experiment behind scikit-learn's interface: the only place that imports PyCaret.

The flow is PyCaret's own: ``setup`` (its preprocessing is fitted here, on the rows given to ``fit``),
``compare_models``, ``tune_model`` with Optuna, ``blend_models``, and ``finalize_model`` of the better of
the tuned and the blended. Its cross-validation lies inside those rows. PyCaret's reports of metrics are
kept as it prints them, but never used to rank it against other entrants.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

# PyCaret opens logs.log in the working folder when it is imported.
os.environ.setdefault("PYCARET_CUSTOM_LOGGING_PATH", os.devnull)

_TARGET = "target"
_INNER_FOLDS = 3
_BLENDED = 3
_BINARY = 2
_MIN_ROWS = 4 * _INNER_FOLDS


class _PyCaret(BaseEstimator):  # type: ignore[misc]
    """What regression and classification share.

    Args:
        learners: PyCaret ids of the learners to compare; empty for all of its turbo set.
        search_trials: Optuna trials on the best of them.
        seed: PyCaret's session id.

    Attributes:
        details_: ``comparison`` (PyCaret's own table, in its words), ``tuning``, ``blend`` and ``final``.
        held_rows_: positions of the fifth of the rows that ``setup`` holds out of all but the last fit.
        held_predictions_: what the chosen pipeline gave for them before that fit; of a regression alone.
    """

    _optimize: str
    _lower_is_better: bool

    def __init__(self, learners: list[str] | None = None, search_trials: int = 5, seed: int = 0) -> None:
        self.learners = learners
        self.search_trials = search_trials
        self.seed = seed

    def _experiment(self) -> Any:
        raise TypeError("use PyCaretRegressor or PyCaretClassifier")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run the experiment on X of shape (n, columns) and y of shape (n,).

        Raises:
            ValueError: fewer than 12 rows, too few for PyCaret's inner cross-validation.
        """
        frame = self._frame(X)
        if len(frame) < _MIN_ROWS:
            raise ValueError(f"PyCaret needs at least {_MIN_ROWS} training rows, but got {len(frame)}")
        frame[_TARGET] = np.asarray(y)
        experiment = self._experiment()
        experiment.setup(
            data=frame,
            target=_TARGET,
            session_id=self.seed,
            train_size=0.8,
            fold=_INNER_FOLDS,
            normalize=True,
            n_jobs=1,
            verbose=False,
            html=False,
            system_log=False,
            log_experiment=False,
            memory=False,
        )
        chosen, self.details_ = self._compete(experiment)
        self._keep_held_rows(experiment, chosen)
        self.pipeline_ = experiment.finalize_model(chosen)
        return self

    def _compete(self, experiment: Any) -> tuple[Any, dict[str, Any]]:
        """Compare, tune, blend; the better of the tuned and the blended, and what was seen."""
        compared = experiment.compare_models(
            include=list(self.learners) if self.learners else None,
            n_select=_BLENDED,
            sort=self._optimize,
            verbose=False,
        )
        best = compared if isinstance(compared, list) else [compared]
        comparison = experiment.pull()
        tuned, tuned_score, remark = self._tune(experiment, best[0], float(comparison[self._optimize].iloc[0]))
        chosen, blend_score = tuned, None
        if len(best) > 1:
            blended = experiment.blend_models([tuned, *best[1:]], optimize=self._optimize, verbose=False)
            blend_score = self._mean_score(experiment.pull())
            if (blend_score < tuned_score) == self._lower_is_better:
                chosen = blended
        details = {
            "comparison": comparison.to_dict("records"),
            "tuned_learner": type(best[0]).__name__,
            "tuning": remark,
            "tuned_score": tuned_score,
            "blend_score": blend_score,
            "score": f"mean {self._optimize} of PyCaret's {_INNER_FOLDS}-fold cross-validation",
            "final": type(chosen).__name__,
        }
        return chosen, details

    def _keep_held_rows(self, experiment: Any, chosen: Any) -> None:
        """Nothing, where error bars are not learned from rows held out."""

    def _tune(self, experiment: Any, learner: Any, untuned_score: float) -> tuple[Any, float, str]:
        """The learner tuned with Optuna, its score, and a remark.

        PyCaret's search grids are fixed, and can ask for more than few rows allow (more neighbours than
        rows); its tuning then fails as a whole, and the untuned learner stays, with the reason kept.
        """
        try:
            tuned = experiment.tune_model(
                learner,
                optimize=self._optimize,
                search_library="optuna",
                n_iter=self.search_trials,
                choose_better=True,
                verbose=False,
            )
        except Exception as error:  # noqa: BLE001 - whatever PyCaret's learners raise
            return (
                learner,
                untuned_score,
                f"failed, untuned kept: {type(error).__name__}: {error}".split("\n")[0],
            )
        # PyCaret returns the untuned learner where tuning did not help, so the better score is its own.
        scores = (untuned_score, self._mean_score(experiment.pull()))
        return tuned, min(scores) if self._lower_is_better else max(scores), "done"

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predictions of shape (n,) for X of shape (n, columns)."""
        return np.asarray(self.pipeline_.predict(self._frame(X)), dtype=np.float64)

    def _mean_score(self, table: pd.DataFrame) -> float:
        return float(table.loc["Mean", self._optimize])

    @staticmethod
    def _frame(X: ArrayLike) -> pd.DataFrame:
        import pandas as pd

        values = np.asarray(X, dtype=np.float64)
        return pd.DataFrame(values, columns=[f"x{column}" for column in range(values.shape[1])])


class PyCaretRegressor(RegressorMixin, _PyCaret):  # type: ignore[misc]
    """PyCaret's regression experiment, optimising the mean absolute error."""

    _optimize = "MAE"
    _lower_is_better = True

    def _experiment(self) -> Any:
        from pycaret.regression import RegressionExperiment

        return RegressionExperiment()

    def _keep_held_rows(self, experiment: Any, chosen: Any) -> None:
        held = experiment.predict_model(chosen, verbose=False)
        self.held_rows_ = held.index.to_numpy(np.intp)
        self.held_predictions_ = held["prediction_label"].to_numpy(np.float64)


class PyCaretClassifier(ClassifierMixin, _PyCaret):  # type: ignore[misc]
    """PyCaret's classification experiment.

    It optimises ROC-AUC for two classes, and F1 for more: there PyCaret fills a failing AUC with 0.
    """

    _optimize = "AUC"
    _lower_is_better = False

    def _experiment(self) -> Any:
        from pycaret.classification import ClassificationExperiment

        return ClassificationExperiment()

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Run the experiment on X of shape (n, columns) and class codes y of shape (n,)."""
        self.classes_ = np.unique(np.asarray(y))
        self._optimize = "AUC" if len(self.classes_) == _BINARY else "F1"
        return super().fit(X, y)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Class probabilities, shape (n, classes)."""
        return np.asarray(self.pipeline_.predict_proba(self._frame(X)), dtype=np.float64)
