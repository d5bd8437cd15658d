"""How well the atoms of an alloy can be packed around each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedCompositions

# Ratio of the radii of a centre and its 3, 4, ... 24 neighbours at the densest packing: Miracle, Lord & Ranganathan
# (2006), Mater. Trans. 47, 1737-1742, doi:10.2320/matertrans.47.1737.
_IDEAL_RATIOS = (
    0.154701, 0.224745, 0.361654, 0.414214, 0.518145, 0.616517, 0.709914, 0.798907, 0.884003, 0.902113, 0.976006,
    1.04733, 1.11632, 1.18318, 1.2481, 1.31123, 1.37271, 1.43267, 1.49119, 1.5484, 1.60436, 1.65915,
)  # fmt: skip


def ideal_ratios() -> NDArray[np.float64]:
    """Ratio of the radii of a centre and its 3, 4, ... 24 neighbours at the densest packing, shape (22,)."""
    return np.array(_IDEAL_RATIOS)


class AtomicPackingEfficiency(Featurizer):
    """Deviation from ideal packing, and distance to the nearest compositions of efficiently packed clusters.

    The deviation is 1 less the ideal over the real ratio of radii of an atom and its neighbours; 0 is ideal. The
    distance is that of the atomic fractions, and 1 where there are not so many clusters. The clusters of many elements
    are searched by branch and bound, in milliseconds; a search that would not end in time, which needs more elements
    than ``max_types`` admits by default, is NaN with the reason. Where a composition is that of a cluster, matminer
    has some 1e-8 of rounding in place of 0. Source: Laws, Miracle & Ferry 2015, doi:10.1038/ncomms9123.

    Args:
        threshold: largest deviation of an efficiently packed cluster.
        n_nearest: over how many clusters the distance is averaged, one column each.
        max_types: only so many elements, those of the largest amounts, make clusters.
        impute_nan: where an element has no radius (hydrogen, the halogens, noble gases and some others), the mean
            over the others stands in; else NaN.
    """

    name = "atomic_packing_efficiency"
    takes = "composition"
    citation = "Laws, Miracle & Ferry (2015), Nat. Commun. 6, 8123, doi:10.1038/ncomms9123"
    cost_ms = 0.014
    parity = 1e-6  # relative to small distances, matminer's own rounding
    libraries = ("matminer",)

    def __init__(
        self,
        threshold: float = 0.01,
        n_nearest: Collection[int] = (1, 3, 5),
        max_types: int = 6,
        *,
        impute_nan: bool = True,
    ) -> None:
        self.threshold = threshold
        self.n_nearest = n_nearest
        self.max_types = max_types
        self.impute_nan = impute_nan

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (2 + len(n_nearest),)."""
        del input_features
        packing = ["mean simul. packing efficiency", "mean abs simul. packing efficiency"]
        near = [f"dist from {count} clusters |APE| < {self.threshold:.3f}" for count in self.n_nearest]
        return np.array([*packing, *near], dtype=object)

    def matminer(self) -> Any:
        """The featurizer of matminer."""
        from matminer.featurizers.composition import AtomicPackingEfficiency as Matminer

        return Matminer(self.threshold, self.n_nearest, self.max_types, impute_nan=self.impute_nan)

    def _compute(self, packed: PackedCompositions) -> Block:
        from automat_featurizers.elements import checked_numbers, property_table, without_data
        from automat_featurizers.kernels.packing import MAX_STEPS, nearest_clusters, simultaneous_packing

        counts = list(self.n_nearest)
        if any(count < 1 for count in counts) or self.max_types < 1:
            raise ValueError(f"at least one cluster and one type of atoms, but got {counts} and {self.max_types}")
        table = property_table("magpie", ("MiracleRadius",), impute_nan=self.impute_nan)
        radii, ideal = table[:, 0].copy(), ideal_ratios()
        row_ptr, numbers, amounts = packed.row_ptr, checked_numbers(packed), packed.amounts
        packing = simultaneous_packing(row_ptr, numbers, amounts, radii, ideal)
        packing[np.isinf(packing)] = np.nan
        distances, steps = nearest_clusters(
            row_ptr, numbers, amounts, radii, ideal, float(self.threshold), max(counts, default=1), int(self.max_types)
        )
        distances[steps > MAX_STEPS] = np.nan
        near = [distances[:, :count].mean(axis=1) for count in counts]
        endless = dict.fromkeys(
            np.flatnonzero(steps > MAX_STEPS).tolist(), f"too many clusters to search for {self.max_types} types"
        )
        return Block(np.column_stack([packing, *near]), endless | without_data(packed, table, ("MiracleRadius",)))
