"""CGCNN beside its published form: the same numbers, several times sooner."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from statistics import median
from types import ModuleType

import numpy as np
import pytest
import torch
from automat_featurizers.atom_features import cgcnn_atom_features
from automat_featurizers.graphs import CrystalGraphs

from automat.networks import trainer
from automat.networks.cgcnn import CGCNN
from automat.networks.primitives import batch_graphs

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("cgcnn_unoptimised")


def outputs_and_gradients(outputs: torch.Tensor, network: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Shapes (n,) and (parameters,), in the order of the parameters' names."""
    (outputs - torch.linspace(-1, 1, len(outputs))[:, None]).square().mean().backward()  # type: ignore[no-untyped-call]
    named = sorted(network.named_parameters())
    return outputs.detach()[:, 0], torch.cat([weights.grad.ravel() for _, weights in named if weights.grad is not None])


def theirs_of(published: ModuleType, graphs: CrystalGraphs, dtype: torch.dtype) -> object:
    crystals = []
    columns = torch.tensor(cgcnn_atom_features()).to(dtype)
    for row in range(len(graphs)):
        one = graphs.take([row])
        distances = torch.tensor(one.distances, dtype=torch.float32).to(dtype).view(-1, 12)
        neighbours = torch.tensor(one.source, dtype=torch.int64).view(-1, 12)
        crystals.append(published.crystal_of(columns[torch.from_numpy(one.atomic_numbers)], distances, neighbours))
    return published.joined(crystals)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_outputs_gradients_and_statistics_are_those_of_the_published_form(
    formation_graphs: CrystalGraphs, published: ModuleType, dtype: torch.dtype, tolerance: float
) -> None:
    with trainer.seeded(0):
        ours = CGCNN(torch.tensor(cgcnn_atom_features())).to(dtype)
        # In double precision: in single, its own running statistics are off by 1e-5.
        theirs = published.UnoptimisedCGCNN(92).double()
    missing = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert missing.missing_keys == []
    assert sum(weights.numel() for weights in theirs.parameters()) == 80_833
    graphs = formation_graphs.take(range(64))
    true = outputs_and_gradients(theirs(theirs_of(published, graphs, torch.float64)), theirs)
    found = outputs_and_gradients(ours(batch_graphs(graphs, backend="torch")), ours)
    assert len(found[1]) == 80_833
    assert found[0].std() > 1e-3
    for mine, exact in zip(found, true, strict=True):
        assert (mine - exact).norm() < tolerance * exact.norm()
        torch.testing.assert_close(mine.double(), exact, rtol=tolerance, atol=tolerance)
    statistics = [name for name in ours.state_dict() if "running" in name]
    assert len(statistics) == 12
    for name in statistics:
        mine, exact = ours.state_dict()[name].double(), theirs.state_dict()[name]
        torch.testing.assert_close(mine, exact, rtol=tolerance, atol=tolerance / 10, msg=name)


@pytest.mark.slow
def test_a_training_step_takes_a_third_of_the_published_forms(
    formation_graphs: CrystalGraphs, published: ModuleType
) -> None:
    rows = np.tile(np.arange(len(formation_graphs)), 3)[:256]
    graphs = formation_graphs.take(rows)
    ready = theirs_of(published, graphs, torch.float32)
    ours, theirs = CGCNN(torch.tensor(cgcnn_atom_features())), published.UnoptimisedCGCNN(92)
    ratios = []
    with trainer.one_thread():
        for _ in range(7):
            spent = []
            for network in (theirs, ours):
                started = time.process_time()
                network.zero_grad()
                network(
                    ready if network is theirs else batch_graphs(graphs, backend="torch")
                ).square().mean().backward()
                spent.append(time.process_time() - started)
            ratios.append(spent[0] / spent[1])
    assert median(ratios[1:]) > 3
