"""matminer's featurizers behind our own interface."""

from __future__ import annotations

import warnings
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from automat_featurizers.base import Featurizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class MatminerFeaturizer(Featurizer):
    """One featurizer of matminer, with its labels and numbers.

    A subclass says which in ``_make``, and raises ``_revision`` when it changes what it asks for.
    """

    _revision: ClassVar[int] = 2

    @property
    def version(self) -> str:
        """Our revision, and the libraries that the numbers come from."""
        return f"{self._revision}-matminer{version('matminer')}-pymatgen{version('pymatgen')}"

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (columns,)."""
        del input_features
        return np.array(self._matminer.feature_labels(), dtype=object)

    @cached_property
    def _matminer(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # matminer announces a future default, which we choose already
            return self._make()

    def _make(self) -> Any:
        raise TypeError(f"{type(self).__name__} names no matminer featurizer")

    def _row(self, item: Any) -> Iterable[float]:
        return [float(value) for value in self._matminer.featurize(item)]

    def __getstate__(self) -> dict[str, Any]:
        # matminer's object holds large tables; a worker makes its own.
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_matminer"}
