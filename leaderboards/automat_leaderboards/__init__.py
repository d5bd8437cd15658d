"""Leaderboards from run records: metrics, ranks, verdicts. Knows nothing of how the records came to be."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat_leaderboards.board import FoldResult, Leaderboard, Row, build, protocols
    from automat_leaderboards.diagnosis import Diagnosis, Finding, diagnoses
    from automat_leaderboards.export import to_html, to_latex, to_markdown
    from automat_leaderboards.metrics import HIGHER_IS_BETTER
    from automat_leaderboards.over_datasets import Overview, RankTest, Standing, overviews
    from automat_leaderboards.significance import Comparison, pairwise
    from automat_leaderboards.text import TITLES, rank_verdict, to_csv, to_frame, to_json, verdict

_HOME = {
    "board": ("FoldResult", "Leaderboard", "Row", "build", "protocols"),
    "diagnosis": ("Diagnosis", "Finding", "diagnoses"),
    "export": ("to_html", "to_latex", "to_markdown"),
    "metrics": ("HIGHER_IS_BETTER",),
    "over_datasets": ("Overview", "RankTest", "Standing", "overviews"),
    "significance": ("Comparison", "pairwise"),
    "text": ("TITLES", "rank_verdict", "to_csv", "to_frame", "to_json", "verdict"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "HIGHER_IS_BETTER",
    "TITLES",
    "Comparison",
    "Diagnosis",
    "Finding",
    "FoldResult",
    "Leaderboard",
    "Overview",
    "RankTest",
    "Row",
    "Standing",
    "build",
    "diagnoses",
    "overviews",
    "pairwise",
    "protocols",
    "rank_verdict",
    "to_csv",
    "to_frame",
    "to_html",
    "to_json",
    "to_latex",
    "to_markdown",
    "verdict",
]


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: who only predicts needs none of them."""
    if name in _MODULE_OF:
        return getattr(import_module(f"automat_leaderboards.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'automat_leaderboards' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names are told before they are used, also to a shell that completes them."""
    return sorted({*globals(), *__all__})
