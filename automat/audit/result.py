"""What an audit found, as plain values that a terminal, a page or a file can show."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat.audit.twins import Kind

ANY = "any"
"""The name that stands for all kinds together."""


@dataclass(frozen=True)
class Touched:
    """Test rows of one fold.

    Attributes:
        fold: index from 0.
        label: what the fold leaves out; may be empty.
        test_rows: how many it tests.
        rows: by kind, and by ``any``: how many of them have a twin among the training rows.
    """

    fold: int
    label: str
    test_rows: int
    rows: dict[str, int]

    def share(self, kind: str = ANY) -> float:
        """Of the test rows."""
        return self.rows[kind] / self.test_rows if self.test_rows else 0.0


@dataclass(frozen=True)
class Example:
    """A test row and the training row that it is known from; formulas are empty for plain tables."""

    kind: str
    fold: int
    test_id: str
    train_id: str
    test_formula: str
    train_formula: str
    test_target: float
    train_target: float


@dataclass(frozen=True)
class EntrantErrors:
    """One entrant's error on rows that some kind touches, beside rows that none does.

    Attributes:
        model, features, preset, seed: the entrant, and the board that it stands on.
        kind: of :class:`Kind`, or ``any``.
        measure: ``mae`` (regression, in the target's unit) or ``error_rate`` (classification).
        touched_rows, clean_rows: how many rows the two means are over; clean rows are touched by no kind.
        touched, clean: the means; NaN without rows.
        low, high: 95% bootstrap interval of ``touched - clean``, which draws whole groups of rows (a
            composition, or equal rows); NaN where either side has too few groups to tell.
    """

    model: str
    features: str
    preset: str
    seed: int
    kind: str
    measure: str
    touched_rows: int
    clean_rows: int
    touched: float
    clean: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Below zero: it does better on rows that it may know."""
        return self.touched - self.clean

    @property
    def tells(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Audit:
    """Of one dataset, cut in one way.

    Attributes:
        dataset, dataset_sha256, target, unit, n_rows: the data.
        split, folds, split_seed, folds_sha256: how it is cut.
        kinds: what was looked for.
        touched: a fold each.
        examples: a few of every kind that was found.
        errors: of the entrants, where there are runs on these folds.
        notes: what was not looked at, or not told, a sentence each.
    """

    dataset: str
    dataset_sha256: str
    target: str
    unit: str
    n_rows: int
    split: str
    folds: int
    split_seed: int
    folds_sha256: str
    kinds: tuple[Kind, ...]
    touched: tuple[Touched, ...]
    examples: tuple[Example, ...]
    errors: tuple[EntrantErrors, ...]
    notes: tuple[str, ...]

    def share(self, kind: str = ANY) -> float:
        """Of the test rows of all folds."""
        tested = sum(fold.test_rows for fold in self.touched)
        return sum(fold.rows[kind] for fold in self.touched) / tested if tested else 0.0

    def worst(self, kind: str = ANY) -> Touched:
        """The fold with the largest share."""
        return max(self.touched, key=lambda fold: fold.share(kind))

    @property
    def verdict(self) -> str:
        """One sentence."""
        cut = f"{self.dataset}, {self.split} split, {len(self.touched)} folds"
        if not any(fold.rows[ANY] for fold in self.touched):
            return f"{cut}: no test row is touched by the training rows."
        parts = [f"{percent(self.share(kind.name))} {kind.title}" for kind in self.kinds if self.share(kind.name)]
        worst = self.worst()
        return (
            f"{cut}: {percent(self.share())} of the test rows are touched by training rows ({', '.join(parts)}); "
            f"most in fold {worst.fold + 1}, {percent(worst.share())}."
        )

    def to_json(self) -> str:
        """Everything, with null for what is not defined."""
        return json.dumps(_plain(asdict(self) | {"verdict": self.verdict}), indent=1, allow_nan=False)


def percent(share: float) -> str:
    """A share for people; a few rows of many are not none.

    >>> percent(0.1234), percent(0.00041), percent(1e-5), percent(0)
    ('12.3%', '0.04%', '<0.01%', '0%')
    """
    if not share:
        return "0%"
    if share < 0.0001:  # noqa: PLR2004 - what two digits cannot show
        return "<0.01%"
    return f"{share:.2%}" if share < 0.001 else f"{share:.1%}"  # noqa: PLR2004 - a tenth of a percent


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
