"""A submission, of whatever origin, to tables."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import InputError, UnknownNameError
from automat.datasets import matbench
from automat.matbench_submission.layout import BENCHMARK, FOLDS, SCORES, THRESHOLD, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from automat.core import Task

MAX_BYTES = 2**27
"""Most bytes of JSON that are read; all 13 tasks with error bars are about 75 MB."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class TaskResult:
    """What a submission says of one task.

    Attributes:
        predictions: columns fold (from 0), id, y_pred (value, or class code 0 or 1), probability (of class 1; NaN
            where labels were submitted) and y_std (NaN where it is not stated).
        scores: columns fold and the task's ``SCORES``, as the file states them.
        parameters: of every fold.
    """

    predictions: pd.DataFrame
    scores: pd.DataFrame
    parameters: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Submission:
    """A Matbench submission.

    Attributes:
        tasks: our name of the dataset to what is said of it.
        about: what the submitter says of the algorithm.
        version: of the matbench package that wrote it, or whose layout it has.
        written_at: as the file states it.
        digest_agrees: whether the file's content is what its digest was taken of.
    """

    tasks: Mapping[str, TaskResult]
    about: Mapping[str, Any]
    version: str
    written_at: str
    digest_agrees: bool


def read_submission(path: Path) -> Submission:
    """Read a submission, plain or compressed, of whatever origin: it is JSON, looked at before anything is made of it.

    Raises:
        InputError: no such file, more than ``MAX_BYTES``, or not what a submission must be; the message says what.
    """
    content = _parsed(_bounded(path), path.name)
    where = repr(path.name)
    if not isinstance(content, dict) or content.get("benchmark_name") != BENCHMARK:
        raise InputError(f"{where} is no submission to {BENCHMARK}")
    tasks = content.get("tasks")
    if not isinstance(tasks, dict) or not tasks:
        raise InputError(f"{where} has no tasks")
    about = content.get("user_metadata")
    return Submission(
        tasks={name: _read_task(name, task, where) for name, task in tasks.items()},
        about=about if isinstance(about, dict) else {},
        version=str(content.get("version", "")),
        written_at=str(content.get("datestamp", "")),
        digest_agrees=_digest_agrees(content),
    )


def _bounded(path: Path) -> bytes:
    """The file's bytes, unpacked; never more than the limit, however small the file that they come from."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if packed:
                with gzip.open(file) as unpacked:
                    found = unpacked.read(MAX_BYTES + 1)
            else:
                found = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot read {str(path)!r}: {reason}") from error
    if len(found) > MAX_BYTES:
        raise InputError(f"{path.name!r} holds more than {MAX_BYTES} bytes; no submission does")
    return found


def _parsed(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name!r} is not JSON: {error.__class__.__name__}") from error


def _digest_agrees(content: dict[str, Any]) -> bool:
    try:
        return bool(content.get("hash") == digest({name: value for name, value in content.items() if name != "hash"}))
    except RecursionError:  # parameters nested deeper than Matbench itself could take
        return False


def _read_task(name: str, task: Any, where: str) -> TaskResult:
    if name not in matbench.TASKS:
        raise UnknownNameError(f"Matbench task (of {where})", name[:80], matbench.TASKS)
    what = f"{where}, {name}"
    results = task.get("results") if isinstance(task, dict) else None
    wanted = [f"fold_{fold}" for fold in range(FOLDS)]
    if not isinstance(results, dict) or sorted(results) != wanted:
        raise InputError(f"{what}: the results must be those of {', '.join(wanted)}")
    folds = [_read_fold(name, results[key], f"{what}, {key}") for key in wanted]
    return _assembled(name, folds, what)


def _assembled(name: str, folds: list[dict[str, Any]], what: str) -> TaskResult:
    import pandas as pd

    parts = [fold["rows"].assign(fold=number) for number, fold in enumerate(folds)]
    predictions = pd.concat(parts, ignore_index=True)[["fold", "id", "y_pred", "probability", "y_std"]]
    if sorted(predictions["id"]) != matbench.ids(name).tolist():
        raise InputError(
            f"{what}: its {len(predictions)} predictions are not one for every row of the task "
            f"({matbench.TASKS[name].rows})"
        )
    _check_folds(name, parts, what)
    stated = pd.DataFrame([{"fold": number} | fold["scores"] for number, fold in enumerate(folds)])
    return TaskResult(predictions, stated, tuple(fold["parameters"] for fold in folds))


def _check_folds(name: str, parts: list[pd.DataFrame], what: str) -> None:
    """Refuse folds that are not the official ones, where ids alone tell (those of classes depend on the targets)."""
    for number, test in enumerate(_official_test_ids(name)):
        if set(parts[number]["id"]) != test:
            raise InputError(f"{what}, fold_{number}: its ids are not those of the official fold")


def _official_test_ids(name: str) -> Iterator[set[str]]:
    from sklearn.model_selection import KFold

    from automat.splits.official import MATBENCH_SEED

    if matbench.TASKS[name].task == "regression":
        ids = matbench.ids(name)
        for _, test in KFold(FOLDS, shuffle=True, random_state=MATBENCH_SEED).split(ids):
            yield set(ids[test].tolist())


def _read_fold(name: str, fold: Any, what: str) -> dict[str, Any]:
    import pandas as pd

    if not isinstance(fold, dict) or not isinstance(data := fold.get("data"), dict) or not data:
        raise InputError(f"{what}: there is no data")
    task = matbench.TASKS[name].task
    values = np.array([_number(value, task, f"{what}, {id_[:40]!r}") for id_, value in data.items()])
    labels = all(isinstance(value, bool) for value in data.values())
    stated = fold.get("scores")
    if not isinstance(stated, dict) or not all(isinstance(stated.get(metric), int | float) for metric in SCORES[task]):
        raise InputError(f"{what}: the scores must be {', '.join(SCORES[task])}")
    parameters = fold.get("parameters")
    rows = pd.DataFrame(
        {
            "id": list(data),
            "y_pred": (values > THRESHOLD).astype(np.float64) if task == "classification" else values,
            "probability": values if task == "classification" and not labels else np.nan,
            "y_std": _spreads(fold.get("uncertainty"), data),
        }
    )
    return {
        "rows": rows,
        "scores": {metric: float(stated[metric]) for metric in SCORES[task]},
        "parameters": parameters if isinstance(parameters, dict) else {},
    }


def _number(value: Any, task: Task, what: str) -> float:
    """A prediction.

    Raises:
        InputError: no finite number, or for classes neither true, false, nor a probability.
    """
    classes = task == "classification"
    number = math.nan
    if isinstance(value, float | int) and (classes or not isinstance(value, bool)):
        with contextlib.suppress(OverflowError):  # a whole number beyond every float
            number = float(value)
    if not (0 <= number <= 1 if classes else math.isfinite(number)):
        allowed = "true, false, or a probability" if classes else "a finite number"
        raise InputError(f"{what}: {str(value)[:40]!r} is not {allowed}")
    return number


def _spreads(uncertainty: Any, data: Mapping[str, Any]) -> list[float]:
    """Standard deviations of the fold's rows; NaN where none is stated."""
    given = uncertainty if isinstance(uncertainty, dict) else {}
    stated = [each.get("std") if isinstance(each := given.get(name), dict) else None for name in data]
    return [float(std) if isinstance(std, float | int) and math.isfinite(std) else math.nan for std in stated]
