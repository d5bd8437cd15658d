"""Workers that hang, die, or never start, and what a feature matrix makes of that."""

from __future__ import annotations

import importlib
import multiprocessing
import operator
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers import matrix
from automat_featurizers.cache import RowCache, digests
from automat_featurizers.workers import DIED, Outcome, Workers, WorkersBrokenError

if TYPE_CHECKING:
    from pathlib import Path

FRAGILE = """
import os

import numpy as np

from automat_featurizers.base import Block, Featurizer


class Atoms(Featurizer):
    name = "atoms"
    takes = "composition"
    cost_ms = 10_000.0

    def get_feature_names_out(self, input_features=None):
        return np.array(["atoms"], dtype=object)

    def _compute(self, packed):
        return Block(np.add.reduceat(packed.amounts, packed.row_ptr[:-1])[:, None])


class Fragile(Atoms):
    name = "fragile"

    def get_feature_names_out(self, input_features=None):
        return np.array(["heaviest"], dtype=object)

    def _compute(self, packed):
        if 29 in packed.atomic_numbers:
            os._exit(11)
        return Block(np.maximum.reduceat(packed.atomic_numbers, packed.row_ptr[:-1])[:, None].astype(float))
"""
"""One that counts atoms, and one that takes its process along when it sees copper."""


@pytest.fixture
def fragile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "fragile_featurizers.py").write_text(FRAGILE)
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module("fragile_featurizers")


def everything(workers: Workers) -> dict[Any, Outcome]:
    done: dict[Any, Outcome] = {}
    while workers.busy:
        done |= dict(workers.finished())
    return done


def test_every_task_comes_back_whatever_becomes_of_the_others() -> None:
    before = dict(os.environ)
    with Workers(2, time_limit=5.0) as workers:
        assert not workers.busy
        workers.submit("sum", operator.add, (1, 2))
        workers.submit("hang", time.sleep, (600,))
        workers.submit("die", os._exit, (7,))
        workers.submit("raise", operator.truediv, (1, 0))
        workers.submit("threads", os.getenv, ("OMP_NUM_THREADS",))
        assert workers.busy
        assert workers.has_room
        done = everything(workers)
        workers.submit("after", operator.add, (2, 2))
        assert everything(workers)["after"].result() == 4
    assert done["sum"].result() == 3
    assert done["threads"].result() == "1"
    assert done["hang"].lost
    assert done["hang"].timed_out
    assert "5 s" in str(done["hang"].error)
    assert done["die"].lost
    assert not done["die"].timed_out
    assert str(done["die"].error) == f"{DIED} (exit code 7)"
    assert not done["raise"].lost
    with pytest.raises(ZeroDivisionError):
        done["raise"].result()
    assert os.environ == before
    assert not multiprocessing.active_children()


def test_workers_that_never_start_are_given_up() -> None:
    with Workers(1, prepare=os._exit, args=(3,)) as workers:
        workers.submit("a", operator.add, (1, 2))
        with pytest.raises(WorkersBrokenError, match="before it took a task"):
            everything(workers)
    assert not multiprocessing.active_children()


class Unreadable:
    """Can be sent, but not be received."""

    def __reduce__(self) -> Any:
        return operator.truediv, (1, 0)


def test_what_a_worker_cannot_read_is_an_error_of_that_task() -> None:
    with Workers(1) as workers:
        workers.submit("a", abs, (Unreadable(),))
        workers.submit("b", abs, (-3,))
        done = everything(workers)
    assert isinstance(done["a"].error, ZeroDivisionError)
    assert not done["a"].lost
    assert done["b"].result() == 3


def test_leaving_stops_what_still_runs() -> None:
    started = time.monotonic()
    with Workers(1) as workers:
        workers.submit("long", time.sleep, (600,))
        workers.submit("queued", operator.add, (1, 2))
        while not multiprocessing.active_children():
            time.sleep(0.05)
    assert not multiprocessing.active_children()
    assert time.monotonic() - started < 60


def test_a_row_that_kills_its_worker_is_found_and_costs_nothing_else(
    fragile: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = af.PackedCompositions.pack(["NaCl", "Fe2O3", "UO2", "CuO", "GaAs", "NaCl", "MgO"])
    chosen = [fragile.Fragile(), fragile.Atoms()]
    monkeypatch.setattr(matrix, "_TASK_SECONDS", 60.0)  # three rows a task, by what these featurizers claim to cost
    progress: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        progress.append((done, total))

    made = af.featurize(packed, chosen, cache_dir=tmp_path, jobs=2, progress=report)
    np.testing.assert_array_equal(made.values[:, 0], [17, 26, 92, np.nan, 33, 17, 12])
    np.testing.assert_array_equal(made.values[:, 1], [2, 5, 3, 2, 2, 2, 2])
    assert made.failures == {3: f"fragile: {DIED} (exit code 11)"}
    assert progress[-1] == (12, 12)

    # All but that one value is kept; that one may have died of something that passes.
    kept = [RowCache(tmp_path, each).find(np.unique(digests(packed.row_hashes())))[0] for each in chosen]
    assert [len(found) for found in kept] == [5, 6]


def test_stopping_with_workers_keeps_what_is_done_and_leaves_none_behind(fragile: Any, tmp_path: Path) -> None:
    packed = af.PackedCompositions.pack(["NaCl", "Fe2O3", "UO2", "GaAs", "MgO"])

    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        af.featurize(packed, [fragile.Atoms()], cache_dir=tmp_path, jobs=2, progress=stop)
    assert not multiprocessing.active_children()
    left: list[int] = []
    af.featurize(packed, [fragile.Atoms()], cache_dir=tmp_path, progress=lambda _, total: left.append(total))
    assert left[-1] == 2


SCRIPT = """
import automat_featurizers as af
import numpy as np
from automat_featurizers.base import Block, Featurizer


class Heaviest(Featurizer):
    name = "heaviest"
    takes = "composition"
    cost_ms = 10_000.0

    def get_feature_names_out(self, input_features=None):
        return np.array(["heaviest"], dtype=object)

    def _compute(self, packed):
        import multiprocessing

        assert multiprocessing.parent_process() is not None, "this is no worker"
        return Block(np.maximum.reduceat(packed.atomic_numbers, packed.row_ptr[:-1])[:, None].astype(float))


print("started")
made = af.featurize(af.PackedCompositions.pack(["NaCl", "UO2", "GaAs"]), [Heaviest()], jobs=2)
print(made.values.ravel().tolist(), made.failures)
"""


def test_a_script_without_a_main_guard_uses_workers_for_a_featurizer_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == ["started", "[17.0, 92.0, 33.0] {}"], done.stderr
