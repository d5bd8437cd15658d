from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import IndexEntry, render_board, render_index
from automat_reports.board_page import budget_in_words
from automat_reports.numbers import decimals, score
from hypothesis import given
from hypothesis import strategies as st

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]


def data_of(page: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_page_asks_nothing_of_the_network(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = render_board(*board_of("diabetes"), context)
    markup = page[: page.index('<script id="data"')]
    assert not re.search(r'(?:src|href)="(?!data:|#)', markup)
    assert "@import" not in markup
    assert len(page) < 6_000_000


def test_the_page_holds_every_prediction_once(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    data = data_of(render_board(board, predictions, context))
    assert sum(len(fold["ids"]) for fold in data["folds"].values()) == 442
    for entrant in data["entrants"]:
        assert sum(map(len, entrant["predicted"].values())) == (0 if entrant["model"] == "broken" else 442)
    knn = next(entrant for entrant in data["entrants"] if entrant["model"] == "knn")
    fold = data["folds"]["1"]
    mine = predictions[(predictions["model"] == "knn") & (predictions["fold"] == 1)].set_index("id")
    for position in (0, 50, 100):
        assert fold["true"][position] == pytest.approx(mine.loc[fold["ids"][position], "y_true"], rel=1e-4)
        assert knn["predicted"]["1"][position] == pytest.approx(mine.loc[fold["ids"][position], "y_pred"], rel=1e-4)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "</script><b>", "a & b", '"quoted"'])
def test_names_from_data_are_text(board_of: BoardOf, context: dict[str, Any], name: str) -> None:
    board, predictions = board_of("diabetes", name=name)
    predictions["id"] = predictions["id"].replace("row-0", name)
    page = render_board(board, predictions, context | {"command": f"automat run --dataset {name}"})
    assert "<script>alert" not in page
    assert "</script><b>" not in page
    assert data_of(page)["dataset"] == name
    assert "<i>here</i>" not in page
    assert "<b>no</b>" not in page


def test_failed_entrants_are_shown_with_their_reason(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = render_board(*board_of("iris"), context)
    assert "fold 1: ValueError: &lt;b&gt;no&lt;/b&gt; luck" in page


def test_the_index_links_the_pages(board_of: BoardOf) -> None:
    board, _ = board_of("diabetes")
    page = render_index([IndexEntry(board, "toy data/quick.html", "2026-01-03T00:00:00")])
    assert 'href="toy%20data/quick.html"' in page
    assert "2026-01-03" in page
    assert "linear &amp; co" in page


def test_an_empty_index_is_a_page() -> None:
    assert "No board yet" in render_index([])


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ({"preset": "default", "trials": 12, "n_estimators": 500}, "12 trials, 500 trees"),
        ({"preset": "default", "trials": 1, "epochs": 30}, "fixed parameters, 30 epochs"),
        ({"trials": 1, "learners": ["knn", "dt"], "search_trials": 8}, "2 learners, 8 trials of its own"),
        ({"trials": 1, "learners": [], "search_trials": 50}, "all its learners, 50 trials of its own"),
    ],
)
def test_budgets_in_words(budget: dict[str, Any], words: str) -> None:
    assert budget_in_words(budget) == words


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_can_be_set(mean: float, spread: float) -> None:
    shown = score(mean, spread)
    assert shown["mean"]
    assert 0 <= decimals(mean, spread) <= 4
