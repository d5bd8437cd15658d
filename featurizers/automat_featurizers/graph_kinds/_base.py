"""What all graph builders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from automat_featurizers.base import as_packed
from automat_featurizers.graphs import CrystalGraphs
from automat_featurizers.packed import row_pointer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures


class GraphBuilder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Crystals to graphs; what depends on nothing but the crystal, so that it is built once and cached.

    A crystal of which no graph can be made becomes one without edges, with its reason in ``failures_``; it
    is never dropped.

    A subclass gives ``name`` and ``build``, and raises ``revision`` when the same crystal no longer gives
    the same graph.

    Attributes:
        name: short and unique.
        revision: of its code.
        citation: whom to cite.
        failures_: row to reason, of the last ``transform``.
    """

    name: ClassVar[str]
    takes: ClassVar[str] = "structure"
    gives: ClassVar[str] = "graph"
    revision: ClassVar[int] = 1
    citation: ClassVar[str] = ""
    failures_: dict[int, str]

    @property
    def version(self) -> str:
        """Changes whenever the same crystal may give another graph."""
        settings = self.get_params()
        numbers = [_plain(value) for value in settings.values() if not isinstance(value, bool)]
        kept = [name for name, value in settings.items() if value is True]
        return "-".join([str(self.revision), *numbers, *kept])

    @property
    def spec(self) -> str:
        """The name, with the settings that are not the defaults: what ``graph_builder`` takes."""
        usual = type(self)().get_params()
        own = [f"{name}={_plain(value)}" for name, value in self.get_params().items() if value != usual[name]]
        return f"{self.name}:{','.join(own)}" if own else self.name

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing: a graph depends on its crystal alone."""
        del X, y
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> CrystalGraphs:
        """Graphs of packed or pymatgen structures.

        Raises:
            ValueError: settings that make no sense, or a row that is no crystal.
        """
        packed: Any = as_packed(X, "structure")
        graphs, self.failures_ = self.build(packed)
        return graphs

    def build(self, structures: PackedStructures) -> tuple[CrystalGraphs, dict[int, str]]:
        """The graphs, and of each row without one why; changes nothing, so that threads may share the builder.

        Raises:
            ValueError: as ``transform``.
        """
        raise NotImplementedError


def refuse_broken(broken: NDArray[np.bool_]) -> None:
    """Name the first row that is no crystal.

    Raises:
        ValueError: there is one.
    """
    if broken.any():
        row = int(np.flatnonzero(broken)[0])
        raise ValueError(f"row {row}: the lattice has no volume, or a coordinate is not finite")


def contiguous(
    structures: PackedStructures,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Row pointer, lattices, atomic numbers and coordinates as compiled loops want them."""
    return (
        np.ascontiguousarray(structures.row_ptr, np.int64),
        np.ascontiguousarray(structures.lattices, np.float64),
        np.ascontiguousarray(structures.atomic_numbers, np.int64),
        np.ascontiguousarray(structures.fractional, np.float64),
    )


def of_edges(structures: PackedStructures, made: tuple[NDArray[Any], ...], *, with_places: bool) -> CrystalGraphs:
    """Graphs of what a kernel of neighbours returned (see ``kernels.nearest.nearest_neighbors``).

    Raises:
        ValueError: a row that is no crystal.
    """
    edges_of, source, destination, distances, images, vectors, broken = made
    refuse_broken(broken)
    edge_ptr = row_pointer(edges_of)[structures.row_ptr]
    places = (images, vectors) if with_places else (None, None)
    return CrystalGraphs(
        np.asarray(structures.row_ptr),
        np.asarray(structures.atomic_numbers),
        edge_ptr,
        source,
        destination,
        distances,
        *places,
    )


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"
