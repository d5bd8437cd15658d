"""What every atom contributes to a prediction.

Where a network's last step is a mean over atoms, the prediction is the mean of what its atoms contribute, and
those averaged over many crystals tell what an element, or an element on one site, does to the target: the
study of perovskites in T. Xie and J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018),
doi:10.1103/PhysRevLett.120.145301.

Shapes: N atoms and G graphs of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from automat.core import InputError
from automat.networks import batches, trainer

if TYPE_CHECKING:
    import pandas as pd
    from automat_featurizers.graphs import CrystalGraphs
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

    from automat.networks.estimators import NetworkRegressor
    from automat.networks.primitives import GraphBatch


class AdditiveReadout(nn.Module):
    """From atoms to crystals: two layers, with softplus between, for every atom alone, then the mean.

    Args:
        width: features of an atom.
        hidden: of the hidden layer.
        outputs: numbers a crystal.
    """

    def __init__(self, width: int, hidden: int, outputs: int = 1) -> None:
        super().__init__()
        self.atom = nn.Sequential(nn.Linear(width, hidden), nn.Softplus(), nn.Linear(hidden, outputs))

    def of_atoms(self, atoms: Tensor) -> Tensor:
        """What every atom contributes: (N, width) to (N, outputs)."""
        contributions: Tensor = self.atom(atoms)
        return contributions

    def forward(self, batch: GraphBatch, atoms: Tensor) -> Tensor:
        """Each graph's mean over its atoms' contributions: (N, width) to (G, outputs)."""
        return batch.mean_over_atoms(self.of_atoms(atoms))


@runtime_checkable
class Additive(Protocol):
    """A network whose outputs are, crystal by crystal, the mean of its atoms'."""

    def atom_outputs(self, batch: GraphBatch) -> Tensor:
        """What every atom contributes, shape (N, outputs)."""


class NotAdditiveError(InputError):
    """A model whose predictions are no mean over atoms."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """n crystals, atom by atom.

    The mean over a crystal's atoms is its prediction. What the model itself predicts, a mean taken in single
    precision, differs by that rounding alone.

    Attributes:
        row_ptr: offsets of the atoms, shape (n + 1,).
        atomic_numbers: Z of every atom, shape (atoms,), in the order of the crystal's sites.
        values: of every atom, in the target's unit, shape (atoms,).
    """

    row_ptr: NDArray[np.int64]
    atomic_numbers: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.row_ptr) - 1

    def of(self, row: int) -> NDArray[np.float64]:
        """One crystal's atoms."""
        return self.values[self.row_ptr[row] : self.row_ptr[row + 1]]

    @property
    def predictions(self) -> NDArray[np.float64]:
        """Every crystal's prediction in the target's unit, shape (n,)."""
        return np.array([self.of(row).mean() for row in range(len(self))])

    def averages(self, sites: ArrayLike | None = None) -> pd.DataFrame:
        """Contributions averaged by element, and by site where given; the lowest mean first.

        Args:
            sites: a label for every atom, such as A, B and X of a perovskite, shape (atoms,).

        Returns:
            A row an element (and site): ``element``, ``site`` where given, ``atoms`` and ``crystals`` it is
            found in, ``mean`` and ``std`` (over atoms, NaN for one) in the target's unit.

        Raises:
            ValueError: not one label an atom.
        """
        import pandas as pd
        from automat_featurizers.elements import symbols

        table = pd.DataFrame(
            {
                "element": np.array(symbols())[self.atomic_numbers],
                "crystal": np.repeat(np.arange(len(self)), np.diff(self.row_ptr)),
                "value": self.values,
            }
        )
        by = ["element"]
        if sites is not None:
            labels = np.asarray(sites)
            if labels.shape != self.values.shape:
                raise ValueError(f"{len(self.values)} atoms need as many site labels, but got shape {labels.shape}")
            table["site"] = labels
            by = ["element", "site"]
        grouped = table.groupby(by, as_index=False).agg(
            atoms=("value", "size"), crystals=("crystal", "nunique"), mean=("value", "mean"), std=("value", "std")
        )
        return grouped.sort_values(["mean", *by], ignore_index=True)


def contributions(model: NetworkRegressor, graphs: CrystalGraphs) -> Contributions:
    """What every atom of the graphs contributes to what a fitted model predicts of them.

    Raises:
        NotAdditiveError: the model's network has no additive head.
    """
    network = model.network_
    if not isinstance(network, Additive):
        raise NotAdditiveError(
            f"{type(model).__name__} cannot be explained atom by atom: its predictions are no mean over atoms"
        )
    source = model.source(graphs)
    rows = np.arange(len(graphs), dtype=np.intp)
    with trainer.one_thread(), torch.inference_mode():
        parts = [network.atom_outputs(source(part)) for part in batches.in_order(rows, trainer.PREDICT_BATCH)]
        # The target's scale is linear, so that what holds for the outputs' mean holds in its unit.
        values = model.problem_.to_unit(torch.cat(parts)).numpy()
    return Contributions(graphs.row_ptr, graphs.atomic_numbers, values)
