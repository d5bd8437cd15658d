"""X-ray powder patterns of crystals: reflections, structure factors, lines and their smoothing.

The kinematic theory of De Graef & McHenry, Structure of Materials (2012), chapters 11 and 12,
doi:10.1017/CBO9781139051637, without corrections for temperature unless Debye-Waller factors are given.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE, NO_VOLUME, NO_COEFFICIENTS, TOO_LARGE, NO_LINE, ONE_LINE = range(6)
"""What became of a structure."""

SAME_ANGLE = 1e-5
"""Lines closer than this, in degrees of two theta, are one line."""

FAINTEST = 1e-3
"""Lines up to this, where the strongest has 100, are left out: what rounding leaves of systematic absences."""

_RIM = 1e-8
"""Slack of the limiting sphere, 1/angstrom."""

_SLACK = 1e-6
"""Slack, in indices, of the ranges that are searched; each point found is then measured."""

_SAME_LENGTH = 1e-12
"""Reciprocal vectors whose lengths differ by less share their scattering factors, 1/angstrom."""

_WHOLE = 1e-9
"""An intensity this close below a whole number counts as that number: the strongest line has exactly 100."""

_MOST = 4_000_000
"""Reflections (half of all) that fit in half a gigabyte: for copper radiation, of a million cubic angstrom."""

_MOTT_BETHE = 41.78214
"""Of the scattering factor: f(s) = Z - 41.78214 s^2 sum_i a_i exp(-b_i s^2), s in 1/angstrom."""

_NEGLIGIBLE = 80.0
"""A line is not added where it gives less than exp(-80) of its height: 1e-35, far below rounding."""


@njit(cache=True)
def half_sphere(
    reciprocal: NDArray[np.float64], lattice: NDArray[np.float64], longest: float, room: int
) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
    """Reciprocal lattice points of half of a sphere: of every pair h, -h the one whose first index is positive.

    Args:
        reciprocal: vectors as rows, without 2 pi, 1/angstrom, shape (3, 3).
        lattice: the direct vectors as rows, angstrom, shape (3, 3).
        longest: radius, 1/angstrom.
        room: points there is room for; none are written beyond it, but all are counted.

    Returns:
        How many; their indices (room, 3); their lengths, 1/angstrom (room,). Unset beyond the number.
    """
    indices = np.empty((room, 3), np.int64)
    lengths = np.empty(room)
    spans = np.empty(2, np.int64)
    for axis in range(2):
        size = math.sqrt(lattice[axis, 0] ** 2 + lattice[axis, 1] ** 2 + lattice[axis, 2] ** 2)
        spans[axis] = math.floor(longest * size + _SLACK)
    third = reciprocal[2, 0] ** 2 + reciprocal[2, 1] ** 2 + reciprocal[2, 2] ** 2
    limit = longest * longest
    found = 0
    for h in range(spans[0] + 1):
        for k in range(0 if h == 0 else -spans[1], spans[1] + 1):
            x = h * reciprocal[0, 0] + k * reciprocal[1, 0]
            y = h * reciprocal[0, 1] + k * reciprocal[1, 1]
            z = h * reciprocal[0, 2] + k * reciprocal[1, 2]
            # The line of all l meets the sphere between the roots of a quadratic.
            middle = -(x * reciprocal[2, 0] + y * reciprocal[2, 1] + z * reciprocal[2, 2]) / third
            under = middle * middle - (x * x + y * y + z * z - limit) / third
            if under < -_SLACK:
                continue
            reach = math.sqrt(max(under, 0.0)) + _SLACK
            first, last = math.ceil(middle - reach), math.floor(middle + reach)
            if h == 0 and k == 0:
                first = 1
            for third_index in range(first, last + 1):
                a = x + third_index * reciprocal[2, 0]
                b = y + third_index * reciprocal[2, 1]
                c = z + third_index * reciprocal[2, 2]
                length = math.sqrt(a * a + b * b + c * c)
                if length > longest:
                    continue
                if found < room:
                    indices[found, 0], indices[found, 1], indices[found, 2] = h, k, third_index
                    lengths[found] = length
                found += 1
    return found, indices, lengths


@njit(cache=True)
def phase_table(fractional: NDArray[np.float64], axis: int, span: int) -> NDArray[np.complex128]:
    """exp(2 pi i h x) of every site for h = -span..span, shape (2 span + 1, sites)."""
    table = np.empty((2 * span + 1, len(fractional)), np.complex128)
    for index in range(span + 1):
        for site in range(len(fractional)):
            turn = index * fractional[site, axis]
            angle = 2.0 * math.pi * (turn - math.floor(turn))
            real, imaginary = math.cos(angle), math.sin(angle)
            table[span + index, site] = complex(real, imaginary)
            table[span - index, site] = complex(real, -imaginary)
    return table


@njit(cache=True)
def intensities(
    indices: NDArray[np.int64],
    lengths: NDArray[np.float64],
    fractional: NDArray[np.float64],
    kinds: NDArray[np.int64],
    scattering: NDArray[np.float64],
    wavelength: float,
) -> NDArray[np.float64]:
    """Intensity of every reflection together with its inverse, with the Lorentz-polarization factor.

    Args:
        indices: Miller indices by increasing length, shape (m, 3).
        lengths: of the reciprocal vectors, 1/angstrom, shape (m,).
        fractional: coordinates, shape (sites, 3).
        kinds: row of ``scattering`` of every site, shape (sites,).
        scattering: Z, Debye-Waller factor (square angstrom), a_1, b_1, ..., a_4, b_4 of every element (b in
            square angstrom), shape (elements, 10).
        wavelength: angstrom.

    Returns:
        In electrons squared, shape (m,).
    """
    spans = np.array([np.abs(indices[:, axis]).max() for axis in range(3)])
    along_h = phase_table(fractional, 0, spans[0])
    along_k = phase_table(fractional, 1, spans[1])
    along_l = phase_table(fractional, 2, spans[2])
    factors = np.empty(len(scattering))
    made = np.empty(len(lengths))
    factors_of = -1.0
    for reflection in range(len(lengths)):
        length = lengths[reflection]
        if length - factors_of > _SAME_LENGTH:  # symmetry makes many reflections of one length
            squared = 0.25 * length * length
            for kind in range(len(scattering)):
                fitted = 0.0
                for term in range(4):
                    fitted += scattering[kind, 2 + 2 * term] * math.exp(-scattering[kind, 3 + 2 * term] * squared)
                factor = scattering[kind, 0] - _MOTT_BETHE * squared * fitted
                factors[kind] = factor * math.exp(-scattering[kind, 1] * squared)
            factors_of = length
        at_h = along_h[indices[reflection, 0] + spans[0]]
        at_k = along_k[indices[reflection, 1] + spans[1]]
        at_l = along_l[indices[reflection, 2] + spans[2]]
        real, imaginary = 0.0, 0.0
        for site in range(len(fractional)):
            wave = at_h[site] * at_k[site] * at_l[site]
            real += factors[kinds[site]] * wave.real
            imaginary += factors[kinds[site]] * wave.imag
        sine = min(1.0, 0.5 * wavelength * length)
        cosine = math.sqrt(1.0 - sine * sine)
        twice = 1.0 - 2.0 * sine * sine
        lorentz = (1.0 + twice * twice) / (sine * sine * cosine)
        made[reflection] = 2.0 * (real * real + imaginary * imaginary) * lorentz
    return made


@njit(cache=True)
def lines(
    lengths: NDArray[np.float64], strengths: NDArray[np.float64], wavelength: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Reflections of one angle as one line, the strongest of all 100, faint ones left out.

    A line lies where its first reflection lies, and takes in those up to ``SAME_ANGLE`` after it.

    Args:
        lengths: of reciprocal vectors, increasing, 1/angstrom, shape (m,).
        strengths: intensities, shape (m,).
        wavelength: angstrom.

    Returns:
        Two theta in degrees, and intensities from ``FAINTEST`` to 100, both of shape (lines,).
    """
    angles = np.empty(len(lengths))
    sums = np.zeros(len(lengths))
    found = 0
    for reflection in range(len(lengths)):
        angle = math.degrees(2.0 * math.asin(min(1.0, 0.5 * wavelength * lengths[reflection])))
        if found == 0 or angle - angles[found - 1] >= SAME_ANGLE:
            angles[found] = angle
            found += 1
        sums[found - 1] += strengths[reflection]
    scaled = sums[:found] * (100.0 / sums[:found].max())
    kept = scaled > FAINTEST
    return angles[:found][kept], scaled[kept]


@njit(cache=True)
def smoothed(
    angles: NDArray[np.float64], weights: NDArray[np.float64], width: float, grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Density of weighted lines under Gaussians, per degree.

    Args:
        angles: degrees, increasing, shape (lines,).
        weights: shape (lines,).
        width: standard deviation, degrees.
        grid: where, degrees, evenly spaced, shape (length,).

    Returns:
        Shape (length,); it integrates to 1 over all angles.
    """
    made = np.zeros(len(grid))
    reach = width * math.sqrt(2.0 * _NEGLIGIBLE)
    scale = 1.0 / (math.sqrt(2.0 * math.pi) * width * weights.sum())
    step = grid[1] - grid[0] if len(grid) > 1 else 1.0
    for line in range(len(angles)):
        if weights[line] == 0.0:
            continue
        first = max(0, math.floor((angles[line] - reach - grid[0]) / step))
        last = min(len(grid) - 1, math.ceil((angles[line] + reach - grid[0]) / step))
        for point in range(first, last + 1):
            away = (grid[point] - angles[line]) / width
            made[point] += weights[line] * scale * math.exp(-0.5 * away * away)
    return made


@njit(cache=True)
def _pattern(
    lattice: NDArray[np.float64],
    fractional: NDArray[np.float64],
    kinds: NDArray[np.int64],
    scattering: NDArray[np.float64],
    optics: NDArray[np.float64],
    grid: NDArray[np.float64],
    exact: bool,
) -> tuple[int, NDArray[np.float64]]:
    """State and pattern of one structure; ``optics`` is the wavelength, shortest and longest vector, bandwidth."""
    nothing = np.full(len(grid), np.nan)
    sizes = 1.0
    for axis in range(3):
        sizes *= math.sqrt(lattice[axis, 0] ** 2 + lattice[axis, 1] ** 2 + lattice[axis, 2] ** 2)
    volume = abs(np.linalg.det(lattice))
    # Written so that NaN fails, too.
    if not (volume > 1e-9 * sizes and np.isfinite(fractional).all()):
        return NO_VOLUME, nothing
    wavelength, shortest, longest, bandwidth = optics
    reduced, wrapped, _, _, _ = prepared_cell(fractional, lattice)
    if 2.0 / 3.0 * math.pi * longest**3 * volume > _MOST:
        return TOO_LARGE, nothing
    reciprocal = np.ascontiguousarray(np.linalg.inv(reduced).T)
    room = int(2.5 * longest**3 * volume) + 100
    found, indices, lengths = half_sphere(reciprocal, reduced, longest + _RIM, room)
    if found > room:
        found, indices, lengths = half_sphere(reciprocal, reduced, longest + _RIM, found)
    order = np.argsort(lengths[:found])
    order = order[lengths[order] >= shortest]
    if len(order) == 0:
        return NO_LINE, nothing
    lengths = lengths[order]
    strengths = intensities(indices[order], lengths, wrapped, kinds, scattering, wavelength)
    if not strengths.max() > 0.0:
        return NO_LINE, nothing
    if exact:
        weights = strengths
        angles = np.degrees(2.0 * np.arcsin(np.minimum(1.0, 0.5 * wavelength * lengths)))
        lost = 0.0
    else:
        angles, scaled = lines(lengths, strengths, wavelength)
        weights = np.floor(scaled + _WHOLE)
        lost = 1.0
    total = weights.sum()
    mean = (weights * angles).sum() / total
    variance = (weights * (angles - mean) ** 2).sum() / (total - lost)
    if not variance > SAME_ANGLE**2:
        return ONE_LINE, nothing
    return FINE, smoothed(angles, weights, bandwidth * math.sqrt(variance), grid)


@njit(cache=True)
def powder_patterns(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    fractional: NDArray[np.float64],
    numbers: NDArray[np.int64],
    scattering: NDArray[np.float64],
    optics: NDArray[np.float64],
    grid: NDArray[np.float64],
    exact: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Smoothed X-ray powder patterns of n structures.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        fractional: coordinates, shape (sites, 3).
        numbers: Z, shape (sites,).
        scattering: as for ``intensities`` and by Z, NaN where there are no coefficients, shape (119, 10).
        optics: wavelength in angstrom, the shortest and the longest reciprocal vectors in 1/angstrom, and
            the Gaussians' width as a share of the lines' spread, shape (4,).
        grid: angles two theta in degrees, evenly spaced, shape (length,).
        exact: weigh every reflection by its intensity, rather than every line by its intensity cut to a
            whole number of hundredths of the strongest line's.

    Returns:
        Densities per degree, NaN where there is none, shape (n, length); what became of every structure, (n,).
    """
    count = len(row_ptr) - 1
    made = np.full((count, len(grid)), np.nan)
    states = np.zeros(count, np.int64)
    for row in range(count):
        kinds = numbers[row_ptr[row] : row_ptr[row + 1]]
        elements = np.unique(kinds)
        if np.isnan(scattering[elements, 2]).any():
            states[row] = NO_COEFFICIENTS
            continue
        states[row], made[row] = _pattern(
            lattices[row],
            fractional[row_ptr[row] : row_ptr[row + 1]],
            np.searchsorted(elements, kinds),
            scattering[elements],
            optics,
            grid,
            exact,
        )
    return made, states
