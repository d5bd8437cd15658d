"""Features of the amounts in a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.composition.element_property import WARD_2016

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

_TRANSITION_METALS = (
    "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Ta", "W", "Re", "Os",
    "Ir", "Pt",
)  # fmt: skip


class Stoichiometry(Featurizer):
    """p-norms of the atomic fractions; p = 0 is the number of elements.

    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.

    Args:
        p_list: the powers p, none of them negative.
        num_atoms: also the number of atoms of a formula unit (as pymatgen writes it: H2O2, not HO).
    """

    name = "stoichiometry"
    takes = "composition"
    citation = WARD_2016
    cost_ms = 0.001
    parity = 1e-12

    def __init__(self, p_list: Sequence[int] = (0, 2, 3, 5, 7, 10), *, num_atoms: bool = False) -> None:
        self.p_list = p_list
        self.num_atoms = num_atoms

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (len(p_list),), with ``num_atoms`` one more."""
        del input_features
        norms = [f"{power}-norm" for power in self.p_list]
        return np.array(["num atoms", *norms] if self.num_atoms else norms, dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import Stoichiometry as Matminer

        return Matminer(p_list=self.p_list, num_atoms=self.num_atoms)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.kernels.weighted import power_norms

        powers = np.array(self.p_list, np.float64)
        if (powers < 0).any():
            raise ValueError(f"p-norms are not defined for negative p, but p_list is {self.p_list}")
        norms = power_norms(packed.row_ptr, packed.amounts, powers)
        return Block(np.column_stack([_atoms_of_unit(packed), norms]) if self.num_atoms else norms)


def _atoms_of_unit(packed: PackedCompositions) -> NDArray[np.float64]:
    """Atoms of the formula unit of every composition, shape (n,)."""
    from automat_featurizers.composition.orbitals import written_twice
    from automat_featurizers.elements import checked_numbers
    from automat_featurizers.kernels.orbitals import integer_counts

    _, units = integer_counts(packed.row_ptr, checked_numbers(packed), packed.amounts, written_twice())
    rows = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    atoms: NDArray[np.float64] = np.bincount(rows, weights=packed.amounts, minlength=len(packed)) / units
    return atoms


class ElementFraction(Featurizer):
    """Atomic fraction of each of the 118 elements.

    Source: matminer, Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018.
    """

    name = "element_fraction"
    takes = "composition"
    citation = "Ward et al. (2018), Comput. Mater. Sci. 152, 60-69, doi:10.1016/j.commatsci.2018.05.018"
    cost_ms = 0.001
    parity = 1e-12

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Element symbols by atomic number, shape (118,)."""
        del input_features
        from automat_featurizers.elements import symbols

        return np.array(symbols()[1:], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import ElementFraction as Matminer

        return Matminer()

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers
        from automat_featurizers.kernels.weighted import weighted_mean

        return Block(weighted_mean(packed.row_ptr, checked_numbers(packed), packed.amounts, np.eye(119)[:, 1:].copy()))


class TMetalFraction(Featurizer):
    """Share of atoms of the 21 transition metals that matminer counts as magnetic.

    Source: Deml et al. 2016, doi:10.1103/PhysRevB.93.085142.
    """

    name = "transition_metal_fraction"
    takes = "composition"
    citation = "Deml et al. (2016), Phys. Rev. B 93, 085142, doi:10.1103/PhysRevB.93.085142"
    cost_ms = 0.001
    parity = 1e-12

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["transition metal fraction"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import TMetalFraction as Matminer

        return Matminer()

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, symbols
        from automat_featurizers.kernels.weighted import weighted_mean

        counted = np.array([[float(symbol in _TRANSITION_METALS)] for symbol in symbols()])
        return Block(weighted_mean(packed.row_ptr, checked_numbers(packed), packed.amounts, counted))
