"""kill -9 at random moments, of a run and of its workers; two runs on one folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    import pandas as pd

KILLS = int(os.environ.get("AUTOMAT_CHAOS_KILLS", "5"))


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if "spawn_main" in " ".join(child.cmdline())
        ]
    except psutil.Error:
        return []


@pytest.mark.slow
def test_the_run_is_killed_at_random_moments(
    laboratory: Any, undisturbed: pd.DataFrame, ledger: Callable[..., None]
) -> None:
    rng = random.Random(0)  # noqa: S311 - moments, no secrets
    seed = kills = 0
    cells = 0
    while kills < KILLS:
        process = laboratory.start(seed=seed)
        time.sleep(rng.uniform(0.1, undisturbed.attrs["seconds"]))
        workers = workers_of(process)
        kills += process.poll() is None
        process.kill()
        process.communicate()
        _, alive = psutil.wait_procs(workers, timeout=15)
        assert alive == []
        if laboratory.keep_in_mind() == (seed + 1) * laboratory.cells:
            seed += 1  # all is done: begin another board
    for each in range(seed + 1):
        laboratory.finish(seed=each)
        cells += laboratory.cells
    assert laboratory.keep_in_mind() == cells
    if seed == 0:
        laboratory.is_right(undisturbed, kills=kills)
    else:
        assert len(laboratory.predictions()) == cells // 2 * 60
    ledger("kill -9 of the run", kills, cells, "the same command goes on")


@pytest.mark.slow
def test_workers_are_killed_at_random_moments(
    laboratory: Any, undisturbed: pd.DataFrame, ledger: Callable[..., None], wait_until: Callable[..., None]
) -> None:
    rng = random.Random(1)  # noqa: S311 - moments, no secrets
    process = laboratory.start()
    wait_until(laboratory.records)  # workers that are killed as they start lose nothing at all
    kills = 0
    while process.poll() is None and kills < KILLS:
        time.sleep(rng.uniform(0.05, 0.5))
        found = workers_of(process)
        if found:
            victim = rng.choice(found)
            if victim.is_running():
                victim.kill()
                kills += 1
    _, errors = process.communicate(timeout=120)
    assert "Traceback" not in errors
    assert process.returncode in {0, 3}
    failed = [record for record in laboratory.records().values() if record["status"] != "ok"]
    assert len(failed) <= kills
    assert {record["error"] for record in failed} <= {"the worker process died (SIGKILL)"}
    laboratory.keep_in_mind()
    laboratory.finish()
    laboratory.keep_in_mind()
    laboratory.is_right(undisturbed)
    ledger("kill -9 of a worker", kills, laboratory.cells, f"{len(failed)} failed records, computed by the next run")


@pytest.mark.slow
def test_two_runs_on_one_folder(laboratory: Any, undisturbed: pd.DataFrame, ledger: Callable[..., None]) -> None:
    runs = [laboratory.start(), laboratory.start()]
    outputs = []
    for process in runs:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, output + errors
        outputs.append(output)
    computed = [int(output.split(" cells computed")[0].split()[-1]) for output in outputs]
    assert sum(computed) == laboratory.cells
    laboratory.keep_in_mind()
    laboratory.is_right(undisturbed)
    ledger("two runs on one folder", 1, laboratory.cells, f"they computed {computed[0]} and {computed[1]}")


@pytest.mark.slow
def test_one_of_two_runs_is_killed(
    laboratory: Any, undisturbed: pd.DataFrame, ledger: Callable[..., None], wait_until: Callable[..., None]
) -> None:
    first = laboratory.start()
    wait_until(lambda: len(laboratory.records()) >= 4)
    second = laboratory.start()
    wait_until(lambda: len(laboratory.records()) >= 20)
    laboratory.keep_in_mind()
    first.send_signal(signal.SIGKILL)
    first.communicate()
    output, errors = second.communicate(timeout=120)
    assert second.returncode == 0, output + errors
    laboratory.keep_in_mind()
    laboratory.is_right(undisturbed, kills=1)
    ledger("one of two runs is killed", 1, laboratory.cells, "the other takes its cells over")
