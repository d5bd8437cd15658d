"""What `automat leaderboard` says of chance, and of several datasets together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from automat import api
from automat.core import Dataset

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

Command = Callable[..., str]


@pytest.fixture(scope="module")
def runs(diabetes: Dataset, features_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AUTOMAT_CACHE", str(features_cache))
        for data in (diabetes, "iris"):
            api.run(data, models=["dummy", "linear", "knn"], preset="quick", folds=5, trials=1, jobs=1, out=out)
    return out


def test_boards_come_with_intervals_and_ranks(runs: Path) -> None:
    for board in api.leaderboards(runs):
        assert board.tie_test == "folds"
        for row in board.rows:
            assert row.interval[0] <= row.mean["test"][board.metric] <= row.interval[1]
            assert row.rank_range is not None
            assert row.rank_range[0] <= (row.rank or 0) <= row.rank_range[1]
        assert board.rows[-1].model == "dummy"


def test_the_command_prints_intervals_ties_and_what_datasets_say_together(
    runs: Path, command: Command, tmp_path: Path
) -> None:
    printed = command("leaderboard", "--runs", str(runs), "--latex", "b.tex", "--markdown", "b.md", "--json", "b.json")
    boards = api.leaderboards(runs)
    tied = [row for board in boards for row in board.rows if row.tied]
    legend = "=: tied with the best (corrected paired t-test over folds, Holm, 5%)"
    assert printed.count(legend) == sum(any(row.tied for row in board.rows) for board in boards)
    assert all(f" {row.rank}= " in printed for row in tied)
    assert "2 datasets, random split" in printed
    assert "Nemenyi's critical difference" in printed
    newest = json.loads((tmp_path / "b.json").read_text())
    first = newest["rows"][0]
    assert first["interval_low"] < first[f"test_{newest['metric']}"] < first["interval_high"]
    assert first["title"].split(" ")[0] in (tmp_path / "b.tex").read_text()
    assert f"**{first['title']} ({first['features']})**" in (tmp_path / "b.md").read_text()


def test_one_dataset_has_no_summary_over_datasets(runs: Path, command: Command) -> None:
    assert "mean rank" not in command("leaderboard", "--runs", str(runs), "--dataset", "iris")


def test_a_file_that_cannot_be_written_is_refused(runs: Path, command: Command) -> None:
    printed = command("leaderboard", "--runs", str(runs), "--latex", "no/such/folder/b.tex", code=2)
    assert "cannot write 'no/such/folder/b.tex'" in printed


def test_the_index_page_puts_the_datasets_together(runs: Path) -> None:
    page = (runs / "index.html").read_text(encoding="utf-8")
    assert "2 datasets, random split" in page
    assert '<svg class="ranks"' in page
