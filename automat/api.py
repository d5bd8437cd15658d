"""The same calls for Python as for the shell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import automat_leaderboards

from automat import datasets, ladder, learning, plan, splits, whole_files
from automat import gate as judging
from automat.core import Dataset, InputError, UnknownNameError
from automat.executors import choosing, local
from automat.pages import Pages, lone_page, protocols, render_index, render_records, storing
from automat.running import Limits, cache_dir, compute, compute_part, store_in
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Diagnosis, Leaderboard

    from automat.core import Model
    from automat.executors.crew import Executor
    from automat.judgement import Judgement
    from automat.ladder import LadderResult
    from automat.learning import Learning
    from automat.running import Progress
    from automat.trained import TrainedModel

DEFAULT_OUT = Path("automat-runs")


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run gives.

    Attributes:
        board: the leaderboard: this run's entrants, and earlier ones on the same folds and budget.
        page: its HTML file.
        computed, reused, failed: cells run now, cells found done (before, or by another run meanwhile), cells of
            this run without a result.
        left_out: models that could not enter, each with the reason.
        model: the file of the entrant that was kept, if one was asked for.
        learning: the entrants' learning curves, likewise.
    """

    board: Leaderboard
    page: Path
    computed: int
    reused: int
    failed: int
    left_out: Mapping[str, str]
    model: Path | None = None
    learning: Learning | None = None

    def _repr_html_(self) -> str:
        """For notebooks: the board, what was computed, and the page's place."""
        from automat_reports import render_result

        said = [f"{self.computed} cells computed, {self.reused} found done, {self.failed} failed"]
        said += [f"not entered: {name} ({reason})" for name, reason in self.left_out.items()]
        said += [] if self.model is None else [f"model: {self.model}"]
        return render_result(self.board, said, str(self.page))


def run(
    dataset: str | Path | Dataset,
    *,
    target: str | None = None,
    models: Sequence[str | Model] | None = None,
    features: str | None = None,
    preset: str = "default",
    split: str | None = None,
    folds: int | None = None,
    only_folds: int | None = None,
    trials: int | None = None,
    seed: int = 0,
    time_limit: float | None = None,
    memory_limit: int | None = None,
    jobs: int | None = None,
    executor: str | Executor | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    out: str | Path = DEFAULT_OUT,
    watch: bool = False,
    save_models: bool = False,
    model: str | None = None,
    allow_pickle: bool = False,
    learning_curve: bool = False,
    curve_from: int | None = None,
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
        only_folds: compute the first so many of them, where all would cost too much; all when None.
        trials: overrides the preset's Optuna trials.
        seed: of the split, the search and the models.
        time_limit: seconds a cell may take; a slower one becomes a ``timeout`` record.
        memory_limit: bytes that a cell's worker may hold, with all it starts; one that holds more becomes an
            ``out_of_memory`` record.
        jobs: worker processes; one a core when None. Of a cluster: cells at once, at most.
        executor: ``local`` or ``dask``; ``dask`` where one of the next two is given, else ``local``, when None.
        scheduler: address of a running Dask scheduler, whose workers compute the cells.
        cluster: TOML file that says what to ask a queueing system (SLURM, PBS, ...) for.
        out: folder of records and pages.
        watch: let the page load itself again while the run is on; it is rendered anew as cells end.
        save_models: refit the winner on all rows with its tuned parameters, and keep it as one file.
        model: the entrant to keep instead of the winner.
        allow_pickle: keep it even if it has no form that runs no code on loading.
        learning_curve: run the same entrants on parts of the training rows too, and fit how their errors fall.
        curve_from: training rows of the smallest part; a sixteenth of them when None.
        command: what the page gives as the command that reproduces it.
        progress: told what the run does; a bar where it is None in a notebook.

    Raises:
        InputError: something given cannot be used; nothing has been computed then. Or, at the end, the entrant
            cannot be kept; its results are.
        StorageError: results cannot be written any more; those of finished cells are kept.
        EngineError: cells cannot be computed any more; likewise.
    """
    _check_asked(model, jobs, memory_limit, None if learning_curve else curve_from, is_kept=save_models)
    if split == splits.LADDER:
        raise InputError("split 'ladder' is several splits; call run_ladder, or `automat run --split ladder`")
    from automat.progress import shown

    store = store_in(Path(out))
    planned = plan.make(
        dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target),
        models=models,
        features=features,
        preset=preset,
        split=split,
        folds=folds,
        only_folds=only_folds,
        trials=trials,
        seed=seed,
        cache_dir=cache_dir(store.root),
    )
    if learning_curve:
        learning.parts(min(len(fold.train) for fold in planned.folds), smallest=curve_from)
    pages = Pages(store, planned, command, reload=watch)
    with (
        choosing.opened(executor, scheduler=scheduler, cluster=cluster, jobs=jobs) as place,
        storing(store),
        shown(progress) as told,
    ):
        limits = Limits(place, jobs, time_limit, memory_limit)
        result = _compared(pages, limits, told)
        if learning_curve:
            result = _with_learning_curve(result, pages, limits, told, smallest=curve_from)
    if save_models:
        from automat.refit import save_entrant

        kept = save_entrant(
            store,
            planned,
            result.board,
            name=model,
            cache_dir=cache_dir(store.root),
            jobs=jobs or local.default_jobs(),
            command=command,
            allow_pickle=allow_pickle,
        )
        result = replace(result, model=kept)
    return result


def _compared(pages: Pages, limits: Limits, progress: Progress | None) -> RunResult:
    """Compute the cells that are missing, and rank the entrants; what ends the run leaves a page of what there is."""
    store, planned = pages.store, pages.planned
    missing = [cell for cell in planned.cells if not store.is_done(cell)]
    store.write_folds(planned.dataset, planned.folds)
    try:
        computed = compute(pages, missing, limits, progress)
    except BaseException:
        pages.render_what_there_is()
        raise
    failed = sum(not store.is_done(cell) for cell in missing)
    board, page = pages.render(is_over=True)
    return RunResult(board, page, computed, len(planned.cells) - computed, failed, planned.left_out)


def _with_learning_curve(
    result: RunResult, pages: Pages, limits: Limits, progress: Progress | None, *, smallest: int | None
) -> RunResult:
    """The result with the entrants' learning curves, on its page too."""
    curves = learning.learn(
        result.board,
        pages.planned,
        pages.store,
        lambda store, part: compute_part(store, part, limits, progress),
        smallest=smallest,
    )
    board, page = pages.render(is_over=True)
    return replace(result, board=board, page=page, learning=curves)


def _check_asked(
    model: str | None, jobs: int | None, memory_limit: int | None, curveless_from: int | None, *, is_kept: bool
) -> None:
    """Refuse what makes no sense whatever the dataset."""
    if model is not None and not is_kept:
        raise InputError(f"model {model!r} is to be kept, but save_models is not set")
    if jobs is not None and jobs < 1:
        raise InputError(f"jobs must be at least 1, but got {jobs}")
    if memory_limit is not None and memory_limit < 1:
        raise InputError(f"memory_limit must be at least 1 byte, but got {memory_limit}")
    if curveless_from is not None:
        raise InputError(f"a learning curve is to begin at {curveless_from} rows, but learning_curve is not set")


def load_model(path: str | Path, *, allow_pickle: bool = False) -> TrainedModel:
    """A model that ``run(..., save_models=True)`` kept: ``load_model(path).predict(structures)``.

    Args:
        path: the file.
        allow_pickle: load one that can run any code; only for files of your own.

    Raises:
        InputError: the file cannot be read, or holds a pickle.
    """
    from automat import trained

    return trained.load(path, allow_pickle=allow_pickle)


def run_ladder(
    dataset: str | Path | Dataset,
    *,
    target: str | None = None,
    preset: str = "default",
    folds: int | None = None,
    seed: int = 0,
    out: str | Path = DEFAULT_OUT,
    executor: str | Executor | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    **options: Any,
) -> LadderResult:
    """Compare the same models on splits that ask for more and more, from chance to whole clusters left out.

    The arguments are those of :func:`run`, without ``split``.

    Raises:
        InputError: something given cannot be used.
    """
    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)

    def run_rung(kind: str) -> RunResult:
        return run(data, preset=preset, split=kind, folds=folds, seed=seed, out=out, executor=place, **options)

    store = Store(Path(out))
    kept = cache_dir(store.root)
    with choosing.opened(executor, scheduler=scheduler, cluster=cluster, jobs=options.get("jobs")) as place:
        return ladder.climb(data, run_rung, store=store, preset=preset, folds=folds, seed=seed, cache_dir=kept)


def gate(
    model: str | Path | Model,
    dataset: str | Path | Dataset,
    *,
    runs: str | Path = DEFAULT_OUT,
    executor: str | Executor | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    **options: Any,
) -> Judgement:
    """Does a model beat the baseline on the same folds, and how sure is that?

    What is missing is run: the model, and the baseline where no run below ``runs`` has it. The options are those
    of :func:`automat.gate.judge` (against, metric, margin, confidence) and of :func:`run`.

    Raises:
        InputError: something given cannot be used, or the two cannot be compared; the message says why.
    """
    with choosing.opened(executor, scheduler=scheduler, cluster=cluster, jobs=options.get("jobs")) as place:
        run_there = partial(run, executor=place)
        return judging.judge(model, dataset, run=run_there, runs=runs, cache_dir=cache_dir(Path(runs)), **options)


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
        for records in protocols(store, dataset)
    ]


def diagnoses(
    runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None
) -> list[tuple[Leaderboard, tuple[Diagnosis, ...]]]:
    """What the scores of finished runs say of every entrant: pairs of board and diagnoses, newest first.

    A board of another split than the random one is judged beside the random one of the same data and preset.

    Raises:
        InputError: there is no such folder, or no records in it.
        UnknownNameError: no records of that dataset.
    """
    store = _existing(runs)
    found = []
    for records in protocols(store, dataset):
        predictions = store.predictions(records["dataset"].iloc[0], records["cell"])
        found.append((automat_leaderboards.build(records, predictions), predictions))
    by_chance = {(each.dataset_sha256, each.target, each.preset): each for each, _ in found if each.split == "random"}
    return [
        (
            board,
            automat_leaderboards.diagnoses(
                board, predictions, beside=by_chance.get((board.dataset_sha256, board.target, board.preset))
            ),
        )
        for board, predictions in found
    ]


def report(
    runs: str | Path = DEFAULT_OUT, *, dataset: str | None = None, lang: str = "en", html: str | Path | None = None
) -> list[Path]:
    """Render every page, and the index, from the records alone.

    Args:
        runs: folder of a run.
        dataset: only its pages.
        lang: of the pages, ``en`` or ``ko``.
        html: the newest board's page goes to this file too.

    Returns:
        The boards' pages, newest first, then the index, and last ``html`` where it is given.

    Raises:
        InputError: there is no such folder, no records in it, no such language, or ``html`` cannot be written.
        UnknownNameError: no records of that dataset.
    """
    from automat_reports import LANGUAGES

    if lang not in LANGUAGES:
        raise UnknownNameError("language", lang, LANGUAGES)
    store = _existing(runs)
    boards = protocols(store, dataset)
    pages = [render_records(store, records, lang=lang) for records in boards]
    made = [*pages, render_index(store, lang=lang)]
    if html is not None:
        path = Path(html)
        try:
            whole_files.write(path, lone_page(store, boards[0], lang=lang))
        except OSError as error:
            raise InputError(f"{str(path)!r} cannot be written: {error.strerror}") from error
        made.append(path)
    return made


def _existing(runs: str | Path) -> Store:
    folder = Path(runs)
    if not folder.is_dir():
        raise InputError(f"no runs at {str(folder)!r}; `automat run` makes them")
    return Store(folder)
