"""Computed rows on disk, by content: adding ten rows to a dataset computes ten rows.

A featurizer's rows lie in one folder as append-only shards. A shard is written under another name first
and then renamed, so readers see whole shards only and processes need no lock; two that compute the same
row both keep it.
"""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from automat_featurizers.base import Featurizer

_LOG = logging.getLogger(__name__)

_SET_ASIDE = ".unreadable"


@dataclass(frozen=True, eq=False)
class Rows:
    """Computed rows of one featurizer.

    Attributes:
        values: columns, shape (n, columns).
        seconds: CPU seconds that each row took, shape (n,).
        reasons: why a row is NaN, empty where it is not, shape (n,).
    """

    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    reasons: NDArray[np.str_]


class RowCache:
    """Rows of one featurizer by the hash of their input.

    Args:
        folder: of all caches; None keeps nothing.
        featurizer: whose rows; a new version has a folder of its own.
    """

    def __init__(self, folder: Path | None, featurizer: Featurizer) -> None:
        self._columns = len(featurizer.get_feature_names_out())
        self._folder = None if folder is None else folder / f"{featurizer.name}-{featurizer.version}"
        self._found: dict[str, tuple[NDArray[np.float64], float, str]] = {}
        if self._folder is not None and self._folder.is_dir():
            for path in sorted(self._folder.glob("*.npz")):
                self._read(path)

    def __contains__(self, row_hash: str) -> bool:
        return row_hash in self._found

    def add(self, hashes: Sequence[str], rows: Rows) -> None:
        """Keep rows, in memory and, where there is a folder, on disk."""
        self._remember(hashes, rows)
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".shard-")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(
                    file,
                    hashes=np.array(hashes),
                    values=rows.values,
                    seconds=rows.seconds,
                    reasons=rows.reasons,
                )
            temporary.replace(self._folder / f"{temporary.name.removeprefix('.')}.npz")
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def take(self, hashes: Sequence[str]) -> Rows:
        """Rows in the order of ``hashes``, all of which must be in the cache."""
        found = [self._found[row_hash] for row_hash in hashes]
        values = np.array([values for values, _, _ in found]).reshape(len(found), self._columns)
        seconds = np.array([seconds for _, seconds, _ in found])
        return Rows(values, seconds, np.array([reason for _, _, reason in found], dtype=np.str_))

    def _remember(self, hashes: Sequence[str], rows: Rows) -> None:
        for row, row_hash in enumerate(hashes):
            self._found[str(row_hash)] = (rows.values[row], float(rows.seconds[row]), str(rows.reasons[row]))

    def _read(self, path: Path) -> None:
        """Take a shard in; one that is garbled is set aside, so its rows are computed again."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as shard:
                rows = Rows(shard["values"], shard["seconds"], shard["reasons"])
                hashes = shard["hashes"]
            if rows.values.shape != (len(hashes), self._columns):
                raise ValueError(f"a shard of the shape {rows.values.shape}")  # noqa: TRY301 - set aside below
        except FileNotFoundError:
            return  # another process has just set it aside
        except Exception as error:  # noqa: BLE001 - garbled bytes fail in zip, zlib, numpy or here, each its own way
            aside = path.with_suffix(path.suffix + _SET_ASIDE)
            _LOG.warning("set aside as %s, its rows are computed again: %s", aside, error)
            with suppress(FileNotFoundError):
                path.replace(aside)
            return
        self._remember(hashes.tolist(), rows)
