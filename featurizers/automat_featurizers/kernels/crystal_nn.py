"""Neighbours and likely coordination numbers of every atom as CrystalNN finds them.

Source: Pan et al. 2021, Inorg. Chem. 60, 1590-1603, doi:10.1021/acs.inorgchem.0c02996; Zimmermann & Jain 2020,
RSC Adv. 10, 6063-6081, doi:10.1039/C9RA07755C; parameters and tables of pymatgen's ``CrystalNN``.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.finite_cells import cells_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from automat_featurizers.packed import PackedStructures

_SEARCH = 7.0
"""Angstrom within which CrystalNN looks for neighbours at first."""

_LARGEST_DIFFERENCE = 3.3
"""Largest difference of electronegativity between two elements, Pauling scale."""

_THOUSANDTHS = 1000.0
_TIE = 1e-6
"""A weight this close to half a thousandth is rounded up, whatever the last bits say."""


@dataclass(frozen=True, eq=False)
class CrystalNeighbors:
    """Candidate neighbours of all sites of n structures, the likeliest of every site first.

    ``row_ptr`` counts the sites of all structures in a row: the candidates of site ``s`` of structure ``i`` are
    those of position ``structures.row_ptr[i] + s``. If a site's coordination number is k, its neighbours are
    its first k candidates.

    Attributes:
        row_ptr: offsets of the sites' candidates, shape (sites + 1,).
        neighbor: the candidate's site, counted within its structure, shape (candidates,).
        image: lattice translation of the candidate relative to the fractional coordinates as given, shape
            (candidates, 3).
        vector: from the site to the candidate, angstrom, shape (candidates, 3).
        distance: length of ``vector``, angstrom, shape (candidates,).
        weight: 1 for the likeliest neighbour and less for others, in steps of 0.001, shape (candidates,).
        cn_weight: likelihood of every coordination number 0, 1, ..., shape (sites, largest + 1); rows add up
            to 1; NaN where a structure has no neighbours for a reason.
        coordination: the likeliest coordination number, -1 where there is none for a reason, shape (sites,).
        bonded: whether the candidate is among the neighbours at that number, shape (candidates,).
        reasons: structure to why its neighbours are not known (its sites then have no candidates).
    """

    row_ptr: NDArray[np.int64]
    neighbor: NDArray[np.int64]
    image: NDArray[np.int64]
    vector: NDArray[np.float64]
    distance: NDArray[np.float64]
    weight: NDArray[np.float64]
    cn_weight: NDArray[np.float64]
    coordination: NDArray[np.int64]
    bonded: NDArray[np.bool_]
    reasons: dict[int, str]


@cache
def element_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pauling electronegativity and radius (angstrom) by Z, NaN where there is none, shapes (119,).

    The radius is covalent (Cordero et al. 2008, doi:10.1039/b801115j), or atomic (Slater 1964,
    doi:10.1063/1.1725697) where the element has none.
    """
    from pymatgen.analysis.molecule_structure_comparator import CovalentRadius
    from pymatgen.core import Element

    electronegativity, radius = np.full(119, np.nan), np.full(119, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen remarks on elements without data
        for number in range(1, 119):
            element = Element.from_Z(number)
            electronegativity[number] = element.X
            known = CovalentRadius.radius.get(element.symbol, element.atomic_radius)
            if known is not None:
                radius[number] = float(known)
    return electronegativity, radius


@cache
def crystal_nn_with(
    distance_cutoffs: tuple[float, float] | None = (0.5, 1.0),
    x_diff_weight: float = 3.0,
    *,
    porous_adjustment: bool = True,
) -> Callable[[PackedStructures], CrystalNeighbors]:
    """What finds neighbours with given parameters, for ``structures.derived(crystal_nn_with(...))``.

    Args:
        distance_cutoffs: angstrom beyond the sum of the radii from which on a candidate counts less, and from
            which on it counts nothing; None: distance does not matter.
        x_diff_weight: how much a difference of electronegativity counts in a candidate's favour.
        porous_adjustment: weigh faces by their solid angle per area, too, for open crystals.
    """

    def neighbors(structures: PackedStructures) -> CrystalNeighbors:
        low, high = (np.inf, np.inf) if distance_cutoffs is None else distance_cutoffs
        return _neighbors(structures, (low, high, x_diff_weight), porous_adjustment)

    return neighbors


def crystal_nn(structures: PackedStructures) -> CrystalNeighbors:
    """Neighbours with CrystalNN's default parameters; ``structures.derived(crystal_nn)`` shares them.

    As pymatgen's ``CrystalNN()`` on structures of elements (without oxidation states). Weights are rounded to
    0.001; pymatgen rounds one of exactly half a thousandth up or down by the last bits of a sum, so that
    turning the crystal may change its coordination numbers; here it is always rounded up.
    """
    return structures.derived(crystal_nn_with())


def _neighbors(
    structures: PackedStructures, parameters: tuple[float, float, float], porous_adjustment: bool
) -> CrystalNeighbors:
    cells = structures.derived(cells_within(_SEARCH, open_faces=False))
    electronegativity, radius = element_tables()
    row_of_site = np.repeat(np.arange(len(structures)), np.diff(structures.row_ptr))
    reasons = dict(cells.reasons)
    if np.isfinite(parameters[1]):
        for site in np.flatnonzero(np.isnan(radius[structures.atomic_numbers])).tolist():
            why = f"the element {structures.atomic_numbers[site]} has no covalent or atomic radius"
            reasons.setdefault(int(row_of_site[site]), why)
    unknown = np.zeros(len(structures), np.bool_)
    unknown[list(reasons)] = True
    row_ptr, faces, weight = _weigh(
        structures.row_ptr,
        structures.atomic_numbers,
        row_of_site,
        unknown,
        cells.row_ptr,
        cells.neighbor,
        cells.distance,
        cells.solid_angle,
        cells.area,
        electronegativity,
        radius,
        parameters,
        porous_adjustment,
    )
    cn_weight, coordination = _likelihoods(row_ptr, weight, unknown[row_of_site])
    place = np.arange(len(faces)) - np.repeat(row_ptr[:-1], np.diff(row_ptr))
    return CrystalNeighbors(
        row_ptr=row_ptr,
        neighbor=cells.neighbor[faces],
        image=cells.image[faces],
        vector=cells.vector[faces],
        distance=cells.distance[faces],
        weight=weight,
        cn_weight=cn_weight,
        coordination=coordination,
        bonded=place < np.repeat(coordination, np.diff(row_ptr)),
        reasons=dict(sorted(reasons.items())),
    )


@njit(cache=True)
def _under_semicircle(x: float) -> float:
    """Share of the quarter unit disc left of ``x``, for 0 <= x <= 1."""
    if x >= 1.0:
        return 1.0
    height = math.sqrt(1.0 - x * x)
    return 2.0 * (x * height + math.atan(x / height)) / math.pi


@njit(cache=True)
def _distance_weight(distance: float, low: float, high: float) -> float:
    """1 up to ``low``, 0 from ``high`` on, half a cosine between."""
    if distance <= low:
        return 1.0
    if distance < high:
        return (math.cos((distance - low) / (high - low) * math.pi) + 1.0) * 0.5
    return 0.0


@njit(cache=True)
def _weigh(
    row_ptr: NDArray[np.int64],
    atomic_numbers: NDArray[np.int64],
    row_of_site: NDArray[np.int64],
    unknown: NDArray[np.bool_],
    face_ptr: NDArray[np.int64],
    neighbor: NDArray[np.int64],
    distance: NDArray[np.float64],
    solid_angle: NDArray[np.float64],
    area: NDArray[np.float64],
    electronegativity: NDArray[np.float64],
    radius: NDArray[np.float64],
    parameters: tuple[float, float, float],
    porous_adjustment: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Weights of faces as neighbours.

    Returns:
        Offsets of the sites' candidates (sites + 1,); the face of every candidate, the likeliest first, and its
        weight (candidates,).
    """
    low, high, x_diff_weight = parameters
    sites = len(row_of_site)
    candidate_ptr = np.zeros(sites + 1, np.int64)
    faces = np.empty(len(distance), np.int64)
    weights = np.empty(len(distance))
    used = 0
    for site in range(sites):
        start, stop = face_ptr[site], face_ptr[site + 1]
        if unknown[row_of_site[site]]:
            stop = start
        own = atomic_numbers[site]
        first = row_ptr[row_of_site[site]]
        raw = np.empty(stop - start)
        for face in range(start, stop):
            weight = solid_angle[face]
            if porous_adjustment:
                weight *= solid_angle[face] / area[face] if area[face] > 0.0 else 0.0
            gap = abs(electronegativity[own] - electronegativity[atomic_numbers[first + neighbor[face]]])
            if x_diff_weight > 0.0 and not math.isnan(gap):
                weight *= 1.0 + x_diff_weight * math.sqrt(gap / _LARGEST_DIFFERENCE)
            raw[face - start] = weight
        highest = 0.0
        for weight in raw:
            highest = max(highest, weight)
        for face in range(start, stop):
            weight = raw[face - start] / highest if highest > 0.0 else 0.0
            if high < np.inf:
                reach = radius[own] + radius[atomic_numbers[first + neighbor[face]]]
                weight *= _distance_weight(distance[face], reach + low, reach + high)
            raw[face - start] = weight
        # Sorted before they are rounded, so that candidates of one rounded weight keep their order.
        for place in np.argsort(-raw, kind="mergesort"):
            rounded = math.floor(raw[place] * _THOUSANDTHS + 0.5 + _TIE)
            if rounded > 0:
                faces[used], weights[used] = start + place, rounded / _THOUSANDTHS
                used += 1
        candidate_ptr[site + 1] = used
    return candidate_ptr, faces[:used], weights[:used]


@njit(cache=True)
def _likelihoods(
    candidate_ptr: NDArray[np.int64], weights: NDArray[np.float64], unknown: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How likely every coordination number is: what the disc has between one distinct weight and the next.

    Args:
        candidate_ptr: offsets of the sites' candidates, shape (sites + 1,).
        weights: falling from candidate to candidate of a site, shape (candidates,).
        unknown: sites whose neighbours are not known, shape (sites,).

    Returns:
        Likelihoods (sites, largest number + 1); the likeliest number (sites,).
    """
    sites = len(unknown)
    largest = 0
    for site in range(sites):
        largest = max(largest, candidate_ptr[site + 1] - candidate_ptr[site])
    likelihood = np.zeros((sites, largest + 1))
    coordination = np.zeros(sites, np.int64)
    for site in range(sites):
        if unknown[site]:
            likelihood[site] = np.nan
            coordination[site] = -1
            continue
        start, stop = candidate_ptr[site], candidate_ptr[site + 1]
        best, total = 0.0, 0.0
        for last in range(start, stop):
            following = weights[last + 1] if last + 1 < stop else 0.0
            if following == weights[last]:
                continue
            share = _under_semicircle(weights[last]) - _under_semicircle(following)
            likelihood[site, last + 1 - start] = share
            total += share
            if share > best:
                best, coordination[site] = share, last + 1 - start
        likelihood[site, 0] = max(0.0, 1.0 - total)
        if likelihood[site, 0] > best:
            coordination[site] = 0
    return likelihood, coordination
