"""The sections in a real browser: drawn without errors, without the network, in light and dark, on a phone, by keys."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLACES = ("parity", "elements", "learning", "ladder", "calibration", "validation", "epochs")


def opened(browser: Any, address: str) -> None:
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(address)
    eventually(browser, "return typeof paintAll === 'function'")
    browser.execute_script("paintAll()")


def eventually(browser: Any, script: str) -> Any:
    for _ in range(80):
        found = browser.execute_script(script)
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(script)


def test_every_section_is_drawn_and_nothing_leaves_the_machine(browser: Any, page: str) -> None:
    opened(browser, page)
    for name in PLACES:
        eventually(browser, f"return document.querySelector('#section-{name} .main-svg') !== null")
    assert browser.execute_script("return document.querySelectorAll('#section-worst svg.crystal').length") == 10
    assert browser.execute_script("return document.querySelectorAll('#section-audit table').length") >= 1
    order = browser.execute_script("return [...document.querySelectorAll('section.part')].map((part) => part.id)")
    assert order == [
        f"section-{name}"
        for name in (
            "parity",
            "elements",
            "worst",
            "learning",
            "validation",
            "epochs",
            "ladder",
            "audit",
            "calibration",
            "importances",
        )
    ]
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"]
    assert [address for address in addresses if not address.startswith(("file:", "data:", "blob:", "about:"))] == []


def test_charts_follow_light_and_dark(browser: Any, page: str) -> None:
    opened(browser, page)
    colour = "return document.querySelector('#elements-chart').layout.font.color"
    eventually(browser, "return Boolean(document.querySelector('#elements-chart').layout)")
    light = browser.execute_script(colour)
    browser.execute_script("document.getElementById('theme').click()")
    eventually(browser, f"{colour} !== {json.dumps(light)}")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_an_entrant_looks_alike_in_every_table_and_chart(browser: Any, page: str) -> None:
    opened(browser, page)
    swatches = browser.execute_script(
        "return [...document.querySelectorAll('.swatch')].map((each) => [each.closest('section.part')?.id ?? 'board',"
        " each.dataset.entrant, each.dataset.symbol, each.style.background])"
    )
    entrants = browser.execute_script("return page.entrants.map(({ key, symbol, colour }) => [key, symbol, colour])")
    painted = (
        "const one = document.createElement('i'); one.style.background = arguments[0]; return one.style.background"
    )
    looks = {key: (symbol, browser.execute_script(painted, colour)) for key, symbol, colour in entrants}
    assert len(set(looks.values())) == len(looks) == 5
    for place, key, symbol, background in swatches:
        assert (symbol, background) == looks[key], place
    keys = {place: {key for where, key, *_ in swatches if where == place} for place, *_ in swatches}
    assert keys["board"] == set(looks)
    for name, models in (("learning", {"dummy", "knn"}), ("ladder", {"dummy", "knn"})):
        assert {key.partition("/")[0] for key in keys[f"section-{name}"]} >= models
    assert keys["section-calibration"]
    symbols = "return document.getElementById('ladder-chart').data?.map(({ marker }) => marker.color)"
    assert set(eventually(browser, symbols)) <= {colour for _, _, colour in entrants}


def test_of_names_that_would_cover_each_other_the_best_is_shown(browser: Any, page: str) -> None:
    opened(browser, page)
    # Each of the last three is close to the next one, the first of them is far from the last.
    points = [(1, 1.0), (700, 0.18), (840, 0.14), (1000, 0.1)]
    named = browser.execute_script(
        """
        const four = finished.filter(({ model }) => model !== "dummy");
        four.forEach((entrant, at) => { [entrant.cost, entrant.mean] = arguments[0][at]; });
        for (const entrant of finished) if (!four.includes(entrant)) [entrant.cost, entrant.mean] = [1000, 2];
        let drawn;
        draw = (place, traces) => { drawn = traces; };
        drawPareto();
        return drawn.filter(({ text }) => text?.[0]).map(({ x }) => x[0]);
        """,
        points,
    )
    assert browser.execute_script("return page.higher") is False
    assert named == [1, 700, 1000]


def test_the_chosen_entrant_is_one_for_all_and_in_the_address(browser: Any, page: str) -> None:
    from selenium.webdriver.support.ui import Select

    opened(browser, page)
    select = Select(browser.find_element("id", "parity-entrant"))
    keys = [str(option.get_attribute("value")) for option in select.options]
    other = next(key for key in keys if key.startswith("knn/"))
    select.select_by_value(other)
    assert browser.execute_script("return document.getElementById('elements-entrant').value") == other
    assert "entrant=knn" in browser.current_url
    opened(browser, browser.current_url)
    assert browser.execute_script("return document.getElementById('parity-entrant').value") == other
    points = "return document.getElementById('parity-chart').data?.at(-1).x.length"
    assert eventually(browser, points) == 90


def test_nothing_spills_over_on_a_phone(browser: Any, page: str) -> None:
    browser.set_window_size(500, 900)
    try:
        opened(browser, page)
        eventually(browser, "return document.querySelector('#calibration-chart .main-svg') !== null")
        width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert browser.execute_script(width) <= 0
    finally:
        browser.set_window_size(1400, 1200)


def test_choosers_are_reached_and_moved_by_keys(browser: Any, page: str) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    field = browser.find_element("id", "elements-entrant")
    before = field.get_attribute("value")
    field.send_keys(Keys.ARROW_DOWN)
    assert field.get_attribute("value") != before


def test_every_figure_is_named_for_those_who_hear_it(browser: Any, page: str) -> None:
    opened(browser, page)
    eventually(browser, "return document.querySelector('#section-epochs .main-svg') !== null")
    nameless = (
        "return [...document.querySelectorAll('.part .chart, .part svg.crystal')]"
        ".filter((each) => !each.getAttribute('aria-label')).length"
    )
    assert browser.execute_script(nameless) == 0


def test_charts_are_saved_as_png_and_svg(browser: Any, page: str) -> None:
    opened(browser, page)
    eventually(browser, "return document.querySelector('#parity-chart .main-svg') !== null")
    titles = "return [...document.querySelectorAll('#parity-chart .modebar-btn')].map((button) => button.dataset.title)"
    assert {"save as PNG", "save as SVG"} <= set(browser.execute_script(titles))
    made = browser.execute_async_script(
        "const done = arguments[0];"
        "Plotly.toImage(document.getElementById('parity-chart'), { format: 'svg' }).then(done);"
    )
    assert made.startswith("data:image/svg+xml")
