"""Layers that networks share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class BatchNorm(nn.BatchNorm1d):
    """Batch norm that survives batches without a variance: fewer than two rows use the running one."""

    def forward(self, values: Tensor) -> Tensor:
        """Normalised values, shape (n, features) as given."""
        if len(values) > 1 or not self.training:
            return super().forward(values)
        return functional.batch_norm(values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class ElementEmbedding(nn.Embedding):
    """A learned row for each element.

    Args:
        last: the highest atomic number that has a row; the first is 1.
        width: of a row.
    """

    def __init__(self, last: int, width: int) -> None:
        super().__init__(last, width)

    def forward(self, numbers: Tensor) -> Tensor:
        """Rows of atomic numbers, shape (n,) to (n, width).

        Raises:
            ValueError: an atomic number without a row.
        """
        if int(numbers.max()) > self.num_embeddings:
            raise ValueError(
                f"atomic number {int(numbers.max())} is not in the element table, which ends at {self.num_embeddings}"
            )
        return super().forward(numbers - 1)


def dense(inputs: int, outputs: int, *, bias: bool = True, gain: float = 1.0) -> nn.Linear:
    """A linear map that begins as X. Glorot and Y. Bengio proposed (AISTATS 2010), times a gain; its bias is zero."""
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(layer.weight, gain)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class ShiftedSoftplus(nn.Module):
    """``log(1 + exp(x)) - log 2``: smooth, and zero at zero."""

    def forward(self, values: Tensor) -> Tensor:
        """Of any shape."""
        return functional.softplus(values).sub_(math.log(2))


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor) -> Tensor:
        half = gates.shape[1] // 2
        opened = torch.sigmoid(gates[:, :half])
        core = functional.softplus(gates[:, half:])
        ctx.save_for_backward(opened, core)
        return opened * core

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        opened, core = ctx.saved_tensors
        half = opened.shape[1]
        gates = gradient.new_empty((len(gradient), 2 * half))
        through = gradient * opened
        # d sigmoid = s (1 - s); d softplus = sigmoid = 1 - exp(-softplus).
        torch.mul(through * core, 1 - opened, out=gates[:, :half])
        torch.mul(through, torch.expm1(-core).neg_(), out=gates[:, half:])
        return gates


def gate(gates: Tensor) -> Tensor:
    """``sigmoid(filter) * softplus(core)`` of (filter | core): shape (n, 2 F) to (n, F).

    The derivative is written out: what autograd would record keeps more and takes three times as long.
    It can be taken once, not twice.
    """
    gated: Tensor = _Gate.apply(gates)  # type: ignore[no-untyped-call]
    return gated
