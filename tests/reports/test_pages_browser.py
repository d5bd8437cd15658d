"""The pages of entrants, of explored data and the index in a real browser; and what all pages owe their readers."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import IndexEntry, render_board, render_exploration, render_index, render_model

pytestmark = pytest.mark.browser

Pages = dict[str, Path]
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def pages(
    board_of: Callable[..., tuple[Leaderboard, pd.DataFrame]],
    context: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pages:
    """A board, the page of an entrant, the data before modelling, and the index that links them."""
    from automat import datasets, exploration

    folder = tmp_path_factory.mktemp("site")
    board, predictions = board_of("diabetes")
    entrant = board.rows[0]
    searched = [
        {"number": at, "value": 50.0 - at, "params": {"alpha": 10.0**at, "solver": "ab"[at % 2]}} for at in range(4)
    ]
    first, *others = entrant.folds
    told = {
        "permutation": {
            "rows": 90, "columns": 2, "screened_on": 0, "error": "absolute error", "baseline": 40.0, "groups": [],
            "features": [{"name": "density", "rise": 9.0, "sure": 1.0}, {"name": "vpa", "rise": 1.0, "sure": 0.5}],
        },
        "elements": [{"symbol": "O", "atoms": 9, "crystals": 3, "mean": 1.0}],
        "seconds": 0.1,
    }  # fmt: skip
    from dataclasses import replace

    details = {**first.details, "search": searched, "learned": told}
    entrant = replace(entrant, folds=(replace(first, details=details), *others))
    board = replace(board, rows=(entrant, *board.rows[1:]))
    made = {
        "board": folder / "board.html",
        "model": folder / "entrants" / "linear.html",
        "explore": folder / "explore.html",
        "index": folder / "index.html",
    }
    made["model"].parent.mkdir()
    links = {"model_pages": {f"{entrant.model}/{entrant.features}": "entrants/linear.html"}}
    made["board"].write_text(render_board(board, predictions, context | links), encoding="utf-8")
    made["model"].write_text(render_model(board, entrant, predictions, context, back="../board.html"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exploration, "_umap", lambda reduced, _seed: [column.tolist() for column in reduced[:, :2].T])
        found = exploration.explore(datasets.load("iris"))
    made["explore"].write_text(render_exploration(found), encoding="utf-8")
    entry = IndexEntry(
        board, "board.html", "2026-01-03", models={entrant.title: "entrants/linear.html"}, explored="explore.html"
    )
    made["index"].write_text(render_index([entry], lessons={"en": "board.html"}), encoding="utf-8")
    return made


@pytest.fixture
def looks(browser: Any) -> Iterator[Callable[..., None]]:
    """Sets what the page is shown as: print or screen, dark or light, how wide."""

    def show(media: str = "", *, dark: bool = False, width: int = 0) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": scheme})
        if width:
            metrics = {"width": width, "height": 850, "deviceScaleFactor": 1, "mobile": True}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    yield show
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def opened(browser: Any, path: Path, *, hash_: str = "") -> None:
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(path.as_uri() + hash_)
    if path.stem in {"board", "explore"}:
        eventually(lambda: browser.execute_script("return document.querySelector('.chart .main-svg') !== null"))


def eventually(check: Callable[[], Any]) -> Any:
    for _ in range(150):
        found = check()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to pass")


@pytest.mark.parametrize("name", ["board", "model", "explore", "index"])
def test_it_opens_without_errors_and_without_the_network(browser: Any, pages: Pages, name: str) -> None:
    opened(browser, pages[name])
    browser.execute_script("document.getElementById('theme').click()")
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert [address for address in addresses if not address.startswith(("file:", "data:", "blob:", "about:"))] == []
    assert pages[name].stat().st_size < MOST_BYTES
    assert pages["model"].stat().st_size < 200_000


@pytest.mark.parametrize("name", ["board", "model", "explore", "index"])
def test_nothing_spills_over_on_a_phone(browser: Any, pages: Pages, looks: Callable[..., None], name: str) -> None:
    looks(width=390)
    opened(browser, pages[name])
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", ["board", "model", "explore", "index"])
def test_dark_is_dark_and_its_text_can_be_read(
    browser: Any, pages: Pages, looks: Callable[..., None], name: str
) -> None:
    looks(dark=True)
    opened(browser, pages[name])
    contrasts = browser.execute_script("""
        const light = (colour) => {
          const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => each / 255)
            .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = light(getComputedStyle(document.body).backgroundColor);
        return [ground, ...["body", "a", ".quiet"].map((selector) => document.querySelector(selector)).filter(Boolean)
          .map((each) => (light(getComputedStyle(each).color) + 0.05) / (ground + 0.05))];
    """)
    assert contrasts[0] < 0.02
    assert min(contrasts[1:]) > 4.5  # what WCAG 2 asks of text


def test_every_chart_of_an_entrant_is_drawn_and_kept_as_an_image(browser: Any, pages: Pages) -> None:
    opened(browser, pages["model"])
    names = browser.execute_script(
        "return [...document.querySelectorAll('svg.plot')].map((chart) => chart.dataset.name)"
    )
    assert names == ["folds", "parity", "search", "search", "search", "epochs"]
    assert browser.execute_script("return document.querySelectorAll('svg.plot circle').length") > 442
    assert browser.execute_script(
        "return [...document.querySelectorAll('svg.plot')].every((chart) => chart.getAttribute('aria-label'))"
    )
    copy = browser.execute_script("return copyOf(document.querySelector('svg.plot'))")
    assert copy.startswith("<svg")
    assert "fill: rgb(" in copy
    image = browser.execute_async_script(
        "const done = arguments[0]; const chart = document.querySelector('svg.plot');"
        "asImage(copyOf(chart), chart).then(done);"
    )
    assert base64.b64decode(image.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    buttons = browser.find_elements("css selector", "figure .save button")
    assert len(buttons) == 2 * len(names)


def test_the_board_leads_to_the_entrant_and_back_by_keys(browser: Any, pages: Pages) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["board"])
    browser.find_element("css selector", "#board tbody a.more").send_keys(Keys.ENTER)
    assert eventually(lambda: browser.current_url.endswith("/entrants/linear.html"))
    browser.find_element("css selector", "p.way a").send_keys(Keys.ENTER)
    assert eventually(lambda: browser.current_url.endswith("/board.html"))


def test_the_index_leads_everywhere(browser: Any, pages: Pages) -> None:
    opened(browser, pages["index"])
    links = {each.get_attribute("href") for each in browser.find_elements("css selector", "main a")}
    assert {pages[name].as_uri() for name in ("board", "model", "explore")} <= links
    assert "is first on diabetes with MAE" in browser.find_element("css selector", "tr.said").text


def test_the_board_is_used_by_keys_alone(browser: Any, pages: Pages) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    opened(browser, pages["board"])
    active = "return document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
    reached = []
    for _ in range(60):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        reached.append(browser.execute_script(active))
        column = browser.execute_script("return document.activeElement.closest('th')?.dataset.column")
        if column == "test_mae":
            break
    assert reached[0] == "skip"
    assert {"theme", "search", "csv", "json"} <= set(reached)
    assert column == "test_mae"
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.current_url.endswith("#sort=test_mae")


def test_search_and_columns_are_in_the_address(browser: Any, pages: Pages) -> None:
    opened(browser, pages["board"])
    browser.find_element("id", "search").send_keys("knn")
    browser.execute_script("document.querySelector('input[data-column=\"train_rmse\"]').click()")
    address = browser.current_url
    assert "find=knn" in address
    assert "columns=train_rmse" in address
    opened(browser, pages["board"], hash_="#" + address.partition("#")[2])
    shown = "return [...document.querySelectorAll('#board tbody tr')].filter((row) => !row.hidden).length"
    assert browser.execute_script(shown) == 1
    hidden = "return document.querySelector('td[data-column=\"train_rmse\"]').hidden"
    assert browser.execute_script(hidden) is False
    assert browser.execute_script("return document.getElementById('search').value") == "knn"


def test_the_csv_is_downloaded(browser: Any, pages: Pages, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    opened(browser, pages["board"])
    browser.find_element("id", "csv").click()
    file = tmp_path / "diabetes-leaderboard.csv"
    eventually(file.is_file)
    table = pd.read_csv(file)
    assert list(table["model"]) == ["linear", "knn", "dummy", "broken"]
    assert table["test_mae"].notna().tolist() == [True, True, True, False]


def test_in_print_the_tools_are_away_and_all_is_drawn(browser: Any, pages: Pages, looks: Callable[..., None]) -> None:
    looks(dark=True)
    opened(browser, pages["board"])
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    looks("print", dark=True)
    displayed = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert browser.execute_script(displayed, ".tools") == "none"
    assert browser.execute_script(displayed, "#theme") == "none"
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    drawn = "return [...document.querySelectorAll('.part .chart')].every((each) => each.querySelector('.main-svg'))"
    eventually(lambda: browser.execute_script(drawn))
    ink = "return document.getElementById('parity-chart').layout?.font.color"
    eventually(lambda: browser.execute_script(ink) in {"#1b1b1a", "#000"})  # dark letters on white paper
    printed = browser.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert base64.b64decode(printed).startswith(b"%PDF")


def test_maps_are_coloured_as_chosen_and_the_address_keeps_it(browser: Any, pages: Pages) -> None:
    from selenium.webdriver.support.ui import Select

    opened(browser, pages["explore"])
    groups = "return document.getElementById('umap').data?.length"
    eventually(lambda: browser.execute_script(groups) == 3)  # three species
    Select(browser.find_element("id", "colour")).select_by_value("kmeans")
    eventually(lambda: browser.execute_script(groups) == 2)
    assert browser.current_url.endswith("#colour=kmeans")
    opened(browser, pages["explore"], hash_="#colour=dbscan")
    assert browser.execute_script("return document.getElementById('colour').value") == "dbscan"
