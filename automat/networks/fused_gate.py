"""The gated convolution's work on edges as one operation, compiled, for the CPU.

``sum_j gate(norm(centre_i + neighbour_j + length_ij))`` is written down in one line and takes a dozen passes over
arrays of all edges, which do not fit into a processor's cache. Here nothing of an edge is kept: each pass adds its
gates up anew from the rows of its ends and its length, which do fit, and sums at once what it makes of them. Three
passes serve a training step: one for the variance, one forward, one backward. Batch norm's own backward pass needs
the sums of gates and gradients over the edges of each atom and of each length alone, not the edges again.

Exponentials and logarithms are polynomials good to 4e-7, so the numbers are those of the composed form, to 1e-5
forward and backward. The derivative can be taken once, not twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray
    from torch import Tensor

    from automat.networks._layers import BatchNorm

_PRECISIONS = (torch.float32, torch.float64)


@dataclass(frozen=True, eq=False)
class Paths:
    """Where the edges of a batch lead.

    Attributes:
        edges: neighbour of every edge, its central atom, and the place of its length among the different ones,
            shape (E,) each.
        counts: edges of every neighbour, of every central atom, shape (N,), and of every length, shape (L,).
    """

    edges: tuple[NDArray[np.int64], ...]
    counts: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, neighbours: Tensor, centres: Tensor, length_of: Tensor, atoms: int, lengths: int) -> Paths:
        """Those of edges between so many atoms, of so many lengths; tensors on the CPU."""
        edges = neighbours.numpy(), centres.numpy(), length_of.numpy()
        counted = zip(edges, (atoms, atoms, lengths), strict=True)
        return cls(edges, tuple(np.bincount(of, minlength=rows) for of, rows in counted))

    def __len__(self) -> int:
        return len(self.edges[0])


def different(values: Tensor) -> tuple[Tensor, Tensor]:
    """The different ones among values, as they first appear, and the place of each: float32 (n,) on the CPU."""
    found, places = _kernels().different(values.numpy())
    return torch.from_numpy(found), torch.from_numpy(places)


def serves(ends: Tensor, lengths: Tensor, edges: int, norm: BatchNorm) -> bool:
    """Whether :func:`sum_gated` can stand in for the composed form: on the CPU, in one precision."""
    if ends.device.type != "cpu" or ends.dtype not in _PRECISIONS:
        return False
    if lengths.dtype != ends.dtype or norm.weight.dtype != ends.dtype:
        return False
    return edges > 1 or not norm.training


def sum_gated(ends: Tensor, lengths: Tensor, norm: BatchNorm, paths: Paths) -> Tensor:
    """Each central atom's sum of ``gate(norm(centre + neighbour + length))``, zero without edges: shape (N, F).

    In training the norm's running mean and variance follow, as with the norm by itself.

    Args:
        ends: what atoms give as centres and, after that, as neighbours, shape (N, 4 F).
        lengths: what the different edge lengths give, shape (L, 2 F).
        norm: of the gates.
        paths: from edges to their rows.
    """
    running = (None, None) if norm.training else (norm.running_mean, norm.running_var)
    made = _SumGated.apply(ends, lengths, norm.weight, norm.bias, *running, norm.eps, paths)  # type: ignore[no-untyped-call]
    sums: Tensor = made[0]
    if norm.training:
        _follow(norm, made[1], made[2], len(paths))
    return sums


def _follow(norm: BatchNorm, mean: Tensor, variance: Tensor, edges: int) -> None:
    """What torch's batch norm does to its running statistics; the variance is that of a sample."""
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    share = 1 / int(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * (edges / (edges - 1)), share)


class _SumGated(torch.autograd.Function):
    """Sums, and the mean and variance that they were made with, which are the batch's where none are given."""

    @staticmethod
    def forward(
        ctx: Any,
        ends: Tensor,
        lengths: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor | None,
        variance: Tensor | None,
        eps: float,
        paths: Paths,
    ) -> tuple[Tensor, Tensor, Tensor]:
        kernels, parts = _kernels(), _arrays(ends, lengths)
        tallies: tuple[Tensor, ...] = ()
        if mean is None or variance is None:
            tallies = torch.zeros_like(ends), torch.zeros_like(lengths)
            mean = torch.from_numpy(kernels.mean_gates(paths.counts, parts)).to(weight.dtype)
            spread = kernels.gate_moments(paths.edges, parts, mean.numpy(), _arrays(*tallies))
            variance = torch.from_numpy(spread).to(weight.dtype)
        inverse = torch.rsqrt(variance + eps)
        scale = weight.detach() * inverse
        sums = ends.new_zeros((len(ends), len(weight) // 2))
        kernels.sum_messages(paths.edges, parts, _norm(mean, scale, bias), sums.numpy())
        ctx.save_for_backward(ends, lengths, mean, inverse, scale, bias, *tallies)
        ctx.paths = paths
        ctx.mark_non_differentiable(mean, variance)
        return sums, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        kernels, paths = _kernels(), ctx.paths
        ends, lengths, mean, inverse, scale, bias, *tallies = ctx.saved_tensors
        parts, norm = _arrays(ends, lengths), _norm(mean, scale, bias)
        totals = torch.zeros_like(ends), torch.zeros_like(lengths)
        made = _arrays(*totals)
        sums = kernels.spread_gradient(paths.edges, parts, norm, gradient.contiguous().numpy(), made)
        of_bias, along = (torch.from_numpy(each).to(scale.dtype) for each in sums)
        if tallies:
            neighbours, centres, lengths_of = paths.counts
            gates = _arrays(*tallies)
            rest = scale.numpy(), (of_bias / len(paths)).numpy(), (along * inverse.square() / len(paths)).numpy()
            kernels.through_norm(made[0][:, 0], gates[0][:, 0], centres, *rest)
            kernels.through_norm(made[0][:, 1], gates[0][:, 1], neighbours, *rest)
            kernels.through_norm(made[1], gates[1], lengths_of, *rest)
        else:
            totals[0].mul_(scale.repeat(2))
            totals[1].mul_(scale)
        return *totals, along * inverse, of_bias, None, None, None, None


def _arrays(ends: Tensor, lengths: Tensor) -> tuple[NDArray[Any], NDArray[Any]]:
    """As the kernels take them: shapes (N, 2, 2 F) and (L, 2 F). Contiguous ones share their memory."""
    ends, lengths = ends.detach().contiguous(), lengths.detach().contiguous()
    return ends.view(len(ends), 2, lengths.shape[1]).numpy(), lengths.numpy()


def _norm(mean: Tensor, scale: Tensor, bias: Tensor) -> tuple[NDArray[Any], ...]:
    return mean.numpy(), scale.numpy(), bias.detach().numpy()


@cache
def _kernels() -> ModuleType:
    from automat.networks import gate_kernels

    return gate_kernels
