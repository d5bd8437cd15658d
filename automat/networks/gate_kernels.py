"""Compiled loops behind :mod:`automat.networks.fused_gate`: one thread, float32 or float64.

Importing this loads numba, so it is imported where it is first used. Compiled code is kept on disk beside the
source (or in numba's user cache where that cannot be written).

Arrays come in bundles:

- ``edges``: of every edge its neighbour, its central atom and the row of its length, shape (E,) each.
- ``parts``: what gates are made of. Two rows an atom, what it gives as the centre of an edge and as the
  neighbour, shape (N, 2, W), and one row for every different edge length, shape (L, W). The gates of an edge are
  the sum of the three that it leads to. W is twice the features F of an atom, the filter's half first.
- ``norm``: what is taken off the gates, what they are then multiplied by, and what is added last, shape (W,) each.
- ``totals``: shaped as ``parts``; what is found at an edge is added to the rows that it leads to.

Edges go through in blocks: the rows of a block stay in the processor's first cache while one short loop after the
other, of few arrays each, passes over them. Only of such loops does LLVM make vector instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import overload

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Edges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    Parts = tuple[NDArray[Any], NDArray[Any]]
    Norm = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]

Function = TypeVar("Function", bound=Callable[..., Any])

BLOCK = 16
"""Edges at a time: with 64 features and float32 their rows take 8 kB an array."""

_ONE, _TWO = np.float32(1), np.float32(2)
_LOG2_E = np.float32(1 / math.log(2))
_ROUNDER = np.float32(1.5 * 2**23)
"""Added to a small float32, its last bits are the nearest whole number."""
_LOG_2_HIGH = np.float32(0.693359375)
"""Of few binary digits: times a whole number below 2^15 it is exact."""
_LOG_2_LOW = np.float32(math.log(2) - 0.693359375)
_LEAST = np.float32(-87)
"""exp of less is no normal float32."""
_E2, _E3, _E4, _E5, _E6 = (np.float32(1 / math.factorial(power)) for power in range(2, 7))
"""Taylor's: beyond them 1e-7 is left of exp(r) for r at most half of log 2."""
_A3, _A5, _A7, _A9, _A11, _A13, _A15 = (np.float32(1 / power) for power in range(3, 16, 2))
"""Taylor's of artanh: beyond them 2e-9 is left where the argument is at most a third."""


def _compiled(function: Function) -> Function:
    """Compile at the first call.

    ``contract`` lets a product and a sum be rounded once. Nothing is reordered.
    """
    return cast("Function", njit(cache=True, error_model="numpy", fastmath={"contract"})(function))


def _falling_exp(value: float) -> float:
    """``exp(-|value|)``; compiled code has one for each precision."""
    return math.exp(-abs(value))


@overload(_falling_exp)
def _falling_exp_of(value: Any) -> Callable[[Any], Any]:
    def double(value: Any) -> Any:
        return math.exp(-abs(value))

    def single(value: Any) -> Any:
        # What is not a number is not less than anything, and stays.
        falling = max(-abs(value), _LEAST)
        raised = falling * _LOG2_E + _ROUNDER
        power = raised - _ROUNDER
        rest = (falling - power * _LOG_2_HIGH) - power * _LOG_2_LOW
        series = (((((_E6 * rest + _E5) * rest + _E4) * rest + _E3) * rest + _E2) * rest + _ONE) * rest + _ONE
        # The whole number moves to where a float32 keeps its power of two, of which 127 stands for none.
        bits = (np.int64(np.float32(raised).view(np.int32)) << 23) + (127 << 23)
        return series * np.int32(bits).view(np.float32)

    return single if value == types.float32 else double


def _twice_artanh(value: float) -> float:
    """Of values from 0 to a third: of u / (2 + u) it is log(1 + u). Compiled code has one for each precision."""
    return 2 * math.atanh(value)


@overload(_twice_artanh)
def _twice_artanh_of(value: Any) -> Callable[[Any], Any]:
    def double(value: Any) -> Any:
        return 2 * math.atanh(value)

    def single(value: Any) -> Any:
        square = value * value
        series = (((((_A15 * square + _A13) * square + _A11) * square + _A9) * square + _A7) * square + _A5) * square
        return _TWO * value * ((series + _A3) * square + _ONE)

    return single if value == types.float32 else double


@_compiled
def _gates(block: NDArray[Any], first: int, edges: Edges, parts: Parts, mean: NDArray[Any]) -> int:
    """Fill a block with the gates of edges from ``first`` on, less their mean; how many there were left."""
    neighbours, centres, length_of = edges
    ends, lengths = parts
    count = min(BLOCK, len(centres) - first)
    for row in range(count):
        centre, neighbour, length = centres[first + row], neighbours[first + row], length_of[first + row]
        for column in range(len(mean)):
            block[row, column] = (ends[centre, 0, column] - mean[column]) + (
                ends[neighbour, 1, column] + lengths[length, column]
            )
    return count


@_compiled
def _add_to_parts(block: NDArray[Any], count: int, first: int, edges: Edges, totals: Parts) -> None:
    """Add every row of a block, of edges from ``first`` on, to the rows that the edge leads to."""
    neighbours, centres, length_of = edges
    of_ends, of_lengths = totals
    for row in range(count):
        centre, neighbour, length = centres[first + row], neighbours[first + row], length_of[first + row]
        for column in range(block.shape[1]):
            of_ends[centre, 0, column] += block[row, column]
        for column in range(block.shape[1]):
            of_ends[neighbour, 1, column] += block[row, column]
        for column in range(block.shape[1]):
            of_lengths[length, column] += block[row, column]


@_compiled
def mean_gates(counts: Edges, parts: Parts) -> NDArray[np.float64]:
    """Mean of the gates over all edges, shape (W,), without going through them.

    Args:
        counts: edges of every neighbour, of every central atom, shape (N,), and of every length, shape (L,).
        parts: see above.
    """
    as_neighbours, as_centres, of_length = counts
    ends, lengths = parts
    total = np.zeros(lengths.shape[1])
    for atom in range(len(ends)):
        as_neighbour, as_centre = float(as_neighbours[atom]), float(as_centres[atom])
        for column in range(len(total)):
            total[column] += as_centre * ends[atom, 0, column] + as_neighbour * ends[atom, 1, column]
    for length in range(len(lengths)):
        share = float(of_length[length])
        for column in range(len(total)):
            total[column] += share * lengths[length, column]
    total /= as_centres.sum()
    return total


@_compiled
def gate_moments(edges: Edges, parts: Parts, mean: NDArray[Any], totals: Parts) -> NDArray[np.float64]:
    """Variance of the gates, shape (W,); what is added to the totals are the gates less their mean.

    Args:
        edges: see above.
        parts: likewise.
        totals: likewise.
        mean: of the gates, shape (W,).
    """
    squares = np.zeros(len(mean))
    block = np.empty((BLOCK, len(mean)), mean.dtype)
    for first in range(0, len(edges[0]), BLOCK):
        count = _gates(block, first, edges, parts, mean)
        # A block is summed in its own precision, blocks in float64: a long sum of float32 loses digits.
        part = np.zeros(len(mean), mean.dtype)
        for row in range(count):
            for column in range(len(mean)):
                part[column] += block[row, column] * block[row, column]
        for column in range(len(mean)):
            squares[column] += part[column]
        _add_to_parts(block, count, first, edges, totals)
    return squares / len(edges[0])


@_compiled
def sum_messages(edges: Edges, parts: Parts, norm: Norm, sums: NDArray[Any]) -> None:
    """Add ``sigmoid(filter) * softplus(core)`` of every edge's gates to its central atom.

    Args:
        edges: see above.
        parts: likewise.
        norm: likewise.
        sums: of the central atoms, shape (N, F).
    """
    mean, scale, shift = norm
    half = sums.shape[1]
    block = np.empty((BLOCK, len(mean)), mean.dtype)
    zero, one, two = mean.dtype.type(0), mean.dtype.type(1), mean.dtype.type(2)
    for first in range(0, len(edges[0]), BLOCK):
        count = _gates(block, first, edges, parts, mean)
        for row in range(count):
            gates, centre = block[row], edges[1][first + row]
            for column in range(half):
                opening = gates[column] * scale[column] + shift[column]
                core = gates[half + column] * scale[half + column] + shift[half + column]
                closing, falling = _falling_exp(opening), _falling_exp(core)
                opened = (closing if opening < zero else one) / (one + closing)
                gates[column] = opened * (max(core, zero) + _twice_artanh(falling / (two + falling)))
            for column in range(half):
                sums[centre, column] += gates[column]


@_compiled
def spread_gradient(
    edges: Edges, parts: Parts, norm: Norm, gradient: NDArray[Any], totals: Parts
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From the gradient of the sums to that of the gates after the norm, which is added to the totals.

    Args:
        edges: see above.
        parts: likewise.
        norm: likewise.
        totals: likewise.
        gradient: of ``sum_messages``'s sums, shape (N, F).

    Returns:
        The sum over all edges, shape (W,), and that of its product with the gates less their mean, shape (W,).
    """
    mean, scale, shift = norm
    half, width = gradient.shape[1], len(mean)
    total, along = np.zeros(width), np.zeros(width)
    block, slopes = np.empty((BLOCK, width), mean.dtype), np.empty((BLOCK, width), mean.dtype)
    zero, one, two = mean.dtype.type(0), mean.dtype.type(1), mean.dtype.type(2)
    for first in range(0, len(edges[0]), BLOCK):
        count = _gates(block, first, edges, parts, mean)
        for row in range(count):
            gates, slope, centre = block[row], slopes[row], edges[1][first + row]
            for column in range(half):
                opening = gates[column] * scale[column] + shift[column]
                core = gates[half + column] * scale[half + column] + shift[half + column]
                closing, falling = _falling_exp(opening), _falling_exp(core)
                opened = (closing if opening < zero else one) / (one + closing)
                shut = (one if opening < zero else closing) / (one + closing)
                slope[column] = opened * shut * (max(core, zero) + _twice_artanh(falling / (two + falling)))
                slope[half + column] = opened * ((falling if core < zero else one) / (one + falling))
            for column in range(half):
                slope[column] *= gradient[centre, column]
            for column in range(half):
                slope[half + column] *= gradient[centre, column]
        part, part_along = np.zeros(width, mean.dtype), np.zeros(width, mean.dtype)
        for row in range(count):
            for column in range(width):
                part[column] += slopes[row, column]
            for column in range(width):
                part_along[column] += slopes[row, column] * block[row, column]
        for column in range(width):
            total[column] += part[column]
            along[column] += part_along[column]
        _add_to_parts(slopes, count, first, edges, totals)
    return total, along


@_compiled
def through_norm(
    slopes: NDArray[Any],
    gates: NDArray[Any],
    counts: NDArray[np.int64],
    scale: NDArray[Any],
    mean_slope: NDArray[Any],
    along: NDArray[Any],
) -> None:
    """Turn sums of the scaled gates' gradient into sums of the gates' own, in place: batch norm's backward pass.

    Args:
        slopes: of every part over its edges, shape (n, W).
        gates: sums of the gates less their mean, shape (n, W).
        counts: how many edges, shape (n,).
        scale: of the gates, shape (W,).
        mean_slope: over all edges, shape (W,).
        along: what the gates less their mean are multiplied by, shape (W,).
    """
    for row in range(len(slopes)):
        count = slopes.dtype.type(counts[row])
        for column in range(len(scale)):
            rest = slopes[row, column] - count * mean_slope[column] - gates[row, column] * along[column]
            slopes[row, column] = scale[column] * rest


@_compiled
def different(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The different ones among values, as they first appear, and the place of each value among them.

    A table of places is searched from where the value's bits point to. Close by in ``values`` is then close by
    in memory, which sorting would undo.
    """
    size = 16
    while size < 2 * len(values):
        size *= 2
    table = np.full(size, -1, np.int64)
    found = np.empty(len(values), values.dtype)
    place = np.empty(len(values), np.int64)
    count = 0
    for row in range(len(values)):
        value = values[row]
        # Knuth's multiplier spreads neighbouring numbers; of the product the middle bits depend on all.
        slot = ((np.int64(np.float32(value).view(np.int32)) * 2654435761) >> 12) & (size - 1)
        while table[slot] >= 0 and found[table[slot]] != value:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = count
            found[count] = value
            count += 1
        place[row] = table[slot]
    return found[:count].copy(), place
