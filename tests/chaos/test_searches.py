"""A run that is killed in the middle of a cell's search goes on there, and gives what an undisturbed run gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

MODEL = """
import os, time
from pathlib import Path
from sklearn.linear_model import Ridge
from automat import Model

class Slow(Ridge):
    def fit(self, X, y):
        with Path(os.environ["FITS"]).open("a") as file:
            file.write(f"{self.alpha!r} {len(y)}\\n")
        time.sleep(0.5)
        return super().fit(X, y)

MODEL = Model(
    name="slow",
    handles_missing=True,
    space=lambda trial: {"alpha": trial.suggest_float("alpha", 1e-3, 1e3, log=True)},
    defaults={"alpha": 1.0},
    build=lambda params, seed: Slow(**params),
)
"""
TRIALS = 12


def start(folder: Path, fits: str) -> subprocess.Popen[bytes]:
    (folder / "slow.py").write_text(MODEL)
    (folder / "lab.csv").write_text(
        "x,z,y\n" + "".join(f"{row},{row * 7 % 11},{row + row % 3}.5\n" for row in range(40))
    )
    return subprocess.Popen(
        [
            sys.executable, "-m", "automat.cli", "run", "--dataset", "lab.csv", "--target", "y", "--models", "slow.py",
            "--preset", "quick", "--trials", str(TRIALS), "--jobs", "1",
        ],
        cwd=folder, env=os.environ | {"FITS": str(folder / fits), "AUTOMAT_CACHE": str(folder / "cache")},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(folder: Path, fits: str) -> None:
    process = start(folder, fits)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def outcome(folder: Path) -> tuple[list[Any], pd.DataFrame]:
    """Of every cell what must not differ, and all predictions."""
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("automat-runs/lab/records/*.json"))]
    for record in records:
        record["details"].get("learned", {}).pop("seconds", None)
    kept = [[record["params"], record["metrics"], record["details"], record["status"]] for record in records]
    tables = [pd.read_parquet(path) for path in sorted(folder.glob("automat-runs/lab/predictions/*.parquet"))]
    return kept, pd.concat(tables)


@pytest.mark.slow
def test_a_run_killed_in_a_search_goes_on_there(tmp_path: Path, ledger: Callable[..., None]) -> None:
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    for folder in (disturbed, undisturbed):
        folder.mkdir()
    finish(undisturbed, "fits")
    process = start(disturbed, "before")
    before = disturbed / "before"
    until = time.monotonic() + 120
    while not before.is_file() or len(before.read_text().splitlines()) < 9:
        assert time.monotonic() < until
        time.sleep(0.05)
    process.kill()
    process.communicate()
    (journal,) = (disturbed / "automat-runs/lab/partial").glob("*.journal")
    assert journal.stat().st_size > 0
    finish(disturbed, "after")
    found, expected = outcome(disturbed), outcome(undisturbed)
    assert found[0] == expected[0]
    pd.testing.assert_frame_equal(found[1], expected[1], check_exact=True)
    assert not list((disturbed / "automat-runs/lab/partial").iterdir())
    # Two cells, each with its trials and a last fit; one trial was under way, and the best is fitted once more.
    all_fits = (undisturbed / "fits").read_text().splitlines()
    after = (disturbed / "after").read_text().splitlines()
    assert len(all_fits) == 2 * (TRIALS + 1)
    done = len(before.read_text().splitlines())
    assert done + len(after) <= len(all_fits) + 2
    outcome_of_it = f"{done} fits before, {len(after)} after, {len(all_fits)} undisturbed; the same to the bit"
    ledger("kill -9 in a search", 1, 2, outcome_of_it)
