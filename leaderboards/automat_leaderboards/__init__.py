"""Leaderboards from run records: metrics, ranks, verdicts. Knows nothing of how the records came to be."""

from automat_leaderboards.board import FoldResult, Leaderboard, Row, build, protocols
from automat_leaderboards.diagnosis import Diagnosis, Finding, diagnoses
from automat_leaderboards.export import to_html, to_latex, to_markdown
from automat_leaderboards.metrics import HIGHER_IS_BETTER
from automat_leaderboards.over_datasets import Overview, RankTest, Standing, overviews
from automat_leaderboards.significance import Comparison, pairwise
from automat_leaderboards.text import TITLES, rank_verdict, to_csv, to_frame, to_json, verdict

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
