"""The pages of entrants: what records say of each, in words, tables and charts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard
from automat_reports import Translator, render_board, render_model
from automat_reports.board_page import board_page
from automat_reports.feature_words import FEATURIZERS, LOCAL, OTHERS, PROPERTIES, STATISTICS, feature_words, group_words
from automat_reports.model_page import model_page
from automat_reports.translation import ENGLISH, catalog


def text_of(page: str) -> str:
    bare = re.sub(r"(?s)<(script|style).*?</\1>", " ", page)
    return " ".join(re.sub(r"<[^>]+>", " ", bare).split())


def test_it_says_how_the_entrant_did_and_what_it_costs(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    about = {"models": {"linear": {"citation": "Hoerl & Kennard (1970)", "licence": "BSD-3", "takes": "features"}}}
    page = render_model(found, found.rows[0], predictions, context | about, back="../board.html")
    said = text_of(page)
    assert "linear &amp; co is number 1 of 3 on diabetes, with MAE" in said
    assert "Tied with it: knn &amp; co." in said
    assert "Hoerl &amp; Kennard (1970)" in said
    assert "columns of features" in said
    assert page.count("<tr>") > 12
    assert 'href="../board.html"' in page
    assert "alpha" in said
    for heading in ("Diagnosis", "Every fold", "Parameters", "What it learned", "Cost", "Model card", "Epoch curves"):
        assert f">{heading}</h2>" in page
    second = text_of(render_model(found, found.rows[1], predictions, context))
    assert re.search(r"It is [\d.]+ points behind linear &amp; co, and tied with it \(p = [\d.]+\)\.", second)


def test_it_says_what_the_entrant_leans_on_in_plain_words(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    page = render_model(found, found.rows[0], predictions, context)
    said = text_of(page)
    assert "electronegativity: mean over atoms 0.310 ± 0.020" in said
    assert 'title="MagpieData mean Electronegativity"' in page
    assert "element properties (Magpie) 0.600" in said
    assert "20 of its 300 trees stand for all." in said
    assert "Of 160 columns those are shown that 16 other rows put first." in said
    assert re.findall(r'<span style="width: ([\d.]+)%', page) == ["100.0", "16.7", "100.0", "0.0", "100.0"]
    atoms = render_model(found, found.rows[1], predictions, context)
    assert "against the mean of all atoms, -1, points: blue lowers" in text_of(atoms)
    assert re.findall(r"rgba\((\d+, \d+, \d+), 0.75\)", atoms) == ["213, 94, 0"]
    assert "No record of this entrant says" in text_of(render_model(found, found.rows[2], predictions, context))


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        ("automat run --dataset lab.csv --target 'band gap' --models my_model.py,linear --trials 3 --seed 4", None),
        (
            "automat run --save-models --dataset diabetes --model knn --features=table --split ladder",
            "automat run --dataset diabetes --features=table --split random --save-models --model linear",
        ),
        ("automat run --dataset diabetes --models=linear", None),
        ("automat run --dataset diabetes --models knn,dummy", ""),
        ("automat check mine.py", ""),
        ("automat run --dataset 'cut", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_command_that_keeps_an_entrant_is_the_runs_own(
    board: Any, context: dict[str, Any], command: str | None, kept: str | None
) -> None:
    found, predictions = board
    about = context | {"command": command}
    expected = f"{command} --save-models --model linear" if kept is None else kept
    linear = replace(found.rows[0], model="linear")
    split = replace(found, split="random", rows=(linear, *found.rows[1:]))
    assert model_page(split, linear, predictions, about)["card"]["keep"] == expected
    page = render_model(split, linear, predictions, about)
    assert ("kept as one file" in page) == bool(expected)


def test_a_name_that_the_shell_would_split_is_quoted(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    odd = replace(found.rows[0], model="my model")
    about = context | {"command": "automat run --dataset diabetes --models mine.py"}
    kept = model_page(replace(found, rows=(odd, *found.rows[1:])), odd, predictions, about)["card"]["keep"]
    assert kept == "automat run --dataset diabetes --models mine.py --save-models --model 'my model'"


def test_it_says_whether_other_rows_chose_what_is_shown(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board

    def said(apart: bool | None, n_test: int = 200) -> str:
        first, *others = found.rows[0].folds
        told = first.details["learned"]
        by = told["permutation"] | ({} if apart is None else {"screened_apart": apart})
        learned = told | {"permutation": by, "shapley": {"refused": "InvalidModelError: no trees"}}
        fold = replace(first, n_test=n_test, details={**first.details, "learned": learned})
        row = replace(found.rows[0], folds=(fold, *others))
        page = render_model(replace(found, rows=(row, *found.rows[1:])), row, predictions, context)
        return text_of(page)

    assert "16 other rows put first" in said(apart=True)
    assert "16 of these rows put first: there are too few test rows" in said(apart=False)
    assert "16 other rows put first" in said(None, 116)
    assert "16 of these rows put first" in said(None, 115)
    assert "Its Shapley values are not told: InvalidModelError: no trees." in said(apart=True)


def test_an_entrant_that_failed_has_a_page_too(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    page = render_model(found, found.rows[3], predictions, context)
    said = text_of(page)
    assert "broken &amp; co finished no fold on diabetes." in said
    assert "ValueError: &lt;b&gt;no&lt;/b&gt; luck" in page
    assert said.count("failed") >= 3


def test_what_was_searched_is_told_from_what_was_set(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    first, *others = found.rows[1].folds
    trials = [
        {"number": 0, "value": 50.0, "params": {"k": 5, "p": 1}},
        {"number": 1, "value": 45.0, "params": {"k": 9, "p": 1}},
        {"number": 2, "value": None, "params": {"k": 7, "p": 1}, "error": "no luck"},
    ]
    params = {"k": 9, "p": 1, "n_estimators": 20}
    searched = replace(found.rows[1], folds=(replace(first, params=params, details={"search": trials}), *others))
    page = model_page(replace(found, rows=(found.rows[0], searched)), searched, predictions, context)
    told = {line["name"]: (line["searched"], line["budget"]) for line in page["parameters"]["lines"]}
    assert told["k"] == (True, False)
    assert told["p"] == (False, False)
    assert told["n_estimators"] == (False, True)
    best, of_k = page["search"]
    assert [len(series["points"]) for series in best["series"]] == [3, 2]
    assert len(of_k["series"][0]["points"]) == 2
    assert page["trials"][0]["lines"][2]["error"] == "no luck"


def test_limits_come_from_the_ladder_where_it_was_climbed(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    ladder = {
        "rungs": [{"split": "random"}, {"split": "cluster-out"}],
        "rows": [{"model": "linear", "features": "table", "ratios": [1.0, 2.345]}],
    }
    page = model_page(found, found.rows[0], predictions, context | {"ladder": ladder})
    assert "On the cluster-out split its error is 2.35 times as large as on random." in page["card"]["not_for"]
    plain = model_page(found, found.rows[0], predictions, context | {"formulas": {"row-1": "NaCl"}})
    assert any("other chemistries" in limit for limit in plain["card"]["not_for"])
    assert "2 elements" in plain["card"]["use"]


def test_every_word_of_a_feature_is_translated() -> None:
    words = [*PROPERTIES.values(), *STATISTICS.values(), *LOCAL.values(), *OTHERS.values(), *FEATURIZERS.values()]
    assert [word for word in words if word not in catalog("ko")] == []
    assert feature_words("maximum local difference in NpUnfilled", ENGLISH).startswith("unfilled p states: difference")
    assert feature_words("frac d valence electrons", Translator("ko")) == "원자가 전자 중 d 전자의 비율"
    assert feature_words("2-norm", ENGLISH) == "stoichiometry, 2-norm"
    assert (feature_words("my column", ENGLISH), group_words("mine", ENGLISH)) == ("my column", "mine")


def test_the_board_shows_importances_and_links_the_pages(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    links = {"model_pages": {"linear/table": "quick/linear-table.html"}}
    page = render_board(found, predictions, context | links)
    assert page.count('href="quick/linear-table.html"') == 2  # in the table, and in the section
    assert "electronegativity: mean over atoms" in page
    shown = board_page(found, predictions, context | links)["sections"][-1]
    assert (shown.name, [line["title"] for line in shown.shown["lines"]]) == ("importances", ["linear & co"])
    bare = render_board(*_without(found, predictions), context)
    assert "section-importances" not in bare


def _without(found: Leaderboard, predictions: pd.DataFrame) -> tuple[Leaderboard, pd.DataFrame]:
    return replace(found, rows=found.rows[1:]), predictions


def test_how_to_reproduce_names_the_folds(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    page = render_board(found, predictions, context | {"folds_sha256": "feed", "fold_labels": {"0": "oxides"}})
    assert "<code>feed</code>" in page
    assert "fold 1: oxides" in page


def test_a_learning_curve_and_a_random_board_join_the_diagnosis(board: Any, context: dict[str, Any]) -> None:
    found, predictions = board
    learning = {
        "sizes": [100, 200, 400],
        "curves": [{"model": "linear", "features": "table", "mean": [80.0, 60.0, 45.0]}],
    }
    page = model_page(found, found.rows[0], predictions, context | {"learning": learning})
    assert "starved of data" in [finding["name"] for finding in page["findings"]]
    harder = replace(
        found, split="cluster-out", rows=tuple(replace(row, mean=_doubled(row.mean)) for row in found.rows)
    )
    far = model_page(harder, harder.rows[0], predictions, context | {"random_board": found})
    assert "extrapolating" in [finding["name"] for finding in far["findings"]]


def _doubled(mean: Any) -> Any:
    return {part: {name: 2 * value for name, value in scores.items()} for part, scores in mean.items()}


@pytest.mark.slow
def test_a_run_writes_a_page_an_entrant_and_the_index_links_them(shared_run: Path) -> None:
    names = sorted(path.name.split("-")[0] for path in shared_run.with_suffix("").glob("*.html"))
    assert names == ["dummy", "knn", "lightgbm", "mlp", "schnet"]
    index = (shared_run.parent.parent / "index.html").read_text(encoding="utf-8")
    for path in shared_run.with_suffix("").glob("*.html"):
        assert path.stat().st_size < 200_000
        assert f"{shared_run.stem}/{path.name}" in index
        assert f'href="{shared_run.stem}/{path.name}"' in shared_run.read_text(encoding="utf-8")
    schnet = next(shared_run.with_suffix("").glob("schnet*")).read_text(encoding="utf-8")
    assert "What atoms of each element contribute" in schnet
    lightgbm = next(shared_run.with_suffix("").glob("lightgbm*")).read_text(encoding="utf-8")
    assert "Shapley values of its trees" in lightgbm
    verdict = json.loads(shared_run.with_suffix(".verdict.json").read_text(encoding="utf-8"))
    assert verdict["en"].split(" with ")[0] in index
