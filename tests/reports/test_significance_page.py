"""What pages say of chance: intervals, ranks, ties, pairs, and the diagram of mean ranks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, pairwise
from automat_leaderboards.over_datasets import rank_test
from automat_reports import IndexEntry, render_board, render_index
from automat_reports.board_page import board_page
from automat_reports.rank_diagram import rank_diagram
from automat_reports.significance import section
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]


def cells(board: Leaderboard, predictions: pd.DataFrame, context: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {cell["column"]["key"]: cell["shown"]["mean"] for cell in entry["cells"]}
        for entry in board_page(board, predictions, context)["rows"]
    ]


def test_intervals_and_ranks_stand_beside_the_metric(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    page = board_page(board, predictions, context)
    assert [column["key"] for column in page["columns"][:3]] == ["test_mae", "interval_low", "rank_low"]
    first, *_, broken = cells(board, predictions, context)
    low, high = board.rows[0].interval
    assert first["interval_low"] == f"{low:.1f} \N{EN DASH} {high:.1f}"
    assert first["p_best"] == "-"
    assert (broken["interval_low"], broken["rank_low"]) == ("-", "-")
    values = page["data"]["table"][0]
    assert values["interval_low"] == pytest.approx(low, rel=1e-5)
    assert values["rank_high"] == board.rows[0].rank_range[1]  # type: ignore[index]


def test_a_tie_is_marked_with_its_test(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    assert [row.tied for row in board.rows] == [False, True, False, False]
    page = render_board(board, predictions, context)
    assert page.count('<span title="tied with the best: paired t-test over test rows, Holm, 5%">=</span>') == 1
    assert "3 folds are too few for a test over folds" in page
    assert "those tied with it" in page


def test_every_pair_has_its_line(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("cancer")
    found = section(board, predictions)
    assert len(found["pairs"]) == 3
    (pair, *_) = pairwise(board, predictions)
    assert found["pairs"][0]["share"] == f"{pair.share:.0%}"
    assert not found["test_is_over_folds"]
    assert found["diagram"]["n_blocks"] == 3
    page = render_board(board, predictions, context)
    assert "DeLong" in page
    assert "share of the other class" in page
    assert '<svg class="ranks"' in page


def test_where_nothing_can_be_compared_the_section_is_away(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    dead = replace(board, tie_test="", rows=tuple(row for row in board.rows if row.rank is None))
    assert section(dead, predictions.iloc[:0])["pairs"] == []
    assert 'id="significance"' not in render_board(dead, predictions.iloc[:0], context)


def test_without_predictions_the_page_says_what_is_not_known(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    bare = replace(board, tie_test="", folds=2, rows=tuple(replace(row, p_best=math.nan) for row in board.rows[:3]))
    page = render_board(bare, predictions.iloc[:0], context)
    assert "With 2 folds and no stored predictions, nothing tells ties." in page
    assert '<svg class="ranks"' not in page


def test_the_index_puts_datasets_together(board_of: BoardOf) -> None:
    entries = [
        IndexEntry(board_of(name)[0], f"{name}/quick.html", "2026-01-03") for name in ("diabetes", "iris", "cancer")
    ]
    page = render_index(entries)
    assert "3 datasets, random split, preset quick" in page
    assert "cancer, diabetes, iris" in page
    assert "<td>0.000</td><td>0.000</td><td>3.00</td>" in re.sub(r"\s*\n\s*", "", page)  # the dummy
    assert page.count('<svg class="ranks"') == 1
    assert '<svg class="ranks"' not in render_index(entries[:1])


@given(hnp.arrays(float, st.tuples(st.integers(2, 30), st.integers(3, 24)), elements=st.floats(0, 1), unique=True))
def test_the_diagram_s_geometry(scores: np.ndarray) -> None:  # type: ignore[type-arg]
    test = rank_test(scores.argsort(axis=1).argsort(axis=1) + 1)
    assert test is not None
    names = [f"entrant {place} with a rather long name for a diagram" for place in range(scores.shape[1])]
    made = rank_diagram(names, test)
    assert sorted(each["name"] for each in made["entrants"]) == sorted(names)
    by_name = {each["name"]: each for each in made["entrants"]}
    for better, worse in zip(np.argsort(test.ranks)[:-1], np.argsort(test.ranks)[1:], strict=True):
        assert by_name[names[better]]["x"] <= by_name[names[worse]]["x"]
    for each in made["entrants"]:
        assert made["axis"]["from"] <= each["x"] <= made["axis"]["to"]
        assert each["y"] < made["height"]
        assert len(each["label"]) <= 28
    for side in ("left", "right"):
        heights = [each["y"] for each in made["entrants"] if each["side"] == side]
        assert len(set(heights)) == len(heights)
    assert len(made["bars"]) == len(test.groups)
    assert made["reach"]["to"] <= made["axis"]["to"] + 0.1


@pytest.mark.browser
def test_names_stay_within_the_diagram(
    browser: Any, board_of: BoardOf, context: dict[str, Any], tmp_path: Path
) -> None:
    board, predictions = board_of("diabetes")
    long = replace(
        board, rows=tuple(replace(row, title="Dummy (mean or median / majority class)") for row in board.rows)
    )
    path = tmp_path / "page.html"
    path.write_text(render_board(long, predictions, context), encoding="utf-8")
    browser.get(path.as_uri())
    inside = browser.execute_script(
        "document.getElementById('significance').open = true;"
        "const box = document.querySelector('svg.ranks').getBoundingClientRect();"
        "return [...document.querySelectorAll('svg.ranks text')].map((text) => text.getBoundingClientRect())"
        ".every((text) => text.left >= box.left - 1 && text.right <= box.right + 1);"
    )
    assert inside
