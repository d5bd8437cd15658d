"""Records of one protocol to a Leaderboard: ranks, means and spreads over folds, gaps, skill."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_leaderboards.metrics import HIGHER_IS_BETTER, PRIMARY
from automat_leaderboards.records import CLASSIFICATION_METRICS, PARTS, REGRESSION_METRICS, check_records
from automat_leaderboards.significance import judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

PROTOCOL = ("dataset", "dataset_sha256", "target", "split", "folds", "split_seed", "folds_sha256", "seed", "preset")
"""Records that agree on these may stand on one board: same data, same folds, same budget."""

METRICS: Mapping[str, tuple[str, ...]] = {
    "regression": REGRESSION_METRICS,
    "classification": CLASSIFICATION_METRICS,
}

DUMMY = "dummy"
"""The entrant that others are measured against."""

_ENTRANT = ["model", "features"]
_VERSION = ("model_version", "features_version", "budget")
_COSTS = ("tune_seconds", "fit_seconds", "predict_seconds", "peak_memory_mb")


@dataclass(frozen=True)
class FoldResult:
    """One entrant on one fold.

    Attributes:
        scores: part (``train``, ``validation``, ``test``) to metric to value; empty for a failed fold.
        params: chosen parameters.
        details: what the entrant says of itself.
        n_train, n_test: rows; 0 where they are not known.
        tune_seconds, fit_seconds, predict_seconds: CPU seconds.
        peak_memory_mb: how far the worker's memory rose.
        finished_at: UTC, ISO 8601.
    """

    fold: int
    status: str
    error: str
    scores: Mapping[str, Mapping[str, float]]
    params: Mapping[str, Any]
    details: Mapping[str, Any]
    n_train: int = 0
    n_test: int = 0
    tune_seconds: float = math.nan
    fit_seconds: float = math.nan
    predict_seconds: float = math.nan
    peak_memory_mb: float = math.nan
    finished_at: str = ""


@dataclass(frozen=True)
class Row:
    """One entrant.

    Attributes:
        rank: from 1; None when no fold has a primary metric. Entrants with folds that failed or are to come
            rank after complete ones: their mean is over other rows.
        tied: no test tells it from the best, and it is not the best itself (see ``Leaderboard.tie_test``).
        mean, std: part to metric to mean, and standard deviation (n - 1), over the finished folds where the
            metric is defined.
        gap: how much worse the primary metric is on test than on training rows.
        skill: share of the dummy's distance to a perfect score that is closed; NaN without a dummy.
        featurize_seconds: CPU seconds for the dataset, once.
        tune_seconds, fit_seconds, predict_seconds: mean CPU seconds a fold.
        peak_memory_mb: the largest over the finished folds.
        budget: what it could spend.
        versions: of the packages it ran with.
        folds: of each fold there is a record of.
        folds_missing: folds of the split without a record yet.
        interval: 95% of the primary metric, the same fitted models on other test rows; NaN without predictions.
        fold_interval: 95% of it over other training rows too; NaN for a single fold.
        rank_range: 95% of its ranks on other test rows, among entrants that finished every fold.
        p_best: p-value of its difference from the best, corrected for the number of entrants (Holm); NaN for the
            best itself, and where nothing can be tested.
    """

    rank: int | None
    tied: bool
    model: str
    title: str
    features: str
    mean: Mapping[str, Mapping[str, float]]
    std: Mapping[str, Mapping[str, float]]
    gap: float
    skill: float
    featurize_seconds: float
    tune_seconds: float
    fit_seconds: float
    predict_seconds: float
    peak_memory_mb: float
    budget: Mapping[str, Any]
    versions: Mapping[str, str]
    folds: tuple[FoldResult, ...] = field(repr=False)
    folds_missing: int = 0
    interval: tuple[float, float] = (math.nan, math.nan)
    fold_interval: tuple[float, float] = (math.nan, math.nan)
    rank_range: tuple[int, int] | None = None
    p_best: float = math.nan

    @property
    def folds_ok(self) -> int:
        """Finished folds."""
        return sum(fold.status == "ok" for fold in self.folds)

    @property
    def folds_failed(self) -> int:
        """Folds that ended without a result."""
        return len(self.folds) - self.folds_ok

    @property
    def errors(self) -> tuple[str, ...]:
        """Why, a line a failed fold."""
        return tuple(f"fold {fold.fold + 1}: {fold.error}" for fold in self.folds if fold.status != "ok")


@dataclass(frozen=True)
class Leaderboard:
    """Entrants on identical folds of one dataset, best first.

    Attributes:
        tie_test: what ties are told by, of ``significance.TESTS``; empty where fewer than two entrants could be
            tested.
    """

    dataset: str
    dataset_sha256: str
    target: str
    unit: str
    task: str
    metric: str
    split: str
    folds: int
    split_seed: int
    seed: int
    preset: str
    n_rows: int
    rows: tuple[Row, ...]
    tie_test: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The task's metrics, the primary one first."""
        return METRICS[self.task]

    @property
    def best(self) -> Row | None:
        """The first entrant with a result."""
        return self.rows[0] if self.rows and self.rows[0].rank is not None else None

    def _repr_html_(self) -> str:
        """For notebooks: the verdict and the table."""
        from automat_leaderboards.export import to_html

        return to_html(self)

    @property
    def dummy(self) -> Row | None:
        """The line every entrant must beat."""
        return next((row for row in self.rows if row.model == DUMMY and row.rank is not None), None)


def protocols(records: pd.DataFrame) -> list[pd.DataFrame]:
    """Groups of records that may stand on one board, the group with the newest record first.

    Of an entrant only its newest version stands: same code, same features, same budget. Within that version
    the newest record counts for each fold, and a failure never hides a result.

    Raises:
        ValueError: not a table of run records.
    """
    check_records(records)
    if records.empty:
        return []
    records = records.assign(_ok=records["status"] == "ok").sort_values(["_ok", "finished_at"], kind="stable")
    groups = [
        _newest_versions(group)
        .drop_duplicates([*_ENTRANT, "fold"], keep="last")
        .drop(columns="_ok")
        .sort_values([*_ENTRANT, "fold"])
        for _, group in records.groupby(list(PROTOCOL), sort=False, dropna=False)
    ]
    return sorted(groups, key=lambda group: str(group["finished_at"].max()), reverse=True)


def _newest_versions(records: pd.DataFrame) -> pd.DataFrame:
    """The records of each entrant's newest version; folds of two versions are never averaged."""
    version = records[list(_VERSION)].astype(str).agg("|".join, axis=1)
    newest = records.assign(_version=version).sort_values("finished_at", kind="stable")
    newest = newest.drop_duplicates(_ENTRANT, keep="last").set_index(_ENTRANT)["_version"]
    entrants = records[_ENTRANT].apply(tuple, axis=1)
    return records[version == entrants.map(newest)]


def build(records: pd.DataFrame, predictions: pd.DataFrame | None = None) -> Leaderboard:
    """The leaderboard of one group of :func:`protocols`.

    Args:
        records: of one protocol.
        predictions: test predictions of its cells (``PREDICTION_COLUMNS``); without them intervals over test rows
            and rank ranges are not known.

    Raises:
        ValueError: no records, or records of more than one protocol.
    """
    check_records(records)
    if records.empty or len(records[list(PROTOCOL)].drop_duplicates()) != 1:
        raise ValueError("a board is built from the records of one protocol; see protocols()")
    first = records.iloc[0]
    task = str(first["task"])
    metric = PRIMARY[task]
    folds = int(first["folds"])
    entrants = [_summarize(group, task, folds) for _, group in records.groupby(_ENTRANT, sort=True)]
    board = Leaderboard(
        dataset=str(first["dataset"]),
        dataset_sha256=str(first["dataset_sha256"]),
        target=str(first["target"]),
        unit=str(first["unit"]),
        split=str(first["split"]),
        folds=folds,
        split_seed=int(first["split_seed"]),
        seed=int(first["seed"]),
        preset=str(first["preset"]),
        task=task,
        metric=metric,
        n_rows=int((records["n_train"] + records["n_test"]).max()),  # a cell that failed early names no rows
        rows=_ranked(entrants, metric),
    )
    return judge(board, predictions)


def _summarize(group: pd.DataFrame, task: str, n_folds: int) -> dict[str, Any]:
    """An entrant's Row as keyword arguments, but for what needs the others: rank, tie and skill."""
    folds = tuple(_fold(record, task) for record in group.sort_values("fold").to_dict("records"))
    done = group[group["status"] == "ok"]
    last = group.iloc[-1]
    mean = {part: {name: _mean(done[f"{part}_{name}"]) for name in METRICS[task]} for part in PARTS}
    std = {part: {name: _std(done[f"{part}_{name}"]) for name in METRICS[task]} for part in PARTS}
    metric = PRIMARY[task]
    worse = -1 if metric in HIGHER_IS_BETTER else 1
    return {
        "model": str(last["model"]),
        "title": str(last["title"]),
        "features": str(last["features"]),
        "mean": mean,
        "std": std,
        "gap": worse * (mean["test"][metric] - mean["train"][metric]),
        "featurize_seconds": float(group["featurize_seconds"].max()),
        **{name: _mean(done[name]) for name in ("tune_seconds", "fit_seconds", "predict_seconds")},
        "peak_memory_mb": float(done["peak_memory_mb"].max()),
        "budget": json.loads(last["budget"]),
        "versions": json.loads(last["versions"]),
        "folds": folds,
        "folds_missing": max(n_folds - len(folds), 0),
    }


def _fold(record: dict[str, Any], task: str) -> FoldResult:
    done = record["status"] == "ok"
    scores = {part: {name: float(record[f"{part}_{name}"]) for name in METRICS[task]} for part in PARTS}
    return FoldResult(
        fold=int(record["fold"]),
        status=str(record["status"]),
        error=str(record["error"]),
        scores=scores if done else {},
        params=json.loads(record["params"]),
        details=json.loads(record["details"]),
        n_train=int(record["n_train"]),
        n_test=int(record["n_test"]),
        **{name: float(record[name]) if done else math.nan for name in _COSTS},
        finished_at=str(record["finished_at"]),
    )


def _ranked(entrants: list[dict[str, Any]], metric: str) -> tuple[Row, ...]:
    sign = -1 if metric in HIGHER_IS_BETTER else 1

    def order(entrant: dict[str, Any]) -> tuple[int, float, str]:
        value = entrant["mean"]["test"][metric]
        complete = not entrant["folds_missing"] and all(fold.status == "ok" for fold in entrant["folds"])
        return (
            2 if math.isnan(value) else int(not complete),
            0.0 if math.isnan(value) else sign * value,
            entrant["model"],
        )

    ordered = sorted(entrants, key=order)
    dummy = next((entrant["mean"]["test"][metric] for entrant in ordered if entrant["model"] == DUMMY), math.nan)
    rows = []
    for position, entrant in enumerate(ordered, start=1):
        value = entrant["mean"]["test"][metric]
        rows.append(
            Row(
                rank=None if math.isnan(value) else position,
                tied=False,  # judged once all are ranked
                skill=_skill(value, dummy, metric),
                **entrant,
            )
        )
    return tuple(rows)


def _skill(value: float, dummy: float, metric: str) -> float:
    perfect = 1.0 if metric in HIGHER_IS_BETTER else 0.0
    return (dummy - value) / (dummy - perfect) if dummy != perfect else math.nan


def _mean(values: pd.Series) -> float:
    known = values.astype(float).dropna()
    return float(np.mean(known)) if len(known) else math.nan


def _std(values: pd.Series) -> float:
    known = values.astype(float).dropna()
    return float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
