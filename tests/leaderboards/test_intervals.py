from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import intervals
from automat_leaderboards.comparisons import rows_t_test
from automat_leaderboards.intervals import percentile_intervals, rank_ranges, resampled_means
from automat_leaderboards.row_scores import RowScores, row_scores
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

Tables = tuple[pd.DataFrame, pd.DataFrame]
KEYS = [("dummy", "all"), ("ridge", "all"), ("knn", "all")]


def by_rows(errors: np.ndarray, fold: np.ndarray, ids: Any = None) -> pd.DataFrame:  # type: ignore[type-arg]
    """Predictions whose absolute errors are these, shape (n, entrants)."""
    names = np.arange(len(errors)) if ids is None else ids
    frames = [
        pd.DataFrame(
            {
                "model": f"m{place}", "features": "all", "fold": fold, "id": names, "y_true": 0.0,
                "y_pred": errors[:, place], "probability": math.nan,
            }
        )
        for place in range(errors.shape[1])
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def scores_of(errors: np.ndarray, fold: np.ndarray, ids: Any = None) -> RowScores:  # type: ignore[type-arg]
    return row_scores(by_rows(errors, fold, ids), "mae", [(f"m{place}", "all") for place in range(errors.shape[1])])


@pytest.mark.parametrize(("dataset", "metric"), [("diabetes", "mae"), ("cancer", "roc_auc"), ("iris", "roc_auc")])
def test_rows_add_up_to_the_mean_over_folds(made: Callable[..., Tables], dataset: str, metric: str) -> None:
    records, predictions = made(dataset)
    scores = row_scores(predictions.sample(frac=1, random_state=1), metric, KEYS)
    expected = [records.loc[records["model"] == model, f"test_{metric}"].mean() for model, _ in KEYS]
    assert scores.mean == pytest.approx(expected)
    assert scores.influence.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-12)
    assert np.unique(scores.strata).tolist() == [0, 1, 2, 3, 4]
    assert scores.n_folds.tolist() == [5, 5, 5]
    assert scores.losses.shape == (len(predictions) // 3, 3)


def test_an_interval_of_one_fold_is_scipy_s_bootstrap() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(150, 1))
    ((low, high),) = percentile_intervals(
        resampled_means(scores_of(errors, np.zeros(150, dtype=int)), resamples=4000, seed=1)
    )
    known = stats.bootstrap(
        (errors[:, 0],), np.mean, n_resamples=4000, method="percentile", random_state=2
    ).confidence_interval
    assert (low, high) == pytest.approx((known.low, known.high), abs=0.06 * (known.high - known.low))


def test_roc_auc_intervals_agree_with_scoring_every_resample_anew(made: Callable[..., Tables]) -> None:
    _, predictions = made("cancer")
    mine = predictions[predictions["model"] == "knn"]
    ((low, high),) = percentile_intervals(
        resampled_means(row_scores(mine, "roc_auc", [("knn", "all")]), resamples=1500)
    )
    random = np.random.default_rng(3)
    folds = [group[["y_true", "probability"]].to_numpy() for _, group in mine.groupby("fold")]
    means = []
    for _ in range(600):
        drawn = [fold[random.integers(len(fold), size=len(fold))] for fold in folds]
        means.append(np.mean([roc_auc_score(fold[:, 0], fold[:, 1]) for fold in drawn]))
    known = np.percentile(means, [2.5, 97.5])
    assert (low, high) == pytest.approx(tuple(known), abs=0.15 * (known[1] - known[0]))


def test_the_test_over_rows_of_two_roc_aucs_is_delong_s(made: Callable[..., Tables]) -> None:
    _, predictions = made("cancer")
    fold = predictions[predictions["fold"] == 0]
    scores = row_scores(fold, "roc_auc", KEYS[1:])
    # DeLong, DeLong & Clarke-Pearson (1988): placement values by counting pairs.
    placed = []
    for model, _ in KEYS[1:]:
        mine = fold[fold["model"] == model].sort_values("id")
        positive = mine.loc[mine["y_true"] == 1, "probability"].to_numpy()[:, None]
        negative = mine.loc[mine["y_true"] == 0, "probability"].to_numpy()[None, :]
        above = (positive > negative) + 0.5 * (positive == negative)
        placed.append((above.mean(axis=1), above.mean(axis=0)))
    gaps = [second - first for first, second in zip(*placed, strict=True)]
    z = gaps[0].mean() / math.sqrt(sum(np.var(gap, ddof=1) / len(gap) for gap in gaps))
    difference = float(scores.mean[1] - scores.mean[0])
    assert difference == pytest.approx(gaps[0].mean())
    statistic, _ = rows_t_test(scores.influence[:, 1] - scores.influence[:, 0], scores.strata, difference)
    assert statistic == pytest.approx(z, rel=0.02)  # one spread over all rows here, one a class there


def test_pooled_rows_keep_the_width() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(30_000, 2))
    means = resampled_means(scores_of(errors, np.zeros(30_000, dtype=int)))
    assert means.std(axis=0) == pytest.approx(errors.std(axis=0) / math.sqrt(30_000), rel=0.1)


def test_a_row_that_several_folds_test_is_drawn_as_one() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(200, 1))
    once = resampled_means(scores_of(errors, np.zeros(200, dtype=int)))
    repeated = scores_of(np.tile(errors, (3, 1)), np.repeat([0, 1, 2], 200), ids=np.tile(np.arange(200), 3))
    assert repeated.influence.shape == (200, 1)
    assert resampled_means(repeated).std() == pytest.approx(once.std())


def test_rows_that_are_left_out_one_at_a_time_are_drawn_together() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(60, 2))
    alone, together = scores_of(errors, np.arange(60)), scores_of(errors, np.zeros(60, dtype=int))
    assert alone.mean == pytest.approx(together.mean)
    assert resampled_means(alone) == pytest.approx(resampled_means(together))
    gaps = [scores.influence[:, 1] - scores.influence[:, 0] for scores in (alone, together)]
    tests = [rows_t_test(gap, scores.strata, 0.1) for gap, scores in zip(gaps, (alone, together), strict=True)]
    assert tests[0] == pytest.approx(tests[1])


def test_entrants_are_paired_by_row_name() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(60, 2))
    table = by_rows(errors, np.arange(60) % 3)
    shuffled = row_scores(table.sample(frac=1, random_state=0), "mae", [("m0", "all"), ("m1", "all")])
    ordered = scores_of(errors, np.arange(60) % 3)
    assert np.sort(shuffled.losses[:, 0] - shuffled.losses[:, 1]) == pytest.approx(
        np.sort(ordered.losses[:, 0] - ordered.losses[:, 1])
    )


def test_an_entrant_with_other_rows_counts_as_one_without_predictions() -> None:
    table = by_rows(np.random.default_rng(0).gamma(1.5, size=(60, 3)), np.arange(60) % 3)
    table.loc[(table["model"] == "m2") & (table["id"] == 0), "id"] = 999
    scores = row_scores(table, "mae", [("m0", "all"), ("m1", "all"), ("m2", "all"), ("absent", "all")])
    assert scores.n_folds.tolist() == [3, 3, 2, 0]
    assert len(scores.influence) == 60
    assert math.isnan(scores.mean[3])
    found = percentile_intervals(resampled_means(scores))
    assert np.isnan(found[3]).all()
    assert np.isfinite(found[:3]).all()


def test_a_fold_without_a_class_is_left_out(made: Callable[..., Tables]) -> None:
    _, predictions = made("cancer")
    one_class = predictions[(predictions["fold"] != 2) | (predictions["y_true"] == 1)]
    scores = row_scores(one_class, "roc_auc", KEYS)
    assert scores.n_folds.tolist() == [4, 4, 4]
    assert np.isfinite(scores.influence).all()


def test_probabilities_that_are_not_known_leave_no_intervals(made: Callable[..., Tables]) -> None:
    _, predictions = made("iris")
    bare = predictions.drop(columns=[f"probability_{code}" for code in range(3)])
    assert row_scores(bare, "roc_auc", KEYS).n_folds.tolist() == [0, 0, 0]


def test_another_metric_is_refused(made: Callable[..., Tables]) -> None:
    with pytest.raises(ValueError, match="mae and roc_auc apart, but not 'r2'"):
        row_scores(made("diabetes")[1], "r2", KEYS)


def test_rank_ranges_by_hand() -> None:
    means = np.array([[0.1, 0.2, 0.3]] * 90 + [[0.2, 0.1, 0.3]] * 10)
    assert rank_ranges(means, higher_is_better=False) == [(1, 2), (1, 2), (3, 3)]
    assert rank_ranges(means, higher_is_better=True) == [(2, 3), (2, 3), (1, 1)]
    assert rank_ranges(np.empty((10, 0)), higher_is_better=True) == []


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_equal_predictions_share_their_ranks(seed: int, entrants: int) -> None:
    errors = np.tile(np.random.default_rng(seed).gamma(1.5, size=(40, 1)), (1, entrants))
    means = resampled_means(scores_of(errors, np.arange(40) % 2), resamples=50)
    assert rank_ranges(means, higher_is_better=False) == [(1, entrants)] * entrants


def test_twenty_entrants_take_less_than_a_second() -> None:
    errors = np.random.default_rng(0).gamma(1.5, size=(4000, 20))
    table = by_rows(errors, np.arange(4000) % 5)
    started = time.process_time()
    scores = row_scores(table, "mae", [(f"m{place}", "all") for place in range(20)])
    rank_ranges(resampled_means(scores, resamples=1000), higher_is_better=False)
    assert time.process_time() - started < 1
    assert intervals.MOST_UNITS * intervals.RESAMPLES <= 2_000_000  # what bounds larger boards, a fold
