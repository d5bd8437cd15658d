"""Finished entrants with their records and predictions, as the exporters take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import automat_leaderboards

from automat.core import InputError, UnknownNameError
from automat.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from automat_leaderboards import Leaderboard, Row


@dataclass(frozen=True, eq=False)
class Entrant:
    """One row of a board.

    Attributes:
        board: it stands on.
        row: its own.
        predictions: its test predictions, one row a test row and fold.
        cells: names of its records, sorted.
        classes: their names by code; empty for regressions.
    """

    board: Leaderboard
    row: Row
    predictions: pd.DataFrame
    cells: tuple[str, ...]
    classes: tuple[str, ...]


def entrants(runs: Path, *, dataset: str | None = None) -> list[Entrant]:
    """Every entrant of every board below a folder, newest board and best entrant first.

    Raises:
        InputError: there is no such folder, or no records in it.
        UnknownNameError: no records of that dataset.
    """
    if not runs.is_dir():
        raise InputError(f"no runs at {str(runs)!r}; `automat run` makes them")
    store = Store(runs)
    table = store.table()
    if dataset is not None:
        if len(table) and dataset not in set(table["dataset"]):
            raise UnknownNameError("dataset with records", dataset, table["dataset"].unique())
        table = table[table["dataset"] == dataset]
    if table.empty:
        raise InputError(f"no records at {str(runs)!r}; `automat run` makes them")
    found = []
    for records in automat_leaderboards.protocols(table):
        predictions = store.predictions(records["dataset"].iloc[0], records["cell"])
        board = automat_leaderboards.build(records, predictions)
        classes = tuple(store.read_context(records.iloc[0].to_dict()).get("classes", ()))
        for row in board.rows:
            own = records[(records["model"] == row.model) & (records["features"] == row.features)]
            mine = predictions[predictions["cell"].isin(own["cell"])]
            found.append(Entrant(board, row, mine, tuple(sorted(own["cell"])), classes))
    return found


def entrant(runs: Path, *, dataset: str | None = None, model: str | None = None) -> Entrant:
    """An entrant of the newest board: the best, or the one that is named.

    Raises:
        InputError: there are no records, or no fold of the entrant has finished.
        UnknownNameError: no such dataset or entrant.
    """
    every = entrants(runs, dataset=dataset)
    newest = [each for each in every if each.board is every[0].board]
    named = [each for each in newest if model in {None, each.row.model}]
    if not named:
        raise UnknownNameError("entrant on the newest board", str(model), [each.row.model for each in newest])
    if named[0].row.folds_ok == 0:
        raise InputError(f"no fold of {named[0].row.model!r} has finished, so it has no predictions")
    return named[0]
