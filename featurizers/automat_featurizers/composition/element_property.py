"""Statistics of element properties over a composition, as matminer's ``ElementProperty`` defines them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.elements import Source
    from automat_featurizers.packed import PackedCompositions

WARD_2016 = "Ward et al. (2016), npj Comput. Mater. 2, 16028, doi:10.1038/npjcompumats.2016.28"
_ONG_2013 = "Ong et al. (2013), Comput. Mater. Sci. 68, 314-319, doi:10.1016/j.commatsci.2012.10.028"
_DEML_2016 = "Deml et al. (2016), Phys. Rev. B 93, 085142, doi:10.1103/PhysRevB.93.085142"

MAGPIE_PROPERTIES = (
    "Number", "MendeleevNumber", "AtomicWeight", "MeltingT", "Column", "Row", "CovalentRadius", "Electronegativity",
    "NsValence", "NpValence", "NdValence", "NfValence", "NValence",
    "NsUnfilled", "NpUnfilled", "NdUnfilled", "NfUnfilled", "NUnfilled",
    "GSvolume_pa", "GSbandgap", "GSmagmom", "SpaceGroupNumber",
)  # fmt: skip
_DEML_PROPERTIES = (
    "atom_num", "atom_mass", "row_num", "col_num", "atom_radius", "molar_vol", "heat_fusion", "melting_point",
    "boiling_point", "heat_cap", "first_ioniz", "electronegativity", "electric_pol", "GGAU_Etot", "mus_fere",
    "FERE correction",
)  # fmt: skip
_PYMATGEN_PROPERTIES = (
    "X", "row", "group", "block", "atomic_mass", "atomic_radius", "mendeleev_no", "electrical_resistivity",
    "velocity_of_sound", "thermal_conductivity", "melting_point", "bulk_modulus",
    "coefficient_of_linear_thermal_expansion",
)  # fmt: skip
_FOUR = ("minimum", "maximum", "range", "mean")


class _Preset(NamedTuple):
    """Whose properties, matminer's name of that source in labels, which properties, and which statistics."""

    source: Source
    label: str
    properties: tuple[str, ...]
    statistics: tuple[str, ...]


def _embedding(size: int) -> tuple[str, ...]:
    return tuple(f"embedding {place}" for place in range(1, size + 1))


_PRESETS = {
    "magpie": _Preset("magpie", "MagpieData", MAGPIE_PROPERTIES, (*_FOUR, "avg_dev", "mode")),
    "deml": _Preset("deml", "DemlData", _DEML_PROPERTIES, (*_FOUR, "std_dev")),
    "matminer": _Preset("pymatgen", "PymatgenData", _PYMATGEN_PROPERTIES, (*_FOUR, "std_dev")),
    "matscholar_el": _Preset("matscholar", "MatscholarElementData", _embedding(200), (*_FOUR, "std_dev")),
    "megnet_el": _Preset("megnet", "MEGNetElementData", _embedding(16), (*_FOUR, "std_dev")),
}


class ElementProperty(Featurizer):
    """Statistics of element properties, weighted by the amounts in the formula.

    ``mode`` is the smallest value among the elements of the largest amount. ``std_dev`` has matminer's
    correction for unequal weights (that of a sample, not of a population) and is 0 for one element.
    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; matminer ``ElementProperty``.

    Args:
        preset: ``magpie`` (132 columns), ``deml`` (80), ``matminer`` (65), ``matscholar_el`` (1,000) or
            ``megnet_el`` (80).
        impute_nan: where an element lacks a property, its mean over the others stands in, so that a row does not
            lose columns to one rare element; else those columns are NaN (``megnet_el``: the network's dummy atom
            stands in, as in matminer).
    """

    name = "element_property"
    takes = "composition"
    citation = WARD_2016
    cost_ms = 0.002
    parity = 1e-12
    libraries: ClassVar[tuple[str, ...]] = ("matminer",)

    def __init__(self, preset: str = "magpie", *, impute_nan: bool = True) -> None:
        self.preset = preset
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer: source, statistic, property; shape (columns,).

        Raises:
            ValueError: no such preset.
        """
        del input_features
        chosen = self._chosen()
        labels = [f"{chosen.label} {stat} {name}" for name in chosen.properties for stat in chosen.statistics]
        return np.array(labels, dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer with the same preset."""
        from matminer.featurizers.composition import ElementProperty as Matminer

        return Matminer.from_preset(self.preset, impute_nan=self.impute_nan)

    def _chosen(self) -> _Preset:
        if self.preset not in _PRESETS:
            nearest = difflib.get_close_matches(self.preset, _PRESETS, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"unknown preset {self.preset!r}.{hint} Allowed: {', '.join(_PRESETS)}")
        return _PRESETS[self.preset]

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table, without_data
        from automat_featurizers.kernels.weighted import weighted_statistics

        chosen = self._chosen()
        table = property_table(chosen.source, chosen.properties, impute_nan=self.impute_nan)
        numbers = checked_numbers(packed)
        values = weighted_statistics(packed.row_ptr, numbers, packed.amounts, table, chosen.statistics)
        return Block(values, without_data(packed, table, chosen.properties))


class Magpie(ElementProperty):
    """132 statistics (minimum, maximum, range, mean, average deviation, mode) of 22 element properties.

    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; matminer ``ElementProperty``, preset magpie.

    >>> Magpie().fit_transform(["NaCl"]).shape
    (1, 132)

    Args:
        impute_nan: as ``ElementProperty``.
    """

    name = "magpie"

    def __init__(self, *, impute_nan: bool = True) -> None:
        super().__init__("magpie", impute_nan=impute_nan)


class Deml(ElementProperty):
    """80 statistics of 16 element properties, energies of the elements' own phases among them.

    Source: Deml et al. 2016, doi:10.1103/PhysRevB.93.085142; matminer ``ElementProperty``, preset deml.

    Args:
        impute_nan: as ``ElementProperty``.
    """

    name = "deml"
    citation = _DEML_2016

    def __init__(self, *, impute_nan: bool = True) -> None:
        super().__init__("deml", impute_nan=impute_nan)


class PymatgenElements(ElementProperty):
    """65 statistics of 13 element properties that pymatgen holds, physical ones such as conductivities among them.

    Source: Ong et al. 2013, doi:10.1016/j.commatsci.2012.10.028; matminer ``ElementProperty``, preset matminer.

    Args:
        impute_nan: as ``ElementProperty``.
    """

    name = "pymatgen_elements"
    citation = _ONG_2013
    libraries = ("matminer", "pymatgen")

    def __init__(self, *, impute_nan: bool = True) -> None:
        super().__init__("matminer", impute_nan=impute_nan)


class MatscholarElements(ElementProperty):
    """1,000 statistics of the elements' 200 components in a space of words, learned from abstracts of papers.

    Source: Tshitoyan et al. 2019, doi:10.1038/s41586-019-1335-8; matminer ``ElementProperty``, preset
    matscholar_el.

    Args:
        impute_nan: as ``ElementProperty``.
    """

    name = "matscholar_elements"
    citation = "Tshitoyan et al. (2019), Nature 571, 95-98, doi:10.1038/s41586-019-1335-8"
    cost_ms = 0.006

    def __init__(self, *, impute_nan: bool = True) -> None:
        super().__init__("matscholar_el", impute_nan=impute_nan)


class MEGNetElements(ElementProperty):
    """80 statistics of the elements' 16 components in a network that learned formation energies of crystals.

    Source: Chen et al. 2019, doi:10.1021/acs.chemmater.9b01294; matminer ``ElementProperty``, preset megnet_el.

    Args:
        impute_nan: as ``ElementProperty``.
    """

    name = "megnet_elements"
    citation = "Chen et al. (2019), Chem. Mater. 31, 3564-3572, doi:10.1021/acs.chemmater.9b01294"

    def __init__(self, *, impute_nan: bool = True) -> None:
        super().__init__("megnet_el", impute_nan=impute_nan)
