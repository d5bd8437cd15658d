"""Statistics of site values over the sites of each structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "std_dev")


def site_statistics(
    values: NDArray[np.float64], row_ptr: NDArray[np.int64], statistics: Sequence[str]
) -> NDArray[np.float64]:
    """Statistics of every column over the sites of every structure, as matminer's ``PropertyStats``.

    Args:
        values: of every site, shape (sites, k).
        row_ptr: offsets of the structures' sites, shape (n + 1,).
        statistics: names out of ``STATISTICS``; ``std_dev`` is that of the population.

    Returns:
        Shape (n, k * len(statistics)): all statistics of the first column, then of the second, ... A
        column with a NaN among the sites of a structure is NaN there.
    """
    every = _all_statistics(np.ascontiguousarray(values), row_ptr)
    chosen = [STATISTICS.index(name) for name in statistics]
    return np.ascontiguousarray(every[:, :, chosen]).reshape(len(row_ptr) - 1, -1)


@njit(cache=True)
def _all_statistics(values: NDArray[np.float64], row_ptr: NDArray[np.int64]) -> NDArray[np.float64]:
    count, columns = len(row_ptr) - 1, values.shape[1]
    made = np.full((count, columns, 6), np.nan)
    for row in range(count):
        start, stop = row_ptr[row], row_ptr[row + 1]
        sites = stop - start
        for column in range(columns):
            low, high, total = np.inf, -np.inf, 0.0
            for site in range(start, stop):
                value = values[site, column]
                low, high, total = min(low, value), max(high, value), total + value
            if not np.isfinite(total):
                continue
            mean = total / sites
            absolute, squared = 0.0, 0.0
            for site in range(start, stop):
                away = values[site, column] - mean
                absolute, squared = absolute + abs(away), squared + away * away
            made[row, column, 0] = low
            made[row, column, 1] = high
            made[row, column, 2] = high - low
            made[row, column, 3] = mean
            made[row, column, 4] = absolute / sites
            made[row, column, 5] = np.sqrt(squared / sites)
    return made
