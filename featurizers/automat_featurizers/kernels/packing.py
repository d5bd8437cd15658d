"""Efficiently packed clusters of hard spheres near a composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST, MOST = 3, 24
"""Numbers of neighbours of the clusters that are considered."""

MAX_STEPS = 50_000_000
"""Partly filled shells that are looked at for one composition: some tenths of a second."""

_SLACK = 1e-9
_FARTHEST = 1.0
"""What stands for the distance to a cluster that there is not."""


@njit(cache=True, error_model="numpy")
def best_cluster(ratio: float, ideal: NDArray[np.float64]) -> tuple[int, float]:
    """The number of neighbours that packs best around a centre, and how far from ideal that is.

    Args:
        ratio: of the radius of the centre to that of its neighbours.
        ideal: that ratio at the densest packing of 3, 4, ... 24 neighbours, rising, shape (22,).

    Returns:
        Number of neighbours, and 1 - ideal / ratio there; 0 and infinity where the ratio is not known.
    """
    best, size = np.inf, 0
    for place in range(len(ideal)):
        away = 1.0 - ideal[place] / ratio
        if abs(away) < abs(best):
            best, size = away, FEWEST + place
        if away < 0:
            break
    return size, best


@njit(cache=True, error_model="numpy")
def simultaneous_packing(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    radii: NDArray[np.float64],
    ideal: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Mean, and mean absolute, deviation from ideal packing if every atom's neighbours are an average of the others.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        radii: atomic radii by Z, in any unit, shape (119,).
        ideal: as ``best_cluster`` takes it.

    Returns:
        Shape (n, 2); infinite where a radius is not known.
    """
    rows = len(row_ptr) - 1
    made = np.zeros((rows, 2))
    for row in range(rows):
        total, radius = 0.0, 0.0
        for entry in range(row_ptr[row], row_ptr[row + 1]):
            total += amounts[entry]
            radius += amounts[entry] * radii[numbers[entry]]
        for entry in range(row_ptr[row], row_ptr[row + 1]):
            _, away = best_cluster(radii[numbers[entry]] * total / radius, ideal)
            made[row, 0] += amounts[entry] / total * away
            made[row, 1] += amounts[entry] / total * abs(away)
    return made


@njit(cache=True, error_model="numpy")
def nearest_clusters(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    radii: NDArray[np.float64],
    ideal: NDArray[np.float64],
    threshold: float,
    nearest: int,
    most_types: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances of every composition to the nearest clusters that are packed efficiently.

    A cluster is a centre and 3 to 24 neighbours, of the elements of the composition. Clusters of one composition
    count each. Shells are filled element by element; one is given up as soon as no filling of the rest can reach
    the radius that is asked, or come nearer than the clusters that are known.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, shape (entries,).
        radii: atomic radii by Z, in any unit, shape (119,).
        ideal: as ``best_cluster`` takes it.
        threshold: largest deviation from ideal packing of an efficient cluster.
        nearest: how many clusters.
        most_types: only so many elements, those of the largest amounts, make clusters.

    Returns:
        Euclidean distances of the atomic fractions, rising, filled up with 1, shape (n, nearest); steps taken, which
        for a search that was given up exceed ``MAX_STEPS``, shape (n,).
    """
    rows = len(row_ptr) - 1
    made = np.full((rows, nearest), np.nan)
    steps = np.zeros(rows, np.int64)
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        order = np.argsort(-amounts[start:stop], kind="mergesort")[:most_types]
        sizes, fractions = np.empty(len(order)), np.empty(len(order))
        total = amounts[start:stop].sum()
        outside = 0.0
        for entry in range(start, stop):
            outside += (amounts[entry] / total) ** 2
        for place in range(len(order)):
            sizes[place] = radii[numbers[start + order[place]]]
            fractions[place] = amounts[start + order[place]] / total
            outside -= fractions[place] ** 2
        if np.isnan(sizes).any() or len(sizes) == 0:
            continue
        if len(sizes) == stop - start:
            outside = 0.0
        found = np.full(nearest, np.inf)
        steps[row] = _search(sizes, fractions, outside, ideal, threshold, found)
        for place in range(nearest):
            made[row, place] = _FARTHEST if np.isinf(found[place]) else np.sqrt(found[place])
    return made, steps


@njit(cache=True, error_model="numpy")
def _search(
    radii: NDArray[np.float64],
    fractions: NDArray[np.float64],
    outside: float,
    ideal: NDArray[np.float64],
    threshold: float,
    found: NDArray[np.float64],
) -> int:
    """Fill the smallest squared distances and tell how many steps it took."""
    fewest, _ = best_cluster(radii.min() / radii.max(), ideal)
    most, _ = best_cluster(radii.max() / radii.min(), ideal)
    types = len(radii)
    smallest, largest = np.empty(types), np.empty(types)  # of this element and those after it
    left = np.empty(types + 1)
    left[types] = 0.0
    for place in range(types - 1, -1, -1):
        smallest[place], largest[place] = radii[place:].min(), radii[place:].max()
        left[place] = left[place + 1] + fractions[place]
    steps = 0
    for size in range(fewest, most + 1):
        for centre in range(types):
            goal = radii[centre] / ideal[size - FEWEST] * size
            slack = _SLACK * goal
            low, high = goal * (1.0 - threshold) - slack, goal * (1.0 + threshold) + slack
            steps += _fill(
                size, centre, radii, fractions, left, smallest, largest, low, high,
                outside, ideal[size - FEWEST], threshold, found, MAX_STEPS - steps,
            )  # fmt: skip
            if steps > MAX_STEPS:
                return steps
    return steps


@njit(cache=True, error_model="numpy")
def _fill(
    size: int,
    centre: int,
    radii: NDArray[np.float64],
    fractions: NDArray[np.float64],
    left: NDArray[np.float64],
    smallest: NDArray[np.float64],
    largest: NDArray[np.float64],
    low: float,
    high: float,
    outside: float,
    ideal: float,
    threshold: float,
    found: NDArray[np.float64],
    most_steps: int,
) -> int:
    """Try the shells of one size around one centre.

    Args:
        size: neighbours.
        centre: which element is in the centre.
        radii: of the elements, shape (t,).
        fractions: of the elements in the composition, shape (t,).
        left: of the elements from each on, shape (t + 1,).
        smallest: least radius of the elements from each on, shape (t,).
        largest: likewise, shape (t,).
        low: least sum of the neighbours' radii.
        high: likewise, the largest.
        outside: squared distance that elements outside the clusters add.
        ideal: ratio of radii at the densest packing.
        threshold: largest deviation from it, relative.
        found: smallest squared distances so far, rising, updated, shape (k,).
        most_steps: after which to give up.

    Returns:
        Steps taken.
    """
    types = len(radii)
    tried = np.full(types, -1, np.int64)
    rest = np.empty(types + 1, np.int64)
    span, distance = np.zeros(types + 1), np.zeros(types + 1)
    rest[0], distance[0] = size, outside
    depth, steps = 0, 0
    while depth >= 0:
        # The last element takes all that is left.
        tried[depth] = rest[depth] if depth == types - 1 and tried[depth] < 0 else tried[depth] + 1
        if tried[depth] > rest[depth]:
            tried[depth] = -1
            depth -= 1
            continue
        steps += 1
        if steps > most_steps:
            return steps
        rest[depth + 1] = rest[depth] - tried[depth]
        span[depth + 1] = span[depth] + tried[depth] * radii[depth]
        atoms = tried[depth] + (1 if depth == centre else 0)
        away = atoms / (size + 1.0) - fractions[depth]
        distance[depth + 1] = distance[depth] + away * away
        if depth + 1 < types:
            if span[depth + 1] + rest[depth + 1] * largest[depth + 1] < low:
                continue
            if span[depth + 1] + rest[depth + 1] * smallest[depth + 1] > high:
                continue
            others = (rest[depth + 1] + (1 if centre > depth else 0)) / (size + 1.0) - left[depth + 1]
            if distance[depth + 1] + others * others / (types - depth - 1) >= found[-1] + _SLACK:
                continue
            depth += 1
            continue
        mean = span[types] / size
        if distance[types] < found[-1] and abs(1.0 - ideal / (radii[centre] / mean)) < threshold:
            place = len(found) - 1
            while place > 0 and found[place - 1] > distance[types]:
                found[place] = found[place - 1]
                place -= 1
            found[place] = distance[types]
    return steps
