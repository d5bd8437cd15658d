"""Computed rows on disk, by content: adding ten rows to a dataset computes ten rows.

A featurizer's rows lie in one folder as append-only shards. A shard is written under another name first
and then renamed, so readers see whole shards only and processes need no lock; two that compute the same
row both keep it. Many small shards become one when they are next read.

A shard is a zip archive of npy files, columns one after the other (which packs them four times smaller), and
is believed only if its checksums agree.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.workers import DIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from automat_featurizers.base import Featurizer

_LOG = logging.getLogger(__name__)

_SET_ASIDE = ".unreadable"

_MANY_SHARDS = 64
"""More small shards are merged: a folder of thousands of files is slow to open."""

_SMALL_SHARD = 16 * 2**20
"""Bytes; larger shards are left alone, so that a row is rewritten a few times at most."""

_MOST_PENDING = 64 * 2**20
"""Bytes of rows that wait to be written."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Computed rows of one featurizer.

    Attributes:
        values: columns, shape (n, columns).
        seconds: CPU seconds that each row took, shape (n,).
        reasons: row to why columns of it are NaN.
    """

    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    reasons: Mapping[int, str] = field(default_factory=dict)

    def take(self, rows: NDArray[np.intp]) -> Rows:
        """The given rows, in the given order."""
        reasons = {place: self.reasons[row] for place, row in enumerate(rows.tolist()) if row in self.reasons}
        return Rows(self.values[rows], self.seconds[rows], reasons)


class RowCache:
    """Rows of one featurizer by the digest of their input (see ``digests``).

    Args:
        folder: of all caches; None keeps nothing.
        featurizer: whose rows; a new version, or other columns, have a folder of their own.
    """

    def __init__(self, folder: Path | None, featurizer: Featurizer) -> None:
        names = featurizer.get_feature_names_out()
        self._columns = len(names)
        labels = hashlib.sha256("\n".join(map(str, names)).encode()).hexdigest()[:8]
        plain = re.sub(r"[^\w.-]", "_", featurizer.name)
        self.folder = None if folder is None else folder / f"{plain}-{featurizer.version}-{labels}"
        self._pending: list[tuple[NDArray[np.bytes_], Rows]] = []

    def find(self, wanted: NDArray[np.bytes_]) -> tuple[NDArray[np.intp], Rows]:
        """What is there of the wanted digests (no two alike, sorted): their positions, and their rows."""
        places: list[NDArray[np.intp]] = []
        parts: list[Rows] = []
        found = np.zeros(len(wanted), dtype=bool)
        seen: set[Path] = set()
        # Another process may merge shards while they are read; theirs is then in the folder already.
        while new := [path for path in self._shards() if path not in seen] if not found.all() else []:
            seen.update(new)
            for path in new:
                shard = self._read(path, wanted[~found])
                if shard is None:
                    continue
                place = np.searchsorted(wanted, shard[0])
                found[place] = True
                places.append(place)
                parts.append(shard[1])
        return np.concatenate([np.zeros(0, np.intp), *places]), joined(parts, self._columns)

    def add(self, digests: NDArray[np.bytes_], rows: Rows) -> None:
        """Keep rows; ``flush`` writes them.

        A row that a worker died of is not kept: there may be more memory next time.
        """
        if self.folder is None:
            return
        died = {row for row, reason in rows.reasons.items() if DIED in reason}
        if died:
            rest = np.array([row for row in range(len(digests)) if row not in died], np.intp)
            digests, rows = digests[rest], rows.take(rest)
        if len(digests):
            self._pending.append((digests, rows))
        if sum(waiting.values.nbytes for _, waiting in self._pending) > _MOST_PENDING:
            self.flush()

    def flush(self) -> None:
        """Write what was added, as one shard.

        Raises:
            OSError: it cannot be written.
        """
        if self.folder is None or not self._pending:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        digests = np.concatenate([digests for digests, _ in self._pending])
        _write(self.folder, digests, joined([rows for _, rows in self._pending], self._columns))
        self._pending.clear()

    def _shards(self) -> list[Path]:
        """Whole shards, the many small ones merged."""
        if self.folder is None or not self.folder.is_dir():
            return []
        sizes: dict[Path, int] = {}
        for path in sorted(self.folder.glob("*.npz")):
            with suppress(FileNotFoundError):
                sizes[path] = path.stat().st_size
        small = [path for path, size in sizes.items() if size < _SMALL_SHARD]
        if len(small) <= _MANY_SHARDS:
            return list(sizes)
        merged = self._merge(self.folder, small)
        # What another process has merged meanwhile is in its new shard.
        return sorted(self.folder.glob("*.npz")) if merged else list(sizes)

    def _merge(self, folder: Path, shards: Sequence[Path]) -> bool:
        """Replace shards by one, in which every row is once; False where nothing can be written."""
        read = {path: shard for path in shards if (shard := self._read(path)) is not None}
        if not read:
            return True
        digests, first = np.unique(np.concatenate([keys for keys, _ in read.values()]), return_index=True)
        try:
            _write(folder, digests, joined([rows for _, rows in read.values()], self._columns).take(first))
            for path in read:
                path.unlink(missing_ok=True)
        except OSError as error:
            _LOG.debug("%s: shards cannot be merged: %s", folder, error)
            return False
        return True

    def _read(self, path: Path, wanted: NDArray[np.bytes_] | None = None) -> tuple[NDArray[np.bytes_], Rows] | None:
        """The wanted rows of a shard (all of them by default).

        None where there are none. A shard that is garbled is set aside, so its rows are computed again.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                digests = _array(archive, "digests")
                rows = np.arange(len(digests)) if wanted is None else np.flatnonzero(np.isin(digests, wanted))
                if not len(rows):
                    return None
                values, seconds = _array(archive, "values"), _array(archive, "seconds")
                reasons = dict(zip(_array(archive, "failed").tolist(), _array(archive, "why").tolist(), strict=True))
            if values.shape != (len(digests), self._columns) or seconds.shape != digests.shape:
                raise ValueError(f"a shard of the shape {values.shape}")  # noqa: TRY301 - set aside below
        except FileNotFoundError:
            return None  # another process has just merged it, or set it aside
        except Exception as error:  # noqa: BLE001 - garbled bytes fail in zip, zlib, numpy or here, each its own way
            aside = path.with_suffix(path.suffix + _SET_ASIDE)
            _LOG.warning("set aside as %s, its rows are computed again: %s", aside, error)
            with suppress(FileNotFoundError):
                path.replace(aside)
            return None
        return digests[rows], Rows(values, seconds, reasons).take(rows)


def digests(row_hashes: Sequence[str]) -> NDArray[np.bytes_]:
    """Hex digests as one array, shape (n,)."""
    return np.array(row_hashes, dtype="S32")


def joined(parts: Sequence[Rows], columns: int) -> Rows:
    """Rows one after the other."""
    reasons: dict[int, str] = {}
    start = 0
    for part in parts:
        reasons |= {start + row: reason for row, reason in part.reasons.items()}
        start += len(part.seconds)
    values = np.concatenate([np.empty((0, columns)), *(part.values for part in parts)])
    return Rows(values, np.concatenate([np.empty(0), *(part.seconds for part in parts)]), reasons)


def _write(folder: Path, digests: NDArray[np.bytes_], rows: Rows) -> None:
    arrays = {
        "digests": digests,
        "values": np.asfortranarray(rows.values),
        "seconds": rows.seconds,
        "failed": np.array(list(rows.reasons), np.int64),
        "why": np.array(list(rows.reasons.values()), np.str_),
    }
    handle, name = tempfile.mkstemp(dir=folder, prefix=".shard-")
    temporary = Path(name)
    try:
        with (
            os.fdopen(handle, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            for member, array in arrays.items():
                with archive.open(f"{member}.npy", "w", force_zip64=True) as stream:
                    np.save(stream, array, allow_pickle=False)
        temporary.replace(folder / f"{temporary.name.removeprefix('.')}.npz")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _array(archive: zipfile.ZipFile, member: str) -> Any:
    """An array of which every byte was checked: numpy alone would stop where a wrong header says so."""
    return np.load(io.BytesIO(archive.read(f"{member}.npy")), allow_pickle=False)
