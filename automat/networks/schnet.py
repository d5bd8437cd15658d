"""SchNet, a network of continuous-filter convolutions.

K. T. Schuett, H. E. Sauceda, P.-J. Kindermans, A. Tkatchenko and K.-R. Mueller, J. Chem. Phys. 148, 241722
(2018), doi:10.1063/1.5019779.

An edge's filter depends on its length alone, and symmetric crystals have six times fewer lengths than edges:
filters are computed once a length, which saves most of the arithmetic.

By default the graphs are those that the other networks get, the 12 nearest neighbours within 8 angstrom, where the
paper takes all within 5, as the entrant ``schnet:reference`` does. The smooth cutoff at 5 angstrom is the network's
own: the few edges beyond it, one in 350, have a filter of zero.

Shapes: N atoms, E edges, G graphs and L lengths of a batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from automat.networks._layers import ShiftedSoftplus, dense
from automat.networks.bases import Basis, atom_table, distance_basis, element_rows
from automat.networks.estimators import GraphEstimator, NetworkClassifier, NetworkRegressor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from automat.networks.primitives import GraphBatch

CUTOFF = 5.0
"""Filters end here, in angstrom; the paper's for crystals."""

STEP = 0.1
"""Between the centres of the distance Gaussians, in angstrom."""

SHARPNESS = 10.0
"""Of the Gaussians ``exp(-sharpness (r - centre)^2)``, per square angstrom."""

ELEMENTS = 118
"""Every element has a row in the embedding, so that a rare one does not end a run."""


class SchNet(nn.Module):
    """From a batch of crystal graphs to one row of outputs a crystal, the mean of its atoms' rows.

    129,089 parameters as it stands, for one target, of which the embedding of 118 elements has 7,552.

    Args:
        outputs: 1 for regression; the number of classes, whose log probabilities come out.
        classify: whether outputs are classes.
        width: features of an atom, and of a filter.
        interactions: how many.
        elements: rows of the embedding, from hydrogen on.
        basis: of distances, ``gaussian`` (the paper's) or ``bessel``.
        atom_columns: of each element, to be mapped in place of the embedding, shape (max Z + 1, columns).
    """

    def __init__(
        self,
        outputs: int = 1,
        *,
        classify: bool = False,
        width: int = 64,
        interactions: int = 6,
        elements: int = ELEMENTS,
        basis: str = "gaussian",
        atom_columns: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.basis = distance_basis(basis, CUTOFF, _Gaussians)
        self.embedding = element_rows(atom_columns, elements, width)
        self.interactions = nn.ModuleList(Interaction(width, self.basis.columns) for _ in range(interactions))
        self.atom = nn.Sequential(dense(width, width // 2), ShiftedSoftplus(), dense(width // 2, outputs))
        self.classify = classify

    def forward(self, batch: GraphBatch) -> Tensor:
        """Scaled targets, shape (G, 1), or log probabilities of the classes, shape (G, classes).

        Raises:
            ValueError: an atomic number that the embedding does not reach.
        """
        outputs = batch.atoms.mean(self.atom_outputs(batch))
        return functional.log_softmax(outputs, dim=1) if self.classify else outputs

    def atom_outputs(self, batch: GraphBatch) -> Tensor:
        """What every atom contributes to its crystal's mean, shape (N, outputs)."""
        lengths, columns = batch.lengths[:, None], self.basis(batch.lengths)
        # Falls smoothly from one to zero at the cutoff.
        share = 0.5 * (1 + torch.cos(math.pi / CUTOFF * lengths.clamp(max=CUTOFF)))
        atoms = self.embedding(batch.atomic_numbers)
        for interaction in self.interactions:
            atoms = atoms + interaction(batch, atoms, columns, share)
        outputs: Tensor = self.atom(atoms)
        return outputs


class Interaction(nn.Module):
    """What an atom learns of its surroundings: ``sum_j x_j * W(r_ij)`` between two maps of the atoms.

    As in the authors' code, the map before the convolution has no bias, and the filters end in a linear map.

    Args:
        width: features of an atom.
        columns: how many describe a distance.
    """

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.before = dense(width, width, bias=False)
        self.filters = nn.Sequential(dense(columns, width), ShiftedSoftplus(), dense(width, width))
        self.after = nn.Sequential(dense(width, width), ShiftedSoftplus(), dense(width, width))

    def forward(self, batch: GraphBatch, atoms: Tensor, columns: Tensor, share: Tensor) -> Tensor:
        """To be added to atoms (N, width), from columns (L, n) and the share of the filter kept (L, 1)."""
        filters = batch.of_lengths(self.filters(columns) * share)
        summed = batch.sum_filtered(self.before(atoms), filters)
        change: Tensor = self.after(summed)
        return change


class _Gaussians(Basis):
    """As the authors write them, sharpness in place of width."""

    def __init__(self) -> None:
        super().__init__()
        self.centres: Tensor
        self.register_buffer("centres", torch.arange(round(CUTOFF / STEP) + 1, dtype=torch.float32) * STEP)
        self.columns = len(self.centres)

    def forward(self, lengths: Tensor) -> Tensor:
        return torch.exp(-SHARPNESS * (lengths[:, None] - self.centres) ** 2)


class _SchNetEstimator(GraphEstimator):
    """Inputs are packed crystal graphs (``automat_featurizers.graphs.CrystalGraphs``).

    Args:
        width, interactions, elements: of the network.
        atoms: what the network is told of an element, ``learned``, ``cgcnn`` or ``magpie``.
        basis: of distances, ``gaussian`` or ``bessel``.
        epochs, batch_size, learning_rate, weight_decay: of its training.
        backend: of the graph operations, ``dgl`` or ``torch``; DGL where it can be imported, if None.
        training: further fields of :class:`automat.networks.trainer.Recipe` by name.
        seed: of weights, shuffles and the inner holdout.
    """

    narrowest: ClassVar[int] = 2  # half of it is read out

    def __init__(
        self,
        *,
        width: int = 64,
        interactions: int = 6,
        elements: int = ELEMENTS,
        atoms: str = "learned",
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
        self.interactions = interactions
        self.elements = elements
        self.atoms = atoms
        self.basis = basis
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.backend = backend
        self.training = training
        self.seed = seed

    def make_network(self, outputs: int, *, classify: bool) -> SchNet:
        return SchNet(
            outputs,
            classify=classify,
            width=self.width,
            interactions=self.interactions,
            elements=self.elements,
            basis=self.basis,
            atom_columns=None if self.atoms == "learned" else atom_table(self.atoms),
        )


class SchNetRegressor(NetworkRegressor, _SchNetEstimator):
    """SchNet for one target."""


class SchNetClassifier(NetworkClassifier, _SchNetEstimator):
    """SchNet for classes."""
