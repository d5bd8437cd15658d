"""`automat export`: results and trained models in the forms of other programs. Wiring only, as in automat.cli."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="export",
    help="Results and trained models in the forms of other programs: CGCNN, MLflow, ONNX.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Runs = Annotated[Path, typer.Option("--runs", help="Folder that `automat run --out` wrote.")]
Dataset = Annotated[str | None, typer.Option(help="Only this dataset.")]
DEFAULT_RUNS = Path("automat-runs")


@app.command()
def cgcnn(
    file: Annotated[Path, typer.Argument(help="The file: a line a test row, id, target, prediction, no header.")],
    runs: Runs = DEFAULT_RUNS,
    dataset: Dataset = None,
    model: Annotated[str | None, typer.Option(help="This entrant of the newest board, not the best.")] = None,
    fold: Annotated[int | None, typer.Option(help="Only this fold, from 1.")] = None,
) -> None:
    """Test predictions as CGCNN's own test_results.csv."""
    from automat.exports import cgcnn as exporting

    chosen, rows = exporting.write(file, runs, dataset=dataset, model=model, fold=fold)
    typer.echo(f"{rows} test rows of {chosen.row.model} ({chosen.row.features}) on {chosen.board.dataset}")
    typer.echo(f"results: {file}")


@app.command()
def mlflow(
    uri: Annotated[str | None, typer.Argument(help="Of the tracking server or store; MLFLOW_TRACKING_URI's.")] = None,
    runs: Runs = DEFAULT_RUNS,
    dataset: Dataset = None,
    experiment: Annotated[str | None, typer.Option(help="Its name; automat-DATASET by default.")] = None,
) -> None:
    """Entrants as runs of MLflow, where it is installed; those that are there already are left alone."""
    from automat.exports import mlflow_runs

    logged = mlflow_runs.log(runs, uri, dataset=dataset, experiment=experiment)
    typer.echo(f"{logged.new} runs logged, {logged.found} found logged")
    typer.echo(f"experiments: {', '.join(logged.experiments)}")


@app.command()
def onnx(
    trained: Annotated[Path, typer.Argument(help="A model that `automat run --save-models` kept.")],
    file: Annotated[Path, typer.Argument(help="The .onnx file.")],
) -> None:
    """A trained model on features as ONNX, compared with it on its training rows before it is written."""
    from automat import trained as models
    from automat.exports import onnx_file

    written = onnx_file.write(models.load(trained), file)
    typer.echo(
        f"{written.same} of {written.rows} training rows agree to {onnx_file.SAME:g} of the target's range; "
        f"the largest difference is {written.largest:.2g}"
    )
    typer.echo(f"onnx: {written.path} ({len(written.columns)} columns, named in it)")
