"""The documentation as a site: it builds strictly, its links lead somewhere, and it needs no network."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import typer

from automat.cli import app

ROOT = Path(__file__).parents[2]
ABSENT = [name for name in ("mkdocs", "material", "mkdocstrings") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(ABSENT), reason=f"pip install 'automat[docs]': {', '.join(ABSENT)} are not installed"),
]
PACKAGES = ("automat", "automat_featurizers", "automat_leaderboards", "automat_reports")
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
"""Of a page, what a browser fetches by itself."""


class Html(HTMLParser):
    """What a page links, what it loads, and the names of its places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.places: set[str] = set()
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        self.classes |= set(found.get("class", "").split())
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loads.add(found[LOADED[tag]])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``make docs`` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Html]:
    return {path: Html(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_of_the_docs_is_there(site: Path, pages: dict[Path, Html]) -> None:
    sources = (ROOT / "docs").rglob("*.md")
    expected = {site / path.relative_to(ROOT / "docs").with_suffix(".html") for path in sources}
    assert expected <= set(pages)
    linked = {(site / link).resolve() for link in pages[site / "index.html"].links if not urlsplit(link).scheme}
    assert {path.resolve() for path in expected} <= {Path(str(path).partition("#")[0]) for path in linked}


def test_every_link_within_leads_somewhere(site: Path, pages: dict[Path, Html]) -> None:
    """Files, and the places in them."""
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":  # its links are from the root of a server
            continue
        for link in page.links | page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            inside = target.is_relative_to(site.resolve())
            place = unquote(parts.fragment)
            found = inside and target.is_file()
            if not found or (place and target.suffix == ".html" and place not in pages[target].places):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_files_beside_the_docs_lead_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not urlsplit(link).scheme]
    assert links
    assert not [link for link in links if not (ROOT / link.partition("#")[0]).exists()]


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Html]) -> None:
    for path, page in pages.items():
        outside = [link for link in page.loads if urlsplit(link).netloc]
        assert not outside, f"{path}: {outside}"
        assert "mermaid" not in page.classes, "the theme would fetch what draws it"
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", text), path


def test_the_reference_has_every_public_name(pages: dict[Path, Html]) -> None:
    places = set().union(*(page.places for page in pages.values()))
    missing = [f"{package}.{name}" for package in PACKAGES for name in importlib.import_module(package).__all__
               if f"{package}.{name}" not in places]  # fmt: skip
    assert not missing


def test_the_reference_has_every_command_and_option(site: Path) -> None:
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    todo = [("automat", typer.main.get_command(app))]
    while todo:
        name, command = todo.pop()
        below = getattr(command, "commands", {})
        todo += [(f"{name} {word}", each) for word, each in below.items()]
        if not below:
            section = text.partition(f"<code>{name}</code>")[2].partition("<h2")[0]
            options = [each.opts[0] for each in command.params if each.param_type_name == "option"]
            assert section, name
            assert not [option for option in options if option not in section], name


def test_the_reference_has_every_variable_and_exit_code() -> None:
    """What the sources read and give back is in the tables, by name and by number."""
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "automat").rglob("*.py")}
    named = r"^(\w+) = \"([A-Z_]+)\"$"
    constants = dict(pair for text in texts.values() for pair in re.findall(named, text, re.MULTILINE))
    read = {name for text in texts.values() for name in re.findall(r"environ\.get\(([\w.\"]+)", text)}
    variables = {constants.get(name.rpartition(".")[2], name.strip('"')) for name in read}
    table = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    assert {"AUTOMAT_CACHE", "AUTOMAT_DATA", "MP_API_KEY"} <= variables
    assert not [name for name in variables if f"| `{name}` |" not in table]
    given = r"^EXIT_[\w, ]+ = ([\d, ]+)$"
    numbers = [found for text in texts.values() for found in re.findall(given, text, re.MULTILINE)]
    codes = {code for values in numbers for code in values.split(", ")}
    table = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert len(codes) >= 4
    assert not [code for code in codes if f"| {code} |" not in table]


@pytest.mark.browser
def test_pages_open_and_search_from_the_disk_without_the_network(browser: Any, site: Path) -> None:
    for name in ("index.html", "reference/python.html", "tutorial/first-leaderboard.html"):
        browser.get((site / name).as_uri())
        assert browser.find_element("css selector", "h1").text
    field = browser.find_element("css selector", "[name=query]")
    browser.execute_script("arguments[0].focus()", field)
    field.send_keys("nested")
    titles: list[str] = []
    for _ in range(100):
        found = browser.find_elements("css selector", ".md-search-result__link")
        titles = [each.get_attribute("href") for each in found]
        if titles:
            break
        time.sleep(0.1)
    assert any("explanation/nested-cv.html" in title for title in titles)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    assert asked
    assert not [address for address in asked if urlsplit(address).scheme in {"http", "https", "ws", "wss"}]
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
