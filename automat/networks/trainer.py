"""One trainer for every network: graphs or rows in, fitted weights and learning curves out.

AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) under a learning rate's schedule, gradients clipped by norm,
and the weights of the epoch that did best on an inner holdout. On the CPU the same seed gives the same weights,
also where a training was killed and resumed, and leaves torch's own random state as it was. On a GPU sums have
no fixed order, so that a repeated training differs in the last digits.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from automat.networks import batches
from automat.networks.averaging import Average
from automat.networks.checkpoints import fingerprint_of
from automat.networks.problems import Classification, Problem, Regression
from automat.networks.recipes import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from automat.networks.checkpoints import Checkpoint

__all__ = [
    "Classification", "Curves", "DivergedError", "Lessons", "OnEpoch", "Problem", "Recipe", "Regression", "Source",
    "device_of", "one_thread", "outputs_of", "seeded", "train",
]  # fmt: skip

Source = Callable[["NDArray[np.intp]"], Any]
"""Row positions to what the network takes for them."""

OnEpoch = Callable[[int, float, float], bool | None]
"""Told after every epoch: its number from 1, the training error, and the validation error (NaN without a
holdout). The training ends there if it says True; what it raises is passed on."""

PREDICT_BATCH = 256
"""Rows that are predicted at once: enough to be quick, few enough to need little memory."""


class DivergedError(ArithmeticError):
    """Training ran into numbers that are not finite."""


@dataclass(frozen=True)
class Curves:
    """What training looked like.

    Attributes:
        train: error of every epoch on its training batches, as they were seen.
        validation: error on the inner holdout after every epoch; empty without a holdout.
        best_epoch: from 1, the epoch whose weights were kept.
        averaged: the running mean's error on the inner holdout; empty where there is no mean.
        kept_average: whether the weights kept are the running mean's.
        resumed_after: the epoch after which it went on from a checkpoint; 0 where it did not.
        seconds_before: CPU seconds spent until then.
    """

    train: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int
    averaged: tuple[float, ...] = ()
    kept_average: bool = False
    resumed_after: int = field(default=0, compare=False)
    seconds_before: float = field(default=0.0, compare=False)


@dataclass(frozen=True, eq=False)
class Lessons:
    """What there is to learn from, and what to judge it by.

    Attributes:
        source: gives the network's input for rows.
        targets: of every row that ``source`` knows, shape (n,): float64 values, or class positions.
        fitted: rows that are trained on.
        held: rows that choose the epoch; none: the last epoch is kept.
        sizes: of every row, shape (n,), to bucket by; atoms, for graphs.
        about: what else the digits depend on, as text; a checkpoint of another is refused.
    """

    source: Source
    targets: Tensor
    fitted: NDArray[np.intp]
    held: NDArray[np.intp]
    sizes: NDArray[np.int64] | None = None
    about: str = ""


def train(
    network: nn.Module,
    lessons: Lessons,
    problem: Problem,
    recipe: Recipe,
    seed: int,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Curves:
    """Fit the network's weights in place; it is left in evaluation mode, at its best epoch, on the CPU.

    Args:
        network: to be trained; how its weights begin is the caller's.
        lessons: inputs, targets and rows.
        problem: gives loss and error.
        recipe: of the training.
        seed: of the shuffles and of dropout.
        on_epoch: told of every epoch, and may end the training.
        checkpoint: where the training is kept; it goes on from there if there is a file.

    Raises:
        DivergedError: the loss is no longer finite.
        CheckpointError: the checkpoint is not this training's. (Inputs are not compared.)
        ValueError: the device is not here, or there are no sizes to bucket by.
    """
    device = device_of(recipe.device)
    fingerprint = "" if checkpoint is None else _fingerprint(network, lessons, problem, recipe, seed)
    with seeded(seed):
        course = _Course(network.to(device), lessons, problem, recipe, seed)
        state = None if checkpoint is None else checkpoint.load(fingerprint)
        if state is not None:
            course.restore(state)
        while not course.is_over:
            epoch, error, judged = course.next_epoch()
            if checkpoint is not None and (course.is_over or epoch % checkpoint.every == 0):
                checkpoint.save(course.state(), fingerprint)
            if on_epoch is not None and on_epoch(epoch, error, judged):
                break
        curves = course.end()
    network.cpu()
    return curves


def outputs_of(network: nn.Module, source: Source, rows: NDArray[np.intp]) -> Tensor:
    """What the network gives for rows in evaluation mode, shape (n, outputs), on the network's device."""
    network.eval()
    device = _device(network)
    with torch.inference_mode():
        parts = batches.in_order(rows, PREDICT_BATCH)
        return torch.cat([network(_moved(source(part), device)) for part in parts])


def device_of(name: str) -> torch.device:
    """The device that a recipe names.

    Raises:
        ValueError: it is a GPU, and torch sees none.
    """
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise ValueError("device 'cuda' needs a GPU and a torch built for it, and torch sees none; use 'cpu' or 'auto'")
    return torch.device("cuda" if has_gpu and name != "cpu" else "cpu")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers from ``seed`` inside, as they were afterwards."""
    gpus = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread inside: cells run side by side, and idle threads of one starve the other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Course:
    """A training under way: all that its next epoch depends on."""

    def __init__(self, network: nn.Module, lessons: Lessons, problem: Problem, recipe: Recipe, seed: int) -> None:
        if recipe.bucket and lessons.sizes is None:
            raise ValueError("bucket needs sizes, and these inputs have none; rows of a table are all alike")
        self._network, self._lessons, self._problem, self._recipe = network, lessons, problem, recipe
        self._device = _device(network)
        self._targets = lessons.targets.to(self._device)
        self._steps_an_epoch = batches.count_batches(len(lessons.fitted), recipe.batch_size)
        self._weights = list(network.parameters())
        self._optimizer = torch.optim.AdamW(self._weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        averaged_steps = recipe.average_epochs * self._steps_an_epoch
        self._average = Average(network, averaged_steps) if averaged_steps else None
        self._shuffles = np.random.default_rng(seed)
        self._step = 0
        self._train: list[float] = []
        self._validation: list[float] = []
        self._averaged: list[float] = []
        self._best: dict[str, Tensor] | None = None
        self._best_error, self._best_epoch, self._kept_average = math.inf, 0, False
        self._improved_epoch = 0
        self._began, self._before, self._resumed_after = time.process_time(), 0.0, 0

    @property
    def is_over(self) -> bool:
        epoch, patience = len(self._train), self._recipe.patience
        if epoch == self._recipe.epochs:
            return True
        return patience is not None and len(self._lessons.held) > 0 and epoch - self._improved_epoch >= patience

    def next_epoch(self) -> tuple[int, float, float]:
        """Train for an epoch and judge it: what ``OnEpoch`` is told."""
        self._train.append(self._pass())
        epoch = len(self._train)
        if not math.isfinite(self._train[-1]):
            rate = self._recipe.learning_rate
            raise DivergedError(f"the loss of epoch {epoch} is not finite; lower learning_rate ({rate})")
        if len(self._lessons.held) == 0:
            return epoch, self._train[-1], math.nan
        self._validation.append(self._judge(self._network, is_average=False))
        if self._average is not None:
            self._averaged.append(self._judge(self._average.network, is_average=True))
        return epoch, self._train[-1], self._validation[-1]

    def end(self) -> Curves:
        """Load the weights that are kept."""
        if self._best is None and self._average is not None:
            self._best, self._kept_average = self._average.network.state_dict(), True
        if self._best is not None:
            self._network.load_state_dict(self._best)
        self._network.eval()
        return Curves(
            train=tuple(self._train),
            validation=tuple(self._validation),
            best_epoch=self._best_epoch or len(self._train),
            averaged=tuple(self._averaged),
            kept_average=self._kept_average,
            resumed_after=self._resumed_after,
            seconds_before=self._before,
        )

    def state(self) -> dict[str, Any]:
        """All of it, as tensors, numbers and text."""
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": None if self._average is None else self._average.network.state_dict(),
            "best": self._best,
            "best_of": (self._best_error, self._best_epoch, self._improved_epoch, self._kept_average),
            "curves": (self._train, self._validation, self._averaged),
            "step": self._step,
            "seconds": self._before + time.process_time() - self._began,
            "shuffles": json.dumps(self._shuffles.bit_generator.state),
            "chance": torch.get_rng_state(),
            "chance_on_gpu": torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state where it was left."""
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.network.load_state_dict(state["average"])
        self._best = state["best"]
        self._best_error, self._best_epoch, self._improved_epoch, self._kept_average = state["best_of"]
        self._train, self._validation, self._averaged = state["curves"]
        self._step = state["step"]
        self._before, self._resumed_after = state["seconds"], len(self._train)
        self._shuffles.bit_generator.state = json.loads(state["shuffles"])
        torch.set_rng_state(state["chance"])
        if state["chance_on_gpu"] is not None:
            torch.cuda.set_rng_state(state["chance_on_gpu"], self._device)

    def _pass(self) -> float:
        """One pass over all rows; the mean error on the way, not finite where a loss was not."""
        self._network.train()
        # Sums stay on the device: to read one would make the CPU wait for the GPU at every step.
        errors = torch.zeros((), dtype=torch.float64, device=self._device)
        losses = torch.zeros((), dtype=torch.float64, device=self._device)
        for part in self._cut():
            targets = self._targets[torch.from_numpy(part)]
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_mixed):
                outputs = self._network(_moved(self._lessons.source(part), self._device))
            outputs = outputs.float() if outputs.dtype is torch.bfloat16 else outputs
            loss = self._problem.loss(outputs, targets)
            self._descend(loss)
            losses += loss.detach()
            errors += self._problem.error(outputs.detach(), targets) * len(part)
        return float(errors) / len(self._lessons.fitted) if torch.isfinite(losses) else math.nan

    def _cut(self) -> list[NDArray[np.intp]]:
        fitted, size = self._lessons.fitted, self._recipe.batch_size
        if self._recipe.bucket and self._lessons.sizes is not None:
            return batches.bucketed(fitted, size, self._shuffles, self._lessons.sizes)
        return batches.shuffled(fitted, size, self._shuffles)

    @property
    def _is_mixed(self) -> bool:
        precision = self._recipe.precision
        return precision == "bfloat16" or (precision == "auto" and self._device.type == "cuda")

    def _descend(self, loss: Tensor) -> None:
        """Move the weights against the loss's gradient."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.rate(self._step, self._steps_an_epoch)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, self._recipe.clip_norm)
        self._optimizer.step()
        self._step += 1
        if self._average is not None:
            self._average.follow(self._network, self._step)

    def _judge(self, network: nn.Module, *, is_average: bool) -> float:
        """The error on the inner holdout; the weights are kept if there were none better."""
        held = self._lessons.held
        outputs = outputs_of(network, self._lessons.source, held)
        error = float(self._problem.error(outputs, self._targets[torch.from_numpy(held)]))
        if error < self._best_error:
            self._improved_epoch = len(self._train)
        if error <= self._best_error:
            self._best = copy.deepcopy(network.state_dict())
            self._best_error, self._best_epoch, self._kept_average = error, len(self._train), is_average
        return error


def _fingerprint(network: nn.Module, lessons: Lessons, problem: Problem, recipe: Recipe, seed: int) -> str:
    rows = [torch.from_numpy(lessons.fitted), torch.from_numpy(lessons.held)]
    how = json.dumps([asdict(recipe), device_of(recipe.device).type, lessons.about], sort_keys=True)
    return fingerprint_of([*network.state_dict().values(), lessons.targets, *rows], how, repr(problem), str(seed))


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _moved(inputs: Any, device: torch.device) -> Any:
    """A network's input on the device; sources make it on the CPU, unless they say otherwise."""
    return inputs if device.type == "cpu" else inputs.to(device)
