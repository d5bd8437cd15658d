"""What is wrong with an entrant, in plain words, with the figures that say so and what to try.

Rules and thresholds stand in ``docs/explanation/diagnosis.md``. Errors are compared on one scale: as a share of what
a constant guess costs, so that 0 is perfect and 1 is no better than the dummy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automat_leaderboards.board import DUMMY
from automat_leaderboards.metrics import HIGHER_IS_BETTER
from automat_leaderboards.text import TITLES, Translate, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from automat_leaderboards.board import Leaderboard, Row

Code = Literal[
    "memorising", "too_simple", "starved", "noisy_labels", "unstable", "extrapolating", "fine", "unknown", "baseline"
]

NAMES: Mapping[Code, str] = {
    "memorising": "memorising",
    "too_simple": "too simple",
    "starved": "starved of data",
    "noisy_labels": "noisy labels",
    "unstable": "unstable over folds",
    "extrapolating": "extrapolating",
    "fine": "nothing conspicuous",
    "unknown": "cannot be told",
    "baseline": "the baseline",
}

MEMORISED = 0.25
"""Training error below this share of the test error..."""
GAP = 0.1
"""...and lower by at least this share of the dummy's error: memorising."""
ALIKE = 0.8
"""Training error of at least this share of the test error: the model has nothing left to forget."""
SIMPLE = 0.5
"""Training error above this share of the dummy's: it does not even describe the rows that it saw."""
BEATEN = 0.1
"""A better entrant must be ahead by this share of the dummy's error to prove that more can be learned."""
FEW_TRAINING_ROWS = 50
GAIN = 0.1
"""A doubling of the training rows that takes this share off the error promises more from the next."""
HOPELESS = 0.95
"""All entrants above this share of the dummy's error: nothing is learned from these labels."""
MUCH_LEFT = 0.5
"""The best entrant's error above this share of the dummy's, although another fits its training rows: noise."""
ENOUGH_ROWS = 200
"""Training rows from which a lack of rows is no longer the first guess."""
SCATTER = 0.25
"""Standard deviation over folds above this share of the mean error..."""
BEYOND_CHANCE = 2.0
"""...and so many times what test sets of that size scatter by themselves: unstable."""
FEWEST_FOLDS = 3
FAR = 1.5
"""Error this many times that of a random split, or of the inner validation rows: extrapolating."""
FEW_TEST_ROWS = 50
ROUNDING = 1e-12
BY_CHANCE = ("random", "stratified", "official")
"""Splits that draw rows by chance, so that test rows are like training rows."""


@dataclass(frozen=True)
class Finding:
    """One thing that figures say.

    Attributes:
        code: what it is.
        text: English, with the names of :attr:`values`.
        values: the figures, ready to be set.
        advice: what to try, English.
    """

    code: Code
    text: str
    advice: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def name(self, t: Translate = plain) -> str:
        """In two or three words."""
        return t(NAMES[self.code])

    def sentence(self, t: Translate = plain) -> str:
        """With its figures."""
        return t(self.text, **self.values)

    def remedy(self, t: Translate = plain) -> str:
        """What to try; empty where there is nothing to."""
        return t(self.advice) if self.advice else ""


@dataclass(frozen=True)
class Diagnosis:
    """All that the figures say of one entrant.

    Attributes:
        model, title, features: the entrant.
        findings: the weightiest first; never empty.
        folds, test_rows: how much stands behind it.
    """

    model: str
    title: str
    features: str
    findings: tuple[Finding, ...]
    folds: int
    test_rows: int

    def caution(self, t: Translate = plain) -> str:
        """That there is little behind it, where that is so; else empty."""
        if self.folds >= FEWEST_FOLDS and self.test_rows >= FEW_TEST_ROWS:
            return ""
        return t(
            "Only {folds} folds and {rows} test rows stand behind this: take it as a hint.",
            folds=self.folds,
            rows=self.test_rows,
        )


def diagnoses(
    board: Leaderboard,
    predictions: pd.DataFrame | None = None,
    *,
    beside: Leaderboard | None = None,
    curves: Mapping[tuple[str, str], Mapping[int, float]] | None = None,
) -> tuple[Diagnosis, ...]:
    """A diagnosis an entrant, in the order of the board.

    Args:
        board: the leaderboard.
        predictions: test predictions of its cells; without them nothing tells how far test sets scatter by chance,
            nor, without a dummy on the board, what a constant guess costs.
        beside: the board of a random split of the same dataset; tells what other splits ask more.
        curves: model and features to a learning curve: training rows to mean test error.
    """
    constant = _constant_error(board, predictions)
    return tuple(_diagnose(board, row, constant, predictions, beside, curves or {}) for row in board.rows)


def _diagnose(
    board: Leaderboard,
    row: Row,
    constant: float,
    predictions: pd.DataFrame | None,
    beside: Leaderboard | None,
    curves: Mapping[tuple[str, str], Mapping[int, float]],
) -> Diagnosis:
    done = [fold for fold in row.folds if fold.status == "ok"]
    found: list[Finding | None]
    if row.rank is None or not constant > 0:
        found = [Finding("unknown", "There is no finished fold, or nothing to measure errors against.", "")]
    elif row.model == DUMMY:
        found = [Finding("baseline", "It guesses the same for all rows: what every entrant must beat.", "")]
    else:
        found = [
            _extrapolating(board, row, beside),
            _starved(board, row, curves.get((row.model, row.features))),
            _noisy(board, row, constant),
            _memorising(board, row, constant),
            _too_simple(board, row, constant),
            _unstable(board, row, predictions),
        ]
    findings = tuple(each for each in found if each is not None)
    return Diagnosis(
        model=row.model,
        title=row.title,
        features=row.features,
        findings=findings or (_fine(board, row, constant),),
        folds=len(done),
        test_rows=sum(fold.n_test for fold in done),
    )


def _error(board: Leaderboard, row: Row, part: str) -> float:
    """The primary metric as something that is 0 when perfect."""
    value = row.mean[part][board.metric]
    return 1 - value if board.metric in HIGHER_IS_BETTER else value


def _constant_error(board: Leaderboard, predictions: pd.DataFrame | None) -> float:
    """What a constant guess costs: 0.5 of a ROC-AUC, else the dummy's error or the mean absolute deviation."""
    if board.metric == "roc_auc":
        return 0.5
    if board.dummy is not None:
        return _error(board, board.dummy, "test")
    if predictions is None or predictions.empty:
        return math.nan
    targets = predictions.drop_duplicates("id")["y_true"].to_numpy(float)
    return float(np.abs(targets - np.median(targets)).mean())


def _figures(board: Leaderboard, row: Row, constant: float) -> dict[str, str]:
    unit = f" {board.unit}" if board.unit and board.metric == "mae" else ""
    return {
        "metric": TITLES[board.metric],
        "train": f"{_plain(row.mean['train'][board.metric])}{unit}",
        "test": f"{_plain(row.mean['test'][board.metric])}{unit}",
        "share": f"{_error(board, row, 'test') / constant:.0%}",
        "rows": f"{_training_rows(row):,}",
    }


def _plain(value: float) -> str:
    """Three digits; what is nothing but rounding is 0."""
    return "0" if abs(value) < ROUNDING else f"{value:.3g}"


def _training_rows(row: Row) -> int:
    rows = [fold.n_train for fold in row.folds if fold.n_train]
    return int(np.mean(rows)) if rows else 0


def _fine(board: Leaderboard, row: Row, constant: float) -> Finding:
    return Finding(
        "fine",
        "{metric} {train} on training rows and {test} on test rows, {share} of a constant guess's error: "
        "no rule applies.",
        "",
        _figures(board, row, constant),
    )


def _memorising(board: Leaderboard, row: Row, constant: float) -> Finding | None:
    train, test = _error(board, row, "train"), _error(board, row, "test")
    if not (train < MEMORISED * test and test - train > GAP * constant):
        return None
    return Finding(
        "memorising",
        "{metric} is {train} on training rows but {test} on test rows: it knows its training rows by heart.",
        "Restrain it (fewer or shallower trees, more neighbours, stronger regularisation, earlier stopping), "
        "or add rows.",
        _figures(board, row, constant),
    )


def _too_simple(board: Leaderboard, row: Row, constant: float) -> Finding | None:
    train, test = _error(board, row, "train"), _error(board, row, "test")
    best = board.best
    if best is None or best is row or not (train > SIMPLE * constant and train > ALIKE * test):
        return None
    if not test - _error(board, best, "test") > BEATEN * constant:
        return None
    return Finding(
        "too_simple",
        "{metric} is {train} on training rows and hardly differs on test rows ({test}), while {best} reaches "
        "{reached}: it cannot describe even what it saw.",
        "Give it more freedom (depth, neighbours, layers, interactions) or richer features.",
        _figures(board, row, constant) | {"best": best.title, "reached": f"{best.mean['test'][board.metric]:.3g}"},
    )


def _starved(board: Leaderboard, row: Row, curve: Mapping[int, float] | None) -> Finding | None:
    rows = _training_rows(row)
    advice = "Add rows before trying models; with few rows prefer simple models and strong regularisation."
    if curve and len(curve) > 1:
        sizes = sorted(curve)
        last = max(sizes)
        half = min(sizes[:-1], key=lambda size: abs(math.log(2 * size / last)))
        errors = [1 - curve[size] if board.metric in HIGHER_IS_BETTER else curve[size] for size in (half, last)]
        # The gain of one doubling, had the error fallen as a power of the rows between the two.
        gain = 1 - (errors[1] / errors[0]) ** (math.log(2) / math.log(last / half)) if min(errors) > 0 else 0.0
        if gain > GAIN:
            said = "From {half} to {last} training rows its error still fell by {gain} a doubling: it is not yet flat."
            return Finding("starved", said, advice, {"half": half, "last": last, "gain": f"{gain:.0%}"})
    if 0 < rows < FEW_TRAINING_ROWS:
        said = "It was fitted on {rows} rows only; with fewer than {few}, differences are mostly luck."
        return Finding("starved", said, advice, {"rows": rows, "few": FEW_TRAINING_ROWS})
    return None


def _noisy(board: Leaderboard, row: Row, constant: float) -> Finding | None:
    """Of the labels, so of the board: every model, those that can fit their training rows too, stays far from them."""
    others = [each for each in board.rows if each.model != DUMMY and each.rank is not None]
    best = min(_error(board, each, "test") for each in others) / constant
    rows = _training_rows(row)
    fits = any(_error(board, each, "train") < SIMPLE * _error(board, each, "test") for each in others)
    if len(others) <= 1 or not fits or rows < ENOUGH_ROWS:
        return None
    values = {"count": len(others), "rows": f"{rows:,}", "best": f"{best:.0%}"}
    advice = "Look at repeated measurements and duplicates, check targets and units, and try features that carry more."
    if best > HOPELESS:
        said = (
            "None of the {count} entrants is better than a constant guess on test rows (best: {best} of its error), "
            "with {rows} rows to train on: these inputs say nothing of these labels."
        )
        return Finding("noisy_labels", said, advice, values)
    if best > MUCH_LEFT:
        said = (
            "The best of {count} entrants keeps {best} of a constant guess's error although training rows can be "
            "fitted and {rows} are there: labels are noisy, or the inputs lack what decides. Scores alone cannot "
            "tell which."
        )
        return Finding("noisy_labels", said, advice, values)
    return None


def _unstable(board: Leaderboard, row: Row, predictions: pd.DataFrame | None) -> Finding | None:
    scores = [fold.scores["test"][board.metric] for fold in row.folds if fold.status == "ok"]
    errors = np.array([1 - each if board.metric in HIGHER_IS_BETTER else each for each in scores])
    errors = errors[np.isfinite(errors)]
    if len(errors) < FEWEST_FOLDS or not errors.mean() > 0:
        return None
    spread = float(errors.std(ddof=1))
    if not spread > max(SCATTER * errors.mean(), BEYOND_CHANCE * _by_chance(board, row, predictions)):
        return None
    return Finding(
        "unstable",
        "{metric} goes from {low} to {high} over {folds} folds, more than test sets of this size differ by chance.",
        "Look at what is left out on its worst fold; use more folds or repeats, and average several seeds.",
        {
            "metric": TITLES[board.metric],
            "low": f"{min(scores):.3g}",
            "high": f"{max(scores):.3g}",
            "folds": len(errors),
        },
    )


def _by_chance(board: Leaderboard, row: Row, predictions: pd.DataFrame | None) -> float:
    """How far a fold's error scatters because its test rows are few; infinite where that is not known."""
    tests = [fold.n_test for fold in row.folds if fold.status == "ok" and fold.n_test]
    if not tests:
        return math.inf
    if board.metric == "roc_auc":
        # Of a ROC-AUC A on n rows of two equal classes it is at most sqrt(A (1 - A) / (n / 2)) (Bamber 1975,
        # doi:10.1016/0022-2496(75)90001-2).
        area = row.mean["test"]["roc_auc"]
        return math.sqrt(max(area * (1 - area), 0.0) / (min(tests) / 2))
    if predictions is None or predictions.empty:
        return math.inf
    mine = predictions[(predictions["model"] == row.model) & (predictions["features"] == row.features)]
    misses = (mine["y_true"] - mine["y_pred"]).abs()
    return float(misses.groupby(mine["fold"]).std().mean() / math.sqrt(min(tests)))


def _extrapolating(board: Leaderboard, row: Row, beside: Leaderboard | None) -> Finding | None:
    kind = board.split.split("*")[0].split(":")[0]
    if kind in BY_CHANCE:
        return None
    advice = "Trust the random split's score only for materials like those at hand; add rows near the ones left out."
    test = _error(board, row, "test")
    values = {"metric": TITLES[board.metric], "split": board.split, "test": f"{row.mean['test'][board.metric]:.3g}"}
    rivals = beside.rows if beside is not None else ()
    there = next((each for each in rivals if (each.model, each.features) == (row.model, row.features)), None)
    if beside is not None and there is not None and there.rank is not None:
        near = _error(beside, there, "test")
        if not test > FAR * near > 0:
            return None
        said = "{metric} is {test} on the {split} split but {near} on a random one: {times} times the error."
        values |= {"near": f"{there.mean['test'][board.metric]:.3g}", "times": f"{test / near:.1f}"}
        return Finding("extrapolating", said, advice, values)
    inner = _error(board, row, "validation")
    if not (math.isfinite(inner) and test > FAR * inner > 0):
        return None
    said = "{metric} is {test} on the {split} split but {near} on its inner validation rows: {times} times the error."
    values |= {"near": f"{row.mean['validation'][board.metric]:.3g}", "times": f"{test / inner:.1f}"}
    return Finding("extrapolating", said, advice, values)
