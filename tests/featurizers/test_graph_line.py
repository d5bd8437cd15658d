"""Line graphs: which pairs of edges they join, and the angles between them."""

from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import CrystalGraphs, NearestGraphs, PackedStructures, RadiusGraphs, VoronoiGraphs, line_graphs
from pymatgen.core import Lattice, Structure

KINDS = (NearestGraphs(8, 6, vectors=True), RadiusGraphs(3.6, vectors=True), VoronoiGraphs(vectors=True))


@pytest.mark.parametrize("builder", KINDS, ids=lambda each: each.name)
def test_pairs_and_angles_are_those_of_a_direct_search(
    builder: NearestGraphs | RadiusGraphs | VoronoiGraphs, real: PackedStructures
) -> None:
    structures = real.take(range(0, 30, 4))
    graphs = builder.transform(structures)
    lines = line_graphs(graphs)
    assert len(lines) == len(graphs)
    for row, structure in enumerate(structures):
        one, pairs = graphs.take([row]), lines.take([row])
        assert one.images is not None
        expected = {}
        for first in range(len(one.source)):
            for second in range(len(one.source)):
                if one.destination[first] == one.source[second]:
                    # u -> v -> w: all three as points in space, v in the cell of the second edge's neighbour.
                    middle = structure.frac_coords[one.source[second]]
                    begin = structure.frac_coords[one.source[first]] + one.images[first]
                    end = structure.frac_coords[one.destination[second]] - one.images[second]
                    to_begin, to_end = structure.lattice.get_cartesian_coords([begin - middle, end - middle])
                    cosine = to_begin @ to_end / np.linalg.norm(to_begin) / np.linalg.norm(to_end)
                    expected[first, second] = cosine
        found = dict(zip(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True), pairs.cosines, strict=True))
        assert found.keys() == expected.keys()
        np.testing.assert_allclose([found[pair] for pair in expected], list(expected.values()), atol=1e-9)
        order = np.lexsort([pairs.first, pairs.second])
        assert (order == np.arange(len(order))).all()


def test_the_number_of_pairs_is_edges_in_times_edges_out(packed: PackedStructures) -> None:
    graphs = NearestGraphs(vectors=True).transform(packed)
    lines = line_graphs(graphs)
    first_atom = np.repeat(graphs.row_ptr[:-1], np.diff(graphs.edge_ptr))
    into = np.bincount(graphs.destination + first_atom, minlength=len(graphs.atomic_numbers))
    out = np.bincount(graphs.source + first_atom, minlength=len(graphs.atomic_numbers))
    per_graph = np.add.reduceat(into * out, graphs.row_ptr[:-1])
    np.testing.assert_array_equal(np.diff(lines.pair_ptr), per_graph)


def test_without_backtracking_the_way_back_is_left_out(packed: PackedStructures, real: PackedStructures) -> None:
    for structures in (packed, real):
        graphs = RadiusGraphs(4.0, vectors=True).transform(structures)
        every, forward = line_graphs(graphs), line_graphs(graphs, backtracking=False)
        # In a radius graph every edge has its reverse, so of every second edge's pairs one leads back.
        assert len(every.first) - len(forward.first) == len(graphs.source)
        assert every.angles().min() < 1e-6
        np.testing.assert_array_equal(
            np.diff(every.pair_ptr) - np.diff(forward.pair_ptr),
            np.diff(graphs.edge_ptr),
        )


def test_a_chain_of_one_atom_has_straight_angles() -> None:
    chain = Structure(Lattice.orthorhombic(3, 30, 30), ["Cu"], [[0.2, 0.3, 0.4]])
    graphs = RadiusGraphs(3.5, vectors=True).transform([chain])
    assert len(graphs.source) == 2
    assert np.sort(line_graphs(graphs).angles()) == pytest.approx([0, 0, np.pi, np.pi])
    assert line_graphs(graphs, backtracking=False).angles() == pytest.approx([np.pi, np.pi])


def test_angles_of_textbooks(crystals: list[Structure]) -> None:
    expected = {"NaCl": {0, 90, 180}, "GaAs": {0, 109.47}, "CsCl": {0, 70.53, 109.47, 180}}
    for structure in crystals:
        if (angles := expected.get(structure.composition.reduced_formula)) is None:
            continue
        nearest = min(structure.distance_matrix[0][1:]) if len(structure) > 1 else 0.0
        graphs = RadiusGraphs(nearest + 0.1, vectors=True).transform([structure])
        found = np.round(np.degrees(line_graphs(graphs).angles()), 2) + 0.0
        assert set(found.tolist()) == angles


def test_rows_of_line_graphs_are_line_graphs_of_rows(packed: PackedStructures) -> None:
    graphs = NearestGraphs(8, 4, vectors=True).transform(packed)
    rows = [4, 0, 4, 16]
    taken, made = line_graphs(graphs).take(rows), line_graphs(graphs.take(rows))
    for name, array in vars(taken).items():
        np.testing.assert_array_equal(array, vars(made)[name])


def test_graphs_without_vectors_or_edges(packed: PackedStructures) -> None:
    with pytest.raises(ValueError, match="vectors=True"):
        line_graphs(NearestGraphs().transform(packed))
    alone = RadiusGraphs(2.0, vectors=True).transform([Structure(Lattice.cubic(9), ["Ne"], [[0, 0, 0]])])
    assert isinstance(alone, CrystalGraphs)
    assert line_graphs(alone).pair_ptr.tolist() == [0, 0]
