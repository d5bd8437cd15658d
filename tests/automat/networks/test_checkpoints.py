from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs
from torch import nn

from automat.core import Dataset
from automat.networks import trainer
from automat.networks.cgcnn import CGCNNRegressor
from automat.networks.checkpoints import Checkpoint, CheckpointError, header
from automat.networks.mlp import MLPRegressor
from automat.networks.trainer import Curves, Lessons, Recipe, Regression

RECIPE = Recipe(epochs=7, batch_size=8, learning_rate=0.05)


class KilledError(Exception):
    """What ends a training midway."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with trainer.one_thread():
        yield


def curve() -> tuple[Lessons, Regression]:
    """y = x^2 - x, of which every fourth row is held out; sizes have nothing to do with either."""
    x = torch.linspace(-1, 1, 48)[:, None]
    y = (x[:, 0] ** 2 - x[:, 0]).double()
    every = np.arange(48)
    held = every[::4]
    lessons = Lessons(lambda part: x[part], y, np.setdiff1d(every, held), held, sizes=every % 5)
    return lessons, Regression.of(y.numpy())


def made(width: int = 6) -> nn.Module:
    """Everything that a training can forget: what batch norm measured, and dropout's chance."""
    with trainer.seeded(0):
        return nn.Sequential(
            nn.Linear(1, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(0.2), nn.Linear(width, 1)
        )


def trained(recipe: Recipe, seed: int = 3, **options: Any) -> tuple[dict[str, torch.Tensor], Curves]:
    network = made()
    curves = trainer.train(network, *curve(), recipe, seed, **options)
    return network.state_dict(), curves


def killed_after(epoch: int) -> trainer.OnEpoch:
    def kill(number: int, _error: float, _judged: float) -> None:
        if number == epoch:
            raise KilledError

    return kill


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return list(first) == list(second) and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"average_epochs": 2},
        {"average_epochs": 2, "holdout": 0.0},
        {"bucket": True},
        {"schedule": "milestones", "milestones": (4,)},
        {"epochs": 40, "learning_rate": 0.3, "schedule": "constant", "patience": 5},
        {"precision": "bfloat16"},
    ],
)
@pytest.mark.parametrize(("killed", "every"), [(1, 1), (4, 1), (6, 4), (3, 2)])
def test_a_resumed_training_ends_as_if_it_had_not_been_killed(
    tmp_path: Path, options: dict[str, Any], killed: int, every: int
) -> None:
    recipe = Recipe(**vars(RECIPE) | options)
    weights, curves = trained(recipe)
    checkpoint = Checkpoint(tmp_path / "runs" / "one.pt", every)
    with pytest.raises(KilledError):
        trained(recipe, checkpoint=checkpoint, on_epoch=killed_after(killed))
    torch.rand(5)
    told: list[int] = []
    again, curves_again = trained(recipe, checkpoint=checkpoint, on_epoch=lambda epoch, *_: told.append(epoch))
    assert told[0] == 1 + killed // every * every
    assert curves_again == curves
    assert same(again, weights)
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["one.pt"]


def test_a_training_may_be_killed_again_and_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    for epoch in range(1, 7):
        with pytest.raises(KilledError):
            trained(RECIPE, checkpoint=checkpoint, on_epoch=killed_after(epoch))
    weights, curves = trained(RECIPE, checkpoint=checkpoint)
    expected, expected_curves = trained(RECIPE)
    assert curves == expected_curves
    assert same(weights, expected)


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt", every=5)
    weights, curves = trained(RECIPE, checkpoint=checkpoint)
    written = checkpoint.path.read_bytes()

    def never(_epoch: int, _error: float, _judged: float) -> bool:
        pytest.fail("an epoch was trained")

    again, curves_again = trained(RECIPE, checkpoint=checkpoint, on_epoch=never)
    assert curves_again == curves
    assert same(again, weights)
    assert checkpoint.path.read_bytes() == written


@pytest.mark.parametrize("other", ["seed", "recipe", "weights", "targets", "rows"])
def test_another_trainings_checkpoint_is_refused(tmp_path: Path, other: str) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    trained(RECIPE, checkpoint=checkpoint)
    lessons, problem = curve()
    network, recipe = made(7 if other == "weights" else 6), RECIPE
    if other == "recipe":
        recipe = Recipe(**vars(RECIPE) | {"epochs": 8})
    if other == "targets":
        lessons = Lessons(lessons.source, lessons.targets + 1e-9, lessons.fitted, lessons.held, lessons.sizes)
    if other == "rows":
        lessons = Lessons(lessons.source, lessons.targets, lessons.fitted[1:], lessons.held, lessons.sizes)
    with pytest.raises(CheckpointError, match=r"one\.pt' is of another training .* remove it, or name another file"):
        trainer.train(network, lessons, problem, recipe, 4 if other == "seed" else 3, checkpoint=checkpoint)


class Code:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def test_reading_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    checkpoint, marker = Checkpoint(tmp_path / "one.pt"), tmp_path / "code_ran"
    content = io.BytesIO()
    torch.save({"fingerprint": "", "state": Code(marker)}, content)
    checkpoint.path.write_bytes(header(content.getvalue()) + content.getvalue())
    with pytest.raises(CheckpointError, match=r"one\.pt' is not a checkpoint; remove it"):
        trained(RECIPE, checkpoint=checkpoint)
    assert not marker.exists()
    torch.load(io.BytesIO(content.getvalue()), weights_only=False)
    assert marker.exists()  # so the trap was one


@pytest.mark.parametrize(
    "content",
    [b"", b"t", b"\n", b"not a checkpoint", b"PK\x03\x04 half a file", header(b"t") + b"t", header(b"") + b"t"],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    checkpoint.path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"one\.pt' is not a checkpoint; remove it"):
        trained(RECIPE, checkpoint=checkpoint)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    trained(RECIPE, checkpoint=checkpoint)
    whole = checkpoint.path.read_bytes()
    checkpoint.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"one\.pt' is not a checkpoint; remove it"):
        trained(RECIPE, checkpoint=checkpoint)


def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    trained(RECIPE, checkpoint=checkpoint)
    whole = checkpoint.path.read_bytes()
    # Most of these torch itself reads without a word, weights among them.
    for at in np.random.default_rng(0).integers(0, len(whole), 100):
        flipped = bytearray(whole)
        flipped[at] ^= 0x40
        checkpoint.path.write_bytes(flipped)
        with pytest.raises(CheckpointError, match=r"one\.pt' is not a checkpoint; remove it"):
            trained(RECIPE, checkpoint=checkpoint)


def test_a_file_without_a_digest_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    trained(RECIPE, checkpoint=checkpoint)
    _, _, content = checkpoint.path.read_bytes().partition(b"\n")
    checkpoint.path.write_bytes(content)
    assert set(torch.load(checkpoint.path, weights_only=True)) == {"fingerprint", "state"}
    with pytest.raises(CheckpointError, match=r"one\.pt' is not a checkpoint; remove it"):
        trained(RECIPE, checkpoint=checkpoint)


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "one.pt")
    checkpoint.save({"step": 1}, "mine")
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"step": lambda: 2}, "mine")
    assert checkpoint.load("mine") == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["one.pt"]


def test_no_epochs_between_files_make_no_sense() -> None:
    with pytest.raises(ValueError, match="every must be at least 1, but got 0"):
        Checkpoint(Path("one.pt"), every=0)


KILL = """
import os, signal, sys
from pathlib import Path
from sklearn.datasets import load_diabetes
from automat.networks.checkpoints import Checkpoint
from automat.networks.mlp import MLPRegressor

model = MLPRegressor(epochs=6, seed=2)
model.checkpoint = Checkpoint(Path(sys.argv[1]))
model.on_epoch = lambda epoch, *_: os.kill(os.getpid(), signal.SIGKILL) if epoch == 4 else None
model.fit(*load_diabetes(return_X_y=True))
"""


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    from sklearn.datasets import load_diabetes

    path = tmp_path / "one.pt"
    command = [sys.executable, "-c", textwrap.dedent(KILL), str(path)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    X, y = load_diabetes(return_X_y=True)
    resumed, whole = MLPRegressor(epochs=6, seed=2), MLPRegressor(epochs=6, seed=2)
    resumed.checkpoint = Checkpoint(path)
    told: list[int] = []
    resumed.on_epoch = lambda epoch, *_: told.append(epoch)
    assert same(resumed.fit(X, y).network_.state_dict(), whole.fit(X, y).network_.state_dict())
    assert told == [5, 6]
    assert resumed.details_.pop("resumed")["after_epoch"] == 4
    assert resumed.details_ == whole.details_


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_cgcnn_goes_on_where_it_was(
    tmp_path: Path, formation: Dataset, formation_graphs: CrystalGraphs, backend: str
) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")

    def model() -> CGCNNRegressor:
        return CGCNNRegressor(epochs=3, batch_size=32, width=16, backend=backend, seed=1)

    whole = model().fit(formation_graphs, formation.target)
    resumed = model()
    resumed.checkpoint = Checkpoint(tmp_path / "one.pt")
    resumed.on_epoch = killed_after(2)
    with pytest.raises(KilledError):
        resumed.fit(formation_graphs, formation.target)
    resumed.on_epoch = None
    assert same(resumed.fit(formation_graphs, formation.target).network_.state_dict(), whole.network_.state_dict())
    before = resumed.details_.pop("resumed")
    assert before["after_epoch"] == 2
    assert before["cpu_seconds_before"] > 0
    assert resumed.details_ == whole.details_


def test_another_backends_checkpoint_is_refused(
    tmp_path: Path, formation: Dataset, formation_graphs: CrystalGraphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody need have named a backend: what it resolves to differs between machines, and so do the digits."""
    pytest.importorskip("dgl")

    def fit(backend: str) -> CGCNNRegressor:
        monkeypatch.setenv("AUTOMAT_GRAPH_BACKEND", backend)
        model = CGCNNRegressor(epochs=1, batch_size=64, width=8, hidden=8, seed=1)
        model.checkpoint = Checkpoint(tmp_path / "one.pt")
        return model.fit(formation_graphs, formation.target)

    fit("torch")
    with pytest.raises(CheckpointError, match=r"one\.pt' is of another training"):
        fit("dgl")
    assert fit("torch").details_["resumed"]["after_epoch"] == 1
