"""How a network is trained, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automat.core import UnknownNameError
from automat.networks import schedules

if TYPE_CHECKING:
    from collections.abc import Sequence

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "float32", "bfloat16")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows a step; the last batches share what is left evenly.
        learning_rate: at its peak.
        weight_decay: of AdamW.
        schedule: of the learning rate: ``one_cycle`` (up, then down along a cosine), ``cosine`` (down),
            ``milestones`` (down in steps) or ``constant``.
        warm_up: share of all steps in which ``one_cycle`` rises to its peak.
        milestones: epochs after which ``milestones`` multiplies the rate by ``milestone_factor``.
        milestone_factor: see there.
        clip_norm: gradients longer than this are shortened to it.
        holdout: share of the rows held out to choose the epoch by.
        patience: training ends after so many epochs without a better one on the holdout; never, if None
            or without a holdout. Best with rates that do not fall to zero only at the last epoch.
        average_epochs: about how many of the last epochs a running mean of the weights is over. It is
            judged beside the weights themselves, and kept where it does better (without a holdout: always).
            0: there is none.
        bucket: whether batches hold graphs of alike size. Packed graphs need no padding, so nothing is saved
            unless a step's cost follows its largest graph.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where torch sees one.
        precision: of the network in training, ``float32`` or ``bfloat16`` (mixed); ``auto`` is bfloat16 on a
            GPU. Weights, losses and all that is judged or predicted stay in float32.
    """

    epochs: int = 30
    batch_size: int = 64
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    schedule: str = "one_cycle"
    warm_up: float = 0.2
    milestones: Sequence[int] = ()
    milestone_factor: float = 0.1
    clip_norm: float = 5.0
    holdout: float = 0.1
    patience: int | None = None
    average_epochs: float = 0.0
    bucket: bool = False
    device: str = "cpu"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "milestone_factor", "clip_norm", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be positive, but got {value}")
        for name in ("weight_decay", "average_epochs"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, but got {getattr(self, name)}")
        for name in ("warm_up", "holdout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), but got {getattr(self, name)}")
        for name, allowed in (("schedule", schedules.SCHEDULES), ("device", DEVICES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise UnknownNameError(name, str(getattr(self, name)), allowed)
        self._check_milestones()

    def rate(self, step: int, steps_an_epoch: int) -> float:
        """The learning rate of a step, counted from 0."""
        steps = self.epochs * steps_an_epoch
        if self.schedule == "one_cycle":
            share = schedules.one_cycle(step, steps, self.warm_up)
        elif self.schedule == "cosine":
            share = schedules.cosine(step, steps)
        elif self.schedule == "milestones":
            at = [epoch * steps_an_epoch for epoch in self.milestones]
            share = schedules.stepwise(step, at, self.milestone_factor)
        else:
            share = 1.0
        return self.learning_rate * share

    def _check_milestones(self) -> None:
        if bool(self.milestones) != (self.schedule == "milestones"):
            raise ValueError(f"milestones and their schedule go together; got {self.milestones} for {self.schedule!r}")
        if any(not 0 < epoch < self.epochs for epoch in self.milestones):
            raise ValueError(f"milestones must lie between 0 and {self.epochs} epochs, but got {self.milestones}")
