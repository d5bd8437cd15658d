"""Plain tables: numeric columns as they are, categories one-hot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A pandas table to a float matrix; the categories are those of the rows it is fitted on.

    Numeric and boolean columns pass through (missing values stay NaN). Any other column becomes one 0/1
    column a category, in sorted order; a missing value, or a category first met in ``transform``, is 0 in
    all of them.

    >>> import pandas as pd
    >>> TableEncoder().fit_transform(pd.DataFrame({"T": [1.0, 2.0], "phase": ["bcc", "fcc"]})).tolist()
    [[1.0, 1.0, 0.0], [2.0, 0.0, 1.0]]

    Attributes:
        categories_: column to its categories; empty for a numeric column, and for one without a label.
    """

    name = "table"
    takes = "table"
    gives = "table"
    version = "1"

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Learn which columns are numeric, and the categories of the others.

        Raises:
            ValueError: a table without columns.
        """
        del y
        if not len(X.columns):
            raise ValueError("the table has no columns to learn from")
        self.categories_: dict[Any, tuple[str, ...]] = {}
        for column in X.columns:
            numeric = X[column].dtype.kind in "biuf"
            self.categories_[column] = () if numeric else tuple(sorted(X[column].dropna().astype(str).unique()))
        self._numeric = [column for column in X.columns if X[column].dtype.kind in "biuf"]
        return self

    @property
    def numeric_columns(self) -> tuple[Any, ...]:
        """The columns that were numeric when they were learnt: they take numbers alone."""
        check_is_fitted(self)
        return tuple(self._numeric)

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """The float matrix, shape (n, columns).

        Raises:
            ValueError: a column that ``fit`` saw is absent, or was numeric and now holds something else.
        """
        check_is_fitted(self)
        absent = [column for column in self.categories_ if column not in X.columns]
        if absent:
            raise ValueError(f"the table lacks the columns {', '.join(map(str, absent))}")
        blocks = []
        for column, categories in self.categories_.items():
            if column in self._numeric:
                blocks.append(_numbers(X[column])[:, None])
            else:
                # None stands for a missing value: no category is equal to it, not even one spelled "nan".
                given = _labels(X[column], categories).where(X[column].notna(), None).to_numpy(object)
                blocks.append((given[:, None] == np.array(categories, dtype=object)).astype(np.float64))
        return np.hstack(blocks)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """``column`` for numeric columns, ``column=category`` for the others."""
        del input_features
        check_is_fitted(self)
        names: list[str] = []
        for column, categories in self.categories_.items():
            names.extend([str(column)] if column in self._numeric else [f"{column}={name}" for name in categories])
        return np.array(names, dtype=object)


def _labels(column: pd.Series, categories: tuple[str, ...]) -> pd.Series:
    """A column as text; the label 1 is known again where a gap in its column made a file say 1.0."""
    known = set(categories)
    return column.astype(str).map(lambda label: label if label in known else label.removesuffix(".0"))


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    try:
        numbers: NDArray[np.float64] = column.to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise ValueError(f"column {column.name!r} was numeric when it was learnt; now: {error}") from error
    return numbers
