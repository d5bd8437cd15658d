"""A lesson as a Jupyter notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from automat import whole_files
from automat.core import InputError
from automat.lessons._base import said

if TYPE_CHECKING:
    from pathlib import Path

    from automat.lessons._base import Grid, Lang, Lesson, Question, Step, Text

_VALUE = re.compile(r"(?<!\{)\{[A-Za-z_]")

_WORDS = {
    "guess": {"en": "Guess before you go on", "ko": "다음으로 넘어가기 전에 예상해 보세요"},
    "yours": {"en": "the number of your guess", "ko": "예상한 답의 번호"},
    "answer": {"en": "Your guess: {}. The answer: {}.", "ko": "예상: {}. 정답: {}."},
}


def write(lesson: Lesson, path: Path, *, lang: Lang = "en", grid: Grid = "full") -> None:
    """Write a notebook that has not been run yet.

    Raises:
        InputError: nbformat is not installed.
    """
    try:
        import nbformat.v4
    except ImportError as error:
        raise InputError("notebooks need nbformat; `pip install 'automat[teach]'`") from error
    new: Any = nbformat.v4
    made = new.new_notebook(
        cells=[
            new.new_code_cell(source) if kind == "code" else new.new_markdown_cell(source)
            for kind, source in cells(lesson, lang=lang, grid=grid)
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}, "lang": lang},
    )
    for place, cell in enumerate(made["cells"]):
        # By default ids are drawn by chance, and the same lesson would never be the same file twice.
        cell["id"] = f"{lesson.name}-{place}"
    nbformat.validate(made)
    whole_files.write(path, new.writes(made) + "\n")


def cells(lesson: Lesson, *, lang: Lang = "en", grid: Grid = "full") -> list[tuple[str, str]]:
    """Kind (``code`` or ``markdown``) and source of every cell."""
    made = [
        ("markdown", f"# {lesson.number}. {lesson.title.of(lang)}\n\n{lesson.summary.of(lang)}"),
        (
            "code",
            lesson.setup(grid) + f"from automat.lessons import say\nfrom {lesson.module} import LESSON as lesson\n",
        ),
    ]
    for place, step in enumerate(lesson.steps):
        made += _step(step, place, lang)
    return [(kind, source.strip()) for kind, source in made if source.strip()]


def _step(step: Step, place: int, lang: Lang) -> list[tuple[str, str]]:
    made = _text(step.text, lang, title=f"## {step.title.of(lang)}\n\n")
    if step.question:
        made += _question(step.question, lang)
    made.append(("code", step.source()))
    if step.question:
        choices = [said(choice, lang) for choice in step.question.choices]
        # What the reader chose is counted from 1.
        lines = (
            f"choices = {choices!r}",
            "chosen = choices[guess - 1] if guess else '-'",
            f"say({_WORDS['answer'][lang]!r}.format(chosen, choices[int({step.question.answer})]))",
        )
        made.append(("code", "\n".join(lines)))
    if step.plot:
        made.append(("code", f"lesson.steps[{place}].plot.make({', '.join(step.plot.names)}).figure({lang!r})"))
    if step.conclusion:
        made += _text(step.conclusion, lang)
    return made


def _question(question: Question, lang: Lang) -> list[tuple[str, str]]:
    listed = "\n".join(f"{number}. {said(choice, lang)}" for number, choice in enumerate(question.choices, 1))
    return [
        ("markdown", f"**{_WORDS['guess'][lang]}.** {question.text.of(lang)}\n\n{listed}"),
        ("code", f"guess = None  # {_WORDS['yours'][lang]}"),
    ]


def _text(text: Text, lang: Lang, title: str = "") -> list[tuple[str, str]]:
    words = text.of(lang)
    if not _VALUE.search(words):
        return [("markdown", title + words)]
    filled: list[tuple[str, Any]] = [("code", f'say(f"""{words}""")')]
    return [("markdown", title), *filled] if title else filled
