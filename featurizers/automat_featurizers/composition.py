"""Features of the chemical composition alone, as matminer defines them.

Where a property of an element is not known, its mean over the known elements stands in (matminer's
``impute_nan=True``), so that a row does not lose a column to one rare element.
"""

from __future__ import annotations

from typing import Any

from automat_featurizers._matminer import MatminerFeaturizer

WARD_2016 = "Ward et al. (2016), npj Comput. Mater. 2, 16028, doi:10.1038/npjcompumats.2016.28"


class Magpie(MatminerFeaturizer):
    """132 statistics (minimum, maximum, range, mean, average deviation, mode) of 22 element properties.

    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; matminer ``ElementProperty``, preset magpie.

    >>> Magpie().fit_transform(["NaCl"]).shape
    (1, 132)
    """

    name = "magpie"
    takes = "composition"
    citation = WARD_2016

    def _make(self) -> Any:
        from matminer.featurizers.composition import ElementProperty

        return ElementProperty.from_preset("magpie", impute_nan=True)


class Stoichiometry(MatminerFeaturizer):
    """p-norms of the atomic fractions, p = 0, 2, 3, 5, 7, 10 (p = 0: the number of elements).

    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.
    """

    name = "stoichiometry"
    takes = "composition"
    citation = WARD_2016

    def _make(self) -> Any:
        from matminer.featurizers.composition import Stoichiometry as Matminer

        return Matminer()


class ValenceOrbital(MatminerFeaturizer):
    """Mean number, and share, of valence electrons in the s, p, d and f shells.

    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28; Deml et al. 2016,
    doi:10.1103/PhysRevB.93.085142.
    """

    name = "valence_orbital"
    takes = "composition"
    citation = WARD_2016

    def _make(self) -> Any:
        from matminer.featurizers.composition import ValenceOrbital as Matminer

        return Matminer(impute_nan=True)


class IonicCharacter(MatminerFeaturizer):
    """Whether a charge-neutral ionic compound is possible, and the largest and mean ionic character.

    matminer's ``IonProperty`` with ``fast=True``, which bounds the search over oxidation states.
    Source: Ward et al. 2016, doi:10.1038/npjcompumats.2016.28.
    """

    name = "ionic_character"
    takes = "composition"
    citation = WARD_2016

    def _make(self) -> Any:
        from matminer.featurizers.composition import IonProperty

        return IonProperty(fast=True, impute_nan=True)


class TransitionMetalFraction(MatminerFeaturizer):
    """Share of transition-metal atoms.

    Source: Deml et al. 2016, doi:10.1103/PhysRevB.93.085142.
    """

    name = "transition_metal_fraction"
    takes = "composition"
    citation = "Deml et al. (2016), Phys. Rev. B 93, 085142, doi:10.1103/PhysRevB.93.085142"

    def _make(self) -> Any:
        from matminer.featurizers.composition import TMetalFraction

        return TMetalFraction()


class BandCenter(MatminerFeaturizer):
    """Geometric mean of the elements' Mulliken electronegativities, eV: an estimate of the band centre.

    Source: Butler & Ginley 1978, doi:10.1149/1.2131419.
    """

    name = "band_center"
    takes = "composition"
    citation = "Butler & Ginley (1978), J. Electrochem. Soc. 125, 228, doi:10.1149/1.2131419"

    def _make(self) -> Any:
        from matminer.featurizers.composition import BandCenter as Matminer

        return Matminer(impute_nan=True)
