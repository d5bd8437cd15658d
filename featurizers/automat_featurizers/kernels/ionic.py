"""Ionic character of the bonds that the elements of a composition could form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True, error_model="numpy")
def ionic_character(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    electronegativity: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Largest and mean ionic character, 1 - exp(-(difference of electronegativities)^2 / 4), over pairs of elements.

    A pair weighs the product of its two atomic fractions; weights are not normalized.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        electronegativity: Pauling's, by Z, shape (119,).

    Returns:
        Shape (n, 2): 0 for an element by itself; NaN where an electronegativity is not known.
    """
    rows = len(row_ptr) - 1
    made = np.zeros((rows, 2))
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        total = 0.0
        for entry in range(start, stop):
            total += amounts[entry]
        largest, mean = 0.0, 0.0
        for entry in range(start, stop):
            for other in range(entry + 1, stop):
                away = electronegativity[numbers[entry]] - electronegativity[numbers[other]]
                character = 1.0 - math.exp(-0.25 * away * away)
                largest = max(largest, character)
                mean += (amounts[entry] / total) * (amounts[other] / total) * character
        made[row, 0], made[row, 1] = (np.nan if np.isnan(mean) else largest), mean
    return made
