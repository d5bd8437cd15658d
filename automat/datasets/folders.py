"""A folder of crystals with ``id_prop.csv``, the layout that CGCNN introduced."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from automat.core import Dataset, InputError
from automat.datasets import checks

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure

    from automat.core import Task

TARGETS = "id_prop.csv"
"""Two columns without a header: the name of a structure file, and its target."""

_COLUMNS = 2


def load(path: Path, *, task: Task | None = None) -> Dataset:
    """Read ``id_prop.csv`` and, for each id in it, ``id.cif`` or ``id.vasp``.

    Raises:
        InputError: no id_prop.csv, or nothing usable in it.
    """
    import pandas as pd
    from automat_featurizers.packed import PackedStructures

    where = repr(path.name)
    listing = path / TARGETS
    if not listing.is_file():
        raise InputError(f"folder {where} has no {TARGETS} (lines of: structure file's name, target)")
    if listing.stat().st_size == 0:
        raise InputError(f"{TARGETS} in {where} is empty")
    frame = pd.read_csv(listing, header=None, dtype={0: str})
    if frame.shape[1] < _COLUMNS:
        raise InputError(f"{TARGETS} in {where} has {frame.shape[1]} column; two are needed: id, target")
    names = checks.unique_ids(frame[0], where)
    column = frame[1].rename("target")
    chosen = task or checks.guess_task(column)
    classes: tuple[str, ...] = ()
    if chosen == "classification":
        values, classes = checks.class_target(column, where)
    else:
        values = checks.regression_target(column, where)
    structures: list[Structure] = []
    kept: list[int] = []
    reasons: list[str] = []
    for row, name in enumerate(names):
        try:
            structures.append(_read(path, name))
            kept.append(row)
        except Exception as error:  # noqa: BLE001 - pymatgen's readers raise whatever they meet
            reasons.append(f"{name}: {error}")
    notes = [f"the second column of {TARGETS} was read as a {chosen} target."] if task is None else []
    if reasons:
        notes.append(checks.set_aside(reasons, len(names), "structure", where))
    packed = PackedStructures.pack(structures)
    return checks.usable(
        Dataset(
            name=path.resolve().name,
            ids=names[kept],
            target=values[kept],
            target_name="target",
            unit="",
            task=chosen,
            inputs="structures",
            compositions=packed.compositions,
            structures=packed,
            classes=classes,
            source=path.resolve().name,
            notes=tuple(notes),
        )
    )


def _read(folder: Path, name: str) -> Structure:
    from pymatgen.core import Structure

    for ending in (".cif", ".vasp"):
        file = folder / f"{name}{ending}"
        if file.resolve().parent != folder.resolve():
            raise ValueError("the id names a file outside the folder")
        if file.is_file():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pymatgen's remarks on rounding
                structure = Structure.from_str(file.read_text(), fmt="cif" if ending == ".cif" else "poscar")
            if not structure.is_ordered:
                raise ValueError("has partial occupancies")
            return structure
    raise FileNotFoundError(f"no {name}.cif")
