"""One trainer for every network: graphs or rows in, fitted weights and learning curves out.

AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) under a one-cycle learning rate (Smith & Topin 2018,
arXiv:1708.07120), gradients clipped by norm, and the weights of the epoch that did best on an inner holdout.
The same seed gives the same weights, and leaves torch's own random state as it was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

Source = Callable[["NDArray[np.intp]"], Any]
"""Row positions to what the network takes for them."""

PREDICT_BATCH = 256
"""Rows that are predicted at once: enough to be quick, few enough to need little memory."""

MIN_HOLDOUT = 10
"""An inner holdout of fewer rows says more of chance than of the weights, so none is made."""


class DivergedError(ArithmeticError):
    """Training ran into numbers that are not finite."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows a step; the last batches share what is left evenly.
        learning_rate: at its peak.
        weight_decay: of AdamW.
        warm_up: share of all steps in which the rate rises to its peak, before a cosine takes it down.
        clip_norm: gradients longer than this are shortened to it.
        holdout: share of the rows held out to choose the epoch by.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    warm_up: float = 0.2
    clip_norm: float = 5.0
    holdout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, but got {getattr(self, name)}")
        for name in ("warm_up", "holdout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), but got {getattr(self, name)}")


class Problem(Protocol):
    """What outputs mean: how they are trained and how they are measured."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimised, a scalar; outputs (n, k) and targets (n,)."""

    def error(self, outputs: Tensor, targets: Tensor) -> float:
        """What a person reads: mean absolute error in the target's unit, or log loss in nats."""


@dataclass(frozen=True)
class Regression:
    """Targets as multiples of their spread, so that one learning rate serves every unit.

    Attributes:
        mean, std: of the training targets, in their unit.
    """

    mean: float
    std: float

    @classmethod
    def of(cls, targets: NDArray[np.float64]) -> Regression:
        """Measured on the rows that are trained on; a constant target keeps a spread of 1."""
        return cls(float(targets.mean()), float(targets.std()) or 1.0)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Smooth absolute error of the scaled targets: entrants are ranked by absolute error."""
        scaled = ((targets - self.mean) / self.std).to(outputs.dtype)
        return functional.smooth_l1_loss(outputs[:, 0], scaled, beta=0.1)

    def error(self, outputs: Tensor, targets: Tensor) -> float:
        """Mean absolute error in the target's unit."""
        return float((self.to_unit(outputs) - targets).abs().mean())

    def to_unit(self, outputs: Tensor) -> Tensor:
        """Outputs (n, 1) to values in the target's unit (n,), in double precision as targets are."""
        return outputs[:, 0].double() * self.std + self.mean


@dataclass(frozen=True)
class Classification:
    """Outputs are log probabilities, targets positions among the classes."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Negative log likelihood, mean over rows."""
        return functional.nll_loss(outputs, targets)

    def error(self, outputs: Tensor, targets: Tensor) -> float:
        """Log loss in nats."""
        return float(functional.nll_loss(outputs, targets))


@dataclass(frozen=True)
class Curves:
    """What training looked like.

    Attributes:
        train: error of every epoch on its training batches, as they were seen.
        validation: error on the inner holdout after every epoch; empty without a holdout.
        best_epoch: from 1, the epoch whose weights were kept.
    """

    train: tuple[float, ...]
    validation: tuple[float, ...]
    best_epoch: int


@dataclass(frozen=True, eq=False)
class Lessons:
    """What there is to learn from, and what to judge it by.

    Attributes:
        source: gives the network's input for rows.
        targets: of every row that ``source`` knows, shape (n,): float64 values, or class positions.
        fitted: rows that are trained on.
        held: rows that choose the epoch; none: the last epoch is kept.
    """

    source: Source
    targets: Tensor
    fitted: NDArray[np.intp]
    held: NDArray[np.intp]


def hold_out(targets: NDArray[Any], share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut rows into those to train on and those to choose the epoch by.

    Held-out rows are drawn evenly over the sorted targets, so that they span values, or classes, alike.
    """
    count = round(share * len(targets))
    every = np.arange(len(targets), dtype=np.intp)
    if count < MIN_HOLDOUT:
        return every, every[:0]
    chance = np.random.default_rng(seed)
    shuffled = chance.permutation(every)
    ordered = shuffled[np.argsort(targets[shuffled], kind="stable")]
    held = np.sort([chance.choice(part) for part in np.array_split(ordered, count)])
    return np.setdiff1d(every, held), held


def train(network: nn.Module, lessons: Lessons, problem: Problem, recipe: Recipe, seed: int) -> Curves:
    """Fit the network's weights in place; it is left in evaluation mode, at its best epoch.

    Args:
        network: to be trained; how its weights begin is the caller's.
        lessons: inputs, targets and rows.
        problem: gives loss and error.
        recipe: of the training.
        seed: of the shuffles and of dropout.

    Raises:
        DivergedError: the loss is no longer finite.
    """
    descent = _Descent(network, recipe, recipe.epochs * _count(len(lessons.fitted), recipe.batch_size))
    shuffles = np.random.default_rng(seed)
    seen: list[float] = []
    judged: list[float] = []
    best, best_epoch = None, recipe.epochs
    with seeded(seed):
        for epoch in range(1, recipe.epochs + 1):
            parts = _parts(shuffles.permutation(lessons.fitted), recipe.batch_size)
            seen.append(_pass(network, lessons, problem, parts, descent))
            if not math.isfinite(seen[-1]):
                raise DivergedError(
                    f"the loss of epoch {epoch} is not finite; lower learning_rate ({recipe.learning_rate})"
                )
            if len(lessons.held) == 0:
                continue
            outputs = outputs_of(network, lessons.source, lessons.held)
            judged.append(problem.error(outputs, lessons.targets[lessons.held]))
            if best is None or judged[-1] <= min(judged):
                best, best_epoch = copy.deepcopy(network.state_dict()), epoch
    if best is not None:
        network.load_state_dict(best)
    network.eval()
    return Curves(tuple(seen), tuple(judged), best_epoch)


def outputs_of(network: nn.Module, source: Source, rows: NDArray[np.intp]) -> Tensor:
    """What the network gives for rows in evaluation mode, shape (n, outputs)."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(source(part)) for part in _parts(rows, PREDICT_BATCH)])


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """The learning rate at a step, as a share of its peak.

    >>> [round(one_cycle(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = round(warm_up * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers from ``seed`` inside, as they were afterwards."""
    with torch.random.fork_rng(devices=[]):
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


class _Descent:
    """An optimiser with its learning rate's schedule: one call a step."""

    def __init__(self, network: nn.Module, recipe: Recipe, steps: int) -> None:
        self._weights = list(network.parameters())
        self._clip_norm = recipe.clip_norm
        self._optimizer = torch.optim.AdamW(self._weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: one_cycle(step, steps, recipe.warm_up)
        )

    def step(self, loss: Tensor) -> None:
        """Move the weights against the loss's gradient."""
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._weights, self._clip_norm)
        self._optimizer.step()
        self._schedule.step()


def _pass(
    network: nn.Module,
    lessons: Lessons,
    problem: Problem,
    parts: list[NDArray[np.intp]],
    descent: _Descent,
) -> float:
    """One pass over all rows; the mean error on the way, NaN once the loss is not finite."""
    network.train()
    total = 0.0
    for part in parts:
        targets = lessons.targets[part]
        outputs = network(lessons.source(part))
        loss = problem.loss(outputs, targets)
        if not torch.isfinite(loss):
            return math.nan
        descent.step(loss)
        total += problem.error(outputs.detach(), targets) * len(part)
    return total / len(lessons.fitted)


def _count(rows: int, batch_size: int) -> int:
    return max(1, math.ceil(rows / batch_size))


def _parts(rows: NDArray[np.intp], batch_size: int) -> list[NDArray[np.intp]]:
    """Rows in even parts: a last batch of one row would have no variance to normalise by."""
    return np.array_split(rows, _count(len(rows), batch_size))
