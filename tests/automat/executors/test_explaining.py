"""A model that is asked what it leans on, after its cell was scored, risks its answer and not its scores."""

from __future__ import annotations

from typing import Any

import pytest

from automat import api

ASKED = """
import os, sys, time
from sklearn.linear_model import Ridge
from automat import Model

def is_asked():
    frame = sys._getframe()
    while frame is not None and not frame.f_code.co_filename.endswith("importance.py"):
        frame = frame.f_back
    return frame is not None

class Asked(Ridge):
    def predict(self, X):
        if is_asked():
            self.act()
        return super().predict(X)

class Calm(Asked):
    def act(self):
        pass

class Sleeps(Asked):
    def act(self):
        time.sleep(3600)

class Leaves(Asked):
    def act(self):
        os._exit(3)

class Raises(Asked):
    def act(self):
        raise SystemExit(4)

class Eats(Asked):
    def act(self):
        self.held = bytearray(2_000_000_000)
        self.held[::4096] = b"x" * len(self.held[::4096])
        time.sleep(3600)

MODELS = [
    Model(name=kind.__name__.lower(), handles_missing=True, build=lambda params, seed, kind=kind: kind())
    for kind in (Calm, Sleeps, Leaves, Raises, Eats) if kind.__name__.lower() in WANTED
]
"""


def records_of(bench: Any, *wanted: str, **options: Any) -> dict[tuple[str, int], dict[str, Any]]:
    path = bench.folder / "asked.py"
    path.write_text(ASKED.replace("WANTED", repr(set(wanted))))
    result = api.run(**bench.arguments(path, folds=2, **options))
    assert (result.computed, result.failed) == (2 * len(wanted), 0)
    return {(each["cell"]["model"], each["cell"]["fold"]): each for each in bench.records()}


def check(records: dict[tuple[str, int], dict[str, Any]], **reasons: str) -> None:
    """The entrants fit the same, so that all of them have the scores of the one that answers."""
    assert "permutation" in records["calm", 0]["details"]["learned"]
    for name, reason in reasons.items():
        learned = records[name, 0]["details"]["learned"]
        assert sorted(learned) == ["refused", "seconds"]
        assert reason in learned["refused"]
        assert "learned" not in records[name, 1]["details"]
        for fold in (0, 1):
            assert records[name, fold]["status"] == "ok"
            assert records[name, fold]["metrics"] == records["calm", fold]["metrics"]
            assert records[name, fold]["predictions_sha256"]


def test_an_explanation_that_is_ended_costs_itself_only(bench: Any) -> None:
    wanted = ("calm", "sleeps", "leaves", "raises", "eats")
    check(
        records_of(bench, *wanted, jobs=1, time_limit=30, memory_limit=1_500_000_000),
        sleeps="stopped after the time limit of 30 s",
        leaves="the worker process died (exit code 3)",
        raises="SystemExit: 4",
        eats="over the memory limit of 1.5 GB",
    )


@pytest.mark.slow
def test_on_dask_it_is_the_same(bench: Any, running_cluster: Any) -> None:
    pytest.importorskip("distributed")
    records = records_of(bench, "calm", "leaves", scheduler=running_cluster.address)
    check(records, leaves="the worker process died (exit code 3)")
