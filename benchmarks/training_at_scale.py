"""Time and memory of a network's training on a large set, as `automat run` does it: `make bench-scale` ends with it.

    python benchmarks/training_at_scale.py --data FOLDER        # one epoch of CGCNN on mp_megnet2018

FOLDER is what ``AUTOMAT_DATA`` names. Memory is that of the command with its worker, resident, at its peak, looked at
five times a second; graphs that are mapped from the cache count in both. The split is the published one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL_GB = 6.0
GB = 1e9


def main() -> None:
    """Print a line; exit 1 where the training failed or took more memory than it is to take."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of public datasets; AUTOMAT_DATA by default")
    parser.add_argument("--dataset", default="mp_megnet2018")
    parser.add_argument("--split", default="column:megnet_split")
    parser.add_argument("--model", default="cgcnn:epochs=1")
    given = parser.parse_args()
    if given.data is not None:
        os.environ["AUTOMAT_DATA"] = str(given.data)
    with tempfile.TemporaryDirectory() as folder:
        # A cache of its own, so that graphs are built and the first run of a user is what is measured.
        os.environ["AUTOMAT_CACHE"] = str(Path(folder) / "cache")
        out = Path(folder) / "runs"
        command = [
            sys.executable, "-m", "automat.cli", "run", "--dataset", given.dataset, "--split", given.split,
            "--models", given.model, "--preset", "quick", "--jobs", "1", "--out", str(out),
        ]  # fmt: skip
        seconds, peak = _run(command)
        cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
        records = [json.loads(path.read_text()) for path in out.glob("*/records/*.json")]
    if len(records) != 1 or records[0]["status"] != "ok":
        raise SystemExit(f"the training failed: {[record['error'] for record in records] or 'there is no record'}")
    record = records[0]
    print(
        f"{given.model} on {given.dataset}: {record['n_train']:,} training rows, {record['n_test']:,} test rows\n"
        f"  whole command {seconds:.0f} s wall, {cpu.ru_utime + cpu.ru_stime:.0f} CPU s; "
        f"fit {record['fit_seconds']:.0f} CPU s, graphs {record['featurize_seconds']:.1f} CPU s\n"
        f"  peak memory of the command and its worker {peak / GB:.2f} GB; goal {GOAL_GB:.0f} GB: "
        f"{'met' if peak <= GOAL_GB * GB else 'missed'}\n"
        f"  test MAE {record['metrics']['test']['mae']:.3f} {record['unit']}"
    )
    sys.exit(0 if peak <= GOAL_GB * GB else 1)


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds that a command takes, and the most bytes that it holds with all it starts."""
    from automat.executors.memory import of_tree

    started, peak = time.perf_counter(), 0.0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, of_tree(process.pid))
            time.sleep(0.2)
    return time.perf_counter() - started, peak


if __name__ == "__main__":
    main()
