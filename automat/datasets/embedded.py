"""The datasets that ship with automat. To add one, add a row to ``EMBEDDED``."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from automat.core import Dataset, InputError
from automat.datasets import checks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from automat.core import Inputs, Task

ON_HULL = 1e-6
"""eV/atom above the hull up to which a material counts as stable: the rounding of the source."""

_FOLDER = "data"
_IRIS = MappingProxyType(
    {
        "source": "scikit-learn's copy",
        "licence": "CC BY 4.0 (UCI Machine Learning Repository)",
        "citation": "Fisher (1936), Ann. Eugen. 7, 179-188, doi:10.1111/j.1469-1809.1936.tb02137.x",
    }
)


@dataclass(frozen=True)
class DatasetInfo:
    """A line of ``automat datasets``.

    Attributes:
        spread: mean absolute deviation of the target, or the share outside the largest class.
        where: the file it is read from, or why it is not here.
    """

    name: str
    title: str
    rows: int
    task: Task
    unit: str
    spread: float
    inputs: Inputs
    source: str
    licence: str
    citation: str
    where: str = "ships with automat"


def _as_it_is(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


@dataclass(frozen=True)
class Embedded:
    """One embedded dataset: a column of a file, and how it becomes a target.

    Attributes:
        title: for people.
        rows: how many can be used.
        spread: mean absolute deviation of the target, or the share outside the largest class. Both are stated, so that
            listing the datasets reads none; a test holds them against the data.
        file: Parquet file without its ending; empty for scikit-learn's iris.
        column: of the file.
        target: name of the target.
        unit: of the target.
        derive: file column to target values or class codes.
        task, classes: as in Dataset.
    """

    title: str
    rows: int
    spread: float
    file: str
    column: str
    target: str
    unit: str = ""
    derive: Callable[[NDArray[np.float64]], NDArray[np.float64]] = _as_it_is
    task: Task = "regression"
    classes: tuple[str, ...] = ()


def _on_hull(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    return (energy <= ON_HULL).astype(np.float64)


def _log10(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Without a logarithm there is no target, and the row is set aside and counted.
    import numpy as np

    positive = np.where(values > 0, values, np.nan)
    # The last bits of a logarithm differ between processors; without them the content hash does not.
    logarithms: NDArray[np.float64] = np.round(np.log10(positive), 12)
    return logarithms


EMBEDDED: Mapping[str, Embedded] = MappingProxyType(
    {
        "mp_formation": Embedded(
            "formation energy", 3938, 0.8973,
            "flla_2015", "formation_energy_per_atom", "formation_energy_per_atom", "eV/atom",
        ),
        "mp_stability": Embedded(
            f"on the convex hull (at most {ON_HULL:g} eV/atom above it)", 3938, 0.4210,
            "flla_2015", "e_above_hull", "stability",
            derive=_on_hull, task="classification", classes=("unstable", "stable"),
        ),
        "mp_bulk_modulus": Embedded(
            "bulk modulus K_VRH", 1181, 0.2323, "elastic_tensor", "K_VRH", "log10_K_VRH", "log10(GPa)", derive=_log10
        ),
        "mp_shear_modulus": Embedded(
            "shear modulus G_VRH", 1181, 0.2540, "elastic_tensor", "G_VRH", "log10_G_VRH", "log10(GPa)", derive=_log10
        ),
        "mp_dielectric": Embedded("refractive index", 1056, 0.7009, "dielectric_constant", "n", "n"),
        "mp_band_gap": Embedded(
            "band gap (PBE, of insulators)", 1056, 1.2471, "dielectric_constant", "band_gap", "band_gap", "eV"
        ),
        "mp_piezoelectric": Embedded(
            "largest piezoelectric modulus", 941, 0.8233, "piezoelectric_tensor", "eij_max", "eij_max", "C/m^2"
        ),
        "iris": Embedded(
            "iris flowers (a plain table, for lessons)", 150, 0.6667, "", "", "species",
            task="classification", classes=("setosa", "versicolor", "virginica"),
        ),
    }
)  # fmt: skip


def load(name: str) -> Dataset:
    """An embedded dataset by its name.

    Raises:
        InputError: its file is damaged.
    """
    return _iris() if name == "iris" else _materials(name)


def available() -> tuple[DatasetInfo, ...]:
    """What ships, in the order of ``EMBEDDED``; no data is read."""
    return tuple(_info(name) for name in EMBEDDED)


def _info(name: str) -> DatasetInfo:
    what, about = EMBEDDED[name], _about(name)
    return DatasetInfo(
        name=name,
        title=what.title,
        rows=what.rows,
        task=what.task,
        unit=what.unit,
        spread=what.spread,
        inputs="structures" if what.file else "table",
        source=about["source"],
        licence=about["licence"],
        citation=about["citation"],
    )


def _about(name: str) -> Mapping[str, Any]:
    """Source, licence and citation."""
    what = EMBEDDED[name]
    about: Mapping[str, Any] = _manifest()["files"][what.file] if what.file else _IRIS
    return about


@cache
def _manifest() -> dict[str, Any]:
    text = (resources.files("automat.datasets") / _FOLDER / "manifest.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@cache
def _frame(file: str) -> pd.DataFrame:
    import pandas as pd

    expected = _manifest()["files"][file]["sha256"]
    content = (resources.files("automat.datasets") / _FOLDER / f"{file}.parquet").read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(
            f"the embedded file {file}.parquet is damaged (its sha256 is not {expected}); reinstall automat"
        )
    return pd.read_parquet(io.BytesIO(content))


def _materials(name: str) -> Dataset:
    import numpy as np
    from automat_featurizers.packed import PackedStructures

    what, frame = EMBEDDED[name], _frame(EMBEDDED[name].file)
    about = _about(name)
    counts = frame["atomic_numbers"].map(len).to_numpy()
    structures = PackedStructures(
        row_ptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        lattices=np.stack(frame["lattice"].to_list()).reshape(-1, 3, 3),
        atomic_numbers=np.concatenate(frame["atomic_numbers"].to_list()).astype(np.int64),
        fractional=np.concatenate(frame["fractional"].to_list()).reshape(-1, 3),
    )
    dataset = Dataset(
        name=name,
        ids=frame["id"].to_numpy(dtype=np.str_),
        target=what.derive(frame[what.column].to_numpy(np.float64)),
        target_name=what.target,
        unit=what.unit,
        task=what.task,
        inputs="structures",
        compositions=structures.compositions,
        structures=structures,
        classes=what.classes,
        source=about["source"],
        licence=about["licence"],
        citation=about["citation"],
        notes=_notes(about["set_aside"]),
    )
    return checks.usable(dataset)


def _notes(set_aside: Mapping[str, str]) -> tuple[str, ...]:
    if not set_aside:
        return ()
    return (f"{len(set_aside)} rows could not be read when the file was made: {', '.join(set_aside)}.",)


def _iris() -> Dataset:
    import numpy as np
    from sklearn.datasets import load_iris

    table, target = load_iris(return_X_y=True, as_frame=True)
    what = EMBEDDED["iris"]
    return Dataset(
        name="iris",
        ids=np.array([f"iris-{row}" for row in range(len(table))]),
        target=target.to_numpy(np.float64),
        target_name=what.target,
        unit=what.unit,
        task=what.task,
        inputs="table",
        table=table,
        classes=what.classes,
        source=_IRIS["source"],
        licence=_IRIS["licence"],
        citation=_IRIS["citation"],
    )
