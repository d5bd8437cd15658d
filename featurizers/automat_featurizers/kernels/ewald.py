"""Electrostatic energy of periodic point charges, by Ewald's sum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import cell_volume, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

DONE, NO_CHARGES, TOO_LARGE, COINCIDENT = 0, 1, 2, 3
"""Outcomes of a sum."""

_RELATIVE_COST = 1.0 / math.sqrt(2.0)
"""Of a term of the real to one of the reciprocal sum: what balances the two, as in pymatgen and GULP."""
_TOLERANCE = 1e-8
"""What pymatgen adds to the square of a cutoff."""
_SAME_PLACE = 1e-8
"""Distance up to which two sites coincide, angstrom."""
_MOST = 1e9
"""Terms of one crystal at most: some seconds."""


@njit(cache=True)
def ewald_energies(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    fractional: NDArray[np.float64],
    charges: NDArray[np.float64],
    accuracy: float,
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Electrostatic energy of every cell; a cell that is not neutral has a uniform background.

    The width of the screening charges and the two cutoffs are those of GULP (Gale 1997, doi:10.1039/a606455h): each
    sum is cut off where its terms have fallen by ``accuracy`` orders of magnitude.

    Args:
        row_ptr: offsets of the structures, shape (n + 1,).
        lattices: vectors as rows, angstrom, with a volume, shape (n, 3, 3).
        fractional: coordinates of the sites, shape (sites, 3).
        charges: of the sites, elementary charges, shape (sites,).
        accuracy: digits.

    Returns:
        Energies of the cells in e^2 / angstrom (times 1 / (4 pi epsilon_0)), NaN unless ``DONE``, shape (n,);
        outcomes, shape (n,).
    """
    rows = len(row_ptr) - 1
    energies = np.full(rows, np.nan)
    outcomes = np.full(rows, DONE, np.int8)
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        held = charges[start:stop]
        if np.isnan(held).any():
            outcomes[row] = NO_CHARGES
            continue
        if not held.any():
            energies[row] = 0.0
            continue
        volume = cell_volume(lattices[row])
        width = math.pi * ((stop - start) * _RELATIVE_COST / (volume * volume)) ** (1.0 / 3.0)
        reach = math.sqrt(accuracy * math.log(10.0))
        near, far = reach / math.sqrt(width), 2.0 * math.sqrt(width) * reach
        lattice, wrapped, spacings, _, _ = prepared_cell(fractional[start:stop], lattices[row])
        if _terms(lattice, spacings, stop - start, near, far) > _MOST:
            outcomes[row] = TOO_LARGE
            continue
        real = _real_sum(lattice, wrapped, spacings, held, width, near)
        if math.isinf(real):
            outcomes[row] = COINCIDENT
            continue
        own = -math.sqrt(width / math.pi) * (held * held).sum()
        background = -math.pi / (2.0 * volume * width) * held.sum() ** 2
        energies[row] = real + _reciprocal_sum(lattice, wrapped, held, width, far, volume) + own + background
    return energies, outcomes


@njit(cache=True)
def _terms(lattice: NDArray[np.float64], spacings: NDArray[np.float64], sites: int, near: float, far: float) -> float:
    """How many terms both sums have at most."""
    images, waves = 1.0, 1.0
    for axis in range(3):
        images *= 2.0 * near / spacings[axis] + 1.0
        waves *= 2.0 * far * math.sqrt((lattice[axis] ** 2).sum()) / (2.0 * math.pi) + 1.0
    return sites * sites * images + sites * waves


@njit(cache=True)
def _real_sum(
    lattice: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    spacings: NDArray[np.float64],
    charges: NDArray[np.float64],
    width: float,
    cutoff: float,
) -> float:
    """Energy of screened charges within the cutoff; infinite where two charges coincide."""
    root, limit = math.sqrt(width), cutoff * cutoff + _TOLERANCE
    span0, span1, span2 = (cutoff + _TOLERANCE) / spacings
    energy = 0.0
    for site in range(len(charges)):
        if charges[site] == 0:
            continue
        around = 0.0
        for other in range(site, len(charges)):
            if charges[other] == 0:
                continue
            potential = 0.0
            away0 = wrapped[other, 0] - wrapped[site, 0]
            away1 = wrapped[other, 1] - wrapped[site, 1]
            away2 = wrapped[other, 2] - wrapped[site, 2]
            for step0 in range(math.ceil(-span0 - away0), math.floor(span0 - away0) + 1):
                part0 = away0 + step0
                x0, y0, z0 = part0 * lattice[0, 0], part0 * lattice[0, 1], part0 * lattice[0, 2]
                for step1 in range(math.ceil(-span1 - away1), math.floor(span1 - away1) + 1):
                    part1 = away1 + step1
                    x1, y1 = x0 + part1 * lattice[1, 0], y0 + part1 * lattice[1, 1]
                    z1 = z0 + part1 * lattice[1, 2]
                    for step2 in range(math.ceil(-span2 - away2), math.floor(span2 - away2) + 1):
                        if other == site and step0 == 0 and step1 == 0 and step2 == 0:
                            continue
                        part2 = away2 + step2
                        x = x1 + part2 * lattice[2, 0]
                        y = y1 + part2 * lattice[2, 1]
                        z = z1 + part2 * lattice[2, 2]
                        squared = x * x + y * y + z * z
                        if squared > limit:
                            continue
                        distance = math.sqrt(squared)
                        if distance <= _SAME_PLACE:
                            return math.inf
                        potential += math.erfc(root * distance) / distance
            around += charges[other] * potential * (0.5 if other == site else 1.0)
        energy += charges[site] * around
    return energy


@njit(cache=True)
def _reciprocal_sum(
    lattice: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    charges: NDArray[np.float64],
    width: float,
    cutoff: float,
    volume: float,
) -> float:
    """Energy of the screening charges, from waves up to the cutoff."""
    waves = 2.0 * math.pi * np.linalg.inv(lattice).T
    most = np.empty(3, np.int64)
    for axis in range(3):
        most[axis] = math.floor((cutoff + _TOLERANCE) * math.sqrt((lattice[axis] ** 2).sum()) / (2.0 * math.pi))
    first, second, third = (
        _phases(wrapped[:, 0], most[0]), _phases(wrapped[:, 1], most[1]), _phases(wrapped[:, 2], most[2])
    )  # fmt: skip
    limit = cutoff * cutoff + _TOLERANCE
    partial = np.empty(len(charges), np.complex128)
    energy = 0.0
    for step0 in range(most[0] + 1):  # the other half has the same terms
        for step1 in range(-most[1] if step0 > 0 else 0, most[1] + 1):
            for site in range(len(charges)):
                partial[site] = charges[site] * first[most[0] + step0, site] * second[most[1] + step1, site]
            for step2 in range(-most[2] if step0 > 0 or step1 > 0 else 1, most[2] + 1):
                squared = 0.0
                for axis in range(3):
                    part = step0 * waves[0, axis] + step1 * waves[1, axis] + step2 * waves[2, axis]
                    squared += part * part
                if squared > limit:
                    continue
                total = 0j
                for site in range(len(charges)):
                    total += partial[site] * third[most[2] + step2, site]
                structure = total.real * total.real + total.imag * total.imag
                energy += math.exp(-squared / (4.0 * width)) / squared * structure
    return 4.0 * math.pi / volume * energy


@njit(cache=True)
def _phases(coordinates: NDArray[np.float64], most: int) -> NDArray[np.complex128]:
    """exp(2 pi i h x) for h from -most to most, shape (2 most + 1, sites)."""
    made = np.empty((2 * most + 1, len(coordinates)), np.complex128)
    for site in range(len(coordinates)):
        for step in range(most + 1):
            angle = 2.0 * math.pi * step * coordinates[site]
            made[most + step, site] = complex(math.cos(angle), math.sin(angle))
            made[most - step, site] = complex(math.cos(angle), -math.sin(angle))
    return made
