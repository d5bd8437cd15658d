"""Features of the electrons of the elements in a composition."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.composition.element_property import WARD_2016

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

_SHELLS = ("s", "p", "d", "f")
_J_PER_KJ = 1000.0
_KJ_MOL_PER_EV = 96.48
"""matminer's rounding of it."""


class ValenceOrbital(Featurizer):
    """Mean number, and share, of valence electrons in the s, p, d and f shells.

    The numbers are Magpie's, which count filled f shells as valence. Source: Ward et al. 2016,
    doi:10.1038/npjcompumats.2016.28; Deml et al. 2016, doi:10.1103/PhysRevB.93.085142.

    Args:
        impute_nan: where an element lacks the numbers, their means over the others stand in; else NaN.
    """

    name = "valence_orbital"
    takes = "composition"
    citation = WARD_2016
    cost_ms = 0.001
    parity = 1e-12
    libraries = ("matminer",)

    def __init__(self, *, impute_nan: bool = True) -> None:
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (8,)."""
        del input_features
        names = [f"{what} {shell} valence electrons" for what in ("avg", "frac") for shell in _SHELLS]
        return np.array(names, dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import ValenceOrbital as Matminer

        return Matminer(impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table, without_data
        from automat_featurizers.kernels.weighted import weighted_mean

        names = (*(f"N{shell}Valence" for shell in _SHELLS), "NValence")
        table = property_table("magpie", names, impute_nan=self.impute_nan)
        means = weighted_mean(packed.row_ptr, checked_numbers(packed), packed.amounts, table)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = means[:, :4] / means[:, 4:]
        return Block(np.hstack([means[:, :4], shares]), without_data(packed, table, names))


class BandCenter(Featurizer):
    """Geometric mean of the elements' Mulliken electronegativities, eV: an estimate of the band centre.

    Source: Butler & Ginley 1978, doi:10.1149/1.2131419.

    Args:
        impute_nan: where an element lacks a first ionization energy or an electron affinity, the mean over the
            others stands in; else NaN.
    """

    name = "band_center"
    takes = "composition"
    citation = "Butler & Ginley (1978), J. Electrochem. Soc. 125, 228, doi:10.1149/1.2131419"
    cost_ms = 0.001
    parity = 1e-12
    libraries = ("matminer",)

    def __init__(self, *, impute_nan: bool = True) -> None:
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["band center"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import BandCenter as Matminer

        return Matminer(impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table, without_data
        from automat_featurizers.kernels.weighted import geometric_mean

        ionization = property_table("deml", ("first_ioniz",), impute_nan=self.impute_nan) / _J_PER_KJ
        affinity = property_table("magpie", ("ElectronAffinity",), impute_nan=self.impute_nan)
        mulliken = 0.5 * (ionization + affinity) / _KJ_MOL_PER_EV
        values = geometric_mean(packed.row_ptr, checked_numbers(packed), packed.amounts, mulliken[:, 0].copy())
        return Block(values[:, None], without_data(packed, mulliken, ("Mulliken electronegativity",)))


class _Orbitals(NamedTuple):
    """Orbitals of the elements: offsets by Z (120,), energies in hartree and angular momenta (orbitals,)."""

    row_ptr: NDArray[np.int64]
    energies: NDArray[np.float64]
    momenta: NDArray[np.int64]


@cache
def _orbitals() -> _Orbitals:
    from pymatgen.core import Element

    from automat_featurizers.packed import row_pointer

    counts: list[int] = [0]
    energies: list[float] = []
    momenta: list[int] = []
    for number in range(1, 119):
        known = Element.from_Z(number).atomic_orbitals or {}
        rising = sorted(known.items(), key=lambda orbital: orbital[1])
        counts.append(len(rising))
        energies.extend(energy for _, energy in rising)
        momenta.extend(_SHELLS.index(name[-1]) for name, _ in rising)
    return _Orbitals(row_pointer(counts), np.array(energies, np.float64), np.array(momenta, np.int64))


@cache
def written_twice() -> NDArray[np.bool_]:
    """Which compounds AB, and which elements (on the diagonal), pymatgen writes A2B2 and A2; shape (119, 119)."""
    from pymatgen.core import Composition

    twice = np.zeros((119, 119), np.bool_)
    for formula in Composition.special_formulas:
        numbers = [int(element.Z) for element in Composition(formula)]
        twice[numbers[0], numbers[-1]] = twice[numbers[-1], numbers[0]] = True
    return twice


class AtomicOrbitals(Featurizer):
    """Highest occupied and lowest unoccupied orbital when free atoms share their electrons, and their gap.

    Energies are in hartree, though matminer's documentation says eV. Orbitals and elements are numbers (angular
    momentum 0 to 3, atomic number) where matminer gives text. Where all orbitals are full there is no lowest
    unoccupied one. Elements below 1 / 10,000 of the others are left out. Source: Kotochigova et al. 1997,
    doi:10.1103/PhysRevA.55.191.
    """

    name = "atomic_orbitals"
    takes = "composition"
    citation = "Kotochigova et al. (1997), Phys. Rev. A 55, 191, doi:10.1103/PhysRevA.55.191"
    cost_ms = 0.002
    parity = 1e-12
    libraries = ("pymatgen",)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (7,)."""
        del input_features
        edges = [f"{edge}_{what}" for edge in ("HOMO", "LUMO") for what in ("character", "element", "energy")]
        return np.array([*edges, "gap_AO"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, its text as numbers."""
        return _NumbersOfMatminer()

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers
        from automat_featurizers.kernels.orbitals import band_edges, integer_counts

        numbers = checked_numbers(packed)
        counts, _ = integer_counts(packed.row_ptr, numbers, packed.amounts, written_twice())
        edges = band_edges(packed.row_ptr, numbers, counts, *_orbitals())
        reasons = {
            int(row): "an element has no orbital energies" if np.isnan(edges[row, 0]) else "all orbitals are full"
            for row in np.flatnonzero(np.isnan(edges).any(axis=1))
        }
        return Block(np.column_stack([edges, edges[:, 5] - edges[:, 2]]), reasons)


class _NumbersOfMatminer:
    """matminer's ``AtomicOrbitals`` with angular momenta and atomic numbers in place of text."""

    def __init__(self) -> None:
        from matminer.featurizers.composition import AtomicOrbitals as Matminer

        self._matminer = Matminer()

    def fit(self, X: Sequence[Any]) -> _NumbersOfMatminer:
        del X
        return self

    def feature_labels(self) -> list[str]:
        labels: list[str] = self._matminer.feature_labels()
        return labels

    def featurize(self, composition: Any) -> list[float]:
        from pymatgen.core import Element

        given = self._matminer.featurize(composition)
        return [
            float(_SHELLS.index(each) if each in _SHELLS else Element(each).Z if isinstance(each, str) else each)
            for each in given
        ]
