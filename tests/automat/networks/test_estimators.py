from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris

from automat.core import UnknownNameError
from automat.networks.backends import default_backend
from automat.networks.cgcnn import CGCNNClassifier, CGCNNRegressor
from automat.networks.checkpoints import Checkpoint
from automat.networks.mlp import MLP, MLPClassifier, MLPRegressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.core import Dataset

EPOCHS = 4


@pytest.fixture(scope="module")
def fitted(formation: Dataset, formation_graphs: CrystalGraphs) -> CGCNNRegressor:
    return CGCNNRegressor(epochs=12, batch_size=8, seed=3).fit(formation_graphs.take(range(80)), formation.target[:80])


def test_cgcnn_learns_from_eighty_crystals(
    fitted: CGCNNRegressor, formation: Dataset, formation_graphs: CrystalGraphs
) -> None:
    unseen = formation.target[80:]
    predicted = fitted.predict(formation_graphs.take(range(80, 99)))
    assert predicted.dtype == np.float64
    of_a_constant = np.abs(unseen - np.median(formation.target[:80])).mean()
    assert np.abs(predicted - unseen).mean() < 0.6 * of_a_constant


def test_details_are_json_and_tell_the_curves(fitted: CGCNNRegressor) -> None:
    details = json.loads(json.dumps(fitted.details_))
    assert details["parameters"] == 80_833
    assert details["rows"] == {"train": 80, "validation": 0}
    assert len(details["epochs"]["train"]) == 12
    assert details["epochs"]["train"][-1] < details["epochs"]["train"][0]


def test_one_row_is_predicted_as_among_many(fitted: CGCNNRegressor, formation_graphs: CrystalGraphs) -> None:
    together = fitted.predict(formation_graphs.take(range(80, 99)))
    alone = [fitted.predict(formation_graphs.take([row]))[0] for row in range(80, 99)]
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_a_pickled_estimator_predicts_the_same(fitted: CGCNNRegressor, formation_graphs: CrystalGraphs) -> None:
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - of our own making
    rows = formation_graphs.take(range(80, 85))
    np.testing.assert_array_equal(again.predict(rows), fitted.predict(rows))


@pytest.mark.parametrize("backend", ["torch", "dgl"])
def test_a_seed_repeats_exactly(formation: Dataset, formation_graphs: CrystalGraphs, backend: str) -> None:
    if backend == "dgl":
        pytest.importorskip("dgl")
    first, again, other = (
        CGCNNRegressor(epochs=2, batch_size=16, backend=backend, seed=seed)
        .fit(formation_graphs, formation.target)
        .predict(formation_graphs)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


def test_the_unit_of_the_target_does_not_matter(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    rows = formation_graphs.take(range(30))
    in_ev = CGCNNRegressor(epochs=2).fit(rows, formation.target[:30]).predict(rows)
    in_mev = CGCNNRegressor(epochs=2).fit(rows, 1000 * formation.target[:30] + 7).predict(rows)
    np.testing.assert_allclose((in_mev - 7) / 1000, in_ev, atol=1e-3)


def test_cgcnn_tells_oxides_from_the_rest(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    assert formation.structures is not None
    oxide = np.array([float("O" in structure.symbol_set) for structure in formation.structures])
    rows = np.arange(99)
    train, test = rows[rows % 5 != 0], rows[::5]
    model = CGCNNClassifier(epochs=15, batch_size=8).fit(formation_graphs.take(train), oxide[train])
    probabilities = model.predict_proba(formation_graphs.take(test))
    predicted = model.predict(formation_graphs.take(test))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(predicted, probabilities.argmax(axis=1))
    assert (predicted == oxide[test]).mean() > max(oxide[test].mean(), 1 - oxide[test].mean())


def test_eight_rows_with_a_lone_atom_among_them_are_enough(crystals: tuple[Structure, ...]) -> None:
    far_apart = Structure(Lattice.cubic(30), ["He"], [[0, 0, 0]])
    graphs = build_graphs(PackedStructures.pack([*crystals, far_apart, crystals[0], crystals[1]]))
    targets = np.linspace(-2, 1, 8)
    for batch_size in (1, 64):
        predicted = CGCNNRegressor(epochs=3, batch_size=batch_size).fit(graphs, targets).predict(graphs)
        assert predicted.shape == (8,)
        assert np.isfinite(predicted).all()
        assert np.ptp(predicted) > 0


def diabetes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    X, y = load_diabetes(return_X_y=True)
    return X, y


def test_mlp_is_as_good_as_a_linear_model_on_diabetes() -> None:
    X, y = diabetes()
    predicted = MLPRegressor(epochs=40).fit(X[:342], y[:342]).predict(X[342:])
    # Least squares on the same rows has a mean absolute error of 41.5; the spread is 60.
    assert np.abs(predicted - y[342:]).mean() < 46


def test_mlp_knows_irises() -> None:
    X, y = load_iris(return_X_y=True)
    test = np.arange(0, 150, 4)
    train = np.setdiff1d(np.arange(150), test)
    model = MLPClassifier(epochs=60, batch_size=16).fit(X[train], y[train].astype(np.float64))
    assert model.classes_.tolist() == [0, 1, 2]
    assert (model.predict(X[test]) == y[test]).mean() > 0.9


def test_mlp_scales_by_the_rows_it_trains_on() -> None:
    X, y = diabetes()
    shifted = X * [1e4] + 500
    plain = MLPRegressor(epochs=EPOCHS, seed=5).fit(X, y)
    other = MLPRegressor(epochs=EPOCHS, seed=5).fit(shifted, y)
    assert plain.details_["rows"] == {"train": 398, "validation": 44}
    np.testing.assert_allclose(other.predict(shifted), plain.predict(X), rtol=1e-3)
    assert not np.allclose(plain.mean_, X.mean(axis=0), rtol=1e-9, atol=0)


def test_mlp_ignores_columns_that_never_change_in_training() -> None:
    X, y = diabetes()
    constant = np.full((len(X), 1), 0.1 + 0.2)
    model = MLPRegressor(epochs=EPOCHS).fit(np.hstack([X, constant]), y)
    expected = model.predict(np.hstack([X, constant]))
    np.testing.assert_array_equal(model.predict(np.hstack([X, constant + 200])), expected)


def test_mlp_survives_a_single_training_row() -> None:
    X, y = diabetes()
    assert MLPRegressor(epochs=2).fit(X[:1], y[:1]).predict(X[:3]).shape == (3,)


def test_classes_keep_their_codes() -> None:
    X, _ = diabetes()
    codes = np.where(X[:, 0] > 0, 7.0, 2.0)
    model = MLPClassifier(epochs=20).fit(X, codes)
    assert set(model.predict(X)) == {2.0, 7.0}
    assert (model.predict(X) == codes).mean() > 0.95


def test_without_norm_and_layers_it_is_a_linear_map() -> None:
    network = MLP(4, layers=0, norm=False)
    x = torch.randn(5, 4)
    torch.testing.assert_close(network(x), network.output(x))
    norms = [part for part in MLP(4, layers=2, norm=False).modules() if isinstance(part, torch.nn.BatchNorm1d)]
    assert norms == []


def test_details_name_the_backend_and_the_device(fitted: CGCNNRegressor) -> None:
    assert fitted.details_["backend"] == default_backend()
    assert fitted.details_["device"] == "cpu"
    assert "backend" not in MLPRegressor(epochs=1).fit(*diabetes()).details_


@pytest.mark.parametrize("kind", [CGCNNRegressor, MLPRegressor])
def test_further_training_options_reach_the_recipe(kind: Any) -> None:
    model = kind(epochs=1000, learning_rate=0.02, training={"schedule": "milestones", "milestones": [800]})
    recipe = clone(model).recipe()
    assert (recipe.epochs, recipe.schedule, list(recipe.milestones)) == (1000, "milestones", [800])
    assert recipe.rate(800, 1) == pytest.approx(0.002)


@pytest.mark.parametrize("name", ["patients", "epochs"])
def test_an_unknown_training_option_is_refused(name: str) -> None:
    model = MLPRegressor(training={name: 3})
    with pytest.raises(UnknownNameError, match=f"unknown training option {name!r}.*patience"):
        model.fit(*diabetes())


def test_a_running_mean_is_told_with_the_curves() -> None:
    X, y = diabetes()
    model = MLPRegressor(epochs=EPOCHS, training={"average_epochs": 2}).fit(X, y)
    details = json.loads(json.dumps(model.details_))
    assert [len(curve) for curve in details["epochs"].values()] == [EPOCHS] * 3
    assert list(details["epochs"]) == ["train", "validation", "averaged"]
    assert details["weights"] in {"raw", "averaged"}
    assert set(MLPRegressor(epochs=1).fit(X, y).details_["epochs"]) == {"train", "validation"}


def test_graphs_are_bucketed_by_their_atoms(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    plain, bucketed = (
        CGCNNRegressor(epochs=2, batch_size=16, width=16, training={"bucket": bucket}).fit(
            formation_graphs, formation.target
        )
        for bucket in (False, True)
    )
    np.testing.assert_array_equal(bucketed.sizes(formation_graphs), np.diff(formation_graphs.row_ptr))
    assert bucketed.details_["epochs"] != plain.details_["epochs"]


def test_mixed_precision_trains_a_graph_network(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    model = CGCNNRegressor(epochs=6, batch_size=8, backend="torch", training={"precision": "bfloat16"})
    errors = model.fit(formation_graphs, formation.target).details_["epochs"]["train"]
    assert errors[-1] < 0.7 * errors[0]


def test_an_estimator_on_disk_has_neither_watcher_nor_checkpoint(tmp_path: Path) -> None:
    model = MLPRegressor(epochs=1)
    model.on_epoch = lambda *_: None  # which pickle could not write
    model.checkpoint = Checkpoint(tmp_path / "one.pt")
    model.fit(*diabetes())
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - of our own making
    assert again.on_epoch is again.checkpoint is None
    assert clone(model).on_epoch is None
    np.testing.assert_array_equal(again.predict(diabetes()[0]), model.predict(diabetes()[0]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_dgl_is_refused_on_a_gpu(few_graphs: CrystalGraphs) -> None:
    model = CGCNNRegressor(backend="dgl", training={"device": "cuda"})
    with pytest.raises(ValueError, match="backend 'dgl' runs on the CPU alone; use backend 'torch', or device 'cpu'"):
        model.fit(few_graphs, np.zeros(len(few_graphs)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_learns_and_predicts_what_the_cpu_does(formation: Dataset, formation_graphs: CrystalGraphs) -> None:
    on_cpu, on_gpu = (
        CGCNNRegressor(epochs=3, batch_size=16, backend="torch", training={"device": device, "precision": "float32"})
        .fit(formation_graphs, formation.target)
        .predict(formation_graphs)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=0.02)


@pytest.mark.parametrize("kind", [CGCNNRegressor, CGCNNClassifier, MLPRegressor, MLPClassifier])
def test_parameters_follow_scikit_learn(kind: Any) -> None:
    model = kind(epochs=7, seed=4)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(learning_rate=0.5).recipe().learning_rate == 0.5


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((3, 2)), np.array([1.0, np.nan, np.inf]), "2 of 3 targets are not finite"),
        (np.ones((3, 2)), np.ones(4), r"3 inputs need targets of shape \(3,\), but got \(4,\)"),
        (np.ones((0, 2)), np.ones(0), "no rows to fit on"),
        (np.array([[1.0], [np.nan]]), np.ones(2), "1 of 2 rows hold features that are not finite"),
        (np.ones(3), np.ones(3), r"must have rows and columns, but its shape is \(3,\)"),
    ],
)
@pytest.mark.parametrize("kind", [MLPRegressor, MLPClassifier])
def test_bad_input_is_refused(kind: Any, X: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(epochs=1).fit(X, y)


def test_another_number_of_columns_is_refused() -> None:
    X, y = diabetes()
    model = MLPRegressor(epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="fitted on 10 columns, but got an input with 9"):
        model.predict(X[:, :9])


def test_listing_the_models_loads_neither_torch_nor_dgl() -> None:
    code = "import sys, automat.models.cgcnn, automat.models.mlp; print({'torch', 'dgl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"
