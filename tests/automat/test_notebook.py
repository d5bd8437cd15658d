"""A notebook, executed: what a run shows there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from automat_leaderboards import to_html

from automat import api

if TYPE_CHECKING:
    from pathlib import Path

    from automat.core import Dataset

RUN = """
import automat
result = automat.run("iris", models=["dummy", "linear"], preset="quick", trials=1, jobs=1, out="runs", save_models=True)
result
"""


def test_a_board_as_html_escapes_what_data_says(diabetes: Dataset, tmp_path: Path) -> None:
    from dataclasses import replace

    named = replace(diabetes, name="<b>mine</b>", unit="<i>")
    result = api.run(named, models=["dummy", "linear"], preset="quick", trials=1, out=tmp_path)
    for shown in (result.board._repr_html_(), result._repr_html_()):
        assert "<table" in shown
        assert "&lt;b&gt;mine" in shown
        assert "<b>" not in shown
        assert "<i>" not in shown
        assert f"{result.board.rows[0].mean['test']['mae']:.1f}"[:3] in shown
    assert result.board._repr_html_() == to_html(result.board)
    assert "4 cells computed, 0 found done, 0 failed" in result._repr_html_()
    assert str(result.page.name) in result._repr_html_()


def executed(cells: list[str], folder: Path) -> list[list[Any]]:
    """The outputs of every cell of a notebook that is run in a folder."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_run_in_a_notebook_shows_its_progress_and_its_board(tmp_path: Path) -> None:
    ran, board, model, table = executed(
        [RUN, "result.board", "automat.load_model(result.model)", "automat.load_results('runs')"], tmp_path
    )
    kinds = [output.output_type for output in ran]
    assert "display_data" in kinds, "a bar, while it ran"
    assert "stream" not in kinds, [output.get("text") for output in ran]
    rich = ran[-1].data["text/html"]
    assert "4 cells computed" in rich
    assert re.search(r'<a href="runs/iris/quick-\S+\.html">', rich)
    for outputs, said in ((board, "Ridge / logistic regression"), (model, "trained on"), (table, "dataset_sha256")):
        assert "<table" in outputs[-1].data["text/html"]
        assert said in outputs[-1].data["text/html"]
