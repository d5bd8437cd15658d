from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import automat_leaderboards
import automat_reports
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, verdict
from automat_reports import IndexEntry, Translator, render_board, render_index, render_model
from automat_reports.sections._periodic import PLACES
from automat_reports.translation import catalog
from jinja2 import Environment, nodes

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]
REPORTS = Path(automat_reports.__file__).parent
PYTHON = [*REPORTS.rglob("*.py"), *Path(automat_leaderboards.__file__).parent.rglob("*.py")]
TEMPLATES = [*REPORTS.rglob("*.j2")]
SCRIPTS = [*REPORTS.rglob("*.js")]

# What people write in Latin letters in any language: names of tests, metrics and methods, and what the data hold.
LATIN = set(
    re.findall(
        r"\w+",
        """automat MAE RMSE ROC AUC MCC CPU CSV JSON PNG SVG Holm Nadeau and Bengio Nemenyi Wilcoxon DeLong
        Cohen Friedman Iman Davenport Student Optuna Magpie PCA SNE DBSCAN linear knn dummy broken co table
        diabetes iris cancer random quick points scikit learn python Efron et al BSD setosa versicolor virginica
        bad good alpha of rows were set aside here no ValueError luck magpie density MagpieData mean Electronegativity
        vpa ms MB""",
    )
)


def keys_asked() -> Iterator[tuple[str, str]]:
    """English text that sources ask the translation of, and where."""
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
                for constant in _texts(node.args[0]):
                    yield constant, path.name
    for path in TEMPLATES:
        for call in Environment(autoescape=True).parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t" and isinstance(call.args[0], nodes.Const):
                yield call.args[0].value, path.name
    for path in SCRIPTS:
        for key in re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")):
            yield json.loads(f'"{key}"'), path.name


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def texts_in_sources() -> set[str]:
    """Every string of the sources: what a key is built from may stand in a table."""
    found = {key for key, _ in keys_asked()}
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


class Words(HTMLParser):
    """Text that a reader sees or hears, without that of scripts, styles and code."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "code", "pre"}:
            self._silent.append(tag)
        names = {"title", "aria-label", "placeholder", "alt"}
        self.texts += [value for name, value in attrs if name in names and value]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def english_in(page: str, allowed: set[str]) -> list[str]:
    """Texts of a page that hold no Korean, but words that no list allows."""
    words = Words()
    words.feed(page)
    return [
        text.strip()
        for text in words.texts
        if not re.search("[가-힣]", text) and set(re.findall("[A-Za-z]{2,}", text)) - allowed
    ]


@pytest.mark.parametrize("name", ["diabetes", "iris", "cancer"])
def test_the_korean_board_has_no_english_left(board_of: BoardOf, context: dict[str, Any], name: str) -> None:
    t = Translator("ko")
    page = render_board(*board_of(name), context, t)
    assert t.missing == set()
    assert english_in(page, LATIN) == []
    assert '<html lang="ko">' in page


def test_the_korean_pages_of_entrants_have_no_english_left(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    for row in found.rows:
        t = Translator("ko")
        page = render_model(found, row, predictions, context, t, back="board.html")
        assert t.missing == set()
        assert english_in(page, LATIN | set(PLACES)) == []


def test_the_korean_index_has_no_english_left(board_of: BoardOf) -> None:
    t = Translator("ko")
    entries = [IndexEntry(board_of(name)[0], f"{name}.html", "2026-01-03") for name in ("iris", "cancer", "diabetes")]
    page = render_index(entries, t)
    assert t.missing == set()
    assert english_in(page, LATIN) == []


def test_english_in_a_korean_page_is_found() -> None:
    assert english_in("<p>행</p><p>Forgotten words</p><b title='also this'>행</b>", LATIN) == [
        "Forgotten words",
        "also this",
    ]


def test_whatever_sources_ask_for_is_translated() -> None:
    known = catalog("ko")
    asked = [each for each in keys_asked() if re.search("[A-Za-z]{2}", each[0])]
    assert [each for each in asked if each[0] not in known] == []
    assert len(asked) > 100


def test_no_translation_is_left_over() -> None:
    assert sorted(set(catalog("ko")) - texts_in_sources()) == []


def test_translations_keep_the_places_of_values() -> None:
    places = re.compile(r"\{\w+\}")
    for key, value in catalog("ko").items():
        assert sorted(set(places.findall(key))) == sorted(set(places.findall(value))), key
        assert value.strip(), key


def test_what_is_missing_is_english_and_noted() -> None:
    t = Translator("ko")
    assert t("nobody translates {thing}", thing="this") == "nobody translates this"
    assert t.missing == {"nobody translates {thing}"}
    assert t("rows") == "행 수"


def test_the_scripts_of_a_page_get_their_words() -> None:
    words = Translator("ko").words('draw(t("epoch"), t("fold {number}", { number: 1 }), "not this")')
    assert words == {"epoch": "에포크", "fold {number}": "폴드 {number}"}
    assert Translator().words('t("epoch")') == {}


def test_the_verdict_is_korean(board_of: BoardOf) -> None:
    said = verdict(board_of("diabetes")[0], Translator("ko"))
    assert "1위" in said
    assert "linear & co" in said
    assert "first" not in said


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown language 'kr'. Did you mean 'ko'\? Allowed: en, ko"):
        Translator("kr")
