"""Lessons in a real browser: guesses, sliders, switches, languages, and no network."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from automat import lessons

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lessons")
    made = [
        path
        for name in ("iris", "leaks", "graphs")
        for path in lessons.build(name, langs=("en", "ko"), out=folder, grid="reduced")
    ]
    return {path.stem[3:]: path.as_uri() for path in made}


def eventually(check: Callable[[], Any]) -> Any:
    for _ in range(60):
        found = check()
        if found:
            return found
        time.sleep(0.1)
    return check()


def reveal(browser: Any) -> None:
    for form in browser.find_elements("css selector", "form.guess"):
        form.find_element("css selector", "input").click()
        form.find_element("css selector", "button").click()


def drawn(browser: Any) -> str:
    return json.dumps(browser.execute_script("return document.querySelector('.drawing').data.map(t => [t.x, t.y])"))


@pytest.mark.parametrize("name", ["iris_en", "iris_ko", "leaks_en", "leaks_ko", "graphs_en", "graphs_ko"])
def test_it_opens_without_errors_and_without_the_network(browser: Any, pages: dict[str, str], name: str) -> None:
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(pages[name])
    reveal(browser)
    figures = len(browser.find_elements("css selector", "figure"))
    count = "return document.querySelectorAll('figure .main-svg').length"
    assert eventually(lambda: browser.execute_script(count) >= figures)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert [address for address in addresses if not address.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_a_guess_reveals_the_result(browser: Any, pages: dict[str, str]) -> None:
    browser.get(pages["iris_en"])
    form = browser.find_element("css selector", "form.guess")
    result = browser.find_element("id", form.get_attribute("data-result"))
    button = form.find_element("css selector", "button")
    assert not result.is_displayed()
    assert not button.is_enabled()
    choices = form.find_elements("css selector", "input")
    right = int(form.get_attribute("data-answer"))
    choices[(right + 1) % len(choices)].click()
    button.click()
    assert eventually(result.is_displayed)
    assert form.find_element("css selector", ".said").text.startswith("Not quite")
    assert form.find_element("css selector", "label.right input").get_attribute("value") == str(right)


def test_keys_alone_guess_and_move_the_slider(browser: Any, pages: dict[str, str]) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get(pages["iris_ko"])
    form = browser.find_element("css selector", "form.guess")
    form.find_element("css selector", "input").send_keys(Keys.SPACE)
    form.find_element("css selector", "button").send_keys(Keys.ENTER)
    assert eventually(lambda: browser.execute_script("return document.querySelectorAll('figure .main-svg').length"))
    slider = browser.find_element("css selector", "input[type=range]")
    before, note = drawn(browser), browser.find_element("css selector", ".note").text
    slider.send_keys(Keys.ARROW_RIGHT)
    assert eventually(lambda: drawn(browser) != before)
    assert browser.find_element("css selector", ".note").text != note
    assert slider.get_attribute("aria-valuetext") == "1"


def test_a_switch_changes_the_figure(browser: Any, pages: dict[str, str]) -> None:
    browser.get(pages["leaks_en"])
    reveal(browser)
    figure = browser.find_elements("css selector", "figure")[1]
    note = figure.find_element("css selector", ".note")
    assert "training rows" in note.text
    figure.find_element("css selector", "input[type=checkbox]").click()
    assert eventually(lambda: "all rows" in note.text)


def test_dark_mode_repaints(browser: Any, pages: dict[str, str]) -> None:
    browser.get(pages["graphs_en"])
    reveal(browser)
    colour = "return document.querySelector('.drawing').layout.font.color"
    before = eventually(lambda: browser.execute_script(colour))
    browser.find_element("id", "theme").click()
    assert eventually(lambda: browser.execute_script(colour) != before)


def test_a_phone_scrolls_down_only(browser: Any, pages: dict[str, str]) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        browser.get(pages["graphs_ko"])
        reveal(browser)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_korean_page_has_no_english_prose(pages: dict[str, str], browser: Any) -> None:
    browser.get(pages["graphs_ko"])
    reveal(browser)
    prose = "return [...document.querySelectorAll('p, li, legend, label, h1, h2, summary')].map(e => e.innerText)"
    lines = [line for line in browser.execute_script(prose) if len(line.split()) > 4]
    assert lines
    assert [line for line in lines if not any("가" <= letter <= "힣" for letter in line)] == []
