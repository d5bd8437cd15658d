"""Labels of features in plain words: what a reader who does not know matminer's names understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat_reports.translation import Translator

PROPERTIES: Mapping[str, str] = {
    "AtomicWeight": "atomic weight",
    "Column": "group of the periodic table",
    "CovalentRadius": "covalent radius",
    "Electronegativity": "electronegativity",
    "GSbandgap": "elemental band gap",
    "GSmagmom": "elemental magnetic moment",
    "GSvolume_pa": "elemental volume an atom",
    "MeltingT": "melting temperature",
    "MendeleevNumber": "Mendeleev number",
    "NUnfilled": "unfilled valence states",
    "NValence": "valence electrons",
    "NdUnfilled": "unfilled d states",
    "NdValence": "d valence electrons",
    "NfUnfilled": "unfilled f states",
    "NfValence": "f valence electrons",
    "NpUnfilled": "unfilled p states",
    "NpValence": "p valence electrons",
    "NsUnfilled": "unfilled s states",
    "NsValence": "s valence electrons",
    "Number": "atomic number",
    "Row": "period of the periodic table",
    "SpaceGroupNumber": "elemental space group",
}
"""Magpie's properties of elements."""

STATISTICS: Mapping[str, str] = {
    "mean": "{name}: mean over atoms",
    "avg_dev": "{name}: mean deviation over atoms",
    "minimum": "{name}: least of the elements",
    "maximum": "{name}: largest of the elements",
    "range": "{name}: range over the elements",
    "mode": "{name}: of the commonest element",
}

LOCAL: Mapping[str, str] = {
    "mean": "{name}: difference between neighbours, mean over sites",
    "avg_dev": "{name}: difference between neighbours, deviation over sites",
    "minimum": "{name}: difference between neighbours, least of the sites",
    "maximum": "{name}: difference between neighbours, largest of the sites",
    "range": "{name}: difference between neighbours, range over sites",
}

OTHERS: Mapping[str, str] = {
    "density": "density",
    "vpa": "volume per atom",
    "packing fraction": "packing fraction",
    "spacegroup_num": "space group number",
    "crystal_system_int": "crystal system",
    "is_centrosymmetric": "centre of inversion",
    "n_symmetry_ops": "number of symmetry operations",
    "structural complexity per atom": "structural complexity per atom",
    "structural complexity per cell": "structural complexity per cell",
    "dimensionality": "dimensionality of the bond network",
    "compound possible": "whether charges can balance",
    "max ionic char": "largest ionic character of a pair",
    "avg ionic char": "mean ionic character of pairs",
    "transition metal fraction": "share of transition metals",
    "band center": "band centre from electronegativities",
    "0-norm": "number of elements",
}

FEATURIZERS: Mapping[str, str] = {
    "magpie": "element properties (Magpie)",
    "stoichiometry": "stoichiometry",
    "valence_orbital": "valence electrons by orbital",
    "ionic_character": "ionic character",
    "transition_metal_fraction": "share of transition metals",
    "band_center": "band centre",
    "density": "density and packing",
    "global_symmetry": "symmetry",
    "structural_complexity": "structural complexity",
    "dimensionality": "dimensionality",
    "coordination_number": "coordination numbers",
    "structural_heterogeneity": "bond lengths and cell sizes",
    "chemical_ordering": "chemical order",
    "maximum_packing_efficiency": "packing efficiency",
    "local_property_difference": "differences between neighbours",
}
"""Groups of columns, by the featurizer that made them."""

_MAGPIE = re.compile(r"MagpieData (\w+) (\w+)")
_LOCAL = re.compile(r"(\w+) local difference in (\w+)")
_VALENCE = re.compile(r"(avg|frac) ([spdf]) valence electrons")
_NORM = re.compile(r"(\d+)-norm")


def feature_words(label: str, t: Translator) -> str:
    """A label in plain words; the label itself where there are none.

    >>> from automat_reports.translation import ENGLISH
    >>> feature_words("MagpieData avg_dev Electronegativity", ENGLISH)
    'electronegativity: mean deviation over atoms'
    >>> feature_words("vpa", ENGLISH), feature_words("petal width (cm)", ENGLISH)
    ('volume per atom', 'petal width (cm)')
    """
    for pattern, statistics in ((_MAGPIE, STATISTICS), (_LOCAL, LOCAL)):
        found = pattern.fullmatch(label)
        if found and found[1] in statistics and found[2] in PROPERTIES:
            return t(statistics[found[1]], name=t(PROPERTIES[found[2]]))
    if found := _VALENCE.fullmatch(label):
        of_all = found[1] == "frac"
        return t(
            "share of {orbital} among valence electrons" if of_all else "{orbital} valence electrons an atom",
            orbital=found[2],
        )
    if label in OTHERS:
        return t(OTHERS[label])
    if found := _NORM.fullmatch(label):
        return t("stoichiometry, {order}-norm", order=found[1])
    return label


def group_words(name: str, t: Translator) -> str:
    """A featurizer in plain words; its name where there are none."""
    return t(FEATURIZERS[name]) if name in FEATURIZERS else name
