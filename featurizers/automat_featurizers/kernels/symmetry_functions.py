"""Atom-centred symmetry functions of periodic crystals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.neighbors import SAME_PLACE, neighbors_of_site, prepared_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE, NO_VOLUME, UNKNOWN_ELEMENT, COINCIDENT, TOO_DENSE = range(5)
"""What became of a structure."""

_MOST = 10_000
"""Neighbours of a site beyond which their pairs, 50 million, would take seconds."""


@njit(cache=True)
def power(base: float, exponent: float) -> float:
    """A non-negative number to a non-negative power; whole powers by squaring, which is faster."""
    whole = int(exponent)
    if whole != exponent or whole > 1024:  # noqa: PLR2004 - beyond, the general way is faster
        return float(base**exponent)
    result = 1.0
    while whole > 0:
        if whole & 1:
            result *= base
        base *= base
        whole >>= 1
    return result


@njit(cache=True)
def radial(
    distances: NDArray[np.float64],
    fades: NDArray[np.float64],
    channels: NDArray[np.int64],
    weights: NDArray[np.float64],
    functions: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Add sum_j w_j exp(-eta (r_j - r_s)^2) f(r_j) to ``out``, channel by channel.

    Args:
        distances: of the neighbours, angstrom, shape (m,).
        fades: f of every distance, shape (m,).
        channels: of the neighbours, shape (m,).
        weights: of the neighbours, shape (m,).
        functions: eta in 1/square angstrom and r_s in angstrom, shape (k, 2).
        out: shape (channels * k,).
    """
    count = len(functions)
    for neighbor in range(len(distances)):
        strength = weights[neighbor] * fades[neighbor]
        first = channels[neighbor] * count
        for function in range(count):
            away = distances[neighbor] - functions[function, 1]
            out[first + function] += strength * math.exp(-functions[function, 0] * away * away)


@njit(cache=True)
def angular(
    vectors: NDArray[np.float64],
    distances: NDArray[np.float64],
    fades: NDArray[np.float64],
    channels: NDArray[np.int64],
    weights: NDArray[np.float64],
    cutoff: float,
    etas: NDArray[np.float64],
    shapes: NDArray[np.float64],
    functions: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Add the angular functions G4 over all pairs j < k of neighbours to ``out``, pair of channels by pair.

    2^(1 - zeta) w_j w_k (1 + lambda cos)^zeta exp(-eta (r_j^2 + r_k^2 + r_jk^2)) f(r_j) f(r_k) f(r_jk)

    Args:
        vectors: to the neighbours, angstrom, shape (m, 3).
        distances: of the neighbours, angstrom, shape (m,).
        fades: f of every distance, shape (m,).
        channels: of the neighbours, shape (m,).
        weights: of the neighbours, shape (m,).
        cutoff: angstrom.
        etas: those that occur, 1/square angstrom, shape (e,).
        shapes: the pairs of zeta and lambda that occur, shape (s, 2).
        functions: positions of eta and of the shape of every function, shape (k, 2).
        out: shape (pairs of channels * k,).
    """
    count = len(functions)
    decays = np.empty((len(distances), len(etas)))
    for neighbor in range(len(distances)):
        for eta in range(len(etas)):
            decays[neighbor, eta] = math.exp(-etas[eta] * distances[neighbor] ** 2)
    scales = np.array([2.0 ** (1.0 - shapes[shape, 0]) for shape in range(len(shapes))])
    decay = np.empty(len(etas))
    spread = np.empty(len(shapes))
    limit = cutoff * cutoff
    for j in range(len(distances)):
        for k in range(j + 1, len(distances)):
            product, squared = 0.0, 0.0
            for axis in range(3):
                product += vectors[j, axis] * vectors[k, axis]
                squared += (vectors[j, axis] - vectors[k, axis]) ** 2
            if squared >= limit:
                continue
            cosine = product / (distances[j] * distances[k])
            fade = fades[j] * fades[k] * 0.5 * (math.cos(math.pi * math.sqrt(squared) / cutoff) + 1.0)
            strength = weights[j] * weights[k] * fade
            for eta in range(len(etas)):
                decay[eta] = strength * decays[j, eta] * decays[k, eta] * math.exp(-etas[eta] * squared)
            for shape in range(len(shapes)):
                base = max(0.0, 1.0 + shapes[shape, 1] * cosine)
                spread[shape] = scales[shape] * power(base, shapes[shape, 0])
            high, low = max(channels[j], channels[k]), min(channels[j], channels[k])
            first = (high * (high + 1) // 2 + low) * count
            for function in range(count):
                out[first + function] += decay[functions[function, 0]] * spread[functions[function, 1]]


@njit(cache=True)
def symmetry_functions(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    fractional: NDArray[np.float64],
    numbers: NDArray[np.int64],
    cutoff: float,
    channel_of: NDArray[np.int64],
    weight_of: NDArray[np.float64],
    radial_functions: NDArray[np.float64],
    etas: NDArray[np.float64],
    shapes: NDArray[np.float64],
    angular_functions: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Radial (G2) and angular (G4) symmetry functions of every site of n structures (Behler 2011).

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        fractional: coordinates, shape (sites, 3).
        numbers: Z, shape (sites,).
        cutoff: angstrom.
        channel_of: channel of a neighbour by Z, -1 where there is none, shape (119,).
        weight_of: weight of a neighbour by Z, shape (119,).
        radial_functions: as for ``radial``, shape (k2, 2).
        etas: as for ``angular``.
        shapes: as for ``angular``.
        angular_functions: the ``functions`` of ``angular``, shape (k4, 2).

    Returns:
        Shape (sites, c k2 + c (c + 1) / 2 k4) for c channels, the radial ones first, NaN for the sites of a
        structure that has none; what became of every structure, shape (n,).
    """
    count = len(row_ptr) - 1
    channels = channel_of.max() + 1
    radial_columns = channels * len(radial_functions)
    angular_columns = channels * (channels + 1) // 2 * len(angular_functions)
    made = np.zeros((len(numbers), radial_columns + angular_columns))
    states = np.zeros(count, np.int64)
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        states[row] = _of_structure(
            lattices[row],
            fractional[start:stop],
            numbers[start:stop],
            cutoff,
            channel_of,
            weight_of,
            radial_functions,
            etas,
            shapes,
            angular_functions,
            made[start:stop],
        )
        if states[row] != FINE:
            made[start:stop] = np.nan
    return made, states


@njit(cache=True)
def _of_structure(
    lattice: NDArray[np.float64],
    fractional: NDArray[np.float64],
    numbers: NDArray[np.int64],
    cutoff: float,
    channel_of: NDArray[np.int64],
    weight_of: NDArray[np.float64],
    radial_functions: NDArray[np.float64],
    etas: NDArray[np.float64],
    shapes: NDArray[np.float64],
    angular_functions: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """What becomes of one structure; adds its sites' values to ``out``, shape (sites, columns)."""
    sizes = 1.0
    for axis in range(3):
        sizes *= math.sqrt(lattice[axis, 0] ** 2 + lattice[axis, 1] ** 2 + lattice[axis, 2] ** 2)
    volume = abs(np.linalg.det(lattice))
    # Written so that NaN fails, too.
    if not (volume > 1e-9 * sizes and np.isfinite(fractional).all()):
        return NO_VOLUME
    channels = channel_of[numbers]
    if channels.min() < 0:
        return UNKNOWN_ELEMENT
    weights = weight_of[numbers]
    expected = 4.0 / 3.0 * math.pi * cutoff**3 * len(numbers) / volume
    if expected > _MOST:
        return TOO_DENSE
    split = (channel_of.max() + 1) * len(radial_functions)
    reduced, wrapped, spacings, _, _ = prepared_cell(fractional, lattice)
    for site in range(len(numbers)):
        found, others, _, vectors, squared = neighbors_of_site(
            site, cutoff, reduced, wrapped, spacings, int(1.5 * expected) + 16
        )
        if found > 0 and squared[:found].min() < SAME_PLACE * SAME_PLACE:
            return COINCIDENT
        distances = np.sqrt(squared[:found])
        fades = 0.5 * (np.cos(math.pi * distances / cutoff) + 1.0)
        near = others[:found]
        radial(distances, fades, channels[near], weights[near], radial_functions, out[site, :split])
        angular(
            vectors[:found],
            distances,
            fades,
            channels[near],
            weights[near],
            cutoff,
            etas,
            shapes,
            angular_functions,
            out[site, split:],
        )
    return FINE
