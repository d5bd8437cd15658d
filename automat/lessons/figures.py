"""A chart as a plotly figure, for notebooks, and as plain data, for pages."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from automat.lessons._base import said

if TYPE_CHECKING:
    from collections.abc import Iterable

    from automat.lessons._base import Chart, State, Trace

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's colours, which colour-blind readers tell apart (https://jfly.uni-koeln.de/color/)."""

_MODES = {"line": "lines+markers", "dashes": "lines", "points": "markers"}
_MAP_COLOURS = [[0, "#f3f7fc"], [1, "#4a90d0"]]
_ROOM = 0.06


def figure(chart: Chart, lang: str) -> Any:
    """A plotly figure; the chart's controls become one slider over all their positions."""
    import plotly.graph_objects as go

    made = go.Figure(data=_traces(chart.states[chart.start], lang))
    ranges = _ranges(chart)
    made.update_layout(
        title=f"{chart.title.of(lang)}<br><sub>{chart.states[chart.start].note.of(lang)}</sub>",
        xaxis_title=said(chart.x, lang),
        yaxis_title=said(chart.y, lang),
        template="plotly_white",
    )
    if chart.log_x:
        made.update_xaxes(type="log")
    if ranges["y"]:
        made.update_yaxes(range=ranges["y"])
    if ranges["x"] and not chart.log_x:
        made.update_xaxes(range=ranges["x"])
    if chart.controls:
        positions = itertools.product(*(control.values for control in chart.controls))
        made.frames = [
            go.Frame(
                data=_traces(state, lang),
                name=str(place),
                layout={"title": {"text": f"{chart.title.of(lang)}<br><sub>{state.note.of(lang)}</sub>"}},
            )
            for place, state in enumerate(chart.states)
        ]
        steps = [
            {
                "label": ", ".join(said(value, lang) for value in values),
                "method": "animate",
                "args": [[str(place)], {"mode": "immediate", "frame": {"duration": 0}, "transition": {"duration": 0}}],
            }
            for place, values in enumerate(positions)
        ]
        name = ", ".join(said(control.name, lang) for control in chart.controls)
        made.update_layout(sliders=[{"active": chart.start, "steps": steps, "currentvalue": {"prefix": f"{name}: "}}])
    return made


def plain(chart: Chart, lang: str) -> dict[str, Any]:
    """Everything that a page draws, in one language, as JSON can hold it."""
    return {
        "title": chart.title.of(lang),
        "x": said(chart.x, lang),
        "y": said(chart.y, lang),
        "log_x": chart.log_x,
        "equal": chart.equal,
        "start": chart.start,
        "range": _ranges(chart),
        "controls": [
            {
                "name": said(control.name, lang),
                "kind": control.kind,
                "values": [said(value, lang) for value in control.values],
            }
            for control in chart.controls
        ],
        "states": [{"note": state.note.of(lang), "traces": _traces(state, lang)} for state in chart.states],
    }


def _traces(state: State, lang: str) -> list[dict[str, Any]]:
    return [_trace(trace, lang) for trace in state.traces]


def _trace(trace: Trace, lang: str) -> dict[str, Any]:
    colour = PALETTE[trace.colour]
    made: dict[str, Any] = {"name": said(trace.name, lang), "x": _listed(trace.x, lang), "y": _listed(trace.y, lang)}
    if trace.tips:
        made |= {"text": list(trace.tips), "hovertemplate": "%{text}<extra></extra>"}
    if trace.kind == "map":
        rows = [[_rounded(value) for value in row] for row in trace.z or ()]
        return made | {
            "type": "heatmap",
            "z": rows,
            "colorscale": _MAP_COLOURS,
            "texttemplate": "%{z}",
            "showscale": False,
        }
    if trace.kind == "bars":
        return made | {"type": "bar", "marker": {"color": colour}, "textposition": "none"}
    line = {"color": colour, "dash": "dot" if trace.kind == "dashes" else "solid"}
    symbol = "circle" if trace.colour % 2 == 0 else "diamond"
    marker = {"color": colour, "size": 7, "symbol": symbol, "opacity": 0.85}
    return made | {"type": "scatter", "mode": _MODES[trace.kind], "line": line, "marker": marker}


def _listed(values: Iterable[Any], lang: str) -> list[Any]:
    return [
        said(value, lang) if not isinstance(value, (int, float, np.number)) else _rounded(value) for value in values
    ]


def _rounded(value: Any) -> float | int:
    """Five digits are more than a chart shows, and a page of them is a third as long."""
    number = float(f"{float(value):.5g}")
    return int(number) if number.is_integer() else number


def _ranges(chart: Chart) -> dict[str, list[float] | None]:
    """Axes that hold all states, so that what moves is seen to move."""
    return {axis: _range(chart, axis) for axis in ("x", "y")}


def _range(chart: Chart, axis: str) -> list[float] | None:
    traces = [trace for state in chart.states for trace in state.traces]
    if any(trace.kind == "map" for trace in traces):
        return None
    values = [value for trace in traces for value in getattr(trace, axis)]
    if not values or not all(isinstance(value, (int, float, np.number)) for value in values):
        return None
    low, high = min(values), max(values)
    if axis == "y" and any(trace.kind == "bars" for trace in traces):
        low = min(low, 0)
    if chart.log_x and axis == "x":
        low, high = np.log10(low), np.log10(high)
    room = _ROOM * (high - low or abs(high) or 1)
    return [float(low - room if low else low), float(high + room)]
