"""The command line: wiring only. Every command is one call of the Python API and one way to print it."""

from __future__ import annotations

import shlex
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from automat import cli_data, cli_engine, cli_exports, cli_models
from automat.core import EngineError, InputError, StorageError

EXIT_REFUSED, EXIT_BAD_INPUT, EXIT_CELLS_FAILED = 1, 2, 3

app = typer.Typer(
    name="automat",
    help="Honest leaderboards for materials property prediction: classical models and crystal-graph "
    "networks, tuned inside the training fold, on identical folds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(cli_data.app)
app.add_typer(cli_exports.app)

Runs = Annotated[Path, typer.Option("--runs", help="Folder that `automat run --out` wrote.")]
DEFAULT_RUNS = Path("automat-runs")


@app.command()
def run(
    dataset: Annotated[str, typer.Option(help="A name from `automat datasets`, a table file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column of a file; several, or all.")] = None,
    id_column: cli_data.Id = None,
    formula: cli_data.Formula = None,
    structure: cli_data.Structure = None,
    models: Annotated[str | None, typer.Option(help="Names and .py files, comma-separated. All by default.")] = None,
    features: Annotated[str | None, typer.Option(help="A feature set from `automat featurizers`.")] = None,
    preset: Annotated[str, typer.Option(help="Budget: quick, default or best.")] = "default",
    split: Annotated[str | None, typer.Option(help="A split from `automat splits`, or ladder: several.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds; the preset's by default.")] = None,
    only_folds: Annotated[int | None, typer.Option(help="Compute only the first so many of them.")] = None,
    trials: Annotated[int | None, typer.Option(help="Optuna trials an entrant, overriding the preset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the search and the models.")] = 0,
    time_limit: Annotated[str | None, typer.Option(help="Limit a cell, e.g. 90s, 30m, 2h.")] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Limit a cell's memory, e.g. 500MB, 8GB.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes; one a core by default.")] = None,
    executor: cli_engine.Executor = None,
    scheduler: cli_engine.Scheduler = None,
    cluster: cli_engine.Cluster = None,
    dry_run: cli_engine.DryRun = False,
    out: Annotated[Path, typer.Option(help="Folder of records and pages.")] = DEFAULT_RUNS,
    watch: Annotated[bool, typer.Option("--watch", help="Let the open page follow the run.")] = False,
    save_models: cli_models.Save = False,
    model: Annotated[str | None, typer.Option(help="With --save-models: keep this entrant instead.")] = None,
    allow_pickle: cli_models.Pickle = False,
    learning_curve: Annotated[bool, typer.Option("--learning-curve", help="Also on parts of the rows.")] = False,
    curve_from: Annotated[int | None, typer.Option(help="Rows of its smallest part; a sixteenth of all.")] = None,
) -> None:
    """Compare models on a dataset; what is already computed is not computed again."""
    from automat import progress, terminal

    if dry_run:
        cli_engine.print_job_script(cluster)
    readings = cli_data.readings(dataset, target, id_column, formula, structure)
    compare = partial(
        cli_engine.comparison(split),
        models=cli_models.entrants(models),
        features=features,
        preset=preset,
        folds=folds,
        only_folds=only_folds,
        trials=trials,
        seed=seed,
        **cli_engine.limits(time_limit, memory_limit),
        jobs=jobs,
        out=out,
        watch=watch,
        save_models=save_models,
        model=model,
        allow_pickle=allow_pickle,
        learning_curve=learning_curve,
        curve_from=curve_from,
        command=shlex.join(["automat", *sys.argv[1:]]),
    )
    with cli_engine.place(executor, scheduler, cluster, jobs) as place, progress.ProgressBar() as bar:
        results = [compare(reading.dataset, executor=place, progress=bar) for reading in readings]
    terminal.print_results(results)
    if any(result.failed for result in results):
        raise typer.Exit(EXIT_CELLS_FAILED)


@app.command()
def datasets() -> None:
    """List the datasets that have a name: those that ship, and Matbench's, with where they are found."""
    from automat import terminal_lists

    terminal_lists.print_datasets()


@app.command()
def models() -> None:
    """List the models, what may be set of them, and why one is unavailable here."""
    from automat import terminal_lists

    terminal_lists.print_models()


@app.command()
def featurizers() -> None:
    """List the feature sets: columns, cost, source."""
    from automat import terminal_lists

    terminal_lists.print_featurizers()


@app.command()
def splits() -> None:
    """List the splits, and what their scores tell."""
    from automat import terminal_lists

    terminal_lists.print_splits()


@app.command()
def leaderboard(
    runs: Runs = DEFAULT_RUNS,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the newest board as CSV.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the newest board as JSON.")] = None,
    latex: Annotated[Path | None, typer.Option(help="Also write the newest board as a LaTeX table.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the newest board as Markdown.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Also published figures, where Matbench has them on the same folds.")
    ] = False,
    matbench: Annotated[Path | None, typer.Option(help="Also write a Matbench submission (results.json.gz).")] = None,
    model: Annotated[str | None, typer.Option(help="With --matbench: this entrant, not the best.")] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Also what the scores say of every entrant, and what to try.")
    ] = False,
) -> None:
    """Print the leaderboards of finished runs, and what several datasets say together."""
    from automat import api, terminal

    if model is not None and matbench is None:
        raise InputError(f"entrant {model!r} was named for a submission, but --matbench names no file")
    boards = api.leaderboards(runs, dataset=dataset)
    terminal.print_boards(boards)
    terminal.print_overviews(boards)
    if diagnose:
        from automat import terminal_diagnosis

        terminal_diagnosis.print_diagnoses(api.diagnoses(runs, dataset=dataset))
    terminal.write_board(boards[0], csv=csv, json=json, latex=latex, markdown=markdown)
    if published or matbench is not None:
        from automat import terminal_matbench

        if published:
            terminal_matbench.print_published(boards)
        if matbench is not None:
            terminal_matbench.write_submission(matbench, runs, dataset=dataset, model=model)


@app.command()
def report(
    runs: Runs = DEFAULT_RUNS,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the pages: en or ko.")] = "en",
    html: Annotated[Path | None, typer.Option(help="Also write the newest board's page to this file.")] = None,
) -> None:
    """Render the pages again, from the records alone."""
    from automat import api

    for path in api.report(runs, dataset=dataset, lang=lang, html=html):
        typer.echo(f"page: {path}")


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="A .py file, or the name of an installed model.")],
    time_limit: Annotated[str, typer.Option(help="Limit a step, e.g. 90s.")] = "60s",
) -> None:
    """Try a model of your own on a toy set, in seconds: does it keep what an entrant promises?"""
    from automat import check as checks
    from automat import terminal, terminal_gate

    report = checks.check(model, time_limit=terminal.parse_duration(time_limit))
    terminal_gate.print_check(report)
    if not report.passed:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def gate(
    model: Annotated[str, typer.Argument(help="A .py file with one model.")],
    dataset: Annotated[str, typer.Option(help="A name from `automat datasets`, a table file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column of a file.")] = None,
    against: Annotated[str, typer.Option(help="best, an entrant's name, or another .py file.")] = "best",
    metric: Annotated[str | None, typer.Option(help="That decides; mae or roc_auc by default.")] = None,
    margin: Annotated[float, typer.Option(help="Beat the baseline by more than this, in the metric's unit.")] = 0.0,
    confidence: Annotated[float, typer.Option(help="One-sided, from 0.5 to below 1.")] = 0.95,
    features: Annotated[str | None, typer.Option(help="A feature set from `automat featurizers`.")] = None,
    preset: Annotated[str, typer.Option(help="Budget: quick, default or best.")] = "default",
    split: Annotated[str | None, typer.Option(help="A split from `automat splits`.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds; the preset's by default.")] = None,
    trials: Annotated[int | None, typer.Option(help="Optuna trials an entrant, overriding the preset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the search and the models.")] = 0,
    time_limit: Annotated[str | None, typer.Option(help="Limit a cell, e.g. 90s, 30m, 2h.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes; one a core by default.")] = None,
    executor: cli_engine.Executor = None,
    scheduler: cli_engine.Scheduler = None,
    cluster: cli_engine.Cluster = None,
    runs: Annotated[Path, typer.Option("--runs", "--out", help="Folder of the baseline's records.")] = DEFAULT_RUNS,
    summary: Annotated[Path | None, typer.Option(help="Append the verdict to this Markdown file.")] = None,
) -> None:
    """Exit 0 only if a model of your own beats the baseline; 1 if not, 2 if they cannot be compared."""
    from automat import api, progress, terminal, terminal_gate

    try:
        with cli_engine.place(executor, scheduler, cluster, jobs) as place, progress.ProgressBar() as bar:
            judgement = api.gate(
                model,
                dataset,
                target=target,
                against=against,
                metric=metric,
                margin=margin,
                confidence=confidence,
                features=features,
                preset=preset,
                split=split,
                folds=folds,
                trials=trials,
                seed=seed,
                time_limit=terminal.parse_duration(time_limit) if time_limit else None,
                jobs=jobs,
                executor=place,
                runs=runs,
                command=shlex.join(["automat", *sys.argv[1:]]),
                progress=bar,
            )
    except InputError as error:
        terminal_gate.write_summary(summary, error)
        raise
    terminal_gate.print_judgement(judgement)
    terminal_gate.write_summary(summary, judgement)
    if not judgement.beats:
        raise typer.Exit(EXIT_REFUSED)


app.command()(cli_models.predict)


@app.command()
def audit(
    dataset: Annotated[str, typer.Option(help="A name from `automat datasets`, a table file, or a folder.")],
    target: Annotated[str | None, typer.Option(help="Target column of a file.")] = None,
    split: Annotated[str | None, typer.Option(help="A split from `automat splits`.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the split.")] = None,
    runs: Annotated[Path | None, typer.Option(help="Compare the entrants of these runs on touched rows.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes; one a core by default.")] = None,
    fail_over: Annotated[float | None, typer.Option(help="Exit 1 above this percentage of touched test rows.")] = None,
    kinds: Annotated[str | None, typer.Option(help="What to look for, comma-separated. All by default.")] = None,
    time_limit: Annotated[str, typer.Option(help="Of comparing crystals in full, e.g. 90s, 30m, 2h.")] = "60s",
) -> None:
    """Find duplicates and leaks between training and test rows, and whom they help."""
    from automat import audit as audits
    from automat import running, terminal, terminal_audit

    cache = running.cache_dir(runs or DEFAULT_RUNS)
    found = audits.audit(
        dataset,
        target=target,
        split=split,
        folds=folds,
        seed=seed,
        kinds=[name.strip() for name in kinds.split(",") if name.strip()] if kinds is not None else None,
        runs=runs,
        jobs=jobs,
        seconds=terminal.parse_duration(time_limit),
        cache_dir=cache,
    )
    terminal_audit.print_audit(found)
    if fail_over is not None and 100 * found.share() > fail_over:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def verify(
    runs: Annotated[Path, typer.Argument(help="Folder that `automat run --out` wrote.")] = DEFAULT_RUNS,
) -> None:
    """Recompute every metric from the stored predictions; exit 1 if anything does not agree."""
    from automat import terminal_audit
    from automat import verify as verification

    found = verification.verify(runs)
    terminal_audit.print_verification(found)
    if not found.agrees:
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def plan(
    dataset: Annotated[list[str] | None, typer.Option(help="A name, a file or a folder; may be repeated.")] = None,
    matbench: Annotated[bool, typer.Option("--matbench", help="The 13 tasks of Matbench v0.1.")] = False,
    target: Annotated[str | None, typer.Option(help="Target column of a file.")] = None,
    models: Annotated[str | None, typer.Option(help="Names and .py files, comma-separated. All by default.")] = None,
    features: Annotated[str | None, typer.Option(help="A feature set from `automat featurizers`.")] = None,
    preset: Annotated[str, typer.Option(help="Budget: quick, default or best.")] = "default",
    split: Annotated[str | None, typer.Option(help="A split from `automat splits`.")] = None,
    folds: Annotated[int | None, typer.Option(help="Number of folds; the preset's by default.")] = None,
    trials: Annotated[int | None, typer.Option(help="Optuna trials an entrant, overriding the preset.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the search and the models.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="For the wall time; one a core by default.")] = None,
    runs: Annotated[Path, typer.Option("--runs", "--out", help="Folder of the records so far.")] = DEFAULT_RUNS,
) -> None:
    """Say which cells a run would compute, and what they would cost by the records so far; compute nothing."""
    from automat import forecast, running, terminal_engine

    forecasts, absent = forecast.forecasts(
        dataset or [],
        matbench=matbench,
        target=target,
        models=cli_models.entrants(models),
        features=features,
        preset=preset,
        split=split,
        folds=folds,
        trials=trials,
        seed=seed,
        workers=workers,
        runs=runs,
        cache_dir=running.cache_dir(runs),
    )
    terminal_engine.print_forecasts(forecasts, absent)


@app.command()
def doctor(runs: Annotated[Path, typer.Option("--runs", "--out", help="Folder to write to.")] = DEFAULT_RUNS) -> None:
    """Say what works on this machine and what to install; exit 1 if runs would fail."""
    from automat import doctor as doctors
    from automat import running, terminal_engine

    findings = doctors.examine(runs, running.cache_dir(runs))
    terminal_engine.print_findings(findings)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(EXIT_REFUSED)


@app.command()
def teach(
    lesson: Annotated[str | None, typer.Argument(help="A name or a number, or all; the list without one.")] = None,
    lang: Annotated[str, typer.Option(help="en, ko, or both with a comma between.")] = "en",
    out: Annotated[Path, typer.Option(help="Folder of the pages.")] = Path("automat-lessons"),
    notebook: Annotated[bool, typer.Option("--notebook", help="Also write Jupyter notebooks.")] = False,
    grid: Annotated[str, typer.Option(help="full, or reduced: fewer settings, seconds a lesson.")] = "full",
) -> None:
    """The course: lessons on generalization and overfitting, computed here, as pages that work offline."""
    from automat import lessons, terminal_lessons

    if lesson is None:
        terminal_lessons.print_lessons(lessons.lessons(), lang)
        return
    langs = [name.strip() for name in lang.split(",") if name.strip()]
    for path in lessons.build(lesson, langs=langs, out=out, grid=grid, notebook=notebook):
        typer.echo(f"lesson: {path}")


def main() -> None:
    """Run the command line; every refusal is one message and no traceback."""
    # What pymatgen says to its own developers is no help to who types a command.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pymatgen")
    try:
        app()
    except (InputError, StorageError, EngineError) as error:
        typer.echo(f"automat: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT if isinstance(error, InputError) else EXIT_CELLS_FAILED)


if __name__ == "__main__":
    main()
