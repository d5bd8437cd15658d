"""Histograms of the angles and dihedral angles between bonds, with weights as in force-field inspired descriptors.

Angles are rounded to a thousandth of a degree. Each different angle counts once, weighted with how often an
atom that has it has it on average; a tally keeps, for every thousandth of a degree, how often it was seen and
at how many atoms.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from automat_featurizers.kernels.fused import fused, fused_dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 179
"""Bins of one degree, from 1 to 180 degrees."""

STEPS = 180_001
"""Thousandths of a degree from 0 to 180 degrees."""

_DEGREE = 180.0 / math.pi
_CLIPPED = 1e-6
"""What is taken from a cosine beyond -1 or 1: 180 degrees become 179.919."""

_BARELY = 1e-3
"""Share of a thousandth of a degree by which an angle may lie below a half and still be rounded up."""

_HALF = 0.5
_NEAR_HALF = 1e-9

_STRAIGHT = 1e-5
"""Sine of the angle between two bonds below which they are on one line and span no plane."""

_LEAST = 0.99
"""Degrees; smaller angles are in no bin."""


@njit(cache=True)
def _thousandths(degrees: float, steady: bool) -> int:
    """Degrees rounded to thousandths: to the nearest (of two, the even one), or steadily for angles on a half."""
    if steady:
        return math.floor(degrees * 1000.0 + _HALF + _BARELY)
    scaled = degrees * 1000.0
    whole = math.floor(scaled)
    up = scaled - whole > _HALF
    if abs(scaled - whole - _HALF) < _NEAR_HALF:
        # What the product lost in rounding decides.
        beyond = fused(degrees, 1000.0, -(whole + _HALF))
        up = beyond > 0.0 or (beyond == 0.0 and whole % 2 == 1)
    return int(whole) + (1 if up else 0)


@njit(cache=True)
def new_tallies(count: int) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Empty tallies.

    Returns:
        For every thousandth of a degree how often it was seen, at how many atoms, and 1 + the last of these
        (count, STEPS, 3); the thousandths that were seen (count, STEPS), and how many these are (count,).
    """
    return np.zeros((count, STEPS, 3), np.int32), np.empty((count, STEPS), np.int64), np.zeros(count, np.int64)


@njit(cache=True)
def _add(tally: NDArray[np.int32], seen: NDArray[np.int64], used: int, step: int, atom: int) -> int:
    """Note an angle of an atom; returns how many different angles there are now."""
    if tally[step, 0] == 0:
        seen[used] = step
        used += 1
    tally[step, 0] += 1
    if tally[step, 2] != atom + 1:
        tally[step, 1] += 1
        tally[step, 2] = atom + 1
    return used


@njit(cache=True)
def drain(tally: NDArray[np.int32], seen: NDArray[np.int64], used: int, histogram: NDArray[np.float64]) -> None:
    """Add the angles of one tally to a histogram, shape (BINS,), and empty the tally."""
    for position in range(used):
        step = seen[position]
        place = min(step // 1000 - 1, BINS - 1)
        if place >= 0:
            histogram[place] += tally[step, 0] / tally[step, 1]
        tally[step] = 0


@njit(cache=True)
def add_angles(
    bonds: NDArray[np.float64],
    lengths: NDArray[np.float64],
    count: int,
    within: NDArray[np.float64],
    atom: int,
    steady: bool,
    tallies: NDArray[np.int32],
    seen: NDArray[np.int64],
    used: NDArray[np.int64],
) -> None:
    """Tally the angles between the bonds of one atom: those of two short bonds in one tally or in both.

    Args:
        bonds: vectors, angstrom, shape (at least count, 3).
        lengths: angstrom, shape (at least count,).
        count: how many bonds there are.
        within: length below which both bonds must lie for the first and the second tally, angstrom, shape (2,).
        atom: which atom it is; calls for one atom follow each other.
        steady: round and clip so that noise does not matter.
        tallies: of ``new_tallies``.
        seen: of ``new_tallies``.
        used: of ``new_tallies``.
    """
    nearest, farthest = within.min(), within.max()
    wide, narrow = (0, 1) if within[0] > within[1] else (1, 0)
    wide_tally, narrow_tally, wide_seen, narrow_seen = tallies[wide], tallies[narrow], seen[wide], seen[narrow]
    wide_used, narrow_used = used[wide], used[narrow]
    for one in range(count):
        for other in range(one + 1, count):
            longer = max(lengths[one], lengths[other])
            if not longer < farthest:
                continue
            product = bonds[one, 0] * bonds[other, 0] + bonds[one, 1] * bonds[other, 1]
            product += bonds[one, 2] * bonds[other, 2]
            cosine = product / (lengths[one] * lengths[other])
            if steady:
                cosine = min(1.0, max(-1.0, cosine))
            else:
                if cosine <= -1.0:
                    cosine += _CLIPPED
                if cosine >= 1.0:
                    cosine -= _CLIPPED
            step = _thousandths(math.acos(cosine) * _DEGREE, steady)
            wide_used = _add(wide_tally, wide_seen, wide_used, step, atom)
            if longer < nearest:
                narrow_used = _add(narrow_tally, narrow_seen, narrow_used, step, atom)
    used[wide], used[narrow] = wide_used, narrow_used


@njit(cache=True)
def _cross(a0: float, a1: float, a2: float, b0: float, b1: float, b2: float) -> tuple[float, float, float]:
    return a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0


@njit(cache=True)
def _norm(a0: float, a1: float, a2: float) -> float:
    return math.sqrt(fused_dot(a0, a1, a2, a0, a1, a2))


@njit(cache=True)
def add_dihedrals(
    atoms: int,
    bond_ptr: NDArray[np.int64],
    ends: NDArray[np.int64],
    backs: NDArray[np.int64],
    bonds: NDArray[np.float64],
    steady: bool,
    tally: NDArray[np.int32],
    seen: NDArray[np.int64],
) -> int:
    """Tally the dihedral angles around every bond, one for each pair of other bonds at its two ends.

    Args:
        atoms: how many.
        bond_ptr: offsets of the atoms' bonds, shape (atoms + 1,).
        ends: the atom at the other end of a bond, shape (bonds,).
        backs: position of the same bond among all, seen from its other end, shape (bonds,).
        bonds: vectors from the other end to the atom, angstrom, shape (bonds, 3).
        steady: see each bond from both ends, leave out dihedrals of bonds on one line, and round so that noise
            does not matter; else see each bond from the atom that comes first.
        tally: one of ``new_tallies``, empty.
        seen: of that one.

    Returns:
        Entries of ``seen`` now.
    """
    used = 0
    for atom in range(atoms):
        for middle in range(bond_ptr[atom], bond_ptr[atom + 1]):
            end = ends[middle]
            if not steady and end <= atom:
                continue
            b0, b1, b2 = -bonds[middle, 0], -bonds[middle, 1], -bonds[middle, 2]
            length = _norm(b0, b1, b2)
            for before in range(bond_ptr[atom], bond_ptr[atom + 1]):
                if before == middle:
                    continue
                a0, a1, a2 = bonds[before, 0], bonds[before, 1], bonds[before, 2]
                left0, left1, left2 = _cross(a0, a1, a2, b0, b1, b2)
                if steady and _norm(left0, left1, left2) < _STRAIGHT * length * _norm(a0, a1, a2):
                    continue
                for after in range(bond_ptr[end], bond_ptr[end + 1]):
                    if after == backs[middle]:
                        continue
                    c0, c1, c2 = -bonds[after, 0], -bonds[after, 1], -bonds[after, 2]
                    right0, right1, right2 = _cross(b0, b1, b2, c0, c1, c2)
                    if steady and _norm(right0, right1, right2) < _STRAIGHT * length * _norm(c0, c1, c2):
                        continue
                    sine = length * fused_dot(a0, a1, a2, right0, right1, right2)
                    cosine = fused_dot(left0, left1, left2, right0, right1, right2)
                    degrees = abs(math.atan2(sine, cosine) * _DEGREE)
                    if degrees > _LEAST:
                        used = _add(tally, seen, used, _thousandths(degrees, steady), atom)
    return used
