"""Does a model of one's own beat the baseline? On the same data and folds, with a stated confidence, or no.

The difference of every fold's metric is judged by the corrected resampled t-test of C. Nadeau and Y. Bengio,
Machine Learning 52, 239 (2003), doi:10.1023/A:1024068626366, one-sided: folds share training rows, so a plain
t-test would find more differences than there are.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import automat_leaderboards
import numpy as np
from automat_leaderboards import HIGHER_IS_BETTER, comparisons, intervals
from automat_leaderboards.board import DUMMY, METRICS
from automat_leaderboards.metrics import PRIMARY

from automat import datasets, plan
from automat import models as registered
from automat.core import Dataset, InputError, Model, UnknownNameError
from automat.judgement import Judgement, Side
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

BEST = "best"
"""What ``against`` is for the best entrant that has finished every fold."""

_LEAST_CONFIDENCE = 0.5
_FEWEST_FOLDS = 2
_SHORT = 12


class Ended(Protocol):
    """What a run tells when it ends."""

    @property
    def page(self) -> Path:
        """Of the board."""


Runner = Callable[..., Ended]
"""Computes what is missing: ``automat.run``, or what takes its arguments."""


def judge(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    *,
    run: Runner,
    against: str = BEST,
    target: str | None = None,
    metric: str | None = None,
    margin: float = 0.0,
    confidence: float = 0.95,
    features: str | None = None,
    preset: str = "default",
    split: str | None = None,
    folds: int | None = None,
    trials: int | None = None,
    seed: int = 0,
    runs: str | Path = "automat-runs",
    cache_dir: Path | None = None,
    **options: Any,
) -> Judgement:
    """Run a model on the folds of its baseline, and the baseline where it has not run; then compare.

    A baseline of the same budget is preferred; failing that, one on the same folds with another budget
    serves; and failing that, the baseline is run (for ``best``: every entrant that can enter).

    Args:
        model: a ``.py`` file with one model, the name of a registered one, or a Model.
        dataset: a name, a file, a folder, or a Dataset.
        run: computes what is missing.
        against: ``best``, the name of an entrant, or another ``.py`` file.
        target: the target column of a file.
        metric: that decides; the task's primary one when None.
        margin: what the model must be better by, in the metric's unit.
        confidence: asked for, from 0.5 to below 1.
        features: feature set of tabular models.
        preset: ``quick``, ``default`` or ``best``.
        split: kind of split; the dataset's own when None.
        folds: number of folds; the preset's when None.
        trials: overrides the preset's Optuna trials.
        seed: of the split, the search and the models.
        runs: folder of the baseline's records, where the model's go too.
        cache_dir: keeps features that some splits need.
        options: further ones of ``run``.

    Raises:
        InputError: something given cannot be used, or the two cannot be compared; the message says why.
    """
    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)
    metric = _metric(metric, data)
    _check_bounds(margin, confidence)
    mine = _the_model(model)
    asked: dict[str, Any] = {
        "features": features, "preset": preset, "split": split, "folds": folds, "trials": trials, "seed": seed,
    }  # fmt: skip
    planned = _planned(data, mine, cache_dir, asked)
    search = _Search(Store(Path(runs)), Store.board_of(planned.cells[0]), mine.name, metric)
    run_here = partial(run, data, out=Path(runs), **asked, **options)
    own, found, page = _run_what_is_missing(search, planned, mine, against, run_here)
    return _judged(search, own, found, metric, margin, confidence, page)


def _planned(data: Dataset, mine: Model, cache_dir: Path | None, asked: Mapping[str, Any]) -> plan.Plan:
    planned = plan.make(data, models=[mine], cache_dir=cache_dir, **asked)
    if len(planned.folds) < _FEWEST_FOLDS:
        cut = planned.folds[0].split.kind
        raise InputError(
            f"split {cut!r} is a single fold, which has no spread to judge a difference by; take a split of several, "
            f"or repeat it, such as {cut}*5"
        )
    return planned


def _run_what_is_missing(
    search: _Search, planned: plan.Plan, mine: Model, against: str, run: Runner
) -> tuple[pd.DataFrame, _Baseline, Path]:
    """The model's records, the baseline's, and the page. What cannot be compared is refused before it is run."""
    wanted, runnable = _against(against, search)
    found = search.baseline(wanted)
    if found is None and not runnable:
        raise InputError(search.why_not(wanted))
    page = run(models=[mine]).page
    own = search.records(planned)
    _must_be_whole(own, mine.name)
    if found is None:
        run(models=None if wanted == BEST else [against])
        found = search.baseline(wanted)
    if found is None:
        raise InputError(f"no baseline has finished every fold: {search.errors(wanted)}")
    return own, found, page


@dataclass(frozen=True)
class _Baseline:
    """A finished entrant's records, and how many there were to choose from."""

    records: pd.DataFrame
    entrants: int


class _Search:
    """The stored entrants that a model may be compared with."""

    def __init__(self, store: Store, facts: Mapping[str, Any], own: str, metric: str) -> None:
        self.store, self.facts, self.own, self.metric = store, facts, own, metric

    def table(self) -> pd.DataFrame:
        """Every record of the dataset's target but the model's own."""
        table = self.store.table(str(self.facts["dataset"]))
        return table[(table["model"] != self.own) & (table["target"] == self.facts["target"])]

    def on_the_same_folds(self) -> pd.DataFrame:
        """Those on the same data and folds, of any budget.

        Raises:
            InputError: there are records of folds of this name, but all of other data, or all cut otherwise.
        """
        table = self.table()
        for name in ("split", "folds", "split_seed", "seed"):
            table = table[table[name] == self.facts[name]]
        table = self._agreeing(table, "dataset_sha256", "data")
        return self._agreeing(table, "folds_sha256", "folds")

    def baseline(self, wanted: str) -> _Baseline | None:
        """The best finished entrant (of that name, if it is one) on the same data and folds, if there is any."""
        same = self.on_the_same_folds()
        groups = automat_leaderboards.protocols(same)
        groups.sort(key=lambda group: group["preset"].iloc[0] != self.facts["preset"])  # stable: then the newest
        for group in groups:
            finished = self._finished(group)
            chosen = [entrant for entrant in finished if wanted in {BEST, entrant["model"].iloc[0]}]
            # A dummy that stands alone is nobody's best.
            if {entrant["model"].iloc[0] for entrant in chosen} - ({DUMMY} if wanted == BEST else set()):
                return _Baseline(min(chosen, key=self._cost), len(finished))
        return None

    def records(self, planned: plan.Plan) -> pd.DataFrame:
        """The records of a plan's cells."""
        table = self.store.table(planned.dataset.name)
        return table[table["cell"].isin([cell.key for cell in planned.cells])].sort_values("fold")

    def why_not(self, wanted: str) -> str:
        """Why an entrant that cannot be run here is no baseline."""
        table = self.table()
        elsewhere = table[table["model"] == wanted]
        boards = elsewhere[["split", "folds", "split_seed"]].drop_duplicates().itertuples(index=False)
        there = "; ".join(f"{row.split} split, {row.folds} folds, seed {row.split_seed}" for row in boards)
        return (
            f"{wanted!r} has not finished {self.facts['split']} split, {self.facts['folds']} folds, seed "
            f"{self.facts['split_seed']}, and is no registered model that could be run; its records are of: {there}"
        )

    def errors(self, wanted: str) -> str:
        """What kept entrants from finishing."""
        table = self.table()
        failed = table[(table["status"] != "ok") & ((table["model"] == wanted) | (wanted == BEST))]
        lines = [f"{row.model}, fold {row.fold + 1}: {row.error}" for row in failed.itertuples()]
        return "; ".join(lines[:3]) or "none could enter"

    def _agreeing(self, table: pd.DataFrame, column: str, what: str) -> pd.DataFrame:
        same = table[table[column] == self.facts[column]]
        if same.empty and not table.empty:
            theirs, ours = str(table[column].iloc[-1]), str(self.facts[column])
            raise InputError(
                f"cannot be compared, the {what} differ: the runs at {str(self.store.root)!r} are of {what} "
                f"{theirs[:_SHORT]}, these are {ours[:_SHORT]}; with another folder of runs the baselines run anew"
            )
        return same

    def _finished(self, group: pd.DataFrame) -> list[pd.DataFrame]:
        done = group[(group["status"] == "ok") & group[f"test_{self.metric}"].notna()]
        entrants = [entrant.sort_values("fold") for _, entrant in done.groupby(["model", "features"])]
        return [entrant for entrant in entrants if len(entrant) == int(self.facts["folds"])]

    def _cost(self, entrant: pd.DataFrame) -> float:
        sign = -1.0 if self.metric in HIGHER_IS_BETTER else 1.0
        return sign * float(entrant[f"test_{self.metric}"].mean())


def _the_model(model: str | Path | Model) -> Model:
    if isinstance(model, Model):
        return model
    found = registered.resolve([str(model)])
    if len(found) != 1:
        names = ", ".join(each.name for each in found)
        raise InputError(f"{str(model)!r} holds {len(found)} models ({names}); the gate judges one")
    return found[0]


def _against(against: str, search: _Search) -> tuple[str, bool]:
    """The baseline's name, and whether it could be run here.

    Raises:
        InputError: it is the model itself, or nothing of the kind is known.
    """
    name = _the_model(against).name if against.endswith(".py") else against
    if name == search.own:
        raise InputError(f"the model and its baseline are both called {name!r}; rename one")
    stored = set(search.table()["model"])
    known = registered.registry().keys()
    if name == against and name not in {BEST, *stored, *known}:
        raise UnknownNameError("baseline", name, {BEST, *stored, *known})
    return name, name in {BEST, *known} or name != against


def _metric(metric: str | None, data: Dataset) -> str:
    if metric is None:
        return PRIMARY[data.task]
    if metric not in METRICS[data.task]:
        raise UnknownNameError(f"metric of a {data.task}", metric, METRICS[data.task])
    return metric


def _check_bounds(margin: float, confidence: float) -> None:
    if not math.isfinite(margin):
        raise InputError(f"margin must be a number, but got {margin}")
    if not _LEAST_CONFIDENCE <= confidence < 1:
        raise InputError(f"confidence must be from 0.5 to below 1, such as 0.95, but got {confidence:g}")


def _must_be_whole(own: pd.DataFrame, name: str) -> None:
    failed = own[own["status"] != "ok"]
    if not failed.empty:
        first = failed.iloc[0]
        raise InputError(
            f"{name!r} cannot be compared: fold {first['fold'] + 1} ended as {first['status']} ({first['error']}). "
            "`automat check` tells more"
        )


def _judged(
    search: _Search,
    own: pd.DataFrame,
    baseline: _Baseline,
    metric: str,
    margin: float,
    confidence: float,
    page: Path,
) -> Judgement:
    theirs = baseline.records
    _must_share_rows(search.store, own, theirs)
    mine, other = _side(own, metric), _side(theirs, metric)
    facts = own.iloc[0]
    found = _compared(mine, other, own, metric, margin, confidence)
    return Judgement(
        dataset=str(facts["dataset"]),
        dataset_sha256=str(facts["dataset_sha256"]),
        target=str(facts["target"]),
        unit=str(facts["unit"]),
        split=str(facts["split"]),
        folds=int(facts["folds"]),
        seed=int(facts["seed"]),
        metric=metric,
        margin=margin,
        confidence=confidence,
        mine=mine,
        baseline=other,
        entrants=baseline.entrants,
        page=page,
        **found,
    )


def _side(records: pd.DataFrame, metric: str) -> Side:
    last = records.iloc[-1]
    return Side(
        model=str(last["model"]),
        title=str(last["title"]),
        features=str(last["features"]),
        preset=str(last["preset"]),
        budget=json.loads(last["budget"]),
        scores=tuple(float(value) for value in records[f"test_{metric}"]),
    )


def _must_share_rows(store: Store, own: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Refuse two entrants whose test rows or targets differ in any fold: hashes may be edited, predictions show it.

    Raises:
        InputError: so they do, or predictions are missing.
    """
    tables = [store.predictions(str(side["dataset"].iloc[0]), side["cell"]) for side in (own, theirs)]
    for fold, keys in zip(own["fold"], zip(own["cell"], theirs["cell"], strict=True), strict=True):
        rows = [
            table[table["cell"] == key].set_index("id")["y_true"].sort_index()
            for table, key in zip(tables, keys, strict=True)
        ]
        for side, found in zip((own, theirs), rows, strict=True):
            if found.empty:
                name = side["model"].iloc[0]
                raise InputError(f"cannot be compared: the predictions of {name!r} for fold {fold + 1} are missing")
        if not rows[0].index.equals(rows[1].index):
            apart = len(rows[0].index.symmetric_difference(rows[1].index))
            raise InputError(
                f"cannot be compared, the folds differ: {apart} test rows of fold {fold + 1} are not shared"
            )
        if not rows[0].equals(rows[1]):
            raise InputError(f"cannot be compared, the data differ: test targets of fold {fold + 1} are not the same")


def _compared(
    mine: Side, other: Side, own: pd.DataFrame, metric: str, margin: float, confidence: float
) -> dict[str, Any]:
    """The gain, its interval and its p, as arguments of Judgement."""
    from scipy.stats import t as student

    sign = 1.0 if metric in HIGHER_IS_BETTER else -1.0
    gains = sign * (np.array(mine.scores) - np.array(other.scores))
    sizes = float(own["n_train"].mean()), float(own["n_test"].mean())
    statistic, two_sided = comparisons.corrected_t_test(gains - margin, *sizes)
    p = two_sided / 2 if statistic > 0 else 1 - two_sided / 2
    gain = float(gains.mean())
    reach = float(student.ppf(confidence, len(gains) - 1)) * math.sqrt(intervals.corrected_variance(gains, *sizes))
    return {
        "gain": gain,
        "low": gain - reach,
        "high": gain + reach,
        "p_value": p,
        "beats": p < 1 - confidence,
    }
