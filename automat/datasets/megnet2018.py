"""The Materials Project as of MEGNet (2018), with its split: the crystals of it that lie in a local folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automat.core import Dataset, InputError
from automat.datasets import checks, files, local
from automat.datasets.embedded import DatasetInfo

if TYPE_CHECKING:
    from pathlib import Path

NAME = "mp_megnet2018"
TARGET = "e_form_megnet2018"
SPLIT_COLUMN = "megnet_split"
"""Says train, val or test: ``--split column:megnet_split``."""

_FOLDER = "mp_formation"
_TARGETS = "mp_formation_targets.csv.gz"
_STRUCTURES = "mp_formation_structures.jsonl.gz"
_EXTRA = (SPLIT_COLUMN, "in_cgcnn_46744")
_ROWS = 51607
_WHOLE = 69239
_PARTS = "60000, 5000 and 4239"
_SPREAD = 0.9754
_CITATION = (
    "Chen et al. (2019), Chem. Mater. 31, 3564, doi:10.1021/acs.chemmater.9b01294 (targets and split, as in the JARVIS "
    "leaderboard); Jain et al. (2013), APL Mater. 1, 011002, doi:10.1063/1.4812323"
)


def load() -> Dataset:
    """Crystals with formation energies, in eV/atom, and the split's column in ``extra``.

    Raises:
        InputError: the files are not in the local folder, or are damaged.
    """
    import numpy as np

    targets, structures = _paths()
    if targets is None or structures is None:
        raise InputError(
            f"dataset {NAME!r} is read from a local folder: set {local.VARIABLE} to one with "
            f"{_FOLDER}/{_TARGETS} and {_FOLDER}/{_STRUCTURES}"
        )
    frame = files.read(targets, {"id", "formula"})
    missing = [column for column in ("id", TARGET, *_EXTRA) if column not in frame.columns]
    if missing:
        raise InputError(f"{targets.name!r} lacks the columns {', '.join(missing)}")
    checks.unique_ids(frame["id"].tolist(), repr(targets.name))
    known = frame[frame[TARGET].notna()].set_index("id")
    names, packed = local.read_structures(structures, known.index)
    if len(set(names)) != len(known) or len(names) != len(known):
        raise InputError(f"{structures.name!r} has {len(set(names))} of the {len(known)} crystals that have a target")
    known = known.loc[names]
    return checks.usable(
        Dataset(
            name=NAME,
            ids=np.array(names),
            target=known[TARGET].to_numpy(np.float64),
            target_name=TARGET,
            unit="eV/atom",
            task="regression",
            inputs="structures",
            compositions=packed.compositions,
            structures=packed,
            source=f"{targets.name}, {structures.name}",
            licence="CC BY 4.0 (Materials Project); structures also MIT and CC BY-ND 4.0, see their sources",
            citation=_CITATION,
            notes=(_note(len(known), len(frame)),),
            extra=known[list(_EXTRA)].reset_index(drop=True),
        )
    )


def _note(kept: int, rows: int) -> str:
    return (
        f"{kept} of the {_WHOLE} rows of the set, those whose crystals could be had; the parts of its split, "
        f"{_PARTS} in full, are fewer likewise. {rows - kept} crystals without a target were set aside."
    )


def about() -> DatasetInfo:
    """The line of ``automat datasets``, with where the files are found."""
    try:
        targets, structures = _paths()
        where = str(targets.parent) if targets and structures else f"not here: put into ${local.VARIABLE}"
    except InputError as error:
        where = f"not here: {error}"
    return DatasetInfo(
        name=NAME,
        title="formation energy, with MEGNet's split",
        rows=_ROWS,
        task="regression",
        unit="eV/atom",
        spread=_SPREAD,
        inputs="structures",
        source="Materials Project, 2018",
        licence="CC BY 4.0",
        citation=_CITATION,
        where=where,
    )


def _paths() -> tuple[Path | None, Path | None]:
    return local.find(_FOLDER, _TARGETS), local.find(_FOLDER, _STRUCTURES)
