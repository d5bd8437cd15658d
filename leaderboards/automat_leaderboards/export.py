"""A leaderboard for a paper or a README: LaTeX (booktabs) and Markdown, the best bold, ties marked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from automat_leaderboards.significance import TESTS
from automat_leaderboards.text import TITLES, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from automat_leaderboards.board import Leaderboard, Row

_UNIT_OF_TARGET = frozenset({"mae", "rmse"})
_TIED = "*"

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "±": r"$\pm$", "Å": r"\AA{}", "²": r"$^2$", "³": r"$^3$", "\n": " ",
}  # fmt: skip
_MARKDOWN = {
    "&": "&amp;", "\\": "\\\\", "|": "\\|", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\[", "]": "\\]",
    "<": "&lt;", ">": "&gt;", "\n": " ",
}  # fmt: skip


def to_latex(board: Leaderboard) -> str:
    r"""A ``table`` with booktabs rules; text from data is escaped.

    Needs ``\usepackage{booktabs}``.
    """
    heads, rows = _table(board, latex_text, lambda text: rf"\textbf{{{text}}}", spread=r" $\pm$ ", dash="--")
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(_caption(board))}}}",
        rf"\begin{{tabular}}{{rl{'r' * (len(heads) - 2)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_markdown(board: Leaderboard) -> str:
    """The verdict, a table as GitHub renders it, and how it is to be read; text from data is escaped."""
    heads, rows = _table(board, markdown_text, lambda text: f"**{text}**", spread=" ± ", dash="-")
    rule = ["---:", ":---", *["---:"] * (len(heads) - 2)]
    table = [f"| {' | '.join(line)} |" for line in (heads, rule, *rows)]
    return "\n".join([markdown_text(verdict(board)), "", *table, "", markdown_text(_caption(board))]) + "\n"


def to_html(board: Leaderboard) -> str:
    """The same table for notebooks, under the verdict; text from data is escaped."""
    import html

    import pandas as pd

    heads, rows = _table(board, str, str, spread=" ± ", dash="-")
    style = pd.DataFrame(rows, columns=heads).style
    style = style.hide(axis="index").set_caption(html.escape(verdict(board)))
    style = style.format(escape="html").format_index(escape="html", axis=1)
    style = style.set_properties(subset=["Entrant"], **{"text-align": "left"})
    if board.best is not None:
        style = style.set_properties(subset=(0, heads), **{"font-weight": "bold"})
    made: str = style.set_uuid(f"board-{board.dataset_sha256[:8]}").to_html()
    return made


def latex_text(text: str) -> str:
    r"""Text that LaTeX sets as it is written.

    >>> print(latex_text("50% of mp_gap"))
    50\% of mp\_gap
    """
    return "".join(_LATEX.get(character, character) for character in text)


def markdown_text(text: str) -> str:
    r"""Text that Markdown sets as it is written, also within a table.

    >>> print(markdown_text("a|b_c"))
    a\|b\_c
    """
    return "".join(_MARKDOWN.get(character, character) for character in text)


def _table(
    board: Leaderboard, safe: Callable[[str], str], bold: Callable[[str], str], *, spread: str, dash: str
) -> tuple[list[str], list[list[str]]]:
    """Heads, and the cells of every entrant: rank, entrant, every metric, 95% interval, ranks."""
    unit = f" ({board.unit})" if board.unit else ""
    metrics = [TITLES[name] + (unit if name in _UNIT_OF_TARGET else "") for name in board.metrics]
    places = {name: _decimals(board, name) for name in board.metrics}
    heads = ["#", "Entrant", *metrics, "95% interval", "Ranks"]

    def figures(row: Row) -> list[str]:
        cells = []
        for name in board.metrics:
            mean, std = row.mean["test"][name], row.std["test"][name]
            over = f"{spread}{std:.{places[name]}f}" if math.isfinite(std) else ""
            cells.append(f"{mean:z.{places[name]}f}{over}" if math.isfinite(mean) else dash)
        low, high = row.interval if math.isfinite(row.interval[0]) else row.fold_interval
        digits = places[board.metric]
        cells.append(f"{low:.{digits}f} to {high:.{digits}f}" if math.isfinite(low) else dash)
        ranks = row.rank_range
        cells.append(dash if ranks is None else f"{ranks[0]} to {ranks[1]}" if ranks[0] < ranks[1] else str(ranks[0]))
        return cells

    rows = []
    for row in board.rows:
        first = row.rank == 1
        name = safe(f"{row.title} ({row.features})")
        score, *others = figures(row)
        mark = safe(_TIED) if row.tied else ""
        emphasis = bold if first else str
        rank = str(row.rank) if row.rank is not None else dash
        failed = safe(f" ({row.folds_failed} of {board.folds} folds failed)") if row.folds_failed else ""
        rows.append([rank, emphasis(name) + mark + failed, emphasis(score) + mark, *others])
    return [safe(head) for head in heads], rows


def _decimals(board: Leaderboard, metric: str) -> int:
    """Decimals of a metric's column: two digits of the best entrant's spread, or four of its mean."""
    if board.best is None:
        return 0
    mean, std = board.best.mean["test"][metric], board.best.std["test"][metric]
    known, digits = (std, 2) if std > 0 else (abs(mean), 4)
    return max(digits - 1 - math.floor(math.log10(known)), 0) if known > 0 else digits


def _caption(board: Leaderboard) -> str:
    split = f"{board.split} split, {board.folds} folds, seed {board.split_seed}"
    says = [
        f"{board.dataset}: {board.n_rows} rows, {split}, preset {board.preset}.",
        "Mean ± standard deviation over folds.",
        _interval_in_words(board.rows),
    ]
    if board.tie_test:
        says.append(f"{_TIED}: tied with the best ({TESTS[board.tie_test]}, Holm, 5%).")
    return " ".join(filter(None, says))


def _interval_in_words(rows: Sequence[Row]) -> str:
    if any(math.isfinite(row.interval[0]) for row in rows):
        return "95% interval and ranks: test rows resampled within folds."
    if any(math.isfinite(row.fold_interval[0]) for row in rows):
        return "95% interval: over folds, variance corrected for shared training rows."
    return ""
