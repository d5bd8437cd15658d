"""The orbital field matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.structure.symmetry import symmetry_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_SEARCH = 13.0
"""Angstrom within which pymatgen's VoronoiNN looks for neighbours."""

_SAME = 1e-9
"""Difference between two atoms' matrices, in 1/bohr, that is none."""

_TOLERANCE = 0.01
"""Angstrom within which matminer asks for equivalent atoms."""

_SUBSHELLS = (("s", 2), ("p", 6), ("d", 10), ("f", 14))
_PERIODS = 7


class OrbitalFieldMatrix(Featurizer):
    """Valence subshells of the neighbours against those of the atom, averaged over the atoms, in 1/bohr.

    Entry "OFM: a - b" adds up the neighbours with subshell a of the atoms with subshell b, each weighed by the
    solid angle of its Voronoi face (relative to the atom's largest) and the inverse of its distance. An entry
    is a number of electrons in a subshell: a d5 atom and a d6 atom share none. Elements beyond plutonium are
    not described (NaN with a reason), as in matminer.

    Three details of matminer are followed by default and set right by ``corrected``: atoms that spglib takes
    for equivalent (within 0.01 angstrom) all get the numbers of the first of them; an atom's Voronoi cell is
    cut by the atoms within 13 angstrom only, and faces that these leave open are left out; and matminer's
    angstrom is the X-ray unit "angstrom star", longer by 1.5e-5.

    Source: Pham et al. 2017, doi:10.1080/14686996.2017.1378060; labels and valence rule: matminer.

    Args:
        period_tag: describe an element by its period, too: 39 entries instead of 32.
        corrected: average over all atoms, with their whole Voronoi cells and an angstrom of 1e-10 m.
    """

    name = "orbital_field_matrix"
    takes = "structure"
    citation = "Pham et al. (2017), Sci. Technol. Adv. Mater. 18, 756-765, doi:10.1080/14686996.2017.1378060"
    cost_ms = 1.4
    libraries = ("pymatgen", "scipy", "spglib")

    def __init__(self, *, period_tag: bool = False, corrected: bool = False) -> None:
        self.period_tag = period_tag
        self.corrected = corrected

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (1024,), with ``period_tag`` (1521,)."""
        del input_features
        entries = [f"{kind}^{electrons}" for kind, most in _SUBSHELLS for electrons in range(1, most + 1)]
        if self.period_tag:
            entries += [f"period {period}" for period in range(1, _PERIODS + 1)]
        return np.array([f"OFM: {first} - {second}" for first in entries for second in entries], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own, flat; None for the corrected numbers, which it does not have."""
        from matminer.featurizers.structure import OrbitalFieldMatrix as Matminer

        return None if self.corrected else Matminer(period_tag=self.period_tag, flatten=True)

    def _compute(self, packed: PackedStructures) -> Block:
        from scipy import constants

        from automat_featurizers.kernels import orbital_field
        from automat_featurizers.kernels.finite_cells import cells_within
        from automat_featurizers.kernels.geometry import tessellation

        # matminer measures distances between the nearest images of two atoms in a cell three times as long.
        # For atoms that share a Voronoi face that is the distance across it: with a neighbour at v and a
        # lattice vector u, the atoms at u and v - u leave a face only where v.u <= u.u, so no v - 3 u is shorter.
        reasons: dict[int, str] = {}
        if self.corrected:
            cells, angstrom = packed.derived(tessellation), 1e-10 / constants.value("Bohr radius")
            weight = _equal(packed)
        else:
            cells = packed.derived(cells_within(_SEARCH, open_faces=True))
            angstrom = constants.value("Angstrom star") / constants.value("Bohr radius")
            # Where all atoms of an element have one matrix it does not matter which stands for which.
            unlike = orbital_field.has_unlike_sites(
                packed.row_ptr,
                packed.atomic_numbers,
                cells.row_ptr,
                cells.neighbor,
                cells.solid_angle,
                cells.distance * angstrom,
                _SAME,
            )
            weight, reasons = _of_representatives(packed, np.flatnonzero(unlike).tolist())
        reasons |= cells.reasons
        entries, counts = orbital_field.element_entries(period_tag=self.period_tag)
        values = orbital_field.orbital_field(
            packed.row_ptr,
            weight,
            packed.atomic_numbers,
            cells.row_ptr,
            cells.neighbor,
            cells.solid_angle,
            cells.distance * angstrom,
            entries,
            counts,
            orbital_field.SUBSHELLS + (orbital_field.PERIODS if self.period_tag else 0),
        )
        row_of_site = _repeated(np.arange(len(packed)), packed)
        for site in np.flatnonzero(counts[packed.atomic_numbers] == 0).tolist():
            why = f"element {packed.atomic_numbers[site]} is beyond those the matrix describes"
            reasons.setdefault(int(row_of_site[site]), why)
        values[list(reasons)] = np.nan
        return Block(values, reasons)


def _repeated(values: NDArray[Any], packed: PackedStructures) -> NDArray[Any]:
    """Values of structures, one a site."""
    return np.repeat(values, np.diff(packed.row_ptr))


def _equal(packed: PackedStructures) -> NDArray[np.float64]:
    """The same share for every site of a structure, shape (sites,)."""
    share: NDArray[np.float64] = 1.0 / _repeated(np.diff(packed.row_ptr), packed)
    return share


def _of_representatives(packed: PackedStructures, rows: list[int]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Shares of the sites, and why some are not known.

    In the given rows the first site of a symmetry class has the share of the whole class, in the others every
    site has the same share, shape (sites,).
    """
    weight = _equal(packed)
    reasons: dict[int, str] = {}
    for row in rows:
        span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
        try:
            classes = symmetry_of(packed, row, _TOLERANCE).classes
        except ValueError as error:
            reasons[row] = str(error)
            continue
        _, first, members = np.unique(classes, return_index=True, return_counts=True)
        weight[span] = 0.0
        weight[span.start + first] = members / len(classes)
    return weight, reasons
