"""Statistics of element properties over a composition, weighted by its amounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "std_dev", "mode")


def weighted_statistics(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float64],
    table: NDArray[np.float64],
    statistics: Sequence[str],
) -> NDArray[np.float64]:
    """Statistics of every property over the elements of every composition, as matminer's ``PropertyStats``.

    ``avg_dev`` is the mean absolute deviation from the mean. ``std_dev`` divides by the sum of weights less
    its reliability correction, and is 0 for one element. ``mode`` is the smallest value among the elements
    whose weight is within 1e-8 + 1e-5 max of the largest, max.

    Args:
        row_ptr: offsets, shape (n + 1,).
        numbers: Z of every entry, shape (entries,), each within the table.
        weights: amounts, shape (entries,).
        table: properties by Z, shape (119, k).
        statistics: names out of ``STATISTICS``.

    Returns:
        Shape (n, k * len(statistics)): all statistics of the first property, then of the second, ... NaN
        where an element lacks the property (of ``mode``: an element of the largest weight).
    """
    chosen = np.array([STATISTICS.index(name) for name in statistics], np.int64)
    return _statistics(row_ptr, numbers, weights, np.ascontiguousarray(table), chosen)


@njit(cache=True, error_model="numpy")
def _statistics(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float64],
    table: NDArray[np.float64],
    chosen: NDArray[np.int64],
) -> NDArray[np.float64]:
    count, columns, kinds = len(row_ptr) - 1, table.shape[1], len(chosen)
    made = np.empty((count, columns * kinds))
    every = np.empty((7, columns))
    low, high, spread, mean, absolute, squared, mode = every
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if start == stop:
            made[row] = np.nan
            continue
        total, squares, heaviest = 0.0, 0.0, -np.inf
        for entry in range(start, stop):
            weight = weights[entry]
            total, squares, heaviest = total + weight, squares + weight * weight, max(heaviest, weight)
        near = 1e-8 + 1e-5 * abs(heaviest)
        low[:], high[:], mean[:], absolute[:], squared[:], mode[:] = np.inf, -np.inf, 0.0, 0.0, 0.0, np.inf
        for entry in range(start, stop):
            weight, number = weights[entry], numbers[entry]
            for column in range(columns):
                value = table[number, column]
                low[column], high[column] = min(low[column], value), max(high[column], value)
                mean[column] += value * weight
            if abs(weight - heaviest) <= near:
                for column in range(columns):
                    value = table[number, column]
                    if value < mode[column] or np.isnan(value):  # once NaN, it stays
                        mode[column] = value
        for column in range(columns):
            mean[column] /= total
            if np.isnan(mean[column]):
                low[column], high[column] = np.nan, np.nan
            spread[column] = high[column] - low[column]
        for entry in range(start, stop):
            weight, number = weights[entry], numbers[entry]
            for column in range(columns):
                away = table[number, column] - mean[column]
                absolute[column] += abs(away) * weight
                squared[column] += away * away * weight
        reliable = total / (total * total - squares)
        for column in range(columns):
            absolute[column] /= total
            squared[column] = np.sqrt(reliable * squared[column]) if stop - start > 1 else 0.0
        for kind in range(kinds):
            values = every[chosen[kind]]
            for column in range(columns):
                made[row, column * kinds + kind] = values[column]
    return made


@njit(cache=True, error_model="numpy")
def weighted_mean(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float64],
    table: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean of every property over the elements of every composition, weighted by their amounts.

    Args:
        row_ptr: offsets, shape (n + 1,).
        numbers: Z of every entry, shape (entries,), each within the table.
        weights: amounts, shape (entries,).
        table: properties by Z, shape (119, k).

    Returns:
        Shape (n, k).
    """
    count, columns = len(row_ptr) - 1, table.shape[1]
    made = np.zeros((count, columns))
    for row in range(count):
        total = 0.0
        for entry in range(row_ptr[row], row_ptr[row + 1]):
            weight, number = weights[entry], numbers[entry]
            total += weight
            for column in range(columns):
                made[row, column] += table[number, column] * weight
        for column in range(columns):
            made[row, column] /= total
    return made


@njit(cache=True, error_model="numpy")
def geometric_mean(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float64],
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Geometric mean of one property over the elements of every composition, weighted by their amounts.

    Args:
        row_ptr: offsets, shape (n + 1,).
        numbers: Z of every entry, shape (entries,), each within the table.
        weights: amounts, shape (entries,).
        values: the property by Z, shape (119,); positive.

    Returns:
        Shape (n,).
    """
    count = len(row_ptr) - 1
    made = np.full(count, np.nan)
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        if start == stop:
            continue
        total = 0.0
        for entry in range(start, stop):
            total += weights[entry]
        product = 1.0
        for entry in range(start, stop):
            product *= values[numbers[entry]] ** (weights[entry] / total)
        made[row] = product
    return made


@njit(cache=True, error_model="numpy")
def power_norms(
    row_ptr: NDArray[np.int64], weights: NDArray[np.float64], powers: NDArray[np.float64]
) -> NDArray[np.float64]:
    """p-norms of the atomic fractions of every composition; p = 0 counts the elements.

    Args:
        row_ptr: offsets, shape (n + 1,).
        weights: amounts, shape (entries,).
        powers: p, not negative, shape (k,).

    Returns:
        Shape (n, k).
    """
    count, columns = len(row_ptr) - 1, len(powers)
    made = np.empty((count, columns))
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        total = 0.0
        for entry in range(start, stop):
            total += weights[entry]
        for column in range(columns):
            power = powers[column]
            if power == 0.0:
                made[row, column] = stop - start
                continue
            norm = 0.0
            for entry in range(start, stop):
                norm += (weights[entry] / total) ** power
            made[row, column] = norm ** (1.0 / power)
    return made
