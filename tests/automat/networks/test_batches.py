from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from automat.networks import batches


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(0, 5))
def test_held_out_rows_are_disjoint_and_span_the_targets(targets: list[float], seed: int) -> None:
    values = np.array(targets)
    fitted, held = batches.hold_out(values, 0.1, seed)
    assert sorted([*fitted, *held]) == list(range(len(values)))
    expected = round(0.1 * len(values))
    assert len(held) == (expected if expected >= batches.MIN_HOLDOUT else 0)
    if len(held):
        # One row is drawn from every tenth of the sorted targets, so medians are at most a tenth apart.
        low, high = np.quantile(values, [0.35, 0.65], method="nearest")
        assert low <= np.median(values[held]) <= high


def test_a_rare_class_is_held_out_in_its_share() -> None:
    codes = np.repeat([0.0, 1.0], [900, 100])
    _, held = batches.hold_out(codes, 0.1, 3)
    assert np.bincount(codes[held].astype(int)).tolist() == [90, 10]


@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=400), batch_size=st.integers(1, 50), seed=st.integers(0, 3)
)
def test_buckets_hold_every_row_once_in_as_many_batches(sizes: list[int], batch_size: int, seed: int) -> None:
    of_row = np.array(sizes, np.int64)
    rows = np.arange(len(sizes))
    cut = batches.bucketed(rows, batch_size, np.random.default_rng(seed), of_row)
    assert len(cut) == batches.count_batches(len(rows), batch_size)
    assert sorted(np.concatenate(cut)) == rows.tolist()
    lengths = {len(part) for part in cut}
    assert max(lengths) <= batch_size
    assert max(lengths) - min(lengths) <= 1


def test_buckets_are_alike_but_never_the_same() -> None:
    chance = np.random.default_rng(0)
    sizes = chance.integers(1, 200, 2000)
    rows = np.arange(2000)

    def spread(cut: list[NDArray[np.intp]]) -> float:
        return float(np.mean([np.ptp(sizes[part]) for part in cut]))

    first, second = (batches.bucketed(rows, 32, chance, sizes) for _ in range(2))
    assert spread(first) < 0.15 * spread(batches.shuffled(rows, 32, chance))
    assert not {frozenset(part) for part in first} & {frozenset(part) for part in second}
    means = [sizes[part].mean() for part in first]
    # Neither the small nor the large come first.
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_buckets_repeat_by_their_seed() -> None:
    rows, sizes = np.arange(300), np.arange(300) % 23
    first, again, other = (batches.bucketed(rows, 16, np.random.default_rng(seed), sizes) for seed in (4, 4, 5))
    assert [part.tolist() for part in first] == [part.tolist() for part in again]
    assert [part.tolist() for part in first] != [part.tolist() for part in other]


@pytest.mark.parametrize(("rows", "batch_size", "count"), [(0, 5, 1), (1, 5, 1), (10, 5, 2), (11, 5, 3)])
def test_batches_are_counted(rows: int, batch_size: int, count: int) -> None:
    assert batches.count_batches(rows, batch_size) == count
    assert len(batches.in_order(np.arange(rows), batch_size)) == count
