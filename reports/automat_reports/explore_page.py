"""A dataset before modelling, as the text of one self-contained HTML file."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_reports.render import render_page
from automat_reports.sections._base import figure
from automat_reports.translation import Translator

if TYPE_CHECKING:
    from collections.abc import Mapping


def render_exploration(found: Mapping[str, Any], t: Translator | None = None) -> str:
    """The page of what exploring a dataset found.

    Args:
        found: JSON-able: ``values``, ``sizes``, ``elements``, ``duplicates``, ``odd_targets`` and ``map``.
        t: the page's language; English when None.
    """
    dense = found["map"]["dbscan"]
    clusters = {
        "kmeans": len(set(found["map"]["kmeans"])),
        "dbscan": len({code for code in dense if code >= 0}),
        "lone": sum(code < 0 for code in dense),
    }
    return render_page(
        "explore.html.j2",
        t or Translator(),
        scripts=("explore.js",),
        found={**found, "map": {"umap": None, **found["map"]}},
        elements=_shaded(found),
        clusters=clusters,
    )


def _shaded(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Elements with how dark their count is, from 0 to 1, and how far their median target leans, from -1 to 1."""
    elements = found["elements"]
    if not elements:
        return []
    most = math.log1p(max(each["rows"] for each in elements))
    known = [float(each["median"]) for each in elements if each["median"] is not None]
    middle = sorted(found["values"])[len(found["values"]) // 2]
    # A rare element would stretch the colours of all others.
    away = sorted(abs(value - middle) for value in known)
    top = (away[math.ceil(0.95 * (len(away) - 1))] if away else 0.0) or 1.0
    return [
        {
            **each,
            "rows_share": round(0.1 + 0.6 * math.log1p(each["rows"]) / most, 2),
            "median": "" if each["median"] is None else figure(each["median"]),
            "lean": 0.0 if each["median"] is None else max(-1.0, min(1.0, (each["median"] - middle) / top)),
        }
        for each in elements
    ]
