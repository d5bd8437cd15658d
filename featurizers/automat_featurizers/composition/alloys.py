"""Features of metallic alloys: whether they mix, and by how much their atoms misfit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

_YANG_2012 = "Yang & Zhang (2012), Mater. Chem. Phys. 132, 233-238, doi:10.1016/j.matchemphys.2011.11.021"
_WEN_2019 = "Wen et al. (2019), Acta Mater. 170, 109-117, doi:10.1016/j.actamat.2019.03.010"
_ZHANG_2016 = "Zhang et al. (2016), Comput. Phys. Commun. 209, 58-69, doi:10.1016/j.cpc.2016.08.013"

_KJ_MOL_PER_EV = 96.4853
"""matminer's rounding of it in Miedema's model."""
_MIEDEMA_PROPERTIES = (
    "molar_volume", "electron_density", "electronegativity", "valence_electrons", "a_const", "R_const", "H_trans",
    "compressibility", "shear_modulus", "melting_point", "structural_stability",
)  # fmt: skip
_SHELLS = (("s", 2), ("p", 6), ("d", 10), ("f", 14))
_STRUCTURES = ("inter", "amor", "ss")
_LATTICES = ("fcc", "bcc", "hcp", "no_latt")

# Lattice stabilities of transition metals by their mean number of valence electrons, kJ/mol: Niessen & Miedema
# (1983), Ber. Bunsenges. Phys. Chem. 87, 717, doi:10.1002/bbpc.19830870903, as in Zhang et al. 2016; 0 outside.
_ELECTRONS = (2.0, 3.0, 4.0, 5.0, 5.5, 6.0, 7.0, 8.0, 8.5, 9.0, 10.0, 11.0, 12.0)
_STABILITIES = (
    (0.0, -2.0, -1.5, 9.0, 14.0, 11.0, -3.0, -9.5, -11.0, -9.0, -2.0, 1.5, 0.0),
    (0.0, 2.2, 2.0, -9.5, -14.5, -12.0, 4.0, 10.0, 11.0, 8.5, 1.5, 1.5, 0.0),
    (0.0, -2.5, -2.5, 10.0, 15.0, 13.0, -5.0, -10.5, -11.0, -8.0, -1.0, 2.5, 0.0),
)


class YangSolidSolution(Featurizer):
    """Omega (mixing entropy times melting temperature, over mixing enthalpy) and delta (misfit of atomic radii).

    Both are dimensionless; a solid solution is likely where omega is above 1.1 and delta below 0.066. Both are 0 for
    an element by itself. The mixing enthalpy is taken to be at least 1e-6 kJ/mol. Source: Yang & Zhang 2012,
    doi:10.1016/j.matchemphys.2011.11.021.

    Args:
        impute_nan: where a pair of elements has no mixing enthalpy (oxygen and the halogens have none), or an element
            no radius or melting temperature, the mean over the others stands in; else NaN. (matminer then takes an
            enthalpy that it does not know for 1e-6 kJ/mol, which makes omega huge.)
    """

    name = "yang_solid_solution"
    takes = "composition"
    citation = _YANG_2012
    cost_ms = 0.001
    parity = 1e-11
    libraries = ("matminer",)

    def __init__(self, *, impute_nan: bool = True) -> None:
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (2,)."""
        del input_features
        return np.array(["Yang omega", "Yang delta"], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import YangSolidSolution as Matminer

        return Matminer(impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, mixing_enthalpies, property_table, without_data
        from automat_featurizers.kernels.alloys import solid_solution

        names = ("MeltingT", "MiracleRadius")
        table = property_table("magpie", names, impute_nan=self.impute_nan)
        enthalpies = mixing_enthalpies(impute_nan=self.impute_nan)
        melting, radii = table.T.copy()
        made = solid_solution(packed.row_ptr, checked_numbers(packed), packed.amounts, melting, radii, enthalpies)
        values = made[:, :2]
        unmixed = np.flatnonzero(np.isnan(values[:, 0])).tolist()
        reasons = dict.fromkeys(unmixed, "a pair of its elements has no mixing enthalpy")
        several = np.diff(packed.row_ptr) > 1
        lacking = {row: why for row, why in without_data(packed, table, names).items() if several[row]}
        return Block(values, reasons | lacking)


class Miedema(Featurizer):
    """Formation enthalpies of alloys by Miedema's semi-empirical model, eV/atom.

    Of the intermetallic compound, of the amorphous phase, and of solid solutions. Alloys of several elements are
    sums over their pairs, which does well for three elements and worse for more. Source: de Boer et al. 1988,
    Cohesion in Metals; Zhang et al. 2016, doi:10.1016/j.cpc.2016.08.013; Gallego et al. 1990,
    doi:10.1088/0953-8984/2/44/004.

    Args:
        struct_types: ``all``, or out of ``inter``, ``amor`` and ``ss`` (solid solution), one or several.
        ss_types: of the solid solution: ``min`` over all lattices, ``all`` of them one by one, or out of ``fcc``,
            ``bcc``, ``hcp``, ``no_latt`` (none in particular) and ``min``, one or several.
        impute_nan: where the model has no parameters for an element (oxygen, the halogens, noble gases and some
            others), the means over its 73 elements stand in, which means little; else NaN. (With imputation, matminer
            raises for compounds of hydrogen.)
    """

    name = "miedema"
    takes = "composition"
    citation = _ZHANG_2016
    cost_ms = 0.002
    parity = 1e-11
    libraries = ("matminer",)

    def __init__(
        self,
        struct_types: str | Sequence[str] = "all",
        ss_types: str | Sequence[str] = "min",
        *,
        impute_nan: bool = True,
    ) -> None:
        self.struct_types = struct_types
        self.ss_types = ss_types
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (columns,).

        Raises:
            ValueError: a structure or a lattice that the model does not have.
        """
        del input_features
        return np.array([f"Miedema_deltaH_{name}" for name in self._wanted()], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import Miedema as Matminer

        given = [each if isinstance(each, str) else list(each) for each in (self.struct_types, self.ss_types)]
        return Matminer(*given, impute_nan=self.impute_nan)

    def _wanted(self) -> list[str]:
        """Labels of the columns behind ``Miedema_deltaH_``."""
        lattices = [f"ss_{lattice}" for lattice in _chosen("ss_types", self.ss_types, (*_LATTICES, "min"), _LATTICES)]
        wanted: list[str] = []
        for structure in _chosen("struct_types", self.struct_types, _STRUCTURES, _STRUCTURES):
            wanted += lattices if structure == "ss" else [structure]
        return wanted

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table, without_data
        from automat_featurizers.kernels.alloys import miedema

        table = property_table("miedema", _MIEDEMA_PROPERTIES, impute_nan=self.impute_nan)
        made = miedema(
            packed.row_ptr, checked_numbers(packed), packed.amounts, table,
            np.array(_ELECTRONS), np.array(_STABILITIES),
        ) / _KJ_MOL_PER_EV  # fmt: skip
        columns = dict(zip(("inter", "amor", *(f"ss_{lattice}" for lattice in _LATTICES)), made.T, strict=True))
        columns["ss_min"] = made[:, 2:].min(axis=1)
        values = np.column_stack([columns[name] for name in self._wanted()])
        return Block(values, without_data(packed, table, _MIEDEMA_PROPERTIES))


def _chosen(option: str, given: str | Sequence[str], allowed: Sequence[str], every: Sequence[str]) -> list[str]:
    """What an option names; ``all`` stands for every one.

    Raises:
        ValueError: naming the option, the value and what is allowed.
    """
    chosen = (list(every) if given == "all" else [given]) if isinstance(given, str) else list(given)
    wrong = [each for each in chosen if each not in allowed]
    if wrong:
        raise ValueError(f"{option} must be 'all' or out of {', '.join(map(repr, allowed))}, but got {wrong[0]!r}")
    return chosen


class WenAlloys(Featurizer):
    """Thermochemistry, misfits and electrons of high-entropy alloys, 23 columns.

    matminer's first two columns are text (the formula in weight and atomic fractions) and are left out. Two details
    of matminer are followed by default and set right by ``corrected``: the configuration entropy, in kJ/(mol K), and
    with it lambda, are negative; and gamma, the ratio of solid angles, lacks a factor 2 of the mixed term in radii.
    The local mismatches are mean absolute differences of pairs; the total weight is that of the formula as written,
    g/mol; "interant electrons" count, without regard to amounts, the electrons in the open shells of each element.
    Radii are Miracle's in pm, electronegativities, valence electrons and shear moduli (GPa) those of Miedema's model,
    cohesive energies Kittel's, eV. Source: Wen et al. 2019, doi:10.1016/j.actamat.2019.03.010.

    Args:
        corrected: a positive entropy, and the solid angles of Wang et al. 2015,
            doi:10.1016/j.scriptamat.2014.09.010.
        impute_nan: where an element lacks a property, the mean over the others stands in; else NaN. (With imputation,
            matminer raises for compounds of hydrogen.)
    """

    name = "wen_alloys"
    takes = "composition"
    citation = _WEN_2019
    cost_ms = 0.001
    parity = 1e-11
    libraries = ("matminer", "pymatgen")
    _labels = (
        "Yang delta", "Yang omega", "APE mean", "Radii local mismatch", "Radii gamma", "Configuration entropy",
        "Atomic weight mean", "Total weight", "Lambda entropy", "Electronegativity delta",
        "Electronegativity local mismatch", "VEC mean", "Mixing enthalpy", "Mean cohesive energy", "Interant electrons",
        *(f"Interant {shell} electrons" for shell in "spdf"),
        "Shear modulus mean", "Shear modulus delta", "Shear modulus local mismatch", "Shear modulus strength model",
    )  # fmt: skip

    def __init__(self, *, corrected: bool = False, impute_nan: bool = True) -> None:
        self.corrected = corrected
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, less the text, shape (23,)."""
        del input_features
        return np.array(self._labels, dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer, less the text; None for the corrected numbers, which it does not have."""
        return None if self.corrected else _NumbersOfMatminer(impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.composition.packing import ideal_ratios
        from automat_featurizers.elements import checked_numbers, mixing_enthalpies, property_table, without_data
        from automat_featurizers.kernels.alloys import mismatches, solid_solution
        from automat_featurizers.kernels.packing import simultaneous_packing
        from automat_featurizers.kernels.weighted import weighted_mean, weighted_statistics

        magpie = ("MeltingT", "MiracleRadius", "AtomicWeight", *(f"N{shell}Unfilled" for shell, _ in _SHELLS))
        model = ("electronegativity", "shear_modulus", "valence_electrons")
        names = (*magpie, *model, "cohesive energy")
        table = np.hstack([
            property_table("magpie", magpie, impute_nan=self.impute_nan),
            property_table("miedema", model, impute_nan=self.impute_nan),
            property_table("kittel", ("cohesive energy",), impute_nan=self.impute_nan),
        ])  # fmt: skip
        row_ptr, numbers, amounts = packed.row_ptr, checked_numbers(packed), packed.amounts
        of = dict(zip(names, table.T.copy(), strict=True))
        omega, delta, entropy, enthalpy = solid_solution(
            row_ptr,
            numbers,
            amounts,
            of["MeltingT"],
            of["MiracleRadius"],
            mixing_enthalpies(impute_nan=self.impute_nan),
        ).T
        signed = entropy if self.corrected else -entropy
        with np.errstate(divide="ignore", invalid="ignore"):
            order = np.where(delta == 0, 0.0, signed / delta**2)
        spread = weighted_statistics(
            row_ptr, numbers, amounts, of["MiracleRadius"][:, None], ("mean", "minimum", "maximum")
        )
        mean, smallest, largest = spread.T
        gamma = _solid_angles(mean, smallest, largest, 2.0 if self.corrected else 1.0)
        radii, negativity, shear = (
            mismatches(row_ptr, numbers, amounts, of[name]) for name in ("MiracleRadius", *model[:2])
        )
        averaged = np.column_stack([of[name] for name in ("AtomicWeight", *model, "cohesive energy")])
        weight, _, modulus, valence, cohesive = weighted_mean(row_ptr, numbers, amounts, averaged).T
        electrons = _open_shells(packed, np.column_stack([of[f"N{shell}Unfilled"] for shell, _ in _SHELLS]))
        packing = simultaneous_packing(row_ptr, numbers, amounts, of["MiracleRadius"], ideal_ratios())
        values = np.column_stack([
            delta, omega, packing[:, 0], radii[:, 1], gamma, signed, weight, _weights(packed), order,
            negativity[:, :2], valence, enthalpy, cohesive, electrons.sum(axis=1), electrons, modulus, shear,
        ])  # fmt: skip
        return Block(values, without_data(packed, table, names))


def _open_shells(packed: PackedCompositions, unfilled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Electrons in the open s, p, d and f shells, added over the elements of every composition, shape (n, 4).

    Args:
        packed: n compositions.
        unfilled: places that the shells of the elements have left, by Z, shape (119, 4).
    """
    room = np.array([places for _, places in _SHELLS], np.float64)
    held = np.where(unfilled == 0, 0.0, room - unfilled)[packed.atomic_numbers]
    rows = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    return np.column_stack([np.bincount(rows, weights=shell, minlength=len(packed)) for shell in held.T])


def _weights(packed: PackedCompositions) -> NDArray[np.float64]:
    """Molar mass of every formula as written, g/mol, shape (n,)."""
    from automat_featurizers.elements import property_table

    masses = property_table("pymatgen", ("atomic_mass",))[packed.atomic_numbers, 0]
    rows = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    return np.asarray(np.bincount(rows, weights=masses * packed.amounts, minlength=len(packed)), np.float64)


def _solid_angles(
    mean: NDArray[np.float64], smallest: NDArray[np.float64], largest: NDArray[np.float64], twice: float
) -> NDArray[np.float64]:
    """Ratio of the solid angles that average atoms fill around the smallest and around the largest, shape (n,).

    Source: Wang et al. 2015, doi:10.1016/j.scriptamat.2014.09.010.

    Args:
        mean: radius, shape (n,).
        smallest: in the same unit, shape (n,).
        largest: likewise, shape (n,).
        twice: 2; matminer has 1.
    """
    around: list[NDArray[np.float64]] = [
        1.0 - np.sqrt(radius * (twice * mean + radius) / (mean + radius) ** 2) for radius in (smallest, largest)
    ]
    return around[0] / around[1]


class _NumbersOfMatminer:
    """matminer's ``WenAlloys`` without its two columns of text."""

    def __init__(self, *, impute_nan: bool) -> None:
        from matminer.featurizers.composition.alloy import WenAlloys as Matminer

        self._matminer = Matminer(impute_nan=impute_nan)

    def fit(self, X: Sequence[Any]) -> _NumbersOfMatminer:
        del X
        return self

    def feature_labels(self) -> list[str]:
        labels: list[str] = self._matminer.feature_labels()[2:]
        return labels

    def featurize(self, composition: Any) -> list[float]:
        values: list[float] = self._matminer.featurize(composition)[2:]
        return values
