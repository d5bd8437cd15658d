"""The sections of a dataset's page below its board, each from data that may or may not be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat_reports.sections import (
    audit,
    calibration,
    confusion,
    elements,
    epochs,
    importances,
    ladder,
    learning,
    parity,
    validation,
    worst,
)
from automat_reports.sections._base import Section, View

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SECTIONS", "Section", "View", "sections_of"]

SECTIONS: tuple[Callable[[View], Section | None], ...] = (
    parity.section,
    confusion.section,
    elements.section,
    worst.section,
    learning.section,
    validation.section,
    epochs.section,
    ladder.section,
    audit.section,
    calibration.section,
    importances.section,
)
"""In the order of the page; each gives None where the data for it is not there."""


def sections_of(view: View) -> list[Section]:
    """Those that there is data for."""
    return [made for make in SECTIONS if (made := make(view)) is not None]
