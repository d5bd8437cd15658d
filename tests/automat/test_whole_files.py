"""Files that users name: what breaks off on the way leaves them as they were."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automat import api, terminal, whole_files
from automat.core import InputError
from automat.exports import cgcnn, onnx_file

pytestmark = pytest.mark.usefixtures("cells_in_this_process")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    api.run("iris", models=["dummy"], preset="quick", folds=2, trials=1, out=folder, jobs=1)
    return folder


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full as soon as something was written to it."""

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def write_cgcnn(path: Path, _runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    rows = pd.DataFrame({"fold": [0], "id": ["a"], "y_true": [1.0], "y_pred": [2.0]})
    chosen = SimpleNamespace(predictions=rows, board=SimpleNamespace(task="regression"), row=None)
    monkeypatch.setattr(cgcnn, "entrant", lambda *_args, **_options: chosen)
    cgcnn.write(path, path.parent)


def write_onnx(path: Path, _runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(takes="features", name="m", classes=())
    trained: Any = SimpleNamespace(card=card, domain=SimpleNamespace(center=[0.0]), feature_names=lambda: ["x"])
    import numpy as np

    for name, given in {
        "_behind_encoder": None, "_converted": (b"", np.float64), "_rows": np.zeros((2, 1)), "_computed": None,
        "_compared": (0.0, 2), "_labelled": b"a model",
    }.items():  # fmt: skip
        monkeypatch.setattr(onnx_file, name, lambda *_, given=given: given)
    onnx_file.write(trained, path)


def write_page(path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "render_records", lambda *_args, **_options: runs)
    monkeypatch.setattr(api, "render_index", lambda *_args, **_options: runs)
    api.report(runs, html=path)


def write_board(form: str) -> Callable[..., None]:
    def write(path: Path, runs: Path, _: pytest.MonkeyPatch) -> None:
        terminal.write_board(api.leaderboards(runs)[0], **{form: path})

    return write


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("write", [
    write_cgcnn, write_onnx, write_page, *(write_board(form) for form in ("csv", "json", "latex", "markdown")),
])  # fmt: skip
def test_a_full_disk_leaves_what_was_there(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., None]
) -> None:
    path = tmp_path / "mine"
    path.write_text("of before")
    with pytest.raises(InputError, match="No space left on device"):
        write(path, runs, monkeypatch)
    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_leads_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "file")
    whole_files.write(link, "한")
    whole_files.write(link, b"two")
    assert link.is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "two"
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["file"]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    whole_files.write(pipe, "through")
    reader.join()
    assert read == [b"through"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such device here")
def test_standard_output_is_written_to(tmp_path: Path) -> None:
    code = "from pathlib import Path; from automat import whole_files; whole_files.write(Path('/dev/stdout'), 'one')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "one"
    with (tmp_path / "file").open("w+") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        assert file.read() == "one"
