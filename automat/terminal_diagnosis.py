"""Diagnoses on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from automat_leaderboards import Diagnosis, Leaderboard


def print_diagnoses(found: Sequence[tuple[Leaderboard, Sequence[Diagnosis]]], console: Console | None = None) -> None:
    """What the figures say of every entrant, a paragraph a finding."""
    console = console or Console()
    for board, diagnoses in found:
        console.print()
        console.print(Text(f"Diagnosis: {board.dataset}, {board.split} split, preset {board.preset}", style="bold"))
        for each in diagnoses:
            console.print(Text(f"{each.title} ({each.features})"))
            for finding in each.findings:
                parts = [f"{finding.name()}: {finding.sentence()}", finding.remedy()]
                console.print(Padding(Text(" ".join(filter(None, parts))), (0, 0, 0, 2)))
            if each.caution():
                console.print(Padding(Text(each.caution(), style="dim"), (0, 0, 0, 2)))
