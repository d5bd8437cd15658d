"""Electrostatic energy of a crystal of point charges."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.structure._cells import unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures


class EwaldEnergy(Featurizer):
    """Electrostatic energy of the ions as point charges, eV per atom or per cell.

    The charges are the mean guessed oxidation states of the elements (``automat_featurizers.oxidation``); a crystal
    whose composition has no guess is NaN, with the reason. matminer needs oxidation states at the sites, and is
    given the same. An element by itself has no charges, and the energy 0. The sums end at a distance that depends on
    the number of sites and on the volume, so that a supercell agrees with its cell to about ``accuracy`` digits only.
    Source: Ewald 1921, doi:10.1002/andp.19213690304; cutoffs of pymatgen (Ong et al. 2013,
    doi:10.1016/j.commatsci.2012.10.028).

    >>> from pymatgen.core import Lattice, Structure
    >>> salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> EwaldEnergy(accuracy=12).fit_transform([salt]).round(4).tolist()
    [[-4.4618]]

    Args:
        accuracy: digits to which each of the two sums is converged.
        per_atom: the energy of the cell divided by its number of atoms.
    """

    name = "ewald_energy"
    takes = "structure"
    citation = "Ewald (1921), Ann. Phys. 369, 253-287, doi:10.1002/andp.19213690304"
    cost_ms = 0.04
    parity = 1e-9
    libraries = ("pymatgen",)

    def __init__(self, accuracy: float = 4, *, per_atom: bool = True) -> None:
        self.accuracy = accuracy
        self.per_atom = per_atom

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["ewald_energy_per_atom" if self.per_atom else "ewald_energy"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, given the same oxidation states."""
        from matminer.featurizers.structure import EwaldEnergy as Matminer

        from automat_featurizers.oxidation import WithOxidationStates, decorated_structure

        return WithOxidationStates(Matminer(accuracy=self.accuracy, per_atom=self.per_atom), decorated_structure)

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels import ewald as kernel
        from automat_featurizers.oxidation import oxidation_guess

        if not self.accuracy > 0:
            raise ValueError(f"accuracy must be a positive number of digits, but got {self.accuracy}")
        guess = packed.compositions.derived(oxidation_guess)
        broken = unusable(packed)
        charges = _at_sites(packed, guess.charges)
        sites = np.diff(packed.row_ptr)
        charges[np.repeat(np.isin(np.arange(len(packed)), [*broken]), sites)] = np.nan
        energies, outcomes = kernel.ewald_energies(
            packed.row_ptr, packed.lattices, packed.fractional, charges, float(self.accuracy)
        )
        energies = energies * _ev_angstrom() / (sites if self.per_atom else 1)
        reasons = dict(guess.reasons)
        for outcome, why in ((kernel.TOO_LARGE, "too many terms to sum"), (kernel.COINCIDENT, "two sites coincide")):
            reasons |= dict.fromkeys(np.flatnonzero(outcomes == outcome).tolist(), why)
        return Block(energies[:, None], reasons | broken)


def _at_sites(packed: PackedStructures, of_entries: NDArray[np.float64]) -> NDArray[np.float64]:
    """What every element of every structure's composition has, at its sites, shape (sites,)."""
    compositions = packed.compositions
    entries = np.repeat(np.arange(len(packed)), np.diff(compositions.row_ptr))
    sites = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    most = int(packed.atomic_numbers.max(initial=0)) + 1
    keys = entries * most + compositions.atomic_numbers
    order = np.argsort(keys)
    found: NDArray[np.float64] = of_entries[order[np.searchsorted(keys[order], sites * most + packed.atomic_numbers)]]
    return found.copy()


@cache
def _ev_angstrom() -> float:
    """Energy of two elementary charges an angstrom apart, eV."""
    from scipy import constants

    return float(constants.e / (4.0 * constants.pi * constants.epsilon_0 * constants.angstrom))
