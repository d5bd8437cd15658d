"""Which graphs a model is given, and what a cell says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cloudpickle
import numpy as np
import pytest
from automat_featurizers import CrystalGraphs, PackedStructures, RadiusGraphs, build_graphs
from pymatgen.core import Lattice, Structure

from automat import datasets, plan
from automat.core import Dataset, InputError, Model
from automat.models import registry

if TYPE_CHECKING:
    from pathlib import Path


def of_structures(structures: PackedStructures) -> Dataset:
    rows = len(structures)
    return Dataset(
        name="some",
        ids=np.array([f"s{row}" for row in range(rows)]),
        target=np.linspace(-1, 1, rows),
        target_name="energy",
        unit="eV",
        task="regression",
        inputs="structures",
        structures=structures,
        compositions=structures.compositions,
    )


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    structures = datasets.load("mp_formation").structures
    assert structures is not None
    return of_structures(structures.take(range(0, 60, 2)))


def on(graph: str) -> Model:
    kind, _, _ = graph.partition(":")
    return replace(registry()["cgcnn"], name=f"cgcnn_{kind}", graph=graph)


def planned(dataset: Dataset, *models: Model) -> plan.Plan:
    return plan.make(dataset, models=list(models), preset="quick", folds=2, trials=1)


def test_each_kind_of_graph_is_built_once_and_named_by_its_settings(dataset: Dataset, tmp_path: Path) -> None:
    models = (on("nearest:cutoff=8"), on("radius:cutoff=4"), on("voronoi"))
    made = planned(dataset, *models)
    given = {cell.model: (cell.features, cell.features_version) for cell in made.cells}
    assert given == {
        "cgcnn_nearest": ("graph:nearest", "4-8-12"),
        "cgcnn_radius": ("graph:radius:cutoff=4", "1-4"),
        "cgcnn_voronoi": ("graph:voronoi", "1-0.0001"),
    }
    assert len({cell.key for cell in made.cells}) == len(made.cells) == 6
    inputs = plan.inputs(made, made.cells, cache_dir=tmp_path, jobs=2)
    assert inputs.keys() == {features for features, _ in given.values()}
    radius: Any = inputs["graph:radius:cutoff=4"].values
    assert dataset.structures is not None
    np.testing.assert_array_equal(radius.distances, RadiusGraphs(4.0).transform(dataset.structures).distances)
    nearest: Any = inputs["graph:nearest"].values
    np.testing.assert_array_equal(nearest.source, build_graphs(dataset.structures).source)


def test_graphs_travel_to_the_workers_as_their_folder(dataset: Dataset, tmp_path: Path) -> None:
    made = planned(dataset, on("nearest"))
    inputs = plan.inputs(made, made.cells, cache_dir=tmp_path, jobs=1)
    sent = cloudpickle.dumps(inputs)
    assert len(sent) < 1000
    received: Any = cloudpickle.loads(sent)["graph:nearest"].values
    assert isinstance(received, CrystalGraphs)
    assert isinstance(received.distances.base, np.memmap)


def test_crystals_without_a_graph_are_told_of() -> None:
    twice = Structure(Lattice.cubic(4), ["O", "O", "Zn"], [[0, 0, 0], [0, 0, 0], [0.5, 0.5, 0.5]])
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0, 0]])
    made = planned(of_structures(PackedStructures.pack([salt, twice, *[salt] * 10])), on("voronoi"))
    inputs = plan.inputs(made, made.cells, cache_dir=None, jobs=1)["graph:voronoi"]
    assert inputs.notes == ("1 of 12 graphs of 'graph:voronoi' have no edges (first: voronoi: two sites coincide).",)


def test_an_unknown_kind_of_graph_is_named_with_the_model(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="model 'cgcnn_radii': unknown kind of graph 'radii'"):
        planned(dataset, on("radii"))
