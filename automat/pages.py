"""A run's pages: rendered from the records alone, while cells end and when they have."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import automat_leaderboards
from automat_leaderboards.diagnosis import BY_CHANCE

from automat import _process, page_digest
from automat.core import InputError, StorageError, UnknownNameError
from automat.page_data import beside, crystals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import automat_reports
    import pandas as pd
    from automat_leaderboards import Leaderboard

    from automat.core import Model
    from automat.plan import Plan
    from automat.store import Store

RENDER_EVERY_SECONDS = 30.0
"""How often the page is rendered while cells end, at most."""

RENDER_SHARE = 0.02
"""Of the time, at most, that goes into rendering the page while cells end: workers may wait meanwhile."""


class Pages:
    """A run's page: there from the first cells on, and rendered again as cells end.

    Attributes:
        tell_what_is_learned: whether there is a page that says what models lean on.
    """

    tell_what_is_learned = True

    def __init__(self, store: Store, planned: Plan, command: str, *, reload: bool) -> None:
        self.store = store
        self.planned = planned
        self._command = command
        self._reload = reload
        self._render_at = -math.inf

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
            "fold_labels": {str(fold.index): fold.label for fold in self.planned.folds if fold.label},
            "models": kept.get("models", {}) | {model.name: about_model(model) for model in self.planned.models},
        }
        self.store.write_context(first, {**context, "structures": kept.get("structures", {})})

    def _keep_worst(self, board: _Board) -> None:
        """Keep the crystals of the rows that are missed most: the page draws them."""
        data = self.planned.dataset
        if data.structures is None:
            return
        from automat_reports.sections.worst import worst_ids

        kept = self.store.read_context(board.newest)
        worst = worst_ids(board.predictions, data.task)
        self.store.write_context(self.planned.cells[0], {**kept, "structures": crystals(data, worst)})

    def render(self, *, is_over: bool) -> tuple[Leaderboard, Path]:
        """The board and its page, and the index; the page of a run that is on loads itself again.

        Of a run that is over, what would come out as it lies there is left as it is.
        """
        started = time.monotonic()
        records = _records_of(self.store, self.store.board_of(self.planned.cells[0]))
        found = _gather(self.store, records)
        if is_over and not found.is_current():
            self._keep_worst(found)
            found.write(is_over=True)
        elif not is_over:
            found.write(reload_seconds=RENDER_EVERY_SECONDS if self._reload else 0.0, with_entrants=False)
        render_index(self.store, only_if_changed=True)
        ended = time.monotonic()
        self._render_at = ended + max(RENDER_EVERY_SECONDS, (ended - started) / RENDER_SHARE)
        return found.board, found.path

    def render_now_and_then(self) -> None:
        """Render, unless that was done a short while ago."""
        if time.monotonic() > self._render_at:
            self.render(is_over=False)

    def render_what_there_is(self) -> None:
        """Render if there is a record to show, and room for a page: the reason that a run ends early stands first."""
        with suppress(OSError):
            if any(self.store.read(cell) for cell in self.planned.cells):
                self.render(is_over=True)


class NoPages(Pages):
    """Of cells that stand on no board: nothing is said of them, and nothing rendered."""

    tell_what_is_learned = False

    def write_context(self, notes: Sequence[str]) -> None:
        """There is no page to say them."""

    def render_now_and_then(self) -> None:
        """There is nothing to render."""


@contextmanager
def storing(store: Store) -> Iterator[None]:
    """Say what cannot be written, and that the rest is kept."""
    try:
        yield
    except OSError as error:
        done = sum(record.status == "ok" for record in store.records())
        where = error.filename or store.root
        raise StorageError(
            f"cannot write {str(where)!r}: {error.strerror or error}. The {done} finished cells below "
            f"{str(store.root)!r} are kept; once it can be written again, the same command goes on from there."
        ) from error


def protocols(store: Store, dataset: str | None) -> list[pd.DataFrame]:
    """The records of every board, newest board first."""
    if dataset is not None and not any(True for _ in store.records(dataset)):
        raise UnknownNameError("dataset in these runs", dataset, {record.cell.dataset for record in store.records()})
    found = automat_leaderboards.protocols(store.table(dataset))
    if not found:
        raise InputError(f"no records at {str(store.root)!r}; `automat run` makes them")
    return found


def _records_of(store: Store, facts: Mapping[str, Any]) -> pd.DataFrame:
    """The records of the board that these facts name."""
    groups = protocols(store, str(facts["dataset"]))
    return next(group for group in groups if store.page(group.iloc[0]) == store.page(facts))


def about_model(model: Model) -> dict[str, Any]:
    """What an entrant's page says of it, that no record does."""
    return {
        "citation": model.citation,
        "licence": model.licence,
        "takes": model.input,
        "requires": list(model.requires),
    }


@dataclass(frozen=True, eq=False)
class _Board:
    """A board, and all that its page is rendered from.

    Attributes:
        store: whence it is.
        records, predictions: its own.
        newest: the record that was written last.
        board: built from these.
        path: its page.
    """

    store: Store
    records: pd.DataFrame
    predictions: pd.DataFrame
    newest: pd.Series
    board: Leaderboard
    path: Path

    @property
    def entrants(self) -> dict[str, Path]:
        """Entrants to their pages."""
        return {
            f"{row.model}/{row.features}": self.store.model_page(self.newest, row.model, row.features)
            for row in self.board.rows
        }

    def context(self) -> dict[str, Any]:
        """What the page says beside figures, as it is kept now."""
        links = {key: path.relative_to(self.path.parent).as_posix() for key, path in self.entrants.items()}
        return (
            self.store.read_context(self.newest)
            | beside(self.store, self.newest)
            | {
                "versions": self.newest["versions"],
                "commit": self.newest["commit"],
                "automat_version": _process.versions().get("automat", ""),
                "random_board": _random_board(self.store, self.board),
                "model_pages": links,
            }
        )

    def is_current(self) -> bool:
        """Whether its page, and those of its entrants, are as they would be rendered now."""
        digest = self.digest(self.context())
        return all(page_digest.is_current(path, digest) for path in (self.path, *self.entrants.values()))

    def digest(self, context: Mapping[str, Any], lang: str = "en") -> str:
        """Of all that the pages of a run that is over are rendered from, with that context."""
        return page_digest.of_board(self.records, self.predictions, {**context, "lang": lang})

    def write(
        self, *, lang: str = "en", reload_seconds: float = 0.0, with_entrants: bool = True, is_over: bool = False
    ) -> None:
        """Render the page; open, it loads itself again every so many seconds (0: never).

        Args:
            lang: of the pages.
            reload_seconds: see above.
            with_entrants: render the pages of the entrants too, and link them.
            is_over: sign the pages, so that they are left alone while nothing changes.
        """
        import automat_reports

        now = {"generated_at": datetime.now(UTC).isoformat(timespec="seconds"), "reload_seconds": reload_seconds}
        # Read once: what another process writes meanwhile is not on the page, so must not be in its signature.
        kept = self.context()
        digest = self.digest(kept, lang) if is_over else ""
        context = kept | now | ({} if with_entrants else {"model_pages": {}})
        t = automat_reports.Translator(lang)
        text = automat_reports.render_board(self.board, self.predictions, context, t)
        if with_entrants:
            self._write_entrants(context, t, digest)
        # Judging who is tied takes all predictions; the index reads what was said here.
        said = {
            name: automat_leaderboards.verdict(self.board, automat_reports.Translator(name))
            for name in automat_reports.LANGUAGES
        }
        self.store.write_page(_verdict_path(self.path), json.dumps(said, ensure_ascii=False))
        self.store.write_page(self.path, page_digest.signed(text, digest))

    def _write_entrants(self, context: Mapping[str, Any], t: automat_reports.Translator, digest: str) -> None:
        import automat_reports

        found = automat_leaderboards.diagnoses(self.board, self.predictions, **automat_reports.beside(context))
        for row, path, diagnosis in zip(self.board.rows, self.entrants.values(), found, strict=True):
            page = automat_reports.render_model(
                self.board, row, self.predictions, context, t, back=f"../{self.path.name}", diagnosis=diagnosis
            )
            self.store.write_page(path, page_digest.signed(page, digest))

    def text(self, lang: str = "en") -> str:
        """The page without links to others, for a file anywhere."""
        import automat_reports

        context = self.context() | {"model_pages": {}, "generated_at": datetime.now(UTC).isoformat(timespec="seconds")}
        return automat_reports.render_board(self.board, self.predictions, context, automat_reports.Translator(lang))


def _gather(store: Store, records: pd.DataFrame) -> _Board:
    newest = records.sort_values("finished_at").iloc[-1]
    predictions = store.predictions(newest["dataset"], records["cell"])
    board = automat_leaderboards.build(records, predictions)
    return _Board(store, records, predictions, newest, board, store.page(newest))


def lone_page(store: Store, records: pd.DataFrame, *, lang: str = "en") -> str:
    """The page of the board of these records, to be put anywhere: it links no page beside it."""
    return _gather(store, records).text(lang)


def render_records(store: Store, records: pd.DataFrame, *, lang: str = "en") -> Path:
    """Render the page of the board of these records."""
    found = _gather(store, records)
    found.write(lang=lang)
    return found.path


def _random_board(store: Store, board: Leaderboard) -> Leaderboard | None:
    """The board of the random split of the same data: what another split's scores are judged beside."""
    if board.split.split("*")[0].split(":")[0] in BY_CHANCE:
        return None
    same = ("dataset_sha256", "target", "preset", "seed")
    for records in automat_leaderboards.protocols(store.table(board.dataset)):
        first = records.iloc[0]
        if first["split"] == "random" and all(first[name] == getattr(board, name) for name in same):
            return automat_leaderboards.build(records)
    return None


def render_index(store: Store, *, lang: str = "en", only_if_changed: bool = False) -> Path:
    """The page that links the pages: boards, entrants, explored data and lessons, as far as they lie there."""
    path = store.root / "index.html"
    read = ("*/records/*.json", "*/*.verdict.json", "*/*.html", "*/*/*.html")
    digest = page_digest.of_files(store.root, [found for each in read for found in store.root.glob(each)], lang)
    if only_if_changed and page_digest.is_current(path, digest):
        return path
    import automat_reports

    entries = []
    for records in automat_leaderboards.protocols(store.table()):
        newest = records.sort_values("finished_at").iloc[-1]
        page = store.page(newest)
        if page.is_file():
            board = automat_leaderboards.build(records)
            found = {row.title: store.model_page(newest, row.model, row.features) for row in board.rows}
            explored = page.with_name("explore.html")
            entries.append(
                automat_reports.IndexEntry(
                    board,
                    _link(store, page),
                    str(newest["finished_at"]),
                    verdict=_kept_verdict(page, lang),
                    models={title: _link(store, each) for title, each in found.items() if each.is_file()},
                    explored=_link(store, explored) if explored.is_file() else "",
                )
            )
    lessons = {each.stem.removeprefix("index_"): _link(store, each) for each in store.root.glob("lessons/index_*.html")}
    text = automat_reports.render_index(
        entries, automat_reports.Translator(lang), lessons=dict(sorted(lessons.items()))
    )
    store.write_page(path, page_digest.signed(text, digest))
    return path


def _verdict_path(page: Path) -> Path:
    return page.with_suffix(".verdict.json")


def _kept_verdict(page: Path, lang: str) -> str:
    """What the board's page says first; empty where it was rendered by an earlier release."""
    try:
        return str(json.loads(_verdict_path(page).read_text(encoding="utf-8"))[lang])
    except (OSError, ValueError, KeyError):
        return ""


def _link(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()
