"""Cells on Dask: a real scheduler and two real workers, that lose a worker, a cell, a client, and nothing else."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pandas as pd
import psutil
import pytest

from automat import api
from automat.core import EngineError, InputError
from automat.executors import dask as dask_executor
from automat.executors import dask_node
from automat.executors.choosing import opened
from automat.executors.dask_crew import DaskCrew
from automat.networks import backends

pytest.importorskip("distributed")
TELLS_ITS_BACKEND = """
from sklearn.linear_model import Ridge
from automat import Model
from automat.networks.backends import default_backend

class Tells(Ridge):
    def fit(self, X, y):
        self.details_ = {"backend": default_backend()}
        return super().fit(X, y)

MODEL = Model(name="tells", handles_missing=True, build=lambda params, seed: Tells())
"""
CERTAIN = ("metrics", "params", "status", "error", "n_train", "n_test", "cell", "predictions_sha256", "versions")


def certain(bench: Any) -> list[dict[str, Any]]:
    """What must be the same wherever a cell runs."""
    return [{name: record[name] for name in CERTAIN} for record in bench.records()]


def is_alive(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def dask_pids(address: str) -> dict[str, int]:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        found: dict[str, int] = client.run(os.getpid)
    return found


@pytest.mark.slow
def test_the_same_cells_give_the_same_records(bench: Any, running_cluster: Any, tmp_path: Any) -> None:
    models = ["dummy", "linear", "knn", "decision_tree", "lightgbm"]
    here = api.run(**bench.arguments(*models, jobs=2))
    local = certain(bench)
    predictions = pd.concat(pd.read_parquet(path) for path in sorted(bench.runs.glob("*/predictions/*")))
    bench.runs.rename(tmp_path / "local")
    there = api.run(**bench.arguments(*models, scheduler=running_cluster.address))
    assert (here.computed, there.computed, here.failed, there.failed) == (10, 10, 0, 0)
    assert certain(bench) == local
    again = pd.concat(pd.read_parquet(path) for path in sorted(bench.runs.glob("*/predictions/*")))
    pd.testing.assert_frame_equal(again, predictions, check_exact=True)


@pytest.mark.slow
def test_data_go_once_to_each_worker(bench: Any, running_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: Counter[tuple[str, str]] = Counter()
    ask = DaskCrew._ask

    def asked(crew: DaskCrew, addresses: Any, function: Any, *args: Any, **options: Any) -> Any:
        if function is dask_node.receive and options["is_last"]:
            sent.update((address, args[0]) for address in addresses)
        return ask(crew, addresses, function, *args, **options)

    monkeypatch.setattr(DaskCrew, "_ask", asked)
    with opened(scheduler=running_cluster.address) as place:
        models = bench.entrants("plain", "slow", seconds=0.5)
        api.run(**bench.arguments(models, folds=4, executor=place))
        assert len({parent for _, parent in bench.traces("plain") + bench.traces("slow")}) == 2
        assert len(bench.traces("plain") + bench.traces("slow")) >= 8
        workers = Counter(address for address, _ in sent)
        assert len(workers) == 2
        assert set(sent.values()) == {1}
        first = len(sent)
        # Another run over the same rows: folds are new, the data are there.
        api.run(**bench.arguments(bench.entrants("plain"), folds=3, executor=place))
        assert set(sent.values()) == {1}
        assert len(sent) == first + 2


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(bench: Any, running_cluster: Any, onlooker: Callable[..., Any]) -> None:
    models = bench.entrants("slow", seconds=1.5)
    killed: list[tuple[int, int]] = []

    def kill() -> None:
        if not killed and len(bench.traces("slow")) >= 1:
            killed.append(bench.traces("slow")[0])
            os.kill(killed[0][1], signal.SIGKILL)

    before = dask_pids(running_cluster.address)
    result = api.run(**bench.arguments(models, folds=4, scheduler=running_cluster.address, progress=onlooker(kill)))
    assert killed[0][1] in before.values()
    assert (result.computed, result.failed) == (4, 0)
    assert not is_alive(killed[0][0])  # its cell's process went with it
    disturbed = certain(bench)
    bench.runs.rename(bench.folder / "disturbed")
    api.run(**bench.arguments(models, folds=4, jobs=2))
    assert certain(bench) == disturbed


@pytest.mark.slow
def test_wild_cells_cost_themselves_only(bench: Any, running_cluster: Any) -> None:
    models = bench.entrants("plain", "crashes", "eats", "raises")
    before = dask_pids(running_cluster.address)
    result = api.run(**bench.arguments(models, scheduler=running_cluster.address, memory_limit=800_000_000))
    assert (result.computed, result.failed) == (8, 6)
    ends = {record["cell"]["model"]: (record["status"], record["error"]) for record in bench.records()}
    assert ends["plain"] == ("ok", "")
    assert ends["crashes"] == ("failed", "the worker process died (SIGSEGV)")
    assert ends["raises"] == ("failed", "ValueError: no such thing")
    assert ends["eats"][0] == "out_of_memory"
    assert ends["eats"][1].endswith("over the memory limit of 800 MB")
    assert dask_pids(running_cluster.address) == before


@pytest.mark.slow
def test_a_cell_over_its_time_ends(bench: Any, running_cluster: Any) -> None:
    api.run(**bench.arguments(bench.entrants("sleeps"), scheduler=running_cluster.address, time_limit=2))
    ends = {(record["status"], record["error"]) for record in bench.records()}
    assert ends == {("timeout", "stopped after the time limit of 2 s")}


@pytest.mark.long
def test_a_cell_whose_workers_die_again_and_again_is_given_up(
    bench: Any, running_cluster: Any, onlooker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automat.executors.dask_crew.MOST_LOST_WORKERS", 2)
    killed: list[int] = []

    def kill() -> None:
        for _, parent in bench.traces("sleeps"):
            if parent not in killed and is_alive(parent):
                killed.append(parent)
                os.kill(parent, signal.SIGKILL)

    models = bench.entrants("sleeps")
    result = api.run(**bench.arguments(models, scheduler=running_cluster.address, progress=onlooker(kill)))
    assert result.failed == 2
    assert {record["error"] for record in bench.records()} == {"2 Dask workers died while they computed it"}
    assert len(killed) == 4


@pytest.mark.slow
def test_ctrl_c_leaves_a_running_scheduler_running(
    bench: Any, running_cluster: Any, wait_until: Callable[..., None], interrupt: Callable[..., None]
) -> None:
    process = bench.start(bench.entrants("sleeps"), "--scheduler", running_cluster.address)
    wait_until(lambda: len(bench.traces("sleeps")) == 2)
    interrupt(process)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, output + errors
    assert errors.endswith("automat: stopped. Finished cells are kept; the same command goes on from here.\n")
    assert "Traceback" not in errors
    wait_until(lambda: not any(is_alive(pid) for pid, _ in bench.traces("sleeps")), 60)
    assert len(dask_pids(running_cluster.address)) == 2


@pytest.mark.slow
def test_cells_of_a_run_that_is_killed_end(bench: Any, running_cluster: Any, wait_until: Callable[..., None]) -> None:
    process = bench.start(bench.entrants("sleeps"), "--scheduler", running_cluster.address)
    wait_until(lambda: len(bench.traces("sleeps")) == 2)
    cells = [pid for pid, _ in bench.traces("sleeps")]
    assert all(is_alive(pid) for pid in cells)
    process.kill()
    process.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in cells), 60)
    assert not any(is_alive(pid) for pid in cells)
    assert len(dask_pids(running_cluster.address)) == 2


@pytest.mark.slow
def test_ctrl_c_ends_a_cluster_of_our_own(
    bench: Any, wait_until: Callable[..., None], interrupt: Callable[..., None]
) -> None:
    process = bench.start(bench.entrants("sleeps"), "--executor", "dask", "--jobs", "2")
    wait_until(lambda: len(bench.traces("sleeps")) == 2)
    family = psutil.Process(process.pid).children(recursive=True)
    interrupt(process)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, output + errors
    assert errors == "automat: stopped. Finished cells are kept; the same command goes on from here.\n"
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


@pytest.mark.long
def test_two_runs_one_on_dask_share_the_cells(bench: Any, running_cluster: Any) -> None:
    models = bench.entrants("slow", seconds=0.3)
    options = (str(models), "--folds", "8", "--jobs", "1")
    runs = [bench.start(*options), bench.start(*options, "--scheduler", running_cluster.address)]
    for process in runs:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, output + errors
    assert len(bench.records()) == 8
    fits = len(bench.traces("slow"))
    assert fits == 16  # one, and one more for the error bars, a cell
    assert len({parent for _, parent in bench.traces("slow")}) >= 2


@pytest.mark.slow
def test_a_scheduler_that_goes_away_ends_the_run(bench: Any, own_cluster: Any, wait_until: Callable[..., None]) -> None:
    process = bench.start(bench.entrants("sleeps"), "--scheduler", own_cluster.address)
    wait_until(lambda: bench.traces("sleeps"))
    own_cluster.processes[0].kill()
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 3, output + errors
    assert errors.startswith("automat: the Dask scheduler is gone")
    assert "Traceback" not in errors


def test_a_worker_with_other_versions_is_refused(
    bench: Any, running_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automat._process.versions", lambda: {"numpy": "0.1"})
    monkeypatch.setattr("automat._process.sources", lambda: "other")
    with pytest.raises(EngineError, match=r"can compute cells; .*numpy .*\(here 0.1\).*, automat's sources"):
        api.run(**bench.arguments("dummy", scheduler=running_cluster.address))


def test_a_cell_finds_the_graph_backend_of_its_run(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entrant = bench.folder / "tells.py"
    entrant.write_text(TELLS_ITS_BACKEND)
    with opened("dask", jobs=1) as place:
        # The cluster is started in the first run, so its worker's own environment says dgl ever after.
        for asked, expected in (("dgl", "dgl"), ("torch", "torch"), ("", backends.default_backend())):
            monkeypatch.setenv(backends.VARIABLE, asked)
            out = bench.folder / f"asked-{asked}"
            result = api.run(**bench.arguments(entrant, executor=place, out=out))
            assert (result.computed, result.failed) == (2, 0)
            found = [json.loads(path.read_text())["details"]["backend"] for path in out.glob("*/records/*.json")]
            assert found == [expected] * 2
            assert isinstance(place, dask_executor.Dask)
            assert set(place._client.run(os.getenv, backends.VARIABLE).values()) == {"dgl"}


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "spdy://127.0.0.1:9"])
def test_a_scheduler_that_cannot_be_reached(bench: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "CONNECT_SECONDS", 1.0)
    with pytest.raises(InputError, match=f"the Dask scheduler at '{address}' cannot be reached: "):
        api.run(**bench.arguments("dummy", scheduler=address))


def test_without_workers_a_run_ends(bench: Any, own_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "PATIENCE_SECONDS", 1.0)
    own_cluster.processes[1].kill()
    with pytest.raises(EngineError, match="has had no workers for 1 s"):
        api.run(**bench.arguments("dummy", scheduler=own_cluster.address))


def test_nothing_to_compute_asks_nobody(bench: Any) -> None:
    api.run(**bench.arguments("dummy", jobs=1))
    again = api.run(**bench.arguments("dummy", scheduler="tcp://127.0.0.1:9"))
    assert (again.computed, again.reused) == (0, 2)


@pytest.mark.slow
def test_a_cluster_of_this_machine(bench: Any) -> None:
    result = api.run(**bench.arguments("dummy", executor="dask", jobs=2))
    assert (result.computed, result.failed) == (2, 0)


def test_a_cluster_of_this_machine_takes_nothing_from_others() -> None:
    import socket

    with dask_executor._local_cluster(0) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=120) as theirs:
            theirs.sendall(b"in plain words\n")
            # It says what is wrong with that, in TLS, and hangs up, where a scheduler without would wait for more.
            answer = b""
            with suppress(ConnectionResetError):
                while part := theirs.recv(4096):
                    answer += part
        assert answer[:1] in {b"", b"\x15"}
