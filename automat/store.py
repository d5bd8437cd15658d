"""Records and predictions on disk: one file a cell, written whole or not at all.

Layout, under the folder that ``--out`` names::

    <dataset>/records/<cell key>.json          a RunRecord
    <dataset>/predictions/<cell key>.parquet   its test predictions
    <dataset>/claims/<cell key>                which process computes it now
    <dataset>/partial/<cell key>.journal       the trials of its search so far, until it is finished
    <dataset>/partial/<cell key>.<...>.pt      the training of its network so far, likewise; what was given up is swept
    <dataset>/folds/<split>-<digest>.parquet   which ids every fold trains, validates and tests on
    <dataset>/<board>.json, <board>.html       what a board's page says of its data, and the page
    <dataset>/<board>/<model>-<features>.html  the pages of its entrants
    <dataset>/<board>.audit.json               what `automat audit` found of a board's folds and entrants
    index.html                                 links the pages
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import partial_work, whole_files
from automat.core import Cell, RunRecord, Split
from automat.store_tables import folds_table, to_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from automat.core import Dataset, Fold, Predictions

SET_ASIDE = ".unreadable"
"""What the name of a record ends with that could not be read."""

_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80


def folder_name(dataset: str) -> str:
    """A name as a folder: letters of any script, digits, ``._-``, never a way out of its parent.

    A name that had to be changed ends in a digest of it, so that two names never share a folder.

    >>> folder_name("mp_formation"), folder_name("../<My data>")
    ('mp_formation', 'My-data-8ffd7f')
    """
    safe = _UNSAFE.sub("-", dataset).strip(".-")[:_LONGEST_NAME]
    return safe if safe and safe == dataset else f"{safe}-{digest(dataset)}".strip("-")


def check_writable(folder: Path) -> None:
    """Make a folder and try a file in it.

    Raises:
        OSError: it cannot be made or written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder):
        pass


def digest(text: str) -> str:
    """Six hex digits that tell names apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:6]


class Store:
    """The records below one folder.

    Args:
        root: the folder; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, dataset: str) -> Path:
        """Where a dataset's results lie."""
        return self.root / folder_name(dataset)

    def is_done(self, cell: Cell) -> bool:
        """Whether the cell finished well and its predictions are as they were written; else it is tried again.

        Predictions that are garbled are set aside.
        """
        record = self.read(cell)
        if record is None or record.status != "ok":
            return False
        if not record.predictions_sha256:  # earlier releases kept none
            return True
        path = self._predictions_path(cell.dataset, cell.key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return False
        if hashlib.sha256(content).hexdigest() == record.predictions_sha256:
            return True
        _set_aside(path)
        return False

    def read(self, cell: Cell) -> RunRecord | None:
        """The cell's record, if there is a readable one."""
        return _read_record(self._record_path(cell.dataset, cell.key))

    @staticmethod
    def is_recorded(folder: Path, key: str) -> bool:
        """Whether a record in a dataset's folder says that the cell of that key finished well."""
        record = _read_record(folder / "records" / f"{key}.json")
        return record is not None and record.status == "ok"

    def write(self, record: RunRecord, predictions: Predictions | None) -> None:
        """Keep a cell's result. The record comes last: where there is one, its predictions are whole."""
        cell = record.cell
        if predictions is not None:
            path = self._predictions_path(cell.dataset, cell.key)
            content = to_parquet(record, predictions)
            _write_whole(path, content)
            record = replace(record, predictions_sha256=hashlib.sha256(content).hexdigest())
        text = json.dumps(_jsonable(asdict(record)), indent=1, allow_nan=False)
        _write_whole(self._record_path(cell.dataset, cell.key), text.encode())
        if record.status == "ok":  # else the next try goes on from there
            partial_work.forget(self.partial_folder(cell.dataset), cell.key)

    def stamp(self, cell: Cell) -> int:
        """Changes whenever the cell's record is written; 0 where there is none."""
        try:
            found = self._record_path(cell.dataset, cell.key).stat()
        except OSError:
            return 0
        return hash((found.st_ino, found.st_mtime_ns))

    def claim_path(self, cell: Cell) -> Path:
        """Where a process says that it computes the cell."""
        return self.folder(cell.dataset) / "claims" / cell.key

    def partial_folder(self, dataset: str) -> Path:
        """Where work on cells is kept that are not finished, under their keys."""
        return self.folder(dataset) / "partial"

    def write_folds(self, dataset: Dataset, folds: Sequence[Fold]) -> None:
        """Keep which ids are in which part of which fold; what lies there and does not say the same is set aside."""
        import io

        path = self.folds_path(dataset.name, folds[0].split)
        frame = folds_table(dataset, folds)
        if path.is_file():
            found = _read_table(path)
            if found is not None and found.astype(str).equals(frame.astype(str)):
                return
            if found is not None:
                _set_aside(path)
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        _write_whole(path, buffer.getvalue())

    def read_folds(self, dataset_name: str, split: Split) -> pd.DataFrame:
        """The folds of a split as it was made: columns id, fold, part (train, validation or test) and label.

        Raises:
            FileNotFoundError: they were not kept.
            ValueError, OSError: what lies there is no table.
        """
        import pandas as pd

        return pd.read_parquet(self.folds_path(dataset_name, split))

    def write_page(self, path: Path, text: str) -> None:
        """Write a page whole."""
        _write_whole(path, text.encode())

    def write_beside(self, dataset: str, name: str, content: Mapping[str, Any]) -> Path:
        """Keep plain values as a JSON file of that name, beside the dataset's boards."""
        path = self.folder(dataset) / name
        _write_whole(path, json.dumps(_jsonable(content), indent=1, allow_nan=False).encode())
        return path

    def page(self, row: Mapping[str, Any]) -> Path:
        """Where the page of the board that a record's row belongs to lies."""
        facts = "|".join(str(row[name]) for name in (
            "dataset_sha256", "target", "preset", "split_seed", "seed", "folds_sha256",
        ))  # fmt: skip
        name = f"{row['preset'].replace(', ', '-').replace(' ', '')}-{row['split']}{row['folds']}"
        return self.folder(row["dataset"]) / f"{folder_name(f'{name}-{digest(facts)}')}.html"

    def model_page(self, row: Mapping[str, Any], model: str, features: str) -> Path:
        """Where the page of an entrant of that board lies: in a folder beside it."""
        return self.page(row).with_suffix("") / f"{folder_name(f'{model}-{features}')}.html"

    @staticmethod
    def board_of(cell: Cell) -> dict[str, Any]:
        """The columns that say which board a cell belongs to."""
        return _board_columns(cell)

    def write_context(self, cell: Cell, context: Mapping[str, Any]) -> None:
        """Keep what the page of the cell's board says beside its figures."""
        text = json.dumps(_jsonable(context), indent=1, allow_nan=False)
        _write_whole(self.page(_board_columns(cell)).with_suffix(".json"), text.encode())

    def read_context(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What was kept for the board of a record's row; empty where it is lost."""
        try:
            found: dict[str, Any] = json.loads(self.page(row).with_suffix(".json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found

    def records(self, dataset: str | None = None) -> Iterator[RunRecord]:
        """Every readable record, of one dataset or of all; unreadable files are set aside."""
        folder = "*" if dataset is None else folder_name(dataset)
        for path in sorted(self.root.glob(f"{folder}/records/*.json")):
            record = _read_record(path)
            if record is not None:
                yield record

    def table(self, dataset: str | None = None) -> pd.DataFrame:
        """The records as automat_leaderboards reads them: one row a cell."""
        import pandas as pd
        from automat_leaderboards.records import RECORD_COLUMNS

        return pd.DataFrame([as_row(record) for record in self.records(dataset)], columns=list(RECORD_COLUMNS))

    def predictions(self, dataset: str, keys: Iterable[str]) -> pd.DataFrame:
        """Test predictions of the given cells, in one table; files that are no tables are set aside."""
        import pandas as pd
        from automat_leaderboards.records import PREDICTION_COLUMNS

        paths = [self._predictions_path(dataset, key) for key in keys]
        tables = [table for path in paths if path.is_file() and (table := _read_table(path)) is not None]
        if not tables:
            return pd.DataFrame(columns=list(PREDICTION_COLUMNS))
        found = pd.concat(tables, ignore_index=True)
        # Earlier releases wrote fewer columns.
        return found.assign(**{name: np.nan for name in PREDICTION_COLUMNS if name not in found})

    def folds_path(self, dataset: str, split: Split) -> Path:
        """Where the folds of a split as it was made lie."""
        name = folder_name(f"{_UNSAFE.sub('-', split.kind)}{split.folds}-{split.sha256[:8]}")
        return self.folder(dataset) / "folds" / f"{name}.parquet"

    def _predictions_path(self, dataset: str, key: str) -> Path:
        return self.folder(dataset) / "predictions" / f"{key}.parquet"

    def _record_path(self, dataset: str, key: str) -> Path:
        return self.folder(dataset) / "records" / f"{key}.json"


def as_row(record: RunRecord) -> dict[str, Any]:
    """A record as one flat row."""
    cell = record.cell
    row: dict[str, Any] = _board_columns(cell) | {
        "cell": cell.key,
        "fold": cell.fold,
        "model_version": cell.model_version,
        "features_version": cell.features_version,
        "model": cell.model,
        "features": cell.features,
        "budget": json.dumps(dict(cell.budget), sort_keys=True),
        "params": json.dumps(_jsonable(record.params), sort_keys=True),
        "versions": json.dumps(_jsonable(record.versions), sort_keys=True),
        "details": json.dumps(_jsonable(record.details)),
    }
    for name in (
        "task", "unit", "title", "status", "error", "n_train", "n_test", "featurize_seconds", "tune_seconds",
        "fit_seconds", "predict_seconds", "peak_memory_mb", "commit", "host", "finished_at",
    ):  # fmt: skip
        row[name] = getattr(record, name)
    for part, scores in record.metrics.items():
        row |= {f"{part}_{metric}": math.nan if value is None else value for metric, value in scores.items()}
    return row


def _board_columns(cell: Cell) -> dict[str, Any]:
    return {
        "dataset": cell.dataset,
        "dataset_sha256": cell.dataset_sha256,
        "target": cell.target,
        "seed": cell.seed,
        "preset": cell.preset,
        "split": cell.split.kind,
        "folds": cell.split.folds,
        "split_seed": cell.split.seed,
        "folds_sha256": cell.split.sha256,
    }


def parse_record(text: str) -> RunRecord:
    """The record that a file holds.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    content = json.loads(text)
    content["cell"]["split"] = Split(**content["cell"]["split"])
    return RunRecord(**content | {"cell": Cell(**content["cell"])})


def _read_record(path: Path) -> RunRecord | None:
    """The record, or None where there is none; a garbled one is set aside, so its cell runs again."""
    try:
        record = parse_record(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        record = None
    if record is None or record.cell.key != path.stem:
        _set_aside(path)
        return None
    return record


def _read_table(path: Path) -> pd.DataFrame | None:
    """The table that a file holds; None where it holds none, and it is set aside."""
    # pandas' own reader looks for whole folders of files first, which takes longer than reading a small one.
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            table: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
            return table
    except (ValueError, OSError):  # pyarrow's errors are of both kinds
        _set_aside(path)
        return None


def _set_aside(path: Path) -> None:
    """Keep a file that cannot be used out of the way, under a name that says so."""
    with suppress(FileNotFoundError):  # another run did so
        path.replace(path.with_suffix(path.suffix + SET_ASIDE))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write(path, content)


def _jsonable(value: Any) -> Any:
    """Plain JSON values; numbers that JSON does not know (NaN, infinity) become null."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return _jsonable(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
