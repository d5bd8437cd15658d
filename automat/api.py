"""The same calls for Python as for the shell."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import automat_leaderboards
import automat_reports

from automat import _process, datasets, plan
from automat.core import Dataset, InputError, UnknownNameError
from automat.evaluate import Job
from automat.executors import local
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Leaderboard

    from automat.core import Cell, Model, Predictions, RunRecord

DEFAULT_OUT = Path("automat-runs")


class Progress(plan.FeaturizeProgress, Protocol):
    """Told what a run does."""

    def start_cells(self, total: int, done: int) -> None:
        """``done`` of ``total`` cells were found finished."""

    def running(self, cells: Sequence[Cell]) -> None:
        """These cells run now."""

    def finished(self, record: RunRecord) -> None:
        """A cell ended."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run gives.

    Attributes:
        board: the leaderboard: this run's entrants, and earlier ones on the same folds and budget.
        page: its HTML file.
        computed, reused, failed: cells run now, cells found done, cells of this run without a result.
        left_out: models that could not enter, each with the reason.
    """

    board: Leaderboard
    page: Path
    computed: int
    reused: int
    failed: int
    left_out: Mapping[str, str]


def cache_dir() -> Path:
    """Where features are kept: ``AUTOMAT_CACHE``, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("AUTOMAT_CACHE") or platformdirs.user_cache_dir("automat"))


def run(
    dataset: str | Path | Dataset,
    *,
    target: str | None = None,
    models: Sequence[str | Model] | None = None,
    features: str | None = None,
    preset: str = "default",
    split: str | None = None,
    folds: int | None = None,
    trials: int | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    jobs: int | None = None,
    out: str | Path = DEFAULT_OUT,
    command: str = "",
    progress: Progress | None = None,
) -> RunResult:
    """Compare models on a dataset: compute what is missing, then build and render the board.

    Args:
        dataset: a name, a file, a folder, or a Dataset.
        target: the target column of a file.
        models: names, ``.py`` files or Model objects; all that can enter when None.
        features: feature set of the tabular models; the fullest for the data when None.
        preset: ``quick``, ``default`` or ``best``.
        split: kind of split; stratified for classes, else random, when None.
        folds: number of folds; the preset's when None.
        trials: overrides the preset's Optuna trials.
        seed: of the split, the search and the models.
        time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.
        jobs: worker processes; one a core when None.
        out: folder of records and pages.
        command: what the page gives as the command that reproduces it.
        progress: told what the run does.

    Raises:
        InputError: something given cannot be used; nothing has been computed then.
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs must be at least 1, but got {jobs}")
    store = Store(Path(out))
    store.check_writable()
    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)
    planned = plan.make(
        data,
        models=models,
        features=features,
        preset=preset,
        split=split,
        folds=folds,
        trials=trials,
        seed=seed,
    )
    missing = [cell for cell in planned.cells if not store.is_done(cell)]
    _compute(store, planned, missing, jobs=jobs or local.default_jobs(), time_limit=time_limit, progress=progress)
    failed = sum(not store.is_done(cell) for cell in planned.cells)
    first = planned.cells[0]
    store.write_context(first, _context(planned, command))
    board, page = _render(store, data.name, first.key)
    _render_index(store)
    return RunResult(board, page, len(missing), len(planned.cells) - len(missing), failed, planned.left_out)


def load_results(runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None) -> pd.DataFrame:
    """Every record below a folder as a table, one row a cell.

    Columns are ``automat_leaderboards.records.RECORD_COLUMNS``.

    Raises:
        InputError: there is no such folder.
    """
    return _existing(runs).table(dataset)


def leaderboards(runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None) -> list[Leaderboard]:
    """The boards that the records below a folder make, newest first: one a dataset, split and budget.

    Raises:
        InputError: there is no such folder, or no records in it.
        UnknownNameError: no records of that dataset.
    """
    store = _existing(runs)
    return [automat_leaderboards.build(records) for records in _protocols(store, dataset)]


def report(runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None) -> list[Path]:
    """Render every page, and the index, from the records alone.

    Returns:
        The boards' pages, newest first, and last the index.

    Raises:
        InputError: there is no such folder, or no records in it.
        UnknownNameError: no records of that dataset.
    """
    store = _existing(runs)
    pages = [
        _render(store, str(records["dataset"].iloc[0]), str(records["cell"].iloc[0]))[1]
        for records in _protocols(store, dataset)
    ]
    return [*pages, _render_index(store)]


def _compute(
    store: Store,
    planned: plan.Plan,
    missing: Sequence[Cell],
    *,
    jobs: int,
    time_limit: float | None,
    progress: Progress | None,
) -> None:
    job = Job(
        dataset=planned.dataset,
        folds=planned.folds,
        models={model.name: model for model in planned.models},
        inputs=plan.inputs(planned, missing, cache_dir=cache_dir(), jobs=jobs, progress=progress),
        versions=_process.versions(),
        commit=_process.commit(),
    )
    if progress:
        progress.start_cells(total=len(planned.cells), done=len(planned.cells) - len(missing))

    def keep(record: RunRecord, predictions: Predictions | None) -> None:
        store.write(record, predictions)
        if progress:
            progress.finished(record)

    on_running = progress.running if progress else lambda _cells: None
    local.run_cells(job, missing, jobs=jobs, on_record=keep, on_running=on_running, time_limit=time_limit)


def _context(planned: plan.Plan, command: str) -> dict[str, Any]:
    """What a page says beside its figures; kept on disk, so that pages render from the folder alone."""
    data = planned.dataset
    formulas = {} if data.formulas is None else dict(zip(data.ids.tolist(), data.formulas, strict=True))
    return {
        "command": command,
        "dataset_sha256": data.sha256,
        "classes": list(data.classes),
        "source": data.source,
        "licence": data.licence,
        "citation": data.citation,
        "notes": [*data.notes, *(f"{name} did not enter: {why}." for name, why in planned.left_out.items())],
        "formulas": formulas,
    }


def _existing(runs: str | Path) -> Store:
    folder = Path(runs)
    if not folder.is_dir():
        raise InputError(f"no runs at {str(folder)!r}; `automat run` makes them")
    return Store(folder)


def _protocols(store: Store, dataset: str | None) -> list[pd.DataFrame]:
    """The records of every board, newest board first."""
    if dataset is not None and not any(True for _ in store.records(dataset)):
        raise UnknownNameError("dataset in these runs", dataset, {record.cell.dataset for record in store.records()})
    found = automat_leaderboards.protocols(store.table(dataset))
    if not found:
        raise InputError(f"no records at {str(store.root)!r}; `automat run` makes them")
    return found


def _render(store: Store, dataset: str, key: str) -> tuple[Leaderboard, Path]:
    """Build and render the board that holds the given cell."""
    records = next(group for group in _protocols(store, dataset) if key in set(group["cell"]))
    board = automat_leaderboards.build(records)
    newest = records.sort_values("finished_at").iloc[-1]
    context = store.read_context(newest) | {
        "seed": board.seed,
        "versions": newest["versions"],
        "commit": newest["commit"],
        "automat_version": _process.versions().get("automat", ""),
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    predictions = store.predictions(dataset, records["cell"])
    path = store.page(newest)
    store.write_page(path, automat_reports.render_board(board, predictions, context))
    return board, path


def _render_index(store: Store) -> Path:
    entries = []
    for records in automat_leaderboards.protocols(store.table()):
        newest = records.sort_values("finished_at").iloc[-1]
        page = store.page(newest)
        if page.is_file():
            link = page.relative_to(store.root).as_posix()
            entries.append(
                automat_reports.IndexEntry(automat_leaderboards.build(records), link, str(newest["finished_at"]))
            )
    path = store.root / "index.html"
    store.write_page(path, automat_reports.render_index(entries))
    return path
