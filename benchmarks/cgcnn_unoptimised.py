"""The crystal graph convolutional network in its published form, written down plainly: what speed is compared with.

T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018), doi:10.1103/PhysRevLett.120.145301, equation 5, with
batch norm after the linear map and after the sum. For each of an atom's 12 neighbours the rows of both atoms and of
the bond are gathered, put side by side, and multiplied with one matrix; every further operation is torch's own.

Modules are named as in :class:`automat.networks.cgcnn.CGCNN`, so that either takes the other's weights.

Shapes: N atoms and G crystals of a batch, M neighbours of every atom, A features of an atom, B of a bond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

NEIGHBOURS = 12
CUTOFF, STEP = 8.0, 0.2
"""Angstrom: bonds end at the first; the second lies between the centres of the Gaussians and is their width."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """One crystal as a data set of the published code keeps it; several, joined, are a batch.

    Attributes:
        atoms: what is known of each atom's element, shape (N, columns).
        bonds: Gaussians of the distances, shape (N, M, B).
        neighbours: atoms at the other ends, shape (N, M).
        sizes: atoms of every crystal.
    """

    atoms: Tensor
    bonds: Tensor
    neighbours: Tensor
    sizes: tuple[int, ...]


def crystal_of(columns: Tensor, distances: Tensor, neighbours: Tensor) -> Crystal:
    """A crystal from its atoms' columns (N, columns), and distances in angstrom and neighbours, (N, M) each."""
    centres = torch.arange(round(CUTOFF / STEP) + 1, dtype=torch.float32) * STEP
    bonds = torch.exp(-(((distances[:, :, None] - centres) / STEP) ** 2))
    return Crystal(columns, bonds, neighbours, (len(columns),))


def joined(crystals: Sequence[Crystal]) -> Crystal:
    """Crystals as a batch."""
    sizes = tuple(len(each.atoms) for each in crystals)
    firsts = [sum(sizes[:place]) for place in range(len(sizes))]
    return Crystal(
        torch.cat([each.atoms for each in crystals]),
        torch.cat([each.bonds for each in crystals]),
        torch.cat([each.neighbours + first for each, first in zip(crystals, firsts, strict=True)]),
        sizes,
    )


class UnoptimisedCGCNN(nn.Module):
    """From a batch of crystals to one number each.

    Args:
        columns: of an atom.
        width: A.
        hidden: features of a crystal.
        convolutions: how many.
    """

    def __init__(self, columns: int, width: int = 64, hidden: int = 128, convolutions: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Linear(columns, width)
        self.convolutions = nn.ModuleList(_Convolution(width) for _ in range(convolutions))
        self.crystal = nn.Linear(width, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, batch: Crystal) -> Tensor:
        """Scaled targets, shape (G, 1)."""
        atoms = self.embedding(batch.atoms)
        for convolution in self.convolutions:
            atoms = convolution(atoms, batch.bonds, batch.neighbours)
        crystals = torch.stack([each.mean(dim=0) for each in torch.split(atoms, list(batch.sizes))])
        crystals = functional.softplus(self.crystal(functional.softplus(crystals)))
        outputs: Tensor = self.output(crystals)
        return outputs


class _Convolution(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * width + round(CUTOFF / STEP) + 1, 2 * width)
        self.norm_edges = nn.BatchNorm1d(2 * width)
        self.norm_atoms = nn.BatchNorm1d(width)

    def forward(self, atoms: Tensor, bonds: Tensor, neighbours: Tensor) -> Tensor:
        """New atoms, shape (N, A)."""
        count, most = neighbours.shape
        centre = atoms[:, None, :].expand(count, most, atoms.shape[1])
        gates = self.linear(torch.cat([centre, atoms[neighbours], bonds], dim=2))
        gates = self.norm_edges(gates.view(count * most, -1)).view(count, most, -1)
        opening, core = gates.chunk(2, dim=2)
        summed = (torch.sigmoid(opening) * functional.softplus(core)).sum(dim=1)
        return functional.softplus(atoms + self.norm_atoms(summed))
