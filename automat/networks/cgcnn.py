"""The crystal graph convolutional network (CGCNN).

T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018), doi:10.1103/PhysRevLett.120.145301.

The architecture is the paper's reference configuration, 80,833 parameters for one regression target. One
thing is arranged differently without changing the function: the linear map of the concatenation
(centre | neighbour | edge) is the sum of three maps, and those of the atoms are applied once an atom,
before they are gathered to its dozen edges, which is a third of the arithmetic.

Shapes: N atoms, E edges, G graphs of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from automat.networks.primitives import GraphBatch

CUTOFF = 8.0
"""Neighbours are sought within this distance, in angstrom; distances are expanded up to it."""

STEP = 0.2
"""Between the centres of the distance Gaussians, and their width, in angstrom."""


class CGCNN(nn.Module):
    """From a batch of crystal graphs to one row of outputs a crystal.

    Args:
        atom_columns: what is known of each element, shape (max Z + 1, columns); row Z describes it.
        outputs: 1 for regression; the number of classes, whose log probabilities come out.
        classify: whether outputs are classes; then dropout precedes the last layer, as in the reference.
        width: features of an atom in the convolutions.
        hidden: features of a crystal after pooling.
        convolutions: how many.
        dropout: share of a crystal's features dropped in training, for classification.
    """

    def __init__(
        self,
        atom_columns: Tensor,
        outputs: int = 1,
        *,
        classify: bool = False,
        width: int = 64,
        hidden: int = 128,
        convolutions: int = 3,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.atom_columns: Tensor
        self.register_buffer("atom_columns", atom_columns.to(torch.float32))
        self.centres: Tensor
        self.register_buffer("centres", torch.arange(round(CUTOFF / STEP) + 1, dtype=torch.float32) * STEP)
        self.embedding = nn.Linear(atom_columns.shape[1], width)
        self.convolutions = nn.ModuleList(
            GatedConvolution(width, len(self.centres)) for _ in range(convolutions)
        )
        self.crystal = nn.Linear(width, hidden)
        self.dropout = nn.Dropout(dropout if classify else 0.0)
        self.output = nn.Linear(hidden, outputs)
        self.classify = classify

    def forward(self, batch: GraphBatch) -> Tensor:
        """Scaled targets, shape (G, 1), or log probabilities of the classes, shape (G, classes).

        Raises:
            ValueError: an atomic number that the element table does not reach.
        """
        numbers = batch.atomic_numbers
        if int(numbers.max()) >= len(self.atom_columns):
            raise ValueError(
                f"atomic number {int(numbers.max())} is not in the element table, "
                f"which ends at {len(self.atom_columns) - 1}"
            )
        # Embedding the table and then looking atoms up is the same as the reverse, and far less work.
        atoms = self.embedding(self.atom_columns).index_select(0, numbers)
        edges = torch.exp(-(((batch.distances[:, None] - self.centres) / STEP) ** 2))
        for convolution in self.convolutions:
            atoms = convolution(batch, atoms, edges)
        crystals = functional.softplus(batch.mean_over_atoms(atoms))
        crystals = self.dropout(functional.softplus(self.crystal(crystals)))
        outputs: Tensor = self.output(crystals)
        return functional.log_softmax(outputs, dim=1) if self.classify else outputs


class GatedConvolution(nn.Module):
    """Equation 5 of the paper: ``v_i <- g(v_i + sum_j sigmoid(z_ij W_f + b_f) * g(z_ij W_s + b_s))``.

    g is softplus and z_ij the concatenation of centre, neighbour and edge. Both linear maps are one layer,
    with batch norm after it and after the sum, as in the authors' code.

    Args:
        width: features of an atom.
        edge_width: features of an edge.
    """

    def __init__(self, width: int, edge_width: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(2 * width + edge_width, 2 * width)
        self.norm_edges = _BatchNorm(2 * width)
        self.norm_atoms = _BatchNorm(width)

    def forward(self, batch: GraphBatch, atoms: Tensor, edges: Tensor) -> Tensor:
        """New atom features, shape (N, width), from atoms (N, width) and edges (E, edge width)."""
        of_centre, of_neighbour, of_edge = self.linear.weight.split(
            [self.width, self.width, edges.shape[1]], dim=1
        )
        centre = functional.linear(atoms, of_centre, self.linear.bias)
        neighbour = functional.linear(atoms, of_neighbour)
        gates = batch.add_ends(neighbour, centre) + functional.linear(edges, of_edge)
        messages = _gate(self.norm_edges(gates))
        return functional.softplus(atoms + self.norm_atoms(batch.sum_to_atoms(messages)))


class _BatchNorm(nn.BatchNorm1d):
    """Batch norm that survives batches without a variance: fewer than two rows use the running one."""

    def forward(self, values: Tensor) -> Tensor:
        if len(values) > 1 or not self.training:
            return super().forward(values)
        return functional.batch_norm(
            values, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


class _Gate(torch.autograd.Function):
    """``sigmoid(filter) * softplus(core)``, the costliest line of the network, with its derivative by hand.

    What autograd would record takes three times as long: it keeps more, and works on strided halves.
    """

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


def _gate(gates: Tensor) -> Tensor:
    """(E, 2 F) to (E, F): the first half opens, the second is let through."""
    gated: Tensor = _Gate.apply(gates)  # type: ignore[no-untyped-call]
    return gated
