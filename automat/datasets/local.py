"""The user's own folder of public datasets: what the environment variable ``AUTOMAT_DATA`` names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from automat_featurizers.packed import PackedStructures

VARIABLE = "AUTOMAT_DATA"
MATMINER_VARIABLE = "MATMINER_DATA"


def folder() -> Path | None:
    """The folder, or None where the variable is not set.

    Raises:
        InputError: it names something that is no folder.
    """
    given = os.environ.get(VARIABLE)
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_dir():
        raise InputError(f"{VARIABLE} names {given!r}, which is no folder")
    return path


def find(kind: str, file: str) -> Path | None:
    """A file in the subfolder ``kind`` of the folder, or in the folder itself; None where it is in neither.

    Raises:
        InputError: the variable names something that is no folder.
    """
    root = folder()
    if root is None:
        return None
    return next((path for path in (root / kind / file, root / file) if path.is_file()), None)


def matminer_home() -> Path:
    """Where matminer keeps files: where the user says, else a folder that can be written to."""
    import platformdirs

    given = os.environ.get(MATMINER_VARIABLE)
    return Path(given or platformdirs.user_cache_path("automat") / "matminer").expanduser()


def read_structures(path: Path, wanted: Collection[str]) -> tuple[list[str], PackedStructures]:
    """Crystals of gzipped JSON lines, in the order of the file, without a pymatgen object on the way.

    A line is an object with ``id``, ``lattice`` (three vectors as rows, angstrom), ``species`` (element symbols)
    and ``frac_coords``; what else it holds is passed over.

    Args:
        path: the file.
        wanted: ids of the lines to read.

    Returns:
        The ids that were found, and their crystals.

    Raises:
        InputError: a line that is no such crystal.
    """
    import gzip

    import numpy as np
    from automat_featurizers.elements import symbols
    from automat_featurizers.packed import PackedStructures, row_pointer

    number_of = {symbol: number for number, symbol in enumerate(symbols()) if symbol}
    chosen = set(wanted)
    names: list[str] = []
    counts: list[int] = []
    lattices: list[list[list[float]]] = []
    numbers: list[int] = []
    fractional: list[list[float]] = []
    line = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line, text in enumerate(file, start=1):  # noqa: B007 - named where a line cannot be read
                crystal = json.loads(text)
                if crystal["id"] not in chosen:
                    continue
                names.append(crystal["id"])
                lattices.append(crystal["lattice"])
                numbers.extend([number_of[symbol] for symbol in crystal["species"]])
                fractional.extend(crystal["frac_coords"])
                counts.append(len(crystal["species"]))
                if len(crystal["frac_coords"]) != counts[-1]:
                    raise ValueError(f"{counts[-1]} species, but {len(crystal['frac_coords'])} coordinates")  # noqa: TRY301 - named below
        packed = PackedStructures(
            row_ptr=row_pointer(counts),
            lattices=np.array(lattices, np.float64).reshape(-1, 3, 3),
            atomic_numbers=np.array(numbers, np.int64),
            fractional=np.array(fractional, np.float64).reshape(-1, 3),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read {path.name!r} near line {line}: {type(error).__name__}: {error}") from error
    return names, packed
