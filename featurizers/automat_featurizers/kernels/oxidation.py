"""Search for oxidation states that balance the charges of a composition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOUND, UNBALANCED, NO_STATES, TOO_LARGE = 0, 1, 2, 3
"""Outcomes of a search."""

MAX_CELLS = 4_000_000
"""Entries that the tables of one composition may have, eight bytes each."""
MAX_STEPS = 100_000_000
"""Additions and comparisons that one composition may take: about 0.2 s."""
MAX_TRIALS = 2_000_000
"""Partial assignments of one state an element that one composition may take: about 0.02 s."""

_UNREACHABLE = -1
_NEUTRAL = 1e-8


@njit(cache=True)
def likeliest_states(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    counts: NDArray[np.int64],
    state_ptr: NDArray[np.int64],
    states: NDArray[np.int64],
    odds: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The oxidation state of every atom, neutral in total, of the largest sum of odds.

    Atoms of an element may differ in state. What can be reached is found by dynamic programming over atoms and
    then over elements, in time polynomial in the number of atoms. Among equally likely answers it is the one
    that comes first when the states of an element are tried in the order given, sums of charge in the order
    in which such trials first reach them, and the last element changes fastest.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        counts: atoms of every entry, shape (entries,).
        state_ptr: offsets of the elements' states by Z, shape (120,).
        states: oxidation states, shape (states,).
        odds: how often each occurs, not negative, shape (states,).

    Returns:
        Atoms of every entry in the first, second, ... state of its element, shape (entries, most states), all 0
        without an answer; the outcomes, shape (n,).
    """
    rows = len(row_ptr) - 1
    most = 1
    for number in range(len(state_ptr) - 1):
        most = max(most, state_ptr[number + 1] - state_ptr[number])
    atoms = np.zeros((len(numbers), most), np.int64)
    outcomes = np.empty(rows, np.int8)
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        outcomes[row] = _states_of_row(
            numbers[start:stop], counts[start:stop], state_ptr, states, odds, atoms[start:stop]
        )
    return atoms, outcomes


@njit(cache=True)
def _states_of_row(
    numbers: NDArray[np.int64],
    counts: NDArray[np.int64],
    state_ptr: NDArray[np.int64],
    states: NDArray[np.int64],
    odds: NDArray[np.int64],
    atoms: NDArray[np.int64],
) -> int:
    """Fill ``atoms`` of one composition and tell the outcome."""
    elements = len(numbers)
    if elements == 0:
        return UNBALANCED
    # Of every element: its lowest state, how far the sums of charge reach above that of all atoms in it, and
    # where its table starts.
    lowest, width = np.empty(elements, np.int64), np.empty(elements, np.int64)
    table_ptr, after_ptr = np.zeros(elements + 1, np.int64), np.zeros(elements + 2, np.int64)
    after_low, after_width = np.zeros(elements + 1, np.int64), np.ones(elements + 1, np.int64)
    steps = 0.0
    for element in range(elements - 1, -1, -1):
        first, last = state_ptr[numbers[element]], state_ptr[numbers[element] + 1]
        if first == last:
            return NO_STATES
        low, high = states[first], states[first]
        for state in range(first, last):
            low, high = min(low, states[state]), max(high, states[state])
        count = counts[element]
        lowest[element], width[element] = low, count * (high - low) + 1
        steps += float(count) * width[element] * (last - first) + float(width[element]) * after_width[element + 1]
        if steps > MAX_STEPS or (count + 1.0) * width[element] > MAX_CELLS:
            return TOO_LARGE
        after_low[element] = after_low[element + 1] + count * low
        after_width[element] = after_width[element + 1] + width[element] - 1
    if after_low[0] > 0 or after_low[0] + after_width[0] - 1 < 0:
        return UNBALANCED
    for element in range(elements):
        table_ptr[element + 1] = table_ptr[element] + (counts[element] + 1) * width[element]
    for element in range(elements + 1):
        after_ptr[element + 1] = after_ptr[element] + after_width[element]
    if table_ptr[elements] + after_ptr[elements + 1] > MAX_CELLS:
        return TOO_LARGE

    table = np.full(table_ptr[elements], _UNREACHABLE, np.int64)
    after = np.full(after_ptr[elements + 1], _UNREACHABLE, np.int64)
    after[after_ptr[elements]] = 0
    for element in range(elements - 1, -1, -1):
        first, last = state_ptr[numbers[element]], state_ptr[numbers[element] + 1]
        best = table[table_ptr[element] : table_ptr[element + 1]].reshape((counts[element] + 1, width[element]))
        _best_of_element(states[first:last] - lowest[element], odds[first:last], best)
        # All elements from this one on.
        here, there = after_ptr[element], after_ptr[element + 1]
        for charge in range(width[element]):
            likely = best[counts[element], charge]
            if likely == _UNREACHABLE:
                continue
            for rest in range(after_width[element + 1]):
                if after[there + rest] != _UNREACHABLE:
                    together = likely + after[there + rest]
                    after[here + charge + rest] = max(after[here + charge + rest], together)
    if after[after_ptr[0] - after_low[0]] == _UNREACHABLE:
        return UNBALANCED

    left = 0  # the charge that this element and those after it must have
    for element in range(elements):
        first, last = state_ptr[numbers[element]], state_ptr[numbers[element] + 1]
        best = table[table_ptr[element] : table_ptr[element + 1]].reshape((counts[element] + 1, width[element]))
        shifted = states[first:last] - lowest[element]
        wanted = after[after_ptr[element] + left - after_low[element]]
        chosen = -1
        for charge in range(width[element]):
            rest = left - counts[element] * lowest[element] - charge - after_low[element + 1]
            likely = best[counts[element], charge]
            if likely == _UNREACHABLE or rest < 0 or rest >= after_width[element + 1]:
                continue
            others = after[after_ptr[element + 1] + rest]
            if others == _UNREACHABLE or likely + others != wanted:
                continue
            if chosen < 0 or _reached_before(charge, chosen, shifted, best):
                chosen = charge
        left -= counts[element] * lowest[element] + chosen
        for count in range(counts[element], 0, -1):
            for state in range(last - first):
                before = chosen - shifted[state]
                if before < 0 or best[count - 1, before] == _UNREACHABLE:
                    continue
                if best[count - 1, before] + odds[first + state] == best[count, chosen]:
                    atoms[element, state] += 1
                    chosen = before
                    break
    return FOUND


@njit(cache=True)
def _best_of_element(shifted: NDArray[np.int64], odds: NDArray[np.int64], best: NDArray[np.int64]) -> None:
    """Fill the largest sum of odds by how many atoms and which sum of (shifted) states, shape (atoms + 1, sums)."""
    best[0, 0] = 0
    widest = shifted.max()
    for count in range(1, len(best)):
        for state in range(len(shifted)):
            step = shifted[state]
            for before in range((count - 1) * widest + 1):
                if best[count - 1, before] != _UNREACHABLE:
                    likely = best[count - 1, before] + odds[state]
                    best[count, before + step] = max(best[count, before + step], likely)


@njit(cache=True)
def _reached_before(first: int, second: int, shifted: NDArray[np.int64], best: NDArray[np.int64]) -> bool:
    """Whether trying the states in order reaches the one sum of charge before the other."""
    for count in range(len(best) - 1, 0, -1):
        one, other = _first_step(first, count, shifted, best), _first_step(second, count, shifted, best)
        if one != other:
            return one < other
        first, second = first - shifted[one], second - shifted[other]
    return False


@njit(cache=True)
def _first_step(charge: int, count: int, shifted: NDArray[np.int64], best: NDArray[np.int64]) -> int:
    for state in range(len(shifted)):
        before = charge - shifted[state]
        if before >= 0 and best[count - 1, before] != _UNREACHABLE:
            return state
    return 0


@njit(cache=True)
def one_state_each(
    row_ptr: NDArray[np.int64],
    numbers: NDArray[np.int64],
    amounts: NDArray[np.float64],
    state_ptr: NDArray[np.int64],
    states: NDArray[np.int64],
) -> NDArray[np.int8]:
    """Whether one oxidation state an element can make every composition neutral to 1e-8.

    Args:
        row_ptr: offsets of the compositions, shape (n + 1,).
        numbers: Z of every entry, shape (entries,).
        amounts: of every entry, whole or not, shape (entries,).
        state_ptr: offsets of the elements' states by Z, shape (120,).
        states: oxidation states, shape (states,).

    Returns:
        Outcomes, shape (n,).
    """
    rows = len(row_ptr) - 1
    outcomes = np.empty(rows, np.int8)
    for row in range(rows):
        start, stop = row_ptr[row], row_ptr[row + 1]
        outcomes[row] = _one_state_each(numbers[start:stop], amounts[start:stop], state_ptr, states)
    return outcomes


@njit(cache=True)
def _one_state_each(
    numbers: NDArray[np.int64], amounts: NDArray[np.float64], state_ptr: NDArray[np.int64], states: NDArray[np.int64]
) -> int:
    elements = len(numbers)
    low, high = np.zeros(elements + 1), np.zeros(elements + 1)  # charge of this element and those after it
    size = 0.0
    for element in range(elements - 1, -1, -1):
        first, last = state_ptr[numbers[element]], state_ptr[numbers[element] + 1]
        if first == last:
            return NO_STATES
        low[element] = low[element + 1] + amounts[element] * states[first:last].min()
        high[element] = high[element + 1] + amounts[element] * states[first:last].max()
        size = max(size, abs(low[element]), abs(high[element]))
    slack = _NEUTRAL + 1e-12 * size
    tried = np.full(elements, -1, np.int64)
    charge = np.zeros(elements + 1)
    element, trials = 0, 0
    while element >= 0:
        first, last = state_ptr[numbers[element]], state_ptr[numbers[element] + 1]
        tried[element] += 1
        if tried[element] == last - first:
            tried[element] = -1
            element -= 1
            continue
        trials += 1
        if trials > MAX_TRIALS:
            return TOO_LARGE
        charge[element + 1] = charge[element] + amounts[element] * states[first + tried[element]]
        if charge[element + 1] + low[element + 1] > slack or charge[element + 1] + high[element + 1] < -slack:
            continue
        if element + 1 < elements:
            element += 1
        elif abs(charge[elements]) <= _NEUTRAL:
            return FOUND
    return UNBALANCED
