"""What every section of a dataset's page is made of, and what it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Leaderboard, Row

    from automat_reports.translation import Translator

DUMMY = "dummy"


@dataclass(frozen=True, eq=False)
class View:
    """What a page is made of.

    Attributes:
        board: the leaderboard.
        predictions: all test predictions of its cells (``PREDICTION_COLUMNS``).
        context: what is known beside them: ``formulas``, ``classes``, ``structures``, ``ladder`` and the like.
        t: the page's language.
    """

    board: Leaderboard
    predictions: pd.DataFrame
    context: Mapping[str, Any]
    t: Translator

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return self.board.task == "regression"

    @cached_property
    def titles(self) -> dict[str, str]:
        """Key to title, of entrants with a rank, best first; with the features where two share a title."""
        ranked = [row for row in self.board.rows if row.rank is not None]
        names = [row.title for row in ranked]
        return {
            key_of(row): row.title if names.count(row.title) == 1 else f"{row.title} ({row.features})" for row in ranked
        }

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Predictions of the entrants with a rank; beside them ``key`` and ``error``.

        The error of a row is absolute (in the target's unit), or 1 where a class is wrong and 0 where it is right.
        """
        table = self.predictions
        keys = table["model"].astype(str) + "/" + table["features"].astype(str)
        away = (table["y_true"] - table["y_pred"]).abs()
        error = away if self.is_regression else (away > 0).astype(float)
        made = table.assign(key=keys, error=error, id=table["id"].astype(str))
        return made[made["key"].isin(list(self.titles))]

    @cached_property
    def by_entrant(self) -> dict[str, pd.DataFrame]:
        """Key to that entrant's part of :attr:`scored`, best first; entrants without predictions are left out."""
        groups = dict(iter(self.scored.groupby("key")))
        return {key: groups[key] for key in self.titles if key in groups}

    @property
    def formulas(self) -> Mapping[str, str]:
        """Id to reduced formula; empty where rows have none."""
        found: Mapping[str, str] = self.context.get("formulas") or {}
        return found


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: of its place on the page, and of its template and script.
        title: its heading, in the page's language.
        shown: what its template sets.
        data: plain JSON values that its script draws.
        has_script: whether it has one.
    """

    name: str
    title: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    has_script: bool = True

    @property
    def template(self) -> str:
        """Its file among the templates."""
        return f"sections/{self.name}.html.j2"

    @property
    def script(self) -> str:
        """Likewise; empty where it has none."""
        return f"sections/{self.name}.js" if self.has_script else ""


def key_of(row: Row) -> str:
    """What an entrant goes by in the page's data."""
    return f"{row.model}/{row.features}"


def key_in(record: Mapping[str, Any]) -> str:
    """The key of an entrant in what lies beside the records: learning curves, a ladder."""
    return f"{record['model']}/{record['features']}"


def figure(value: float | None, digits: int = 3) -> str:
    """A number for people; ``-`` where there is none.

    >>> figure(0.12345), figure(1234.5), figure(None)
    ('0.123', '1234', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if value and abs(value) >= 10**digits:
        return f"{value:z.0f}"
    return f"{value:z.{digits}g}"


def share(value: float | None) -> str:
    """A share in percent; ``-`` where there is none.

    >>> share(0.1234), share(None)
    ('12.3%', '-')
    """
    return "-" if value is None or not math.isfinite(value) else f"{value:.1%}"


def rounded(values: Sequence[float] | np.ndarray[Any, Any], digits: int = 4) -> list[float | None]:
    """Short plain numbers; None where there is none."""
    return [
        float(f"{value:.{digits}g}") if math.isfinite(value) else None
        for value in np.asarray(values, np.float64).tolist()
    ]
