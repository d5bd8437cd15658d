"""What a Dask worker keeps and lets go of."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automat.core import EngineError
from automat.executors import dask_node
from automat.executors.dask_crew import MOST_LOST_WORKERS, DaskCrew
from automat.executors.workers import Workers, WorkersError

HOURS_AGO = 4000.0


class FakeWorkers:
    """Processes that none of these tests starts."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Any]:
    """A Dask worker as far as parcels go."""
    yield SimpleNamespace(local_directory=str(tmp_path / "local"))
    dask_node._idle.clear()
    dask_node._running.clear()


def order(job: str, *others: str) -> dask_node.Order:
    return dask_node.Order(job, (*others, job), None, None)


def lay(node: Any, *names: str) -> Path:
    """Parcels that came long ago; their folder."""
    for name in names:
        dask_node.receive(name, "sender", b"content", node, is_last=True)
    folder = Path(node.local_directory) / "automat"
    for name in names:
        os.utime(folder / name, (time.time() - HOURS_AGO,) * 2)
    return folder


def wait_idle(each: dask_node.Order, since: float = 0.0) -> FakeWorkers:
    workers = FakeWorkers()
    dask_node._idle.append(dask_node._Idle(each, workers, time.monotonic() - since))  # type: ignore[arg-type]
    return workers


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_in_use_is_not_swept(node: Any) -> None:
    folder = lay(node, "data", "idle", "running", "unused", "waited for too long")
    wait_idle(order("idle", "data"))
    workers = wait_idle(order("waited for too long"), since=dask_node.IDLE_SECONDS)
    with dask_node._using(order("running", "data")):
        dask_node._sweep(folder)
        assert left(folder) == {"data", "idle", "running"}
    assert workers.is_closed
    dask_node._idle.clear()
    dask_node._sweep(folder)
    assert left(folder) == set()


def test_a_process_that_waited_needs_its_parcels_too(node: Any) -> None:
    folder = lay(node, "data", "job")
    each = order("job", "data")
    workers = wait_idle(each)
    assert dask_node._taken(each, folder) is workers  # type: ignore[comparison-overlap]
    assert all(time.time() - (folder / name).stat().st_mtime < HOURS_AGO / 2 for name in each.names)
    wait_idle(each)
    (folder / "data").unlink()
    with pytest.raises(dask_node.MissingParcelError, match="not here: data"):
        dask_node._taken(each, folder)


def test_a_run_that_is_over_leaves_what_others_use(node: Any) -> None:
    folder = lay(node, "data", "over", "idle", "running", "of its own")
    ended = wait_idle(order("over", "data", "of its own"))
    wait_idle(order("idle", "data"))
    dask_node.forget(("data", "over", "of its own"), node)
    assert left(folder) == {"data", "idle", "running"}
    assert ended.is_closed
    dask_node._idle.clear()
    with dask_node._using(order("running", "data")):
        dask_node.forget(("data", "idle"), node)
        assert left(folder) == {"data", "running"}
    dask_node.forget(("data", "running"), node)
    assert left(folder) == set()


@pytest.mark.parametrize(("is_there", "expected"), [(False, dask_node.MissingParcelError), (True, WorkersError)])
def test_a_process_that_is_replaced_without_its_parcels(
    node: Any, monkeypatch: pytest.MonkeyPatch, is_there: bool, expected: type[Exception]
) -> None:
    """They vanish between the look at them and the start of the process, or are there and it fails all the same."""
    folder = lay(node, "job")
    computing = SimpleNamespace(
        local_directory=node.local_directory,
        get_current_task=lambda: "key",
        state=SimpleNamespace(tasks={"key": SimpleNamespace(state="executing")}),
        status=SimpleNamespace(name="running"),
    )
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(get_worker=lambda: computing))

    def start(_workers: Workers, _wanted: int) -> None:
        if not is_there:
            (folder / "job").unlink()
        raise WorkersError("a worker process could not start: FileNotFoundError")

    monkeypatch.setattr(Workers, "start", start)
    with pytest.raises(expected):
        dask_node.compute(order("job"), None)  # type: ignore[arg-type]
    assert dask_node._running == []


def test_a_full_disk_leaves_no_parts(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dask_node.receive("job", "sender", b"first", node, is_last=False)
    folder = Path(node.local_directory) / "automat"
    assert len(left(folder)) == 1

    def full(_part: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(dask_node.FolderError, match=r"cannot be kept in '.*': No space left on device"):
        dask_node.receive("job", "sender", b"last", node, is_last=True)
    assert left(folder) == set()


def test_a_folder_that_cannot_be_made(node: Any) -> None:
    Path(node.local_directory).parent.mkdir(exist_ok=True)
    Path(node.local_directory).write_text("a file")
    with pytest.raises(dask_node.FolderError, match=r"Not a directory|File exists"):
        dask_node.receive("job", "sender", b"content", node, is_last=True)


class Client:
    """A scheduler with one worker, whose functions run here."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.asked = 0

    def nthreads(self) -> dict[str, int]:
        return {"tcp://a:1": 1}

    def run(self, function: Any, *args: Any, workers: list[str], on_error: str, **options: Any) -> dict[str, Any]:
        assert on_error == "return"
        self.asked += 1
        try:
            answer = function(*args, dask_worker=self.node, **options)
        except Exception as error:  # noqa: BLE001 - as Dask does
            answer = error
        return dict.fromkeys(workers, answer)


def crew(client: Any, folder: Path) -> DaskCrew:
    from automat import _process

    folder.mkdir()
    (folder / "job").write_bytes(b"content")
    return DaskCrew(
        client, order("job"), folder, _process.versions(), _process.sources(), lambda _wanted, _present: None, None
    )


def test_a_worker_that_cannot_keep_parcels_is_refused(node: Any, tmp_path: Path) -> None:
    Path(node.local_directory).write_text("a file")
    client = Client(node)
    each = crew(client, tmp_path / "sent")
    with pytest.raises(EngineError, match=r"no Dask worker can compute cells; of tcp://a:1: .*Not a directory|exists"):
        each.start(1)
    assert client.asked == 2


def test_a_worker_that_is_not_reached_is_asked_again(node: Any, tmp_path: Path) -> None:
    from distributed.comm import CommClosedError

    client = Client(node)
    each = crew(client, tmp_path / "sent")
    reach = client.run
    client.run = lambda *_args, workers, **_options: {  # type: ignore[method-assign]
        address: CommClosedError("closed") for address in workers
    }
    each.start(1)
    assert each.idle() == []
    client.run = reach  # type: ignore[method-assign]
    each._looked = 0.0
    each.start(1)
    assert len(each.idle()) == 1


def test_a_cell_whose_workers_vanish_is_given_up_in_the_end(node: Any, tmp_path: Path) -> None:
    client: Any = Client(node)
    numbers = iter(range(1, 100))
    client.nthreads = lambda: {f"tcp://a:{next(numbers)}": 1}  # another one at every look
    client.submit = lambda *_args, **_options: SimpleNamespace(add_done_callback=lambda _told: None, done=lambda: False)
    client.cancel = lambda *_args, **_options: None
    each = crew(client, tmp_path / "sent")
    cell: Any = SimpleNamespace(model="linear", fold=0, key="key")
    each.start(1)
    each.idle()[0].give(cell)
    for _ in range(MOST_LOST_WORKERS - 1):
        assert each.works == [cell]
        assert each.wait(0) == []
        each._looked = 0.0
        each.start(1)
        assert each.idle() == []  # it takes what was lost
    each._looked = 0.0
    each.start(1)
    (ended,) = each.wait(0)
    assert (ended.work, ended.by) == (cell, "death")
    assert ended.reason == f"{MOST_LOST_WORKERS} Dask workers died while they computed it"
    assert each.works == []
