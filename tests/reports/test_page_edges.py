"""Pages of boards that are empty, failed, half done or poorly described."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import render_board
from automat_reports.board_page import board_page

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]


def opened(browser: Any, page: str, path: Path, *, row: int, charts: int) -> list[str]:
    """Open the page, click the row, wait for its charts; what the browser complains of."""
    path.write_text(page, encoding="utf-8")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(path.as_uri())
    browser.execute_script("document.querySelector(arguments[0]).click()", f"#board tbody tr:nth-child({row})")
    drawn = "return document.querySelectorAll('#detail .chart .main-svg:first-child').length"
    for _ in range(60):
        if browser.execute_script(drawn) == charts:
            break
        time.sleep(0.1)
    assert browser.execute_script(drawn) == charts
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.browser
def test_where_every_entrant_failed_the_page_says_why(
    browser: Any, board_of: BoardOf, context: dict[str, Any], tmp_path: Path
) -> None:
    board, predictions = board_of("diabetes")
    dead = replace(board, rows=tuple(row for row in board.rows if row.rank is None))
    page = render_board(dead, predictions.iloc[:0], context)
    assert opened(browser, page, tmp_path / "dead.html", row=1, charts=0) == []
    assert not browser.find_element("id", "overview").is_displayed()
    assert "ValueError: <b>no</b> luck" in browser.find_element("id", "detail").text


@pytest.mark.browser
def test_classes_without_names_go_by_their_codes(
    browser: Any, board_of: BoardOf, context: dict[str, Any], tmp_path: Path
) -> None:
    page = render_board(*board_of("iris"), {**context, "classes": []})
    path = tmp_path / "iris.html"
    assert opened(browser, page, path, row=2, charts=2) == []  # the confusion matrix and the probabilities
    names = "return document.querySelectorAll('#detail .chart')[0].data[0].x"
    assert browser.execute_script(names) == ["0", "1", "2"]
    counts = browser.execute_script("return document.querySelectorAll('#detail .chart')[0].data[0].text")
    assert sum(map(sum, counts)) == 150


def test_folds_to_come_are_counted(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    early = replace(board.rows[0], folds=board.rows[0].folds[:1], folds_missing=2)
    page = board_page(replace(board, rows=(early, *board.rows[1:])), predictions, context)
    failed = [cell["shown"]["mean"] for entry in page["rows"] for cell in entry["cells"][-2:-1]]
    assert failed == ["2 to come", "", "", "3"]


def test_an_entrant_whose_metric_is_nowhere_defined_says_so(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    undefined = replace(board.rows[0], rank=None)
    page = render_board(replace(board, rows=(undefined,)), predictions, context)
    assert "no fold where MAE is defined" in page


def test_the_search_s_own_score_is_a_column_to_pick(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = board_page(*board_of("diabetes"), context)
    (column,) = [column for column in page["columns"] if column["key"] == "validation_mae"]
    assert column["hidden"]
    assert "validation_mae" in page["data"]["table"][0]


def test_zeros_carry_no_sign(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    flat = replace(board.rows[0], gap=-1e-12, skill=-1e-12)
    (row, *_) = board_page(replace(board, rows=(flat,)), predictions, context)["rows"]
    shown = {cell["column"]["key"]: cell["shown"]["mean"] for cell in row["cells"]}
    assert float(shown["gap"]) == 0
    assert not shown["gap"].startswith("-")
    assert shown["skill"] == "0.000"
