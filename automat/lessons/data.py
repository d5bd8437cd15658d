"""The tables that several lessons start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.core import Dataset


@dataclass(frozen=True, eq=False)
class Materials:
    """Rows of an embedded dataset, as a table that any model of scikit-learn takes.

    Attributes:
        X: Magpie features of the compositions, shape (n, 132).
        y: target, shape (n,), in the dataset's unit.
        columns: names of the features.
        formulas: of the rows.
        dataset: that they are from.
        rows: their positions in it.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    columns: list[str]
    formulas: list[str]
    dataset: Dataset
    rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.y)


def materials(name: str, rows: int, seed: int = 0) -> Materials:
    """Rows of an embedded dataset, drawn by chance.

    The features are those of L. Ward et al., npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28.

    Args:
        name: of the dataset; one of compositions or structures.
        rows: how many, at most.
        seed: of the draw.
    """
    from automat_featurizers import Magpie

    from automat import datasets

    dataset = datasets.load(name)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(dataset))[:rows])
    magpie = Magpie()
    X = np.asarray(magpie.fit_transform(dataset.compositions), float)
    formulas = [str(dataset.formulas[row]) for row in drawn] if dataset.formulas else []
    columns = [str(column) for column in magpie.get_feature_names_out()]
    return Materials(X[drawn], dataset.target[drawn], columns, formulas, dataset, drawn)
