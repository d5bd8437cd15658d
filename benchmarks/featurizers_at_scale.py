"""Time and memory of featurizing large sets, and how they grow with the rows.

    make bench-scale
    python benchmarks/featurizers_at_scale.py --data DIR --jobs 2

DIR holds ``matbench/matbench_mp_e_form.csv.gz`` (132,752 compositions of Matbench v0.1) and
``mp_formation/mp_formation_structures.jsonl.gz`` (51,868 structures of the Materials Project). Every figure is
from a process of its own, from formulas or packed arrays to the finished matrix, without a cache; memory is
the sum of the largest resident sizes of the process and its workers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KB, _GB = 1024, 1024**3


def main() -> None:
    """Print one line for each set and number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--set", default="", help="one of the two only: magpie or structure")
    parser.add_argument("--rows", type=int, default=0, help="only so many rows, in this very process")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no folder {given.data}; name the folder of the data with --data")
    if given.rows:
        _measure(given.set, given.rows, given.data, given.jobs)
        return
    os.environ |= {"SPGLIB_WARNING": "OFF", "OMP_NUM_THREADS": "1"}
    sizes = {"magpie": (1_000, 10_000, 132_752), "structure": (1_000, 10_000, 51_868)}
    for name, counts in sizes.items():
        for count in counts if given.set in {"", name} else ():
            command = [sys.executable, __file__, "--data", given.data, "--jobs", given.jobs]
            subprocess.run([*map(str, command), "--set", name, "--rows", str(count)], check=True)


def _measure(name: str, count: int, data: Path, jobs: int) -> None:
    from automat_featurizers import PackedCompositions, featurize

    load = time.perf_counter()
    if name == "magpie":
        formulas = _formulas(data / "matbench" / "matbench_mp_e_form.csv.gz")[:count]
    else:
        packed: Any = packed_structures(data / "mp_formation" / "mp_formation_structures.jsonl.gz").take(range(count))
    load = time.perf_counter() - load
    wall = time.perf_counter()
    if name == "magpie":
        packed = PackedCompositions.pack(formulas)
    made = featurize(packed, name, jobs=jobs)
    wall = time.perf_counter() - wall
    print(
        f"{name:10}{count:8,} rows {len(made.names):4} columns {wall:8.1f} s  {1e3 * wall / count:8.3f} ms a row"
        f"{_peak_memory() / _GB:7.2f} GB  {len(made.failures):6} rows with a NaN   (reading the file: {load:.1f} s)",
        flush=True,
    )


def _formulas(path: Path) -> list[str]:
    import pandas as pd

    formulas: list[str] = pd.read_csv(path)["composition"].tolist()
    return formulas


def packed_structures(path: Path) -> Any:
    """The crystals of a file with one JSON object a line: ``lattice``, ``species``, ``frac_coords``."""
    from automat_featurizers import PackedStructures
    from automat_featurizers.packed import row_pointer
    from pymatgen.core import Element

    number = {element.symbol: element.Z for element in Element}
    counts: list[int] = []
    lattices: list[list[list[float]]] = []
    numbers: list[int] = []
    places: list[NDArray[np.float64]] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            counts.append(len(row["species"]))
            lattices.append(row["lattice"])
            numbers.extend(number[symbol] for symbol in row["species"])
            places.append(np.array(row["frac_coords"]))
    return PackedStructures(
        row_pointer(counts), np.array(lattices), np.array(numbers, np.int64), np.concatenate(places)
    )


def _peak_memory() -> int:
    """Bytes: of this process at its largest, and of as many workers as ran at a time."""
    import resource

    here = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    largest_worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (here + largest_worker * 2) * _KB


if __name__ == "__main__":
    main()
