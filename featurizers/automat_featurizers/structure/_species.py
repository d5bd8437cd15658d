"""Features with a column for every element of a list, given or learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from automat_featurizers.base import Featurizer, pack_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class SpeciesFeaturizer(Featurizer):
    """A featurizer whose columns depend on a list of elements: ``species``, or what ``fit`` finds.

    Attributes:
        species: element symbols; None: ``fit`` learns them.
        species_: symbols that ``fit`` found, by atomic number.
    """

    takes = "structure"

    species: Sequence[str] | None

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers, or the columns are others."""
        learned = "".join(getattr(self, "species_", ())) if self._learns() else ""
        return f"{super().version}-{learned}" if learned else super().version

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which elements occur, where they are not given."""
        del y
        if self._learns():
            from pymatgen.core import Element

            packed = pack_each(X, "structure")[0]
            self.species_ = tuple(Element.from_Z(int(number)).symbol for number in np.unique(packed.atomic_numbers))
            if not self.species_:
                raise ValueError(f"{self.name}: no structures to learn the elements from")
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return not self._learns() or hasattr(self, "species_")

    def _learns(self) -> bool:
        return self.species is None

    def _symbols(self) -> tuple[str, ...]:
        """The elements by atomic number.

        Raises:
            NotFittedError: they are neither given nor learned.
            ValueError: one is no element, or none is given.
        """
        from pymatgen.core import Element

        if self.species is None:
            if not hasattr(self, "species_"):
                raise NotFittedError(f"{self.name} needs to know the elements: call fit, or give species")
            return self.species_
        numbers = sorted({int(Element(symbol).Z) for symbol in self.species})
        if not numbers:
            raise ValueError(f"{self.name}: species names no element")
        return tuple(Element.from_Z(number).symbol for number in numbers)

    def _channels(self) -> NDArray[np.int64]:
        """Position among the elements by Z, -1 where it is not among them, shape (119,)."""
        from pymatgen.core import Element

        channels = np.full(119, -1, np.int64)
        for position, symbol in enumerate(self._symbols()):
            channels[int(Element(symbol).Z)] = position
        return channels
