"""Learning rates over the steps of a training, as shares of their peak."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEDULES = ("one_cycle", "cosine", "milestones", "constant")
"""What a recipe may name."""


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """Up in a line for a share of the steps, then down to zero along a cosine.

    Smith & Topin 2018, arXiv:1708.07120.

    >>> [round(one_cycle(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    return cosine(step - rising, steps - rising)


def cosine(step: int, steps: int) -> float:
    """Down from the first step on, along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983).

    >>> [round(cosine(step, 8), 2) for step in (0, 2, 4, 8)]
    [1.0, 0.85, 0.5, 0.0]
    """
    return 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))


def stepwise(step: int, milestones: Sequence[int], factor: float) -> float:
    """Multiplied by the factor at every milestone, a step counted from 0.

    >>> [round(stepwise(step, (4, 8), 0.1), 2) for step in (0, 3, 4, 7, 8)]
    [1.0, 1.0, 0.1, 0.1, 0.01]
    """
    return float(factor ** sum(step >= milestone for milestone in milestones))
