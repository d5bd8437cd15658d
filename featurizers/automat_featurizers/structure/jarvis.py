"""Classical force-field inspired descriptors: chemistry, cell, charges, distances, angles, dihedral angles."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automat_featurizers.base import Block, Featurizer
from automat_featurizers.elements import data_files, symbols
from automat_featurizers.packed import PackedStructures
from automat_featurizers.structure._cells import check_choice, unusable
from automat_featurizers.structure.density import DensityFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REACH, _STEP = 10.0, 0.1
_BINS, _ANGLES, _CHARGES = 100, 179, 378
_TOLERANCE = 1e-6
"""Angstrom by which a distance may lie below a threshold and still reach it, in the invariant definition."""

_ROOM = 2048
"""Rows that are computed at a time."""

_DEFINITIONS = ("matminer", "invariant")


@cache
def _chemistry() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the chemical descriptors; their values by Z, NaN where an element has none, shape (119, names)."""
    elements = json.loads((data_files() / "jarvis" / "element_chem.json").read_text(encoding="utf-8"))
    names = tuple(elements["Al"])
    return names, _by_number({symbol: list(values.values()) for symbol, values in elements.items()}, len(names))


@cache
def _charges() -> NDArray[np.float64]:
    """Radial charge distributions of the atoms by Z, NaN where an element has none, shape (119, 378)."""
    elements = json.loads((data_files() / "jarvis" / "element_charges.json").read_text(encoding="utf-8"))
    return _by_number({symbol: curves[0][1] for symbol, curves in elements.items()}, _CHARGES)


def _by_number(values: dict[str, list[Any]], columns: int) -> NDArray[np.float64]:
    table = np.full((len(symbols()), columns), np.nan)
    for number, symbol in enumerate(symbols()):
        if symbol in values:
            table[number] = [float(value) for value in values[symbol]]
    return table


class JarvisCFID(Featurizer):
    """Classical force-field inspired descriptors (CFID), 1,557 columns in seven blocks.

    - chem (438): mean over the elements, each once whatever its amount, of their chemical descriptors;
    - cell (4): packing fraction, volume per atom (cubic angstrom), density (g/cm^3), log of the volume per atom;
    - charges (378): mean over the elements of the charge distribution of the atom;
    - rdf (100): radial distribution function up to 10 angstrom in steps of 0.1, rounded to four places;
    - adf (2 x 179): angles between bonds, in bins of one degree from 1 to 180, for two cutoffs: where every pair
      of elements has its first shell, and behind the second shell of all;
    - ddf (179): dihedral angles of bonds within the first shell, in the same bins;
    - nn (100): neighbours per atom in the bins of the rdf.

    Angles are rounded to a thousandth of a degree, and each different one counts with how often an atom that has
    it has it on average.

    **matminer's definition** (the default) gives the numbers of matminer for the crystal as given, but some of
    them change when it is turned, shifted, or written in another cell:

    - cell, rdf, nn, and by them the angles: a diagonal element of the lattice that differs by more than 8 angstrom
      from the extent of the atoms along that axis is taken for vacuum and replaced. So are elements of large,
      turned or oblique cells; the crystal becomes another one.
    - rdf, nn: a distance on the edge of a bin falls on either side of it.
    - adf, ddf: neighbours are looked for in a supercell whose size follows from the largest Cartesian component
      of each lattice vector, each atom once, in the image where no fractional difference reaches one half: images
      are missing, and at exactly one half rounding chooses. 180 degrees become 179.919 where rounding brings the
      cosine to -1, and are then two different angles.
    - ddf: the dihedral angle of bonds on one line is whatever rounding leaves. Bonds count from the atom that
      comes first, so the order of the sites matters.

    chem and charges never change. matminer writes the four numbers of the cell in the order log of the volume,
    density, volume, packing fraction under the labels of the order above; so does this definition.

    **``definition="invariant"``** has all neighbours in the endless crystal as given; no vacuum is changed;
    distances within 1e-6 angstrom of a threshold are on it; bonds on one line have no dihedral angle; each bond
    counts from both ends; nothing but the angles is rounded; and the numbers of the cell stand under their
    labels. It does not depend on the place, orientation, order of sites, or cell of a crystal.

    What cannot be computed is NaN, block by block, where matminer raises: elements without descriptors, fewer
    than three shells within 10 angstrom, more than 500 neighbours of an atom.

    Args:
        use_cell, use_chem, use_chg, use_rdf, use_adf, use_ddf, use_nn: which blocks.
        definition: ``"matminer"`` or ``"invariant"``.

    Source: Choudhary et al. 2018, doi:10.1103/PhysRevMaterials.2.083801; element data as matminer has them.
    """

    name = "jarvis_cfid"
    takes = "structure"
    citation = "Choudhary et al. (2018), Phys. Rev. Mater. 2, 083801, doi:10.1103/PhysRevMaterials.2.083801"
    cost_ms = 4.0
    libraries = ("matminer", "pymatgen")

    def __init__(
        self,
        use_cell: bool = True,
        use_chem: bool = True,
        use_chg: bool = True,
        use_rdf: bool = True,
        use_adf: bool = True,
        use_ddf: bool = True,
        use_nn: bool = True,
        definition: Literal["matminer", "invariant"] = "matminer",
    ) -> None:
        self.use_cell = use_cell
        self.use_chem = use_chem
        self.use_chg = use_chg
        self.use_rdf = use_rdf
        self.use_adf = use_adf
        self.use_ddf = use_ddf
        self.use_nn = use_nn
        self.definition = definition

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (1557,) with all blocks.

        Raises:
            ValueError: a definition that there is not.
        """
        del input_features
        check_choice("definition", self.definition, _DEFINITIONS)
        labels: list[str] = []
        if self.use_chem:
            labels += [f"jml_{name}" for name in _chemistry()[0]]
        if self.use_cell:
            labels += ["jml_pack_frac", "jml_vpa", "jml_density", "jml_log_vpa"]
        if self.use_chg:
            labels += _numbered("mean_charge", _CHARGES)
        if self.use_rdf:
            labels += _numbered("rdf", _BINS)
        if self.use_adf:
            labels += [*_numbered("adf1", _ANGLES), *_numbered("adf2", _ANGLES)]
        if self.use_ddf:
            labels += _numbered("ddf", _ANGLES)
        if self.use_nn:
            labels += _numbered("nn", _BINS)
        return np.array(labels, dtype=object)

    def matminer(self) -> Any:
        """A new featurizer of matminer; None for the invariant definition."""
        if self.definition != "matminer":
            return None
        from matminer.featurizers.structure import JarvisCFID as Matminer

        return Matminer(
            use_cell=self.use_cell,
            use_chem=self.use_chem,
            use_chg=self.use_chg,
            use_rdf=self.use_rdf,
            use_adf=self.use_adf,
            use_ddf=self.use_ddf,
            use_nn=self.use_nn,
        )

    def _compute(self, packed: PackedStructures) -> Block:
        # In parts: the columns are many, and what is needed on the way is as large as they are.
        values = np.empty((len(packed), len(self.get_feature_names_out())))
        reasons: dict[int, str] = {}
        for start in range(0, len(packed), _ROOM):
            stop = min(start + _ROOM, len(packed))
            part = self._part(packed.take(range(start, stop)))
            values[start:stop] = part.values
            reasons |= {start + row: why for row, why in part.reasons.items()}
        return Block(values, reasons)

    def _part(self, packed: PackedStructures) -> Block:
        blocks: list[NDArray[np.float64]] = []
        notes: dict[int, list[str]] = {}
        if self.use_chem:
            blocks.append(_element_means(packed, _chemistry()[1], "chemical descriptors", notes))
        angular = (self.use_adf, self.use_adf, self.use_ddf)
        radial = self.use_rdf or self.use_nn or any(angular)
        if self.use_cell or radial:
            cells, unfit = (packed, unusable(packed)) if self.definition == "invariant" else _without_vacuum(packed)
            for row, why in unfit.items():
                notes.setdefault(row, []).append(why)
            fit = np.array([row for row in range(len(packed)) if row not in unfit], np.intp)
        if self.use_cell:
            blocks.append(_spread(self._cell(cells.take(fit), fit, notes), fit, len(packed)))
        if self.use_chg:
            blocks.append(_element_means(packed, _charges(), "charge distribution", notes))
        if radial:
            radii, angles = self._distributions(cells.take(fit), angular, fit, notes)
            blocks += [_spread(radii[:, :_BINS], fit, len(packed))] if self.use_rdf else []
            blocks += [_spread(angles[:, kind], fit, len(packed)) for kind in range(3) if angular[kind]]
            blocks += [_spread(radii[:, _BINS:], fit, len(packed))] if self.use_nn else []
        values = np.hstack(blocks) if blocks else np.empty((len(packed), 0))
        return Block(values, {row: "; ".join(whys) for row, whys in sorted(notes.items())})

    def _cell(
        self, cells: PackedStructures, rows: NDArray[np.intp], notes: dict[int, list[str]]
    ) -> NDArray[np.float64]:
        """The four numbers of the cell, shape (n, 4)."""
        densities = DensityFeatures()
        density, volume, packing = densities.transform(cells).T
        for row, why in densities.failures_.items():
            notes.setdefault(int(rows[row]), []).append(why.removeprefix(f"{densities.name}: "))
        if self.definition == "invariant":
            return np.stack([packing, volume, density, np.log(volume)], axis=1)
        logarithm = np.array([round(math.log(each), 5) for each in volume.tolist()])
        return np.stack([logarithm, density, volume, packing], axis=1)

    def _distributions(
        self,
        cells: PackedStructures,
        wanted: tuple[bool, bool, bool],
        rows: NDArray[np.intp],
        notes: dict[int, list[str]],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Radial distribution function and neighbours (n, 200); angles, twice, and dihedral angles (n, 3, 179)."""
        from automat_featurizers.kernels.jarvis import (
            CROWDED,
            MANY_ATOMS,
            MANY_FIRST,
            MANY_PAIRS,
            MANY_SECOND,
            distributions,
        )

        invariant = self.definition == "invariant"
        edges = np.arange(_BINS + 1) * _STEP
        counts, angles, cutoffs, flags = distributions(
            cells.row_ptr,
            np.ascontiguousarray(cells.lattices),
            cells.atomic_numbers,
            np.ascontiguousarray(cells.fractional),
            edges,
            np.array(wanted),
            invariant,
            _TOLERANCE if invariant else 0.0,
        )
        sites = np.diff(cells.row_ptr)[:, None]
        volume = np.abs(np.linalg.det(cells.lattices))[:, None]
        shells = 4.0 / 3.0 * math.pi * (edges[1:] ** 3 - edges[:-1] ** 3)
        rdf = counts / shells / (sites / volume) / sites
        if not invariant:
            rdf = np.round(rdf, 4)
        radii = np.hstack([rdf, counts / sites])
        radii[flags & CROWDED > 0] = np.nan
        missing = np.isnan(cutoffs)
        whys = (
            ((flags & CROWDED) > 0, wanted, "too many atoms within 10 angstrom"),
            ((flags & MANY_ATOMS) > 0, wanted, "the supercell that matminer needs is too large"),
            (missing[:, 0], (wanted[0], False, False), "no atoms within 10 angstrom of each other"),
            (missing[:, 1], (False, wanted[1], False), "fewer than three shells within 10 angstrom"),
            (missing[:, 2], (False, False, wanted[2]), "fewer than two shells within 10 angstrom"),
            ((flags & MANY_PAIRS) > 0, (True, False, False), "too many neighbours for angles in the first shells"),
            ((flags & MANY_SECOND) > 0, (False, True, False), "too many neighbours for angles in two shells"),
            ((flags & MANY_FIRST) > 0, (False, False, True), "too many neighbours for dihedral angles"),
        )
        for affected, kinds, why in whys:
            for row in np.flatnonzero(affected).tolist():
                angles[row, np.array(kinds)] = np.nan
                notes.setdefault(int(rows[row]), []).append(why)
        return radii, angles


def _numbered(name: str, count: int) -> list[str]:
    return [f"jml_{name}_{number}" for number in range(1, count + 1)]


def _spread(values: NDArray[np.float64], rows: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Values of some of the rows, NaN for the others."""
    spread = np.full((count, values.shape[1]), np.nan)
    spread[rows] = values
    return spread


def _element_means(
    packed: PackedStructures, table: NDArray[np.float64], what: str, notes: dict[int, list[str]]
) -> NDArray[np.float64]:
    """Means over the elements of each crystal, each counted once, shape (n, columns of the table)."""
    compositions = packed.compositions
    numbers, row_ptr = compositions.atomic_numbers, compositions.row_ptr
    sums = np.add.reduceat(table[numbers], row_ptr[:-1])
    unknown = np.isnan(table).any(axis=1)
    lacking: dict[int, list[str]] = {}
    for entry in np.flatnonzero(unknown[numbers]):
        row = int(np.searchsorted(row_ptr, entry, side="right")) - 1
        lacking.setdefault(row, []).append(symbols()[numbers[entry]])
    for row, elements in lacking.items():
        notes.setdefault(row, []).append(f"no {what} of {', '.join(elements)}")
    means: NDArray[np.float64] = sums / np.diff(row_ptr)[:, None]
    return means


def _without_vacuum(packed: PackedStructures) -> tuple[PackedStructures, dict[int, str]]:
    """The crystals as matminer changes them, and why some cannot be."""
    from automat_featurizers.kernels.fused import fused_rows_each
    from automat_featurizers.kernels.jarvis import without_vacuum

    unfit = unusable(packed)
    lattices = packed.lattices.copy()
    lattices[list(unfit)] = np.eye(3)
    cartesian = fused_rows_each(packed.row_ptr, np.ascontiguousarray(packed.fractional), lattices)
    cells = without_vacuum(packed.row_ptr, lattices, cartesian)
    changed = PackedStructures(packed.row_ptr, cells, packed.atomic_numbers, packed.fractional)
    flat = dict.fromkeys(unusable(changed), "without vacuum, as matminer takes it out, the cell has no volume")
    cells[list(flat)] = np.eye(3)
    # The inverse of the whole matrix, by LAPACK: its last digits decide which image of an atom is taken.
    fractional = fused_rows_each(packed.row_ptr, cartesian, np.linalg.inv(cells))
    return PackedStructures(packed.row_ptr, cells, packed.atomic_numbers, fractional), flat | unfit
