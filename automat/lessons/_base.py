"""What a lesson is made of: text in two languages, questions, code that is run as it is shown, and charts."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Lang = Literal["en", "ko"]
Grid = Literal["reduced", "full"]

SETUP = """from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automat import datasets

grid = {grid!r}  # "full" tries more settings and takes longer
"""
"""The first cell of every lesson."""

_NOT_SHOWN = re.compile(r"  # (noqa|type:).*$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """The same said twice. ``{names}`` stand for values that the lesson's code has computed.

    Attributes:
        en: English; light Markdown where it is prose.
        ko: Korean, with the same names in it.
    """

    en: str
    ko: str

    def of(self, lang: str) -> str:
        """In one language, its lines joined to paragraphs."""
        return textwrap.dedent(self.ko if lang == "ko" else self.en).strip()


Label = Text | str
"""A ``str`` is a name that is the same in both languages: a model's, a formula, a number."""


def said(label: Label, lang: str) -> str:
    """A label in one language."""
    return label.of(lang) if isinstance(label, Text) else label


@dataclass(frozen=True)
class Trace:
    """One line, cloud of points, set of bars, or map of a chart.

    Attributes:
        name: of the legend.
        x, y: positions.
        kind: how it is drawn.
        z: of a map: rows of values, one row for every y.
        tips: what a point tells when it is pointed at; one a point, or none.
        colour: place in the palette; traces of one meaning have one colour in all charts (0 test, 1 training).
    """

    name: Label
    x: Sequence[Any]
    y: Sequence[Any]
    kind: Literal["line", "points", "bars", "dashes", "map"] = "line"
    z: Sequence[Sequence[float]] | None = None
    tips: Sequence[str] = ()
    colour: int = 0


@dataclass(frozen=True)
class Control:
    """What the reader moves.

    Attributes:
        name: beside it.
        values: that it can take; a switch has two, off and on.
        kind: ``slider``, or ``switch``.
    """

    name: Label
    values: Sequence[Label]
    kind: Literal["slider", "switch"] = "slider"


@dataclass(frozen=True)
class State:
    """A chart for one position of its controls.

    Attributes:
        traces: what is drawn.
        note: what there is to see, with the numbers.
    """

    traces: Sequence[Trace]
    note: Text


@dataclass(frozen=True)
class Chart:
    """A chart, computed for every position of its controls.

    Attributes:
        title, x, y: of it and of its axes.
        states: in the order of the controls' values, the last control's changing fastest.
        controls: none, if there is one state.
        log_x: whether x is a logarithm's axis.
        start: of the states, the one that is shown first.
        equal: whether a unit is as long on both axes.
    """

    title: Text
    x: Label
    y: Label
    states: Sequence[State]
    controls: Sequence[Control] = ()
    log_x: bool = False
    start: int = 0
    equal: bool = False

    def figure(self, lang: str = "en") -> Any:
        """A plotly figure, as notebooks show it."""
        from automat.lessons.figures import figure

        return figure(self, lang)


@dataclass(frozen=True)
class Question:
    """A guess that is asked for before the result is shown.

    Attributes:
        text: the question.
        choices: to choose from.
        answer: expression over what the code computed, the place of the right choice, from 0.
    """

    text: Text
    choices: Sequence[Label]
    answer: str


@dataclass(frozen=True)
class Plot:
    """A chart that is made from what the code computed.

    Attributes:
        make: gives the chart.
        names: of the values that it takes, in order.
    """

    make: Callable[..., Chart]
    names: Sequence[str]


@dataclass(frozen=True)
class Step:
    """A part of a lesson: told, guessed, computed, shown, explained.

    Attributes:
        title, text: what it is about.
        question: the guess, if it asks for one.
        functions: shown and run first, as they stand in the lesson's module.
        code: the lines that follow them.
        plot: of their results.
        conclusion: what the results say, with their numbers.
        claims: expressions over the results that must hold for the words to be true.
    """

    title: Text
    text: Text
    question: Question | None = None
    functions: Sequence[Callable[..., Any]] = ()
    code: str = ""
    plot: Plot | None = None
    conclusion: Text | None = None
    claims: Sequence[str] = ()

    def source(self) -> str:
        """The step's cell; empty if it computes nothing."""
        parts = [_shown(function) for function in self.functions]
        if self.code:
            parts.append(textwrap.dedent(self.code).strip())
        return "\n\n\n".join(parts)


@dataclass(frozen=True)
class Lesson:
    """A lesson of the course.

    Attributes:
        number: its place, from 1.
        name: what ``automat teach`` takes.
        title: of the page.
        summary: what one can do after it, in a sentence.
        minutes: that it takes to read and to play with.
        steps: in order.
        imports: lines of the first cell beside :data:`SETUP`.
        module: where it is written.
    """

    number: int
    name: str
    title: Text
    summary: Text
    minutes: int
    steps: Sequence[Step]
    imports: str = ""
    module: str = ""

    @property
    def stem(self) -> str:
        """Of its files."""
        return f"{self.number:02d}_{self.name}"

    def setup(self, grid: Grid) -> str:
        """The first cell."""
        lines = SETUP.format(grid=grid)
        return f"{lines}{textwrap.dedent(self.imports).strip()}".strip() + "\n"


def _shown(function: Callable[..., Any]) -> str:
    return _NOT_SHOWN.sub("", textwrap.dedent(inspect.getsource(function))).strip()
