"""What the cells of a run share, as files that are named after their content.

What is large (the columns of the data, the features) has a file each, so what two runs share is the same file, and
goes to another machine once.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cloudpickle

from automat.core import Dataset
from automat.evaluate import Inputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from automat.evaluate import Job

_BULKY = {
    Dataset: ("ids", "target", "compositions", "structures", "table", "extra"),
    Inputs: ("values",),
}


@dataclass(frozen=True)
class Parcel:
    """A job in a folder.

    Attributes:
        job: the name of the file to begin with.
        names: of all files, that one included.
    """

    job: str
    names: tuple[str, ...]


class DamagedParcelError(RuntimeError):
    """A file does not hold what its name says."""


def write(job: Job, folder: Path) -> Parcel:
    """Write a job into a folder of this run alone."""
    parts: dict[int, str] = {}
    for bulky in _bulky(job):
        if id(bulky) not in parts:
            parts[id(bulky)] = _write(bulky, folder, {})
    name = _write(job, folder, parts)
    return Parcel(name, (*dict.fromkeys(parts.values()), name))


def read(folder: Path, name: str) -> Any:
    """What a file of a folder holds, with all that it refers to.

    Raises:
        DamagedParcelError: a file's content is not what its name says; nothing of it was unpickled.
        FileNotFoundError: it is not there.
    """
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != name:
        raise DamagedParcelError(f"{folder / name} does not hold what its name says")
    return _Unpickler(content, folder).load()


def _bulky(job: Job) -> Iterator[Any]:
    for owner in (job.dataset, *job.inputs.values()):
        for name in _BULKY[type(owner)]:
            value = getattr(owner, name)
            if value is not None:
                yield value


def _write(value: Any, folder: Path, parts: Mapping[int, str]) -> str:
    """Write a value under the digest of its pickle."""
    temporary = folder / f".{secrets.token_hex(8)}"
    with temporary.open("xb") as file:
        hashing = _Hashing(file)
        _Pickler(hashing, parts).dump(value)
    name = hashing.digest.hexdigest()
    temporary.replace(folder / name)
    return name


class _Hashing:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self.digest = hashlib.sha256()
        self._file = file

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self.digest.update(data)
        return self._file.write(data)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc] # the package carries no types
    """Writes the digests of parts in their place."""

    def __init__(self, file: _Hashing, parts: Mapping[int, str]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._parts = parts

    def persistent_id(self, value: Any) -> str | None:
        """The file that the value has of its own."""
        return self._parts.get(id(value))


class _Unpickler(pickle.Unpickler):
    """Reads parts from their files, each once."""

    def __init__(self, content: bytes, folder: Path) -> None:
        super().__init__(io.BytesIO(content))
        self._folder = folder
        self._known: dict[str, Any] = {}

    def persistent_load(self, name: str) -> Any:
        """What a part holds."""
        if name not in self._known:
            self._known[name] = read(self._folder, name)
        return self._known[name]
