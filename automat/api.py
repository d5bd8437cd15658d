"""The same calls for Python as for the shell."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import automat_leaderboards
import automat_reports

from automat import _process, datasets, ladder, plan, trained
from automat import gate as judging
from automat.core import Dataset, InputError, UnknownNameError
from automat.evaluate import Job
from automat.executors import local
from automat.refit import save_entrant
from automat.store import Store, check_writable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Leaderboard

    from automat.core import Cell, Model, Predictions, RunRecord
    from automat.judgement import Judgement
    from automat.ladder import LadderResult
    from automat.trained import TrainedModel

DEFAULT_OUT = Path("automat-runs")

RENDER_EVERY_SECONDS = 30.0
"""How often the page is rendered while cells end: rendering takes about a second."""


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
        model: the file of the entrant that was kept, if one was asked for.
    """

    board: Leaderboard
    page: Path
    computed: int
    reused: int
    failed: int
    left_out: Mapping[str, str]
    model: Path | None = None


def cache_dir(out: Path) -> Path:
    """Where features are kept: ``AUTOMAT_CACHE``, else the user's cache folder, else beside the records.

    Raises:
        InputError: ``AUTOMAT_CACHE`` names a folder that cannot be written to.
    """
    import platformdirs

    chosen = os.environ.get("AUTOMAT_CACHE")
    folder = Path(chosen or platformdirs.user_cache_dir("automat"))
    try:
        check_writable(folder)
    except OSError as error:
        if chosen:
            raise InputError(
                f"cannot write to the cache folder {chosen!r} (AUTOMAT_CACHE): {error.strerror}"
            ) from error
        return out / "cache"
    return folder


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
    save_models: bool = False,
    model: str | None = None,
    allow_pickle: bool = False,
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
        split: as ``automat splits`` lists them; stratified for classes, else random, when None.
        folds: number of folds; when None the preset's, or the split's own.
        trials: overrides the preset's Optuna trials.
        seed: of the split, the search and the models.
        time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.
        jobs: worker processes; one a core when None.
        out: folder of records and pages.
        save_models: refit the winner on all rows with its tuned parameters, and keep it as one file.
        model: the entrant to keep instead of the winner.
        allow_pickle: keep it even if it has no form that runs no code on loading.
        command: what the page gives as the command that reproduces it.
        progress: told what the run does.

    Raises:
        InputError: something given cannot be used; nothing has been computed then. Or, at the end, the entrant
            cannot be kept; its results are.
    """
    if model is not None and not save_models:
        raise InputError(f"model {model!r} is to be kept, but save_models is not set")
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs must be at least 1, but got {jobs}")
    if split == ladder.LADDER:
        raise InputError("split 'ladder' is several splits; call run_ladder, or `automat run --split ladder`")
    store = Store(Path(out))
    try:
        check_writable(store.root)
    except OSError as error:
        raise InputError(f"cannot write to the output folder {str(store.root)!r}: {error.strerror}") from error
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
        cache_dir=cache_dir(store.root),
    )
    store.write_folds(planned.dataset, planned.folds)
    missing = [cell for cell in planned.cells if not store.is_done(cell)]
    pages = _Pages(store, planned, command)
    try:
        _compute(pages, missing, jobs=jobs or local.default_jobs(), time_limit=time_limit, progress=progress)
    except BaseException:
        pages.render_what_there_is()
        raise
    failed = sum(not store.is_done(cell) for cell in planned.cells)
    board, page = pages.render()
    kept = None
    if save_models:
        kept = save_entrant(
            store,
            planned,
            board,
            name=model,
            cache_dir=cache_dir(store.root),
            jobs=jobs or local.default_jobs(),
            command=command,
            allow_pickle=allow_pickle,
        )
    return RunResult(board, page, len(missing), len(planned.cells) - len(missing), failed, planned.left_out, kept)


def load_model(path: str | Path, *, allow_pickle: bool = False) -> TrainedModel:
    """A model that ``run(..., save_models=True)`` kept: ``load_model(path).predict(structures)``.

    Args:
        path: the file.
        allow_pickle: load one that can run any code; only for files of your own.

    Raises:
        InputError: the file cannot be read, or holds a pickle.
    """
    return trained.load(path, allow_pickle=allow_pickle)


def run_ladder(
    dataset: str | Path | Dataset,
    *,
    target: str | None = None,
    preset: str = "default",
    folds: int | None = None,
    seed: int = 0,
    out: str | Path = DEFAULT_OUT,
    **options: Any,
) -> LadderResult:
    """Compare the same models on splits that ask for more and more, from chance to whole clusters left out.

    The arguments are those of :func:`run`, without ``split``.

    Raises:
        InputError: something given cannot be used.
    """
    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)

    def run_rung(kind: str) -> RunResult:
        return run(data, preset=preset, split=kind, folds=folds, seed=seed, out=out, **options)

    store = Store(Path(out))
    kept = cache_dir(store.root)
    return ladder.climb(data, run_rung, store=store, preset=preset, folds=folds, seed=seed, cache_dir=kept)


def gate(
    model: str | Path | Model, dataset: str | Path | Dataset, *, runs: str | Path = DEFAULT_OUT, **options: Any
) -> Judgement:
    """Does a model beat the baseline on the same folds, and how sure is that?

    What is missing is run: the model, and the baseline where no run below ``runs`` has it. The options are those
    of :func:`automat.gate.judge` (against, metric, margin, confidence) and of :func:`run`.

    Raises:
        InputError: something given cannot be used, or the two cannot be compared; the message says why.
    """
    return judging.judge(model, dataset, run=run, runs=runs, cache_dir=cache_dir(Path(runs)), **options)


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
    return [
        automat_leaderboards.build(records, store.predictions(records["dataset"].iloc[0], records["cell"]))
        for records in _protocols(store, dataset)
    ]


def report(runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None) -> list[Path]:
    """Render every page, and the index, from the records alone.

    Returns:
        The boards' pages, newest first, and last the index.

    Raises:
        InputError: there is no such folder, or no records in it.
        UnknownNameError: no records of that dataset.
    """
    store = _existing(runs)
    pages = [_render_records(store, records)[1] for records in _protocols(store, dataset)]
    return [*pages, _render_index(store)]


class _Pages:
    """A run's page: there from the first cells on, and rendered again as cells end."""

    def __init__(self, store: Store, planned: plan.Plan, command: str) -> None:
        self.store = store
        self.planned = planned
        self._command = command
        self._rendered_at = -math.inf

    def write_context(self, notes: Sequence[str]) -> None:
        """Keep what the page says beside its figures, so that pages render from the folder alone."""
        data, first = self.planned.dataset, self.planned.cells[0]
        kept = self.store.read_context(self.store.board_of(first))
        formulas = {} if data.formulas is None else dict(zip(data.ids.tolist(), data.formulas, strict=True))
        # Features are not looked at when every cell is done already; what was said of them then still holds.
        feature_notes = list(dict.fromkeys([*kept.get("feature_notes", []), *notes]))
        left_out = [f"{name} did not enter: {why}." for name, why in self.planned.left_out.items()]
        context = {
            "command": self._command,
            "classes": list(data.classes),
            "source": data.source,
            "licence": data.licence,
            "citation": data.citation,
            "notes": [*data.notes, *feature_notes, *left_out],
            "feature_notes": feature_notes,
            "formulas": formulas,
        }
        self.store.write_context(first, context)

    def render(self) -> tuple[Leaderboard, Path]:
        """The board and its page, and the index."""
        board, page = _render(self.store, self.store.board_of(self.planned.cells[0]))
        _render_index(self.store)
        self._rendered_at = time.monotonic()
        return board, page

    def render_now_and_then(self) -> None:
        """Render, unless that was done a short while ago."""
        if time.monotonic() - self._rendered_at > RENDER_EVERY_SECONDS:
            self.render()

    def render_what_there_is(self) -> None:
        """Render if there is a record to show."""
        if any(self.store.read(cell) for cell in self.planned.cells):
            self.render()


def _compute(
    pages: _Pages, missing: Sequence[Cell], *, jobs: int, time_limit: float | None, progress: Progress | None
) -> None:
    store, planned = pages.store, pages.planned
    cache = cache_dir(store.root)
    inputs = plan.inputs(planned, missing, cache_dir=cache, jobs=jobs, progress=progress)
    pages.write_context([note for each in inputs.values() for note in each.notes])
    job = Job(
        dataset=planned.dataset,
        folds=planned.folds,
        models={model.name: model for model in planned.models},
        inputs=inputs,
        versions=_process.versions(),
        commit=_process.commit(),
    )
    if progress:
        progress.start_cells(total=len(planned.cells), done=len(planned.cells) - len(missing))

    def keep(record: RunRecord, predictions: Predictions | None) -> None:
        store.write(record, predictions)
        if progress:
            progress.finished(record)
        pages.render_now_and_then()

    on_running = progress.running if progress else lambda _cells: None
    local.run_cells(job, missing, jobs=jobs, on_record=keep, on_running=on_running, time_limit=time_limit)


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


def _render(store: Store, facts: Mapping[str, Any]) -> tuple[Leaderboard, Path]:
    """Build and render the board that these facts name."""
    groups = _protocols(store, str(facts["dataset"]))
    return _render_records(store, next(group for group in groups if store.page(group.iloc[0]) == store.page(facts)))


def _render_records(store: Store, records: pd.DataFrame) -> tuple[Leaderboard, Path]:
    newest = records.sort_values("finished_at").iloc[-1]
    predictions = store.predictions(newest["dataset"], records["cell"])
    board = automat_leaderboards.build(records, predictions)
    context = store.read_context(newest) | {
        "versions": newest["versions"],
        "commit": newest["commit"],
        "automat_version": _process.versions().get("automat", ""),
        "generated_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
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
