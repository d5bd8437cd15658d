"""Charts as geometry: where points, ticks and lines come to lie."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from automat_reports.plots import WIDTH, Series, axis, chart
from hypothesis import given
from hypothesis import strategies as st


def drawn(x: Any, y: Any, **given: Any) -> dict[str, Any]:
    return chart([Series(x, y, "red", **given)], axis("x", x), axis("y", y), label="a chart")


def test_points_lie_inside_and_higher_is_higher() -> None:
    made = drawn([1.0, 2.0, 3.0], [10.0, 30.0, 20.0])
    frame, points = made["frame"], made["series"][0]["points"]
    assert [x for x, _, _ in points] == sorted(x for x, _, _ in points)
    assert points[1][1] < points[2][1] < points[0][1]  # pixels count downwards
    for x, y, _ in points:
        assert frame["left"] < x < frame["right"]
        assert frame["top"] < y < frame["bottom"]


def test_wide_spans_are_logarithmic_and_text_is_categories() -> None:
    made = drawn([1e-4, 1e-2, 1.0], [1.0, 2.0, 3.0])
    (first, *_), (middle, *_), (last, *_) = made["series"][0]["points"]
    assert middle == pytest.approx((first + last) / 2, abs=0.2)
    assert [text for _, text in made["x_ticks"]] == ["1e-4", "0.001", "0.01", "0.1", "1"]
    named = drawn(["rbf", "linear", "rbf"], [1.0, 2.0, 3.0])
    assert [text for _, text in named["x_ticks"]] == ["rbf", "linear"]
    assert named["series"][0]["points"][0][0] == named["series"][0]["points"][2][0]


def test_steps_go_level_then_up_or_down_and_gaps_are_left_out() -> None:
    path = drawn([1, 2, 3], [5.0, 4.0, 4.0], mode="steps")["series"][0]["path"].split()
    corners = [tuple(map(float, point.split(","))) for point in path]
    assert len(corners) == 5
    for before, after in itertools.pairwise(corners):
        assert before[0] == after[0] or before[1] == after[1]
    points = drawn([1, 2, 3], [5.0, math.nan, 4.0], notes=["first", "gap", "last"])["series"][0]["points"]
    assert [note for _, _, note in points] == ["first", "last"]


def test_counts_are_linear_however_many() -> None:
    folds = axis("fold", [0.5, 50.5], counts=True)
    assert folds.kind == "linear"
    assert folds.place(25.5) == pytest.approx(0.5)
    assert axis("rate", [0.5, 50.5]).kind == "log"
    assert [text for _, text in axis("trial", [1, 2, 3], counts=True).ticks] == ["1", "2", "3"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_any_figures_have_an_axis_that_holds_them(values: list[float]) -> None:
    made = axis("x", values)
    assert all(-1e-9 <= made.place(value) <= 1 + 1e-9 for value in values)
    places = [place for place, _ in made.ticks]
    assert places == sorted(places)
    assert all(-1e-6 <= place <= 1 + 1e-6 for place in places)
    assert len(places) <= 12


@given(st.lists(st.text("abcdefgh_", min_size=1, max_size=30), min_size=1, max_size=20, unique=True))
def test_labels_do_not_run_into_each_other(names: list[str]) -> None:
    made = drawn(names, [1.0] * len(names))
    for (first, one), (second, two) in zip(made["x_ticks"], made["x_ticks"][1:], strict=False):
        assert second - first >= 6 * max(len(one), len(two)) / 1.01
    assert made["width"] == WIDTH
