from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import build, protocols, to_csv, to_frame, to_json, verdict
from automat_leaderboards.records import RECORD_COLUMNS
from scipy import stats


def record(model: str, fold: int, mae: float | None, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(RECORD_COLUMNS, math.nan)
    row |= {
        "cell": f"{model}-{fold}", "dataset": "toy", "dataset_sha256": "ab", "task": "regression",
        "target": "y", "unit": "eV", "split": "random", "folds": 2, "split_seed": 0, "fold": fold, "seed": 0,
        "preset": "quick", "model": model, "title": model.title(), "features": "all", "model_version": "1",
        "features_version": "1", "n_train": 50, "n_test": 50,
        "status": "ok" if mae is not None else "failed", "error": "" if mae is not None else "ValueError: no",
        "params": "{}", "budget": '{"preset": "quick", "trials": 3}', "versions": "{}", "details": "{}",
        "featurize_seconds": 5.0, "tune_seconds": 1.0, "fit_seconds": 2.0, "predict_seconds": 0.1,
        "peak_memory_mb": 100.0 + fold, "finished_at": f"2026-01-0{fold + 1}T00:00:00",
    }  # fmt: skip
    if mae is not None:
        row |= {
            "test_mae": mae,
            "test_rmse": 2 * mae,
            "test_r2": 0.5,
            "train_mae": mae / 2,
            "train_rmse": mae,
            "train_r2": 0.9,
        }
    return row | changes


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


FOUR = table(
    record("dummy", 0, 1.0), record("dummy", 1, 1.2),
    record("tree", 0, 0.40), record("tree", 1, 0.44),
    record("forest", 0, 0.20), record("forest", 1, 0.24),
    record("broken", 0, 0.10), record("broken", 1, None),
    record("dead", 0, None), record("dead", 1, None),
)  # fmt: skip


def test_ranks_means_and_spreads() -> None:
    board = build(protocols(FOUR)[0])
    assert [(row.model, row.rank) for row in board.rows] == [
        ("forest", 1), ("tree", 2), ("dummy", 3), ("broken", 4), ("dead", None),
    ]  # fmt: skip
    forest = board.rows[0]
    assert forest.mean["test"]["mae"] == pytest.approx(0.22)
    assert forest.std["test"]["mae"] == pytest.approx(0.02 * math.sqrt(2))
    assert forest.gap == pytest.approx(0.11)
    assert forest.skill == pytest.approx(1 - 0.22 / 1.1)
    assert forest.peak_memory_mb == 101.0
    assert board.n_rows == 100


def test_failures_are_shown_with_their_reason() -> None:
    rows = {row.model: row for row in build(protocols(FOUR)[0]).rows}
    assert rows["broken"].folds_failed == 1
    assert rows["broken"].errors == ("fold 2: ValueError: no",)
    assert rows["dead"].folds_ok == 0
    assert math.isnan(rows["dead"].mean["test"]["mae"])


def test_ties_are_told_by_the_corrected_t_test() -> None:
    maes = {
        "best": (0.20, 0.24, 0.21, 0.22, 0.23),
        "near": (0.21, 0.24, 0.23, 0.23, 0.24),
        "far": (0.60, 0.65, 0.60, 0.62, 0.63),
    }
    rows = [record(model, fold, mae, folds=5) for model, found in maes.items() for fold, mae in enumerate(found)]
    board = build(protocols(table(*rows))[0])
    assert [(row.model, row.tied) for row in board.rows] == [("best", False), ("near", True), ("far", False)]
    assert board.tie_test == "folds"
    # Differences 0.01, 0, 0.02, 0.01 and 0.01: mean 0.01, s2 5e-5; 50 test to 50 training rows.
    near = 2 * stats.t(4).sf(0.01 / math.sqrt((1 / 5 + 1) * 5e-5))
    assert board.rows[1].p_best == pytest.approx(near)
    assert math.isnan(board.rows[0].p_best)
    assert "0.01 eV ahead of Near, but tied with it (p = 0.27) by the corrected paired t-test" in verdict(board)


def test_higher_is_better_for_classes() -> None:
    rows = [
        record(model, fold, 0.0, task="classification", unit="", test_roc_auc=auc, train_roc_auc=1.0)
        for model, auc in (("dummy", 0.5), ("weak", 0.6), ("strong", 0.9))
        for fold in (0, 1)
    ]
    board = build(protocols(table(*rows))[0])
    assert [row.model for row in board.rows] == ["strong", "weak", "dummy"]
    assert board.rows[0].skill == pytest.approx(0.8)
    assert board.rows[0].gap == pytest.approx(0.1)


def test_protocols_are_kept_apart_newest_first() -> None:
    later = record("tree", 0, 0.1, preset="default", finished_at="2027-01-01T00:00:00")
    groups = protocols(pd.concat([FOUR, table(later)]))
    assert [group["preset"].iloc[0] for group in groups] == ["default", "quick"]
    with pytest.raises(ValueError, match="records of one protocol"):
        build(pd.concat(groups))


def test_the_newest_result_counts_and_a_failure_never_hides_one() -> None:
    old, new = (
        record("tree", 0, 0.9, cell="old"),
        record("tree", 0, 0.3, cell="new", finished_at="2026-05-01T00:00:00"),
    )
    failed = record("tree", 0, None, cell="failed", finished_at="2026-06-01T00:00:00")
    (group,) = protocols(table(old, failed, new))
    assert group["cell"].tolist() == ["new"]


def test_an_edited_model_that_now_fails_does_not_show_its_old_score() -> None:
    old = [record("mine", fold, 0.1, model_version="1") for fold in (0, 1)]
    new = [record("mine", fold, None, model_version="2", finished_at="2026-06-01T00:00:00") for fold in (0, 1)]
    (row,) = build(protocols(table(*old, *new))[0]).rows
    assert (row.rank, row.folds_failed) == (None, 2)


def test_folds_of_two_versions_are_never_averaged() -> None:
    old = [record("mine", fold, 0.9, model_version="1") for fold in (0, 1)]
    half = record("mine", 0, 0.1, model_version="2", finished_at="2026-06-01T00:00:00")
    (row,) = build(protocols(table(*old, half))[0]).rows
    assert row.mean["test"]["mae"] == pytest.approx(0.1)
    assert row.folds_missing == 1


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not a table of run records: it lacks the columns cell, dataset"):
        protocols(pd.DataFrame({"x": [1]}))


def test_no_records_make_no_boards() -> None:
    assert protocols(FOUR.iloc[:0]) == []


def test_the_verdict_says_who_by_how_much_and_what_failed() -> None:
    text = verdict(build(protocols(FOUR)[0]))
    assert text.startswith("Forest (all) is first on toy with MAE 0.22 ± 0.028 eV, 0.2 eV ahead of Tree")
    assert "It closes 80% of the distance from the dummy to a perfect score." in text
    assert "0.2 eV ahead of Tree, 2 folds do not tell whether by chance." in text
    assert text.endswith("3 cells failed.")


def fold_of(**maes: float) -> list[dict[str, Any]]:
    return [record(model, 0, mae, folds=1) for model, mae in maes.items()]


@pytest.mark.parametrize("dummy", [{}, {"dummy": 1.0}])
def test_a_cheap_rival_is_named_when_it_comes_close(dummy: dict[str, float]) -> None:
    rows = pd.DataFrame(fold_of(big=0.2, small=0.21, far=0.5, **dummy))
    rows.loc[rows["model"] == "big", "fit_seconds"] = 100.0
    text = verdict(build(protocols(rows)[0]))
    assert "Small comes close, 0.21 (0.01 higher), with 3% of its tuning and fitting time." in text
    text = verdict(build(protocols(rows[rows["model"] != "small"])[0]))
    assert "comes close" not in text


def test_times_of_zero_make_no_cheap_rival() -> None:
    rows = pd.DataFrame(fold_of(big=0.2, small=0.21)).assign(tune_seconds=0.0, fit_seconds=0.0)
    assert "comes close" not in verdict(build(protocols(rows)[0]))


def test_one_fold_tells_no_lead_from_chance() -> None:
    text = verdict(build(protocols(pd.DataFrame(fold_of(big=0.2, far=0.5)))[0]))
    assert "0.3 eV ahead of Far, one fold does not tell whether by chance." in text


def test_a_board_that_no_entrant_beats_the_dummy_on_says_so() -> None:
    text = verdict(build(protocols(pd.DataFrame(fold_of(dummy=0.2, far=0.5)))[0]))
    assert "No entrant beats the dummy." in text


def test_an_entrant_with_folds_to_come_ranks_after_complete_ones() -> None:
    rows = table(record("tree", 0, 0.4), record("tree", 1, 0.4), record("early", 0, 0.1))
    board = build(protocols(rows)[0])
    assert [(row.model, row.folds_missing) for row in board.rows] == [("tree", 0), ("early", 1)]
    assert "the only entrant that finished every fold" in verdict(board)
    assert verdict(board).endswith("1 cell is still to come.")


def test_a_fold_without_a_class_does_not_hide_the_others() -> None:
    rows = [
        record("tree", fold, 0.0, task="classification", unit="", test_roc_auc=auc, train_roc_auc=1.0)
        for fold, auc in enumerate((0.8, math.nan))
    ]
    (tree,) = build(protocols(table(*rows))[0]).rows
    assert (tree.rank, tree.mean["test"]["roc_auc"]) == (1, 0.8)


def test_a_cell_that_failed_early_does_not_hide_the_number_of_rows() -> None:
    rows = table(record("a_broken", 0, None, n_train=0, n_test=0), record("tree", 0, 0.4))
    assert build(protocols(rows)[0]).n_rows == 100


def test_when_nothing_finished_the_verdict_says_so() -> None:
    text = verdict(build(protocols(table(record("dead", 0, None)))[0]))
    assert text == "No entrant finished on toy: all 1 cells failed."


def test_csv_and_json_hold_every_entrant() -> None:
    board = build(protocols(FOUR.replace({"title": {"Tree": "=cmd()"}}))[0])
    frame = to_frame(board)
    assert frame["model"].tolist() == ["forest", "tree", "dummy", "broken", "dead"]
    assert "'=cmd()" in to_csv(board)
    content = json.loads(to_json(board))
    assert content["rows"][4]["test_mae"] is None
    assert content["metric"] == "mae"
