"""Entrants as runs of MLflow, where MLflow is installed: parameters, metrics by fold, predictions.

An entrant is one run of the experiment ``automat-DATASET``. A run that is whole (told by the names of the entrant's
records, which are its last tag) is left as it is, so that the same call adds what is new and nothing twice. What
broke off has no such tag: it is logged anew, and stays as a run that was killed, or is not over.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automat.core import InputError
from automat.exports.entrants import entrants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from automat.exports.entrants import Entrant

CELLS_TAG = "automat.cells"
_LONGEST = 500
"""Characters of a parameter; MLflow's servers refuse long ones."""


@dataclass(frozen=True)
class Logged:
    """What was logged.

    Attributes:
        experiments: their names, in the order of the boards.
        new: runs that were made.
        found: entrants that had a run already.
    """

    experiments: tuple[str, ...]
    new: int
    found: int


def log(runs: Path, uri: str | None = None, *, dataset: str | None = None, experiment: str | None = None) -> Logged:
    """Log every entrant that has no run yet.

    Args:
        runs: folder of the runs.
        uri: of MLflow's tracking server or store; where MLflow itself would look (``MLFLOW_TRACKING_URI``) when None.
        dataset: only its entrants.
        experiment: name of the experiment; one a dataset when None.

    Raises:
        InputError: MLflow is not installed, there are no records, or MLflow refuses.
        UnknownNameError: no records of that dataset.
    """
    every = entrants(runs, dataset=dataset)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise InputError(
            f"MLflow is not installed here ({error}); `pip install mlflow-skinny`, or mlflow, brings it"
        ) from error
    try:
        client = MlflowClient(tracking_uri=uri)
        experiments: dict[str, str] = {}
        new = 0
        for each in every:
            name = experiment or f"automat-{each.board.dataset}"
            if name not in experiments:
                experiments[name] = _experiment(client, name)
            new += _logged(client, experiments[name], each)
    except InputError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"MLflow at {uri or 'its default place'} refuses: {said[0]}") from error
    return Logged(tuple(experiments), new, len(every) - new)


def _experiment(client: Any, name: str) -> str:
    there = client.get_experiment_by_name(name)
    return str(there.experiment_id if there is not None else client.create_experiment(name))


def _logged(client: Any, experiment: str, entrant: Entrant) -> bool:
    """Whether a run was made; False where there is one."""
    board, row = entrant.board, entrant.row
    cells = hashlib.sha256(",".join(entrant.cells).encode()).hexdigest()[:32]
    if client.search_runs([experiment], filter_string=f"tags.`{CELLS_TAG}` = '{cells}'", max_results=1):
        return False
    now = int(time.time() * 1000)
    tags = {"automat.dataset_sha256": board.dataset_sha256, "automat.title": row.title}
    run = client.create_run(experiment, run_name=f"{row.model} ({row.features}), {board.split}", tags=tags).info.run_id
    try:
        _upload(client, run, entrant, now)
        client.set_terminated(run, "FAILED" if row.folds_failed else "FINISHED")
    except BaseException:
        with suppress(Exception):  # what went wrong first is told
            client.set_terminated(run, "KILLED")
        raise
    # Last, as it says that the run is whole.
    client.set_tag(run, CELLS_TAG, cells)
    return True


def _upload(client: Any, run: str, entrant: Entrant, now: int) -> None:
    from mlflow.entities import Metric, Param

    metrics = [Metric(name, value, now, step) for name, value, step in _metrics(entrant)]
    params = [Param(name, str(value)[:_LONGEST]) for name, value in _params(entrant).items()]
    client.log_batch(run, metrics=metrics, params=params)
    folds = [
        {"fold": fold.fold + 1, "status": fold.status, "error": fold.error, "params": dict(fold.params),
         "scores": {part: dict(scores) for part, scores in fold.scores.items()}}
        for fold in entrant.row.folds
    ]  # fmt: skip
    client.log_text(run, json.dumps(folds, indent=1), "folds.json")
    client.log_text(run, entrant.predictions.drop(columns="cell").to_csv(index=False), "test_predictions.csv")


def _params(entrant: Entrant) -> dict[str, Any]:
    """The protocol, and the entrant's parameters where every fold chose the same."""
    board, row = entrant.board, entrant.row
    said: dict[str, Any] = {
        "dataset": board.dataset, "target": board.target, "unit": board.unit, "task": board.task, "rows": board.n_rows,
        "split": board.split, "folds": board.folds, "split_seed": board.split_seed, "seed": board.seed,
        "preset": board.preset, "model": row.model, "features": row.features,
    }  # fmt: skip
    chosen: list[Mapping[str, Any]] = [fold.params for fold in row.folds if fold.status == "ok"]
    for name in chosen[0] if chosen else ():
        values = [params.get(name) for params in chosen]
        said[f"param.{name}"] = values[0] if all(value == values[0] for value in values) else "differs by fold"
    return said


def _metrics(entrant: Entrant) -> Iterator[tuple[str, float, int]]:
    """Name, value and step: means at step 0, and a step for each fold from 1."""
    row = entrant.row
    means = {f"{part}_{name}": value for part, scores in row.mean.items() for name, value in scores.items()}
    spreads = {f"{part}_{name}_std": value for part, scores in row.std.items() for name, value in scores.items()}
    plain = {
        name: float(getattr(row, name))
        for name in ("gap", "skill", "featurize_seconds", "tune_seconds", "fit_seconds", "predict_seconds",
                     "peak_memory_mb", "folds_ok", "folds_failed")
    }  # fmt: skip
    rank = {} if row.rank is None else {"rank": float(row.rank)}
    for name, value in {**means, **spreads, **plain, **rank}.items():
        if math.isfinite(value):
            yield name, value, 0
    for fold in row.folds:
        for name, value in fold.scores.get("test", {}).items():
            if value is not None and math.isfinite(value):
                yield f"fold_{name}", value, fold.fold + 1
