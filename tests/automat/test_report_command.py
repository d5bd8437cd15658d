from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from automat import api
from automat.cli import app
from automat.core import InputError, UnknownNameError

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    api.run("iris", models=["dummy", "knn"], preset="quick", folds=2, trials=1, out=folder, jobs=1)
    return folder


def test_the_leaderboard_diagnoses_every_entrant(runs: Path) -> None:
    shown = RUNNER.invoke(app, ["leaderboard", "--runs", str(runs), "--diagnose"])
    assert shown.exit_code == 0, shown.output
    assert "Diagnosis: iris" in shown.output
    assert "the baseline: It guesses the same" in shown.output
    ((board, found),) = api.diagnoses(runs)
    assert [each.model for each in found] == [row.model for row in board.rows]
    assert "Diagnosis" not in RUNNER.invoke(app, ["leaderboard", "--runs", str(runs)]).output


def test_pages_can_be_korean(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    shown = RUNNER.invoke(app, ["report", "--runs", str(runs), "--lang", "ko", "--html", str(file)])
    assert shown.exit_code == 0, shown.output
    assert shown.output.rstrip().endswith(f"page: {file}")
    assert '<html lang="ko">' in file.read_text(encoding="utf-8")
    assert "리더보드" in (runs / "index.html").read_text(encoding="utf-8")
    api.report(runs)
    assert "Leaderboards" in (runs / "index.html").read_text(encoding="utf-8")


def test_what_cannot_be_rendered_is_refused(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown language 'kr'"):
        api.report(runs, lang="kr")
    with pytest.raises(InputError, match="cannot be written"):
        api.report(runs, html=tmp_path / "nowhere" / "page.html")
