"""What networks are told of an edge's length and of an atom's element: the first layer, which may be chosen.

The same columns as ``automat_featurizers.distance_bases`` and ``automat_featurizers.atom_features`` give, where the
network is: on its device, for the different lengths of a batch.

Shapes: N atoms and L lengths of a batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import nn

from automat.core import UnknownNameError
from automat.networks._layers import ElementEmbedding, dense

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

BASES = ("gaussian", "bessel")
"""What a distance may be told as."""

ATOMS = ("cgcnn", "magpie", "learned")
"""What an element may be told as; ``automat_featurizers.atom_features`` says more."""

WAVES = 16
"""Of a Bessel basis."""

ENVELOPE = 6
"""Exponent of the envelope that lets waves end smoothly."""


class Basis(nn.Module):
    """Lengths to columns.

    Attributes:
        columns: how many.
    """

    columns: int


class Gaussians(Basis):
    """``exp(-((length - centre) / width)^2)``.

    Args:
        centres: in angstrom, shape (columns,).
        width: in angstrom.
    """

    def __init__(self, centres: Tensor, width: float) -> None:
        super().__init__()
        self.centres: Tensor
        self.register_buffer("centres", centres)
        self.columns = len(centres)
        self.width = width

    def forward(self, lengths: Tensor) -> Tensor:
        """Columns of lengths in angstrom: (L,) to (L, columns)."""
        return torch.exp(-(((lengths[:, None] - self.centres) / self.width) ** 2))


class Bessel(Basis):
    """Standing waves in a sphere, which end smoothly at its surface: ``u(r/c) sqrt(2/c) sin(n pi r/c) / r``.

    J. Gasteiger, J. Gross and S. Guennemann, ICLR 2020, arXiv:2003.03123, equations 7 and 8, with the envelope u.

    Args:
        cutoff: c, radius of the sphere, in angstrom; columns are zero beyond.
        waves: how many columns.
    """

    def __init__(self, cutoff: float, waves: int = WAVES) -> None:
        super().__init__()
        self.numbers: Tensor
        self.register_buffer("numbers", torch.arange(1, waves + 1, dtype=torch.float32))
        self.columns = waves
        self.cutoff = cutoff

    def forward(self, lengths: Tensor) -> Tensor:
        """Columns of lengths in angstrom: (L,) to (L, waves)."""
        share = lengths[:, None] / self.cutoff
        p = ENVELOPE
        fall = 1 - share**p * ((p + 1) * (p + 2) / 2 - p * (p + 2) * share + p * (p + 1) / 2 * share**2)
        # sin(n pi x) / x with a limit at zero, which sinc has.
        waves = self.numbers * math.pi * torch.sinc(self.numbers * share)
        return torch.where(share < 1, fall, 0.0) * math.sqrt(2 / self.cutoff) / self.cutoff * waves


class AtomColumns(nn.Module):
    """A learned linear map of what is known of each element.

    Args:
        table: shape (last Z + 1, columns); row Z describes the element.
        width: of what comes out.
    """

    def __init__(self, table: Tensor, width: int) -> None:
        super().__init__()
        self.table: Tensor
        self.register_buffer("table", table.to(torch.float32))
        self.map = dense(table.shape[1], width)

    def forward(self, numbers: Tensor) -> Tensor:
        """Rows of atomic numbers: (N,) to (N, width).

        Raises:
            ValueError: an atomic number without a row.
        """
        if int(numbers.max()) >= len(self.table):
            raise ValueError(
                f"atomic number {int(numbers.max())} is not in the element table, which ends at {len(self.table) - 1}"
            )
        # To map the table and then look atoms up is the same as the reverse, and far less work.
        mapped: Tensor = self.map(self.table)
        return mapped.index_select(0, numbers)


def distance_basis(name: str, cutoff: float, gaussians: Callable[[], Basis]) -> Basis:
    """The basis of that name.

    Args:
        name: one of :data:`BASES`.
        cutoff: of Bessel waves.
        gaussians: makes those of the network's paper.

    Raises:
        UnknownNameError: no such basis.
    """
    if name not in BASES:
        raise UnknownNameError("basis", name, BASES)
    return Bessel(cutoff) if name == "bessel" else gaussians()


def atom_table(name: str) -> Tensor:
    """Columns of every element by name, shape (last Z + 1, columns); row Z describes it.

    Raises:
        UnknownNameError: no such columns.
    """
    if name not in ATOMS:
        raise UnknownNameError("atoms", name, ATOMS)
    from automat_featurizers.atom_features import atom_features

    return torch.from_numpy(atom_features(name).copy())


def element_rows(table: Tensor | None, elements: int, width: int) -> nn.Module:
    """Atomic numbers to rows: of a table that is mapped, or an embedding that is learned where there is none."""
    return ElementEmbedding(elements, width) if table is None else AtomColumns(table, width)
