"""The page in a real browser: what a reader clicks, types and sees."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import render_board

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def pages(board_of: BoardOf, context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = {}
    for name, classes in (
        ("diabetes", []),
        ("iris", ["setosa", "versicolor", "virginica"]),
        ("cancer", ["bad", "good"]),
    ):
        path = tmp_path_factory.mktemp(name) / "page.html"
        path.write_text(render_board(*board_of(name), context | {"classes": classes}), encoding="utf-8")
        found[name] = path.as_uri()
    return found


def eventually(check: Callable[[], Any]) -> Any:
    for _ in range(60):
        found = check()
        if found:
            return found
        time.sleep(0.1)
    return check()


def entrants(browser: Any) -> list[str]:
    rows = "[...document.querySelectorAll('#board tbody tr')].filter(row => !row.hidden)"
    return list(browser.execute_script(f"return {rows}.map(row => row.cells[1].innerText.trim())"))


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def open_page(browser: Any, address: str) -> None:
    browser.get("about:blank")
    browser.get(address)
    assert eventually(lambda: browser.execute_script("return document.querySelectorAll('#folds .main-svg').length"))


@pytest.mark.parametrize("name", ["diabetes", "iris", "cancer"])
def test_it_opens_without_errors_and_without_the_network(browser: Any, pages: dict[str, str], name: str) -> None:
    browser.get_log("browser"), browser.get_log("performance")
    open_page(browser, pages[name])
    for row in range(1, 5):
        click(browser, f"#board tbody tr:nth-child({row})")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert [address for address in addresses if not address.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_a_click_on_a_head_sorts_and_the_address_remembers(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["diabetes"])
    ranked = entrants(browser)
    assert ranked == ["linear & co", "knn & co", "dummy & co", "broken & co"]
    click(browser, 'th[data-column="test_mae"] button')
    click(browser, 'th[data-column="test_mae"] button')
    assert entrants(browser) == ["dummy & co", "knn & co", "linear & co", "broken & co"]
    head = 'return document.querySelector(\'th[data-column="test_mae"]\').getAttribute("aria-sort")'
    assert browser.execute_script(head) == "descending"
    address = browser.current_url
    assert address.endswith("#sort=-test_mae")
    open_page(browser, address)
    assert entrants(browser)[0] == "dummy & co"


def test_search_filters(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["diabetes"])
    field = browser.find_element("id", "search")
    field.send_keys("knn")
    assert entrants(browser) == ["knn & co"]
    field.send_keys("zzz")
    assert entrants(browser) == []
    assert browser.find_element("id", "empty").is_displayed()


def test_columns_can_be_hidden_and_shown(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["diabetes"])
    visible = "return getComputedStyle(document.querySelector('td[data-column=\"{}\"]')).display !== 'none'"
    assert browser.execute_script(visible.format("test_rmse"))
    assert not browser.execute_script(visible.format("train_rmse"))
    click(browser, 'input[data-column="test_rmse"]')
    click(browser, 'input[data-column="train_rmse"]')
    assert not browser.execute_script(visible.format("test_rmse"))
    assert browser.execute_script(visible.format("train_rmse"))


def test_a_click_on_a_row_draws_its_parity_plot(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["diabetes"])
    click(browser, "#board tbody tr:nth-child(1)")
    points = "return document.querySelectorAll('#detail .chart')[0].querySelectorAll('.points path').length"
    assert eventually(lambda: browser.execute_script(points)) == 442
    text = browser.find_element("id", "detail").text
    assert "linear & co (table)" in text
    assert "Scores of every fold" in text
    assert "alpha" in text
    click(browser, "#board tbody tr:nth-child(1)")
    assert not browser.find_element("id", "detail").is_displayed()


def test_a_row_opens_from_the_keyboard(browser: Any, pages: dict[str, str]) -> None:
    from selenium.webdriver.common.keys import Keys

    open_page(browser, pages["iris"])
    row = browser.find_element("css selector", "#board tbody tr:nth-child(2)")
    row.send_keys(Keys.ENTER)
    assert browser.find_element("id", "detail").is_displayed()
    assert row.get_attribute("aria-expanded") == "true"


def test_the_confusion_matrix_counts_every_row(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["cancer"])
    click(browser, "#board tbody tr:nth-child(1)")
    charts = "return document.querySelectorAll('#detail .chart').length"
    assert eventually(lambda: browser.execute_script(charts)) >= 3
    counts = browser.execute_script("return document.querySelectorAll('#detail .chart')[1].data[0].text")
    assert sum(map(sum, counts)) == 569
    area = browser.execute_script(
        "const t = document.querySelectorAll('#detail .chart')[0].data[1];"
        "let a = 0; for (let i = 1; i < t.x.length; i++) a += (t.x[i] - t.x[i-1]) * (t.y[i] + t.y[i-1]) / 2; return a;"
    )
    assert 0.9 < area <= 1.0


def test_the_csv_is_the_view(browser: Any, pages: dict[str, str]) -> None:
    open_page(browser, pages["diabetes"])
    browser.find_element("id", "search").send_keys("linear")
    text = browser.execute_script("return asCsv(visibleTable())")
    lines = text.strip().split("\n")
    assert lines[0].startswith("rank,model,title,features,test_mae,test_mae_std")
    assert "train_rmse" not in lines[0]
    assert len(lines) == 2
    assert lines[1].startswith("1,linear,linear & co,table,")
    harmless = browser.execute_script('return asCsv({columns: ["a"], rows: [{a: "=1+1"}, {a: "x,\\"y\\""}, {a: -2}]})')
    assert harmless == 'a\n\'=1+1\n"x,""y"""\n-2\n'


def test_dark_and_light(browser: Any, pages: dict[str, str], tmp_path: Path) -> None:
    open_page(browser, pages["diabetes"])
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(ground)
    click(browser, "#theme")
    assert browser.execute_script(ground) != before
    assert browser.save_screenshot(str(tmp_path / "page.png"))


def test_nothing_spills_over_on_a_phone(browser: Any, pages: dict[str, str]) -> None:
    browser.set_window_size(500, 900)
    try:
        open_page(browser, pages["diabetes"])
        width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.execute_script(width) <= 0
    finally:
        browser.set_window_size(1400, 1200)
