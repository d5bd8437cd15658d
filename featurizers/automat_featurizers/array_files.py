"""Arrays in a folder: saved once, then opened in no time and read from the disk as they are needed.

A folder holds one ``.npy`` file an array, and an index in JSON, which names them and is written last; so a
folder is whole or, to a reader, not there.
"""

from __future__ import annotations

import json
import secrets
import zlib
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO, TypeVar

    from numpy.typing import NDArray

    Made = TypeVar("Made")


def write(folder: Path, index_name: str, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays into a folder, in place of what an index of that name named there before.

    Arrays that others have open stay as they are.

    Args:
        folder: made where it is missing.
        index_name: of the index's file.
        about: what else the index is to hold, JSON-able.
        arrays: by name.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    files = {name: f"{name}-{token}.npy" for name in arrays}
    before: dict[str, str] = {}
    with suppress(OSError, ValueError, KeyError):  # nothing was there, or nothing that can be read
        before = json.loads((folder / index_name).read_text())["files"]
    index = folder / f".{index_name}-{token}"
    try:
        for name, array in arrays.items():
            np.save(folder / files[name], np.ascontiguousarray(array))
        index.write_text(json.dumps({**about, "files": files}, indent=1))
        index.replace(folder / index_name)
    except BaseException:
        for path in (index, *(folder / name for name in files.values())):
            path.unlink(missing_ok=True)
        raise
    for name in before.values():
        with suppress(OSError):  # open, on a system that does not let go of open files
            (folder / name).unlink(missing_ok=True)


def read(
    folder: Path, read_index: Callable[[], dict[str, Any]], make: Callable[[dict[str, Any], dict[str, Any]], Made]
) -> Made:
    """What the arrays of a folder are, mapped into memory.

    Args:
        folder: that was written.
        read_index: gives the index as it is now.
        make: makes something of the index and the arrays by name.

    Raises:
        ValueError: a file is missing or damaged; or what the callables raise.
    """
    while True:
        index = read_index()
        try:
            return make(index, {name: mapped(folder / file) for name, file in index["files"].items()})
        except FileNotFoundError as error:
            # Where others were saved in the meantime, the index names other files by now.
            if index == read_index():
                raise ValueError(f"{folder}: a file is missing: {error.filename}") from error


def index_of(folder: Path, index_name: str, kind: str, newest: int, names: Callable[[dict[str, Any]], Any]) -> Any:
    """The index of a folder.

    Args:
        folder: that was written.
        index_name: of the index's file.
        kind: of what it should hold, for the message.
        newest: version that is known here.
        names: looks at an index; what it raises says what is wrong with it.

    Raises:
        FileNotFoundError: there is no index.
        ValueError: it is damaged, or of a newer version.
    """
    path = folder / index_name
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no {kind}: it has no {index_name}")
    try:
        index: dict[str, Any] = json.loads(path.read_text())
        if index["version"] > newest:
            raise ValueError(  # noqa: TRY301 - told with the path below
                f"version {index['version']}, but only {newest} is known here; a newer release reads it"
            )
        names(index)
        if any("/" in file or "\\" in file for file in index["files"].values()):
            raise ValueError(f"the files {index['files']} are not all in the folder")  # noqa: TRY301 - as above
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
    return index


def mapped(path: Path) -> NDArray[Any]:
    """An array of a file, as an ordinary one: compiled loops know no other kind, nor one that is read-only.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged.
    """
    try:
        return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever damaged bytes make numpy say
        raise ValueError(f"{path}: not a whole array: {error}") from error


def checksum(array: NDArray[Any], before: int = 0) -> int:
    """CRC-32 of an array's content, going on from that of the rows before it."""
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, before)


class GrowingArrays:
    """Arrays written to the disk part by part, so that memory need not hold them.

    Args:
        folder: that is there, for one file an array.

    Attributes:
        files: name to file of every array.
        checksums: name to ``checksum`` of what was written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, str] = {}
        self.checksums: dict[str, int] = {}
        self._open: dict[str, BinaryIO] = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def append(self, name: str, part: NDArray[Any]) -> None:
        """Write further rows of an array; the first ones decide its type and the shape of a row.

        Raises:
            OSError: they cannot be written.
        """
        if name not in self._open:
            self.files[name], self.checksums[name] = f"{name}.npy", 0
            self._open[name] = self._closing.enter_context((self.folder / self.files[name]).open("wb"))
            self._dtypes[name], self._shapes[name] = part.dtype, (0, *part.shape[1:])
            self._write_header(name)
        written = self._shapes[name]
        if part.dtype != self._dtypes[name] or part.shape[1:] != written[1:]:
            raise ValueError(f"{name}: {part.dtype} {part.shape} does not continue {self._dtypes[name]} {written}")
        self._shapes[name] = (written[0] + len(part), *written[1:])
        self.checksums[name] = checksum(part, self.checksums[name])
        self._open[name].write(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)

    def finish(self) -> None:
        """Write how long the arrays became.

        Raises:
            OSError: that cannot be written.
        """
        for name, file in self._open.items():
            file.seek(0)
            self._write_header(name)
        self._closing.close()

    def _write_header(self, name: str) -> None:
        """What numpy reads first; padded, so that it is as long whatever the length of the first axis."""
        formats: Any = np.lib.format  # it carries no types
        about = {
            "descr": formats.dtype_to_descr(self._dtypes[name]),
            "fortran_order": False,
            "shape": self._shapes[name],
        }
        formats.write_array_header_1_0(self._open[name], about)
