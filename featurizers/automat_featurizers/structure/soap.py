"""Smooth overlap of atomic positions, computed by DScribe."""

from __future__ import annotations

import math
import time
from importlib.metadata import version as version_of
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from automat_featurizers.base import Block
from automat_featurizers.structure._cells import check_choice, unusable
from automat_featurizers.structure._species import SpeciesFeaturizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_LARGEST_DEGREE = 20
"""Of DScribe's spherical harmonics."""

_MOST = 100_000
"""Neighbours of a site beyond which DScribe would need gigabytes."""


class SOAP(SpeciesFeaturizer):
    """Power spectrum of the smoothed density of neighbours (SOAP), averaged over the sites of a cell.

    ``compression`` says how elements are told apart (Darby et al. 2022, doi:10.1038/s41524-022-00847-y):

    - ``"mu2"``: one density of all neighbours, each weighted by Z (or all alike): the number of columns,
      n_max (n_max + 1) / 2 (l_max + 1), is fixed;
    - ``"off"``: a density for every element, and spectra of all pairs of elements of ``species``. The
      columns grow with the square of the number of elements;
    - ``"mu1nu1"``, ``"crossover"``: one spectrum for every element, with the density of all or its own.

    A structure with an element that is not among the species is NaN. DScribe is an optional dependency:
    ``pip install dscribe``.

    Columns: ``soap 0``, ... for ``"mu2"``; else ``soap Ti-O 0``, ... (pair of densities, by atomic number) or
    ``soap O 0``, ... in the order of DScribe.

    Args:
        r_cut: cutoff, angstrom, more than 1.
        n_max: number of radial functions.
        l_max: largest degree of the spherical harmonics.
        sigma: width of an atom's Gaussian, angstrom.
        rbf: radial functions, ``"gto"`` or ``"polynomial"``.
        average: ``"outer"``, the mean of the sites' spectra, or ``"inner"``, the spectrum of their mean density.
        compression: ``"mu2"``, ``"off"``, ``"mu1nu1"`` or ``"crossover"``.
        element_weights: of the densities in ``"mu2"``, ``"atomic_number"`` or ``"alike"``.
        species: element symbols; None: all for ``"mu2"``, else ``fit`` learns them.

    Source: Bartok, Kondor & Csanyi 2013, doi:10.1103/PhysRevB.87.184115; Himanen et al. 2020 (DScribe),
    doi:10.1016/j.cpc.2019.106949.
    """

    name = "soap"
    citation = (
        "Bartok, Kondor & Csanyi (2013), Phys. Rev. B 87, 184115, doi:10.1103/PhysRevB.87.184115; "
        "Himanen et al. (2020), Comput. Phys. Commun. 247, 106949, doi:10.1016/j.cpc.2019.106949"
    )
    cost_ms = 0.5

    def __init__(
        self,
        r_cut: float = 5.0,
        n_max: int = 6,
        l_max: int = 4,
        sigma: float = 0.5,
        rbf: Literal["gto", "polynomial"] = "gto",
        average: Literal["outer", "inner"] = "outer",
        compression: Literal["mu2", "off", "mu1nu1", "crossover"] = "mu2",
        element_weights: Literal["atomic_number", "alike"] = "atomic_number",
        species: Sequence[str] | None = None,
    ) -> None:
        self.r_cut = r_cut
        self.n_max = n_max
        self.l_max = l_max
        self.sigma = sigma
        self.rbf = rbf
        self.average = average
        self.compression = compression
        self.element_weights = element_weights
        self.species = species

    @property
    def version(self) -> str:
        """Changes whenever the same row may give other numbers.

        Raises:
            ImportError: DScribe is not installed.
        """
        _require_dscribe()
        return f"{super().version}-dscribe{version_of('dscribe')}"

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,).

        Raises:
            ImportError: DScribe is not installed.
            NotFittedError: the elements are neither given nor learned.
            ValueError: an option that there is not.
        """
        del input_features
        _require_dscribe()
        check_choice("average", self.average, ("outer", "inner"))
        check_choice("compression", self.compression, ("mu2", "off", "mu1nu1", "crossover"))
        check_choice("element_weights", self.element_weights, ("atomic_number", "alike"))
        check_choice("rbf", self.rbf, ("gto", "polynomial"))
        if self.r_cut <= 1 or self.sigma <= 0 or self.n_max < 1 or not 0 <= self.l_max <= _LARGEST_DEGREE:
            raise ValueError(
                f"r_cut must be more than 1, sigma positive, n_max at least 1 and l_max from 0 to {_LARGEST_DEGREE}, "
                f"but they are {self.r_cut}, {self.sigma}, {self.n_max}, {self.l_max}"
            )
        same = self.n_max * (self.n_max + 1) // 2 * (self.l_max + 1)
        other = self.n_max**2 * (self.l_max + 1)
        if self.compression == "mu2":
            blocks = [("soap", same)]
        elif self.compression == "off":
            symbols = self._symbols()
            blocks = [
                (f"soap {low}-{high}", same if low == high else other)
                for position, low in enumerate(symbols)
                for high in symbols[position:]
            ]
        else:
            blocks = [(f"soap {symbol}", other if self.compression == "mu1nu1" else same) for symbol in self._symbols()]
        return np.array([f"{label} {column}" for label, count in blocks for column in range(count)], dtype=object)

    def _learns(self) -> bool:
        return self.species is None and self.compression != "mu2"

    def _numbers(self) -> list[int]:
        """Atomic numbers of the species."""
        if self.species is None and self.compression == "mu2":
            return [*range(1, 119)]
        return [int(number) for number in np.flatnonzero(self._channels() >= 0)]

    def _compute(self, packed: PackedStructures) -> Block:
        descriptor, known = self._descriptor(), set(self._numbers())
        values = np.full((len(packed), descriptor.get_number_of_features()), np.nan)
        seconds = np.zeros(len(packed))
        reasons = unusable(packed)
        for row in range(len(packed)):
            if row in reasons:
                continue
            started = time.process_time()
            at = slice(packed.row_ptr[row], packed.row_ptr[row + 1])
            numbers = packed.atomic_numbers[at]
            density = len(numbers) / abs(np.linalg.det(packed.lattices[row]))
            if not known.issuperset(numbers.tolist()):
                reasons[row] = "an element is not among the species"
            elif density * 4 / 3 * math.pi * (self.r_cut + 4 * self.sigma) ** 3 > _MOST:
                reasons[row] = f"a site has more than {_MOST} neighbours within the cutoff"
            else:
                try:
                    values[row] = _spectrum(descriptor, packed.lattices[row], numbers, packed.fractional[at])
                except Exception as error:  # noqa: BLE001 - whatever stops one row must not stop the others
                    reasons[row] = f"{type(error).__name__}: {error}"
            seconds[row] = time.process_time() - started
        return Block(values, reasons, seconds)

    def _descriptor(self) -> Any:
        _require_dscribe()
        from dscribe import descriptors

        numbers = self._numbers()
        weighted = self.compression == "mu2" and self.element_weights == "atomic_number"
        weights = {number: float(number) for number in numbers} if weighted else None
        return descriptors.SOAP(
            r_cut=self.r_cut,
            n_max=self.n_max,
            l_max=self.l_max,
            sigma=self.sigma,
            rbf=self.rbf,
            average=self.average,
            compression={"mode": self.compression, "species_weighting": weights},
            species=numbers,
            periodic=True,
        )


def _spectrum(
    descriptor: Any, lattice: NDArray[np.float64], numbers: NDArray[np.int64], fractional: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What DScribe makes of one crystal, shape (columns,)."""
    from ase import Atoms

    from automat_featurizers.kernels.neighbors import prepared_cell

    # DScribe repeats the cell until it covers the cutoff: a reduced cell needs the fewest repeats.
    reduced, wrapped, *_ = prepared_cell(np.ascontiguousarray(fractional), np.ascontiguousarray(lattice))
    atoms = Atoms(numbers=numbers, scaled_positions=wrapped, cell=reduced, pbc=True)
    spectrum: NDArray[np.float64] = descriptor.create(atoms)
    return spectrum


def _require_dscribe() -> None:
    """Say what to install.

    Raises:
        ImportError: DScribe, or ASE which it needs, is not installed.
    """
    if find_spec("dscribe") is None or find_spec("ase") is None:
        raise ImportError("SOAP is computed by DScribe, which is not installed: pip install dscribe")
