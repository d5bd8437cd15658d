"""The course: a lesson is one module ``lNN_name`` of this package with a ``LESSON``.

Its code is run as it is shown, its sentences take their numbers from what the code computed, and what they claim
beyond numbers is checked when it is run. A notebook and a page are made from it in either language.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from automat import whole_files
from automat.core import InputError, UnknownNameError
from automat.lessons._base import Chart, Control, Lesson, Plot, Question, State, Step, Text, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat.lessons._base import Grid, Lang

__all__ = [
    "ALL",
    "GRIDS",
    "Chart",
    "Control",
    "Lesson",
    "Plot",
    "Question",
    "State",
    "Step",
    "Text",
    "Trace",
    "build",
    "find",
    "lessons",
    "say",
]

ALL = "all"
GRIDS: tuple[Grid, ...] = ("reduced", "full")
_LANGS: tuple[Lang, ...] = ("en", "ko")
_Name = TypeVar("_Name", bound=str)
_MODULE = re.compile(r"l(\d\d)_(\w+)")


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, in order."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if _MODULE.fullmatch(each.name))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(replace(module.LESSON, module=module.__name__) for module in modules)


def find(name: str) -> tuple[Lesson, ...]:
    """The lesson of a name or number, or ``all`` of them.

    Raises:
        UnknownNameError: there is no such lesson.
    """
    if name == ALL:
        return lessons()
    found = tuple(each for each in lessons() if name in {each.name, each.stem} or name.lstrip("0") == str(each.number))
    if not found:
        raise UnknownNameError("lesson", name, [ALL, *(each.name for each in lessons())])
    return found


def build(
    name: str = ALL,
    *,
    langs: Sequence[str] = ("en",),
    out: str | Path = "automat-lessons",
    grid: str = "full",
    notebook: bool = False,
) -> list[Path]:
    """Run lessons and write their pages.

    Args:
        name: a lesson's name or number, or ``all``.
        langs: ``en``, ``ko`` or both; each gets its own files from one run.
        out: folder of the files.
        grid: ``full``, or ``reduced`` for a quick look.
        notebook: write notebooks too.

    Returns:
        What was written; with ``all`` the index of every language comes last.

    Raises:
        UnknownNameError: there is no such lesson, language or grid.
        InputError: the folder cannot be written to, or notebooks are wanted and nbformat is not installed.
        LessonError: what a lesson says does not hold for what it computed.
    """
    from automat.lessons import notebook as notebooks
    from automat.lessons import page, running

    chosen = find(name)
    languages = [_one_of("language", lang, _LANGS) for lang in langs]
    size = _one_of("grid", grid, GRIDS)
    folder = Path(out)
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for lesson in chosen:
            results = running.run(lesson, size)
            for lang in languages:
                path = folder / f"{lesson.stem}_{lang}.html"
                whole_files.write(path, page.render(lesson, results, lang=lang, grid=size))
                made.append(path)
                if notebook:
                    notebooks.write(lesson, path.with_suffix(".ipynb"), lang=lang, grid=size)
                    made.append(path.with_suffix(".ipynb"))
        for lang in languages if name == ALL else []:
            path = folder / f"index_{lang}.html"
            links = [f"{lesson.stem}_{lang}.html" for lesson in chosen]
            whole_files.write(path, page.render_index(chosen, links, lang=lang))
            made.append(path)
    except OSError as error:
        raise InputError(f"cannot write lessons to {str(folder)!r}: {error.strerror or error}") from error
    return made


def say(text: str) -> None:
    """Show Markdown in a notebook; print it elsewhere."""
    try:
        from IPython import display, get_ipython
    except ImportError:
        print(text)  # noqa: T201 - what a notebook's cell shows
        return
    if get_ipython() is None:
        print(text)  # noqa: T201 - likewise
    else:
        shown: Any = display
        shown.display(shown.Markdown(text))


def _one_of(kind: str, given: str, allowed: Sequence[_Name]) -> _Name:
    for name in allowed:
        if name == given:
            return name
    raise UnknownNameError(kind, given, allowed)
