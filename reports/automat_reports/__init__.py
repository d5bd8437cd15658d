"""Leaderboards as self-contained HTML pages. Knows boards and predictions, and nothing of how they came to be."""

from automat_reports.explore_page import render_exploration
from automat_reports.model_page import beside
from automat_reports.render import IndexEntry, render_board, render_index, render_model, render_result
from automat_reports.translation import LANGUAGES, Translator

__all__ = [
    "LANGUAGES",
    "IndexEntry",
    "Translator",
    "beside",
    "render_board",
    "render_exploration",
    "render_index",
    "render_model",
    "render_result",
]
