"""The crystal graph convolutional network (CGCNN).

T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018), doi:10.1103/PhysRevLett.120.145301.

The architecture is the paper's reference configuration, 80,833 parameters for one regression target. Two
things are arranged differently without changing the function. The linear map of the concatenation
(centre | neighbour | edge) is the sum of three maps: those of the atoms are applied once an atom, before
they are gathered to its dozen edges, and that of the edges once a length. And what then happens at the edges,
on the CPU, is one compiled operation (:mod:`automat.networks.fused_gate`).

Shapes: N atoms, G graphs and L lengths of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from automat.networks._layers import BatchNorm
from automat.networks.bases import Gaussians, atom_table, distance_basis
from automat.networks.estimators import GraphEstimator, NetworkClassifier, NetworkRegressor
from automat.networks.explain import AdditiveReadout

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        basis: of distances, ``gaussian`` (the paper's) or ``bessel``.
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
        basis: str = "gaussian",
    ) -> None:
        super().__init__()
        self.atom_columns: Tensor
        self.register_buffer("atom_columns", atom_columns.to(torch.float32))
        self.basis = distance_basis(basis, CUTOFF, _gaussians)
        self.embedding = nn.Linear(atom_columns.shape[1], width)
        self.convolutions = nn.ModuleList(GatedConvolution(width, self.basis.columns) for _ in range(convolutions))
        self.crystal = nn.Linear(width, hidden)
        self.dropout = nn.Dropout(dropout if classify else 0.0)
        self.output = nn.Linear(hidden, outputs)
        self.classify = classify

    def forward(self, batch: GraphBatch) -> Tensor:
        """Scaled targets, shape (G, 1), or log probabilities of the classes, shape (G, classes).

        Raises:
            ValueError: an atomic number that the element table does not reach.
        """
        crystals = functional.softplus(batch.mean_over_atoms(self.convolve(batch)))
        crystals = self.dropout(functional.softplus(self.crystal(crystals)))
        outputs: Tensor = self.output(crystals)
        return functional.log_softmax(outputs, dim=1) if self.classify else outputs

    def convolve(self, batch: GraphBatch) -> Tensor:
        """Every atom as its surroundings made it, shape (N, width)."""
        numbers = batch.atomic_numbers
        if int(numbers.max()) >= len(self.atom_columns):
            raise ValueError(
                f"atomic number {int(numbers.max())} is not in the element table, "
                f"which ends at {len(self.atom_columns) - 1}"
            )
        # Embedding the table and then looking atoms up is the same as the reverse, and far less work.
        atoms = self.embedding(self.atom_columns).index_select(0, numbers)
        lengths = self.basis(batch.lengths)
        for convolution in self.convolutions:
            atoms = convolution(batch, atoms, lengths)
        convolved: Tensor = atoms
        return convolved


class AdditiveCGCNN(CGCNN):
    """CGCNN whose crystals are the mean of what their atoms contribute, so that predictions can be explained.

    Args:
        atom_columns, outputs, width, hidden, convolutions, basis: as there; the hidden layer is the atoms'.
    """

    def __init__(
        self,
        atom_columns: Tensor,
        outputs: int = 1,
        *,
        width: int = 64,
        hidden: int = 128,
        convolutions: int = 3,
        basis: str = "gaussian",
    ) -> None:
        super().__init__(atom_columns, outputs, width=width, hidden=hidden, convolutions=convolutions, basis=basis)
        del self.crystal, self.dropout, self.output
        self.readout = AdditiveReadout(width, hidden, outputs)

    def forward(self, batch: GraphBatch) -> Tensor:
        """Scaled targets, shape (G, outputs)."""
        outputs: Tensor = self.readout(batch, self.convolve(batch))
        return outputs

    def atom_outputs(self, batch: GraphBatch) -> Tensor:
        """What every atom contributes to its crystal's mean, shape (N, outputs)."""
        return self.readout.of_atoms(self.convolve(batch))


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
        self.norm_edges = BatchNorm(2 * width)
        self.norm_atoms = BatchNorm(width)

    def forward(self, batch: GraphBatch, atoms: Tensor, lengths: Tensor) -> Tensor:
        """New atom features, shape (N, width), from atoms (N, width) and the edge lengths' (L, edge width)."""
        widths = [self.width, self.width, lengths.shape[1]]
        of_centre, of_neighbour, of_length = torch.split(self.linear.weight, widths, dim=1)
        ends = functional.linear(atoms, torch.cat([of_centre, of_neighbour]))
        summed = batch.sum_gated(ends, functional.linear(lengths, of_length, self.linear.bias), self.norm_edges)
        return functional.softplus(atoms + self.norm_atoms(summed))


def _gaussians() -> Gaussians:
    return Gaussians(torch.arange(round(CUTOFF / STEP) + 1, dtype=torch.float32) * STEP, STEP)


class _CGCNNEstimator(GraphEstimator):
    """Inputs are packed crystal graphs (``automat_featurizers.graphs.CrystalGraphs``).

    Args:
        width, hidden, convolutions, dropout: of the network.
        additive: whether predictions are to be means over atoms, for ``automat.networks.explain``.
        atoms: what the network is told of an element, ``cgcnn``, ``magpie`` or ``learned``.
        basis: of distances, ``gaussian`` or ``bessel``.
        epochs, batch_size, learning_rate, weight_decay: of its training.
        backend: of the graph operations, ``dgl`` or ``torch``; DGL where it can be imported, if None.
        training: further fields of :class:`automat.networks.trainer.Recipe` by name.
        seed: of weights, shuffles, dropout and the inner holdout.
    """

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: int = 128,
        convolutions: int = 3,
        dropout: float = 0.5,
        additive: bool = False,
        atoms: str = "cgcnn",
        basis: str = "gaussian",
        epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 5e-3,
        weight_decay: float = 1e-4,
        backend: str | None = None,
        training: Mapping[str, Any] | None = None,
        seed: int = 0,
    ) -> None:
        self.width = width
        self.hidden = hidden
        self.convolutions = convolutions
        self.dropout = dropout
        self.additive = additive
        self.atoms = atoms
        self.basis = basis
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.backend = backend
        self.training = training
        self.seed = seed

    def make_network(self, outputs: int, *, classify: bool) -> CGCNN:
        shape: dict[str, Any] = {
            "width": self.width,
            "hidden": self.hidden,
            "convolutions": self.convolutions,
            "basis": self.basis,
        }
        columns = atom_table(self.atoms)
        if self.additive and classify:
            raise ValueError("additive predictions are of numbers; classes have none")
        if self.additive:
            return AdditiveCGCNN(columns, outputs, **shape)
        return CGCNN(columns, outputs, classify=classify, dropout=self.dropout, **shape)


class CGCNNRegressor(NetworkRegressor, _CGCNNEstimator):
    """CGCNN for one target."""


class CGCNNClassifier(NetworkClassifier, _CGCNNEstimator):
    """CGCNN for classes."""
