from __future__ import annotations

import math

import numpy as np
import pytest
from automat_leaderboards.comparisons import (
    corrected_t_test,
    effect_size,
    holm,
    rows_t_test,
    share_better,
    signed_rank,
)
from automat_leaderboards.intervals import corrected_variance, fold_interval
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def test_the_corrected_t_test_by_hand() -> None:
    # Nadeau & Bengio's correction: variance (1/J + n_test/n_train) s2 with J = 4, s2 = 5/3 and 10 to 90 rows.
    statistic, p = corrected_t_test([1.0, 2.0, 3.0, 4.0], n_train=90, n_test=10)
    assert statistic == pytest.approx(2.5 / math.sqrt((1 / 4 + 1 / 9) * 5 / 3))
    assert statistic == pytest.approx(3.2225, abs=1e-4)
    assert p == pytest.approx(2 * stats.t(3).sf(3.22252), rel=1e-4)


def test_without_test_rows_beside_training_rows_it_is_the_paired_t_test() -> None:
    first, second = np.array([0.21, 0.25, 0.22, 0.24, 0.27]), np.array([0.23, 0.26, 0.21, 0.27, 0.30])
    known = stats.ttest_rel(second, first)
    bold = corrected_t_test(second - first, n_train=1e12, n_test=1)
    assert bold == pytest.approx((known.statistic, known.pvalue), rel=1e-9)
    assert corrected_t_test(second - first, n_train=4, n_test=1)[1] > bold[1]


@pytest.mark.parametrize(
    ("differences", "answer"),
    [
        ([0.0, 0.0, 0.0], (0.0, 1.0)),
        ([0.5, 0.5, 0.5], (math.inf, 0.0)),
        ([-0.5, -0.5], (-math.inf, 0.0)),
        ([0.3], (math.nan, math.nan)),
        ([], (math.nan, math.nan)),
        ([math.nan, 0.3], (math.nan, math.nan)),
    ],
)
def test_degenerate_folds_have_a_stated_answer(differences: list[float], answer: tuple[float, float]) -> None:
    assert corrected_t_test(differences, 80, 20) == pytest.approx(answer, nan_ok=True)


def test_folds_without_a_score_are_left_out() -> None:
    assert corrected_t_test([0.1, math.nan, 0.3, 0.2], 80, 20) == corrected_t_test([0.1, 0.3, 0.2], 80, 20)


def test_an_unknown_number_of_rows_leaves_the_variance_unknown() -> None:
    assert math.isnan(corrected_variance(np.array([0.1, 0.3]), 0, 0))
    assert fold_interval([0.1, 0.3], math.nan, 20) == pytest.approx((math.nan, math.nan), nan_ok=True)


def test_the_interval_over_folds_is_the_test_turned_around() -> None:
    scores = np.array([0.21, 0.25, 0.22, 0.24, 0.27])
    low, high = fold_interval(scores, 80, 20)
    for end in (low, high):
        assert corrected_t_test(scores - end, 80, 20)[1] == pytest.approx(0.05)


def test_rows_of_one_fold_are_the_paired_t_test() -> None:
    random = np.random.default_rng(0)
    first, second = random.gamma(2, size=80), random.gamma(2.2, size=80)
    gap = second - first
    found = rows_t_test((gap - gap.mean()) / 80, np.zeros(80, dtype=np.intp), float(gap.mean()))
    known = stats.ttest_rel(second, first)
    assert found == pytest.approx((known.statistic, known.pvalue))


def test_rows_that_cannot_be_tested() -> None:
    nothing = rows_t_test(np.array([0.0]), np.array([0]), 0.1)
    assert nothing == pytest.approx((math.nan, math.nan), nan_ok=True)
    assert rows_t_test(np.zeros(5), np.zeros(5, dtype=np.intp), 0.0) == (0.0, 1.0)


def test_signed_ranks_of_the_worked_example() -> None:
    # Demsar (2006), table 2: AUC of C4.5 without and with tuned m on 14 datasets gives T = 12, below the critical
    # 21. Two ranks (7 and 8) rest on digits that the table does not print.
    gains = [5, -9, 17, 33, 6, -5, 7, 0, 63, 0, 22, 52, 9.1, 21]
    statistic, p = signed_rank(gains)
    assert statistic == 12
    assert p < 0.05


def test_equal_losses_are_no_difference() -> None:
    assert signed_rank(np.zeros(30)) == (0.0, 1.0)
    assert signed_rank([]) == pytest.approx((math.nan, math.nan), nan_ok=True)
    assert effect_size(np.zeros(30)) == 0
    assert share_better(np.ones(30), np.ones(30)) == 0.5


def test_effect_sizes_by_hand() -> None:
    assert effect_size([1.0, 2.0, 3.0, 6.0]) == pytest.approx(3 / math.sqrt(14 / 3))
    assert math.isnan(effect_size([0.5]))
    assert math.isnan(effect_size([0.5, 0.5]))
    assert share_better([1.0, math.nan, 5.0], [2.0, 1.0, 4.0]) == 0.5
    assert math.isnan(share_better([], []))


@given(p_values)
def test_holm_agrees_with_statsmodels(given_values: list[float]) -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    assert holm(given_values) == pytest.approx(multitest.multipletests(given_values, method="holm")[1])


def test_holm_leaves_out_what_is_not_known() -> None:
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert np.isnan(holm([math.nan])).all()
    assert len(holm([])) == 0
