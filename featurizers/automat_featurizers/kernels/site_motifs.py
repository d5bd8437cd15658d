"""Order parameters of every site's neighbour shells, found by distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.listed import listed_cell, listed_neighbors
from automat_featurizers.kernels.neighbors import (
    SAME_PLACE,
    cell_volume,
    neighbors_of_site,
    prepared_cell,
)
from automat_featurizers.kernels.order_parameters import SINGLE_BOND, shell_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

OK, COINCIDENT = range(2)

LARGEST_SHELL = 12
_FIRST_SPHERE = 7.0
_RIM = 1e-8
"""Square angstrom by which pymatgen's sphere is wider."""

_WINDOWS = 3
_WINDOW, _WINDOW_STEP = 0.1, 0.01
"""Widths of the bins of relative distance: 0.1, and 0.01 less and more."""

_BIN = 0.001
"""Width of the bins in which the values of the windows are counted."""

_RELATIVE_SLACK = 1e-6


@njit(cache=True)
def neighbor_shells(
    site: int,
    reduced: NDArray[np.float64],
    wrapped: NDArray[np.float64],
    spacings: NDArray[np.float64],
    slack: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The nearest neighbours of a site, nearest first: at least 12, and all in the widest bin of the 12th.

    They end where matminer's do: at 7 angstrom, or at the first whole number of them that holds 12.

    Args:
        site: its position in the cell.
        reduced: of ``prepared_cell``.
        wrapped: likewise.
        spacings: likewise.
        slack: angstrom by which the sphere is widened.

    Returns:
        Sites (m,); images in reduced vectors, relative to wrapped coordinates (m, 3).
    """
    # The multiples of the shortest lattice vector alone bring 12 neighbours within six times its length.
    shortest = math.sqrt(np.sum(reduced * reduced, axis=1).min())
    average = (3.0 * (LARGEST_SHELL + 1) / (4.0 * math.pi) * cell_volume(reduced) / len(wrapped)) ** (1.0 / 3.0)
    reach = min(1.25 * average, 6.001 * shortest)
    found, others, images, _, squared = neighbors_of_site(site, reach, reduced, wrapped, spacings, 64)
    while found < LARGEST_SHELL:
        reach *= 1.25
        found, others, images, _, squared = neighbors_of_site(site, reach, reduced, wrapped, spacings, 64)
    order = np.argsort(squared[:found], kind="mergesort")
    farthest = math.sqrt(squared[order[LARGEST_SHELL - 1]])
    limit = max(_FIRST_SPHERE, float(math.ceil(math.sqrt(max(farthest * farthest - _RIM, 0.0)) - slack)))
    rim = math.sqrt(limit * limit + _RIM) + slack
    needed = min(rim, farthest + (_WINDOW + 2.0 * _WINDOW_STEP) * math.sqrt(squared[order[0]]))
    if needed > reach:
        found, others, images, _, squared = neighbors_of_site(site, needed, reduced, wrapped, spacings, 64)
        order = np.argsort(squared[:found], kind="mergesort")
    order = order[: np.searchsorted(squared[order], rim * rim)]
    return others[order], images[order]


@njit(cache=True)
def histogram_peak(values: NDArray[np.float64]) -> float:
    """Where most of a few values lie, in bins of 0.001, as matminer finds it.

    The bins reach from below the smallest to above the largest value, within [0, 1]; two neighbouring bins
    that hold equally many values count together. The result is a bin's centre, so 0 becomes 0.0005.
    """
    per_unit = 1.0 / _BIN
    low = min(max(float(int(values.min() * per_unit - 1.5)) * _BIN, 0.0), 1.0)
    high = min(max(float(int(values.max() * per_unit + 1.5)) * _BIN, 0.0), 1.0)
    if low == high:
        low, high = low - _BIN, high + _BIN
    bins = int((high - low) * per_unit)
    width = (high - low) / bins
    counts = np.zeros(bins, np.int64)
    for value in values:
        if low <= value <= high:
            place = min(int((value - low) / (high - low) * bins), bins - 1)
            # The division may be a rounding error off the edges themselves.
            if value < place * width + low:
                place -= 1
            elif place < bins - 1 and value >= (place + 1) * width + low:
                place += 1
            counts[place] += 1
    most = counts.max()
    best, best_count, place = np.nan, -1, 0
    while place < bins:
        if counts[place] == most:
            centre = _centre(place, bins, width, low, high)
            together = most
            if place + 1 < bins and counts[place + 1] == most:
                place += 1
                centre = 0.5 * (centre + _centre(place, bins, width, low, high))
                together = 2 * most
            if together > best_count:
                best, best_count = centre, together
        place += 1
    return best


@njit(cache=True)
def _centre(place: int, bins: int, width: float, low: float, high: float) -> float:
    end = high if place == bins - 1 else (place + 1) * width + low
    return 0.5 * (place * width + low + end)


@njit(cache=True)
def _shell(
    nearest: NDArray[np.int64], relative: NDArray[np.float64], units: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """Unit vectors to some neighbours as listed, and the mean of their inverse relative distances."""
    inside = np.zeros(len(order), np.bool_)
    inside[nearest] = True
    shell = np.empty((len(nearest), 3))
    used, closeness = 0, 0.0
    for neighbor in order:
        if inside[neighbor]:
            shell[used] = units[neighbor]
            closeness += 1.0 / relative[neighbor]
            used += 1
    return shell, closeness / len(nearest)


@njit(cache=True)
def site_parameters(
    distances: NDArray[np.float64],
    units: NDArray[np.float64],
    order: NDArray[np.int64],
    numbers: NDArray[np.int64],
    forms: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stable: bool,
    made: NDArray[np.float64],
) -> None:
    """Fill the order parameters of one site, each of the shell of its coordination number.

    A shell of c neighbours exists in a window when the c-th and the next neighbour fall into different bins
    of relative distance; without it the parameters of c are 0.

    Args:
        distances: of the neighbours, angstrom, at least 12, shape (m,).
        units: unit vectors to them, shape (m, 3).
        order: the neighbours in the order in which shells list them, shape (m,).
        numbers: coordination number of every parameter, ascending, shape (k,).
        forms: shape (k,).
        parameters: shape (k, PARAMETERS).
        stable: our definition: as in ``shell_parameters``, all neighbours of a shell have one rank, and the median
            of the windows is taken instead of the histogram's peak.
        made: filled, shape (k,).
    """
    count = len(distances)
    nearest = np.argsort(distances, kind="mergesort")
    relative = distances / distances[nearest[0]]
    slack = _RELATIVE_SLACK if stable else 0.0
    bins = np.empty((_WINDOWS, count), np.int64)
    for window in range(_WINDOWS):
        inverse = 1.0 / (_WINDOW + float(window - 1) * _WINDOW_STEP)
        for place in range(count):
            bins[window, place] = int(relative[nearest[place]] * inverse + 0.5 + slack)
    values = np.empty(_WINDOWS)
    first = 0
    while first < len(numbers):
        size = numbers[first]
        last = first
        while last < len(numbers) and numbers[last] == size:
            last += 1
        exists = np.empty(_WINDOWS, np.bool_)
        for window in range(_WINDOWS):
            exists[window] = count == size or (count > size and bins[window, size] != bins[window, size - 1])
        shell = np.zeros(last - first)
        if size > 1 and exists.any():
            listed, closeness = _shell(nearest[:size], relative, units, order)
            rank = np.zeros(size, np.int64) if stable else np.arange(size)
            shell_parameters(listed, forms[first:last], parameters[first:last], rank, stable, shell)
            shell *= closeness * closeness
        for place in range(first, last):
            if forms[place] == SINGLE_BOND:
                values[:] = 1.0 - distances[nearest[0]] / distances[nearest[1]]
            else:
                for window in range(_WINDOWS):
                    values[window] = shell[place - first] if exists[window] else 0.0
            made[place] = np.median(values) if stable else histogram_peak(values)
        first = last


@njit(cache=True)
def site_motifs(
    row_ptr: NDArray[np.int64],
    lattices: NDArray[np.float64],
    fractional: NDArray[np.float64],
    usable: NDArray[np.bool_],
    numbers: NDArray[np.int64],
    forms: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stable: bool,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Order parameters of all sites of n structures.

    Args:
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        lattices: vectors as rows, angstrom, shape (n, 3, 3).
        fractional: coordinates as given, shape (sites, 3).
        usable: structures whose cell has a volume and whose coordinates are finite, shape (n,).
        numbers: coordination number of every parameter, ascending, shape (k,).
        forms: shape (k,).
        parameters: shape (k, PARAMETERS).
        stable: as in ``site_parameters``.

    Returns:
        Values (sites, k), NaN where the structure has none; a state a structure (n,).
    """
    made = np.full((row_ptr[-1], len(numbers)), np.nan)
    states = np.zeros(len(row_ptr) - 1, np.int64)
    for row in range(len(row_ptr) - 1):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if not usable[row]:
            continue
        reduced, wrapped, spacings, steps, wraps = prepared_cell(fractional[start:stop], lattices[row])
        cell = listed_cell(fractional[start:stop], lattices[row])
        for site in range(stop - start):
            others, images = neighbor_shells(site, reduced, wrapped, spacings, _RELATIVE_SLACK if stable else 0.0)
            distances, units, order = listed_neighbors(
                site, others, images, steps, wraps, fractional[start:stop], lattices[row], cell
            )
            if distances.min() < SAME_PLACE:
                states[row] = COINCIDENT
                break
            site_parameters(distances, units, order, numbers, forms, parameters, stable, made[start + site])
        if states[row] != OK:
            made[start:stop] = np.nan
    return made, states
