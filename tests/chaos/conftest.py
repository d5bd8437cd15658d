"""A laboratory where runs are disturbed: fast entrants on a small table, and what must hold afterwards.

``make chaos`` prints, a row a fault, how often it was done and what came of it. A row is there only where all that
its test asserts has held.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from automat.store import parse_record

ENTRANTS = """
import os, time
from sklearn.linear_model import Ridge
from automat import Model

class Slow(Ridge):
    def fit(self, X, y):
        time.sleep(0.04)
        return super().fit(X, y)

MODELS = [
    Model(name=f"slow{count}", handles_missing=True, build=lambda params, seed, count=count: Slow(alpha=1.0 + count))
    for count in range(COUNT)
]
"""
TABLE = "x,z,y\n" + "".join(f"{row},{row * 7 % 11},{row * 1.5 + (row * 7 % 11) + row % 3}\n" for row in range(60))
FOLDS = 2  # of the quick preset
ROWS = pytest.StashKey[list[dict[str, object]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if rows:
        terminalreporter.section("faults")
        width = max(len(str(row["fault"])) for row in rows)
        head: dict[str, object] = {name: name for name in rows[0]}
        for row in [head, *rows]:
            terminalreporter.write_line(
                f"{row['fault']!s:<{width}}  {row['times']!s:>5}  {row['cells']!s:>5}  {row['outcome']}"
            )


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Keeps a row of the table: a fault, how often, and what came of it."""

    def note(fault: str, times: int, cells: int, outcome: str) -> None:
        row: dict[str, object] = {"fault": fault, "times": times, "cells": cells, "outcome": outcome}
        request.config.stash[ROWS].append(row)

    return note


@dataclass
class Laboratory:
    """A folder with a table, entrants, and the runs on them.

    Attributes:
        folder: of all of it.
        entrants: how many.
        kept: what was finished at some time: the record's name to its content, which must never change again.
    """

    folder: Path
    entrants: int = 20
    kept: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "lab.csv").write_text(TABLE)
        (self.folder / "entrants.py").write_text(ENTRANTS.replace("COUNT", str(self.entrants)))

    @property
    def runs(self) -> Path:
        return self.folder / "automat-runs"

    @property
    def cells(self) -> int:
        """Of a whole run."""
        return FOLDS * self.entrants

    def start(self, *options: str, seed: int = 0) -> subprocess.Popen[str]:
        """A run on two workers."""
        return subprocess.Popen(
            [
                sys.executable, "-m", "automat.cli", "run", "--dataset", "lab.csv", "--target", "y",
                "--models", "entrants.py", "--preset", "quick", "--jobs", "2", "--seed", str(seed), *options,
            ],
            cwd=self.folder, env=os.environ | {"AUTOMAT_CACHE": str(self.folder / "cache")},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def finish(self, *options: str, seed: int = 0, code: int = 0) -> str:
        """Let a run end; what it printed."""
        process = self.start(*options, seed=seed)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == code, output + errors
        assert "Traceback" not in errors
        return output + errors

    def records(self) -> dict[str, dict[str, Any]]:
        """Every record by its file's name; each must be whole."""
        found = {}
        for path in self.runs.glob("*/records/*.json"):
            found[path.name] = json.loads(path.read_text())
        return found

    def keep_in_mind(self) -> int:
        """Remember what is finished now, after checking that nothing of what was before is gone or done again."""
        now = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.runs.glob("*/records/*.json")
            if json.loads(path.read_text())["status"] == "ok"
        }
        lost = self.kept.keys() - now.keys()
        double = {name for name in self.kept.keys() & now.keys() if self.kept[name] != now[name]}
        assert not lost, f"{len(lost)} finished cells were lost"
        assert not double, f"{len(double)} finished cells were computed again"
        self.kept = now
        return len(now)

    def predictions(self) -> pd.DataFrame:
        """Of all records, each with its own; in an order of their own."""
        for record in self.records().values():
            path = next(self.runs.glob(f"*/predictions/{parse_record(json.dumps(record)).cell.key}.parquet"))
            assert hashlib.sha256(path.read_bytes()).hexdigest() == record["predictions_sha256"]
        tables = [pd.read_parquet(path) for path in self.runs.glob("*/predictions/*.parquet")]
        columns = ["model", "fold", "id"]
        return pd.concat(tables)[[*columns, "y_pred", "y_std"]].sort_values(columns, ignore_index=True)

    def is_right(self, undisturbed: pd.DataFrame, *, kills: int = 0) -> None:
        """Nothing differs from what a run gives that nobody disturbs; a kill may leave a part of a file, never read."""
        assert len(self.records()) == self.cells
        pd.testing.assert_frame_equal(self.predictions(), undisturbed, check_exact=True)
        assert not list(self.runs.glob("*/claims/[0-9a-f]*"))
        assert not list(self.runs.glob("*/partial/*"))
        assert len(list(self.runs.glob("**/.*-*"))) <= kills


@pytest.fixture
def laboratory(tmp_path: Path) -> Iterator[Laboratory]:
    yield Laboratory(tmp_path / "lab")
    for process in psutil.Process().children(recursive=True):
        process.kill()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The predictions of a run that nobody disturbs."""
    laboratory = Laboratory(tmp_path_factory.mktemp("undisturbed") / "lab")
    started = time.monotonic()
    laboratory.finish()
    seconds = time.monotonic() - started
    predictions = laboratory.predictions()
    predictions.attrs["seconds"] = seconds
    return predictions


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    def wait(is_so: Callable[[], object], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.02)

    return wait
