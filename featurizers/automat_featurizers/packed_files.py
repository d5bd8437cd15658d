"""Packed arrays in a folder: saved once, then opened in no time and read from the disk as they are needed.

A folder holds one ``.npy`` file an array, and ``packed.json``, which names them and is written last; so a
folder is whole or, to a reader, not there.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.packed import PackedCompositions, PackedStructures

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
"""Of the layout of the folder."""

_INDEX = "packed.json"
_KINDS: dict[str, type[PackedCompositions | PackedStructures]] = {
    "compositions": PackedCompositions,
    "structures": PackedStructures,
}
_ARRAYS: dict[str, dict[str, tuple[type, tuple[int, ...]]]] = {
    "compositions": {"row_ptr": (np.int64, ()), "atomic_numbers": (np.int64, ()), "amounts": (np.float64, ())},
    "structures": {
        "row_ptr": (np.int64, ()),
        "lattices": (np.float64, (3, 3)),
        "atomic_numbers": (np.int64, ()),
        "fractional": (np.float64, (3,)),
    },
}
"""Type of every array, and its shape after the first axis."""


def save(packed: PackedCompositions | PackedStructures, folder: Path | str) -> None:
    """Write packed arrays into a folder, in place of what was saved there before.

    Arrays that others have open stay as they are.

    Args:
        packed: the materials.
        folder: made where it is missing.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    kind = next(name for name, each in _KINDS.items() if isinstance(packed, each))
    token = secrets.token_hex(4)
    files = {name: f"{name}-{token}.npy" for name in _ARRAYS[kind]}
    counts = {"rows": len(packed), "entries": len(packed.atomic_numbers)}
    before: dict[str, str] = {}
    with suppress(OSError, ValueError):  # nothing was there, or nothing that can be read
        before = _index(folder)["files"]
    index = folder / f".{_INDEX}-{token}"
    try:
        for name, (dtype, _) in _ARRAYS[kind].items():
            np.save(folder / files[name], np.ascontiguousarray(getattr(packed, name), dtype))
        index.write_text(json.dumps({"version": VERSION, "kind": kind, **counts, "files": files}, indent=1))
        index.replace(folder / _INDEX)
    except BaseException:
        for path in (index, *(folder / name for name in files.values())):
            path.unlink(missing_ok=True)
        raise
    for name in before.values():
        with suppress(OSError):  # open, on a system that does not let go of open files
            (folder / name).unlink(missing_ok=True)


def open_packed(folder: Path | str) -> PackedCompositions | PackedStructures:
    """The packed arrays of a folder, mapped into memory: a row is read from the disk when it is first used.

    The arrays may be written to; neither the files nor others that opened them notice.

    Raises:
        FileNotFoundError: nothing was saved there.
        ValueError: the files are damaged, or of a newer version.
    """
    folder = Path(folder)
    while True:
        index = _index(folder)
        try:
            return _opened(folder, index)
        except FileNotFoundError as error:
            # Where others were saved in the meantime, the index names other files by now.
            if index == _index(folder):
                raise ValueError(f"{folder}: a file is missing: {error.filename}") from error


def _index(folder: Path) -> dict[str, Any]:
    path = folder / _INDEX
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no packed materials: it has no {_INDEX}")
    try:
        index: dict[str, Any] = json.loads(path.read_text())
        version = index["version"]
        if version > VERSION:
            raise ValueError(f"version {version}, but only {VERSION} is known here; a newer release reads it")  # noqa: TRY301 - told with the path below
        files = index["files"]
        if set(files) != set(_ARRAYS[index["kind"]]) or any(Path(file).name != file for file in files.values()):
            raise ValueError(f"the arrays of {index['kind']} are not {files}")  # noqa: TRY301 - as above
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: {type(error).__name__}: {error}") from error
    return index


def _opened(folder: Path, index: dict[str, Any]) -> PackedCompositions | PackedStructures:
    kind, rows, entries = index["kind"], index["rows"], index["entries"]
    lengths = {"row_ptr": rows + 1, "lattices": rows}
    arrays: dict[str, NDArray[Any]] = {}
    for name, (dtype, rest) in _ARRAYS[kind].items():
        path = folder / index["files"][name]
        array = _mapped(path)
        wanted = (lengths.get(name, entries), *rest)
        if array.dtype != dtype or array.shape != wanted:
            raise ValueError(f"{path}: {array.dtype} of the shape {array.shape}, not {np.dtype(dtype)} of {wanted}")
        arrays[name] = array
    pointer = arrays["row_ptr"]
    if pointer[0] != 0 or pointer[-1] != entries or (np.diff(pointer) < 0).any():
        raise ValueError(f"{folder}: the row pointer does not fit the {entries} entries")
    return _KINDS[kind](**arrays)


def _mapped(path: Path) -> NDArray[Any]:
    """An array of a file, as an ordinary one: compiled loops know no other kind, nor one that is read-only."""
    try:
        return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever damaged bytes make numpy say
        raise ValueError(f"{path}: not a whole array: {error}") from error
