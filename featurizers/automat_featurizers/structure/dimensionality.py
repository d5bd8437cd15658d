"""In how many directions the bonds of a crystal go on for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures


class Dimensionality(Featurizer):
    """Dimension of the bonded network: 3 a framework, 2 layers, 1 chains, 0 molecules or isolated atoms.

    The largest over the separate parts of the crystal; atoms are bonded where CrystalNN finds one of them
    among the neighbours of the other. Sources: Larsen et al. 2019, doi:10.1103/PhysRevMaterials.3.034003;
    neighbours: Pan et al. 2021, doi:10.1021/acs.inorgchem.0c02996.
    """

    name = "dimensionality"
    takes = "structure"
    citation = "Larsen et al. (2019), Phys. Rev. Mater. 3, 034003, doi:10.1103/PhysRevMaterials.3.034003"
    cost_ms = 0.27
    parity = 0.0
    libraries = ("pymatgen",)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Label of matminer, shape (1,)."""
        del input_features
        return np.array(["dimensionality"], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own, with its default neighbours."""
        from matminer.featurizers.structure import Dimensionality as Matminer

        return Matminer()

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.crystal_nn import crystal_nn
        from automat_featurizers.kernels.dimensionality import dimensions

        found = packed.derived(crystal_nn)
        values = dimensions(packed.row_ptr, found.row_ptr, found.neighbor, found.image, found.bonded)
        values[list(found.reasons)] = np.nan
        return Block(values[:, None], found.reasons)
