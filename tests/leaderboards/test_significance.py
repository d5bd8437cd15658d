from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, Row, build, pairwise, protocols, to_frame, verdict
from scipy import stats

Tables = tuple[pd.DataFrame, pd.DataFrame]
Made = Callable[..., Tables]


def board_of(tables: Tables) -> Leaderboard:
    return build(protocols(tables[0])[0], tables[1])


def row_of(board: Leaderboard, model: str) -> Row:
    return next(row for row in board.rows if row.model == model)


def with_twin(tables: Tables, shift: float = 0.0) -> Tables:
    """The run, and ``twin``, whose predictions are those of ridge, moved by ``shift``."""
    records, predictions = tables
    more = records[records["model"] == "ridge"].assign(model="twin", title="Twin", cell="twin")
    same = predictions[predictions["model"] == "ridge"].assign(model="twin", cell="twin")
    same["y_pred"] += shift
    return pd.concat([records, more]), pd.concat([predictions, same])


@pytest.mark.parametrize("dataset", ["diabetes", "cancer", "iris"])
def test_every_entrant_has_its_intervals_and_ranks(made: Made, dataset: str) -> None:
    board = board_of(made(dataset))
    for row in board.rows:
        mean = row.mean["test"][board.metric]
        assert row.interval[0] <= mean <= row.interval[1]
        assert row.fold_interval[0] <= mean <= row.fold_interval[1]
        assert row.rank_range is not None
        assert row.rank is not None
        assert row.rank_range[0] <= row.rank <= row.rank_range[1]
    assert row_of(board, "dummy").rank_range == (3, 3)
    assert not row_of(board, "dummy").tied


def test_p_values_of_folds_by_hand_and_corrected_for_two(made: Made) -> None:
    records, predictions = made("diabetes")
    board = board_of((records, predictions))
    of = {model: group.sort_values("fold")["test_mae"].to_numpy() for model, group in records.groupby("model")}
    raw = []
    for model in ("knn", "dummy"):
        gap = of[model] - of["ridge"]
        ratio = records["n_test"].mean() / records["n_train"].mean()
        t = gap.mean() / math.sqrt((1 / 5 + ratio) * gap.var(ddof=1))
        raw.append(2 * stats.t(4).sf(abs(t)))
    low, high = sorted(raw)
    assert sorted(row.p_best for row in board.rows[1:]) == pytest.approx([2 * low, max(2 * low, high)])
    assert board.tie_test == "folds"


def test_identical_predictions_are_tied(made: Made) -> None:
    board = board_of(with_twin(made("diabetes")))
    first, second = board.rows[:2]
    assert {first.model, second.model} == {"ridge", "twin"}
    assert second.tied
    assert second.p_best == 1
    assert first.rank_range == second.rank_range
    assert first.rank_range is not None
    assert first.rank_range[1] >= 2
    pair = pairwise(board, with_twin(made("diabetes"))[1])[0]
    assert (pair.difference, pair.p_folds, pair.p_rows, pair.p_signed_rank) == (0, 1, 1, 1)
    assert (pair.effect, pair.share) == (0, 0.5)


@pytest.mark.parametrize("folds", [2, 4])
def test_with_few_folds_rows_tell_ties(made: Made, folds: int) -> None:
    records, predictions = made("diabetes", folds=folds)
    board = board_of((records, predictions))
    assert board.tie_test == "rows"
    assert row_of(board, "dummy").p_best < 0.001
    # Without predictions only the folds are left, and so few degrees of freedom tell nothing.
    alone = build(protocols(records)[0])
    assert alone.tie_test == ""
    assert not any(row.tied for row in alone.rows)


def test_with_one_fold_rows_tell_ties(made: Made) -> None:
    records, predictions = made("diabetes", folds=2)
    records = records[records["fold"] == 0].assign(folds=1)
    board = board_of((records, predictions[predictions["fold"] == 0]))
    errors = predictions[predictions["fold"] == 0].assign(error=lambda t: (t["y_pred"] - t["y_true"]).abs())
    wide = errors.pivot_table(index="id", columns="model", values="error")
    raw = {model: stats.ttest_rel(wide[model], wide["ridge"]).pvalue for model in ("knn", "dummy")}
    low, high = sorted(raw.values())
    assert sorted(row.p_best for row in board.rows[1:]) == pytest.approx([2 * low, max(2 * low, high)])
    assert "over test rows, Holm" in verdict(board)
    assert all(math.isnan(end) for row in board.rows for end in row.fold_interval)


def test_one_fold_without_predictions_tells_nothing(made: Made) -> None:
    records, _ = made("diabetes", folds=2)
    board = build(protocols(records[records["fold"] == 0].assign(folds=1))[0])
    assert (board.tie_test, [row.tied for row in board.rows]) == ("", [False, False, False])
    assert "one fold does not tell whether by chance" in verdict(board)
    assert [row.rank_range for row in board.rows] == [None, None, None]


def test_entrants_with_failed_folds_are_not_compared(made: Made) -> None:
    records, predictions = made("diabetes")
    broken = (records["model"] == "knn") & (records["fold"] == 1)
    records.loc[broken, "status"] = "failed"
    kept = predictions[(predictions["model"] != "knn") | (predictions["fold"] != 1)]
    board = board_of((records, kept))
    knn = row_of(board, "knn")
    assert (knn.rank_range, knn.tied, math.isnan(knn.p_best)) == (None, False, True)
    assert np.isfinite(knn.interval).all()
    assert [(pair.first[0], pair.second[0]) for pair in pairwise(board, kept)] == [("ridge", "dummy")]


def test_predictions_that_are_lost_leave_the_tests_over_folds(made: Made) -> None:
    records, predictions = made("diabetes")
    board = board_of((records, predictions[predictions["model"] != "knn"]))
    knn = row_of(board, "knn")
    assert math.isnan(knn.interval[0])
    assert np.isfinite(knn.p_best)
    assert {row.rank_range for row in board.rows} == {None}


def test_a_board_of_one_entrant(made: Made) -> None:
    records, predictions = made("diabetes")
    board = board_of((records[records["model"] == "knn"], predictions[predictions["model"] == "knn"]))
    assert [(row.tied, row.rank_range) for row in board.rows] == [(False, (1, 1))]
    assert board.tie_test == ""
    assert pairwise(board, predictions) == []


def test_a_board_without_results(made: Made) -> None:
    records, predictions = made("diabetes")
    board = build(protocols(records.assign(status="failed"))[0], predictions.iloc[:0])
    assert {row.rank for row in board.rows} == {None}
    assert pairwise(board, predictions.iloc[:0]) == []


def test_pairs_agree_with_scipy(made: Made) -> None:
    tables = made("diabetes")
    board = board_of(tables)
    errors = tables[1].assign(error=lambda t: (t["y_pred"] - t["y_true"]).abs())
    wide = errors.pivot_table(index="id", columns="model", values="error")
    pairs = pairwise(board, tables[1])
    assert [(pair.first[0], pair.second[0]) for pair in pairs] == [
        ("ridge", "knn"), ("ridge", "dummy"), ("knn", "dummy"),
    ]  # fmt: skip
    for pair in pairs:
        first, second = wide[pair.first[0]], wide[pair.second[0]]
        gap = second - first
        assert pair.difference > 0
        assert pair.p_signed_rank == pytest.approx(stats.wilcoxon(gap, method="approx").pvalue)
        assert pair.effect == pytest.approx(gap.mean() / gap.std(ddof=1))
        assert pair.share == pytest.approx((gap > 0).mean() + (gap == 0).mean() / 2)
        assert pair.p_rows == pytest.approx(stats.ttest_rel(second, first).pvalue, rel=0.05)


def test_losses_of_classes_are_shares_of_pairs_in_the_wrong_order(made: Made) -> None:
    tables = made("cancer")
    board = board_of(tables)
    pair = pairwise(board, tables[1])[0]
    losses: dict[str, list[float]] = {pair.first[0]: [], pair.second[0]: []}
    for model, found in losses.items():
        for _, fold in tables[1][tables[1]["model"] == model].groupby("fold"):
            for row in fold.sort_values("id").itertuples():
                others = fold[fold["y_true"] != row.y_true]["probability"].to_numpy()
                gap = (others - row.probability) * (1 if row.y_true == 1 else -1)
                found.append(float((gap > 0).mean() + (gap == 0).mean() / 2))
    gap = np.array(losses[pair.second[0]]) - np.array(losses[pair.first[0]])
    assert pair.effect == pytest.approx(gap.mean() / gap.std(ddof=1))
    assert pair.share == pytest.approx((gap > 0).mean() + (gap == 0).mean() / 2)


def test_the_table_carries_them(made: Made) -> None:
    frame = to_frame(board_of(made("diabetes")))
    assert (frame["interval_low"] < frame["test_mae"]).all()
    assert frame["rank_high"].tolist() == [
        row.rank_range[1] for row in board_of(made("diabetes")).rows if row.rank_range
    ]
    assert frame["p_best"].isna().tolist() == [True, False, False]
