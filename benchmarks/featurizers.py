"""Our featurizers beside matminer's: CPU time on one thread, and equality, interleaved in one run.

    make bench-featurizers                           # the table
    python benchmarks/featurizers.py --only ward     # one line of it
    python benchmarks/featurizers.py --all           # equality on every structure of the embedded sets (days)

Each line takes both sides over the same rows of ``mp_formation``, in rounds that go through all lines, so
that whatever else the machine does falls on both. matminer is timed from pymatgen objects, ours from packed
arrays, except for compositions, where packing counts; what packing costs stands in a line of its own. "stable"
is the share of rows on which matminer agrees with itself to 1e-6 after the crystal is turned and shifted;
"largest" is our largest difference on those rows, "median else" the median difference on the others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from automat_featurizers import PackedStructures
    from automat_featurizers.parity import Parity
    from numpy.typing import NDArray

ROUNDS = 3


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        title: as printed; also what ``--only`` looks for.
        names: the featurizers, taken together.
        rows: how many rows: about half a minute of matminer.
        ratio: to reach.
        equality: to reach.
        motions: how often a crystal is moved to see whether matminer agrees with itself.
    """

    title: str
    names: tuple[str, ...]
    rows: int
    ratio: float
    equality: float
    motions: int = 1


WARD = (
    "coordination_number",
    "structural_heterogeneity",
    "chemical_ordering",
    "maximum_packing_efficiency",
    "local_property_difference",
)
LINES = (
    Line("magpie", ("magpie",), 3000, 1000, 1e-12),
    Line("ward (128 columns)", WARD, 45, 1000, 1e-6),
    Line("radial distribution", ("radial_distribution_function",), 90, 150, 1e-8),
    Line("sine coulomb matrix", ("sine_coulomb_matrix",), 3000, 25, 1e-6),
    Line("density", ("density",), 3000, 40, 1e-7),
    Line("global symmetry", ("global_symmetry",), 900, 2, 0.0),
    Line("order parameters", ("op_site_fingerprint",), 30, 50, 1e-6),
    Line("crystalnn fingerprint", ("crystal_nn_fingerprint",), 60, 50, 1e-6),
    Line("orbital field matrix", ("orbital_field_matrix",), 90, 50, 1e-6),
    Line("jarvis cfid", ("jarvis_cfid",), 45, 50, 1e-6),
    Line("bond fractions", ("bond_fractions",), 120, 50, 1e-6),
    Line("xrd", ("xrd_powder_pattern",), 300, 50, 1e-6, motions=3),
    Line("ionic character", ("ionic_character",), 3000, 50, 1e-11),
    Line("oxidation states", ("oxidation_states",), 3000, 20, 1e-12),
    Line("electronegativity diff.", ("electronegativity_difference",), 3000, 20, 1e-12),
    Line("cation property", ("cation_property",), 3000, 20, 1e-12),
    Line("electron affinity", ("electron_affinity",), 3000, 20, 1e-12),
    Line("yang solid solution", ("yang_solid_solution",), 3000, 50, 1e-11),
    Line("miedema", ("miedema",), 1500, 1000, 1e-11),
    Line("wen alloys", ("wen_alloys",), 300, 1000, 1e-11),
    Line("atomic packing", ("atomic_packing_efficiency",), 45, 1000, 1e-6),
    Line("ewald energy", ("ewald_energy",), 600, 50, 1e-9),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the titles of the lines to run")
    parser.add_argument("--scale", type=float, default=1.0, help="times the usual number of rows")
    parser.add_argument("--all", action="store_true", help="every structure of all embedded sets")
    given = parser.parse_args()
    os.environ |= {"SPGLIB_WARNING": "OFF", "PYTHONWARNINGS": "ignore"}
    lines = [line for line in LINES if given.only.lower() in line.title]
    structures = _structures(every=given.all)
    rng = np.random.default_rng(0)
    count = sum(len(packed) for packed in structures)
    rows = {line: rng.permutation(count)[: count if given.all else round(line.rows * given.scale)] for line in lines}
    parts: dict[Line, list[Parity]] = {line: [] for line in lines}
    for part in range(ROUNDS):
        for line in lines:
            parts[line].append(_compare(line, structures, rows[line][part::ROUNDS]))
            print(f"  round {part + 1}: {line.title}", file=sys.stderr, flush=True)
    _print_table(parts)
    _print_overheads(structures[0])


def _structures(*, every: bool) -> list[PackedStructures]:
    """The crystals of ``mp_formation``, or of every embedded set that has crystals."""
    from automat import datasets

    names = [info.name for info in datasets.available()] if every else ["mp_formation"]
    loaded = {name: datasets.load(name).structures for name in names}
    # Several sets share one file of crystals.
    return list({found.row_hashes()[0]: found for found in loaded.values() if found is not None}.values())


def _compare(line: Line, structures: list[PackedStructures], rows: NDArray[np.int64]) -> Parity:
    from automat_featurizers.parity import compare
    from automat_featurizers.registry import featurizer

    featurizers = [featurizer(name) for name in line.names]
    ends = np.cumsum([len(packed) for packed in structures])
    places = np.searchsorted(ends, rows, side="right")
    chosen = [structures[place][int(row - ends[place])] for place, row in zip(places, rows, strict=True)]
    materials = [each.composition for each in chosen] if featurizers[0].takes == "composition" else chosen
    return compare(featurizers, materials, motions=line.motions)


def _print_table(parts: dict[Line, list[Parity]]) -> None:
    head = f"{'':24}{'rows':>6}{'matminer':>11}{'ours':>10}{'ratio':>9}{'goal':>7}"
    print(head + f"{'stable':>8}{'largest':>10}{'asked':>8}{'median else':>13}{'raised':>8}  verdict")
    for line, compared in parts.items():
        rows = sum(len(each.difference) for each in compared)
        theirs = 1e3 * sum(each.matminer_seconds for each in compared) / rows
        ours = 1e3 * sum(each.our_seconds for each in compared) / rows
        stable = sum(int(each.stable.sum()) for each in compared)
        known = sum(int((~np.isnan(each.difference)).sum()) for each in compared)
        largest = max(each.largest for each in compared)
        others = np.concatenate([each.difference[~each.stable & ~np.isnan(each.difference)] for each in compared])
        raised = sum(len(each.raised) for each in compared)
        met = ("ratio", theirs / ours >= line.ratio), ("equality", largest <= line.equality)
        verdict = "ok" if all(good for _, good in met) else "missed: " + ", ".join(n for n, good in met if not good)
        median = f"{np.median(others):.1e}" if len(others) else "-"
        print(
            f"{line.title:24}{rows:6}{theirs:8.2f} ms{ours:7.4f} ms{theirs / ours:8.0f}x{line.ratio:6.0f}x"
            f"{stable / known:8.1%}{largest:10.1e}{line.equality:8.0e}{median:>13}{raised:8}  {verdict}",
            flush=True,
        )


def _print_overheads(structures: PackedStructures) -> None:
    """What comes before the first feature: packing, and loading or compiling the kernels."""
    from automat_featurizers import PackedStructures

    objects = list(structures.take(range(1000)))
    started = time.process_time()
    PackedStructures.pack(objects)
    print(f"packing pymatgen structures: {time.process_time() - started:.3f} ms a row")
    code = (
        "import time; from automat import datasets; from automat_featurizers.registry import featurizer;"
        "s = datasets.load('mp_formation').structures.take([0, 1]); t = time.process_time();"
        f"[featurizer(name).fit(s).transform(s) for name in {[name for line in LINES for name in line.names]!r}];"
        "print(f'{time.process_time() - t:.1f}')"
    )
    with tempfile.TemporaryDirectory() as folder:
        for state in ("compiling every kernel", "loading them from disk"):
            done = subprocess.run(
                [sys.executable, "-c", code], env=os.environ | {"NUMBA_CACHE_DIR": folder},
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            print(f"first use of all lines in a process, {state}: {done.stdout.strip()} CPU s")


if __name__ == "__main__":
    main()
