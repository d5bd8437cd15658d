"""A dataset before modelling, as the text of one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_reports.render import render_page
from automat_reports.translation import Translator

if TYPE_CHECKING:
    from collections.abc import Mapping


def render_exploration(found: Mapping[str, Any], t: Translator | None = None) -> str:
    """The page of what exploring a dataset found.

    Args:
        found: JSON-able: ``values``, ``sizes``, ``elements``, ``duplicates``, ``odd_targets`` and ``map``.
        t: the page's language; English when None.
    """
    return render_page("explore.html.j2", t or Translator(), scripts=("explore.js",), found=found)
