from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from automat_featurizers import CrystalGraphs, PackedStructures, build_graphs
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

CUTOFF, MOST = 8.0, 12


def shells(graphs: CrystalGraphs, row: int) -> list[NDArray[np.float64]]:
    """Distances of every atom's edges."""
    edges = slice(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
    atoms = graphs.row_ptr[row + 1] - graphs.row_ptr[row]
    destination, distances = graphs.destination[edges], graphs.distances[edges]
    return [distances[destination == atom] for atom in range(atoms)]


def assert_equal(one: CrystalGraphs, other: CrystalGraphs) -> None:
    assert one.arrays().keys() == other.arrays().keys()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


@pytest.mark.parametrize("rows", ["packed", "real"])
def test_edges_are_the_nearest_of_get_all_neighbors(rows: str, request: pytest.FixtureRequest) -> None:
    structures: PackedStructures = request.getfixturevalue(rows)
    graphs = build_graphs(structures, CUTOFF, MOST)
    for row, structure in enumerate(structures):
        everyone = structure.get_all_neighbors(CUTOFF)
        edges = slice(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
        source, destination = graphs.source[edges], graphs.destination[edges]
        for atom, neighbours in enumerate(everyone):
            neighbours.sort(key=lambda neighbour: neighbour.nn_distance)
            nearest = np.array([neighbour.nn_distance for neighbour in neighbours[:MOST]])
            ours = graphs.distances[edges][destination == atom]
            # Below the outermost shell there is no choice: the neighbours are the very same.
            inner = nearest < nearest[-1] - 1e-4
            np.testing.assert_allclose(np.sort(ours)[inner], nearest[inner], rtol=0, atol=1e-8)
            # Of those that tie with the last one, others may be chosen: they are as near to 1e-6.
            np.testing.assert_allclose(np.sort(ours), nearest, rtol=0, atol=1e-6)
            theirs = sorted(neighbours[at].index for at in np.flatnonzero(inner))
            assert sorted(source[destination == atom][inner]) == theirs


def test_edges_are_sorted(real: PackedStructures) -> None:
    graphs = build_graphs(real)
    for row in range(len(graphs)):
        edges = slice(graphs.edge_ptr[row], graphs.edge_ptr[row + 1])
        destination, distances = graphs.destination[edges], graphs.distances[edges]
        assert (np.diff(destination) >= 0).all()
        # Distances that differ by less than a tie are sorted by element and source.
        assert (np.diff(distances)[np.diff(destination) == 0] > -1e-6).all()


@pytest.mark.parametrize(
    ("prototype", "coordination", "distance"),
    [
        ("NaCl", 6, 5.64 / 2),
        ("CsCl", 8, 4.12 * np.sqrt(3) / 2),
        ("GaAs", 4, 5.65 * np.sqrt(3) / 4),
        ("Fe", 8, 2.866 * np.sqrt(3) / 2),
        ("Cu", 12, 3.615 / np.sqrt(2)),
    ],
)
def test_first_shells_are_the_textbooks(
    crystals: list[Structure], prototype: str, coordination: int, distance: float
) -> None:
    structure = next(each for each in crystals if each.composition.reduced_formula == prototype)
    graphs = build_graphs(PackedStructures.pack([structure]))
    for shell in shells(graphs, 0):
        np.testing.assert_allclose(shell[:coordination], distance, rtol=1e-9)
        assert (shell[coordination:] > distance + 0.1).all()


@pytest.mark.parametrize("scaling", [[2, 1, 1], [1, 2, 3], [[1, 1, 0], [0, 1, 0], [0, 0, 2]]])
def test_a_supercell_has_the_same_shells(crystals: list[Structure], scaling: list[Any]) -> None:
    for structure in crystals[:12]:
        larger = structure.copy()
        copies = round(abs(np.linalg.det(np.diag(scaling) if np.ndim(scaling) == 1 else np.array(scaling))))
        larger.make_supercell(scaling)
        graphs = build_graphs(PackedStructures.pack([structure, larger]))
        small = sorted(np.round(shell, 6).tolist() for shell in shells(graphs, 0) for _ in range(copies))
        large = sorted(np.round(shell, 6).tolist() for shell in shells(graphs, 1))
        np.testing.assert_allclose(large, small, atol=2e-6)


def test_a_turned_and_shifted_crystal_has_the_same_shells(packed: PackedStructures) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    moved = PackedStructures(
        packed.row_ptr,
        packed.lattices @ turn,
        packed.atomic_numbers,
        packed.fractional + np.array([0.31, -5.2, 7.77]),
    )
    before, after = build_graphs(packed), build_graphs(moved)
    np.testing.assert_array_equal(before.edge_ptr, after.edge_ptr)
    np.testing.assert_allclose(before.distances, after.distances, atol=1e-9)


def test_a_lone_atom_in_a_large_cell_has_no_edges() -> None:
    dimer = Structure(Lattice.cubic(30), ["H", "H"], [[0, 0, 0], [0.025, 0, 0]])
    atom = Structure(Lattice.cubic(9), ["Ne"], [[0, 0, 0]])
    iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    graphs = build_graphs(PackedStructures.pack([dimer, atom, iron]))
    assert graphs.neighbours_per_atom().tolist() == [1, 1, 0, 12, 12]
    np.testing.assert_allclose(graphs.distances[:2], 0.75)
    assert len(graphs.take([1]).source) == 0


def test_an_atoms_own_images_are_neighbours() -> None:
    graphs = build_graphs(PackedStructures.pack([Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]])]))
    assert graphs.source.tolist() == [0] * 12
    np.testing.assert_allclose(graphs.distances, [3.35] * 6 + [3.35 * np.sqrt(2)] * 6)


def test_graphs_of_rows_are_rows_of_graphs(packed: PackedStructures) -> None:
    rows = [4, 0, 4, 16]
    assert_equal(build_graphs(packed).take(rows), build_graphs(packed.take(rows)))
    assert len(build_graphs(packed.take([]))) == 0


def test_building_twice_gives_the_same(real: PackedStructures) -> None:
    assert_equal(build_graphs(real), build_graphs(PackedStructures.pack(list(real))))


@pytest.mark.parametrize(("cutoff", "most"), [(0, 12), (-1, 12), (float("nan"), 12), (8, 0)])
def test_senseless_limits_are_refused(packed: PackedStructures, cutoff: float, most: int) -> None:
    with pytest.raises(ValueError, match="must be positive, but got"):
        build_graphs(packed, cutoff, most)


def test_senseless_crystals_are_refused_by_row(packed: PackedStructures) -> None:
    for flat, message in ((0.0, "row 2: the lattice has no volume"), (np.nan, "row 2: the lattice")):
        lattices = packed.lattices.copy()
        lattices[2, 0] = flat
        broken = PackedStructures(packed.row_ptr, lattices, packed.atomic_numbers, packed.fractional)
        with pytest.raises(ValueError, match=message):
            build_graphs(broken)
