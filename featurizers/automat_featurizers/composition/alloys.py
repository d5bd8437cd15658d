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
_ZHANG_2016 = "Zhang et al. (2016), Comput. Phys. Commun. 209, 58-69, doi:10.1016/j.cpc.2016.08.013"

_KJ_MOL_PER_EV = 96.4853
"""matminer's rounding of it in Miedema's model."""
_MIEDEMA_PROPERTIES = (
    "molar_volume", "electron_density", "electronegativity", "valence_electrons", "a_const", "R_const", "H_trans",
    "compressibility", "shear_modulus", "melting_point", "structural_stability",
)  # fmt: skip
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
        values = solid_solution(packed.row_ptr, checked_numbers(packed), packed.amounts, melting, radii, enthalpies)
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
