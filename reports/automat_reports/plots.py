"""Small static charts as plain geometry, for pages that carry no drawing library: a template draws them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 420, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 10, 10, 46
_TICKS = 5
_WIDE = 100.0
_MARGIN = 0.05
_LEAST = 1e-9
_MOST_DECADES = 8
_SMALLEST_SPAN = 1e-290
_CHARACTER = 6.2

Kind = Literal["linear", "log", "category"]


@dataclass(frozen=True)
class Series:
    """Marks, or a line.

    Attributes:
        x, y: of its points; text on an axis of categories.
        colour: CSS.
        mode: ``marks``, ``line``, ``steps`` (level, then up or down), or ``density`` (faint marks).
        dash: of the line, as SVG knows it.
        notes: told of a mark when a pointer rests on it; a note a point, or none.
        radius: of marks.
    """

    x: Sequence[Any]
    y: Sequence[Any]
    colour: str
    mode: Literal["marks", "line", "steps", "density"] = "marks"
    dash: str = ""
    notes: Sequence[str] = ()
    radius: float = 3.2


@dataclass(frozen=True)
class Axis:
    """One axis: its title, and how values become places."""

    title: str
    kind: Kind = "linear"
    categories: tuple[str, ...] = ()
    ends: tuple[float, float] = (0.0, 1.0)
    ticks: tuple[tuple[float, str], ...] = field(default=())

    def place(self, value: Any) -> float:
        """From 0 at the low end to 1 at the high one."""
        if self.kind == "category":
            return (self.categories.index(str(value)) + 0.5) / max(1, len(self.categories))
        low, high = self.ends
        number = math.log10(value) if self.kind == "log" else float(value)
        return (number - low) / (high - low)


def axis(title: str, values: Sequence[Any], *, ends: tuple[float, float] | None = None, counts: bool = False) -> Axis:
    """An axis that fits the values: categories for text, logarithmic where they span a hundredfold.

    Args:
        title: of the axis.
        values: that it holds.
        ends: of it, in place of the values'; it is linear then.
        counts: the values number things, such as folds: it is linear, and its ticks are whole.

    >>> axis("depth", [2, 4, 8]).kind, axis("rate", [0.001, 0.3]).kind, axis("kernel", ["rbf", "linear"]).kind
    ('linear', 'log', 'category')
    """
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        names = tuple(dict.fromkeys(str(value) for value in values))
        ticks = tuple(((place + 0.5) / len(names), name) for place, name in enumerate(names))
        return Axis(title, "category", names, (0.0, 1.0), ticks)
    numbers = [float(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = ends or (min(numbers), max(numbers))
    kind: Kind = "log" if low > 0 and high / low > _WIDE and ends is None and not counts else "linear"
    if kind == "log":
        low, high = math.log10(low), math.log10(high)
    span = high - low if high - low > _LEAST * abs(high) else abs(high)
    margin = _MARGIN * (span if span > _SMALLEST_SPAN else 1.0)
    low, high = low - margin, high + margin
    made = Axis(title, kind, (), (low, high))
    steps = _decades(low, high) if kind == "log" else _steps(low, high)
    if counts:
        steps = [value for value in steps if value.is_integer()]
    return Axis(title, kind, (), (low, high), tuple((made.place(value), _label(value)) for value in steps))


def chart(
    series: Sequence[Series], x: Axis, y: Axis, *, label: str, height: int = HEIGHT, diagonal: bool = False
) -> dict[str, Any]:
    """What the template sets, in pixels of an image ``WIDTH`` wide.

    Args:
        series: what is drawn, the last on top.
        x: the horizontal axis.
        y: the vertical one.
        label: for those who hear the page.
        height: of the image.
        diagonal: draw the line of equal x and y.
    """
    left = _left_of(y)
    width, tall = WIDTH - left - _RIGHT, height - _TOP - _BOTTOM

    def at(first: Any, second: Any) -> tuple[float, float]:
        return round(left + width * x.place(first), 1), round(_TOP + tall * (1 - y.place(second)), 1)

    return {
        "label": label,
        "width": WIDTH,
        "height": height,
        "frame": {"left": left, "right": WIDTH - _RIGHT, "top": _TOP, "bottom": height - _BOTTOM},
        "x_title": x.title,
        "y_title": y.title,
        "x_ticks": _spread([(round(left + width * place, 1), text) for place, text in x.ticks], width),
        "y_ticks": [(round(_TOP + tall * (1 - place), 1), text) for place, text in y.ticks],
        "diagonal": diagonal,
        "series": [_drawn(each, at) for each in series],
    }


def _drawn(series: Series, at: Any) -> dict[str, Any]:
    told = list(series.notes) or [""] * len(series.x)
    known = [each for each in zip(series.x, series.y, told, strict=True) if _is_known(*each[:2])]
    points = [at(first, second) for first, second, _ in known]
    notes = [note for _, _, note in known]
    if series.mode == "steps":
        corners = [(after[0], before[1]) for before, after in pairwise(points)]
        points = [point for pair in zip(points, [*corners, None], strict=True) for point in pair if point is not None]
        notes = [""] * len(points)
    return {
        "is_line": series.mode in {"line", "steps"},
        "path": " ".join(f"{left},{top}" for left, top in points),
        "points": [(*point, note) for point, note in zip(points, notes, strict=True)],
        "colour": series.colour,
        "dash": series.dash,
        "radius": series.radius,
        "opacity": 0.28 if series.mode == "density" else 0.85,
    }


def _is_known(*values: Any) -> bool:
    return all(value is not None and not (isinstance(value, float) and not math.isfinite(value)) for value in values)


def _left_of(y: Axis) -> int:
    """Room for the longest label of the vertical axis, and its title."""
    longest = max((len(text) for _, text in y.ticks), default=0)
    return int(max(_LEFT, 30 + _CHARACTER * longest))


def _spread(ticks: list[tuple[float, str]], width: float) -> list[tuple[float, str]]:
    """Every so many ticks, so that their labels do not run into each other."""
    if not ticks:
        return ticks
    longest = max(len(text) for _, text in ticks) * _CHARACTER + 8
    every = max(1, math.ceil(longest * len(ticks) / width))
    return ticks[::every]


def _steps(low: float, high: float) -> list[float]:
    """Round numbers between the two, about five."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first = math.ceil(low / step)
    return [float(f"{place * step:.12g}") for place in range(first, math.floor(high / step) + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.ceil(low), math.floor(high) + 1)
    return [10.0**power for power in powers[:: 1 + len(powers) // _MOST_DECADES]]


def _label(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if 0 < abs(value) < 1e-3 else f"{value:g}"  # noqa: PLR2004 - where zeros are hard to count
