"""Unfinished work that nobody will go on from goes when a run begins; what somebody may need stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automat import api
from automat.core import Cell, RunRecord, Split
from automat.executors import claims
from automat.executors.claims import Claims
from automat.executors.leftovers import sweep
from automat.store import Store

CELL = Cell(
    dataset="toy",
    dataset_sha256="ab" * 32,
    target="y",
    split=Split("random", 2, 0),
    fold=0,
    model="cgcnn",
    model_version="1",
    features="graph",
    features_version="1",
    budget={"preset": "quick", "trials": 3},
    seed=0,
)
OTHER = replace(CELL, fold=1)
RECORD = RunRecord(cell=CELL, task="regression", unit="", title="", status="ok")
ENDINGS = ("journal", "journal.unreadable", "0123456789ab.pt", "0123456789ab-1.pt")
DAY = 24 * 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def lay(store: Store, cell: Cell, days: float = 0.0) -> list[Path]:
    """Unfinished work on a cell, as a search, a network and an ensemble leave it, whole and half written."""
    folder = store.partial_folder(cell.dataset)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{cell.key}.{ending}" for ending in ENDINGS]
    paths.append(folder / f".{cell.key}.0123456789ab.pt.4711-89abcdef")
    for path in paths:
        path.write_bytes(b"content")
        age(path, days)
    return paths


def age(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * DAY,) * 2)


def left(store: Store) -> set[Path]:
    return set(store.root.glob("*/partial/*"))


def claim(store: Store, cell: Cell, **holder: Any) -> Path:
    """Of a process that is not this one."""
    path = store.claim_path(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(claims._self() | holder))
    return path


def test_a_finished_cells_files_go_with_its_record(store: Store) -> None:
    lay(store, CELL)
    other = lay(store, OTHER)
    store.write(replace(RECORD, status="failed"), None)
    assert len(left(store)) == 2 * len(other)
    store.write(RECORD, None)
    assert left(store) == set(other)


def test_what_belongs_to_a_finished_cell_goes_and_what_was_written_to_lately_stays(store: Store) -> None:
    store.write(RECORD, None)
    lay(store, CELL)
    lately = lay(store, OTHER, days=29.9)
    long_ago = replace(CELL, dataset="other", fold=2)
    lay(store, long_ago, days=30.1)
    sweep(store, [])
    assert left(store) == set(lately)


def test_a_failed_cells_work_is_gone_on_from(store: Store) -> None:
    store.write(replace(RECORD, status="timeout"), None)
    paths = lay(store, CELL)
    sweep(store, [])
    assert left(store) == set(paths)


def test_what_the_run_will_compute_stays_however_old(store: Store) -> None:
    lay(store, CELL, days=400)
    sweep(store, [OTHER])
    assert left(store) == set()
    paths = lay(store, CELL, days=400)
    sweep(store, [CELL])
    assert left(store) == set(paths)


def test_what_a_living_run_has_claimed_stays(store: Store) -> None:
    store.write(RECORD, None)
    paths = lay(store, CELL, days=400)
    theirs = Claims(store)
    assert theirs.take(CELL)
    age(store.claim_path(CELL), days=400)  # as after a clock that jumped
    sweep(store, [])
    assert left(store) == set(paths)
    theirs.drop(CELL)
    sweep(store, [])
    assert left(store) == set()


def test_a_dead_runs_claim_holds_nothing(store: Store) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lay(store, CELL, days=31)
    claim(store, CELL, pid=ended.pid)
    sweep(store, [])
    assert left(store) == set()


def test_another_machines_claim_holds_as_long_as_it_is_renewed(store: Store) -> None:
    paths = lay(store, CELL, days=400)
    path = claim(store, CELL, host="elsewhere")
    sweep(store, [])
    assert left(store) == set(paths)
    age(path, days=31)
    sweep(store, [])
    assert left(store) == set()


def test_files_of_other_names_are_nobodys_business(store: Store) -> None:
    folder = store.partial_folder(CELL.dataset)
    folder.mkdir(parents=True)
    for name in ("notes.txt", f"{CELL.key}.txt", CELL.key, "x.journal"):
        (folder / name).write_bytes(b"mine")
        age(folder / name, days=400)
    sweep(store, [])
    assert len(left(store)) == 4
    assert not (folder.parent / "claims").exists()


def test_a_run_begins_with_it_even_where_nothing_is_missing(bench: Any) -> None:
    api.run(**bench.arguments("dummy", jobs=1))
    store = Store(bench.runs)
    for record in store.records():
        lay(store, record.cell)
    given_up = lay(store, CELL, days=31)
    interrupted = lay(store, OTHER)
    assert {path.parent.parent.name for path in (*given_up, *interrupted)} == {"toy"}
    again = api.run(**bench.arguments("dummy", jobs=1))
    assert (again.computed, again.reused) == (0, 2)
    assert left(store) == set(interrupted)
