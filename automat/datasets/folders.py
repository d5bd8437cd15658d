"""A folder of crystals with ``id_prop.csv``, the layout that CGCNN introduced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import Dataset, InputError
from automat.datasets import checks, files, materials

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

    from automat.core import Task

TARGETS = "id_prop.csv"
"""Two columns without a header: the name of a structure file, and its target."""

ENDINGS = (".cif", ".vasp")

_COLUMNS = 2


def load(path: Path, *, task: Task | None = None) -> Dataset:
    """Read ``id_prop.csv`` and, for each id in it, ``id.cif`` or ``id.vasp``.

    Raises:
        InputError: no id_prop.csv, or nothing usable in it.
    """
    from automat_featurizers.packed import PackedStructures

    name = path.resolve().name
    where = repr(name)
    listing = path / TARGETS
    if not listing.is_file():
        raise InputError(f"folder {where} has no {TARGETS} (lines of: structure file's name, target)")
    if listing.stat().st_size == 0:
        raise InputError(f"{TARGETS} in {where} is empty")
    frame = files.guarded(_listing, listing, "CSV")
    if frame.shape[1] < _COLUMNS:
        raise InputError(f"{TARGETS} in {where} has {frame.shape[1]} column; two are needed: id, target")
    names = checks.unique_ids(frame[0].tolist(), where)
    chosen, values, classes, notes = checks.read_target(frame[1].rename("target"), task, where)
    structures, kept, reasons = materials.read_each(names, lambda row: _crystal(path, row), names)
    if reasons:
        notes.append(checks.set_aside(reasons, len(names), "structure", where))
    packed = PackedStructures.pack(structures)
    return checks.usable(
        Dataset(
            name=name,
            ids=names[kept],
            target=values[kept],
            target_name="target",
            unit="",
            task=chosen,
            inputs="structures",
            compositions=packed.compositions,
            structures=packed,
            classes=classes,
            source=name,
            notes=tuple(notes),
        )
    )


def _listing(path: Path) -> pd.DataFrame:
    import pandas as pd

    # Ids stay as written: 007 names another file than 7.
    return pd.read_csv(path, header=None, converters={0: str}, float_precision="round_trip")


def _crystal(folder: Path, name: str) -> Structure:
    if Path(name).name != name:
        raise ValueError("the id names a file outside the folder")
    file = next((folder / f"{name}{ending}" for ending in ENDINGS if (folder / f"{name}{ending}").is_file()), None)
    if file is None:
        raise FileNotFoundError(f"no {name}.cif")
    return materials.structure(file.read_text(encoding="utf-8"))
