"""The Featurizer noun: a scikit-learn transformer from compositions or structures to columns."""

from __future__ import annotations

import hashlib
import time
import warnings
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from automat_featurizers.packed import PackedCompositions, PackedStructures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Takes = Literal["composition", "structure", "table"]
Gives = Literal["table", "graph"]

_NAMED = 3
"""Columns that a reason names before it only counts them."""


@dataclass(frozen=True, eq=False)
class Block:
    """Columns of some rows.

    Attributes:
        values: shape (n, columns); NaN where a column is not defined.
        reasons: row to why columns of it are NaN. A row with NaN and no reason here gets "not defined" and
            the columns' names.
        seconds: CPU seconds of every row, shape (n,); None: they took equally long.
    """

    values: NDArray[np.float64]
    reasons: dict[int, str] = field(default_factory=dict)
    seconds: NDArray[np.float64] | None = None


class Featurizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns from materials, one row each.

    A row that cannot be featurized becomes NaN, with its reason in ``failures_``; it is never dropped. So
    does a single column that is not defined for a row.

    A subclass gives ``get_feature_names_out`` and ``_compute``, and raises ``revision`` when the same row
    may get other numbers.

    Attributes:
        name: short and unique.
        takes, gives: what ``transform`` is given and returns.
        citation: whom to cite.
        cost_ms: CPU milliseconds a row, measured on mp_formation on one thread.
        parity: largest difference to matminer, relative to the larger of 1 and the value.
        failures_: row to reason, of the last ``transform``.
        seconds_: CPU seconds of every row of the last ``transform``, shape (n,).
    """

    name: str
    takes: Takes
    gives: ClassVar[Gives] = "table"
    citation: ClassVar[str] = ""
    cost_ms: ClassVar[float]
    parity: ClassVar[float] = 1e-6
    revision: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions whose tables or code the numbers come from."""

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers."""
        parts = [str(self.revision), *(f"{library}{_installed(library)}" for library in self.libraries)]
        params = self.get_params()
        if params:
            parts.append(hashlib.sha256(repr(sorted(params.items())).encode()).hexdigest()[:8])
        return "-".join(parts)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing: the columns of a row depend on that row alone."""
        del X, y
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Columns of n rows, shape (n, columns).

        Args:
            X: packed arrays, or any iterable of pymatgen objects or (for compositions) formulas; a data
                frame of one column stands for that column. Of an iterable, a row that cannot be packed (a
                site of partial occupancy, say) is NaN like any other that cannot be featurized.

        Raises:
            ValueError: X cannot be read as what the featurizer takes.
        """
        packed, readable, unreadable = pack_each(X, self.takes)
        names = self.get_feature_names_out()
        count = len(readable) + len(unreadable)
        values = np.full((count if unreadable or not count else 0, len(names)), np.nan)
        self.seconds_ = np.zeros(count)
        self.failures_: dict[int, str] = {row: f"{self.name}: {why}" for row, why in unreadable.items()}
        if len(packed):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pymatgen and matminer remark on every unusual element
                block = self._each_or_all(packed, len(names))
            if unreadable:
                values[readable], self.seconds_[readable] = block.values, block.seconds
            else:
                values, self.seconds_ = block.values, np.asarray(block.seconds)
            self.failures_ |= {readable[row]: f"{self.name}: {why}" for row, why in block.reasons.items()}
        finite = np.isfinite(values)
        if not finite.all():
            values = np.where(finite, values, np.nan)  # kernels may hand out arrays that they share
            self._name_undefined(values, names)
        return values

    def _name_undefined(self, values: NDArray[np.float64], names: NDArray[np.object_]) -> None:
        """A reason for every row that has a NaN and no reason yet."""
        for row in np.flatnonzero(np.isnan(values).any(axis=1)).tolist():
            undefined = names[np.isnan(values[row])]
            more = f" and {len(undefined) - _NAMED} more" if len(undefined) > _NAMED else ""
            self.failures_.setdefault(row, f"{self.name}: not defined: {', '.join(undefined[:_NAMED])}{more}")
        self.failures_ = dict(sorted(self.failures_.items()))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,)."""
        del input_features
        raise TypeError(f"{type(self).__name__} has no labels")

    def matminer(self) -> Any:
        """A new matminer featurizer with the same labels and numbers; None where matminer has none."""
        return None

    def _compute(self, packed: Any) -> Block:
        raise TypeError(f"{type(self).__name__} cannot featurize {packed!r}")

    def _each_or_all(self, packed: Any, columns: int) -> Block:
        """All rows at once; where that fails, the halves, so that one bad row does not spoil the others."""
        started = time.process_time()
        try:
            block = self._compute(packed)
        except Exception as error:  # noqa: BLE001 - whatever stops one row must not stop the others
            if len(packed) == 1:
                seconds = np.array([time.process_time() - started])
                return Block(np.full((1, columns), np.nan), {0: f"{type(error).__name__}: {error}"}, seconds)
            half = len(packed) // 2
            first = self._each_or_all(packed.take(range(half)), columns)
            last = self._each_or_all(packed.take(range(half, len(packed))), columns)
            reasons = first.reasons | {half + row: why for row, why in last.reasons.items()}
            both = (np.zeros(0) if part.seconds is None else part.seconds for part in (first, last))
            return Block(np.vstack([first.values, last.values]), reasons, np.concatenate([*both]))
        if block.seconds is None:
            seconds = np.full(len(packed), (time.process_time() - started) / len(packed))
            return Block(block.values, block.reasons, seconds)
        return block


class RowFeaturizer(Featurizer):
    """A featurizer that works through its rows one by one: ``_row`` gives the columns of one material."""

    def _compute(self, packed: Any) -> Block:
        columns = len(self.get_feature_names_out())
        values = np.full((len(packed), columns), np.nan)
        seconds = np.zeros(len(packed))
        reasons = {}
        for row in range(len(packed)):
            started = time.process_time()
            try:
                values[row] = list(self._row(packed[row]))
            except Exception as error:  # noqa: BLE001 - whatever stops one row must not stop the others
                reasons[row] = f"{type(error).__name__}: {error}"
            seconds[row] = time.process_time() - started
        return Block(values, reasons, seconds)

    def _row(self, item: Any) -> Iterable[float]:
        raise TypeError(f"{type(self).__name__} cannot featurize {item!r}")


def as_packed(X: Any, takes: Takes) -> PackedCompositions | PackedStructures:
    """Packed arrays of what is given; structures serve where compositions are taken.

    Raises:
        ValueError: compositions where structures are needed, one material instead of several, a data frame
            of several columns, or rows that cannot be read.
    """
    packed, _, unreadable = pack_each(X, takes)
    if unreadable:
        row, why = next(iter(unreadable.items()))
        raise ValueError(f"row {row}: {why}")
    return packed


def pack_each(X: Any, takes: Takes) -> tuple[PackedCompositions | PackedStructures, list[int], dict[int, str]]:
    """Packed arrays of the rows that can be read, which rows those are, and why the others cannot.

    Raises:
        ValueError: as ``as_packed``, except for single rows.
    """
    if isinstance(X, str) or hasattr(X, "reduced_formula") or hasattr(X, "lattice"):
        raise ValueError(f"several materials are needed, but one was given: put it in a list, [{X!r}]")
    if hasattr(X, "columns"):
        if len(X.columns) != 1:
            raise ValueError(f"one column of materials is needed, but the data frame has {len(X.columns)}")
        X = X.iloc[:, 0]
    if isinstance(X, PackedStructures):
        return (X.compositions if takes == "composition" else X), list(range(len(X))), {}
    if isinstance(X, PackedCompositions):
        if takes == "structure":
            raise ValueError("structures are needed, but compositions were given")
        return X, list(range(len(X))), {}
    kind = PackedCompositions if takes == "composition" else PackedStructures
    if takes == "composition":
        from pymatgen.core import Composition

        X = list(X)
        if not set(map(type, X)) <= {Composition, str}:
            X = [getattr(item, "composition", item) for item in X]
    return kind.pack_each(X)


@cache
def _installed(library: str) -> str:
    """Its version; a plan asks for the same few many times."""
    return version(library)
