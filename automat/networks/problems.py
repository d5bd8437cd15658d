"""What a network's outputs mean: how they are trained and how they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Problem(Protocol):
    """What outputs mean: how they are trained and how they are measured."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What is minimised, a scalar; outputs (n, k) and targets (n,)."""

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What a person reads, a scalar in double precision: mean absolute error in the target's unit, or log loss."""


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

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute error in the target's unit."""
        return (self.to_unit(outputs) - targets).abs().mean()

    def to_unit(self, outputs: Tensor) -> Tensor:
        """Outputs (n, 1) to values in the target's unit (n,), in double precision as targets are."""
        return outputs[:, 0].double() * self.std + self.mean


@dataclass(frozen=True)
class Classification:
    """Outputs are log probabilities, targets positions among the classes."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Negative log likelihood, mean over rows."""
        return functional.nll_loss(outputs, targets)

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Log loss in nats."""
        return functional.nll_loss(outputs, targets).double()
