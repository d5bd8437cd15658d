"""Coordination numbers and order parameters of the neighbours that CrystalNN finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.structure._cells import check_choice
from automat_featurizers.structure._motifs import MOTIFS, check_statistics, motif_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

PAN_2021 = (
    "Pan et al. (2021), Inorg. Chem. 60, 1590, doi:10.1021/acs.inorgchem.0c02996; "
    "Zimmermann & Jain (2020), RSC Adv. 10, 6063, doi:10.1039/C9RA07755C"
)
PRESETS = ("ops", "cn")

_LARGEST = 24
"""Largest coordination number that has a column."""


class CrystalNNFingerprint(Featurizer):
    """Statistics over sites of the likelihood of coordination numbers, and of motifs at each of them.

    ``wt CN_c`` is the likelihood that the site has c neighbours; the motifs' columns are how closely its c
    likeliest neighbours resemble the motif (1: perfect), times that likelihood. Without unit, between 0 and
    1. Source: Zimmermann & Jain 2020, doi:10.1039/C9RA07755C; Pan et al. 2021,
    doi:10.1021/acs.inorgchem.0c02996.

    matminer's numbers, which are followed unless ``stable``, can change when a crystal is turned or its origin
    is moved: ``body-centered cubic`` gives the first of each pair of neighbours another role than the second,
    and equally likely neighbours are listed as Qhull happened to find their faces, an order that cannot be
    followed; angles are compared with thresholds that symmetric crystals meet exactly; and likelihoods
    change where a neighbour's weight is rounded to 0.001 from exactly between.

    Args:
        preset: ``ops``, likelihoods and motifs; or ``cn``, likelihoods alone.
        stats: statistics over the sites.
        stable: our definition, which does not change with the crystal's place or the order of its sites: the
            mean over both roles of a pair of neighbours, thresholds moved off the symmetric angles by 1e-4
            radian, and no azimuth within 1e-3 of the axis.
    """

    name = "crystal_nn_fingerprint"
    takes = "structure"
    citation = PAN_2021
    cost_ms = 0.35
    libraries = ("pymatgen",)

    def __init__(
        self, preset: str = "ops", *, stats: tuple[str, ...] = ("mean", "std_dev"), stable: bool = False
    ) -> None:
        self.preset = preset
        self.stats = stats
        self.stable = stable

    @property
    def site_labels(self) -> tuple[str, ...]:
        """What ``site_values`` has in its columns."""
        motifs = dict(MOTIFS) if self.preset == "ops" else {}
        return tuple(
            f"{what} CN_{number}" for number in range(1, _LARGEST + 1) for what in ("wt", *motifs.get(number, ()))
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (61 * statistics,), or (24 * statistics,) for ``cn``.

        Raises:
            ValueError: a preset or a statistic that does not exist.
        """
        del input_features
        check_choice("preset", self.preset, PRESETS)
        check_statistics(self.stats)
        return np.array([f"{stat} {label}" for label in self.site_labels for stat in self.stats], dtype=object)

    def matminer(self) -> Any:
        """``SiteStatsFingerprint`` with the preset's name; None for the stable definition."""
        if self.stable:
            return None
        from matminer.featurizers.structure import SiteStatsFingerprint

        return SiteStatsFingerprint.from_preset(f"CrystalNNFingerprint_{self.preset}", stats=tuple(self.stats))

    def site_values(self, structures: PackedStructures) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Likelihoods and order parameters of every site, before the statistics.

        Returns:
            Values, shape (sites, 61 or 24), in the order of ``site_labels``; structure to why its sites have
            none.
        """
        from automat_featurizers.kernels.crystal_nn import crystal_nn
        from automat_featurizers.kernels.weighted_motifs import weighted_motifs

        found = structures.derived(crystal_nn)
        numbers, forms, parameters = motif_parameters()
        motifs = len(numbers) if self.preset == "ops" else 0
        values = weighted_motifs(
            found.row_ptr,
            found.vector,
            found.distance,
            found.cn_weight,
            _LARGEST,
            numbers[:motifs],
            forms[:motifs],
            parameters[:motifs],
            self.stable,
        )
        return values, found.reasons

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.statistics import site_statistics

        values, reasons = self.site_values(packed)
        return Block(site_statistics(values, packed.row_ptr, self.stats), reasons)
