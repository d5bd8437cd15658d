"""Training of the graph networks on a GPU, with the whole data set on it.

    python benchmarks/gpu_training.py prepare --dataset mp_megnet2018 --split megnet_split --output graphs.npz
    PYTHONPATH=. python benchmarks/gpu_training.py train --data graphs.npz --network cgcnn --epochs 300 --output results

``prepare`` needs all that the project needs, and writes one file: 36 MB for the 51,607 crystals of ``mp_megnet2018``,
whose official split it keeps. ``train`` needs torch, numpy and scikit-learn, and of the project the folder
``automat`` alone. It is the project's own trainer, fed from the device: graphs never leave it, and a batch is put
together there. Networks run in bfloat16 where that is safe, as the trainer has it; weights and judgements in float32.

It writes ``results.json``, ``predictions.csv`` (of the test rows), ``weights.pt`` and ``training.pt``, from which a
training that ran out of its minutes goes on when it is started again.

Figures: samples a second are training rows over the seconds of the median epoch, its validation included. The floor
is what the memory's bandwidth allows at best: everything that the backward pass needs is written once and read
once, at the rate at which the device copies. Its share is that time over the step's.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from automat.networks.primitives import GraphBatch
    from automat.networks.trainer import Lessons, Regression

    Arrays = dict[str, NDArray[Any]]

PARTS = ("train", "val", "test")
LARGEST_DATA, LARGEST_RESULT = 60_000_000, 16_000_000
"""Bytes."""
COPIES = 5


def main() -> None:
    """Prepare, or train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="graphs of a data set as one file")
    prepare.add_argument("--dataset", default="mp_megnet2018")
    prepare.add_argument("--split", default="", help="column that says train, val or test; else 80, 10, 10 by chance")
    prepare.add_argument("--only", default="", help="column of the rows to take; all if none")
    prepare.add_argument("--rows", type=int, default=0, help="only so many, drawn by chance")
    prepare.add_argument("--output", type=Path, required=True)
    train = commands.add_parser("train", help="train, judge and write results")
    train.add_argument("--data", type=Path, required=True)
    train.add_argument("--network", choices=["cgcnn", "megnet", "schnet"], required=True)
    train.add_argument("--options", type=json.loads, default={}, help='of the network, as {"convolutions": 4}')
    train.add_argument("--recipe", type=json.loads, default={}, help="further fields of the trainer's recipe, likewise")
    train.add_argument("--epochs", type=int, required=True)
    train.add_argument("--minutes", type=float, default=9.0, help="to end after, finished or not")
    train.add_argument("--batch-size", type=int, default=256)
    train.add_argument("--learning-rate", type=float, default=5e-3)
    train.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.command == "prepare":
        prepare_graphs(given)
    else:
        train_network(given)


def prepare_graphs(given: argparse.Namespace) -> None:
    """Write the graphs of a data set, exact to float32, in as few bytes as they take."""
    from automat_featurizers import build_graphs
    from automat_featurizers.atom_features import cgcnn_atom_features

    from automat import datasets

    dataset = datasets.load(given.dataset)
    if dataset.structures is None:
        raise SystemExit(f"dataset {given.dataset!r} has no structures")
    chance, extra = np.random.default_rng(0), dataset.extra
    rows = np.arange(len(dataset)) if not given.only else np.flatnonzero(_column(extra, given.only).astype(bool))
    if given.rows:
        rows = np.sort(chance.choice(rows, min(given.rows, len(rows)), replace=False))
    parts = np.array([PARTS.index(each) for each in _column(extra, given.split)[rows]]) if given.split else (
        chance.permutation(np.searchsorted([0.8, 0.9], np.arange(len(rows)) / len(rows), side="right"))
    )  # fmt: skip
    graphs = build_graphs(dataset.structures.take(rows))
    about = {name: getattr(dataset, name) for name in ("name", "target_name", "unit", "source", "licence")}
    arrays = {
        "atoms_of": np.diff(graphs.row_ptr).astype(np.uint16),
        "numbers": graphs.atomic_numbers.astype(np.uint8),
        "degrees": graphs.neighbours_per_atom().astype(np.uint8),
        "source": graphs.source.astype(np.uint16),
        **_lengths(graphs.distances.astype(np.float32), graphs.edge_ptr),
        "targets": dataset.target[rows],
        "parts": parts.astype(np.uint8),
        "ids": dataset.ids[rows].astype("S"),
        "columns": cgcnn_atom_features(),
        "about": np.frombuffer(json.dumps(about | {"split": given.split or "random"}).encode(), np.uint8),
    }
    given.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(given.output, **arrays)
    size = given.output.stat().st_size
    counts = ", ".join(f"{count} {part}" for part, count in zip(PARTS, np.bincount(parts, minlength=3), strict=True))
    print(f"{given.output}: {len(rows)} crystals ({counts}), {len(graphs.source):,} edges, {size / 1e6:.1f} MB")
    if size > LARGEST_DATA:
        raise SystemExit(f"more than {LARGEST_DATA / 1e6:.0f} MB; take fewer rows")


def _column(extra: Any, name: str) -> NDArray[Any]:
    if extra is None or name not in extra.columns:
        raise SystemExit(f"there is no column {name!r}; there are {[] if extra is None else list(extra.columns)}")
    values: NDArray[Any] = extra[name].to_numpy()
    return values


def _lengths(distances: NDArray[np.float32], edge_ptr: NDArray[np.int64]) -> Arrays:
    """Each crystal's different distances, and the place of every edge's: half the bytes of the distances."""
    from automat.networks.gate_kernels import different

    found = [different(distances[first:last]) for first, last in pairwise(edge_ptr)]
    return {
        "lengths": np.concatenate([lengths for lengths, _ in found]),
        "lengths_of": np.array([len(lengths) for lengths, _ in found], np.uint32),
        "length_of": np.concatenate([places for _, places in found]).astype(np.uint16),
    }


class Graphs:
    """All graphs on a device; called with rows, it gives them as a batch.

    Args:
        arrays: of the file.
        device: where they are to live.
    """

    def __init__(self, arrays: Arrays, device: torch.device) -> None:
        self._atoms_of = arrays["atoms_of"].astype(np.int64)
        first_atom = np.concatenate([[0], np.cumsum(self._atoms_of)])
        degrees = arrays["degrees"].astype(np.int64)
        self._edges_of = np.add.reduceat(degrees, first_atom[:-1])
        self._degree = int(degrees.max())
        first_length = np.repeat(np.cumsum(arrays["lengths_of"], dtype=np.int64) - arrays["lengths_of"], self._edges_of)
        in_crystal = np.arange(len(degrees)) - np.repeat(first_atom[:-1], self._atoms_of)

        def put(values: NDArray[Any], dtype: torch.dtype) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device, dtype)

        self._numbers = put(arrays["numbers"], torch.uint8)
        self._source = put(arrays["source"].astype(np.int32), torch.int32)
        self._destination = put(np.repeat(in_crystal, degrees).astype(np.int32), torch.int32)
        self._distances = put(arrays["lengths"][first_length + arrays["length_of"]], torch.float32)
        self._atoms = put(np.stack([first_atom[:-1], self._atoms_of]), torch.int64)
        self._edges = put(np.stack([np.cumsum(self._edges_of) - self._edges_of, self._edges_of]), torch.int64)

    def __call__(self, rows: NDArray[np.intp]) -> GraphBatch:
        """Rows as a batch, put together on the device without waiting for it."""
        from automat.networks.primitives import batch_of

        atoms, edges = int(self._atoms_of[rows].sum()), int(self._edges_of[rows].sum())
        chosen = torch.from_numpy(rows).to(self._atoms.device, non_blocking=True)
        (first_atom, atoms_of), (first_edge, edges_of) = self._atoms[:, chosen], self._edges[:, chosen]
        at_atoms, at_edges = _entries(first_atom, atoms_of, atoms), _entries(first_edge, edges_of, edges)
        shift = torch.repeat_interleave(atoms_of.cumsum(0) - atoms_of, edges_of, output_size=edges)
        alike = edges == self._degree * atoms  # no atom has more
        arrays = {
            "atomic_numbers": self._numbers[at_atoms].long(),
            "distances": self._distances[at_edges],
            "source": self._source[at_edges] + shift,
            "destination": self._destination[at_edges] + shift,
            "atoms_of": atoms_of,
            "edges_of": edges_of,
            "degree": self._degree if alike else 0,
        }
        return batch_of(arrays, "torch")


def _entries(first: Tensor, counts: Tensor, total: int) -> Tensor:
    """Positions of the entries of runs that begin at ``first``, one run after the other, shape (total,)."""
    before = counts.cumsum(0) - counts
    return torch.repeat_interleave(first - before, counts, output_size=total) + torch.arange(total, device=first.device)


def train_network(given: argparse.Namespace) -> None:
    """Train, judge on the test rows, and write what came of it."""
    from automat.networks import trainer
    from automat.networks.checkpoints import Checkpoint

    with np.load(given.data) as file:
        arrays = dict(file)
    device, targets, parts = trainer.device_of(given.device), arrays["targets"], arrays["parts"]
    train, held, test = (np.flatnonzero(parts == part) for part in range(len(PARTS)))
    with trainer.seeded(given.seed):
        network = _network(given.network, torch.from_numpy(arrays["columns"]), given.options)
    recipe = trainer.Recipe(
        epochs=given.epochs,
        batch_size=given.batch_size,
        learning_rate=given.learning_rate,
        device=given.device,
        **given.recipe,
    )
    problem = trainer.Regression.of(targets[train])
    graphs = Graphs(arrays, device)
    lessons = trainer.Lessons(graphs, torch.from_numpy(targets), train, held, arrays["atoms_of"].astype(np.int64))
    given.output.mkdir(parents=True, exist_ok=True)
    clock = _Clock(given.minutes, device)
    curves = trainer.train(
        network, lessons, problem, recipe, given.seed,
        on_epoch=clock.tell, checkpoint=Checkpoint(given.output / "training.pt"),
    )  # fmt: skip
    predicted = problem.to_unit(trainer.outputs_of(network.to(device), graphs, test)).cpu().numpy()
    is_mixed = recipe.precision == "bfloat16" or (recipe.precision == "auto" and device.type == "cuda")
    results = {
        "network": given.network,
        "options": given.options,
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "data": json.loads(arrays["about"].tobytes()),
        "rows": {name: len(rows) for name, rows in zip(PARTS, (train, held, test), strict=True)},
        "test_mae": float(np.abs(predicted - targets[test]).mean()),
        "validation_mae": min(curves.validation, default=None),
        "best_epoch": curves.best_epoch,
        "epochs": len(curves.train),
        "finished": len(curves.train) == given.epochs,
        "recipe": asdict(recipe),
        "seed": given.seed,
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": "bfloat16, mixed" if is_mixed else "float32",
        **clock.figures(len(train)),
        **_floor(network, lessons, problem, given.batch_size, is_mixed=is_mixed),
        "curves": asdict(curves),
    }
    if "samples_per_second" in results:
        step = given.batch_size / results["samples_per_second"]
        results["floor_share"] = results["floor_ms"] / 1e3 / step
    _write(given.output, network, results, arrays["ids"][test], targets[test], predicted)


def _network(name: str, columns: Tensor, options: dict[str, Any]) -> nn.Module:
    from automat.networks.cgcnn import CGCNN
    from automat.networks.megnet import MEGNet
    from automat.networks.schnet import SchNet

    if name == "cgcnn":
        return CGCNN(columns, **options)
    return MEGNet(**options) if name == "megnet" else SchNet(**options)


class _Clock:
    """Tells of epochs, times them, and ends the training when its minutes are over."""

    def __init__(self, minutes: float, device: torch.device) -> None:
        self._seconds, self._device = 60 * minutes, device
        self._marks = [time.perf_counter()]

    def tell(self, epoch: int, error: float, judged: float) -> bool:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._marks.append(time.perf_counter())
        print(f"epoch {epoch}: train {error:.4f}, validation {judged:.4f}, {self._spent:.0f} s", flush=True)
        return self._spent + (self._marks[-1] - self._marks[-2]) > self._seconds

    def figures(self, rows: int) -> dict[str, float]:
        """The first epoch warms up, and is left out of the median if there are others."""
        epochs = np.diff(self._marks).tolist()
        return {"seconds": self._spent} | (
            {"samples_per_second": rows / median(epochs[1:] or epochs)} if epochs else {}
        )

    @property
    def _spent(self) -> float:
        return self._marks[-1] - self._marks[0]


def _floor(
    network: nn.Module, lessons: Lessons, problem: Regression, batch_size: int, *, is_mixed: bool
) -> dict[str, float]:
    """What a step at least moves, what the device copies in a second, and how long the one takes at the other."""
    device = next(network.parameters()).device
    network = copy.deepcopy(network).train()  # its batch norms are about to see a batch
    own = {each.untyped_storage().data_ptr() for each in network.state_dict(keep_vars=True).values()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    rows = lessons.fitted[:batch_size]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        with torch.autocast(device.type, torch.bfloat16, enabled=is_mixed):
            outputs = network(lessons.source(rows))
        loss = problem.loss(outputs.float(), lessons.targets[torch.from_numpy(rows)].to(device))
    moved = 2 * sum(each.untyped_storage().nbytes() for place, each in kept.items() if place not in own)
    del loss
    bandwidth = _copy_rate(device)
    return {"floor_bytes": moved, "copied_bytes_per_second": bandwidth, "floor_ms": 1e3 * moved / bandwidth}


def _copy_rate(device: torch.device) -> float:
    """Bytes read and written a second by a copy that is too large for any cache."""
    source = torch.zeros(2**28 if device.type == "cuda" else 2**25, device=device)
    target = torch.empty_like(source)
    seconds = []
    for _ in range(COPIES + 1):
        started = time.perf_counter()
        target.copy_(source)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return 2 * source.nbytes / median(seconds[1:])


def _write(
    folder: Path,
    network: nn.Module,
    results: dict[str, Any],
    ids: NDArray[np.bytes_],
    targets: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> None:
    torch.save(network.cpu().state_dict(), folder / "weights.pt")
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    with (folder / "predictions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "target", "prediction"])
        table.writerows(zip(ids.astype(str), targets.tolist(), predicted.tolist(), strict=True))
    for path in sorted(folder.iterdir()):
        if path.stat().st_size > LARGEST_RESULT:
            raise SystemExit(f"{path} has more than {LARGEST_RESULT / 1e6:.0f} MB")
    shown = ("network", "parameters", "rows", "epochs", "finished", "seconds", "samples_per_second", "floor_share")
    print(json.dumps({name: results[name] for name in (*shown, "validation_mae", "test_mae") if name in results}))


if __name__ == "__main__":
    main()
