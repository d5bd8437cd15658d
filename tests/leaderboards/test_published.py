"""The transcribed figures are those of the source, and stand only where folds are the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from automat_leaderboards import build, protocols
from automat_leaderboards.published import ROC_AUC_OF_LABELS, _table, beside, published

COLUMNS = {"mae": "mae", "rmse": "rmse", "rocauc": ROC_AUC_OF_LABELS, "f1": "f1"}


@pytest.fixture(scope="module")
def matbench_files() -> Path:
    given = os.environ.get("AUTOMAT_DATA")
    if not given or not (Path(given) / "matbench").is_dir():
        pytest.skip("AUTOMAT_DATA names no folder with matbench/")
    return Path(given) / "matbench"


def test_every_figure_is_the_sources(matbench_files: Path) -> None:
    source = pd.read_csv(matbench_files / "leaderboard.csv").set_index(["task", "algorithm"])
    rows = [row for found in _table().values() for row in found]
    assert len(rows) == 164
    for row in rows:
        line = source.loc[row.dataset.removeprefix("matbench_"), row.algorithm]
        for column, metric in COLUMNS.items():
            for part, given in (("mean", row.mean), ("std", row.std)):
                figure = line[f"{part}_{column}"]
                assert (metric in given) == pd.notna(figure)
                assert metric not in given or given[metric] == figure
        if "balanced_accuracy" in row.mean:
            assert row.mean["balanced_accuracy"] == line["mean_balanced_accuracy"]
        assert line["benchmark"] in row.source
    left_out = set(source.index.get_level_values("algorithm")) - {row.algorithm for row in rows}
    assert left_out == {"MODNet (v0.1.10)", "CrabNet v1.2.1", "Ax+CrabNet v1.2.1", "Ax(10/90)+CrabNet v1.2.7"}


def test_figures_are_means_over_the_recorded_folds(matbench_files: Path) -> None:
    folds = pd.read_csv(matbench_files / "leaderboard_folds.csv.gz")
    for dataset in ("matbench_expt_gap", "matbench_expt_is_metal", "matbench_mp_is_metal"):
        for row in published(dataset):
            benchmark = row.source.rsplit("/", 2)[-2] if "results" in row.source else row.source.rsplit("/", 1)[-1][:-3]
            mine = folds[(folds["task"] == dataset.removeprefix("matbench_")) & (folds["benchmark"] == benchmark)]
            assert len(mine) == 5
            for column in ("mae", "rmse", "balanced_accuracy", "f1"):
                if column in row.mean:
                    assert row.mean[column] == pytest.approx(mine[column].mean(), abs=1e-6)
                    assert row.std[column] == pytest.approx(mine[column].std(ddof=0), abs=1e-6)
            place = "results.json.gz" if "results" in row.source else "Full Benchmark Data"
            assert mine["source"].str.contains(place, regex=False).all()


def test_all_thirteen_tasks_have_figures_and_citations() -> None:
    assert len(_table()) == 13
    for rows in _table().values():
        assert {"Dummy", "RF-SCM/Magpie", "AMMExpress v2020"} <= {row.algorithm for row in rows}
        for row in rows:
            assert "doi:" in row.citation or "arXiv:" in row.citation


def test_what_matbench_calls_roc_auc_is_balanced_accuracy() -> None:
    rows = [row for found in _table().values() for row in found if ROC_AUC_OF_LABELS in row.mean]
    assert len(rows) == 24
    for row in rows:
        assert row.mean[ROC_AUC_OF_LABELS] == row.mean["balanced_accuracy"]
        assert "roc_auc" not in row.mean


def test_the_best_comes_first() -> None:
    gaps = [row.mean["mae"] for row in published("matbench_expt_gap")]
    assert gaps == sorted(gaps)
    metals = [row.mean["balanced_accuracy"] for row in published("matbench_expt_is_metal")]
    assert metals == sorted(metals, reverse=True)
    assert {row.algorithm: row.mean["mae"] for row in published("matbench_expt_gap")}["RF-SCM/Magpie"] == 0.446055


def test_boards_with_other_folds_or_data_have_none_beside(
    made: Callable[..., tuple[pd.DataFrame, pd.DataFrame]],
) -> None:
    board = build(protocols(made("diabetes")[0])[0])
    assert published("diabetes") == beside(board) == ()
    assert beside(replace(board, dataset="matbench_expt_gap")) == ()
    assert beside(replace(board, split="official")) == ()
    assert beside(replace(board, dataset="matbench_expt_gap", split="official")) == published("matbench_expt_gap") != ()
