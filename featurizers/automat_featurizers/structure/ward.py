"""Ward et al.'s features of the Voronoi tessellation, all read off one tessellation a structure.

An atom's neighbours are those that share a face of its Voronoi cell; the area of the face weighs them.
matminer finds the faces among the atoms within 13 angstrom and so has none ("No Voronoi neighbors") where a
crystal is emptier than that; the tessellation here is that of the whole crystal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.composition.element_property import MAGPIE_PROPERTIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

WARD_2017 = "Ward et al. (2017), Phys. Rev. B 96, 024104, doi:10.1103/PhysRevB.96.024104"
_FIVE = ("minimum", "maximum", "range", "mean", "avg_dev")


def _tessellation(packed: PackedStructures) -> Any:
    from automat_featurizers.kernels.geometry import tessellation

    return packed.derived(tessellation)


def _statistics(values: NDArray[np.float64], packed: PackedStructures) -> NDArray[np.float64]:
    from automat_featurizers.kernels.statistics import site_statistics

    return site_statistics(values, packed.row_ptr, _FIVE)


class CoordinationNumber(Featurizer):
    """Statistics over sites of the effective coordination number of the Voronoi cell.

    Effective: the squared sum of the face areas over the sum of their squares, so small faces count little.
    Source: Ward et al. 2017, doi:10.1103/PhysRevB.96.024104.
    """

    name = "coordination_number"
    takes = "structure"
    citation = WARD_2017
    cost_ms = 0.35

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (5,)."""
        del input_features
        return np.array([f"{name} CN_VoronoiNN" for name in _FIVE], dtype=object)

    def matminer(self) -> Any:
        """``SiteStatsFingerprint`` with the preset of Ward et al."""
        from matminer.featurizers.structure import SiteStatsFingerprint

        return SiteStatsFingerprint.from_preset("CoordinationNumber_ward-prb-2017")

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.ward import effective_coordination

        cells = _tessellation(packed)
        numbers = effective_coordination(cells.row_ptr, cells.area)
        return Block(_statistics(numbers[:, None], packed), cells.reasons)


class StructuralHeterogeneity(Featurizer):
    """Spread of bond lengths and of cell volumes over the sites, relative to their means.

    Source: Ward et al. 2017, doi:10.1103/PhysRevB.96.024104.
    """

    name = "structural_heterogeneity"
    takes = "structure"
    citation = WARD_2017
    cost_ms = 0.01

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (9,)."""
        del input_features
        lengths = ("mean absolute deviation in relative", "max relative", "min relative")
        return np.array(
            [
                *(f"{name} bond length" for name in lengths),
                *(f"{name} neighbor distance variation" for name in _FIVE),
                "mean absolute deviation in relative cell size",
            ],
            dtype=object,
        )

    def matminer(self) -> Any:
        """Matminer's own."""
        from matminer.featurizers.structure import StructuralHeterogeneity as Matminer

        return Matminer()

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.ward import bond_lengths

        cells = _tessellation(packed)
        mean, deviation, volume, _ = bond_lengths(cells.row_ptr, cells.area, cells.distance)
        sites = np.diff(packed.row_ptr)
        of_crystal = np.add.reduceat(mean, packed.row_ptr[:-1]) / sites
        relative = _statistics((mean / np.repeat(of_crystal, sites))[:, None], packed)
        sizes = _statistics(volume[:, None], packed)
        minimum, maximum, average, spread = (_FIVE.index(name) for name in ("minimum", "maximum", "mean", "avg_dev"))
        columns = [
            relative[:, [spread, maximum, minimum]],
            _statistics(deviation[:, None], packed),
            sizes[:, [spread]] / sizes[:, [average]],
        ]
        return Block(np.hstack(columns), cells.reasons)


class ChemicalOrdering(Featurizer):
    """Warren-Cowley-like order of the elements in the first three shells: 0 where it is random.

    Source: Ward et al. 2017, doi:10.1103/PhysRevB.96.024104.
    """

    name = "chemical_ordering"
    takes = "structure"
    citation = WARD_2017
    cost_ms = 0.1

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (3,)."""
        del input_features
        return np.array([f"mean ordering parameter shell {shell}" for shell in (1, 2, 3)], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own."""
        from matminer.featurizers.structure import ChemicalOrdering as Matminer

        return Matminer()

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.ward import chemical_ordering, relative_areas

        cells = _tessellation(packed)
        row_of_site = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
        # Every element of every structure has one place in the sorted pairs (structure, Z).
        pairs, place = np.unique(row_of_site * 1000 + packed.atomic_numbers, return_inverse=True)
        kinds = np.bincount(pairs // 1000, minlength=len(packed))
        kind = place - (np.cumsum(kinds) - kinds)[row_of_site]
        weight = relative_areas(cells.row_ptr, cells.area)
        values = chemical_ordering(packed.row_ptr, cells.row_ptr, cells.neighbor, cells.image, weight, kind, kinds)
        return Block(values, {row: why for row, why in cells.reasons.items() if kinds[row] > 1})


class MaximumPackingEfficiency(Featurizer):
    """Share of the volume in the largest spheres around the atoms that fit into their Voronoi cells.

    Source: Ward et al. 2017, doi:10.1103/PhysRevB.96.024104.
    """

    name = "maximum_packing_efficiency"
    takes = "structure"
    citation = WARD_2017
    cost_ms = 0.005

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["max packing efficiency"], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own."""
        from matminer.featurizers.structure import MaximumPackingEfficiency as Matminer

        return Matminer()

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.ward import bond_lengths

        cells = _tessellation(packed)
        nearest = bond_lengths(cells.row_ptr, cells.area, cells.distance)[3]
        volume = np.abs(np.linalg.det(packed.lattices))
        spheres = np.add.reduceat(4.0 / 3.0 * np.pi * (nearest / 2.0) ** 3, packed.row_ptr[:-1])
        return Block((spheres / volume)[:, None], cells.reasons)


class LocalPropertyDifference(Featurizer):
    """Statistics over sites of how much an atom's element differs from its neighbours', in 22 properties.

    Source: Ward et al. 2017, doi:10.1103/PhysRevB.96.024104.

    Args:
        signed: keep the sign of each difference (neighbour less site) instead of its size.
        impute_nan: a property that an element lacks is its mean over the others; else the column is NaN.
    """

    name = "local_property_difference"
    takes = "structure"
    citation = WARD_2017
    cost_ms = 0.02
    libraries = ("matminer",)

    def __init__(self, *, signed: bool = False, impute_nan: bool = True) -> None:
        self.signed = signed
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (110,)."""
        del input_features
        what = "local signed difference in" if self.signed else "local difference in"
        return np.array([f"{stat} {what} {each}" for each in MAGPIE_PROPERTIES for stat in _FIVE], dtype=object)

    def matminer(self) -> Any:
        """``SiteStatsFingerprint`` of matminer's site featurizer, as in the preset of Ward et al."""
        from matminer.featurizers.site import LocalPropertyDifference as Matminer
        from matminer.featurizers.structure import SiteStatsFingerprint

        site = Matminer.from_preset("ward-prb-2017", impute_nan=self.impute_nan)
        site.signed = self.signed
        return SiteStatsFingerprint(site, stats=list(_FIVE))

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.elements import property_table
        from automat_featurizers.kernels.ward import local_differences

        cells = _tessellation(packed)
        faces = np.diff(cells.row_ptr)
        row_of_site = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
        first_site = np.repeat(packed.row_ptr[:-1][row_of_site], faces)
        other = packed.atomic_numbers[first_site + cells.neighbor]
        table = property_table("magpie", MAGPIE_PROPERTIES, impute_nan=self.impute_nan)
        values = local_differences(cells.row_ptr, cells.area, packed.atomic_numbers, other, table, self.signed)
        return Block(_statistics(values, packed), cells.reasons)
