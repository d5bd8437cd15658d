"""Order parameters of every site's likely coordination numbers, weighted with their likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.order_parameters import SINGLE_BOND, shell_parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def weighted_motifs(
    row_ptr: NDArray[np.int64],
    vector: NDArray[np.float64],
    distance: NDArray[np.float64],
    cn_weight: NDArray[np.float64],
    largest: int,
    numbers: NDArray[np.int64],
    forms: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stable: bool,
) -> NDArray[np.float64]:
    """Likelihood of every coordination number c, and with it the order parameters of the first c candidates.

    Args:
        row_ptr: offsets of the sites' candidates, the likeliest first, shape (sites + 1,).
        vector: from the site to the candidate, angstrom, shape (candidates, 3).
        distance: its length, angstrom, shape (candidates,).
        cn_weight: likelihood of coordination numbers 0, 1, ..., shape (sites, any); NaN where not known.
        largest: coordination number to end with.
        numbers: coordination number of every order parameter, ascending, shape (k,); none may be 0.
        forms: shape (k,).
        parameters: shape (k, PARAMETERS).
        stable: as in ``shell_parameters``, and all candidates have one rank.

    Returns:
        Shape (sites, largest + k): likelihood of 1, order parameters of 1 times it, likelihood of 2, ...
    """
    sites = len(row_ptr) - 1
    made = np.zeros((sites, largest + len(numbers)))
    shell = np.empty(len(numbers))
    for site in range(sites):
        if np.isnan(cn_weight[site, 0]):
            made[site] = np.nan
            continue
        start = row_ptr[site]
        candidates = row_ptr[site + 1] - start
        column, first = 0, 0
        for size in range(1, largest + 1):
            last = first
            while last < len(numbers) and numbers[last] == size:
                last += 1
            weight = cn_weight[site, size] if size <= candidates else 0.0
            made[site, column] = weight
            if weight != 0.0 and last > first:
                units = np.empty((size, 3))
                for place in range(size):
                    for axis in range(3):
                        units[place, axis] = vector[start + place, axis] / distance[start + place]
                rank = np.zeros(size, np.int64) if stable else np.arange(size)
                shell_parameters(units, forms[first:last], parameters[first:last], rank, stable, shell[first:last])
                for place in range(first, last):
                    value = shell[place]
                    if forms[place] == SINGLE_BOND:
                        value = _single_bond(distance[start : start + size])
                    made[site, column + 1 + place - first] = weight * value
            column += 1 + last - first
            first = last
    return made


@njit(cache=True)
def _single_bond(distances: NDArray[np.float64]) -> float:
    """How much nearer the nearest neighbour is than the next; 1 if there is no other."""
    if len(distances) < 2:  # noqa: PLR2004 - the nearest and the next
        return 1.0
    ordered = np.sort(distances)
    return float(1.0 - ordered[0] / ordered[1])
