"""Runs a lesson's cells in order, in a namespace of its own, as a notebook would."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat.lessons._base import Chart, Grid, Lesson, Step, Text


class LessonError(RuntimeError):
    """A lesson would say what its own numbers do not show."""


@dataclass(frozen=True)
class StepResult:
    """What a step gave.

    Attributes:
        printed: by its code.
        chart: None if it has none.
        answer: place of the right choice; None if it asks nothing.
        values: every name that the code so far has set.
    """

    printed: str
    chart: Chart | None
    answer: int | None
    values: Mapping[str, Any]

    def fill(self, text: Text, lang: str) -> str:
        """A text with the computed values in their places."""
        return text.of(lang).format_map(self.values)


def run(lesson: Lesson, grid: Grid = "full") -> tuple[StepResult, ...]:
    """Every step's results, in order.

    Args:
        lesson: to run.
        grid: ``reduced`` takes seconds, ``full`` up to minutes.

    Raises:
        LessonError: a claim of the text does not hold for what was computed.
    """
    names: dict[str, Any] = {"__name__": lesson.name}
    _run(lesson.setup(grid), f"{lesson.name}, setup", names)
    return tuple(_step(lesson, step, names) for step in lesson.steps)


def _step(lesson: Lesson, step: Step, names: dict[str, Any]) -> StepResult:
    printed = _run(step.source(), f"{lesson.name}, {step.title.en}", names)
    for claim in step.claims:
        if not _value(claim, names):
            raise LessonError(f"lesson {lesson.name!r}, {step.title.en!r}: what it says does not hold: {claim}")
    chart = step.plot.make(*(_value(name, names) for name in step.plot.names)) if step.plot else None
    answer = int(_value(step.question.answer, names)) if step.question else None
    return StepResult(printed, chart, answer, dict(names))


def _run(source: str, where: str, names: dict[str, Any]) -> str:
    told = io.StringIO()
    # Features of this module, such as postponed annotations, are not those of a notebook's cell.
    code = compile(source, f"<{where}>", "exec", dont_inherit=True)
    with contextlib.redirect_stdout(told):
        exec(code, names)  # noqa: S102 - a lesson's own code, which is what a lesson is
    return told.getvalue()


def _value(expression: str, names: dict[str, Any]) -> Any:
    return eval(expression, names)  # noqa: S307 - likewise
