"""Numbers as people read them: as many digits as the spread supports."""

from __future__ import annotations

import math
from typing import Any

_SMALL_LEADING = 2.0
_MAX_DECIMALS = 4
_SIGNIFICANT = 3
_MINUTE = 60.0


def decimals(mean: float, spread: float) -> int:
    """Decimals that a mean deserves: the spread's first digit, one more where that is a 1.

    >>> decimals(0.1312, 0.0042), decimals(0.1312, 0.0012), decimals(152.0, 13.0)
    (3, 4, 0)
    """
    if not math.isfinite(mean):
        return 0
    wanted = _SIGNIFICANT - 1 - _exponent(mean)
    if math.isfinite(spread) and spread > 0:
        leading = spread / 10 ** _exponent(spread)
        wanted = max(wanted, -_exponent(spread) + (1 if leading < _SMALL_LEADING else 0))
    return min(max(wanted, 0), _MAX_DECIMALS)


def score(mean: float, spread: float, places: int | None = None) -> dict[str, str]:
    """A mean and its spread, ready to be set; ``-`` where there is none.

    Args:
        mean: over folds.
        spread: standard deviation over folds.
        places: decimals; as many as the spread supports when None.

    >>> score(0.1312, 0.0042)
    {'mean': '0.131', 'spread': '0.004'}
    """
    if not math.isfinite(mean):
        return {"mean": "-", "spread": ""}
    places = decimals(mean, spread) if places is None else places
    return {"mean": f"{mean:z.{places}f}", "spread": f"{spread:.{places}f}" if math.isfinite(spread) else ""}


def seconds(value: float) -> str:
    """CPU seconds, coarser as they grow.

    >>> seconds(0.034), seconds(7.26), seconds(754.0)
    ('0.03', '7.3', '754')
    """
    if not math.isfinite(value):
        return "-"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < _MINUTE else f"{value:.0f}"


def plain(value: float, pattern: str) -> str:
    """A number in a pattern, without the sign of a zero; ``-`` where it is not defined.

    >>> plain(-1e-9, ".3f")
    '0.000'
    """
    return format(value, f"z{pattern}") if math.isfinite(value) else "-"


def rounded(values: Any) -> list[float | None]:
    """Numbers with five significant digits, so that a page stays small; null where not finite."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0
