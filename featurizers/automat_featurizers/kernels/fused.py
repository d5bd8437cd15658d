"""Products and sums that are rounded once, as the linear algebra behind numpy rounds them on today's processors.

Where a threshold lies on a symmetric position of a crystal, the last digit decides on which side an atom
falls. Numbers that are to agree there have to be computed with the same roundings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _multiply_and_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """The signature of ``fused``, and what makes its code."""
    del context, a, b, c

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


fused: Any = intrinsic(_multiply_and_add)
"""``a * b + c``, rounded once; for compiled code."""


@njit(cache=True)
def fused_dot(a0: float, a1: float, a2: float, b0: float, b1: float, b2: float) -> float:
    """Scalar product of two vectors, as ``numpy.dot`` gives it."""
    return float(fused(a2, b2, fused(a1, b1, fused(a0, b0, 0.0))))


@njit(cache=True)
def fused_rows(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """``rows @ matrix``, as ``numpy.dot`` gives it, shapes (n, 3) and (3, 3)."""
    made = np.empty((len(rows), 3))
    for row in range(len(rows)):
        for axis in range(3):
            made[row, axis] = fused_dot(
                rows[row, 0], rows[row, 1], rows[row, 2], matrix[0, axis], matrix[1, axis], matrix[2, axis]
            )
    return made


@njit(cache=True)
def fused_rows_each(
    row_ptr: NDArray[np.int64], rows: NDArray[np.float64], matrices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``fused_rows`` with a matrix for each span of rows, shapes (n + 1,), (m, 3) and (n, 3, 3)."""
    made = np.empty_like(rows)
    for span in range(len(row_ptr) - 1):
        here = slice(row_ptr[span], row_ptr[span + 1])
        made[here] = fused_rows(rows[here], matrices[span])
    return made
