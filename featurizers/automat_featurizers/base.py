"""The Featurizer noun: a scikit-learn transformer from compositions or structures to columns."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from automat_featurizers.packed import PackedCompositions, PackedStructures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Takes = Literal["composition", "structure", "table"]
Gives = Literal["table", "graph"]


class Featurizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns from materials, one row each.

    A row that cannot be featurized becomes NaN, with its reason in ``failures_``; it is never dropped. So
    does a single column that is not defined for a row.

    Attributes:
        name: short and unique.
        takes, gives: what ``transform`` is given and returns.
        citation: whom to cite.
        failures_: row to reason, of the last ``transform``.
        seconds_: CPU seconds of every row of the last ``transform``, shape (n,).
    """

    name: ClassVar[str]
    takes: ClassVar[Takes]
    gives: ClassVar[Gives] = "table"
    citation: ClassVar[str] = ""

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers."""
        raise TypeError(f"{type(self).__name__} has no version")

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
                frame of one column stands for that column.

        Raises:
            ValueError: X cannot be read as what the featurizer takes.
        """
        packed = as_packed(X, self.takes)
        names = self.get_feature_names_out()
        values = np.full((len(packed), len(names)), np.nan)
        self.failures_: dict[int, str] = {}
        self.seconds_ = np.zeros(len(packed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen and matminer remark on every unusual element
            for row in range(len(packed)):
                started = time.process_time()
                try:
                    values[row] = self._row(packed[row])
                    undefined = ~np.isfinite(values[row])
                    if undefined.any():
                        values[row, undefined] = np.nan
                        self.failures_[row] = f"{self.name}: not defined: {', '.join(names[undefined])}"
                except Exception as error:  # noqa: BLE001 - whatever stops one row must not stop the others
                    self.failures_[row] = f"{self.name}: {type(error).__name__}: {error}"
                self.seconds_[row] = time.process_time() - started
        return values

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,)."""
        del input_features
        raise TypeError(f"{type(self).__name__} has no labels")

    def _row(self, item: Any) -> Iterable[float]:
        raise TypeError(f"{type(self).__name__} cannot featurize {item!r}")


def as_packed(X: Any, takes: Takes) -> PackedCompositions | PackedStructures:
    """Packed arrays of what is given; structures serve where compositions are taken.

    Raises:
        ValueError: compositions where structures are needed, one material instead of several, a data frame
            of several columns, or rows that cannot be read.
    """
    if isinstance(X, str) or hasattr(X, "reduced_formula") or hasattr(X, "lattice"):
        raise ValueError(f"several materials are needed, but one was given: put it in a list, [{X!r}]")
    if hasattr(X, "columns"):
        if len(X.columns) != 1:
            raise ValueError(f"one column of materials is needed, but the data frame has {len(X.columns)}")
        X = X.iloc[:, 0]
    if takes == "composition":
        if isinstance(X, PackedCompositions):
            return X
        if isinstance(X, PackedStructures):
            return X.compositions
        return PackedCompositions.pack(getattr(item, "composition", item) for item in X)
    if isinstance(X, PackedStructures):
        return X
    if isinstance(X, PackedCompositions):
        raise ValueError("structures are needed, but compositions were given")  # noqa: TRY004 - a wrong value
    return PackedStructures.pack(X)
