"""Two runs over one folder: every cell is computed by one of them, and what a dead one had is taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from automat.core import Cell, Predictions, RunRecord, Split
from automat.executors import claims
from automat.executors.claims import Claims, Queue
from automat.store import Store

CELL = Cell(
    dataset="toy",
    dataset_sha256="ab" * 32,
    target="y",
    split=Split("random", 2, 0),
    fold=0,
    model="knn",
    model_version="1",
    features="table",
    features_version="1",
    budget={"preset": "quick", "trials": 3},
    seed=0,
)
OTHER = replace(CELL, fold=1)
RECORD = RunRecord(cell=CELL, task="regression", unit="", title="", status="ok")
CLAIMER = """
import sys, time
from pathlib import Path
from automat.executors.claims import Claims
from automat.store import Store
from tests_cell import CELL
print(Claims(Store(Path(sys.argv[1]))).take(CELL), flush=True)
time.sleep(60)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def claimer(tmp_path: Path, store: Store) -> subprocess.Popen[str]:
    """Another process that has claimed the cell."""
    (tmp_path / "tests_cell.py").write_text(f"from automat.core import Cell, Split\nCELL = {CELL!r}\n")
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIMER, str(store.root)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def test_what_a_living_process_has_is_left_alone_and_taken_over_when_it_dies(tmp_path: Path, store: Store) -> None:
    process = claimer(tmp_path, store)
    try:
        mine = Claims(store)
        assert not mine.take(CELL)
        assert mine.take(OTHER)
    finally:
        process.kill()
        process.wait()
    assert mine.take(CELL)


def test_a_claim_goes_with_the_record(store: Store) -> None:
    queue = Queue([CELL], store)
    assert queue.next() == CELL
    assert store.claim_path(CELL).exists()
    store.write(RECORD, None)
    queue.drop(CELL)
    assert not store.claim_path(CELL).exists()
    assert len(queue) == 0


def test_closing_gives_claims_back(store: Store) -> None:
    queue = Queue([CELL, OTHER], store)
    queue.next()
    queue.close()
    assert not store.claim_path(CELL).exists()


def test_what_another_run_computes_is_waited_for_and_found(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "LOOK_EVERY_SECONDS", 0.0)
    process = claimer(tmp_path, store)
    found: list[Cell] = []
    try:
        queue = Queue([CELL, OTHER], store, on_found=found.append)
        assert queue.next() == OTHER
        assert queue.next() is None
        assert len(queue) == 1
        store.write(RECORD, None)
    finally:
        process.kill()
        process.wait()
    assert queue.next() is None
    assert found == [CELL]
    assert len(queue) == 0
    assert not store.claim_path(CELL).exists()


def test_what_another_run_failed_at_meanwhile_is_not_tried_again(store: Store) -> None:
    found: list[Cell] = []
    queue = Queue([CELL], store, on_found=found.append)
    store.write(replace(RECORD, status="failed"), None)
    assert queue.next() is None
    assert found == [CELL]


def test_what_lost_its_predictions_is_computed_again(store: Store) -> None:
    store.write(RECORD, Predictions(np.array(["a"]), np.array([1.0]), np.array([1.5])))
    found: list[Cell] = []
    assert Queue([CELL], store, on_found=found.append).next() is None
    assert found == [CELL]
    next(store.root.rglob("*.parquet")).write_bytes(b"")
    assert Queue([CELL], store, on_found=found.append).next() == CELL
    assert found == [CELL]


def test_what_failed_before_is_tried_again(store: Store) -> None:
    store.write(replace(RECORD, status="failed"), None)
    assert Queue([CELL], store).next() == CELL


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}', "[]", "null", '{"pid": "x", "started": 1, "host": ""}'])
def test_a_garbled_claim_is_nobodys(store: Store, content: str) -> None:
    path = store.claim_path(CELL)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert Claims(store).take(CELL)


def test_a_number_that_another_process_got_is_not_the_claimer(store: Store) -> None:
    path = store.claim_path(CELL)
    path.parent.mkdir(parents=True)
    mine = claims._self()
    path.write_text(json.dumps(mine))
    assert not Claims(store).take(CELL)
    path.write_text(json.dumps(mine | {"started": mine["started"] - 1}))
    assert Claims(store).take(CELL)


def test_another_machine_is_gone_when_it_is_silent(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: -5e8)
    path = store.claim_path(CELL)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": 1, "started": 1, "host": "elsewhere"}))
    mine = Claims(store)
    assert not mine.take(CELL)
    now[0] += claims.GONE_AFTER_SECONDS - 1
    os.utime(path, ns=(1, 1))  # it lives, whatever its clock says
    assert not mine.take(CELL)
    now[0] += claims.GONE_AFTER_SECONDS - 1
    assert not mine.take(CELL)
    now[0] += 2
    assert mine.take(CELL)


def test_claims_are_renewed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Claims(store)
    mine.take(CELL)
    path = store.claim_path(CELL)
    os.utime(path, ns=(1, 1))
    mine.renew()
    assert path.stat().st_mtime_ns == 1
    later = time.monotonic() + claims.RENEW_EVERY_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    mine.renew()
    assert path.stat().st_mtime_ns > 1


def test_a_claim_that_was_taken_over_is_not_dropped(store: Store) -> None:
    mine = Claims(store)
    mine.take(CELL)
    store.claim_path(CELL).write_text('{"pid": 1, "started": 1, "host": "elsewhere"}')
    mine.drop(CELL)
    assert store.claim_path(CELL).exists()
