"""What the engine itself costs: starting, repeating a finished run, and running cells.

The overhead of running cells is what the workers and the process that leads them spend beside the cells, as a share
of the cells' own CPU time. A cell's CPU time is that of its search, fits and predictions, its error bars included,
as its record has it. The run's is that of the leading process and of all its workers, as the system counts it, from
the first cell on: less the start of the processes, which is printed beside it.
"""

from __future__ import annotations

import argparse
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
    for words in (["--help"], ["datasets"]):
        seconds = statistics.median(timed(words, Path.cwd())[0] for _ in range(REPEATS))
        show(f"automat {' '.join(words)}", f"{seconds:.2f} s", seconds <= START_GOAL)
    with tempfile.TemporaryDirectory() as folder:
        run = ["run", "--dataset", given.dataset, "--preset", given.preset, "--jobs", str(given.jobs)]
        # Features first: they are not the cells'.
        timed([*run[:3], "--preset", "quick", "--models", "dummy,linear", "--out", "first"], Path(folder))
        start = timed([*run, "--models", "dummy", "--out", "start"], Path(folder))[1]
        models = ["--models", given.models]
        wall, spent = timed([*run, *models], Path(folder))
        again, _ = timed([*run, *models], Path(folder))
        cells = cpu_of_cells(Path(folder) / "automat-runs") - cpu_of_cells(Path(folder) / "start")
    share = (spent - start - cells) / cells
    print(
        f"run: {wall:.1f} s on {given.jobs} workers, {spent:.1f} CPU s; "
        f"cells {cells:.1f} CPU s; start {start:.1f} CPU s"
    )
    show("overhead beside the cells", f"{share:.1%}", share <= OVERHEAD_GOAL)
    show("a finished run repeated", f"{again:.2f} s", again <= REPEAT_GOAL)


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


def cpu_of_cells(runs: Path) -> float:
    """CPU seconds of all cells below a folder."""
    from automat import load_results

    return float(load_results(runs)[["tune_seconds", "fit_seconds", "predict_seconds"]].to_numpy().sum())


def show(what: str, figure: str, is_met: object) -> None:
    """A line of the table."""
    print(f"{what:<34} {figure:>10}  {'ok' if is_met else 'over the goal'}")


if __name__ == "__main__":
    main()
