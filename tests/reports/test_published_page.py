"""Published figures on a page: there only on official folds, off until asked for, and never among our ranks."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_leaderboards.published import published
from automat_reports import render_board

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]


def page_of(board_of: BoardOf, context: dict[str, Any], dataset: str, name: str, split: str = "official") -> str:
    board, predictions = board_of(dataset, name=name)
    return render_board(replace(board, split=split), predictions, context)


def rows_of(page: str) -> list[str]:
    body = re.search(r'<tbody class="published" hidden>(.*?)</tbody>', page, re.DOTALL)
    assert body
    return re.findall(r"<tr.*?</tr>", body[1], re.DOTALL)


def test_every_published_row_stands_below_ours_and_is_marked(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = page_of(board_of, context, "diabetes", "matbench_expt_gap")
    rows = rows_of(page)
    assert len(rows) == len(published("matbench_expt_gap")) > 5
    forest = next(row for row in rows if "RF-SCM/Magpie" in row)
    assert "published, not run here" in forest
    assert "doi:10.1038/s41524-020-00406-3" in forest
    mae = re.search(r'data-column="test_mae">([\d.]+)', forest)
    assert mae
    assert abs(float(mae[1]) - 0.446) < 0.05  # shown with as many decimals as our best entrant's spread supports
    assert page.index('<tbody class="published"') > page.index('<tr data-place="3"')
    assert '<input id="published" type="checkbox">' in page
    assert "divided by 5 folds" in page


def test_what_matbench_calls_roc_auc_is_marked_and_explained(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = page_of(board_of, context, "cancer", "matbench_expt_is_metal")
    assert "thresholded labels (matbench issue 137)" in page
    for row in rows_of(page):
        cells = dict(re.findall(r'<td data-column="(test_\w+)">(.*?)</td>', row))
        assert "†" in cells["test_roc_auc"]
        assert "†" not in cells["test_balanced_accuracy"]
        figures = [re.match(r"[\d.]+", cells[f"test_{name}"]) for name in ("roc_auc", "balanced_accuracy")]
        assert all(figures)
        first, second = (float(found[0]) for found in figures if found)
        assert first == pytest.approx(second, abs=0.006)


@pytest.mark.parametrize(("name", "split"), [("diabetes", "official"), ("matbench_expt_gap", "random")])
def test_other_boards_have_no_published_rows(board_of: BoardOf, context: dict[str, Any], name: str, split: str) -> None:
    page = page_of(board_of, context, "diabetes", name, split)
    assert "<tbody" in page
    assert 'class="published' not in page
    assert 'id="published"' not in page


@pytest.mark.browser
def test_a_click_shows_them_and_the_address_keeps_it(
    browser: Any, board_of: BoardOf, context: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_text(page_of(board_of, context, "diabetes", "matbench_expt_gap"), encoding="utf-8")
    shown = "return [...document.querySelectorAll('tbody.published tr')].filter(row => row.offsetHeight > 0).length"
    names = (
        "return [...document.querySelectorAll('#board tbody:not(.published) tr')].map(row => row.cells[1].innerText)"
    )
    browser.get("about:blank")
    browser.get(path.as_uri())
    assert browser.execute_script(shown) == 0
    ours = browser.execute_script(names)
    browser.execute_script("document.getElementById('published').click()")
    rows = len(published("matbench_expt_gap"))
    assert browser.execute_script(shown) == rows
    for _ in range(2):
        browser.execute_script("document.querySelector('th[data-column=test_mae] button').click()")
        assert browser.execute_script(shown) == rows
    assert sorted(browser.execute_script(names)) == sorted(ours)
    assert "published=1" in browser.current_url
    browser.get("about:blank")
    browser.get(browser_address := path.as_uri() + "#published=1")
    assert browser.current_url == browser_address
    assert browser.execute_script(shown) == rows
    # A column that is taken away is taken away from these rows too.
    browser.execute_script("document.querySelector('#picker [data-column=test_mae]').click()")
    hidden = (
        "return [...document.querySelectorAll('tbody.published td[data-column=test_mae]')].every(cell => cell.hidden)"
    )
    assert browser.execute_script(hidden)
