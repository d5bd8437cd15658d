"""Features of the crystal structure, as matminer defines them."""

from __future__ import annotations

from typing import Any

from automat_featurizers._matminer import MatminerFeaturizer

WARD_2018 = "Ward et al. (2018), Comput. Mater. Sci. 152, 60-69, doi:10.1016/j.commatsci.2018.05.018"


class Density(MatminerFeaturizer):
    """Mass density (g/cm^3) and volume per atom (cubic angstrom).

    Source: matminer, Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018.
    """

    name = "density"
    takes = "structure"
    citation = WARD_2018

    def _make(self) -> Any:
        from matminer.featurizers.structure import DensityFeatures

        return DensityFeatures(["density", "vpa"])


class PackingFraction(MatminerFeaturizer):
    """Share of the volume inside the atoms' atomic radii.

    Undefined (NaN) where an element has no atomic radius; apart from Density, so that those stay known.
    Source: matminer, Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018.
    """

    name = "packing_fraction"
    takes = "structure"
    citation = WARD_2018

    def _make(self) -> Any:
        from matminer.featurizers.structure import DensityFeatures

        return DensityFeatures(["packing fraction"])


class GlobalSymmetry(MatminerFeaturizer):
    """Space group number, crystal system as a number, centrosymmetry, and number of symmetry operations.

    Source: spglib (Togo, Shinohara & Tanaka 2024, doi:10.1080/27660400.2024.2384822) through matminer.
    """

    name = "global_symmetry"
    takes = "structure"
    citation = "Togo et al. (2024), Sci. Technol. Adv. Mater. Methods 4, 2384822, doi:10.1080/27660400.2024.2384822"

    def _make(self) -> Any:
        from matminer.featurizers.structure import GlobalSymmetryFeatures

        return GlobalSymmetryFeatures(["spacegroup_num", "crystal_system_int", "is_centrosymmetric", "n_symmetry_ops"])


class StructuralComplexity(MatminerFeaturizer):
    """Shannon information of the sites' symmetry classes, in bits per atom and per cell.

    Source: Krivovichev 2013, doi:10.1180/minmag.2013.077.3.05.
    """

    name = "structural_complexity"
    takes = "structure"
    citation = "Krivovichev (2013), Mineral. Mag. 77, 275-326, doi:10.1180/minmag.2013.077.3.05"

    def _make(self) -> Any:
        from matminer.featurizers.structure import StructuralComplexity as Matminer

        return Matminer()
