"""Leaderboards as self-contained HTML pages. Knows boards and predictions, and nothing of how they came to be."""

from automat_reports.render import IndexEntry, render_board, render_index

__all__ = ["IndexEntry", "render_board", "render_index"]
