"""Matminer's catalogue of datasets, by name: from its folder, or fetched by matminer where there is a network.

Matminer: Ward et al. (2018), Comput. Mater. Sci. 152, 60, doi:10.1016/j.commatsci.2018.05.018.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import cache
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automat.core import InputError, UnknownNameError
from automat.datasets import local
from automat.datasets.reading import Columns, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automat.core import Task

FOLDER = "matminer"
"""The subfolder of ``AUTOMAT_DATA`` in which such files are looked for, too."""

_CITED = 300


@cache
def about() -> Mapping[str, Mapping[str, Any]]:
    """What matminer says of each dataset; read from its file, since importing it takes seconds."""
    found = util.find_spec("matminer")
    if found is None or not found.submodule_search_locations:
        return {}
    path = Path(found.submodule_search_locations[0]) / "datasets" / "dataset_metadata.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def names() -> tuple[str, ...]:
    """The names of the catalogue's datasets."""
    return tuple(about())


def read(name: str, *, target: str | None, task: Task | None, columns: Columns | None) -> Reading:
    """A dataset of the catalogue, as a table with formulas or structures.

    Raises:
        UnknownNameError: no such dataset, or the target is not a column.
        InputError: it is not here and cannot be fetched, or nothing in it can be used.
    """
    from automat.datasets import files, tables

    if name not in about():
        raise UnknownNameError("dataset", name, names())
    asked = columns or Columns()
    path = _file(name)
    frame = files.read(path, set())
    notes = _differences(name, path, len(frame))
    ids = next(iter(Columns().chosen(frame, repr(name), {"id": tables.ID_COLUMNS})), None)
    if asked.id is None and ids is not None and not (frame[ids].is_unique and frame[ids].notna().all()):
        frame = frame.rename(columns={tables.ID_COLUMNS[0]: f"{tables.ID_COLUMNS[0]} (as given)"})
        frame.insert(0, tables.ID_COLUMNS[0], [f"row-{row + 1}" for row in range(len(frame))])
        notes.append(f"{ids!r} does not name rows (some share it), so rows are numbered.")
    reading = tables.of_frame(frame, name, target=target, task=task, columns=asked)
    dataset = replace(
        reading.dataset,
        source=f"matminer, {name}",
        citation=str(about()[name].get("reference", ""))[:_CITED],
        notes=(*notes, *reading.dataset.notes),
    )
    return replace(reading, dataset=dataset)


def _file(name: str) -> Path:
    """The dataset's file, fetched by matminer if it is not here.

    Raises:
        InputError: it cannot be fetched.
    """
    file = f"{name}.{about()[name]['file_type']}"
    home = local.matminer_home()
    found = local.find(FOLDER, file) or home / file
    if found.is_file():
        return found
    import contextlib
    import io
    import warnings

    from matminer.datasets import load_dataset

    try:
        # What matminer says of its downloading goes to the output, where tables of ours are read by programs.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            load_dataset(name, data_home=str(home))
    except (OSError, ValueError, UserWarning) as error:
        raise InputError(
            f"dataset {name!r} of matminer's catalogue is not here, and could not be fetched "
            f"({type(error).__name__}). Run once where there is a network ({str(found)!r} is then kept), or set "
            f"{local.VARIABLE} to a folder with {FOLDER}/{file}, from {about()[name]['url']}"
        ) from error
    return found


def _differences(name: str, path: Path, rows: int) -> list[str]:
    """A note where the file is not the one that the catalogue means."""
    what = about()[name]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found == what["hash"]:
        return []
    return [
        (
            f"{path.name} is not the published file of {name} (its sha256 differs): {rows} rows, "
            f"the catalogue says {what['num_entries']}."
        )
    ]
