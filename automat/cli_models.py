"""The commands on trained models."""

from __future__ import annotations

import gc
import importlib
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import Annotated

import typer

from automat import cli_data  # noqa: TC001 - typer reads annotations

EXIT_ROWS_FAILED = 3

_OBJECTS_A_COLLECTION = 50_000

Save = Annotated[bool, typer.Option("--save-models", help="Refit the winner on all rows and keep it.")]
Pickle = Annotated[bool, typer.Option("--allow-pickle", help="Keep it even if loading it can run any code.")]


def entrants(text: str | None) -> list[str] | None:
    """What ``--models`` names: commas part entrants, and the settings of one."""
    from automat.models import names_in

    return None if text is None else names_in(text)


def predict(
    trained: Annotated[Path, typer.Argument(help="A model that `automat run --save-models` kept.")],
    more: Annotated[list[str] | None, typer.Argument(help="More inputs.", metavar="[INPUT]...")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="A CIF, POSCAR, table or folder; - for formulas on stdin.")
    ] = None,
    id_column: cli_data.Id = None,
    formula: cli_data.Formula = None,
    structure: cli_data.Structure = None,
    output: Annotated[Path | None, typer.Option(help="A .csv or .json file; the terminal by default.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="csv, json or table.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="What every feature or atom adds.")] = False,
    averaged: Annotated[bool, typer.Option("--by-element", help="With --explain: averaged over atoms.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Load a file that can run any code: only one of your own.")
    ] = False,
) -> None:
    """Predict with a trained model: value, error bar, and whether it knows such materials."""
    from automat import persist

    # Imports make half a million objects that stay; to look for garbage among them again and again takes a tenth of
    # a prediction's time.
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    if persist.needs_torch(trained):
        # First: its operators note where they are registered, and to look that up takes the longer the more modules
        # are loaded: a quarter of a second, after the others.
        importlib.import_module("torch")
    if persist.needs_skops(trained):
        persist.import_skops_lightly()  # first: it is quickest where little is imported yet
    from automat import prediction_files
    from automat.datasets.reading import Columns

    written = prediction_files.write(
        trained,
        [*(inputs or []), *(more or [])],
        output=output,
        form=form,
        explained=explain,
        averaged=averaged,
        allow_pickle=allow_pickle,
        columns=Columns(id=id_column, formula=formula, structure=structure),
    )
    if written.failed:
        typer.echo(f"automat: {written.failed} of {written.rows} rows have no prediction; see `error`", err=True)
        raise typer.Exit(EXIT_ROWS_FAILED)
