"""Sets of crystal graphs in a folder, mapped into memory when they are opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers import array_files
from automat_featurizers.graphs import COLUMN, CrystalGraphs

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
"""Of the layout of the folder."""

INDEX = "graphs.json"

_NEEDED: dict[str, tuple[type, tuple[int, ...]]] = {
    "row_ptr": (np.int64, ()),
    "atomic_numbers": (np.int64, ()),
    "edge_ptr": (np.int64, ()),
    "source": (np.int32, ()),
    "destination": (np.int32, ()),
    "distances": (np.float64, ()),
}
_OPTIONAL: dict[str, tuple[type, tuple[int, ...]]] = {"images": (np.int32, (3,)), "vectors": (np.float64, (3,))}
"""Type of every array, and its shape after the first axis."""


def save_graphs(graphs: CrystalGraphs, folder: Path | str) -> None:
    """Write graphs into a folder, in place of graphs that were saved there before.

    Args:
        graphs: of any kind.
        folder: made where it is missing.

    Raises:
        OSError: they cannot be written; what was there before still is.
    """
    arrays: dict[str, NDArray[Any]] = {
        name: np.asarray(array, typed(name)[0]) for name, array in graphs.arrays().items()
    }
    array_files.write(Path(folder), INDEX, {"version": VERSION}, arrays)


def open_graphs(folder: Path | str) -> CrystalGraphs:
    """The graphs of a folder, mapped into memory: read from the disk when they are first used.

    They are pickled as their folder, so that a process they are sent to maps the same files; ``in_memory`` makes
    graphs that travel by themselves.

    Raises:
        FileNotFoundError: none were saved there.
        ValueError: the files are damaged, or of a newer version.
    """
    folder = Path(folder)
    return array_files.read(folder, lambda: read_index(folder), lambda _, arrays: of_mapped(folder, arrays))


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a folder of graphs.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of a newer version.
    """
    index: dict[str, Any] = array_files.index_of(folder, INDEX, "graphs", VERSION, _check_names)
    return index


def of_mapped(folder: Path, arrays: dict[str, NDArray[Any]]) -> CrystalGraphs:
    """Graphs of the arrays of a folder, of which others that stand beside theirs are left out.

    Raises:
        ValueError: they do not fit each other.
    """
    own = {name: array for name, array in arrays.items() if name in _NEEDED | _OPTIONAL or name.startswith(COLUMN)}
    atoms, edges = len(own["atomic_numbers"]), len(own["distances"])
    rows = len(own["row_ptr"])
    lengths = {"row_ptr": rows, "edge_ptr": rows, "atomic_numbers": atoms}
    for name, array in own.items():
        dtype, rest = typed(name)
        wanted = (lengths.get(name, edges), *rest)
        if array.dtype != dtype or array.shape != wanted:
            raise ValueError(
                f"{folder}: {name} is {array.dtype} of the shape {array.shape}, not {np.dtype(dtype)} of {wanted}"
            )
    for name, entries in (("row_ptr", atoms), ("edge_ptr", edges)):
        pointer = own[name]
        if not len(pointer) or pointer[0] != 0 or pointer[-1] != entries or (np.diff(pointer) < 0).any():
            raise ValueError(f"{folder}: {name} does not fit the {entries} entries")
    return CrystalGraphs.of_arrays(own).backed_by(str(folder.absolute()))


def typed(name: str) -> tuple[type, tuple[int, ...]]:
    """Type of an array of graphs, and its shape after the first axis."""
    return (_NEEDED | _OPTIONAL).get(name, (np.float64, ()))


def _check_names(index: dict[str, Any]) -> None:
    absent = _NEEDED.keys() - index["files"].keys()
    if absent:
        raise ValueError(f"the arrays {', '.join(sorted(absent))} are missing")
