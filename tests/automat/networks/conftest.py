"""Real crystals for the networks: prototypes with their measured lattices, and rows of the shipped set."""

from __future__ import annotations

import os

import pytest
from automat_featurizers.graphs import CrystalGraphs, build_graphs
from automat_featurizers.packed import PackedStructures
from pymatgen.core import Lattice, Structure

from automat import datasets
from automat.core import Dataset

# Tests that skip where DGL is absent import it themselves; unasked, it writes into the home folder.
os.environ.setdefault("DGLBACKEND", "pytorch")


@pytest.fixture(scope="session")
def crystals() -> tuple[Structure, ...]:
    """Rock salt, wurtzite, perovskite, bcc iron, and a skewed triclinic cell."""
    spacegroup = Structure.from_spacegroup
    return (
        spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0, 0]]),
        spacegroup("P6_3mc", Lattice.hexagonal(3.25, 5.207), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.3819]]),
        spacegroup("Pm-3m", Lattice.cubic(3.905), ["Sr", "Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]]),
        spacegroup("Im-3m", Lattice.cubic(2.866), ["Fe"], [[0, 0, 0]]),
        Structure(
            Lattice.from_parameters(4.1, 5.2, 6.3, 71, 83, 97),
            ["Ca", "Si", "O", "O"],
            [[0.02, 0.11, 0.07], [0.48, 0.52, 0.41], [0.23, 0.79, 0.64], [0.71, 0.31, 0.83]],
        ),
    )


@pytest.fixture(scope="session")
def few_graphs(crystals: tuple[Structure, ...]) -> CrystalGraphs:
    return build_graphs(PackedStructures.pack(crystals))


@pytest.fixture(scope="session")
def formation() -> Dataset:
    """Every 40th row of the shipped formation energies: 99 crystals, eV/atom."""
    whole = datasets.load("mp_formation")
    rows = range(0, len(whole), 40)
    assert whole.structures is not None
    return Dataset(
        name="some_formation",
        ids=whole.ids[list(rows)],
        target=whole.target[list(rows)],
        target_name=whole.target_name,
        unit=whole.unit,
        task="regression",
        inputs="structures",
        structures=whole.structures.take(list(rows)),
    )


@pytest.fixture(scope="session")
def formation_graphs(formation: Dataset) -> CrystalGraphs:
    assert formation.structures is not None
    return build_graphs(formation.structures)
