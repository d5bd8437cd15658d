"""Order parameters of the neighbour shells of all sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.structure._cells import unusable
from automat_featurizers.structure._motifs import MOTIFS, check_statistics, motif_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

ZIMMERMANN_2020 = "Zimmermann & Jain (2020), RSC Adv. 10, 6063, doi:10.1039/C9RA07755C"
FOUR = ("mean", "std_dev", "minimum", "maximum")


class OPSiteFingerprint(Featurizer):
    """Statistics over sites of how closely the neighbour shells resemble coordination motifs.

    For every coordination number c from 2 to 12 a site has a shell when the c nearest neighbours stand apart
    from the next in distance; the shell is compared with the motifs of c (1: perfect, 0: none or no shell)
    and the value is lowered as its distances spread. Without unit, between 0 and 1. Source: Zimmermann & Jain
    2020, doi:10.1039/C9RA07755C.

    matminer's numbers, which are followed unless ``stable``, can change when a crystal is turned or its origin
    is moved (438 of 985 crystals of the Materials Project):

    * ``body-centered cubic`` gives the first of each pair of neighbours another role than the second, and
      neighbours are listed by octants of the Cartesian axes (416 of the 438; up to 0.1 a site);
    * values are rounded to the centres of bins of 0.001 (0 becomes 0.0005, 1 becomes 0.9995), and a perfect
      square's or octahedron's value as a pyramid, one half, lies on the edge of two (22);
    * angles are compared with thresholds that symmetric crystals meet exactly (90 degrees in
      ``body-centered cubic``, 135 and 150 degrees in the bipyramids, planes and see-saws), and distances are
      rounded to bins of about a tenth of the nearest, so that rounding errors decide (2);
    * a neighbour opposite another has an azimuth made of rounding errors unless it is so within 1e-12.

    Args:
        stats: statistics over the sites.
        stable: our definition, which does not change with the crystal's place or the order of its sites: the
            mean over both roles of a pair, thresholds moved off the symmetric angles by 1e-4 radian, no azimuth
            within 1e-3 of the axis, and the median of the window widths 0.09, 0.10 and 0.11 without binning.
    """

    name = "op_site_fingerprint"
    takes = "structure"
    citation = ZIMMERMANN_2020
    cost_ms = 0.75
    libraries = ("pymatgen",)

    def __init__(self, *, stats: tuple[str, ...] = FOUR, stable: bool = False) -> None:
        self.stats = stats
        self.stable = stable

    @property
    def site_labels(self) -> tuple[str, ...]:
        """What ``site_values`` has in its columns."""
        return tuple(f"{motif} CN_{number}" for number, motifs in MOTIFS for motif in motifs)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (37 * statistics,).

        Raises:
            ValueError: a statistic that does not exist.
        """
        del input_features
        check_statistics(self.stats)
        return np.array([f"{stat} {label}" for label in self.site_labels for stat in self.stats], dtype=object)

    def matminer(self) -> Any:
        """``SiteStatsFingerprint`` of matminer's site featurizer; None for the stable definition."""
        if self.stable:
            return None
        from matminer.featurizers.site import OPSiteFingerprint as Matminer
        from matminer.featurizers.structure import SiteStatsFingerprint

        return SiteStatsFingerprint(Matminer(), stats=tuple(self.stats))

    def site_values(self, structures: PackedStructures) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Order parameters of every site, before the statistics.

        Returns:
            Values, shape (sites, 37), in the order of ``site_labels``; structure to why its sites have none.
        """
        from automat_featurizers.kernels import site_motifs as kernel

        reasons = unusable(structures)
        usable = np.ones(len(structures), np.bool_)
        usable[list(reasons)] = False
        values, states = kernel.site_motifs(
            structures.row_ptr,
            np.ascontiguousarray(structures.lattices, dtype=np.float64),
            np.ascontiguousarray(structures.fractional, dtype=np.float64),
            usable,
            *motif_parameters(),
            self.stable,
        )
        coincident = np.flatnonzero(states == kernel.COINCIDENT).tolist()
        return values, reasons | dict.fromkeys(coincident, "two sites coincide")

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.statistics import site_statistics

        values, reasons = self.site_values(packed)
        return Block(site_statistics(values, packed.row_ptr, self.stats), reasons)
