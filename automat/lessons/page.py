"""A lesson as one HTML file that works without a network."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from automat.lessons._base import said
from automat.lessons.figures import PALETTE, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat.lessons._base import Grid, Lang, Lesson, Step
    from automat.lessons.running import StepResult


def render(lesson: Lesson, results: Sequence[StepResult], *, lang: Lang = "en", grid: Grid = "full") -> str:
    """The text of the file.

    Args:
        lesson: that was run.
        results: of its steps.
        lang: of the page.
        grid: that it was run on.
    """
    from automat_reports import Translator
    from automat_reports.render import render_page

    page = {
        "number": lesson.number,
        "title": lesson.title.of(lang),
        "summary": _html(lesson.summary.of(lang)),
        "minutes": lesson.minutes,
        "setup": lesson.setup(grid).strip(),
        "palette": PALETTE,
        "steps": [_step(*pair, lang) for pair in zip(lesson.steps, results, strict=True)],
    }
    return render_page("lesson.html.j2", Translator(lang), scripts=("lesson.js",), page=page)


def render_index(lessons: Sequence[Lesson], links: Sequence[str], *, lang: Lang = "en") -> str:
    """The page that lists the lessons.

    Args:
        lessons: in order.
        links: of their pages, relative to the index.
        lang: of the page.
    """
    from automat_reports import Translator
    from automat_reports.render import render_page

    listed = [
        {
            "number": lesson.number,
            "title": lesson.title.of(lang),
            "summary": _html(lesson.summary.of(lang)),
            "minutes": lesson.minutes,
            "link": link,
        }
        for lesson, link in zip(lessons, links, strict=True)
    ]
    return render_page("lessons.html.j2", Translator(lang), lessons=listed)


def _step(step: Step, result: StepResult, lang: Lang) -> dict[str, Any]:
    question = step.question
    return {
        "title": step.title.of(lang),
        "text": _html(result.fill(step.text, lang)),
        "question": _html(question.text.of(lang)) if question else None,
        "choices": [said(choice, lang) for choice in question.choices] if question else [],
        "answer": result.answer,
        "code": step.source(),
        "printed": result.printed.rstrip(),
        "chart": plain(result.chart, lang) if result.chart else None,
        "conclusion": _html(result.fill(step.conclusion, lang)) if step.conclusion else None,
    }


def _html(text: str) -> Any:
    from markupsafe import Markup

    return Markup(_markdown().render(text))  # noqa: S704 - HTML in the source is escaped by the parser


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")
