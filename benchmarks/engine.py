"""What the engine itself costs: starting, repeating a finished run, and running cells.

The overhead of running cells is what the workers and the process that leads them spend beside the cells, as a share
of the cells' own CPU time. A cell's CPU time is that of its search, fits and predictions, its error bars included,
as its record has it. The run's is that of the leading process and of all its workers, as the system counts it. The
start of the processes is printed apart: what a run of the dummy alone spends. So is what is spent on telling what
models lean on, which a record has too. All else is overhead: the libraries that searches and entrants load in each
worker, predictions of training rows, metrics, records and pages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 5
START_GOAL, REPEAT_GOAL, OVERHEAD_GOAL = 0.5, 5.0, 0.03


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="mp_dielectric")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--models", default="dummy,linear,knn,random_forest,extra_trees,hist_gradient_boosting")
    parser.add_argument("--jobs", default=2, type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for words in (["--help"], ["datasets"], ["splits"], ["models"]):
            walls, spent = zip(*(timed(words, Path(folder)) for _ in range(REPEATS)), strict=True)
            show(f"automat {' '.join(words)}", statistics.median(walls), statistics.median(spent), START_GOAL)
        run = ["run", "--dataset", given.dataset, "--preset", given.preset, "--jobs", str(given.jobs)]
        # Features first: they are not the cells'.
        timed([*run[:3], "--preset", "quick", "--models", "dummy,linear", "--out", "first"], Path(folder))
        start = timed([*run, "--models", "dummy", "--out", "start"], Path(folder))[1]
        models = ["--models", given.models]
        wall, spent_on_run = timed([*run, *models], Path(folder))
        again = timed([*run, *models], Path(folder))
        cells, told = cpu_of_cells(Path(folder) / "automat-runs")
        start -= cpu_of_cells(Path(folder) / "start")[0]
    beside = spent_on_run - start - cells - told
    print(
        f"run: {wall:.1f} s on {given.jobs} workers, {spent_on_run:.1f} CPU s; cells {cells:.1f}, what models lean on "
        f"{told:.1f}, start {start:.1f}, all else {beside:.1f} CPU s"
    )
    share = beside / cells
    print(f"{'overhead beside the cells':<34} {share:>8.1%}  {verdict(share <= OVERHEAD_GOAL)}")
    show("a finished run repeated", *again, REPEAT_GOAL)


def timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command with all it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "automat.cli", *words],
        cwd=folder, check=True, capture_output=True, env=os.environ | {"AUTOMAT_CACHE": str(folder / "cache")},
    )  # fmt: skip
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cpu_of_cells(runs: Path) -> tuple[float, float]:
    """CPU seconds of all cells below a folder, and of telling what their models lean on."""
    from automat import load_results

    table = load_results(runs)
    learned = [json.loads(details).get("learned", {}).get("seconds", 0.0) for details in table["details"]]
    return float(table[["tune_seconds", "fit_seconds", "predict_seconds"]].to_numpy().sum()), sum(learned)


def show(what: str, wall: float, spent: float, goal: float) -> None:
    """A line of the table; the goal is of the wall clock."""
    print(f"{what:<34} {wall:6.2f} s  {spent:6.2f} CPU s  {verdict(wall <= goal)}")


def verdict(is_met: object) -> str:
    """As the other benchmarks print it."""
    return "ok" if is_met else "over the goal"


if __name__ == "__main__":
    main()
