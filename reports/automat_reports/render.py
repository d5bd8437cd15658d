"""Pages: data in, the text of one self-contained HTML file out."""

from __future__ import annotations

import base64
import gzip
import json
import math
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES, overviews, to_html, verdict
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from automat_reports.board_page import board_page
from automat_reports.model_page import model_page
from automat_reports.numbers import plain, score
from automat_reports.rank_diagram import rank_diagram
from automat_reports.translation import Translator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Diagnosis, Leaderboard, Overview, Row


@dataclass(frozen=True)
class IndexEntry:
    """A line of the index.

    Attributes:
        board: a leaderboard.
        link: its page, relative to the index.
        finished_at: when its newest record was made, UTC, ISO 8601.
        verdict: what its page says first; built from the board where it is empty.
        models: titles of entrants to their pages, likewise.
        explored: the page of the data before modelling; empty where there is none.
    """

    board: Leaderboard
    link: str
    finished_at: str
    verdict: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    explored: str = ""


def render_board(
    board: Leaderboard, predictions: pd.DataFrame, context: Mapping[str, Any], t: Translator | None = None
) -> str:
    """A dataset's page, as the text of one self-contained HTML file.

    Args:
        board: the leaderboard.
        predictions: test predictions of its cells (``PREDICTION_COLUMNS``).
        context: what else the page says: ``command``, ``versions`` (a dict or its JSON), ``commit``,
            ``source``, ``licence``, ``citation``, ``notes``, ``formulas`` (id to formula), ``classes``,
            ``generated_at``, ``automat_version``; what is absent is left out.
        t: the page's language; English when None.
    """
    t = t or Translator()
    given = dict(context)
    if isinstance(given.get("versions"), str):
        given["versions"] = json.loads(given["versions"])
    page = board_page(board, predictions, given, t)
    of_sections = [section.script for section in page["sections"] if section.script]
    scripts = ("table.js", "charts.js", "sections/common.js", *of_sections)
    return render_page("board.html.j2", t, scripts=scripts, **page)


def render_model(
    board: Leaderboard,
    row: Row,
    predictions: pd.DataFrame,
    context: Mapping[str, Any],
    t: Translator | None = None,
    *,
    back: str = "",
    diagnosis: Diagnosis | None = None,
) -> str:
    """An entrant's page, as the text of one HTML file that needs no other; it is small, as it carries no library.

    Args:
        board: the leaderboard that it stands on.
        row: the entrant.
        predictions: test predictions of the board's cells (``PREDICTION_COLUMNS``).
        context: as for :func:`render_board`; also ``models``, name to ``citation``, ``licence`` and what it ``takes``.
        t: the page's language; English when None.
        back: the board's page, relative to this one.
        diagnosis: of the entrant; made when None, which takes those of all.
    """
    page = model_page(board, row, predictions, context, t or Translator(), diagnosis=diagnosis)
    return render_page("model.html.j2", t or Translator(), scripts=("plots.js",), library=False, back=back, **page)


def render_page(
    template: str, t: Translator, *, scripts: Sequence[str] = (), library: bool = True, **values: Any
) -> str:
    """A template with its values, in one language.

    Args:
        template: its name.
        t: the language; ``t`` in the template.
        scripts: names of the page's scripts; what they say is translated by the ``words`` that the template embeds.
        library: whether these draw with plotly, which the page then carries.
        values: what the template sets.
    """
    with_plotly = bool(scripts) and library
    sources = [
        (resources.files("automat_reports") / "templates" / name).read_text(encoding="utf-8")
        for name in [*scripts, *(["library.js"] if with_plotly else [])]
    ]
    about = {"t": t, "lang": t.lang, "words": t.words(*sources), "plotly": _plotly() if with_plotly else ""}
    return _environment().get_template(template).render(**values, **about)


def render_index(
    entries: Sequence[IndexEntry], t: Translator | None = None, *, lessons: Mapping[str, str] | None = None
) -> str:
    """The page that links the others, and says what datasets say together, as the text of one HTML file.

    Args:
        entries: newest first.
        t: the page's language; English when None.
        lessons: language to the page that lists the lessons.
    """
    t = t or Translator()
    lines = []
    for entry in entries:
        best, metric = entry.board.best, entry.board.metric
        lines.append(
            {
                "board": entry.board,
                "link": entry.link,
                "best": best.title if best else t("no entrant finished"),
                "score": score(best.mean["test"][metric], best.std["test"][metric])
                if best
                else score(math.nan, math.nan),
                "metric": t(TITLES[metric]),
                "date": entry.finished_at[:10],
                "verdict": entry.verdict or verdict(entry.board, t),
                "models": dict(entry.models),
                "explored": entry.explored,
            }
        )
    found = [_overview(each, t) for each in overviews([entry.board for entry in entries])]
    return render_page("index.html.j2", t, lines=lines, overviews=found, lessons=dict(lessons or {}))


def _overview(overview: Overview, t: Translator) -> dict[str, Any]:
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
        "diagram": rank_diagram(names, overview.test, t) if overview.test else None,
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
    """Compressed: 4.9 MB of script become 1.9 MB of text."""
    from plotly.offline import get_plotlyjs

    return Markup(base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode())  # noqa: S704 - letters


def render_result(board: Leaderboard, said: Sequence[str], page: str) -> str:
    """A run for a notebook: its board's table, sentences, and a link to the page; no page of its own."""
    template = _environment().get_template("result.html.j2")
    return template.render(board=Markup(to_html(board)), said=said, page=page)  # noqa: S704 - it escapes what it is given
