"""Symmetry of the crystal, from one call of spglib a structure and tolerance."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from automat_featurizers.base import Block, Featurizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

TOGO_2024 = "Togo et al. (2024), Sci. Technol. Adv. Mater. Methods 4, 2384822, doi:10.1080/27660400.2024.2384822"

_ANGLE_TOLERANCE = 5.0
"""Degrees; what pymatgen asks spglib for."""

_LAUE_CLASSES = frozenset({"-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m"})

# Last space group of every crystal system, and the number that matminer gives the system.
_SYSTEMS = ((2, 7), (15, 6), (74, 5), (142, 4), (167, 3), (194, 2), (230, 1))


class Symmetry(NamedTuple):
    """What spglib finds in one structure: what features read of it, to be kept for all of them.

    Attributes:
        number: of the space group.
        point_group: its international symbol.
        operations: how many map the cell as given onto itself.
        classes: of every site the first that is equivalent to it, shape (sites,).
    """

    number: int
    point_group: str
    operations: int
    classes: NDArray[np.int32]


def symmetry_of(packed: PackedStructures, row: int, symprec: float) -> Symmetry:
    """The symmetry of one structure, found once for every tolerance in angstrom.

    Raises:
        ValueError: spglib finds no symmetry within the tolerance.
    """
    known = packed.derived(_found_so_far)
    if (row, symprec) not in known:
        known[row, symprec] = _searched(packed, row, symprec)
    found = known[row, symprec]
    if isinstance(found, str):
        raise ValueError(found)  # noqa: TRY004 - no wrong type: the text says why nothing was found
    return found


def _found_so_far(packed: PackedStructures) -> dict[tuple[int, float], Symmetry | str]:
    """Row and tolerance to the symmetry, or why there is none; empty at first."""
    del packed
    return {}


def _searched(packed: PackedStructures, row: int, symprec: float) -> Symmetry | str:
    import spglib

    span = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
    cell: Any = (packed.lattices[row], packed.fractional[span], packed.atomic_numbers[span])
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=symprec, angle_tolerance=_ANGLE_TOLERANCE)
    except Exception as error:  # noqa: BLE001 - which exception means "nothing found" differs between releases
        return f"spglib finds no symmetry within {symprec} angstrom ({error})"
    if found is None:
        return f"spglib finds no symmetry within {symprec} angstrom"
    return Symmetry(found.number, found.pointgroup.strip(), len(found.rotations), found.equivalent_atoms)


class GlobalSymmetryFeatures(Featurizer):
    """Space group number, crystal system as a number, centrosymmetry, and number of symmetry operations.

    matminer's ``crystal_system``, which is text, is left out; its number stays. Systems count from 1 (cubic)
    to 7 (triclinic). The number of operations is that of the cell as given: centred cells have more. Source:
    spglib (Togo, Shinohara & Tanaka 2024, doi:10.1080/27660400.2024.2384822).

    Args:
        symprec: how far an atom may be from its symmetric place, angstrom.
    """

    name = "global_symmetry"
    takes = "structure"
    citation = TOGO_2024
    cost_ms = 2.5
    parity = 0.0
    libraries = ("spglib",)

    def __init__(self, *, symprec: float = 0.01) -> None:
        self.symprec = symprec

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (4,)."""
        del input_features
        names = ["spacegroup_num", "crystal_system_int", "is_centrosymmetric", "n_symmetry_ops"]
        return np.array(names, dtype=object)

    def matminer(self) -> Any:
        """Matminer's own, less the text; its tolerance is 0.01 angstrom."""
        from matminer.featurizers.structure import GlobalSymmetryFeatures as Matminer

        return Matminer(self.get_feature_names_out().tolist())

    def _compute(self, packed: PackedStructures) -> Block:
        values = np.full((len(packed), 4), np.nan)
        seconds = np.zeros(len(packed))
        reasons: dict[int, str] = {}
        for row in range(len(packed)):
            started = time.process_time()
            try:
                found = symmetry_of(packed, row, self.symprec)
                system = next(number for last, number in _SYSTEMS if found.number <= last)
                values[row] = found.number, system, found.point_group in _LAUE_CLASSES, found.operations
            except ValueError as error:
                reasons[row] = str(error)
            seconds[row] = time.process_time() - started
        return Block(values, reasons, seconds)


class StructuralComplexity(Featurizer):
    """Shannon information of the sites' symmetry classes, in bits per atom and per cell.

    Per cell means the cell as given: a supercell has as many times the bits. Source: Krivovichev 2013,
    doi:10.1180/minmag.2013.077.3.05.

    Args:
        symprec: how far an atom may be from its symmetric place, angstrom.
    """

    name = "structural_complexity"
    takes = "structure"
    citation = "Krivovichev (2013), Mineral. Mag. 77, 275-326, doi:10.1180/minmag.2013.077.3.05"
    cost_ms = 2.5
    parity = 1e-12
    libraries = ("spglib",)

    def __init__(self, *, symprec: float = 0.1) -> None:
        self.symprec = symprec

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (2,)."""
        del input_features
        return np.array(["structural complexity per atom", "structural complexity per cell"], dtype=object)

    def matminer(self) -> Any:
        """Matminer's own."""
        from matminer.featurizers.structure import StructuralComplexity as Matminer

        return Matminer(symprec=self.symprec)

    def _compute(self, packed: PackedStructures) -> Block:
        values = np.full((len(packed), 2), np.nan)
        seconds = np.zeros(len(packed))
        reasons: dict[int, str] = {}
        for row in range(len(packed)):
            started = time.process_time()
            try:
                classes = symmetry_of(packed, row, self.symprec).classes
                members = np.bincount(classes)
                share = members[members > 0] / len(classes)
                bits = float(-(share * np.log2(share)).sum()) + 0.0  # no "minus zero" for one class
                values[row] = bits, bits * len(classes)
            except ValueError as error:
                reasons[row] = str(error)
            seconds[row] = time.process_time() - started
        return Block(values, reasons, seconds)
