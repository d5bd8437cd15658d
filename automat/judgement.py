"""What the gate finds: who is better, by how much, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from automat_leaderboards import HIGHER_IS_BETTER, TITLES

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_IN_UNIT = frozenset({"mae", "rmse"})
_SHORT = 12
_FEW_FOLDS = 5


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes:
        preset: the budget's name.
        budget: what it could spend.
        scores: the metric on every fold's test rows, in the order of the folds.
    """

    model: str
    title: str
    features: str
    preset: str
    budget: Mapping[str, Any]
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over folds."""
        return float(np.mean(self.scores))

    @property
    def std(self) -> float:
        """Over folds, n - 1."""
        return float(np.std(self.scores, ddof=1))


@dataclass(frozen=True)
class Judgement:
    """Who is better, by how much, and how sure that is.

    Attributes:
        dataset, dataset_sha256, target, unit, split, folds, seed: what both were judged on.
        metric: that decides.
        margin: what the model must be better by, in the metric's unit.
        confidence: that is asked for.
        mine, baseline: the two.
        entrants: how many had finished every fold, the model itself not counted; the baseline is one of them.
        gain: mean over folds of how much better the model is, in the metric's unit; negative where it is worse.
        low, high: two-sided interval of the gain whose lower end is the one-sided bound at ``confidence``.
        p_value: one-sided, of a gain so large if the true one were the margin.
        beats: whether p is below one less the confidence.
        page: of the board that shows both.
    """

    dataset: str
    dataset_sha256: str
    target: str
    unit: str
    split: str
    folds: int
    seed: int
    metric: str
    margin: float
    confidence: float
    mine: Side
    baseline: Side
    entrants: int
    gain: float
    low: float
    high: float
    p_value: float
    beats: bool
    page: Path

    @property
    def budgets_differ(self) -> bool:
        """Whether the two could not spend the same."""
        return dict(self.mine.budget) != dict(self.baseline.budget)

    @property
    def unit_of_metric(self) -> str:
        """With a space before it; empty where the metric has none."""
        return f" {self.unit}" if self.unit and self.metric in _IN_UNIT else ""

    @property
    def sentence(self) -> str:
        """The verdict."""
        unit = self.unit_of_metric
        better, worse = ("higher", "lower") if self.metric in HIGHER_IS_BETTER else ("lower", "higher")
        beyond = f" by more than {self.margin:g}{unit}" if self.margin else ""
        verdict = f"{self.mine.model} {'beats' if self.beats else 'does not beat'} {self.baseline.model}{beyond}"
        told = f"{verdict} on {self.dataset}: its {TITLES[self.metric]} is {better if self.gain > 0 else worse}"
        sure = f"{_percent(self.confidence)} confidence (p = {self.p_value:.2g})"
        if self.beats:
            return f"{told} by {abs(self.gain):.4g}{unit}; by {self.low:.4g}{unit} or more, at {sure}."
        if self.gain > self.margin:
            return f"{told} by {self.gain:.4g}{unit}, but that is not sure at {sure}."
        return f"{told} by {abs(self.gain):.4g}{unit}."

    @property
    def notes(self) -> tuple[str, ...]:
        """How it was judged, a sentence each."""
        unit = self.unit_of_metric
        gain = (
            f"gain {self.gain:+.4g}{unit}, {_percent(2 * self.confidence - 1)} interval {self.low:+.4g} to "
            f"{self.high:+.4g}; margin {self.margin:g}{unit}; one-sided p = {self.p_value:.2g} (corrected resampled "
            "t-test over folds, Nadeau & Bengio 2003)"
        )
        where = (
            f"{self.split} split, {self.folds} folds, seed {self.seed}, data {self.dataset_sha256[:_SHORT]}; "
            f"entrants that had finished every fold: {self.entrants}"
        )
        notes = [gain, where]
        if self.folds < _FEW_FOLDS and not self.beats and self.gain > self.margin:
            notes.append(f"{self.folds} folds tell little of how sure a difference is; --folds 5 or more tell more")
        if self.budgets_differ:
            notes.append(f"budgets differ: {spent(self.mine.budget)}, against {spent(self.baseline.budget)}")
        return tuple(notes)


def spent(budget: Mapping[str, Any]) -> str:
    """A budget in words.

    >>> spent({"preset": "quick", "trials": 3, "epochs": 20})
    'quick: 3 trials, epochs 20'
    """
    trials = int(budget.get("trials", 1))
    words = [f"{trials} trial{'s' if trials > 1 else ''}"]
    words += [f"{name} {value}" for name, value in budget.items() if name not in {"preset", "trials"}]
    return f"{budget.get('preset', '')}: {', '.join(words)}"


def markdown(result: Judgement | InputError) -> str:
    """A judgement, or why there is none, as a section of a CI page (GitHub's Markdown)."""
    if isinstance(result, InputError):
        return f"### ❌ The gate could not judge\n\n{_escaped(str(result))}\n\n"
    rows = [
        f"| {_escaped(side.model)} | {_escaped(side.features)} | {side.mean:.4f} ± {side.std:.4f} "
        f"| {_escaped(spent(side.budget))} |"
        for side in (result.mine, result.baseline)
    ]
    return "\n".join(
        [
            f"### {'✅' if result.beats else '❌'} {_escaped(result.sentence)}",
            "",
            f"| entrant | features | {TITLES[result.metric]}{result.unit_of_metric}, mean ± std over folds | budget |",
            "|---|---|---|---|",
            *rows,
            "",
            *(f"- {_escaped(note)}" for note in result.notes),
            "\n",
        ]
    )


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"


def _escaped(text: str) -> str:
    """Text that Markdown takes for nothing else."""
    plain = " ".join(text.split())
    for mark in "\\`*_|<>[]#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
