"""The winner of a leaderboard, fitted once more on all rows: a trained model to predict with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import persist, plan
from automat.calibration import calibrate
from automat.core import Fold, InputError, UnknownNameError
from automat.domain import Domain
from automat.evaluate import Job, make_estimator, unseen_rows
from automat.store import folder_name
from automat.trained import DOMAIN_FEATURES, ENDING, Card, TrainedModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from automat_leaderboards import Leaderboard
    from numpy.typing import NDArray

    from automat.core import Dataset, Model, RunRecord
    from automat.evaluate import Inputs
    from automat.store import Store


def save_entrant(
    store: Store,
    planned: plan.Plan,
    board: Leaderboard,
    *,
    name: str | None = None,
    cache_dir: Path | None = None,
    jobs: int = 1,
    command: str = "",
    allow_pickle: bool = False,
) -> Path:
    """Refit an entrant of a finished run on all rows, and keep it beside the run's records.

    Args:
        store: of the run.
        planned: the run.
        board: of the run.
        name: of the entrant; None: the best of this run.
        cache_dir: of the features.
        jobs: workers that featurize what is not there yet.
        command: kept on the model's card.
        allow_pickle: also of what has no safe form.

    Returns:
        The model's file.

    Raises:
        UnknownNameError: no such entrant in this run.
        InputError: it has no finished fold, or no safe form.
    """
    entered = [model.name for model in planned.models]
    ranked = [row.model for row in board.rows if row.rank is not None and row.model in entered]
    if name is not None and name not in entered:
        raise UnknownNameError("entrant of this run", name, entered)
    chosen = name or (ranked[0] if ranked else entered[0])
    cells = [cell for cell in planned.cells if cell.model == chosen]
    records = [record for record in map(store.read, cells) if record is not None]
    job = Job(
        planned.dataset,
        planned.folds,
        {model.name: model for model in planned.models},
        plan.inputs(planned, cells[:1], cache_dir=cache_dir, jobs=jobs),
        versions=records[0].versions if records else {},
        commit=records[0].commit if records else "",
    )
    folder = store.folder(planned.dataset.name) / "models"
    trained = refit(job, records, command=command)
    return trained.save(_place(folder, chosen, trained.card), allow_pickle=allow_pickle)


def _place(folder: Path, name: str, card: Card) -> Path:
    """The entrant's file; with the target in its name where that of another target of the same file is there."""
    plain = folder / f"{folder_name(name)}{ENDING}"
    there = persist.card_of(plain)
    if there is None or there.get("target") == card.target:
        return plain
    return folder / f"{folder_name(name)}-{folder_name(card.target)}{ENDING}"


def refit(job: Job, records: Sequence[RunRecord], *, command: str = "") -> TrainedModel:
    """Fit an entrant on all rows, with the parameters of the fold whose inner holdout it did best on.

    Error bars are learned as on the folds, from rows held out of the training rows; the model that is kept has
    seen all rows, so that they err to the safe side.

    Args:
        job: of the run: data, models, inputs.
        records: of one entrant, one a fold.
        command: kept on the card.

    Raises:
        InputError: no fold of the entrant has finished.
    """
    done = [record for record in records if record.status == "ok"]
    if not done:
        raise InputError("no fold of the entrant has finished, so there are no parameters to fit it with")
    chosen = min(done, key=_inner_error)
    dataset, model = job.dataset, job.models[chosen.cell.model]
    every = np.arange(len(dataset), dtype=np.intp)
    fold = Fold(split=chosen.cell.split, index=0, train=every, test=every[:0])
    whole, cell = replace(job, folds=(fold,)), replace(chosen.cell, fold=0)
    target = dataset.target if dataset.task == "regression" else dataset.target.astype(np.int64)
    inputs = job.inputs[cell.features]
    params = dict(chosen.params)
    estimator = make_estimator(whole, model, params, cell.seed)
    estimator.fit(inputs.take(every), target)
    unseen, _ = unseen_rows(whole, cell, inputs, target, params, estimator, None)
    calibration = None
    if unseen is not None:
        calibration = calibrate(unseen.target, unseen.given.values, unseen.given.spread)
    card = _card(job, chosen, done, command)
    if unseen is not None and calibration is not None:
        card = replace(card, calibration={"rows": calibration.rows, "from": unseen.origin})
    return TrainedModel(card, estimator, calibration, Domain.of(_domain_features(dataset, inputs, estimator, card)))


def _inner_error(record: RunRecord) -> float:
    from automat_leaderboards.metrics import HIGHER_IS_BETTER, PRIMARY

    metric = PRIMARY[record.task]
    value = record.metrics.get("validation", {}).get(metric)
    if value is None:
        return np.inf
    return -value if metric in HIGHER_IS_BETTER else value


def _card(job: Job, chosen: RunRecord, done: Sequence[RunRecord], command: str) -> Card:
    dataset, model, cell = job.dataset, job.models[chosen.cell.model], chosen.cell
    plain: Mapping[str, Any] = {} if dataset.table is None else {"columns": tuple(map(str, dataset.table.columns))}
    if dataset.task == "regression":
        plain = {**plain, "target_range": (float(dataset.target.min()), float(dataset.target.max()))}
    return Card(
        name=model.name,
        title=model.title or model.name,
        task=dataset.task,
        target=dataset.target_name,
        unit=dataset.unit,
        classes=dataset.classes,
        inputs=_needed(dataset, model, cell.features),
        takes=model.input,
        features=cell.features,
        features_version=cell.features_version,
        params=chosen.params,
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        rows=len(dataset),
        scores=_mean_scores(done),
        seed=cell.seed,
        command=command,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=job.versions,
        commit=job.commit,
        citation=model.citation,
        licence=dataset.licence,
        source=dataset.source,
        **plain,
    )


def _needed(dataset: Dataset, model: Model, features: str) -> str:
    """What the model must be given: of crystals no more than formulas where it looks at nothing else."""
    from automat_featurizers import feature_set

    if dataset.inputs != "structures":
        return dataset.inputs
    looks_at_formulas = model.input == "compositions" or (
        model.input == "features" and feature_set(features).takes == "composition"
    )
    return "compositions" if looks_at_formulas else dataset.inputs


def _mean_scores(done: Sequence[RunRecord]) -> dict[str, float]:
    """Means over folds of what is defined on all of them; a record on disk has None where it is not."""
    table = [record.metrics["test"] for record in done]
    defined = [name for name in table[0] if all(scores.get(name) is not None for scores in table)]
    means = {name: float(np.mean([scores[name] for scores in table])) for name in defined}
    return {name: value for name, value in means.items() if np.isfinite(value)}


def _domain_features(dataset: Dataset, inputs: Inputs, estimator: Any, card: Card) -> NDArray[np.float64]:
    if dataset.inputs == "table":
        encoded: NDArray[np.float64] = estimator[0].transform(dataset.table)
        return encoded
    if card.takes == "features":
        return np.asarray(inputs.values)
    import automat_featurizers

    packed: Any = dataset.compositions
    made = automat_featurizers.featurize(packed, DOMAIN_FEATURES)
    return made.values
