"""Radial distribution functions: how many neighbours lie at which distance."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from automat_featurizers.base import Block, Featurizer, as_packed
from automat_featurizers.elements import MAX_Z
from automat_featurizers.structure._cells import check_choice, unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_DEFINITIONS = ("matminer", "invariant")
_TOLERANCE = 1e-6
"""Angstrom by which a distance may lie below the edge of a bin and still be on it, in the invariant definition."""

_TWO_ATOMS = (1, 7, 8, 9, 17)
"""Elements whose formula pymatgen writes with two atoms: H2, N2, O2, F2, Cl2."""


class _Radial(Featurizer):
    """What both functions share: bins, and counting."""

    takes = "structure"

    cutoff: float
    bin_size: float
    definition: Literal["matminer", "invariant"]

    def _edges(self) -> NDArray[np.float64]:
        """Edges of the bins, angstrom, shape (bins + 1,).

        Raises:
            ValueError: a cutoff or a width that is not positive, or a definition that there is not.
        """
        check_choice("definition", self.definition, _DEFINITIONS)
        if not (0 < self.bin_size <= self.cutoff < np.inf):
            raise ValueError(f"bins of {self.bin_size} do not fit into a cutoff of {self.cutoff} angstrom")
        edges: NDArray[np.float64] = np.arange(len(np.arange(0, self.cutoff, self.bin_size)) + 1) * self.bin_size
        return edges

    def _shells(self) -> NDArray[np.float64]:
        """Volumes of the bins, cubic angstrom, shape (bins,)."""
        shells: NDArray[np.float64] = 4.0 / 3.0 * np.pi * np.diff(self._edges() ** 3)
        return shells

    def _counts(
        self, packed: PackedStructures, kinds: NDArray[np.int64], first_column: NDArray[np.int64], columns: int
    ) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Counts of ``radial_counts``, NaN for the rows that have none, and why they have none."""
        from automat_featurizers.kernels.radial import radial_counts

        reasons = unusable(packed)
        rows = np.array([row for row in range(len(packed)) if row not in reasons], np.intp)
        fit = packed.take(rows)
        counts, crowded = radial_counts(
            fit.row_ptr,
            np.ascontiguousarray(fit.lattices),
            fit.atomic_numbers,
            np.ascontiguousarray(fit.fractional),
            kinds,
            first_column,
            columns,
            float(self.cutoff),
            self._edges(),
            _TOLERANCE if self.definition == "invariant" else 0.0,
        )
        counts[crowded] = np.nan
        reasons |= dict.fromkeys(rows[crowded].tolist(), f"too many atoms within {self.cutoff} angstrom")
        if not len(rows) < len(packed):
            return counts, reasons
        spread = np.full((len(packed), columns), np.nan)
        spread[rows] = counts
        return spread, reasons


class RadialDistributionFunction(_Radial):
    """Density of neighbours at a distance, relative to the mean density of the crystal.

    By default the numbers are matminer's, which adds up the functions of all sites of the cell: in a supercell
    they are larger. A distance on the edge of a bin (as in cells with round parameters) falls on either side of
    it when the crystal is turned or shifted. ``definition="invariant"`` is the mean over the sites, with
    distances within 1e-6 angstrom of an edge on it; it does not depend on the place, orientation, order of
    sites, or cell of a crystal.

    Columns: ``rdf [0.00000 - 0.10000]A``, ...; no unit. Where the width of the bins does not divide the cutoff,
    the last bin is wider than what is counted in it, as in matminer.

    Args:
        cutoff: angstrom.
        bin_size: angstrom.
        definition: ``"matminer"`` or ``"invariant"``.

    Source: matminer, Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018.
    """

    name = "radial_distribution_function"
    citation = "Ward et al. (2018), Comput. Mater. Sci. 152, 60-69, doi:10.1016/j.commatsci.2018.05.018"
    cost_ms = 0.36
    parity = 1e-8

    def __init__(
        self,
        cutoff: float = 20.0,
        bin_size: float = 0.1,
        definition: Literal["matminer", "invariant"] = "matminer",
    ) -> None:
        self.cutoff = cutoff
        self.bin_size = bin_size
        self.definition = definition

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (200,) with the defaults.

        Raises:
            ValueError: bins or a definition that there are not.
        """
        del input_features
        starts = self._edges()[:-1].tolist()
        ends = [*starts[1:], float(self.cutoff)]
        spans = zip(starts, ends, strict=True)
        return np.array([f"rdf [{start:.5f} - {end:.5f}]A" for start, end in spans], dtype=object)

    def matminer(self) -> Any:
        """A new featurizer of matminer; None for the invariant definition."""
        if self.definition != "matminer":
            return None
        from matminer.featurizers.structure import RadialDistributionFunction as Matminer

        return Matminer(self.cutoff, self.bin_size)

    def _compute(self, packed: PackedStructures) -> Block:
        shells = self._shells()
        one = np.zeros((1, 1), np.int64)
        counts, reasons = self._counts(packed, np.zeros(MAX_Z + 1, np.int64), one, len(shells))
        sites = np.diff(packed.row_ptr)
        with np.errstate(divide="ignore", invalid="ignore"):
            density = sites / np.abs(np.linalg.det(packed.lattices))
            if self.definition == "invariant":
                density *= sites
            return Block(counts / shells / density[:, None], reasons)


class PartialRadialDistributionFunction(_Radial):
    """Density of neighbours of one element at a distance from an atom of another, for every pair of elements.

    ``fit`` learns the elements; with all elements of a large set there are hundreds of thousands of columns. A
    pair that a crystal does not have is 0.

    By default the numbers are matminer's. Counts are divided by the number of atoms of the first element, but by
    twice that in crystals of H, N, O, F or Cl alone, whose formulas have two atoms. A distance on the edge of a
    bin falls on either side of it when the crystal is turned or shifted. ``definition="invariant"`` divides by
    the number of atoms always, with distances within 1e-6 angstrom of an edge on it; it does not depend on the
    place, orientation, order of sites, or cell of a crystal.

    Columns: ``Na-Cl PRDF r=0.00-0.10``, ..., atoms per cubic angstrom; the less electronegative element first.

    Args:
        cutoff: angstrom.
        bin_size: angstrom.
        include_elems: symbols of elements that have columns whether ``fit`` finds them or not.
        exclude_elems: symbols of elements without columns.
        definition: ``"matminer"`` or ``"invariant"``.

    Attributes:
        elements_: symbols that have columns, by electronegativity.

    Source: Schuett et al. 2014, doi:10.1103/PhysRevB.89.205118.
    """

    name = "partial_radial_distribution_function"
    citation = "Schuett et al. (2014), Phys. Rev. B 89, 205118, doi:10.1103/PhysRevB.89.205118"
    cost_ms = 2.1
    parity = 1e-8
    libraries = ("pymatgen",)

    def __init__(
        self,
        cutoff: float = 20.0,
        bin_size: float = 0.1,
        include_elems: Sequence[str] = (),
        exclude_elems: Sequence[str] = (),
        definition: Literal["matminer", "invariant"] = "matminer",
    ) -> None:
        self.cutoff = cutoff
        self.bin_size = bin_size
        self.include_elems = include_elems
        self.exclude_elems = exclude_elems
        self.definition = definition

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers, or the columns are others."""
        learned = getattr(self, "elements_", ())
        return f"{super().version}-{''.join(learned)}" if learned else super().version

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn which elements occur.

        Raises:
            ValueError: an included or excluded element is none, or no element is left.
        """
        del y
        from pymatgen.core import Element

        present = {Element.from_Z(int(number)) for number in np.unique(as_packed(X, "structure").atomic_numbers)}
        present |= {Element(symbol) for symbol in self.include_elems}
        present -= {Element(symbol) for symbol in self.exclude_elems}
        if not present:
            raise ValueError(f"{self.name}: no elements to make columns for")
        self.elements_ = tuple(str(element.symbol) for element in sorted(present))
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "elements_")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (k (k + 1) / 2 * bins,) with k elements.

        Raises:
            NotFittedError: the elements are not learned yet.
            ValueError: bins or a definition that there are not.
        """
        del input_features
        edges = self._edges()
        spans = [f"PRDF r={start:.2f}-{end:.2f}" for start, end in pairwise(edges.tolist())]
        elements = self._elements()
        pairs = [f"{one}-{other}" for place, one in enumerate(elements) for other in elements[place:]]
        return np.array([f"{pair} {span}" for pair in pairs for span in spans], dtype=object)

    def matminer(self) -> Any:
        """A new featurizer of matminer, not fitted; None for the invariant definition."""
        if self.definition != "matminer":
            return None
        from matminer.featurizers.structure import PartialRadialDistributionFunction as Matminer

        return Matminer(self.cutoff, self.bin_size, self.include_elems, self.exclude_elems)

    def _elements(self) -> tuple[str, ...]:
        if not hasattr(self, "elements_"):
            raise NotFittedError(f"{self.name} needs to know the elements: call fit")
        return self.elements_

    def _compute(self, packed: PackedStructures) -> Block:
        from pymatgen.core import Element

        shells = self._shells()
        numbers = [int(Element(symbol).Z) for symbol in self._elements()]
        one, other = np.triu_indices(len(numbers))
        kinds = np.full(MAX_Z + 1, -1, np.int64)
        kinds[numbers] = np.arange(len(numbers))
        first_column = np.full((len(numbers), len(numbers)), -1, np.int64)
        first_column[one, other] = np.arange(len(one)) * len(shells)
        values, reasons = self._counts(packed, kinds, first_column, len(one) * len(shells))
        by_pair = values.reshape(len(packed), len(one), len(shells))
        by_pair /= shells
        by_pair /= np.maximum(self._atoms(packed, numbers)[:, one], np.finfo(float).tiny)[:, :, None]
        return Block(values, reasons)

    def _atoms(self, packed: PackedStructures, numbers: list[int]) -> NDArray[np.float64]:
        """What the counts around each element are divided by, shape (n, elements); 0 where it is not there."""
        rows = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
        atoms = np.zeros((len(packed), MAX_Z + 1))
        np.add.at(atoms, (rows, packed.atomic_numbers), 1.0)
        if self.definition == "matminer":
            sites = np.diff(packed.row_ptr)[:, None]
            pure = np.array([number in _TWO_ATOMS for number in range(MAX_Z + 1)]) & (atoms == sites)
            atoms *= np.where(pure, 2.0, 1.0)
        chosen: NDArray[np.float64] = atoms[:, numbers]
        return chosen
