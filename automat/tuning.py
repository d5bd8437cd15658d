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
    model: Model, task: Task, objective: Objective, *, trials: int, seed: int, prune_after: int | None = None
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

    Raises:
        SearchFailedError: no trial finished; the message is the first trial's error.
    """
    if not is_worth_searching(model, trials):
        return unsearched(model)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    metric = PRIMARY[task]
    started = time.process_time()
    study = optuna.create_study(
        direction="maximize" if metric in HIGHER_IS_BETTER else "minimize",
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

    def evaluate(trial: optuna.Trial) -> float:
        params = {**model.defaults, **model.space(trial)}
        trial.set_user_attr("params", params)
        try:
            scores = objective(params) if prune_after is None else objective(params, _watch(trial, metric))
        except optuna.TrialPruned:
            raise
        except Exception as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {error}")
            raise optuna.TrialPruned from error
        trial.set_user_attr("scores", dict(scores))
        if math.isnan(scores[metric]):
            trial.set_user_attr("error", f"{metric} is not defined on the inner holdout")
            raise optuna.TrialPruned
        return float(scores[metric])

    study.optimize(evaluate, n_trials=trials)
    history = tuple(_as_row(trial) for trial in study.trials)
    finished = [trial for trial in study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    if not finished:
        raise SearchFailedError(f"all {trials} trials failed, the first with {history[0].get('error', '')}")
    best = study.best_trial
    return Search(
        params=dict(best.user_attrs["params"]),
        scores=best.user_attrs["scores"],
        history=history,
        seconds=time.process_time() - started,
    )


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
