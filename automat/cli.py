"""The command line: wiring only. Every command is one call of the Python API and one way to print it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from automat.core import InputError

EXIT_BAD_INPUT = 2
EXIT_CELLS_FAILED = 3
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="automat",
    help="Honest leaderboards for materials property prediction: classical models and crystal-graph "
    "networks, tuned inside the training fold, on identical folds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Runs = Annotated[Path, typer.Option("--runs", help="Folder that `automat run --out` wrote.")]
DEFAULT_RUNS = Path("automat-runs")


@app.command()
def run(
    dataset: Annotated[str, typer.Option(help="A name from `automat datasets`, a table file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column of a file.")] = None,
    models: Annotated[str | None, typer.Option(help="Names and .py files, comma-separated. All by default.")] = None,
    features: Annotated[str | None, typer.Option(help="A feature set from `automat featurizers`.")] = None,
    preset: Annotated[str, typer.Option(help="Budget: quick, default or best.")] = "default",
    split: Annotated[str | None, typer.Option(help="A split from `automat splits`.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds; the preset's by default.")] = None,
    trials: Annotated[int | None, typer.Option(help="Optuna trials an entrant, overriding the preset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the search and the models.")] = 0,
    time_limit: Annotated[str | None, typer.Option(help="Limit a cell, e.g. 90s, 30m, 2h.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes; one a core by default.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of records and pages.")] = DEFAULT_RUNS,
) -> None:
    """Compare models on a dataset; what is already computed is not computed again."""
    from automat import api, terminal

    limit = terminal.parse_duration(time_limit) if time_limit else None
    try:
        with terminal.ProgressBar() as progress:
            result = api.run(
                dataset,
                target=target,
                models=[name.strip() for name in models.split(",") if name.strip()] if models is not None else None,
                features=features,
                preset=preset,
                split=split,
                folds=folds,
                trials=trials,
                seed=seed,
                time_limit=limit,
                jobs=jobs,
                out=out,
                command=shlex.join(["automat", *sys.argv[1:]]),
                progress=progress,
            )
    except KeyboardInterrupt:
        typer.echo("automat: stopped. Finished cells are kept; the same command goes on from here.", err=True)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    terminal.print_run(result)
    if result.failed:
        raise typer.Exit(EXIT_CELLS_FAILED)


@app.command()
def datasets() -> None:
    """List the datasets that ship with automat."""
    from automat import terminal

    terminal.print_datasets()


@app.command()
def models() -> None:
    """List the models, and why one is unavailable here."""
    from automat import terminal

    terminal.print_models()


@app.command()
def featurizers() -> None:
    """List the feature sets: columns, cost, source."""
    from automat import terminal

    terminal.print_featurizers()


@app.command()
def splits() -> None:
    """List the splits, and what their scores tell."""
    from automat import terminal

    terminal.print_splits()


@app.command()
def leaderboard(
    runs: Runs = DEFAULT_RUNS,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the newest board as CSV.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the newest board as JSON.")] = None,
) -> None:
    """Print the leaderboards of finished runs."""
    from automat import api, terminal

    boards = api.leaderboards(runs, dataset=dataset)
    terminal.print_boards(boards)
    terminal.write_board(boards[0], csv=csv, json=json)


@app.command()
def report(
    runs: Runs = DEFAULT_RUNS,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
) -> None:
    """Render the pages again, from the records alone."""
    from automat import api

    for path in api.report(runs, dataset=dataset):
        typer.echo(f"page: {path}")


def main() -> None:
    """Run the command line; every refusal is one message and no traceback."""
    try:
        app()
    except InputError as error:
        typer.echo(f"automat: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
