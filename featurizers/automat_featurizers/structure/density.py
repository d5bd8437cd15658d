"""How densely a crystal is filled."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

WARD_2018 = "Ward et al. (2018), Comput. Mater. Sci. 152, 60-69, doi:10.1016/j.commatsci.2018.05.018"


@cache
def _masses_and_radii() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Atomic mass (g) and atomic radius (angstrom, NaN where unknown) by Z, shapes (119,)."""
    from pymatgen.core import Element
    from pymatgen.core.units import amu_to_kg

    mass, radius = np.full(119, np.nan), np.full(119, np.nan)
    for number in range(1, 119):
        element = Element.from_Z(number)
        mass[number] = float(element.atomic_mass) * amu_to_kg * 1000
        radius[number] = np.nan if element.atomic_radius is None else float(element.atomic_radius)
    return mass, radius


class DensityFeatures(Featurizer):
    """Mass density (g/cm^3), volume per atom (cubic angstrom), and share of the volume inside the atomic radii.

    The packing fraction is NaN where an element has no atomic radius (matminer gives none of the three
    then). Source: matminer, Ward et al. 2018, doi:10.1016/j.commatsci.2018.05.018.

    >>> from pymatgen.core import Lattice, Structure
    >>> iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> DensityFeatures().fit_transform([iron]).round(3).tolist()
    [[7.878, 11.771, 0.977]]
    """

    name = "density"
    takes = "structure"
    citation = WARD_2018
    cost_ms = 0.001
    parity = 1e-7
    libraries = ("pymatgen",)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (3,)."""
        del input_features
        return np.array(["density", "vpa", "packing fraction"], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own."""
        from matminer.featurizers.structure import DensityFeatures as Matminer

        return Matminer()

    def _compute(self, packed: PackedStructures) -> Block:
        mass, radius = _masses_and_radii()
        starts, sites = packed.row_ptr[:-1], np.diff(packed.row_ptr)
        volume = np.abs(np.linalg.det(packed.lattices))
        grams = np.add.reduceat(mass[packed.atomic_numbers], starts)
        filled = np.add.reduceat(radius[packed.atomic_numbers] ** 3, starts) * (4.0 * np.pi / 3.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            columns = [grams / (volume * 1e-24), volume / sites, filled / volume]
        reasons = {int(row): "an element has no atomic radius" for row in np.flatnonzero(np.isnan(filled))}
        reasons |= {int(row): "the cell has no volume" for row in np.flatnonzero(~(volume > 0))}
        return Block(np.stack(columns, axis=1), reasons)
