"""A run's entrant to a submission."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import _process, whole_files
from automat.core import InputError, UnknownNameError
from automat.datasets import matbench
from automat.matbench_submission.layout import BENCHMARK, FOLDS, LAYOUT, digest, scores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd
    from automat_leaderboards import Leaderboard, Row
    from numpy.typing import NDArray

    from automat.core import Task
    from automat.store import Store

_STAMP = "%Y.%m.%d %H:%M.%S"
_95_PERCENT = 1.959963984540054
"""Standard deviations from the mean to the ends of a normal distribution's central 95%."""


def write_submission(path: Path, store: Store, *, dataset: str | None = None, model: str | None = None) -> list[str]:
    """Write one entrant's test predictions on every Matbench task that it finished on the official folds.

    Classes are submitted as probabilities of class 1 where the entrant gives them; Matbench takes 0.5 as the
    threshold, so an entrant that decides otherwise has other scores there. Standard deviations become 95% intervals of
    a normal distribution, as Matbench makes them. Where a task was run more than once, the newest board counts.

    Args:
        path: the file; compressed if its name ends in ``.gz``.
        store: the run.
        dataset: only this task.
        model: the entrant; the best of the newest board when None.

    Returns:
        The tasks in the file.

    Raises:
        UnknownNameError: no such entrant on these boards.
        InputError: no board of a Matbench task on the official folds, or none that the entrant finished; or the file
            cannot be written.
    """
    boards = _official_boards(store, dataset)
    chosen = _entrant(boards, model)
    tasks, about, title = {}, {}, ""
    for board, predictions in boards:
        row = next((row for row in board.rows if row.model == chosen), None)
        if row is None or row.folds_ok != FOLDS:
            continue
        mine = predictions[(predictions["model"] == row.model) & (predictions["features"] == row.features)]
        tasks[board.dataset] = _task(board, row, mine)
        about[board.dataset] = {
            "features": row.features,
            "preset": board.preset,
            "seed": board.seed,
            "data_sha256": board.dataset_sha256,
        }
        title = title or row.title
    if not tasks:
        raise InputError(f"entrant {chosen!r} has not finished all {FOLDS} official folds of a Matbench task")
    content: dict[str, Any] = {
        "@module": "matbench.bench",
        "@class": "MatbenchBenchmark",
        "version": LAYOUT,
        "tasks": tasks,
        "user_metadata": {"algorithm": title, "automat": _process.versions().get("automat", ""), "tasks": about},
        "benchmark_name": BENCHMARK,
        "datestamp": datetime.now(UTC).strftime(_STAMP),
    }
    content = json.loads(json.dumps(content, sort_keys=True))
    content["hash"] = digest(content)
    _write(path, json.dumps(content).encode())
    return list(tasks)


def _official_boards(store: Store, dataset: str | None) -> list[tuple[Leaderboard, pd.DataFrame]]:
    """The newest board of every Matbench task on the official folds, with its predictions, newest first."""
    import automat_leaderboards
    from automat_leaderboards.published import OFFICIAL_SPLIT

    table = store.table(dataset)
    official = table[table["dataset"].isin(matbench.TASKS) & (table["split"] == OFFICIAL_SPLIT)]
    newest: dict[str, tuple[Leaderboard, pd.DataFrame]] = {}
    for records in automat_leaderboards.protocols(official):
        name = str(records["dataset"].iloc[0])
        if name not in newest:
            newest[name] = automat_leaderboards.build(records), store.predictions(name, records["cell"])
    if not newest:
        only = f" of {dataset!r}" if dataset else ""
        raise InputError(
            f"no run{only} of a Matbench task on its official folds at {str(store.root)!r}; "
            "`automat run --dataset matbench_expt_gap --split official` makes one"
        )
    return list(newest.values())


def _entrant(boards: list[tuple[Leaderboard, pd.DataFrame]], model: str | None) -> str:
    if model is not None:
        entrants = {row.model for board, _ in boards for row in board.rows}
        if model not in entrants:
            raise UnknownNameError("entrant on these boards", model, entrants)
        return model
    best = next((board.best for board, _ in boards if board.best is not None), None)
    if best is None:
        raise InputError("no entrant finished a Matbench task")
    return best.model


def _task(board: Leaderboard, row: Row, predictions: pd.DataFrame) -> dict[str, Any]:
    """One task as Matbench has it."""
    found = sorted(predictions["id"])
    if found != matbench.ids(board.dataset).tolist():
        raise InputError(
            f"the stored predictions of {row.model!r} are not one for every row of {board.dataset} "
            f"({len(found)} of {matbench.TASKS[board.dataset].rows} rows)"
        )
    params = {fold.fold: dict(fold.params) for fold in row.folds}
    task = matbench.TASKS[board.dataset].task
    return {
        "@module": "matbench.task",
        "@class": "MatbenchTask",
        "benchmark_name": BENCHMARK,
        "dataset_name": board.dataset,
        "results": {
            f"fold_{fold}": _fold(task, group.sort_values("id"), params[int(str(fold))])
            for fold, group in predictions.groupby("fold")
        },
    }


def _fold(task: Task, rows: pd.DataFrame, params: Mapping[str, Any]) -> dict[str, Any]:
    given = rows["y_pred"].to_numpy(np.float64)
    chances = rows["probability"].to_numpy(np.float64)
    values: list[float] | list[bool]
    if task == "classification":
        known = bool(np.isfinite(chances).all())
        given = np.clip(chances, 0.0, 1.0) if known else given
        values = given.tolist() if known else [bool(code) for code in given]
    else:
        values = given.tolist()
    ids = rows["id"].tolist()
    spread = rows["y_std"].to_numpy(np.float64)
    uncertainty = None
    if task == "regression" and np.isfinite(spread).all():
        uncertainty = dict(zip(ids, _intervals(given, spread), strict=True))
    return {
        "data": dict(zip(ids, values, strict=True)),
        "parameters": params,
        "scores": scores(task, rows["y_true"], given),
        "uncertainty": uncertainty,
    }


def _intervals(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> list[dict[str, float]]:
    low, high = mean - _95_PERCENT * spread, mean + _95_PERCENT * spread
    ends = zip(low.tolist(), high.tolist(), spread.tolist(), strict=True)
    return [{"ci_lower": lower, "ci_upper": upper, "std": std} for lower, upper, std in ends]


def _write(path: Path, content: bytes) -> None:
    try:
        # The same content is the same file: no time of its own in it.
        whole_files.write(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
