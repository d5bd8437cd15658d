from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from automat_leaderboards import Leaderboard, build, protocols, to_csv, to_latex, to_markdown
from automat_leaderboards.export import latex_text, markdown_text

Tables = tuple[pd.DataFrame, pd.DataFrame]
Made = Callable[..., Tables]


@pytest.fixture
def board(made: Made) -> Leaderboard:
    records, predictions = made("diabetes")
    twin = records[records["model"] == "ridge"].assign(model="twin", title="Tw_in & 50%", cell="twin")
    same = predictions[predictions["model"] == "ridge"].assign(model="twin", cell="twin")
    return build(protocols(pd.concat([records, twin]))[0], pd.concat([predictions, same]))


def test_latex_marks_the_best_and_ties(board: Leaderboard) -> None:
    lines = to_latex(board).splitlines()
    body = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == 4
    assert body[0].startswith(r"1 & \textbf{Ridge (all)} & \textbf{")
    assert body[1].startswith(r"2 & Tw\_in \& 50\% (all)* & ")
    assert "*" not in body[3]
    assert {line.count(" & ") for line in body} == {lines[lines.index(r"\toprule") + 1].count(" & ")}
    assert r"\begin{tabular}{rlrrrrr}" in lines
    assert "*: tied with the best (corrected paired t-test over folds, Holm, 5\\%)" in to_latex(board)


def test_markdown_marks_the_best_and_ties(board: Leaderboard) -> None:
    lines = to_markdown(board).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 6
    assert table[2].startswith("| 1 | **Ridge (all)** | **")
    assert table[3].startswith("| 2 | Tw\\_in &amp; 50% (all)\\* | ")
    assert {line.count("|") for line in table} == {8}


def test_failed_and_unknown_figures_are_dashes(board: Leaderboard) -> None:
    dead = replace(board.rows[3], rank=None, mean={"test": dict.fromkeys(board.metrics, float("nan"))})
    lost = replace(
        board,
        rows=(
            *board.rows[:3],
            replace(dead, interval=(float("nan"),) * 2, fold_interval=(float("nan"),) * 2, rank_range=None),
        ),
    )
    assert "| - | Dummy (all) | - | - | - | - | - |" in to_markdown(lost)
    assert r"-- & Dummy (all) & -- & -- & -- & -- & -- \\" in to_latex(lost)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a\\b", r"a\textbackslash{}b"),
        ("x_{1}^2", r"x\_\{1\}\textasciicircum{}2"),
        ("$5 # 3~", r"\$5 \# 3\textasciitilde{}"),
    ],
)
def test_latex_text(text: str, latex: str) -> None:
    assert latex_text(text) == latex


def test_markdown_text_breaks_out_of_no_table() -> None:
    assert markdown_text("a|b\n<script>") == "a\\|b &lt;script&gt;"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_cells_that_begin_like_formulas_are_text(made: Made, start: str) -> None:
    records, _ = made("diabetes")
    board = build(protocols(records.assign(title=f"{start}cmd()"))[0])
    rows = list(csv.DictReader(io.StringIO(to_csv(board), newline="")))
    text = start.replace("\r", "\n")
    assert {row["title"] for row in rows} == {f"'{text}cmd()"}
    assert float(rows[-1]["skill"]) == 0  # numbers stay numbers, signs and all
