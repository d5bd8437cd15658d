"""Goes through a folder of runs, file by file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from automat.core import InputError
from automat.store import SET_ASIDE, Store, folder_name, parse_record
from automat.verify.result import Disagreement, Verification
from automat.verify.rows import as_predictions, equal, few, header, rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from automat.core import Cell, Dataset, RunRecord


class Check:
    """Goes through a folder of runs, and keeps what it finds."""

    def __init__(self, root: Path) -> None:
        self.root, self.store = root, Store(root)
        self.files = self.records = self.failed = self.metrics = self.other_metrics = 0
        self.without_digest = self.without_folds = 0
        self.found: list[Disagreement] = []
        self._data: dict[tuple[str, str, str], Dataset | None] = {}
        self._folds: dict[tuple[str, str], pd.DataFrame | None] = {}
        self._cut: set[tuple[str, str]] = set()
        self._targets: dict[tuple[str, str], pd.Series] = {}

    def result(self) -> Verification:
        """What was found."""
        names: dict[bool, set[str]] = {True: set(), False: set()}
        for (name, _, _), data in self._data.items():
            names[data is not None].add(name)
        return Verification(
            records=self.records,
            failed=self.failed,
            metrics=self.metrics,
            other_metrics=self.other_metrics,
            without_digest=self.without_digest,
            without_folds=self.without_folds,
            against_data=tuple(sorted(names[True])),
            not_against_data=tuple(sorted(names[False])),
            disagreements=tuple(self.found),
        )

    def folder(self, folder: Path) -> None:
        """Check one dataset's records and predictions."""
        known = set()
        for path in sorted(folder.glob("records/*")):
            if path.name.startswith("."):  # a file that is being written
                continue
            self.files += 1
            if path.name.endswith(SET_ASIDE):
                self._say(path, "a record that could not be read was set aside")
            elif path.suffix != ".json":
                self._say(path, "no record")
            else:
                known.add(path.stem)
                self._record_file(path)
        for path in sorted(folder.glob("predictions/[!.]*")):
            if path.stem not in known:
                self._say(path, "predictions without a record: it was lost, or its run was stopped while writing")

    def _say(self, path: Path, what: str) -> None:
        self.found.append(Disagreement(path.relative_to(self.root).as_posix(), what))

    def _record_file(self, path: Path) -> None:
        try:
            record = parse_record(path.read_text(encoding="utf-8"))
            key = record.cell.key
        except (OSError, ValueError, TypeError, KeyError) as error:
            self._say(path, f"cannot be read as a record ({type(error).__name__}: {error})")
            return
        self.records += 1
        if key != path.stem:
            self._say(path, f"its cell was changed: the key of what it states is {key}")
        if folder_name(record.cell.dataset) != path.parent.parent.name:
            self._say(path, f"it states the dataset {record.cell.dataset!r}, but lies in another's folder")
        try:
            self._record(path, record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._say(path, f"holds values of another kind than records do ({type(error).__name__}: {error})")

    def _record(self, path: Path, record: RunRecord) -> None:
        folds = self._stored_folds(record)
        if record.status != "ok":
            self.failed += 1
            if any(record.metrics.values()):
                self._say(path, f"its status is {record.status!r}, but it has metrics")
            return
        self.without_folds += not record.cell.split.sha256
        self.other_metrics += sum(len(scores) for part, scores in record.metrics.items() if part != "test")
        predictions = self._predictions(path, record)
        if predictions is None:
            return
        for what in (
            *header(record, predictions),
            *rows(record, predictions, folds),
            *self._against_data(record, predictions),
        ):
            self._say(path, what)
        self._against_others(path, record, predictions)
        self._recompute(path, record, predictions)

    def _predictions(self, path: Path, record: RunRecord) -> pd.DataFrame | None:
        import io

        import pandas as pd
        from automat_leaderboards.records import PREDICTION_COLUMNS

        file = path.parents[1] / "predictions" / f"{path.stem}.parquet"
        if not file.is_file():
            self._say(path, "its predictions are missing")
            return None
        try:
            content = file.read_bytes()
            table = pd.read_parquet(io.BytesIO(content))
        except Exception as error:  # noqa: BLE001 - pyarrow raises what it likes on a damaged file
            self._say(file, f"cannot be read as predictions ({type(error).__name__})")
            return None
        if not record.predictions_sha256:
            self.without_digest += 1
        elif hashlib.sha256(content).hexdigest() != record.predictions_sha256:
            self._say(file, "is not the file that its record was written with (sha256)")
        # Records from before intervals were kept have no columns for them.
        missing = [name for name in PREDICTION_COLUMNS if name not in table and name not in {"lower", "upper"}]
        if missing:
            self._say(file, f"lacks the columns {', '.join(missing)}")
            return None
        return table

    def _recompute(self, path: Path, record: RunRecord, table: pd.DataFrame) -> None:
        from automat_leaderboards.board import METRICS

        from automat.evaluate import measure

        recorded = record.metrics.get("test", {})
        try:
            computed = measure(record.task, as_predictions(table))
        except (ValueError, IndexError, KeyError) as error:
            self._say(path, f"its metrics cannot be recomputed: {error}")
            return
        absent = [name for name in METRICS[record.task] if name not in recorded]
        if absent:
            self._say(path, f"it lacks the test metrics {', '.join(absent)}")
        for name, value in recorded.items():
            self.metrics += 1
            if name not in computed:
                self._say(path, f"its test metric {name!r} cannot be recomputed from its predictions")
            elif not equal(value, computed[name]):
                self._say(path, f"test {name} is {value} in the record, {computed[name]} from its predictions")

    def _stored_folds(self, record: RunRecord) -> pd.DataFrame | None:
        """The folds that the record's split names, checked once; None where they are not kept or not readable."""
        cell = record.cell
        key = (cell.dataset, cell.split.sha256)
        if key not in self._folds:
            self._folds[key] = None
            if cell.split.sha256:
                self._folds[key] = self._read_folds(cell)
        return self._folds[key]

    def _read_folds(self, cell: Cell) -> pd.DataFrame | None:
        from automat import splits

        file = self.store.folds_path(cell.dataset, cell.split)
        try:
            folds = self.store.read_folds(cell.dataset, cell.split)
            parts = {index: dict(list(of_fold.groupby("part")["id"])) for index, of_fold in folds.groupby("fold")}
            twice = folds[folds.duplicated(["fold", "id"])]
        except FileNotFoundError:
            self._say(file, "the folds that records name are missing")
            return None
        except Exception as error:  # noqa: BLE001 - pyarrow raises what it likes on a damaged file
            self._say(file, f"cannot be read as folds ({type(error).__name__})")
            return None
        if splits.folds_sha256(parts[index] for index in sorted(parts)) != cell.split.sha256:
            self._say(file, "holds other folds than the records name (sha256)")
        for index, of_fold in twice.groupby("fold"):
            what = f"fold {index} has {len(of_fold)} rows in two parts (training, validation, test)"
            self._say(file, f"{what}: {few(of_fold['id'].tolist())}")
        return folds

    def _against_data(self, record: RunRecord, table: pd.DataFrame) -> Iterator[str]:
        data = self._loaded(record)
        if data is None:
            return
        self._cut_anew(record.cell, data)
        import pandas as pd

        target = pd.Series(data.target, index=data.ids)
        unknown = [name for name in table["id"] if name not in target.index]
        if unknown:
            yield f"{len(unknown)} rows of its predictions are not in the data ({few(unknown)})"
            return
        true = target.loc[table["id"]].to_numpy()
        wrong = table["id"][true != table["y_true"].to_numpy()].tolist()
        if wrong:
            yield f"the y_true of {len(wrong)} rows of its predictions is not the data's ({few(wrong)})"

    def _loaded(self, record: RunRecord) -> Dataset | None:
        """The dataset, where it can be loaded by its name and has the content that the record states."""
        from automat import datasets, splits

        cell = record.cell
        key = (cell.dataset, cell.dataset_sha256, cell.target)
        if key not in self._data:
            self._data[key] = None
            try:
                data = splits.with_column_aside(datasets.load(cell.dataset), cell.split.kind)
            except InputError:
                return None
            if (data.sha256, data.target_name) == (cell.dataset_sha256, cell.target):
                self._data[key] = data
        return self._data[key]

    def _cut_anew(self, cell: Cell, data: Dataset) -> None:
        """Whether the data, cut as the record names it, gives the folds that it names; looked at once a split."""
        from automat import splits

        key = (cell.dataset_sha256, cell.split.sha256)
        if key in self._cut or not cell.split.sha256:
            return
        self._cut.add(key)
        try:
            splits.make(data, cell.split)
        except InputError as error:
            self._say(self.store.folds_path(cell.dataset, cell.split), f"the data is not cut like this: {error}")

    def _against_others(self, path: Path, record: RunRecord, table: pd.DataFrame) -> None:
        """All predictions for one dataset must state the same target of a row."""
        import pandas as pd

        key = (record.cell.dataset_sha256, record.cell.target)
        own = table.drop_duplicates("id").set_index("id")["y_true"]
        if key not in self._targets:
            self._targets[key] = own
            return
        known = self._targets[key]
        both = own.index.intersection(known.index)
        differs = both[own.loc[both].to_numpy() != known.loc[both].to_numpy()]
        if len(differs):
            self._say(
                path, f"the y_true of {len(differs)} rows is not what other predictions state ({few(list(differs))})"
            )
        new = own.loc[~own.index.isin(known.index)]
        self._targets[key] = pd.concat([known, new])
