"""The sections of a page: their figures against ones computed another way, and absence without data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import render_board
from automat_reports.sections import Section, View, _crystal, audit, learning, sections_of, worst
from automat_reports.sections._periodic import PLACES
from automat_reports.thinning import MOST_CHARACTERS, thinned
from automat_reports.translation import ENGLISH, Translator
from sklearn.metrics import confusion_matrix

from automat import power_law

BoardOf = Callable[..., tuple[Leaderboard, pd.DataFrame]]

ROCK_SALT = {
    "lattice": [[5.6, 0, 0], [0, 5.6, 0], [0, 0, 5.6]],
    "symbols": ["Na"] * 4 + ["Cl"] * 4,
    "fractional": [
        [0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0],
        [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0.5],
    ],
}  # fmt: skip

LADDER: dict[str, Any] = {
    "metric": "mae", "unit": "points", "left_out": {"cluster-out": "too few rows"},
    "rungs": [
        {"split": kind, "folds_sha256": kind, "train_rows": 290, "page": f"{kind} page.html",
         "distance": {"median": 0.2, "far": far, "test_rows": 442}}
        for kind, far in (("random", 0.05), ("formula", 0.4))
    ],
    "rows": [
        {"model": "linear", "title": "linear & co", "features": "table", "scores": [44.0, 55.0], "ratios": [1.0, 1.25]},
        {"model": "knn", "title": "knn & co", "features": "table", "scores": [47.0, None], "ratios": [1.0, None]},
    ],
}  # fmt: skip

AUDIT: dict[str, Any] = {
    "kinds": [{"name": "row", "title": "equal row", "about": "every input is that of a training row"}],
    "touched": [
        {"fold": 0, "label": "", "test_rows": 100, "rows": {"row": 10, "any": 10}},
        {"fold": 1, "label": "", "test_rows": 100, "rows": {"row": 0, "any": 0}},
    ],
    "examples": [],
    "errors": [
        {"model": "knn", "features": "table", "kind": "any", "touched_rows": 10, "clean_rows": 190,
         "touched": 1.0, "clean": 3.0, "low": -2.5, "high": -1.5},
        {"model": "gone", "features": "table", "kind": "any", "touched_rows": 10, "clean_rows": 190,
         "touched": 1.0, "clean": 3.0, "low": -2.5, "high": -1.5},
    ],
    "notes": [],
}  # fmt: skip


def view_of(board_of: BoardOf, name: str, **context: Any) -> View:
    return View(*board_of(name), context, ENGLISH)


def section_of(view: View, name: str) -> Section:
    return next(each for each in sections_of(view) if each.name == name)


def formulas_of(predictions: pd.DataFrame) -> dict[str, str]:
    """Formulas for rows that have none: odd ones hold iron, every fifth carbon."""
    numbers = predictions["id"].astype(str).unique()
    return {
        name: ("Fe2" if int(name[4:]) % 2 else "Na") + ("C" if not int(name[4:]) % 5 else "") + "O3" for name in numbers
    }


def test_without_data_a_section_is_absent(board_of: BoardOf) -> None:
    board, predictions = board_of("diabetes")
    names = [each.name for each in sections_of(View(board, predictions, {}, ENGLISH))]
    assert names == ["parity", "worst", "epochs"]
    assert [each.name for each in sections_of(View(board, predictions.iloc[:0], {}, ENGLISH))] == ["epochs"]
    page = render_board(board, predictions, {})
    assert re.findall(r'<section id="section-(\w+)"', page) == names


def test_parity_counts_every_row_once(board_of: BoardOf) -> None:
    view = view_of(board_of, "diabetes")
    made = section_of(view, "parity")
    edges = made.data["edges"]
    for key, found in made.data["entrants"].items():
        places, counts = found["cells"]
        rows = view.by_entrant[key]
        assert sum(counts) + found["outside"] == len(rows) == 442
        best = int(np.argmax(counts))
        low, column = divmod(places[best], len(edges) - 1)
        inside = rows["y_pred"].between(edges[low], edges[low + 1]) & rows["y_true"].between(
            edges[column], edges[column + 1]
        )
        assert abs(int(inside.sum()) - counts[best]) <= 2  # values on an edge, which the page rounds
    assert not made.data["counted"]


def test_confusion_is_scikit_learn_s(board_of: BoardOf) -> None:
    view = view_of(board_of, "cancer", classes=["bad", "good"])
    made = section_of(view, "confusion")
    for key, counts in made.data["counts"].items():
        rows = view.by_entrant[key]
        assert counts == confusion_matrix(rows["y_true"], rows["y_pred"]).tolist()


def test_errors_by_element_are_means_over_the_materials_that_hold_it(board_of: BoardOf) -> None:
    board, predictions = board_of("diabetes")
    formulas = formulas_of(predictions)
    view = View(board, predictions, {"formulas": formulas}, ENGLISH)
    made = section_of(view, "elements").data
    assert made["symbols"] == ["O", "Fe", "Na", "C"]
    assert made["counts"] == [442, 221, 221, 89]
    knn = predictions[predictions["model"] == "knn"]
    iron = knn[[formulas[name].startswith("Fe") for name in knn["id"]]]
    wanted = (iron["y_true"] - iron["y_pred"]).abs().mean()
    assert made["errors"]["knn/table"][1] == pytest.approx(wanted, rel=1e-3)


def test_the_periodic_table_holds_every_element_once() -> None:
    assert len(PLACES) == 118
    assert len(set(PLACES.values())) == 118
    columns = {symbol: place[1] for symbol, place in PLACES.items()}
    assert columns["F"] == columns["Cl"] == columns["I"] == 16
    assert columns["Ti"] == columns["Hf"] == 3


def test_the_worst_rows_are_those_most_entrants_miss(board_of: BoardOf) -> None:
    _, predictions = board_of("diabetes")
    found = worst.worst_ids(predictions, "regression")
    errors = predictions.assign(error=(predictions["y_true"] - predictions["y_pred"]).abs())
    median = errors[errors["model"] != "dummy"].groupby("id")["error"].median()
    assert found == median.sort_values(ascending=False).index[:10].tolist()
    _, classes = board_of("iris")
    wrong = classes[(classes["model"] != "dummy") & (classes["y_true"] != classes["y_pred"])]
    assert set(worst.worst_ids(classes, "classification")) <= set(wrong["id"])
    assert worst.worst_ids(predictions.iloc[:0], "regression") == []


def test_worst_cases_are_drawn(board_of: BoardOf, context: dict[str, Any]) -> None:
    board, predictions = board_of("diabetes")
    names = worst.worst_ids(predictions, "regression")
    page = render_board(board, predictions, context | {"structures": {names[0]: ROCK_SALT}})
    assert page.count('<svg class="crystal"') == 1
    # Of the cell's 4 sodium atoms 14 images lie on its faces; of the 4 chlorine atoms 13.
    assert page.count('<circle class="ball"') == 27 + 2


@pytest.mark.parametrize("hand", [1, -1])
def test_a_turned_cell_keeps_its_shape(hand: int) -> None:
    lattice = np.array([[3.0, 0.1, 0.4], [-1.0, 4.0, 0.3], [0.5, 0.7, hand * 6.0]])
    turned = _crystal._upright(lattice)
    assert turned @ turned.T == pytest.approx(lattice @ lattice.T)
    assert np.linalg.det(turned) == pytest.approx(np.linalg.det(lattice))


def test_near_atoms_are_drawn_last() -> None:
    drawn = _crystal.drawing(ROCK_SALT)
    assert len(drawn["edges"]) == 12
    assert sum(edge["hidden"] for edge in drawn["edges"]) == 3
    assert max(drawn["width"], drawn["height"]) == pytest.approx(_crystal.SIZE + 12, abs=0.2)
    for ball in drawn["balls"]:
        assert ball["radius"] <= ball["at"][0] <= drawn["width"] - ball["radius"] + 0.1


def test_calibration_against_numbers_by_hand(board_of: BoardOf) -> None:
    board, predictions = board_of("diabetes")
    sure = predictions.assign(y_std=50.0)
    sure["lower"], sure["upper"] = sure["y_pred"] - 100, sure["y_pred"] + 100
    made = section_of(View(board, sure, {}, ENGLISH), "calibration")
    knn = sure[sure["model"] == "knn"]
    (line,) = [line for line in made.shown["lines"] if line["title"] == "knn & co"]
    within = ((knn["y_true"] - knn["y_pred"]).abs() <= 100).mean()
    assert line["cells"][:2] == [f"{within:.1%}", "200"]
    curve = made.data["entrants"]["knn/table"]["observed"]
    assert all(low <= high for low, high in pairwise(curve))


def test_validation_needs_parameters_that_vary(board_of: BoardOf) -> None:
    board, predictions = board_of("iris")
    assert "validation" not in [each.name for each in sections_of(View(board, predictions, {}, ENGLISH))]
    knn = next(row for row in board.rows if row.model == "knn")
    trials = [
        {"number": 0, "value": 0.8, "params": {"k": 7, "fixed": 1}},
        {"number": 1, "value": 0.9, "params": {"k": 9, "fixed": 1}},
        {"number": 2, "value": None, "params": {"k": 1}},
    ]
    for fold in knn.folds:
        fold.details["search"][:] = trials
    made = section_of(View(board, predictions, {}, ENGLISH), "validation")
    assert made.data["entrants"] == {"knn/table": ["k"]}
    assert made.shown["lines"] == [{"title": "knn & co", "trials": "2", "first": "0.8", "best": "0.9"}]


def test_the_ladder_links_the_other_boards(board_of: BoardOf, context: dict[str, Any]) -> None:
    page = render_board(*board_of("diabetes"), context | {"ladder": LADDER, "folds_sha256": "random"})
    assert 'href="formula%20page.html"' in page
    assert "random%20page.html" not in page
    assert "MAE of linear &amp; co is 1.25 times that on random" in page
    assert "40.0% of the test rows" in page
    assert "too few rows" in page


def test_the_audit_says_whom_touched_rows_help(board_of: BoardOf) -> None:
    view = view_of(board_of, "diabetes", audit=AUDIT)
    shown = section_of(view, "audit").shown
    assert shown["sentence"] == "5.0% of the test rows are touched by training rows."
    assert [line["title"] for line in shown["errors"]] == ["knn & co"]
    assert shown["errors"][0]["tells"]
    clean = {**AUDIT, "touched": [{**AUDIT["touched"][1]}], "errors": []}
    assert section_of(view_of(board_of, "diabetes", audit=clean), "audit").shown["sentence"].startswith("No test row")


def learned(refused: str = "") -> dict[str, Any]:
    """Curves as they are kept, with a law or without."""
    sizes = np.array([18.0, 36.0, 73.0, 147.0, 294.0])
    law = power_law.fit(sizes, np.tile(200 * sizes**-0.3, (3, 1)))
    assert isinstance(law, power_law.PowerLaw)
    kept = None if refused else json.loads(json.dumps(law, default=vars))
    curve = {"model": "knn", "title": "knn & co", "features": "table", "mean": (200 * sizes**-0.3).tolist(),
             "std": [2.0] * 5, "law": kept, "refused": refused}  # fmt: skip
    return {"metric": "mae", "unit": "points", "sizes": sizes.astype(int).tolist(), "curves": [curve]}


def test_learning_says_what_twice_the_rows_bring(board_of: BoardOf) -> None:
    (line,) = section_of(view_of(board_of, "diabetes", learning=learned()), "learning").shown["lines"]
    assert line["answer"] == "twice the rows: 29.5 (29.5 to 29.5), 19% less error"
    (line,) = section_of(view_of(board_of, "diabetes", learning=learned("too odd")), "learning").shown["lines"]
    assert line["answer"] == "too odd"


def test_every_reason_and_kind_has_a_translation() -> None:
    assert power_law.REFUSALS == learning.REFUSALS
    t = Translator("ko")
    for text in (*learning.REFUSALS, *audit.KINDS):
        assert t(text) != text


@pytest.mark.parametrize(("rows", "kept"), [(500, 500), (132_752, 6000)])
def test_large_pages_are_thinned(rows: int, kept: int) -> None:
    models = ["a", "b", "c", "d", "e", "f", "g", "h"]
    table = pd.DataFrame(
        {"id": np.char.add("mp-", np.arange(rows).astype(str)), "probability": np.nan, "features": "x"}
    )
    predictions = pd.concat([table.assign(model=model) for model in models])
    made = thinned(predictions, ["mp-7"])
    assert kept * 0.99 <= made["id"].nunique() <= kept + 1
    assert (made.groupby("model")["id"].nunique() == made["id"].nunique()).all()
    assert "mp-7" in set(made["id"])
    assert made["id"].nunique() * (36 + 8 * len(models)) <= MOST_CHARACTERS + 100


def test_a_page_of_132_600_rows_stays_small_and_counts_them_all(board_of: BoardOf) -> None:
    board, predictions = board_of("diabetes")
    many = pd.concat([predictions.assign(id=predictions["id"] + f"-{copy}") for copy in range(300)], ignore_index=True)
    formulas = {name: "Fe2(SO4)3" if len(name) % 2 else "NaCl" for name in many["id"].unique()}
    page = render_board(board, many, {"formulas": formulas})
    assert len(page.encode()) < 3_500_000  # of which plotly's script, compressed, is 1.9 MB
    made = section_of(View(board, many, {}, ENGLISH), "parity").data
    assert made["counted"]
    for found in made["entrants"].values():
        assert sum(found["cells"][1]) + found["outside"] == 132_600
