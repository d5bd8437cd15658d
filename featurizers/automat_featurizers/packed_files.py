"""Packed arrays in a folder: saved once, then opened in no time and read from the disk as they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers import array_files
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
    kind = next(name for name, each in _KINDS.items() if isinstance(packed, each))
    arrays: dict[str, NDArray[Any]] = {
        name: np.asarray(getattr(packed, name), dtype) for name, (dtype, _) in _ARRAYS[kind].items()
    }
    counts = {"rows": len(packed), "entries": len(packed.atomic_numbers)}
    array_files.write(Path(folder), _INDEX, {"version": VERSION, "kind": kind, **counts}, arrays)


def open_packed(folder: Path | str) -> PackedCompositions | PackedStructures:
    """The packed arrays of a folder, mapped into memory: a row is read from the disk when it is first used.

    The arrays may be written to; neither the files nor others that opened them notice.

    Raises:
        FileNotFoundError: nothing was saved there.
        ValueError: the files are damaged, or of a newer version.
    """
    folder = Path(folder)
    return array_files.read(
        folder,
        lambda: array_files.index_of(folder, _INDEX, "packed materials", VERSION, _check_names),
        lambda index, arrays: _opened(folder, index, arrays),
    )


def _check_names(index: dict[str, Any]) -> None:
    if index["files"].keys() != _ARRAYS[index["kind"]].keys():
        raise ValueError(f"the arrays of {index['kind']} are not {index['files']}")


def _opened(
    folder: Path, index: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> PackedCompositions | PackedStructures:
    kind, rows, entries = index["kind"], index["rows"], index["entries"]
    lengths = {"row_ptr": rows + 1, "lattices": rows}
    for name, (dtype, rest) in _ARRAYS[kind].items():
        array, wanted = arrays[name], (lengths.get(name, entries), *rest)
        if array.dtype != dtype or array.shape != wanted:
            raise ValueError(
                f"{folder / index['files'][name]}: {array.dtype} of the shape {array.shape}, "
                f"not {np.dtype(dtype)} of {wanted}"
            )
    pointer = arrays["row_ptr"]
    if pointer[0] != 0 or pointer[-1] != entries or (np.diff(pointer) < 0).any():
        raise ValueError(f"{folder}: the row pointer does not fit the {entries} entries")
    return _KINDS[kind](**arrays)
