"""A running mean of a network's weights, which is often better than the last step's."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import nn


class Average:
    """A second network that follows the first: ``mean <- decay mean + (1 - decay) weights``.

    Averaging the path of a descent goes back to B. T. Polyak and A. B. Juditsky, SIAM J. Control Optim. 30,
    838 (1992), doi:10.1137/0330046; here older steps count exponentially less. The decay grows from 0.1 to its
    value, so that the untrained weights are soon forgotten. What batch norm has measured is averaged likewise.

    Attributes:
        network: the mean, in evaluation mode.

    Args:
        network: to be followed; the mean begins as its copy.
        steps: about how many of the last steps the mean is over.
    """

    def __init__(self, network: nn.Module, steps: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self._decay = 1 - 1 / max(1.0, steps)

    def follow(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self._decay, step / (9 + step))
        with torch.no_grad():
            for mean, now in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(now, 1 - decay)
                else:
                    mean.copy_(now)
