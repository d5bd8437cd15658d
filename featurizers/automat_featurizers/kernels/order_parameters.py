"""How closely an atom's neighbours resemble coordination motifs: local structure order parameters.

Each parameter is 1 for the perfect motif. Most put one neighbour at the north pole and a second on the prime
meridian, ask of every other neighbour how well its polar and azimuth angles fit, and keep the best choice of
the two. Definitions: Zimmermann & Jain (2020), RSC Adv. 10, 6063, doi:10.1039/C9RA07755C; Peters (2009), J.
Chem. Phys. 131, 244103, doi:10.1063/1.3270161; Steinhardt et al. (1983), Phys. Rev. B 28, 784,
doi:10.1103/PhysRevB.28.784.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAR, PENTAGON, BELTED, BELTED_PLANE, SEE_SAW, BENT, BODY_CENTRED, CUBOCTAHEDRON, BOND_ORDER, SINGLE_BOND = range(10)
"""Forms of order parameter: those of one form differ in their numbers only."""

(
    TARGET,
    WIDTH,
    FACTOR,
    EXPONENT,
    SOUTH,
    SOUTH_WIDTH,
    SOUTH_WEIGHT,
    BELT_BELOW,
    BELT_ABOVE,
    BELT_WIDTH,
    SIDE_WIDTH,
    DEGREE,
) = range(12)
"""Places of the numbers of an order parameter. Angles from the pole are shares of pi, their widths inverse
ones; ``SOUTH`` (a neighbour past it is at the south pole), ``BELT_BELOW`` and ``BELT_ABOVE`` are radians."""
PARAMETERS = 12

EXACTLY_ON_AXIS = 1e-12
"""Sine of the angle to the pole's axis below which pymatgen gives a neighbour no azimuth."""

NEARLY_ON_AXIS = 1e-3
"""The same where azimuths shall not be made of rounding errors."""

SLACK = 1e-4
"""Radian by which thresholds are moved off the angles that symmetric crystals have (90, 135, 150 degrees)."""

_SHARE = 1.0 / math.pi
_FOUR_OF_BCC = 4
_NOTHING = 1e-12


@njit(cache=True)
def shell_angles(
    units: NDArray[np.float64], on_axis_below: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """All polar and azimuth angles of a shell of n neighbours.

    The operations are those of pymatgen, with their rounding errors: angles of perfect motifs lie where the
    last bit counts.

    Args:
        units: unit vectors from the atom to its neighbours, shape (n, 3).
        on_axis_below: sine of the polar angle below which a neighbour has no azimuth.

    Returns:
        With neighbour j at the north pole: polar angle of k, radian (n, n); azimuth angle between k and m,
        radian, 0 to pi (n, n, n), not set where one has none; whether k has no azimuth (n, n).
    """
    count = len(units)
    polar = np.zeros((count, count))
    azimuth = np.zeros((count, count, count))
    on_axis = np.ones((count, count), np.bool_)
    across = np.empty((count, 3))
    for pole in range(count):
        square = np.dot(units[pole], units[pole])
        for other in range(count):
            if other == pole:
                continue
            along = np.dot(units[pole], units[other])
            polar[pole, other] = math.acos(max(-1.0, min(along, 1.0)))
            share = along / square
            for axis in range(3):
                across[other, axis] = units[other, axis] - share * units[pole, axis]
            size = math.sqrt(np.dot(across[other], across[other]))
            if size >= on_axis_below:
                on_axis[pole, other] = False
                for axis in range(3):
                    across[other, axis] /= size
        for first in range(count):
            if on_axis[pole, first]:
                continue
            for second in range(first):
                if not on_axis[pole, second]:
                    value = math.acos(max(-1.0, min(np.dot(across[first], across[second]), 1.0)))
                    azimuth[pole, first, second] = value
                    azimuth[pole, second, first] = value
    return polar, azimuth, on_axis


@njit(cache=True)
def order_parameter(
    form: int,
    parameters: NDArray[np.float64],
    polar: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    on_axis: NDArray[np.bool_],
    slack: float,
    rank: NDArray[np.int64],
) -> float:
    """One order parameter of a shell of n neighbours; NaN where it has none.

    Args:
        form: one of the forms above, except ``BOND_ORDER`` and ``SINGLE_BOND``.
        parameters: its numbers, shape (PARAMETERS,).
        polar: of ``shell_angles``.
        azimuth: likewise.
        on_axis: likewise.
        slack: radian by which thresholds are moved.
        rank: for ``BODY_CENTRED``: of two neighbours the one of lower rank is the pole; of equal ones the mean is
            taken over both roles, shape (n,).
    """
    count = len(polar)
    if count < 2:  # noqa: PLR2004 - angles take two neighbours
        return np.nan
    if form == BODY_CENTRED:
        return _body_centred(parameters, polar, azimuth, on_axis, slack, rank)
    if form == CUBOCTAHEDRON:
        return _cuboctahedron(parameters, polar, azimuth, on_axis, slack)
    bell = _bells(form, parameters, polar)
    if form == BENT:
        return float(np.sum(bell) / (count * (count - 1)))
    if form in (STAR, PENTAGON):
        return _star(parameters, bell, azimuth, on_axis)
    return _belted(form, parameters, bell, polar, azimuth, on_axis, slack)


@njit(cache=True)
def _bells(form: int, parameters: NDArray[np.float64], polar: NDArray[np.float64]) -> NDArray[np.float64]:
    """How well the polar angle of k fits with j at the pole, shape (n, n); 0 on the diagonal."""
    count = len(polar)
    bell = np.zeros((count, count))
    for pole in range(count):
        for other in range(count):
            if other == pole:
                continue
            share = polar[pole, other] * _SHARE
            target = parameters[TARGET]
            if form == BELTED_PLANE:
                share = abs(share - 0.5)
            elif form == PENTAGON:
                # Neighbours of a regular pentagon are 72 or 144 degrees apart; the target lies between.
                target = 0.4 if share <= target else 0.8
            away = parameters[WIDTH] * (share - target)
            bell[pole, other] = math.exp(-0.5 * away * away)
    return bell


@njit(cache=True)
def _azimuth_fits(
    parameters: NDArray[np.float64], azimuth: NDArray[np.float64], on_axis: NDArray[np.bool_], fit: NDArray[np.float64]
) -> None:
    """Fill how well azimuths between all pairs fit around one pole, (n, n); the pole's rows are not set."""
    for first in range(len(azimuth)):
        if on_axis[first]:
            continue
        for second in range(first):
            if not on_axis[second]:
                value = math.cos(parameters[FACTOR] * azimuth[first, second]) ** parameters[EXPONENT]
                fit[first, second] = value
                fit[second, first] = value


@njit(cache=True)
def _star(
    parameters: NDArray[np.float64],
    bell: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    on_axis: NDArray[np.bool_],
) -> float:
    """Every neighbour but the pole is expected at one polar angle and at multiples of one azimuth."""
    count = len(bell)
    best = -np.inf
    fit = np.empty((count, count))
    for pole in range(count):
        _azimuth_fits(parameters, azimuth[pole], on_axis[pole], fit)
        for meridian in range(count):
            if meridian == pole:
                continue
            total, norm = bell[pole, meridian], 1.0
            if not on_axis[pole, meridian]:
                for other in range(count):
                    if other not in (pole, meridian) and not on_axis[pole, other]:
                        total += fit[meridian, other] * bell[pole, other]
                        norm += 1.0
            best = max(best, total / norm)
    return best


@njit(cache=True)
def _belted(
    form: int,
    parameters: NDArray[np.float64],
    bell: NDArray[np.float64],
    polar: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    on_axis: NDArray[np.bool_],
    slack: float,
) -> float:
    """A neighbour is expected at the south pole, or else in the belt round the equator."""
    count = len(bell)
    south = parameters[SOUTH] - slack
    widest = 0.75 * math.pi - slack if form == SEE_SAW else np.inf
    best = -np.inf
    fit = np.empty((count, count))
    for pole in range(count):
        _azimuth_fits(parameters, azimuth[pole], on_axis[pole], fit)
        for meridian in range(count):
            if meridian == pole:
                continue
            total, norm = 0.0, 0.0
            in_belt = polar[pole, meridian] < south
            if in_belt:
                total, norm = bell[pole, meridian], 1.0
            if not on_axis[pole, meridian]:
                for other in range(count):
                    if other in (pole, meridian):
                        continue
                    if polar[pole, other] >= south:
                        away = parameters[SOUTH_WIDTH] * (polar[pole, other] * _SHARE - 1.0)
                        total += math.exp(-0.5 * away * away)
                        norm += 1.0
                    elif in_belt and not on_axis[pole, other] and azimuth[pole, meridian, other] < widest:
                        total += fit[meridian, other] * bell[pole, other]
                        norm += 1.0
            best = max(best, total / norm if norm > _NOTHING else 0.0)
    return best


@njit(cache=True)
def _body_centred(
    parameters: NDArray[np.float64],
    polar: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    on_axis: NDArray[np.bool_],
    slack: float,
    rank: NDArray[np.int64],
) -> float:
    """Peters' parameter of the body-centred cube, a mean over pairs of neighbours: a pole and a meridian."""
    count = len(polar)
    if count < _FOUR_OF_BCC:
        return np.nan
    tilt = math.asin(1.0 / 3.0)
    total = 0.0
    for pole in range(count):
        for meridian in range(count):
            if meridian == pole or rank[meridian] < rank[pole]:
                continue
            share = 0.5 if rank[meridian] == rank[pole] else 1.0
            angle = polar[pole, meridian]
            if angle >= parameters[SOUTH] - slack:
                away = parameters[SOUTH_WIDTH] * (angle * _SHARE - 1.0)
                total += share * parameters[SOUTH_WEIGHT] * math.exp(-0.5 * away * away)
                continue
            if on_axis[pole, meridian] or abs(angle - 0.5 * math.pi) < slack:
                continue
            around = 0.0
            for other in range(count):
                if other not in (pole, meridian) and not on_axis[pole, other]:
                    away = (polar[pole, other] - 0.5 * math.pi) / tilt
                    triple = math.cos(3.0 * azimuth[pole, meridian, other])
                    around += triple * away * math.exp(0.5 - 0.5 * away * away)
            total += share * around if angle > 0.5 * math.pi else -share * around
    return total / (0.5 * count * (6 + (count - 2) * (count - 3)))


@njit(cache=True)
def _cuboctahedron(
    parameters: NDArray[np.float64],
    polar: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    on_axis: NDArray[np.bool_],
    slack: float,
) -> float:
    """From each corner: one opposite, two more across the equator, and four 60 degrees from either pole."""
    count = len(polar)
    south = parameters[SOUTH] - slack
    upper, lower = parameters[BELT_ABOVE] - slack, parameters[BELT_BELOW] + slack
    best = -np.inf
    for pole in range(count):
        for meridian in range(count):
            if meridian == pole:
                continue
            total, norm = 0.0, 0.0
            angle = polar[pole, meridian]
            if angle >= south:
                away = parameters[SOUTH_WIDTH] * (angle * _SHARE - 1.0)
                total = parameters[SOUTH_WEIGHT] * math.exp(-0.5 * away * away)
                norm = parameters[SOUTH_WEIGHT]
            if not on_axis[pole, meridian] and upper < angle < lower:
                for other in range(count):
                    if other in (pole, meridian) or on_axis[pole, other] or polar[pole, other] >= south:
                        continue
                    share, turn = polar[pole, other] * _SHARE, azimuth[pole, meridian, other]
                    if upper < polar[pole, other] < lower:
                        away = parameters[BELT_WIDTH] * (share - 0.5)
                        total += math.cos(turn) ** 2 * math.exp(-0.5 * away * away)
                        norm += 1.0
                    elif polar[pole, other] != upper and polar[pole, other] != lower:
                        target = 1.0 / 3.0 if polar[pole, other] < upper else 2.0 / 3.0
                        away = parameters[SIDE_WIDTH] * (share - target)
                        aside = 0.0556 * (math.sin(turn) - 0.81649658)
                        total += math.exp(-0.5 * (aside * aside + away * away))
                        norm += 1.0
            best = max(best, total / norm if norm > _NOTHING else 0.0)
    return best


@njit(cache=True)
def bond_order(units: NDArray[np.float64], degree: int) -> float:
    """Steinhardt's q of a degree: rotational invariant of the neighbours' mean spherical harmonics.

    By the addition theorem it is the root of the mean Legendre polynomial over all pairs of neighbours.

    Args:
        units: unit vectors to n neighbours, shape (n, 3).
        degree: of the harmonics.
    """
    count = len(units)
    if count == 0:
        return np.nan
    total = float(count)
    for first in range(count):
        for second in range(first):
            value = (
                units[first, 0] * units[second, 0]
                + units[first, 1] * units[second, 1]
                + units[first, 2] * units[second, 2]
            )
            before, here = 1.0, value
            for order in range(1, degree):
                before, here = here, ((2 * order + 1) * value * here - order * before) / (order + 1)
            total += 2.0 * here
    return math.sqrt(max(total, 0.0)) / count


@njit(cache=True)
def shell_parameters(
    units: NDArray[np.float64],
    forms: NDArray[np.int64],
    parameters: NDArray[np.float64],
    rank: NDArray[np.int64],
    stable: bool,
    made: NDArray[np.float64],
) -> None:
    """Order parameters of one shell of n neighbours; 0 where one has none, as matminer has it.

    Args:
        units: unit vectors to the neighbours, shape (n, 3).
        forms: of the order parameters, shape (m,).
        parameters: their numbers, shape (m, PARAMETERS).
        rank: of the neighbours, as in ``order_parameter``, shape (n,).
        stable: move the thresholds off symmetric angles.
        made: filled with the values, shape (m,); that of a ``SINGLE_BOND`` is left alone.
    """
    slack = SLACK if stable else 0.0
    azimuthal = False
    for form in forms:
        azimuthal = azimuthal or form not in (BOND_ORDER, SINGLE_BOND)
    polar, azimuth, on_axis = shell_angles(
        units if azimuthal else units[:0], NEARLY_ON_AXIS if stable else EXACTLY_ON_AXIS
    )
    for place in range(len(forms)):
        if forms[place] == SINGLE_BOND:
            continue
        if forms[place] == BOND_ORDER:
            value = bond_order(units, int(parameters[place, DEGREE]))
        else:
            value = order_parameter(forms[place], parameters[place], polar, azimuth, on_axis, slack, rank)
        made[place] = 0.0 if np.isnan(value) else value
