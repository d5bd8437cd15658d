"""What ``automat teach`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from automat.core import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat.lessons import Lesson

_WIDE = 140

_HEADS = {
    "en": ("#", "name", "lesson", "minutes"),
    "ko": ("#", "이름", "강의", "분"),
}
_HOW = {
    "en": "automat teach NAME makes a lesson's page; automat teach all makes every one.",
    "ko": "automat teach 이름: 한 강의의 페이지를 만듭니다. automat teach all: 모두 만듭니다.",
}


def print_lessons(lessons: Sequence[Lesson], lang: str) -> None:
    """The lessons, in order.

    Raises:
        UnknownNameError: no such language.
    """
    if lang not in _HEADS:
        raise UnknownNameError("language", lang, _HEADS)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in _HEADS[lang]:
        table.add_column(head, no_wrap=True)
    for lesson in lessons:
        table.add_row(str(lesson.number), lesson.name, lesson.title.of(lang), str(lesson.minutes))
    console = Console()
    if not console.is_terminal:
        # A pipe has no width of its own.
        console = Console(width=_WIDE)
    console.print(table)
    console.print(_HOW[lang])
