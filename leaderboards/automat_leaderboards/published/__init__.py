"""Published figures to set beside our own: facts with citations, not run here and never ranked among ours.

What the table holds and where it comes from: ``README.md`` beside it. To add figures, add rows.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from automat_leaderboards.metrics import HIGHER_IS_BETTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat_leaderboards.board import Leaderboard

__all__ = ["LABELS_NOTE", "OFFICIAL_SPLIT", "ROC_AUC_OF_LABELS", "SPREAD_NOTE", "PublishedRow", "beside", "published"]

OFFICIAL_SPLIT = "official"
"""The kind of split whose folds the figures are means over."""

ROC_AUC_OF_LABELS = "roc_auc_of_labels"
"""What Matbench calls ROC-AUC."""

LABELS_NOTE = (
    "Matbench computes its ROC-AUC from thresholded labels (matbench issue 137), so it equals balanced accuracy; "
    "it does not compare with the ROC-AUC of probabilities of the entrants run here. Compare balanced accuracy."
)
SPREAD_NOTE = (
    "Published, not run here: figures of Matbench v0.1 (Dunn et al. 2020, doi:10.1038/s41524-020-00406-3) on the same "
    "folds. Their ± is the standard deviation of a population, divided by 5 folds; ours divides by one fold less."
)

_METRICS: Mapping[str, str] = MappingProxyType(
    {"mae": "mae", "rmse": "rmse", "rocauc": ROC_AUC_OF_LABELS, "balanced_accuracy": "balanced_accuracy", "f1": "f1"}
)
"""Columns of the table to names of metrics."""

_DECIDES = ("mae", "balanced_accuracy")


@dataclass(frozen=True)
class PublishedRow:
    """An algorithm's published figures on one dataset.

    Attributes:
        dataset: our name of the task.
        algorithm: as published.
        mean, std: metric to mean and standard deviation over the five official folds: ``mae`` and ``rmse`` in the
            target's unit, or ``roc_auc_of_labels``, ``balanced_accuracy`` and ``f1``. The standard deviation is a
            population's (divided by 5).
        citation: whom to cite, with links.
        source: file of Matbench's repository that the figures are taken from.
    """

    dataset: str
    algorithm: str
    mean: Mapping[str, float]
    std: Mapping[str, float]
    citation: str
    source: str


def published(dataset: str) -> tuple[PublishedRow, ...]:
    """Published figures on a dataset, best first (by MAE or balanced accuracy); none where there are none.

    >>> [row.algorithm for row in published("matbench_expt_gap")][:2]
    ['Darwin', 'Ax/SAASBO CrabNet v1.2.7']
    """
    return _table().get(dataset, ())


def beside(board: Leaderboard) -> tuple[PublishedRow, ...]:
    """Published figures on the folds of a board; none where it has other folds."""
    return published(board.dataset) if board.split == OFFICIAL_SPLIT else ()


@cache
def _table() -> Mapping[str, tuple[PublishedRow, ...]]:
    citations = {row["key"]: f"{row['citation']} {row['link']}".strip() for row in _read("citations.csv")}
    rows: dict[str, list[PublishedRow]] = {}
    for line in _read("matbench_v0.1.csv"):
        kind, _, name = line["source"].partition(":")
        place = f"benchmarks/{name}/results.json.gz" if kind == "results" else f"docs_src/Full Benchmark Data/{name}.md"
        row = PublishedRow(
            dataset=line["task"],
            algorithm=line["algorithm"],
            mean=_figures(line, "mean"),
            std=_figures(line, "std"),
            citation="; ".join(citations[key] for key in line["citation"].split(";")),
            source=f"materialsproject/matbench@936176d, {place}",
        )
        rows.setdefault(row.dataset, []).append(row)
    return MappingProxyType({dataset: tuple(sorted(found, key=_order)) for dataset, found in rows.items()})


def _read(name: str) -> list[dict[str, str]]:
    text = (resources.files("automat_leaderboards.published") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _figures(line: Mapping[str, str], which: str) -> Mapping[str, float]:
    given = {name: line[f"{which}_{column}"] for column, name in _METRICS.items()}
    return MappingProxyType({name: float(text) for name, text in given.items() if text})


def _order(row: PublishedRow) -> tuple[float, str]:
    metric = next(name for name in _DECIDES if name in row.mean)
    return (-1 if metric in HIGHER_IS_BETTER else 1) * row.mean[metric], row.algorithm
