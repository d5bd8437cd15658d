"""Features of ions, of their oxidation states and of the character of bonds.

Oxidation states are guessed (``automat_featurizers.oxidation``); a composition without a guess has NaN, with the
reason. matminer needs compositions that have their oxidation states already, and is given the same guess.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.composition.element_property import WARD_2016

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.oxidation import OxidationGuess
    from automat_featurizers.packed import PackedCompositions

_DEML_2016 = "Deml et al. (2016), Phys. Rev. B 93, 085142, doi:10.1103/PhysRevB.93.085142"
_LARGEST_CHARGE = 9
_NO_IONS = "it has no cations and anions"


class IonProperty(Featurizer):
    """Whether a charge-neutral ionic compound is possible, and the largest and mean ionic character of its bonds.

    The ionic character of a bond is 1 - exp(-(difference of Pauling electronegativities)^2 / 4); the mean weighs a
    pair of elements with the product of its atomic fractions, which do not sum to 1. An element by itself is
    possible (1) and has no ionic character (0). Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.

    Args:
        fast: one oxidation state an element, which misses mixed valence as in Fe3O4, but takes any amounts and gives
            a formula and its multiples the same. Else (matminer's own default) atoms of an element may differ: the
            formula must have whole numbers of atoms, X2Y2 may be possible where XY is not, and an element without
            common oxidation states may have any that is known of it. Both are bounded in time here, unlike in
            matminer.
        impute_nan: where an element has no electronegativity, the mean over the others stands in; else NaN.
    """

    name = "ionic_character"
    takes = "composition"
    citation = WARD_2016
    cost_ms = 0.001
    parity = 1e-11  # the character of nearly equal electronegativities is a small difference from 1
    revision = 2
    libraries = ("pymatgen",)

    def __init__(self, *, fast: bool = True, impute_nan: bool = True) -> None:
        self.fast = fast
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (3,)."""
        del input_features
        return np.array(["compound possible", "max ionic char", "avg ionic char"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import IonProperty as Matminer

        return Matminer(fast=self.fast, impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table
        from automat_featurizers.kernels.ionic import ionic_character
        from automat_featurizers.oxidation import neutral, neutral_with_one_state_each

        table = property_table("pymatgen", ("X",), impute_nan=self.impute_nan)
        possible, reasons = neutral_with_one_state_each(packed) if self.fast else neutral(packed)
        character = ionic_character(packed.row_ptr, checked_numbers(packed), packed.amounts, table[:, 0].copy())
        unknown = np.flatnonzero(np.isnan(character[:, 0])).tolist()
        return Block(
            np.column_stack([possible, character]), dict.fromkeys(unknown, "no electronegativity known") | reasons
        )


class _OfIons(Featurizer):
    """Statistics over the ions of a composition, from its guessed oxidation states.

    The guess is for the formula as written: X2Y2 may have oxidation states that XY has not.
    """

    takes = "composition"
    citation = _DEML_2016
    parity = 1e-12
    libraries = ("matminer", "pymatgen")

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.oxidation import oxidation_guess

        guess = packed.derived(oxidation_guess)
        values, has_ions = self._of_guess(guess)
        without = np.flatnonzero(~has_ions).tolist()
        return Block(values, dict.fromkeys(without, _NO_IONS) | guess.reasons)

    def _of_guess(self, guess: OxidationGuess) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Columns, shape (n, columns), and which rows have the ions that are asked for, shape (n,)."""
        raise TypeError(f"{type(self).__name__} cannot featurize {guess!r}")


class OxidationStates(_OfIons):
    """Statistics of the guessed oxidation states of the atoms.

    An element by itself has oxidation state 0. ``std_dev`` has matminer's correction for unequal weights. Source:
    Deml et al. 2016, doi:10.1103/PhysRevB.93.085142.

    Args:
        stats: out of minimum, maximum, range, mean, avg_dev, std_dev and mode.
    """

    name = "oxidation_states"
    cost_ms = 0.004

    def __init__(self, stats: Sequence[str] = ("minimum", "maximum", "range", "std_dev")) -> None:
        self.stats = stats

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (len(stats),)."""
        del input_features
        return np.array([f"{statistic} oxidation state" for statistic in self.stats], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, given the same oxidation states."""
        from matminer.featurizers.composition import OxidationStates as Matminer

        from automat_featurizers.oxidation import WithOxidationStates, decorated

        return WithOxidationStates(Matminer(stats=list(self.stats)), decorated)

    def _of_guess(self, guess: OxidationGuess) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        every = np.ones(len(guess.states), np.bool_)
        return _statistics(guess, every, guess.states[:, None].astype(np.float64), self.stats)


class ElectronegativityDiff(_OfIons):
    """Statistics over the cations of how much less electronegative they are than the mean anion.

    Pauling electronegativities; cations and anions by the guessed oxidation states. Source: Deml et al. 2016,
    doi:10.1103/PhysRevB.93.085142.

    Args:
        stats: out of minimum, maximum, range, mean, avg_dev, std_dev and mode.
    """

    name = "electronegativity_difference"
    cost_ms = 0.004

    def __init__(self, stats: Sequence[str] = ("minimum", "maximum", "range", "mean", "std_dev")) -> None:
        self.stats = stats

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (len(stats),)."""
        del input_features
        return np.array([f"{statistic} EN difference" for statistic in self.stats], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, given the same oxidation states."""
        from matminer.featurizers.composition import ElectronegativityDiff as Matminer

        from automat_featurizers.oxidation import WithOxidationStates, decorated

        return WithOxidationStates(Matminer(stats=list(self.stats)), decorated)

    def _of_guess(self, guess: OxidationGuess) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        from automat_featurizers.elements import property_table

        table = property_table("pymatgen", ("X",), impute_nan=False)[guess.atomic_numbers]
        of_anions, has_anions = _statistics(guess, guess.states < 0, table, ("mean",))
        rows = np.repeat(np.arange(len(of_anions)), np.diff(guess.row_ptr))
        values, has_cations = _statistics(guess, guess.states > 0, of_anions[rows] - table, self.stats)
        return values, has_anions & has_cations


class CationProperty(_OfIons):
    """Statistics over the cations of five properties that depend on the charge.

    Sum of the ionization energies up to the charge, crystal-field splitting, magnetic moment, spin-orbit coupling
    and saturation magnetization, of Deml et al. 2016, doi:10.1103/PhysRevB.93.085142. For an element with fewer
    known ionization energies than its charge, matminer sums those there are, and so does this. What the table itself
    lists as not a number, for some charges of the heavier transition metals, stays NaN, as in matminer.

    Args:
        impute_nan: where a property is not listed, 0 stands in (for the ionization energies, the mean of the first
            ones); else NaN.
    """

    name = "cation_property"
    cost_ms = 0.004
    _properties = ("total_ioniz", "xtal_field_split", "magn_moment", "so_coupling", "sat_magn")
    _stats = ("minimum", "maximum", "range", "mean", "std_dev")

    def __init__(self, *, impute_nan: bool = True) -> None:
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (25,)."""
        del input_features
        labels = [f"DemlData {statistic} {name} of cations" for name in self._properties for statistic in self._stats]
        return np.array(labels, dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, given the same oxidation states."""
        from matminer.featurizers.composition import CationProperty as Matminer

        from automat_featurizers.oxidation import WithOxidationStates, decorated

        return WithOxidationStates(Matminer.from_preset("deml", impute_nan=self.impute_nan), decorated)

    def _of_guess(self, guess: OxidationGuess) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        table = _charge_dependent(self._properties, impute_nan=self.impute_nan)
        charges = np.clip(guess.states, 0, _LARGEST_CHARGE)
        return _statistics(guess, guess.states > 0, table[guess.atomic_numbers, charges], self._stats)


class ElectronAffinity(_OfIons):
    """Mean over the anions of electron affinity times charge.

    Source: Deml et al. 2016, doi:10.1103/PhysRevB.93.085142, in the units of its table.

    Args:
        impute_nan: where an element has no electron affinity, the mean over the others stands in; else NaN.
    """

    name = "electron_affinity"
    cost_ms = 0.004

    def __init__(self, *, impute_nan: bool = True) -> None:
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["avg anion electron affinity"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, given the same oxidation states."""
        from matminer.featurizers.composition import ElectronAffinity as Matminer

        from automat_featurizers.oxidation import WithOxidationStates, decorated

        return WithOxidationStates(Matminer(impute_nan=self.impute_nan), decorated)

    def _of_guess(self, guess: OxidationGuess) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        from automat_featurizers.elements import property_table

        affinity = property_table("deml", ("electron_affin",), impute_nan=self.impute_nan)[guess.atomic_numbers]
        return _statistics(guess, guess.states < 0, affinity * guess.states[:, None], ("mean",))


def _statistics(
    guess: OxidationGuess, chosen: NDArray[np.bool_], values: NDArray[np.float64], statistics: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Statistics over the chosen species of every composition, weighted by their amounts.

    Args:
        guess: of n compositions.
        chosen: which species count, shape (species,).
        values: of every species, shape (species, k).
        statistics: names as ``weighted_statistics`` takes them.

    Returns:
        Shape (n, k * len(statistics)), NaN where no species counts; which rows have one that counts, shape (n,).
    """
    from automat_featurizers.kernels.weighted import weighted_statistics
    from automat_featurizers.packed import row_pointer

    rows = np.repeat(np.arange(len(guess.row_ptr) - 1), np.diff(guess.row_ptr))[chosen]
    counts = np.bincount(rows, minlength=len(guess.row_ptr) - 1)
    entries = np.flatnonzero(chosen).astype(np.int64)
    made = weighted_statistics(row_pointer(counts), entries, guess.amounts[chosen], values, statistics)
    return made, counts > 0


@cache
def _charge_dependent(names: tuple[str, ...], *, impute_nan: bool) -> NDArray[np.float64]:
    """Deml's properties of cations by Z and charge, shape (119, largest charge + 1, len(names))."""
    from matminer.utils.data_files.deml_elementdata import properties

    from automat_featurizers.elements import property_table, symbols

    table = np.full((len(symbols()), _LARGEST_CHARGE + 1, len(names)), 0.0 if impute_nan else np.nan)
    first = property_table("deml", ("first_ioniz",), impute_nan=impute_nan)[:, 0]
    for column, name in enumerate(names):
        for number, symbol in enumerate(symbols()):
            if name == "total_ioniz":
                energies = np.array(properties["ionization_en"].get(symbol, [first[number]]))
                for charge in range(1, _LARGEST_CHARGE + 1):
                    table[number, charge, column] = energies[:charge].sum()
            else:
                for charge, value in properties[name].get(symbol, {}).items():
                    if 0 < charge <= _LARGEST_CHARGE:
                        table[number, charge, column] = value
    table.setflags(write=False)
    return table
