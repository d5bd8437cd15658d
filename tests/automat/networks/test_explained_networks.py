from __future__ import annotations

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs

from automat.core import Dataset
from automat.networks.cgcnn import CGCNNClassifier, CGCNNRegressor
from automat.networks.estimators import NetworkRegressor
from automat.networks.explain import NotAdditiveError, contributions
from automat.networks.primitives import batch_graphs
from automat.networks.schnet import SchNetRegressor


@pytest.mark.parametrize("model", [CGCNNRegressor(epochs=2, additive=True), SchNetRegressor(epochs=2)])
def test_contributions_average_to_the_prediction(
    model: NetworkRegressor, formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    model.fit(formation_graphs, formation.target)
    found = contributions(model, formation_graphs)
    # Single precision's rounding.
    np.testing.assert_allclose(found.predictions, model.predict(formation_graphs), rtol=0, atol=3e-6)
    assert max(np.ptp(found.of(row)) for row in range(len(found))) > 0.1


def test_the_published_head_mixes_its_atoms(few_graphs: CrystalGraphs) -> None:
    model = CGCNNRegressor(epochs=1).fit(few_graphs, np.arange(len(few_graphs), dtype=np.float64))
    with pytest.raises(NotAdditiveError, match="CGCNNRegressor cannot be explained atom by atom"):
        contributions(model, few_graphs)


def test_classes_have_no_additive_head(few_graphs: CrystalGraphs) -> None:
    with pytest.raises(ValueError, match="additive predictions are of numbers"):
        CGCNNClassifier(additive=True).fit(few_graphs, np.array([0.0, 1.0, 0.0, 1.0, 0.0]))


def test_a_batch_moves_as_a_whole(few_graphs: CrystalGraphs) -> None:
    elsewhere = torch.device("meta")
    moved = batch_graphs(few_graphs, backend="torch").to(elsewhere)
    assert moved.sum_to_atoms(moved.distances[:, None]).device == elsewhere
    pytest.importorskip("dgl")
    with pytest.raises(ValueError, match="DGL's batches stay on the CPU"):
        batch_graphs(few_graphs, backend="dgl").to(elsewhere)
