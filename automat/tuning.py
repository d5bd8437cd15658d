"""Optuna's search for a model's parameters, on rows of the training fold alone.

The search sees two sets of rows: those it fits on and the inner holdout it is judged by. The test fold
never reaches this module.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automat_leaderboards.metrics import HIGHER_IS_BETTER, PRIMARY

if TYPE_CHECKING:
    import optuna

    from automat.core import Model, Task
    from automat.trial_journal import Direction, Outcome, TrialJournal

_UNPRUNED = 3
"""Trials that run to their end before any is pruned: fewer have no median to speak of."""

Scores = Mapping[str, float]
Watch = Callable[[int, float, float], None]
"""Told of every epoch of a trial: its number from 1, training error, validation error (NaN: there is none)."""

Objective = Callable[..., Scores]
"""Parameters, and a :data:`Watch` where trials may be pruned, to metrics on the inner holdout."""


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        params: the best trial's parameters.
        scores: that trial's metrics on the inner holdout; empty when nothing was searched.
        history: every trial in order: number, value of the primary metric, params, error if it failed,
            ``pruned_after`` (epochs) if it was ended early.
        seconds: CPU seconds spent.
    """

    params: dict[str, Any]
    scores: Scores
    history: tuple[dict[str, Any], ...]
    seconds: float


class SearchFailedError(RuntimeError):
    """Every trial of a search raised."""


def is_worth_searching(model: Model, trials: int) -> bool:
    """Whether there is more than the defaults to try, and automat is to try it."""
    return trials > 1 and model.is_searched and not model.searches_itself


def unsearched(model: Model) -> Search:
    """The defaults as they are."""
    return Search(params=dict(model.defaults), scores={}, history=(), seconds=0.0)


def search(
    model: Model,
    task: Task,
    objective: Objective,
    *,
    trials: int,
    seed: int,
    prune_after: int | None = None,
    journal: TrialJournal | None = None,
) -> Search:
    """Find parameters that do best on the inner holdout.

    Where the model names defaults they are the first trial, so the result is never worse than they are
    where it is judged, and they stand for whatever the space does not suggest. Further trials come from
    Optuna's TPE sampler. With fewer than two trials, or a model with nothing to search, the defaults are
    taken as they are and nothing is fitted.

    Args:
        model: gives the space and the defaults.
        task: decides the primary metric.
        objective: parameters to metrics on the inner holdout.
        trials: how many parameter sets to try, the defaults included.
        seed: of the sampler.
        prune_after: epochs after which a trial is ended that does worse than the median of those before it.
            The objective is then called with a watch too, which it must tell. None: every trial runs to its end.
        journal: where trials are kept while the search is on; what is there already is not fitted again.

    Raises:
        SearchFailedError: no trial finished; the message is the first trial's error.
    """
    if not is_worth_searching(model, trials):
        return unsearched(model)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    metric = PRIMARY[task]
    study = optuna.create_study(
        direction=direction(task),
        # A joint (multivariate) TPE model copes better with few trials than one parameter at a time.
        sampler=optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            n_startup_trials=max(3, trials // 3),
        ),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED, n_warmup_steps=prune_after or 0),
    )
    if model.defaults:
        study.enqueue_trial(dict(model.defaults))
    trial_of = _Trials(model, metric, objective, prune_after is not None, journal)
    study.optimize(trial_of, n_trials=trials, callbacks=[trial_of.ended])
    history = tuple(_as_row(trial) for trial in study.trials)
    finished = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    if not finished:
        raise SearchFailedError(f"all {trials} trials failed, the first with {history[0].get('error', '')}")
    best = study.best_trial
    return Search(
        params=dict(best.user_attrs["params"]),
        scores=best.user_attrs["scores"],
        history=history,
        seconds=trial_of.seconds,
    )


def direction(task: Task) -> Direction:
    """Of the primary metric, as Optuna calls it."""
    return "maximize" if PRIMARY[task] in HIGHER_IS_BETTER else "minimize"


class _Trials:
    """The trials of one search, as Optuna's study calls them: fitted, or taken from the journal."""

    def __init__(
        self, model: Model, metric: str, objective: Objective, is_watched: bool, journal: TrialJournal | None
    ) -> None:
        self._model = model
        self._metric = metric
        self._objective = objective
        self._is_watched = is_watched
        self._journal = journal
        self._known = [] if journal is None else journal.outcomes()
        self._resumed = 0.0
        self._began = self._last = time.process_time()

    @property
    def seconds(self) -> float:
        """CPU seconds of the whole search, those of an earlier process included."""
        return self._resumed + time.process_time() - self._began

    def __call__(self, trial: optuna.Trial) -> float:
        """One trial's value.

        Raises:
            optuna.TrialPruned: it failed, or was ended early.
        """
        import optuna

        params = {**self._model.defaults, **self._model.space(trial)}
        trial.set_user_attr("params", params)
        try:
            scores = self._scores(trial, params)
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {error}")
            raise optuna.TrialPruned from error
        trial.set_user_attr("scores", dict(scores))
        if math.isnan(scores[self._metric]):
            trial.set_user_attr("error", f"{self._metric} is not defined on the inner holdout")
            raise optuna.TrialPruned
        return float(scores[self._metric])

    def ended(self, _study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """A trial has ended."""
        now = time.process_time()
        seconds = now - self._last
        self._last = now
        if trial.number < len(self._known):
            seconds = self._known[trial.number].seconds
            self._resumed += seconds
        if self._journal is not None:
            self._journal.add(trial, seconds)

    def _scores(self, trial: optuna.Trial, params: dict[str, Any]) -> Scores:
        known = self._from_journal(trial)
        if known is not None:
            return _again(trial, known)
        if not self._is_watched:
            return self._objective(params)
        return self._objective(params, _watch(trial, self._metric))

    def _from_journal(self, trial: optuna.Trial) -> Outcome | None:
        """What the journal says of this very trial."""
        if trial.number >= len(self._known):
            return None
        known = self._known[trial.number]
        if known.params == trial.params and (self._metric in known.scores or known.is_pruned):
            return known
        # Of another search, or made by other hands: from here on it does not count.
        self._known = self._known[: trial.number]
        if self._journal is not None:
            self._journal.set_aside()
        return None


def _again(trial: optuna.Trial, known: Outcome) -> Scores:
    """Let a trial of the journal end as it did.

    Raises:
        optuna.TrialPruned: as it did then.
    """
    import optuna

    for epoch, value in sorted(known.reported.items()):
        trial.report(value, epoch)
    if known.is_pruned and not known.scores:
        if known.error:
            trial.set_user_attr("error", known.error)
        raise optuna.TrialPruned
    return known.scores


def _as_row(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    from optuna.trial import TrialState

    row: dict[str, Any] = {
        "number": trial.number,
        # Of a trial that ended early Optuna keeps the last error it was told, which is no value of the metric.
        "value": trial.value if trial.state == TrialState.COMPLETE else None,
        "params": trial.user_attrs.get("params", dict(trial.params)),
    }
    if "error" in trial.user_attrs:
        row["error"] = trial.user_attrs["error"]
    elif trial.state == TrialState.PRUNED:
        row["pruned_after"] = trial.last_step
    return row


def _watch(trial: optuna.Trial, metric: str) -> Watch:
    import optuna

    # Curves are of errors. Where the study maximises, their sign is turned.
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0

    def watch(epoch: int, _train: float, validation: float) -> None:
        if math.isnan(validation):
            return
        trial.report(sign * validation, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    return watch
