"""What a fitted model leans on, seen on test rows once these are scored: nothing of it goes back into a fit.

Any model on columns: how much its error rises when a column (or all columns of one featurizer) comes from other test
rows (permutation; Breiman 2001, doi:10.1023/A:1010933404324). Trees: mean absolute Shapley values (Lundberg et al.
2020, doi:10.1038/s42256-019-0138-9). Networks with an additive head: what atoms of each element contribute.

All of it is a sample, bounded by counts, so that it costs little beside the fit and repeats with the seed.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.output import output_of
from automat.shapley import shapley_means

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from automat.core import Task

ROWS = 100
"""Test rows that a shown column is permuted over."""

SCREENING_ROWS = 16
"""Test rows, others than those, that choose which columns are shown, where there are many."""

SHOWN = 20
"""Columns shown."""

SCREENED_OVER = 40
"""More columns than this are screened first."""

MOST_PREDICTIONS = 12_000
"""Rows that screening may predict: of very wide tables every column gets fewer."""

MOST_SECONDS = 10.0
"""A guard, not a budget: a model whose predictions would take longer is left alone, with the reason."""

CRYSTALS = 300
"""Test crystals whose atoms are looked at."""

_FEWEST_SCREENING_ROWS = 4
_CHUNK_VALUES = 2_000_000
_SMALLEST_CHANCE = 1e-6


def learned(
    estimator: Any,
    rows: Any,
    target: NDArray[np.float64],
    *,
    names: Sequence[str],
    groups: Sequence[tuple[str, int]],
    task: Task,
    classes: int,
    seed: int,
    seconds_a_row: float = 0.0,
) -> dict[str, Any]:
    """What a model leans on, JSON-able; ``seconds`` are the CPU seconds that telling it took.

    Args:
        estimator: fitted; takes ``rows``.
        rows: test rows: a float array, a data frame, or packed graphs.
        target: of these rows; class codes for a classification.
        names: of the columns; empty where rows have none.
        groups: featurizers and how many columns each made, in column order; may be empty.
        task: regression or classification.
        classes: how many there are.
        seed: of the sample.
        seconds_a_row: that predicting took.

    Returns:
        ``permutation`` (``features`` and ``groups``, each with ``name``, ``rise`` of the error and its standard
        error ``sure``), ``shapley`` (``features`` with ``name`` and ``mean``, or ``refused``), ``elements``; only what
        there is. ``refused`` says why there is nothing.
    """
    started = time.process_time()
    generator = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    if names and len(rows) > 1:
        permuting = _Permuting(estimator, rows, target, task, classes, generator)
        wanted = permuting.predictions(len(names), len(groups))
        if wanted * seconds_a_row > MOST_SECONDS:
            return {"refused": "its predictions take too long to be asked again", "seconds": 0.0}
        found["permutation"] = permuting.of(names, groups)
        try:
            shapley = shapley_means(estimator, permuting.sample(ROWS), names, shown=SHOWN)
        except Exception as error:  # noqa: BLE001 - trees that the library does not know: what was found stands
            shapley = {"refused": " ".join(f"{type(error).__name__}: {error}".split())}
        if shapley is not None:
            found["shapley"] = shapley
    elif elements := _elements(estimator, rows, task, generator):
        found["elements"] = elements
    if not found:
        return {"refused": "it has no columns, and its predictions are no sum over atoms", "seconds": 0.0}
    return found | {"seconds": time.process_time() - started}


class _Permuting:
    """Errors of test rows as they are, and with columns of other test rows."""

    def __init__(
        self, estimator: Any, rows: Any, target: NDArray[Any], task: Task, classes: int, generator: np.random.Generator
    ) -> None:
        self._estimator, self._rows, self._target = estimator, rows, target
        self._task, self._classes = task, classes
        self._order = generator.permutation(len(target))
        # Every row's columns come from the row that follows it in a second random order: never from itself.
        ring = generator.permutation(len(target))
        self._donor = np.empty_like(ring)
        self._donor[ring] = np.roll(ring, 1)

    def predictions(self, columns: int, groups: int) -> int:
        """Rows that :meth:`of` predicts, about."""
        few = min(ROWS, len(self._order))
        shown = columns if columns <= SCREENED_OVER else SHOWN
        screening = 0 if columns <= SCREENED_OVER else columns * _screening_rows(columns)
        return screening + (shown + groups + 1) * few

    def sample(self, count: int) -> Any:
        """The rows that columns are permuted over."""
        return _take(self._rows, self._order[:count])

    def of(self, names: Sequence[str], groups: Sequence[tuple[str, int]]) -> dict[str, Any]:
        """Rises of columns and of featurizers, the largest first."""
        chosen, rest = self._order[:ROWS], self._order[ROWS:]
        columns = list(range(len(names)))
        screened, apart = 0, True
        if len(columns) > SCREENED_OVER:
            screened = _screening_rows(len(names))
            # Where there are few test rows, those that are shown choose as well.
            apart = len(rest) >= screened
            looked_at = (rest if apart else self._order)[:screened]
            screened = len(looked_at)
            first = self._rises(looked_at, [[column] for column in columns]).mean(axis=1)
            columns = np.argsort(-first, kind="stable")[:SHOWN].tolist()
        rises = self._rises(chosen, [[column] for column in columns])
        ends = np.cumsum([0, *(count for _, count in groups)])
        blocks = [list(range(start, end)) for start, end in pairwise(ends)]
        many = len(blocks) > 1
        return {
            "rows": len(chosen),
            "columns": len(names),
            "screened_on": screened,
            "screened_apart": apart,
            "error": "absolute error" if self._task == "regression" else "log loss",
            "baseline": float(self._errors(_take(self._rows, chosen), chosen).mean()),
            "features": _ordered([names[column] for column in columns], rises)[:SHOWN],
            "groups": _ordered([name for name, _ in groups], self._rises(chosen, blocks)) if many else [],
        }

    def _rises(self, rows: NDArray[np.intp], blocks: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """How much each row's error rises with the columns of each block from elsewhere, shape (blocks, rows)."""
        before = self._errors(_take(self._rows, rows), rows)
        parts = [np.zeros((0, len(rows)))]
        for some in _chunks(blocks, max(1, _CHUNK_VALUES // (len(rows) * self._rows.shape[1]))):
            made = _permuted(_take(self._rows, rows), _take(self._rows, self._donor[rows]), some)
            after = self._errors(made, np.tile(rows, len(some))).reshape(len(some), len(rows))
            parts.append(after - before)
        return np.concatenate(parts)

    def _errors(self, inputs: Any, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        made = output_of(self._estimator, inputs, self._task, self._classes)
        if made.probabilities is None:
            away: NDArray[np.float64] = np.abs(made.values - self._target[rows])
            return away
        chance = made.probabilities[np.arange(len(rows)), self._target[rows].astype(np.intp)]
        loss: NDArray[np.float64] = -np.log(np.maximum(chance, _SMALLEST_CHANCE))
        return loss


def _screening_rows(columns: int) -> int:
    return int(np.clip(MOST_PREDICTIONS // columns, _FEWEST_SCREENING_ROWS, SCREENING_ROWS))


def _chunks(blocks: Sequence[Sequence[int]], size: int) -> Iterator[Sequence[Sequence[int]]]:
    for start in range(0, len(blocks), size):
        yield blocks[start : start + size]


def _take(rows: Any, chosen: NDArray[np.intp]) -> Any:
    return rows.iloc[chosen] if hasattr(rows, "iloc") else rows[chosen]


def _permuted(rows: Any, donors: Any, blocks: Sequence[Sequence[int]]) -> Any:
    """The rows once a block, one under the other, each with the block's columns of the donors."""
    if hasattr(rows, "iloc"):
        import pandas as pd

        copies = []
        for block in blocks:
            copy = rows.copy()
            for column in block:
                copy[copy.columns[column]] = donors.iloc[:, column].to_numpy()
            copies.append(copy)
        return pd.concat(copies, ignore_index=True)
    made = np.tile(rows, (len(blocks), 1, 1))
    for place, block in enumerate(blocks):
        made[place][:, block] = donors[:, block]
    return made.reshape(-1, rows.shape[1])


def _ordered(names: Sequence[str], rises: NDArray[np.float64]) -> list[dict[str, Any]]:
    means, rows = rises.mean(axis=1), rises.shape[1]
    sure = rises.std(axis=1, ddof=1) / np.sqrt(rows) if rows > 1 else np.full(len(means), np.nan)
    return [
        {"name": str(names[place]), "rise": float(means[place]), "sure": float(sure[place])}
        for place in np.argsort(-means, kind="stable").tolist()
    ]


def _elements(estimator: Any, graphs: Any, task: Task, generator: np.random.Generator) -> list[dict[str, Any]]:
    """Mean contribution of every element's atoms, the lowest first; empty where a model has none."""
    if task != "regression" or not hasattr(estimator, "network_"):
        return []
    from automat.networks.explain import NotAdditiveError, contributions

    chosen = np.sort(generator.permutation(len(graphs))[:CRYSTALS])
    try:
        made = contributions(estimator, graphs.take(chosen))
    except NotAdditiveError:
        return []
    return [
        {"symbol": row.element, "atoms": int(row.atoms), "crystals": int(row.crystals), "mean": float(row.mean)}
        for row in made.averages().itertuples()
    ]
