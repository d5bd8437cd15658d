"""Pages: data in, the text of one self-contained HTML file out."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES, overviews
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from automat_reports.board_page import board_page
from automat_reports.numbers import plain, score
from automat_reports.rank_diagram import rank_diagram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Leaderboard, Overview


@dataclass(frozen=True)
class IndexEntry:
    """A line of the index.

    Attributes:
        board: a leaderboard.
        link: its page, relative to the index.
        finished_at: when its newest record was made, UTC, ISO 8601.
    """

    board: Leaderboard
    link: str
    finished_at: str


def render_board(board: Leaderboard, predictions: pd.DataFrame, context: Mapping[str, Any]) -> str:
    """A dataset's page, as the text of one self-contained HTML file.

    Args:
        board: the leaderboard.
        predictions: test predictions of its cells (``PREDICTION_COLUMNS``).
        context: what else the page says: ``command``, ``versions`` (a dict or its JSON), ``commit``,
            ``source``, ``licence``, ``citation``, ``notes``, ``formulas`` (id to formula), ``classes``,
            ``generated_at``, ``automat_version``; what is absent is left out.
    """
    given = dict(context)
    if isinstance(given.get("versions"), str):
        given["versions"] = json.loads(given["versions"])
    page = board_page(board, predictions, given)
    return _environment().get_template("board.html.j2").render(**page, plotly=_plotly())


def render_index(entries: Sequence[IndexEntry]) -> str:
    """The page that links the others, and says what datasets say together, as the text of one HTML file.

    Args:
        entries: newest first.
    """
    lines = []
    for entry in entries:
        best, metric = entry.board.best, entry.board.metric
        lines.append(
            {
                "board": entry.board,
                "link": entry.link,
                "best": best.title if best else "no entrant finished",
                "score": score(best.mean["test"][metric], best.std["test"][metric])
                if best
                else score(math.nan, math.nan),
                "metric": TITLES[metric],
                "date": entry.finished_at[:10],
            }
        )
    found = [_overview(each) for each in overviews([entry.board for entry in entries])]
    return _environment().get_template("index.html.j2").render(lines=lines, overviews=found)


def _overview(overview: Overview) -> dict[str, Any]:
    titles = {each.model: each.title for each in overview.standings}
    names = [titles[model] for model in overview.ranked]
    return {
        "preset": overview.preset,
        "split": overview.split,
        "datasets": overview.datasets,
        "lines": [
            {
                "title": each.title,
                "normalised": plain(each.normalised, ".3f"),
                "skill": plain(each.skill, ".3f"),
                "mean_rank": plain(each.mean_rank, ".2f"),
                "wins": each.wins,
                "n_datasets": each.n_datasets,
            }
            for each in overview.standings
        ],
        "diagram": rank_diagram(names, overview.test) if overview.test else None,
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("automat_reports"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embed"] = _embed
    return environment


def _embed(value: Any) -> Markup:
    """JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, default=dict)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


@cache
def _plotly() -> Markup:
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs().replace("</script", "<\\/script"))  # noqa: S704 - a library's own source
