"""Leaderboards from run records: metrics, ranks, verdicts. Knows nothing of how the records came to be."""

from automat_leaderboards.board import FoldResult, Leaderboard, Row, build, protocols
from automat_leaderboards.metrics import HIGHER_IS_BETTER
from automat_leaderboards.text import TITLES, to_csv, to_frame, to_json, verdict

__all__ = [
    "HIGHER_IS_BETTER",
    "TITLES",
    "FoldResult",
    "Leaderboard",
    "Row",
    "build",
    "protocols",
    "to_csv",
    "to_frame",
    "to_json",
    "verdict",
]
