"""Atom-centred symmetry functions: smooth sums over the neighbours of an atom and over pairs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from automat_featurizers.base import Block, Featurizer, as_packed
from automat_featurizers.structure._cells import check_choice
from automat_featurizers.structure._species import SpeciesFeaturizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

BEHLER_2011 = "Behler (2011), J. Chem. Phys. 134, 074106, doi:10.1063/1.3553717"
GASTEGGER_2018 = "Gastegger et al. (2018), J. Chem. Phys. 148, 241709, doi:10.1063/1.5019667"

G2_SHELLS = tuple((2.0, 1.5 + 0.5 * shell) for shell in range(8))
"""Default radial functions, eta (1/square angstrom) and r_s (angstrom): shells of 0.5 angstrom, 1.5 to 5."""

G4_FANS = tuple((eta, zeta, sign) for eta in (0.01, 0.05) for zeta in (1.0, 4.0, 16.0) for sign in (1.0, -1.0))
"""Default angular functions, eta (1/square angstrom), zeta and lambda."""


class SymmetryFunctions(SpeciesFeaturizer):
    """Behler's symmetry functions G2 and G4 of the sites, and their statistics over the sites of a cell.

    Around site i, with f(r) = (cos(pi r / r_cut) + 1) / 2 up to ``r_cut``, summed over all atoms and images:

        G2 = sum_j w_j exp(-eta (r_ij - r_s)^2) f(r_ij)
        G4 = 2^(1 - zeta) sum_{j < k} w_j w_k (1 + lambda cos(theta_jik))^zeta
             exp(-eta (r_ij^2 + r_ik^2 + r_jk^2)) f(r_ij) f(r_ik) f(r_jk)

    ``neighbors`` says how elements are told apart:

    - ``"weighted"``: w = Z, so the number of columns is fixed (wACSF, Gastegger et al. 2018);
    - ``"alike"``: w = 1, all neighbours count alike;
    - ``"species"``: w = 1, and one set of functions for every element (G2) or pair of elements (G4) of
      ``species``, as Behler defined them. A structure with another element is NaN.

    The values do not change when the crystal is turned or shifted, or when other cells of it, larger ones
    too, are chosen. The values of single sites are what ``site_values`` gives.

    Columns: statistics of every function, as ``mean wG2 eta=2 r_s=1.5``, ``mean G2 O eta=...`` (neighbours
    O), ``mean G4 Ti-O eta=... zeta=... lambda=...`` (pairs of a Ti and an O).

    Args:
        r_cut: cutoff, angstrom.
        g2_params: pairs of eta (1/square angstrom) and r_s (angstrom); none for no radial functions.
        g4_params: triples of eta (1/square angstrom), zeta and lambda (from -1 to 1).
        neighbors: ``"weighted"``, ``"alike"`` or ``"species"``.
        species: element symbols, for ``neighbors="species"``; None: ``fit`` learns them.
        statistics: over the sites of a cell, any of ``kernels.statistics.STATISTICS``.

    Source: Behler 2011, doi:10.1063/1.3553717; Gastegger et al. 2018, doi:10.1063/1.5019667.
    """

    name = "symmetry_functions"
    citation = f"{BEHLER_2011}; {GASTEGGER_2018}"
    cost_ms = 0.9

    def __init__(
        self,
        r_cut: float = 6.0,
        g2_params: Sequence[tuple[float, float]] = G2_SHELLS,
        g4_params: Sequence[tuple[float, float, float]] = G4_FANS,
        neighbors: Literal["weighted", "alike", "species"] = "weighted",
        species: Sequence[str] | None = None,
        statistics: Sequence[str] = ("mean", "std_dev"),
    ) -> None:
        self.r_cut = r_cut
        self.g2_params = g2_params
        self.g4_params = g4_params
        self.neighbors = neighbors
        self.species = species
        self.statistics = statistics

    def site_labels(self) -> list[str]:
        """Labels of the sites' values.

        Raises:
            ValueError: parameters for which the functions are not defined.
        """
        check_choice("neighbors", self.neighbors, ("weighted", "alike", "species"))
        _check(self.r_cut, self.g2_params, self.g4_params, self.statistics)
        mark = "w" if self.neighbors == "weighted" else ""
        alone, pairs = [""], [""]
        if self.neighbors == "species":
            symbols = self._symbols()
            alone = [f" {symbol}" for symbol in symbols]
            pairs = [f" {high}-{low}" for position, high in enumerate(symbols) for low in symbols[: position + 1]]
        radial = [f"{mark}G2{which} eta={eta:g} r_s={shift:g}" for which in alone for eta, shift in self.g2_params]
        return radial + [
            f"{mark}G4{which} eta={eta:g} zeta={zeta:g} lambda={sign:g}"
            for which in pairs
            for eta, zeta, sign in self.g4_params
        ]

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,)."""
        del input_features
        labels = [f"{statistic} {label}" for label in self.site_labels() for statistic in self.statistics]
        return np.array(labels, dtype=object)

    def site_values(self, X: Any) -> NDArray[np.float64]:
        """Symmetry functions of every site of n structures.

        Args:
            X: as for ``transform``; every structure must be readable.

        Returns:
            Shape (sites of all structures, functions), NaN for the sites of a structure that has none; by
            structure as packed, by function as ``site_labels``.
        """
        return self._sites(cast("PackedStructures", as_packed(X, "structure")))[0]

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.statistics import site_statistics

        values, reasons = self._sites(packed)
        return Block(site_statistics(values, packed.row_ptr, self.statistics), reasons)

    def _learns(self) -> bool:
        return self.neighbors == "species" and self.species is None

    def _sites(self, packed: PackedStructures) -> tuple[NDArray[np.float64], dict[int, str]]:
        """Values of the sites, shape (sites, functions), and why structures have none."""
        weights = np.arange(119.0) if self.neighbors == "weighted" else np.ones(119)
        channels = self._channels() if self.neighbors == "species" else np.zeros(119, np.int64)
        return _evaluated(packed, self.r_cut, channels, weights, self.g2_params, self.g4_params)


class GaussianSymmFunc(Featurizer):
    """Statistics over the sites of matminer's Gaussian symmetry functions: all neighbours count alike.

    As ``SymmetryFunctions(neighbors="alike")`` with r_s = 0, except that eta is in units of 1 / cutoff^2.
    matminer raises where a site has no neighbour within the cutoff, and gives NaN for a zeta that is not whole
    where neighbours lie on one line (1 + gamma cos is then a rounding error below zero). Both are zero here.

    Columns: ``mean G2_0.05``, ``std_dev G2_0.05``, ..., ``mean G4_0.005_1.0_1.0`` (eta, zeta, gamma), ...

    Args:
        etas_g2: eta of the radial functions, in 1 / cutoff^2.
        etas_g4, zetas_g4, gammas_g4: eta (in 1 / cutoff^2), zeta and gamma of the angular ones, all combined.
        cutoff: angstrom.
        stats: over the sites of a cell, any of ``kernels.statistics.STATISTICS``.

    Source: Behler 2011, doi:10.1063/1.3553717; Khorshidi & Peterson 2016, doi:10.1016/j.cpc.2016.05.010.
    """

    name = "gaussian_symm_func"
    takes = "structure"
    citation = (
        f"{BEHLER_2011}; Khorshidi & Peterson (2016), Comput. Phys. Commun. 207, 310-324, doi:10.1016/j.cpc.2016.05.010"
    )
    cost_ms = 1.1
    parity = 1e-8

    def __init__(
        self,
        etas_g2: Sequence[float] = (0.05, 4.0, 20.0, 80.0),
        etas_g4: Sequence[float] = (0.005,),
        zetas_g4: Sequence[float] = (1.0, 4.0),
        gammas_g4: Sequence[float] = (1.0, -1.0),
        cutoff: float = 6.5,
        stats: Sequence[str] = ("mean", "std_dev"),
    ) -> None:
        self.etas_g2 = etas_g2
        self.etas_g4 = etas_g4
        self.zetas_g4 = zetas_g4
        self.gammas_g4 = gammas_g4
        self.cutoff = cutoff
        self.stats = stats

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Column labels, shape (columns,)."""
        del input_features
        _check(self.cutoff, [(eta, 0.0) for eta in self.etas_g2], self._angular(), self.stats)
        sites = [f"G2_{eta}" for eta in self.etas_g2]
        sites += [f"G4_{eta}_{zeta}_{gamma}" for eta, zeta, gamma in self._angular()]
        return np.array([f"{statistic} {label}" for label in sites for statistic in self.stats], dtype=object)

    def matminer(self) -> Any:
        """Statistics over matminer's site featurizer, new; None for an empty list, which means its default there."""
        if not (self.etas_g2 and self.etas_g4 and self.zetas_g4 and self.gammas_g4):
            return None
        from matminer.featurizers.site import GaussianSymmFunc as Matminer
        from matminer.featurizers.structure import SiteStatsFingerprint

        etas = list(self.etas_g4), list(self.zetas_g4), list(self.gammas_g4)
        return SiteStatsFingerprint(Matminer(list(self.etas_g2), *etas, self.cutoff), stats=tuple(self.stats))

    def _compute(self, packed: PackedStructures) -> Block:
        from automat_featurizers.kernels.statistics import site_statistics

        unit = self.cutoff**2
        radial = [(eta / unit, 0.0) for eta in self.etas_g2]
        angular = [(eta / unit, zeta, gamma) for eta, zeta, gamma in self._angular()]
        alike = np.zeros(119, np.int64)
        values, reasons = _evaluated(packed, self.cutoff, alike, np.ones(119), radial, angular)
        return Block(site_statistics(values, packed.row_ptr, self.stats), reasons)

    def _angular(self) -> list[tuple[float, float, float]]:
        return [(eta, zeta, gamma) for eta in self.etas_g4 for zeta in self.zetas_g4 for gamma in self.gammas_g4]


def _check(
    cutoff: float,
    radial: Sequence[tuple[float, float]],
    angular: Sequence[tuple[float, float, float]],
    statistics: Sequence[str],
) -> None:
    """Refuse parameters for which the functions are not defined.

    Raises:
        ValueError: naming the parameter and its value.
    """
    for statistic in statistics:
        check_choice("a statistic", statistic, ("minimum", "maximum", "range", "mean", "avg_dev", "std_dev"))
    if not 0 < cutoff < np.inf:
        raise ValueError(f"the cutoff must be a positive length, but is {cutoff}")
    for eta, *rest in [*radial, *angular]:
        if not (0 <= eta < np.inf and np.isfinite(rest).all()):
            raise ValueError(f"eta must not be negative, and all parameters finite, but there is {(eta, *rest)}")
    for _, zeta, sign in angular:
        if zeta < 0 or abs(sign) > 1:
            raise ValueError(f"zeta must not be negative, and lambda lie from -1 to 1, but they are {zeta}, {sign}")


def _evaluated(
    packed: PackedStructures,
    cutoff: float,
    channels: NDArray[np.int64],
    weights: NDArray[np.float64],
    radial: Sequence[tuple[float, float]],
    angular: Sequence[tuple[float, float, float]],
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Values of the sites, shape (sites, functions), and why structures have none."""
    from automat_featurizers.kernels import symmetry_functions as kernel

    fans = np.array(angular, np.float64).reshape(-1, 3)
    etas, eta_of = np.unique(fans[:, 0], return_inverse=True)
    shapes, shape_of = np.unique(fans[:, 1:], axis=0, return_inverse=True)
    values, states = kernel.symmetry_functions(
        packed.row_ptr,
        np.ascontiguousarray(packed.lattices, np.float64),
        np.ascontiguousarray(packed.fractional, np.float64),
        packed.atomic_numbers,
        float(cutoff),
        channels,
        weights,
        np.array(radial, np.float64).reshape(-1, 2),
        etas,
        shapes,
        np.column_stack([eta_of.ravel(), shape_of.ravel()]).astype(np.int64),
    )
    why = {
        kernel.NO_VOLUME: "the cell has no volume, or a coordinate is not finite",
        kernel.UNKNOWN_ELEMENT: "an element is not among the species",
        kernel.COINCIDENT: "two sites coincide",
        kernel.TOO_DENSE: "a site has more neighbours within the cutoff than can be paired",
    }
    return values, {int(row): why[int(states[row])] for row in np.flatnonzero(states)}
