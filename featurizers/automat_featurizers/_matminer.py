"""matminer's own featurizers behind our interface."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import RowFeaturizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class MatminerFeaturizer(RowFeaturizer):
    """One featurizer of matminer, which ``matminer`` makes, with its labels and numbers."""

    libraries = ("matminer", "pymatgen")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (columns,)."""
        del input_features
        return np.array(self._matminer.feature_labels(), dtype=object)

    @cached_property
    def _matminer(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # matminer announces a future default, which we choose already
            return self.matminer()

    def _row(self, item: Any) -> Iterable[float]:
        return [float(value) for value in self._matminer.featurize(item)]

    def __getstate__(self) -> dict[str, Any]:
        # matminer's object holds large tables; a worker makes its own.
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_matminer"}
