"""Coulomb matrices: the repulsion of the nuclei of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from sklearn.exceptions import NotFittedError

from automat_featurizers.base import Block, Featurizer, pack_each
from automat_featurizers.structure._cells import check_choice, unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_ELEMENTS = 118

_NOTHING = 1e-9
"""Bohr; below it, a length is what rounding leaves of zero, and the sites coincide."""

_ROOM = 1 << 20
"""Matrix elements that are made at a time: some 100 MiB with what is needed on the way."""


class _Coulomb(Featurizer):
    """What both matrices share: padding, eigenvalues and their order."""

    takes = "structure"
    libraries = ("scipy",)

    _label: ClassVar[str]

    def __init__(
        self,
        diag_elems: bool = True,
        flatten: bool = True,
        size: int | None = None,
        order: Literal["lapack", "magnitude"] = "lapack",
        angstrom: Literal["star", "exact"] = "star",
    ) -> None:
        self.diag_elems = diag_elems
        self.flatten = flatten
        self.size = size
        self.order = order
        self.angstrom = angstrom

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers, or the number of columns does."""
        learned = getattr(self, "size_", None) if self.size is None else None
        return super().version if learned is None else f"{super().version}-{learned}"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the largest number of sites, unless ``size`` gives it."""
        del y
        if self.size is None:
            packed = pack_each(X, "structure")[0]
            if not len(packed):
                raise ValueError(f"{self.name}: no structures to learn the largest cell from")
            self.size_ = int(np.diff(packed.row_ptr).max())
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return self.size is not None or hasattr(self, "size_")

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,).

        Raises:
            NotFittedError: the number of sites is neither given nor learned.
            ValueError: an option that there is not.
        """
        del input_features
        check_choice("order", self.order, ("lapack", "magnitude"))
        check_choice("angstrom", self.angstrom, ("star", "exact"))
        size = self._size()
        if self.flatten:
            labels = [f"{self._label} eig {position}" for position in range(size)]
        else:
            labels = [f"{self._label} {row} {column}" for row in range(size) for column in range(size)]
        return np.array(labels, dtype=object)

    def _compute(self, packed: PackedStructures) -> Block:
        size, angstrom = self._size(), self._angstrom()
        values = np.zeros((len(packed), size if self.flatten else size * size))
        sites = np.diff(packed.row_ptr)
        reasons = unusable(packed)
        reasons |= {
            int(row): f"{sites[row]} sites, but the columns are for at most {size}"
            for row in np.flatnonzero(sites > size)
        }
        for count in np.unique(sites).tolist():
            alike = np.array([row for row in np.flatnonzero(sites == count) if int(row) not in reasons], np.intp)
            step = max(1, _ROOM // count**2)
            for start in range(0, len(alike), step):
                rows = alike[start : start + step]
                matrices = self._matrices(packed, rows, angstrom)
                finite = np.isfinite(matrices).all(axis=(1, 2))
                reasons |= dict.fromkeys(rows[~finite].tolist(), "two sites coincide")
                values[rows[finite]] = self._columns(matrices[finite], size)
        values[list(reasons)] = np.nan
        return Block(values, reasons)

    def _matrices(self, packed: PackedStructures, rows: NDArray[np.intp], angstrom: float) -> NDArray[np.float64]:
        """Matrices of m structures of k sites each, with infinity where sites coincide, shape (m, k, k)."""
        sites = packed.row_ptr[rows][:, None] + np.arange(packed.row_ptr[rows[0] + 1] - packed.row_ptr[rows[0]])
        numbers, fractional = packed.atomic_numbers[sites], packed.fractional[sites]
        made = self._lengths(packed.lattices[rows], fractional) * angstrom
        made[made < _NOTHING] = 0.0
        with np.errstate(divide="ignore"):
            np.divide(numbers[:, :, None] * numbers[:, None, :], made, out=made)
        diagonal = np.arange(sites.shape[1])
        made[:, diagonal, diagonal] = self._diagonal()[numbers] if self.diag_elems else 0.0
        return made

    def _diagonal(self) -> NDArray[np.float64]:
        """0.5 Z^2.4 by Z, shape (119,)."""
        raise NotImplementedError

    def _lengths(self, lattices: NDArray[np.float64], fractional: NDArray[np.float64]) -> NDArray[np.float64]:
        """What stands for the distances of k sites in each of m cells, angstrom, shape (m, k, k)."""
        raise NotImplementedError

    def _columns(self, matrices: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Eigenvalues, or all elements, of m matrices of k sites, padded with zeros."""
        many, sites, _ = matrices.shape
        if not self.flatten:
            padded = np.zeros((many, size, size))
            padded[:, :sites, :sites] = matrices
            return padded.reshape(many, -1)
        padded = np.zeros((many, size))
        if self.order == "lapack":
            # The solver for general matrices, as in matminer: the order of its eigenvalues is its own.
            padded[:, :sites] = np.linalg.eig(matrices).eigenvalues.real
            return padded
        eigenvalues = np.linalg.eigvalsh(matrices)
        order = np.argsort(-np.abs(eigenvalues), axis=1)
        padded[:, :sites] = np.take_along_axis(eigenvalues, order, axis=1)
        return padded

    def _angstrom(self) -> float:
        """Angstrom in bohr, or matminer's angstrom star in bohr."""
        import scipy.constants

        star = self.angstrom == "star"
        metres = scipy.constants.value("Angstrom star") if star else scipy.constants.angstrom
        return float(metres / scipy.constants.value("Bohr radius"))

    def _size(self) -> int:
        size: int | None = self.size if self.size is not None else getattr(self, "size_", None)
        if size is None:
            raise NotFittedError(f"{self.name} needs to know the largest cell: call fit, or give size")
        return size


class SineCoulombMatrix(_Coulomb):
    """Eigenvalues of the sine matrix of a cell, in hartree: a Coulomb matrix that is periodic.

    Where the Coulomb matrix of a molecule has distances, it has the length of the lattice vectors times
    sin^2(pi (x_i - x_j)), x being fractional coordinates. It does not change when the crystal is turned or
    shifted, but does when another cell of the same crystal is chosen.

    By default the eigenvalues come in the order in which LAPACK's solver for general matrices finds them, as
    in matminer; that order depends on the order of the sites and may change with the version of the
    library. ``order="magnitude"`` sorts them, largest absolute value first, as Rupp et al. 2012
    (doi:10.1103/PhysRevLett.108.058301) define them: then the order of the sites does not matter.

    matminer takes the unit "angstrom star" (a standard of X-ray wavelengths, 1.00001495 angstrom) for the
    angstrom, so its elements off the diagonal are too small by 1.5e-5 of themselves.
    ``angstrom="exact"`` corrects that.

    A cell of fewer sites is padded with zeros; one of more sites than there are columns for is NaN, and so
    is one where two sites coincide. ``fit`` learns the number of columns from the largest cell, unless
    ``size`` gives it; only then are the columns the same whatever the training set.

    Columns: ``sine coulomb matrix eig 0``, ... (or, with ``flatten=False``, the matrix row by row).

    Args:
        diag_elems: with 0.5 Z^2.4 on the diagonal; else zeros.
        flatten: eigenvalues; else the elements of the matrix, size^2 of them.
        size: largest number of sites; None: ``fit`` learns it.
        order: of the eigenvalues, ``"lapack"`` or ``"magnitude"``.
        angstrom: in bohr, ``"star"`` as matminer has it, or ``"exact"``.

    Source: Faber et al. 2015, doi:10.1002/qua.24917.
    """

    name = "sine_coulomb_matrix"
    citation = "Faber et al. (2015), Int. J. Quantum Chem. 115, 1094-1101, doi:10.1002/qua.24917"
    cost_ms = 0.033

    _label = "sine coulomb matrix"

    def matminer(self) -> Any:
        """A new featurizer of matminer, not fitted; None for options that it does not have."""
        if self.order != "lapack" or self.angstrom != "star" or not self.flatten:
            return None
        from matminer.featurizers.structure import SineCoulombMatrix as Matminer

        return Matminer(self.diag_elems, self.flatten)

    def _diagonal(self) -> NDArray[np.float64]:
        powers: NDArray[np.float64] = 0.5 * np.arange(_ELEMENTS + 1) ** 2.4
        return powers

    def _lengths(self, lattices: NDArray[np.float64], fractional: NDArray[np.float64]) -> NDArray[np.float64]:
        made = np.zeros((len(fractional), fractional.shape[1], fractional.shape[1]))
        first, second = np.triu_indices(fractional.shape[1], 1)
        waves = np.sin(np.pi * (fractional[:, first] - fractional[:, second])) ** 2
        # A product a pair, as in matminer: another order of summation changes the last digit, and that the
        # order in which LAPACK finds the eigenvalues of a symmetric cell.
        vectors = waves[:, :, None, :] @ lattices[:, None]
        lengths = np.sqrt((vectors @ vectors.swapaxes(2, 3))[:, :, 0, 0])
        made[:, first, second] = lengths
        made[:, second, first] = lengths
        return made


class CoulombMatrix(_Coulomb):
    """Eigenvalues of the Coulomb matrix of a cell, in hartree: Z_i Z_j over the distance of nearest images.

    Made for molecules: in a crystal, a site's own images do not count, and the matrix depends on which cell
    is chosen. Otherwise it is like ``SineCoulombMatrix``, also in the order of the eigenvalues and in the
    unit of length.

    Columns: ``coulomb matrix eig 0``, ... (or, with ``flatten=False``, the matrix row by row).

    Args:
        diag_elems: with 0.5 Z^2.4 on the diagonal; else zeros.
        flatten: eigenvalues; else the elements of the matrix, size^2 of them.
        size: largest number of sites; None: ``fit`` learns it.
        order: of the eigenvalues, ``"lapack"`` or ``"magnitude"``.
        angstrom: in bohr, ``"star"`` as matminer has it, or ``"exact"``.

    Source: Rupp et al. 2012, doi:10.1103/PhysRevLett.108.058301.
    """

    name = "coulomb_matrix"
    citation = "Rupp et al. (2012), Phys. Rev. Lett. 108, 058301, doi:10.1103/PhysRevLett.108.058301"
    cost_ms = 0.09

    _label = "coulomb matrix"

    def matminer(self) -> Any:
        """A new featurizer of matminer, not fitted; None for options that it does not have."""
        if self.order != "lapack" or self.angstrom != "star" or not self.flatten:
            return None
        from matminer.featurizers.structure import CoulombMatrix as Matminer

        return Matminer(self.diag_elems, self.flatten)

    def _diagonal(self) -> NDArray[np.float64]:
        # Python's powers and numpy's differ in the last digit; matminer takes these here and those there.
        return np.array([0.5 * number**2.4 for number in range(_ELEMENTS + 1)])

    def _lengths(self, lattices: NDArray[np.float64], fractional: NDArray[np.float64]) -> NDArray[np.float64]:
        from pymatgen.core import Lattice
        from pymatgen.util.coord import pbc_shortest_vectors

        squared = [
            pbc_shortest_vectors(Lattice(lattice), sites, sites, return_d2=True)[1]
            for lattice, sites in zip(lattices, np.ascontiguousarray(fractional), strict=True)
        ]
        lengths: NDArray[np.float64] = np.sqrt(np.array(squared, np.float64))
        return lengths
