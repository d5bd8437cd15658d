from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, build, overviews, protocols, rank_verdict
from automat_leaderboards.over_datasets import critical_difference, groups, rank_test, ranks_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

Tables = tuple[pd.DataFrame, pd.DataFrame]
Made = Callable[..., Tables]

# Demsar (2006), table 6: AUC of C4.5, with m, with cf, with both, on 14 datasets. The paper ranks the last two of
# "voting" apart although their three printed digits agree, so one digit is put behind.
AUC = [
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
]  # fmt: skip


def test_the_worked_example_of_demsar() -> None:
    test = rank_test(ranks_of(AUC, higher_is_better=True))
    assert test is not None
    assert test.ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert test.chi2 == pytest.approx(9.28, abs=5e-3)
    assert test.f == pytest.approx(3.69, abs=5e-3)
    assert test.f > 2.85  # the paper's critical value of F(3, 39) at 5%
    assert test.p < 0.05
    assert test.critical_difference == pytest.approx(1.25, abs=5e-3)
    # At 5% the best and the worst lie within the difference; at 10% plain C4.5 comes apart from the two best, and
    # nothing can be said of C4.5 with cf, as the paper finds.
    assert test.groups == ((3, 1, 2, 0),)
    assert critical_difference(4, 14, level=0.10) == pytest.approx(1.12, abs=5e-3)
    assert groups(test.ranks, critical_difference(4, 14, level=0.10)) == ((3, 1, 2), (2, 0))


@pytest.mark.parametrize(
    ("entrants", "at_5", "at_10"),
    [(2, 1.960, 1.645), (3, 2.343, 2.052), (4, 2.569, 2.291), (5, 2.728, 2.459), (10, 3.164, 2.920)],
)
def test_critical_values_of_demsar_s_table_5(entrants: int, at_5: float, at_10: float) -> None:
    unit = math.sqrt(entrants * (entrants + 1) / 6)  # of one dataset
    assert critical_difference(entrants, 1) / unit == pytest.approx(at_5, abs=2e-3)
    assert critical_difference(entrants, 1, level=0.10) / unit == pytest.approx(at_10, abs=2e-3)


@given(hnp.arrays(float, st.tuples(st.integers(2, 12), st.integers(3, 6)), elements=st.floats(0, 1), unique=True))
def test_without_ties_it_is_scipy_s_friedman_test(scores: np.ndarray) -> None:  # type: ignore[type-arg]
    test = rank_test(ranks_of(scores, higher_is_better=False))
    assert test is not None
    assert test.chi2 == pytest.approx(stats.friedmanchisquare(*scores.T).statistic)
    assert sum(test.ranks) == pytest.approx(scores.shape[1] * (scores.shape[1] + 1) / 2)
    for group in test.groups:
        ranks = [test.ranks[place] for place in group]
        assert max(ranks) - min(ranks) <= test.critical_difference
        assert len(group) > 1


def test_blocks_that_all_agree_or_all_tie() -> None:
    agreed = rank_test([[1, 2, 3]] * 4)
    assert agreed is not None
    assert (agreed.f, agreed.p) == (math.inf, 0.0)
    tied = rank_test([[2, 2, 2]] * 4)
    assert tied is not None
    assert (tied.chi2, tied.p) == (0.0, 1.0)


@pytest.mark.parametrize("ranks", [[[1, 2], [2, 1]], [[1, 2, 3]], [[1, 2, 3], [math.nan, 1, 2]]])
def test_too_little_makes_no_test(ranks: list[list[float]]) -> None:
    assert rank_test(ranks) is None


def test_ranks_share_and_missing_blocks_stay_missing() -> None:
    ranks = ranks_of([[0.1, 0.1, 0.3], [0.1, math.nan, 0.3]], higher_is_better=False)
    assert ranks[0].tolist() == [1.5, 1.5, 3.0]
    assert np.isnan(ranks[1]).all()


def boards_of(made: Made) -> list[Leaderboard]:
    return [build(protocols(made(name)[0])[0]) for name in ("diabetes", "cancer", "iris")]


def test_boards_of_a_preset_are_put_together(made: Made) -> None:
    boards = boards_of(made)
    boards[1] = replace(boards[1], split="stratified")
    (overview,) = overviews(boards)
    assert overview.datasets == ("cancer", "diabetes", "iris")
    assert set(overview.ranked) == {"ridge", "knn", "dummy"}
    by_model = {each.model: each for each in overview.standings}
    assert by_model["dummy"].normalised == 0
    assert by_model["dummy"].mean_rank == 3
    assert sum(each.wins for each in overview.standings) == 3
    for model in ("ridge", "knn"):
        expected = []
        for board in boards:
            score = {row.model: row.mean["test"][board.metric] for row in board.rows}
            best = board.rows[0].model
            expected.append((score[model] - score["dummy"]) / (score[best] - score["dummy"]))
        assert by_model[model].normalised == pytest.approx(np.mean(expected))
        assert by_model[model].skill == pytest.approx(
            np.mean([row.skill for board in boards for row in board.rows if row.model == model])
        )
    assert overview.test is not None
    assert overview.test.n_blocks == 3
    assert "Mean ranks over 3 datasets" in rank_verdict(overview)


def test_other_presets_splits_and_older_boards_stay_apart(made: Made) -> None:
    first, second, third = boards_of(made)
    older = replace(first, seed=7)
    found = overviews([first, replace(second, preset="best"), replace(third, split="formula"), older])
    assert found == []
    (overview,) = overviews([first, second, older])
    assert overview.datasets == ("cancer", "diabetes")


def test_an_entrant_that_is_not_everywhere_has_no_mean_rank(made: Made) -> None:
    first, second, third = boards_of(made)
    third = replace(third, rows=tuple(row for row in third.rows if row.model != "knn"))
    (overview,) = overviews([first, second, third])
    knn = next(each for each in overview.standings if each.model == "knn")
    assert (knn.n_datasets, math.isnan(knn.mean_rank)) == (2, True)
    assert sorted(overview.ranked) == ["dummy", "ridge"]
    assert overview.test is None
    assert rank_verdict(overview) == ""


def test_without_a_dummy_there_is_no_scale(made: Made) -> None:
    boards = [
        replace(board, rows=tuple(row for row in board.rows if row.model != "dummy")) for board in boards_of(made)
    ]
    (overview,) = overviews(boards)
    assert all(math.isnan(each.normalised) for each in overview.standings)
    assert all(math.isfinite(each.mean_rank) for each in overview.standings)


def test_boards_without_results_do_not_count(made: Made) -> None:
    first, second, _ = boards_of(made)
    dead = replace(second, rows=tuple(replace(row, rank=None) for row in second.rows))
    assert overviews([first, dead]) == []
    assert overviews([]) == []
