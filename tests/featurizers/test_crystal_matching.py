"""Pairs of crystals, as StructureMatcher judges them and in workers."""

from __future__ import annotations

import time

import numpy as np
from automat_featurizers import PackedStructures, crystal_matching
from automat_featurizers.crystal_matching import DIFFERENT, SAME, UNDECIDED, same_crystals
from automat_featurizers.workers import Workers
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure


def test_verdicts_are_the_matchers_own(crystals: list[Structure]) -> None:
    others = []
    for crystal in crystals:
        other = crystal.copy()
        other.make_supercell([2, 1, 1])
        other.perturb(0.05)
        others.append(other)
    packed = PackedStructures.pack([*crystals, *others])
    count = len(crystals)
    pairs = np.array([(row, row + count) for row in range(count)] + [(0, 2), (0, 1), (11, 14), (5, count + 6)])
    matcher = StructureMatcher()
    expected = [matcher.fit(packed[left], packed[right]) for left, right in pairs]
    verdicts = same_crystals(packed, pairs.astype(np.intp))
    assert verdicts.tolist() == [SAME if same else DIFFERENT for same in expected]
    assert 0 < sum(expected) < len(expected)


def test_a_crystal_that_cannot_be_judged_leaves_the_others_theirs(crystals: list[Structure]) -> None:
    packed = PackedStructures.pack([crystals[0], crystals[0], crystals[0]])
    packed.lattices[2] = 0.0
    verdicts = same_crystals(packed, np.array([[0, 1], [0, 2]], np.intp))
    assert verdicts.tolist() == [SAME, UNDECIDED]


def test_out_of_time_is_undecided(crystals: list[Structure]) -> None:
    packed = PackedStructures.pack([crystals[0], crystals[0]])
    assert same_crystals(packed, np.array([[0, 1]], np.intp), seconds=0.0).tolist() == [UNDECIDED]
    assert not len(same_crystals(packed, np.empty((0, 2), np.intp)))


def sleep_or_double(number: int) -> int:
    if number == 3:
        time.sleep(3600)
    if number == 5:
        raise RuntimeError("five")
    return 2 * number


def test_a_task_that_hangs_costs_itself_only() -> None:
    # The limit is for the import of this module too, in a worker of a busy machine.
    with Workers(1, time_limit=8.0) as workers:
        found = crystal_matching._each(workers, sleep_or_double, range(10), time.monotonic() + 500)
    assert found == {number: 2 * number for number in range(10) if number not in {3, 5}}
