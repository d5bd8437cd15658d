"""The critical-difference diagram of Demsar (2006) as plain geometry: a template draws it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from automat_reports.translation import ENGLISH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat_leaderboards import RankTest

    from automat_reports.translation import Translator

WIDTH = 880
_MARGIN = 265
_AXIS = 46
_LINE = 18
_BAR = 9
_LONGEST = 28


def rank_diagram(names: Sequence[str], test: RankTest, t: Translator = ENGLISH) -> dict[str, Any]:
    """Where ticks, entrants, bars and the critical difference lie, in pixels of an image ``WIDTH`` wide.

    Best to the left. A thick bar joins entrants whose mean ranks lie within the critical difference. The better
    half has its names to the left, the other to the right, so that no line crosses a name.

    Args:
        names: of the entrants, in the order of ``test.ranks``.
        test: their mean ranks and groups.
        t: puts its words in another language.
    """
    low, high = math.floor(min(test.ranks)), math.ceil(max(test.ranks))
    high = max(high, low + 1)
    step = (WIDTH - 2 * _MARGIN) / (high - low)

    def place(rank: float) -> float:
        return round(_MARGIN + (rank - low) * step, 1)

    order = sorted(range(len(names)), key=lambda position: test.ranks[position])
    left, right = order[: (len(order) + 1) // 2], order[(len(order) + 1) // 2 :][::-1]
    first = _AXIS + 14 + _BAR * len(test.groups) + 12
    entrants = []
    for side, members in (("left", left), ("right", right)):
        for line, position in enumerate(members):
            name, rank = names[position], test.ranks[position]
            entrants.append(
                {
                    "name": name,
                    "label": name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…",
                    "rank": f"{rank:.2f}",
                    "mean_rank": t("{name}: mean rank {rank}", name=name, rank=f"{rank:.2f}"),
                    "x": place(rank),
                    "y": first + _LINE * line,
                    "end": _MARGIN - 14 if side == "left" else WIDTH - _MARGIN + 14,
                    "side": side,
                }
            )
    bars = [
        {
            "from": place(test.ranks[group[0]]) - 4,
            "to": place(test.ranks[group[-1]]) + 4,
            "y": _AXIS + 12 + _BAR * line,
        }
        for line, group in enumerate(test.groups)
    ]
    reach = min(test.critical_difference, high - low)
    return {
        "width": WIDTH,
        "height": first + _LINE * max(len(left), len(right)) + 2,
        "axis": {"from": place(low), "to": place(high), "y": _AXIS},
        "ticks": [{"x": place(rank), "text": str(rank)} for rank in range(low, high + 1)],
        "reach": {
            "from": place(low),
            "to": place(low + reach),
            "ends": test.critical_difference <= high - low,
            "text": t("critical difference {value}", value=f"{test.critical_difference:.2f}"),
        },
        "entrants": entrants,
        "bars": bars,
        "p": "< 0.001" if test.p < 0.001 else f"{test.p:.2g}",  # noqa: PLR2004 - three decimals at most
        "n_blocks": test.n_blocks,
    }
