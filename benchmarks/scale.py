"""A whole run on a large set: memory of all its processes, and how the time a row grows with the rows.

    python benchmarks/scale.py rows --data DIR        # 4 thousand to 132,752 rows: reading, features, the harness
    python benchmarks/scale.py run --data DIR         # all rows through `automat run`, quick preset

DIR holds ``matbench/matbench_mp_e_form.csv.gz`` (132,752 compositions of Matbench v0.1). Memory is the largest sum of
the resident sizes of the run and of all it has started, looked at five times a second; pages that they share count
once each. The harness is what a run of two entrants spends beside their cells, features included, less what it
spends on 200 rows: starting.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import pandas as pd

ROWS = (4_000, 13_000, 40_000, 132_752)
FEW = 200
GOAL_GB = 6.0
FILE = "matbench/matbench_mp_e_form.csv.gz"
MODELS = "dummy,linear,decision_tree,hist_gradient_boosting,lightgbm,xgboost,catboost,mlp"
_LOOK_EVERY_SECONDS = 0.2
_GB = 1e9


def main() -> None:
    """Print the figures of one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("rows", "run"))
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--models", default=MODELS, help="of the run")
    parser.add_argument("--time-limit", default="20m", help="a cell, of the run")
    parser.add_argument("--out", type=Path, help="folder of the run; one that goes again by default")
    given = parser.parse_args()
    path = given.data / FILE
    if not path.is_file():
        sys.exit(f"no file {path}; name the folder of the data with --data")
    with tempfile.TemporaryDirectory() as folder:
        if given.part == "rows":
            rows(path, Path(folder))
        else:
            run(path, given.out or Path(folder), given.models, given.time_limit)


def rows(path: Path, folder: Path) -> None:
    """A line for each number of rows."""
    import pandas as pd

    everything = pd.read_csv(path)[["mbid", "composition", "e_form"]]
    start = beside_cells(everything.sample(FEW, random_state=0), folder)[0]
    print(f"a run of {FEW} rows: {start:.1f} CPU s beside its cells; from there on, in CPU ms a row:")
    print(f"{'rows':>8}  {'reading':>8}  {'features':>8}  {'harness':>8}  {'memory':>8}")
    for count in ROWS:
        frame = everything.sample(count, random_state=0).sort_index()
        read, featurized = parts(frame, folder)
        spent, held = beside_cells(frame, folder)
        harness = max(0.0, spent - start) / (count - FEW)
        milliseconds = "  ".join(f"{1e3 * each:8.3f}" for each in (read, featurized, harness))
        print(f"{count:8,}  {milliseconds}  {held:5.2f} GB", flush=True)


def parts(frame: pd.DataFrame, folder: Path) -> tuple[float, float]:
    """CPU seconds a row of reading a table and of its features, in this process."""
    from automat_featurizers import PackedCompositions, featurize

    from automat import datasets

    table = folder / "part.csv"
    frame.to_csv(table, index=False)
    featurize(PackedCompositions.pack(["Fe2O3", "NaCl"]), "magpie", jobs=1)  # kernels are loaded by now
    started = time.process_time()
    data = datasets.load(table, target="e_form")
    read = time.process_time()
    if data.compositions is None:
        sys.exit(f"{table} has no compositions")
    featurize(data.compositions, "magpie", jobs=1)
    return (read - started) / len(frame), (time.process_time() - read) / len(frame)


def beside_cells(frame: pd.DataFrame, folder: Path) -> tuple[float, float]:
    """CPU seconds that a run of two cheap entrants spends beside their cells, and GB that it holds at most."""
    from automat import load_results

    table = folder / f"rows{len(frame)}.csv"
    frame.to_csv(table, index=False)
    words = ["--dataset", str(table), "--target", "e_form", "--models", "dummy,linear", "--trials", "1"]
    spent, _, held = timed([*words, "--preset", "quick", "--out", str(folder / "runs")], folder)
    cells = load_results(folder / "runs", dataset=table.stem)
    return spent - float(cells[["tune_seconds", "fit_seconds", "predict_seconds"]].to_numpy().sum()), held


def run(path: Path, folder: Path, models: str, time_limit: str) -> None:
    """All rows, with entrants that fit so many in minutes."""
    from automat import load_results

    words = ["--dataset", str(path), "--target", "e_form", "--preset", "quick", "--models", models]
    spent, wall, held = timed([*words, "--time-limit", time_limit, "--jobs", "2", "--out", str(folder)], folder)
    cells = load_results(folder).sort_values(["model", "fold"])
    shown = ["model", "fold", "status", "n_train", "test_mae", "tune_seconds", "fit_seconds", "predict_seconds"]
    print(cells[[*shown, "peak_memory_mb"]].to_string(index=False, float_format=lambda number: f"{number:.4g}"))
    print(f"{wall / 60:.1f} minutes on 2 workers, {spent / 60:.1f} CPU minutes")
    print(f"memory of all processes: {held:.2f} GB  {'ok' if held <= GOAL_GB else 'over the goal'}")


def timed(words: list[str], folder: Path) -> tuple[float, float, float]:
    """CPU and wall seconds of `automat run`, and the GB that all its processes hold at most."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "automat.cli", "run", *words],
        stdout=subprocess.DEVNULL, env=os.environ | {"AUTOMAT_CACHE": str(folder / "cache")},
    )  # fmt: skip
    most = 0.0

    def look() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, resident(process.pid))
            time.sleep(_LOOK_EVERY_SECONDS)

    watching = threading.Thread(target=look)
    watching.start()
    watching.join()
    if process.returncode not in {0, 3}:  # 3: cells over their limit, which are in the table
        sys.exit(f"automat run ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.monotonic() - started, most / _GB


def resident(pid: int) -> float:
    """Bytes of a process and all below it."""
    held = 0.0
    try:
        every = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return held
    for each in every:
        try:
            held += each.memory_info().rss
        except psutil.Error:
            continue
    return held


if __name__ == "__main__":
    main()
