"""The 13 tasks of Matbench v0.1, by name: every row, in the order of its ids, so that the official folds hold.

They are looked for, in this order:

1. in the folder that ``AUTOMAT_DATA`` names (or its subfolder ``matbench``): the official ``<name>.json.gz``, which has
   structures, else ``<name>.csv.gz`` with the columns mbid, composition, the target's, and what else is there;
2. where matminer keeps what it has fetched (``MATMINER_DATA``, else this user's cache), which it is asked to fetch.

Matbench: Dunn et al. 2020, doi:10.1038/s41524-020-00406-3.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from automat.core import Dataset, InputError
from automat.datasets import checks, local
from automat.datasets.embedded import DatasetInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Inputs, Task

_FOLDER = "matbench"
_PAPER = "Dunn et al. (2020), npj Comput. Mater. 6, 138, doi:10.1038/s41524-020-00406-3"
_MATERIALS_PROJECT = "Jain et al. (2013), APL Mater. 1, 011002, doi:10.1063/1.4812323"
_METALS = ("nonmetal", "metal")


@dataclass(frozen=True)
class MatbenchTask:
    """One task.

    Attributes:
        title: for people.
        rows: how many there are; a file with another number is not this task.
        target: its column.
        unit: of the target.
        spread: mean absolute deviation of the target, or the share outside the largest class.
        source: whom to cite for the data, beside Matbench itself.
        structures: whether its materials have crystal structures; else compositions alone.
        classes: class names in the order false, true; empty for regression.
    """

    title: str
    rows: int
    target: str
    unit: str
    spread: float
    source: str
    structures: bool = True
    classes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """Regression or classification."""
        return "classification" if self.classes else "regression"


TASKS: Mapping[str, MatbenchTask] = MappingProxyType(
    {
        "matbench_dielectric": MatbenchTask(
            "refractive index", 4764, "n", "", 0.8085, "Petousis et al. (2017), doi:10.1038/sdata.2016.134"
        ),
        "matbench_expt_gap": MatbenchTask(
            "measured band gap", 4604, "gap expt", "eV", 1.1432,
            "Zhuo et al. (2018), doi:10.1021/acs.jpclett.8b00124", structures=False,
        ),
        "matbench_expt_is_metal": MatbenchTask(
            "measured to be a metal", 4921, "is_metal", "", 0.4981,
            "Zhuo et al. (2018), doi:10.1021/acs.jpclett.8b00124", structures=False, classes=_METALS,
        ),
        "matbench_glass": MatbenchTask(
            "forms a metallic glass", 5680, "gfa", "", 0.2896,
            "Ward et al. (2016), doi:10.1038/npjcompumats.2016.28", structures=False, classes=("no glass", "glass"),
        ),
        "matbench_jdft2d": MatbenchTask(
            "exfoliation energy", 636, "exfoliation_en", "meV/atom", 67.2020,
            "Choudhary et al. (2017), doi:10.1038/s41598-017-05402-0",
        ),
        "matbench_log_gvrh": MatbenchTask(
            "shear modulus G_VRH", 10987, "log10(G_VRH)", "log10(GPa)", 0.2931,
            "de Jong et al. (2015), doi:10.1038/sdata.2015.9",
        ),
        "matbench_log_kvrh": MatbenchTask(
            "bulk modulus K_VRH", 10987, "log10(K_VRH)", "log10(GPa)", 0.2897,
            "de Jong et al. (2015), doi:10.1038/sdata.2015.9",
        ),
        "matbench_mp_e_form": MatbenchTask(
            "formation energy", 132752, "e_form", "eV/atom", 1.0059, _MATERIALS_PROJECT
        ),
        "matbench_mp_gap": MatbenchTask("band gap (PBE)", 106113, "gap pbe", "eV", 1.3271, _MATERIALS_PROJECT),
        "matbench_mp_is_metal": MatbenchTask(
            "a metal (PBE)", 106113, "is_metal", "", 0.4349, _MATERIALS_PROJECT, classes=_METALS
        ),
        "matbench_perovskites": MatbenchTask(
            "formation energy of the 5-atom cell", 18928, "e_form", "eV/cell", 0.5660,
            "Castelli et al. (2012), doi:10.1039/c2ee22341d",
        ),
        "matbench_phonons": MatbenchTask(
            "highest peak of the phonon density of states", 1265, "last phdos peak", "1/cm", 323.7870,
            "Petretto et al. (2018), doi:10.1038/sdata.2018.65",
        ),
        "matbench_steels": MatbenchTask(
            "measured yield strength", 312, "yield strength", "MPa", 229.3743,
            "Conduit & Bajaj (2017), Citrination dataset 153092", structures=False,
        ),
    }
)  # fmt: skip
"""By name: rows and columns as in the paper's table 1 and in matminer; spreads computed from the targets."""


def load(name: str) -> Dataset:
    """A task, whole.

    Raises:
        InputError: it is neither here nor can it be fetched, or what is here is not the task.
    """
    official = local.find(_FOLDER, f"{name}.json.gz")
    table = local.find(_FOLDER, f"{name}.csv.gz")
    if official is None and table is not None:
        return _from_table(name, table)
    return _from_matminer(name, official.parent if official else local.matminer_home())


def about(name: str) -> DatasetInfo:
    """The line of ``automat datasets``, with where the task is found; nothing large is read."""
    what = TASKS[name]
    inputs, where = _found(name)
    return DatasetInfo(
        name=name,
        title=what.title,
        rows=what.rows,
        task=what.task,
        unit=what.unit,
        spread=what.spread,
        inputs=inputs,
        source="Matbench v0.1",
        licence="MIT",
        citation=f"{_PAPER}; {what.source}",
        where=where,
    )


def ids(name: str) -> NDArray[np.str_]:
    """The ids of a task's rows, in order: from 1, with as many digits as the number of rows has."""
    import numpy as np

    rows = TASKS[name].rows
    digits, stem = len(str(rows)), name.replace("matbench", "mb").replace("_", "-")
    return np.array([f"{stem}-{row:0{digits}d}" for row in range(1, rows + 1)])


def _found(name: str) -> tuple[Inputs, str]:
    whole: Inputs = "structures" if TASKS[name].structures else "compositions"
    try:
        official = local.find(_FOLDER, f"{name}.json.gz")
        table = local.find(_FOLDER, f"{name}.csv.gz")
    except InputError as error:
        return whole, f"not here: {error}"
    if official is not None:
        return whole, str(official)
    if table is not None:
        return "compositions", str(table)
    kept = local.matminer_home() / f"{name}.json.gz"
    return whole, str(kept) if kept.is_file() else f"not here: fetched by matminer, or put into ${local.VARIABLE}"


def stand_in(name: str) -> Dataset:
    """Rows of hydrogen, as many as a task has, with its ids: enough to plan with where the task is not here."""
    import numpy as np
    from automat_featurizers import PackedCompositions, PackedStructures

    what = TASKS[name]
    same = np.zeros(what.rows, dtype=np.intp)
    structures = None
    if what.structures:
        from pymatgen.core import Lattice, Structure

        structures = PackedStructures.pack([Structure(Lattice.cubic(3), ["H"], [[0, 0, 0]])]).take(same)
    return Dataset(
        name=name,
        ids=ids(name),
        target=np.arange(what.rows) % 2 * 1.0,
        target_name=what.target,
        unit=what.unit,
        task=what.task,
        inputs="structures" if what.structures else "compositions",
        compositions=PackedCompositions.pack(["H"]).take(same),
        structures=structures,
        classes=what.classes,
    )


def _from_table(name: str, path: Path) -> Dataset:
    """A task's compositions, targets, and beside them the columns that no model sees."""
    from automat.datasets import files

    what = TASKS[name]
    frame = files.read(path, {"mbid", "composition"})
    missing = [column for column in ("mbid", "composition", what.target) if column not in frame.columns]
    if missing:
        raise InputError(f"{path.name!r} lacks the columns {', '.join(missing)}; it has {', '.join(frame.columns)}")
    frame = frame.sort_values("mbid", kind="stable", ignore_index=True)
    if frame["mbid"].tolist() != ids(name).tolist():
        raise InputError(
            f"{path.name!r} has {len(frame)} rows that are not all rows of {name}; "
            f"its official folds are defined on {what.rows}, {ids(name)[0]} to {ids(name)[-1]}"
        )
    extra = frame.drop(columns=["mbid", "composition", what.target])
    notes = () if not what.structures else (_without_structures(name, path.parent),)
    return _dataset(
        name,
        {"inputs": "compositions", "compositions": frame["composition"], "extra": extra if extra.shape[1] else None},
        frame[what.target],
        path.name,
        notes,
    )


def _without_structures(name: str, folder: Path) -> str:
    """Why the structures beside a table are not used: those of some rows would make other folds."""
    note = "The task has crystal structures; this file has compositions alone, so published structure models saw more."
    counts = [count for count in (_partial(name, folder), _mapped(name, folder)) if count]
    if not counts:
        return note
    return f"{note} Structures of {max(counts)} of its {TASKS[name].rows} rows lie beside; the official folds need all."


def _partial(name: str, folder: Path) -> int:
    import gzip

    path = folder / f"{name}_structures_partial.jsonl.gz"
    if not path.is_file():
        return 0
    with gzip.open(path, "rb") as file:
        return sum(1 for _ in file)


def _mapped(name: str, folder: Path) -> int:
    import pandas as pd

    path = folder / "mp_structure_map.csv.gz"
    if not path.is_file():
        return 0
    tasks = pd.read_csv(path, usecols=["task"])["task"]
    return int((tasks == name.removeprefix("matbench_")).sum())


def _from_matminer(name: str, home: Path) -> Dataset:
    """A task through matminer, which fetches its file where there is a network."""
    import contextlib
    import io
    import warnings

    from matminer.datasets import load_dataset

    path = home / f"{name}.json.gz"
    _check_whole(name, path)
    try:
        # What matminer says of its downloading goes to the output, where tables of ours are read by programs.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            frame = load_dataset(name, data_home=str(home))
    except (OSError, ValueError, UserWarning) as error:
        raise InputError(
            f"dataset {name!r} is not here, and matminer could not fetch it ({type(error).__name__}). "
            f"Set {local.VARIABLE} to a folder with {_FOLDER}/{name}.csv.gz or the official {name}.json.gz, "
            f"or run once where there is a network ({path} is then kept)"
        ) from error
    what = TASKS[name]
    column = "structure" if what.structures else "composition"
    if len(frame) != what.rows or not {column, what.target} <= set(frame.columns):
        raise InputError(f"matminer gives {len(frame)} rows of {name} with columns {', '.join(frame.columns)}")
    return _dataset(name, {"inputs": f"{column}s", f"{column}s": frame[column]}, frame[what.target], path.name, ())


def _check_whole(name: str, path: Path) -> None:
    """Refuse a file that matminer would read without looking: reading it may import what it names.

    Raises:
        InputError: its digest is not the published one.
    """
    if not path.is_file():
        return
    from matminer.datasets import get_dataset_attribute

    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != get_dataset_attribute(name, "hash"):
        raise InputError(f"{str(path)!r} is damaged or another file: its sha256 is not the published one; delete it")


def _dataset(name: str, given: dict[str, Any], target: pd.Series, source: str, notes: tuple[str, ...]) -> Dataset:
    """Pack the materials and the target; a row that cannot be read is an error, for without it folds are others."""
    from automat_featurizers.packed import PackedCompositions, PackedStructures

    what = TASKS[name]
    try:
        if given["inputs"] == "structures":
            structures = PackedStructures.pack(given["structures"])
            given |= {"structures": structures, "compositions": structures.compositions}
        else:
            given["compositions"] = PackedCompositions.pack(given["compositions"])
    except ValueError as error:
        raise InputError(f"{source!r}: {error}; no row of {name} may be left out") from error
    values = _values(target, what, source)
    return checks.usable(
        Dataset(
            name=name,
            ids=ids(name),
            target=values,
            target_name=what.target,
            unit=what.unit,
            task=what.task,
            classes=what.classes,
            source=f"Matbench v0.1, {source}",
            licence="MIT",
            citation=f"{_PAPER}; {what.source}",
            notes=notes,
            **given,
        )
    )


def _values(target: pd.Series, what: MatbenchTask, source: str) -> NDArray[np.float64]:
    import numpy as np
    import pandas as pd

    numbers = np.asarray(pd.to_numeric(target, errors="coerce"), dtype=np.float64)
    wrong = ~np.isfinite(numbers) if not what.classes else ~np.isin(numbers, (0.0, 1.0))
    if wrong.any():
        row = int(wrong.argmax())
        allowed = "true and false" if what.classes else "numbers"
        raise InputError(f"{source!r}: {what.target!r} is {target.iloc[row]!r} in row {row + 1}; allowed are {allowed}")
    return numbers
