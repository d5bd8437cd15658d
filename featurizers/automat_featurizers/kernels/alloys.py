"""Thermochemistry and misfit of alloys, from the pairs of their elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_ENTHALPY = 1e-6
"""Mixing enthalpies are taken to be at least so large, kJ/mol: an ideal solution has a finite omega."""

_GAS_CONSTANT = 8.314 / 1000
"""kJ/(mol K), as matminer rounds it."""
_FIRST_GROUP, _LAST_GROUP = 3.0, 11.0
_INTERMETALLIC, _AMORPHOUS, _SOLUTION = 8.0, 5.0, 0.0
"""How much more often unlike atoms touch than in a random mixture: Miedema's weight of short-range order."""


@njit(cache=True, error_model="numpy")
def solid_solution(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    melting: NDArray[np.float64],
    radii: NDArray[np.float64],
    enthalpies: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Balance of mixing entropy and enthalpy, and size misfit, of Yang & Zhang 2012.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        melting: melting temperatures by Z, kelvin, shape (119,).
        radii: atomic radii by Z, in any unit, shape (119,).
        enthalpies: of mixing by two Z, kJ/mol, shape (119, 119).

    Returns:
        Omega and delta, mixing entropy in kJ/(mol K), size of the mixing enthalpy in kJ/mol, shape (n, 4): all but
        the last are 0 for an element by itself.
    """
    rows = len(row_ptr) - 1
    made = np.zeros((rows, 4))
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if stop - start == 1:
            made[row, 3] = LEAST_ENTHALPY
            continue
        total, temperature, radius = 0.0, 0.0, 0.0
        for entry in range(start, stop):
            total += amounts[entry]
            temperature += amounts[entry] * melting[numbers[entry]]
            radius += amounts[entry] * radii[numbers[entry]]
        entropy, enthalpy, misfit = 0.0, 0.0, 0.0
        for entry in range(start, stop):
            fraction = amounts[entry] / total
            entropy -= fraction * np.log(fraction)
            away = 1.0 - radii[numbers[entry]] * total / radius
            misfit += fraction * away * away
            for other in range(start, entry):
                enthalpy += fraction * amounts[other] / total * enthalpies[numbers[entry], numbers[other]]
        enthalpy = abs(4.0 * enthalpy)
        if not np.isnan(enthalpy):
            enthalpy = max(enthalpy, LEAST_ENTHALPY)
        entropy *= _GAS_CONSTANT
        made[row] = temperature / total * entropy / enthalpy, np.sqrt(misfit), entropy, enthalpy
    return made


@njit(cache=True, error_model="numpy")
def mismatches(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How much the elements of every composition differ in one property.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        values: the property by Z, shape (119,).

    Returns:
        The standard deviation relative to the mean; the difference of a pair of elements, weighted with the product
        of its atomic fractions and summed over pairs; the sum of w / (1 + |w| / 2) with w the fraction of an element
        times twice the ratio of its difference from the mean to its sum with the mean; shape (n, 3), all 0 for an
        element by itself.
    """
    rows = len(row_ptr) - 1
    made = np.zeros((rows, 3))
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if stop - start == 1:
            continue
        total, mean = 0.0, 0.0
        for entry in range(start, stop):
            total += amounts[entry]
            mean += amounts[entry] * values[numbers[entry]]
        mean /= total
        for entry in range(start, stop):
            fraction, value = amounts[entry] / total, values[numbers[entry]]
            made[row, 0] += fraction * (1.0 - value / mean) ** 2
            for other in range(start, entry):
                made[row, 1] += fraction * amounts[other] / total * abs(value - values[numbers[other]])
            weight = 2.0 * fraction * (value - mean) / (value + mean)
            made[row, 2] += weight / (1.0 + 0.5 * abs(weight))
        made[row, 0] = np.sqrt(made[row, 0])
    return made


@njit(cache=True, error_model="numpy")
def miedema(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    table: NDArray[np.float64],
    electrons: NDArray[np.float64],
    stabilities: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Formation enthalpies of Miedema's model, summed over the pairs of elements.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        table: by Z: molar volume, electron density at the cell boundary, electronegativity, valence electrons,
            a, R, enthalpy of the transformation to a metal, compressibility (bulk modulus), shear modulus,
            melting point and structural stability, in the units of Zhang et al. 2016, shape (119, 11).
        electrons: mean numbers of valence electrons at which lattice stabilities are given, rising, shape (p,).
        stabilities: of fcc, bcc and hcp there, kJ/mol, shape (3, p).

    Returns:
        Of the intermetallic compound, the amorphous phase, and solid solutions on fcc, bcc, hcp and no particular
        lattice, kJ/mol, shape (n, 6); NaN where an element has no data, except that pairs of one element are none.
    """
    rows = len(row_ptr) - 1
    made = np.zeros((rows, 6))
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        total = 0.0
        for entry in range(start, stop):
            total += amounts[entry]
        melting, valence, own = 0.0, 0.0, 0.0
        for entry in range(start, stop):
            fraction, of = amounts[entry] / total, table[numbers[entry]]
            valence += fraction * of[3]
            melting += fraction * of[9]
            own += fraction * of[10]
            for other in range(entry + 1, stop):
                share, mate = amounts[other] / total, table[numbers[other]]
                made[row, 0] += _chemical(of, mate, fraction, share, _INTERMETALLIC)
                made[row, 1] += _chemical(of, mate, fraction, share, _AMORPHOUS)
                made[row, 5] += _chemical(of, mate, fraction, share, _SOLUTION) + _elastic(of, mate, fraction, share)
        made[row, 1] += 3.5 * melting / 1000.0
        for lattice in range(3):
            stable = np.nan if np.isnan(valence) else np.interp(valence, electrons, stabilities[lattice])
            made[row, 2 + lattice] = made[row, 5] + stable - own
    return made


@njit(cache=True, error_model="numpy")
def _chemical(
    one: NDArray[np.float64], other: NDArray[np.float64], share: float, other_share: float, order: float
) -> float:
    """Chemical part for two elements with the atomic fractions that they have in the whole composition, kJ/mol."""
    volume, other_volume = one[0] ** (2.0 / 3.0), other[0] ** (2.0 / 3.0)
    density, other_density = np.cbrt(one[1]), np.cbrt(other[1])
    away = one[2] - other[2]
    touching, other_touching = _contacts(share * volume, other_share * other_volume, order)
    # Charge flows to the more electronegative element and changes the volumes.
    volume *= 1.0 + one[4] * other_touching * away
    other_volume *= 1.0 - other[4] * touching * away
    _, surrounded = _contacts(share * volume, other_share * other_volume, order)
    transition, other_transition = _is_transition_metal(one[3]), _is_transition_metal(other[3])
    if transition and other_transition:
        strength, hybrid = 14.1, 0.0
    elif transition or other_transition:
        strength = 12.35
        hybrid = strength * one[5] * other[5]
    else:
        strength, hybrid = 10.7, 0.0
    step = density - other_density
    interface = 2.0 * (-strength * away * away - hybrid + 9.4 * strength * step * step)
    interface /= 1.0 / density + 1.0 / other_density
    energy: float = surrounded * share * volume * interface + share * one[6] + other_share * other[6]
    return energy


@njit(cache=True, error_model="numpy")
def _contacts(area: float, other_area: float, order: float) -> tuple[float, float]:
    """How much of the surface of the second atoms touches the first, and of the first the second."""
    share, other_share = area / (area + other_area), other_area / (area + other_area)
    ordered = 1.0 + order * (share * other_share) ** 2
    return share * ordered, other_share * ordered


@njit(cache=True)
def _is_transition_metal(valence: float) -> bool:
    """Whether Miedema's model counts an element with so many valence electrons among the transition metals."""
    counted: bool = _FIRST_GROUP <= valence <= _LAST_GROUP and valence == np.floor(valence)
    return counted


@njit(cache=True, error_model="numpy")
def _elastic(one: NDArray[np.float64], other: NDArray[np.float64], share: float, other_share: float) -> float:
    """Elastic part of a solid solution for two elements, kJ/mol."""
    if one[7] == 0 and other[7] == 0 and one[8] == 0 and other[8] == 0:
        return 0.0  # hydrogen and nitrogen
    volume, other_volume = one[0], other[0]
    away = one[2] - other[2]
    screening = 1.0 / np.cbrt(one[1]) + 1.0 / np.cbrt(other[1])
    flow, back = 1.5 * volume ** (2.0 / 3.0) / screening * away, -1.5 * other_volume ** (2.0 / 3.0) / screening * away
    changed, other_changed = volume + flow / one[1], other_volume + back / other[1]
    flow = 1.5 * abs(changed) ** (2.0 / 3.0) / screening * away
    back = -1.5 * abs(other_changed) ** (2.0 / 3.0) / screening * away
    dissolved = _misfit(one[7], other[8], volume + flow / one[1], other_volume + flow / other[1])
    other_dissolved = _misfit(other[7], one[8], other_volume + back / other[1], volume + back / one[1])
    return share * other_share * (other_share * dissolved + share * other_dissolved)


@njit(cache=True, error_model="numpy")
def _misfit(bulk: float, shear: float, volume: float, hole: float) -> float:
    """Elastic energy of an atom of one volume in a hole of another (Eshelby), kJ/mol."""
    away = volume - hole
    energy: float = 2.0 * bulk * shear * away * away / (4.0 * shear * volume + 3.0 * bulk * hole)
    return energy
