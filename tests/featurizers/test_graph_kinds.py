"""Every kind of graph: its edges beside pymatgen's, and what a graph must not depend on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from automat_featurizers import (
    CrystalGraphs,
    GraphBuilder,
    NearestGraphs,
    PackedStructures,
    RadiusGraphs,
    VoronoiGraphs,
    graph_builder,
    graph_builders,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.analysis.local_env import VoronoiNN
from pymatgen.core import Lattice, Structure

KINDS: tuple[GraphBuilder, ...] = (
    NearestGraphs(vectors=True),
    RadiusGraphs(4.5, vectors=True),
    VoronoiGraphs(vectors=True),
)
by_kind = pytest.mark.parametrize("builder", KINDS, ids=lambda each: each.name)

Edge = tuple[int, int, int, int, int]


def places(graphs: CrystalGraphs) -> NDArray[np.int64]:
    """Central atom, neighbour and image of every edge, shape (edges, 5)."""
    assert graphs.images is not None
    return np.column_stack([graphs.destination, graphs.source, graphs.images])


def edges_of(graphs: CrystalGraphs, row: int = 0) -> dict[Edge, float]:
    """Central atom, neighbour and image of every edge of a graph, with its distance."""
    one = graphs.take([row])
    found: dict[Edge, float] = dict(zip(map(tuple, places(one).tolist()), one.distances.tolist(), strict=True))
    assert len(found) == len(one.source)
    return found


def edges_of_pymatgen(structure: Structure, cutoff: float) -> dict[Edge, float]:
    return {
        (atom, near.index, *map(int, near.image)): near.nn_distance
        for atom, neighbours in enumerate(structure.get_all_neighbors(cutoff))
        for near in neighbours
    }


def descriptions(graphs: CrystalGraphs, row: int = 0) -> list[list[Any]]:
    """Of every atom its element, and its edges by neighbour's element, distance and columns; sorted."""
    one = graphs.take([row])
    rounded = np.round(np.column_stack([one.distances, *one.columns.values()]), 5) + 0.0
    atoms: list[list[Any]] = [[int(number)] for number in one.atomic_numbers]
    for atom, source, numbers in zip(one.destination, one.source, rounded.tolist(), strict=True):
        atoms[atom].append((int(one.atomic_numbers[source]), *numbers))
    return sorted([atom[0], *sorted(atom[1:])] for atom in atoms)


def assert_alike(one: list[list[Any]], other: list[list[Any]]) -> None:
    """Equal up to what rounding to five digits may do."""
    assert [len(atom) for atom in one] == [len(atom) for atom in other]
    for here, there in zip(one, other, strict=True):
        assert here[0] == there[0]
        np.testing.assert_allclose(np.array(here[1:]), np.array(there[1:]), atol=3e-5)


@st.composite
def small_and_skewed_cells(draw: st.DrawFn) -> Structure:
    """One to four atoms in a cell of 1.2 to 6 angstrom, described by a lattice sheared up to seven times."""
    lengths = [draw(st.floats(1.2, 6)) for _ in range(3)]
    angles = [draw(st.floats(50, 130)) for _ in range(3)]
    try:
        matrix = Lattice.from_parameters(*lengths, *angles).matrix.copy()
    except ValueError:
        assume(False)
    assume(abs(np.linalg.det(matrix)) > 0.3 * np.prod(lengths))
    for first, second in ((0, 1), (1, 2), (2, 0)):
        matrix[first] += draw(st.integers(-3, 3)) * matrix[second]
    count = draw(st.integers(1, 4))
    places = [[draw(st.floats(-2, 2)) for _ in range(3)] for _ in range(count)]
    species = [draw(st.sampled_from(["Na", "Cl", "O"])) for _ in range(count)]
    structure = Structure(Lattice(matrix), species, places)
    apart = structure.distance_matrix[np.triu_indices(count, 1)]
    assume(not len(apart) or apart.min() > 0.3)
    return structure


@settings(max_examples=60)
@given(structure=small_and_skewed_cells())
def test_a_radius_graph_has_pymatgens_edges_in_any_cell(structure: Structure) -> None:
    ours = edges_of(RadiusGraphs(4.0, vectors=True).transform([structure]))
    theirs = edges_of_pymatgen(structure, 4.0)
    # Only what lies on the sphere itself may differ.
    for edge in ours.keys() ^ theirs.keys():
        assert abs({**ours, **theirs}[edge] - 4.0) < 1e-7
    for edge in ours.keys() & theirs.keys():
        assert abs(ours[edge] - theirs[edge]) < 1e-8


@settings(max_examples=60)
@given(structure=small_and_skewed_cells())
def test_a_nearest_graph_has_the_nearest_of_pymatgens_edges_in_any_cell(structure: Structure) -> None:
    ours = edges_of(NearestGraphs(4.0, 12, vectors=True).transform([structure]))
    everyone = edges_of_pymatgen(structure, 4.0)
    for atom in range(len(structure)):
        mine = {edge: distance for edge, distance in ours.items() if edge[0] == atom}
        theirs = {edge: distance for edge, distance in everyone.items() if edge[0] == atom}
        nearest = sorted(theirs.values())[:12]
        np.testing.assert_allclose(sorted(mine.values()), nearest, atol=1e-7)
        assert mine.keys() <= theirs.keys()
        # Below the outermost shell there is no choice.
        last = nearest[-1] if nearest else 0.0
        assert {edge for edge, far in theirs.items() if far < last - 1e-5} <= mine.keys()


def test_radius_graphs_of_real_crystals_have_pymatgens_edges(real: PackedStructures) -> None:
    graphs = RadiusGraphs(5.0, vectors=True).transform(real)
    for row, structure in enumerate(real):
        ours, theirs = edges_of(graphs, row), edges_of_pymatgen(structure, 5.0)
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose([ours[edge] for edge in theirs], list(theirs.values()), atol=1e-8)


def test_edges_of_nearest_graphs_of_real_crystals_are_edges_of_pymatgen(real: PackedStructures) -> None:
    graphs = NearestGraphs(vectors=True).transform(real)
    for row, structure in enumerate(real):
        ours, theirs = edges_of(graphs, row), edges_of_pymatgen(structure, 8.0)
        assert ours.keys() <= theirs.keys()
        np.testing.assert_allclose(list(ours.values()), [theirs[edge] for edge in ours], rtol=0, atol=1e-8)


def test_there_is_room_for_hundreds_of_neighbours(crystals: list[Structure]) -> None:
    copper = next(each for each in crystals if each.composition.reduced_formula == "Cu").get_primitive_structure()
    theirs = edges_of_pymatgen(copper, 12.0)
    assert len(theirs) > 600
    assert edges_of(RadiusGraphs(12.0, vectors=True).transform([copper])).keys() == theirs.keys()
    most = edges_of(NearestGraphs(100.0, 500, vectors=True).transform([copper]))
    np.testing.assert_allclose(sorted(most.values()), sorted(theirs.values())[:500], atol=1e-8)


@by_kind
def test_vectors_end_where_images_say(builder: GraphBuilder, packed: PackedStructures, real: PackedStructures) -> None:
    for structures in (packed, real):
        graphs = builder.transform(structures)
        assert graphs.images is not None
        assert graphs.vectors is not None
        np.testing.assert_allclose(np.linalg.norm(graphs.vectors, axis=1), graphs.distances, rtol=1e-12)
        for row in range(len(structures)):
            one, crystal = graphs.take([row]), structures.take([row])
            assert one.images is not None
            assert one.vectors is not None
            away = crystal.fractional[one.source] + one.images - crystal.fractional[one.destination]
            np.testing.assert_allclose(away @ crystal.lattices[0], one.vectors, atol=1e-8)


@by_kind
def test_edges_are_sorted(builder: GraphBuilder, real: PackedStructures) -> None:
    graphs = builder.transform(real)
    for row in range(len(graphs)):
        one = graphs.take([row])
        rounded = np.floor(one.distances / 1e-6 + 0.618)
        keys = np.column_stack([one.destination, rounded, one.atomic_numbers[one.source], places(one)[:, 1:]])
        assert (np.lexsort(keys.T[::-1]) == np.arange(len(keys))).all()


@pytest.mark.parametrize("builder", KINDS[1:], ids=lambda each: each.name)
def test_every_edge_has_its_reverse(builder: GraphBuilder, packed: PackedStructures, real: PackedStructures) -> None:
    for structures in (packed, real):
        graphs = builder.transform(structures)
        for row in range(len(graphs)):
            edges = edges_of(graphs, row)
            assert {(source, atom, -a, -b, -c) for atom, source, a, b, c in edges} == edges.keys()


@by_kind
def test_a_turned_and_shifted_crystal_has_the_same_edges(builder: GraphBuilder, packed: PackedStructures) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    shift = np.array([0.31, -5.2, 7.77])
    moved = PackedStructures(packed.row_ptr, packed.lattices @ turn, packed.atomic_numbers, packed.fractional + shift)
    before, after = builder.transform(packed), builder.transform(moved)
    np.testing.assert_array_equal(before.edge_ptr, after.edge_ptr)
    np.testing.assert_allclose(before.distances, after.distances, atol=1e-8)
    # The very same images: rounding decides nothing.
    np.testing.assert_array_equal(places(before), places(after))
    for name, values in before.columns.items():
        np.testing.assert_allclose(values, after.columns[name], rtol=1e-6, atol=1e-8)


@by_kind
def test_wrapping_a_site_into_the_cell_changes_no_shell(builder: GraphBuilder, crystals: list[Structure]) -> None:
    outside = crystals[-1]
    inside = outside.copy().translate_sites(range(len(outside)), [0, 0, 0], to_unit_cell=True)
    both = builder.transform([outside, inside])
    assert_alike(descriptions(both, 0), descriptions(both, 1))


@by_kind
def test_the_order_of_the_sites_does_not_matter(builder: GraphBuilder, real: PackedStructures) -> None:
    chance = np.random.default_rng(0)
    for structure in real.take(range(0, 30, 3)):
        shuffled = Structure.from_sites([structure[int(site)] for site in chance.permutation(len(structure))])
        both = builder.transform([structure, shuffled])
        assert_alike(descriptions(both, 0), descriptions(both, 1))


@by_kind
@pytest.mark.parametrize("scaling", [[2, 1, 1], [[1, 1, 0], [0, 1, 0], [0, 0, 2]]])
def test_a_supercell_repeats_the_graph(builder: GraphBuilder, crystals: list[Structure], scaling: list[Any]) -> None:
    for structure in crystals[:8]:
        larger = structure.copy()
        larger.make_supercell(scaling)
        both = builder.transform([structure, larger])
        once = descriptions(both, 0)
        assert_alike(sorted([*once, *once]), descriptions(both, 1))


@pytest.mark.parametrize("row", [1, 4, 9, 16, 23])
def test_voronoi_columns_are_those_of_pymatgen(real: PackedStructures, row: int) -> None:
    structure = real[row]
    graphs = VoronoiGraphs(min_share=0.01).transform(real.take([row]))
    polyhedra = VoronoiNN(tol=0.0, cutoff=13.0, allow_pathological=False)
    for atom in range(len(structure)):
        faces = list(polyhedra.get_voronoi_polyhedra(structure, atom).values())
        largest = max(face["solid_angle"] for face in faces)
        kept = sorted(
            (2 * face["face_dist"], face["solid_angle"], face["area"], face["volume"])
            for face in faces
            if face["solid_angle"] >= 0.01 * largest
        )
        mine = graphs.destination == atom
        columns = (graphs.distances, *(graphs.columns[name] for name in ("solid_angle", "area", "volume")))
        ours = np.array(sorted(zip(*(values[mine] for values in columns), strict=True)))
        assert len(ours) == len(kept)
        # Rows at equal distances come in the order of rounding, so each column is compared by itself.
        for column, expected in zip(ours.T, np.array(kept).T, strict=True):
            np.testing.assert_allclose(np.sort(column), np.sort(expected), rtol=1e-5, atol=1e-6)


def test_voronoi_faces_fill_sphere_and_cell(packed: PackedStructures, real: PackedStructures) -> None:
    for structures in (packed, real):
        graphs = VoronoiGraphs(min_share=0).transform(structures)
        first = np.repeat(graphs.row_ptr[:-1], np.diff(graphs.edge_ptr))
        angles = np.bincount(graphs.destination + first, graphs.columns["solid_angle"])
        np.testing.assert_allclose(angles, 4 * np.pi, rtol=1e-9)
        volumes = np.add.reduceat(graphs.columns["volume"], graphs.edge_ptr[:-1])
        np.testing.assert_allclose(volumes, np.abs(np.linalg.det(structures.lattices)), rtol=1e-8)


def test_small_faces_are_left_out_on_demand(real: PackedStructures) -> None:
    every, large = (VoronoiGraphs(share).transform(real) for share in (1e-4, 0.2))
    first = np.repeat(every.row_ptr[:-1], np.diff(every.edge_ptr))
    atom_of = every.destination + first
    largest = np.zeros(len(every.atomic_numbers))
    np.maximum.at(largest, atom_of, every.columns["solid_angle"])
    kept = every.columns["solid_angle"] >= 0.2 * largest[atom_of]
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(every.source[kept], large.source)
    np.testing.assert_array_equal(every.columns["area"][kept], large.columns["area"])


def test_a_crystal_without_a_tessellation_has_no_edges_and_a_reason(packed: PackedStructures) -> None:
    twice = Structure(Lattice.cubic(4), ["O", "O", "Zn"], [[0, 0, 0], [0, 0, 0], [0.5, 0.5, 0.5]])
    structures = PackedStructures.pack([packed[0], twice, packed[1]])
    builder = VoronoiGraphs()
    graphs = builder.transform(structures)
    assert builder.failures_ == {1: "voronoi: two sites coincide"}
    assert np.diff(graphs.edge_ptr).tolist()[1] == 0
    alone = builder.transform(packed.take([0, 1]))
    np.testing.assert_array_equal(graphs.take([0, 2]).source, alone.source)
    assert builder.failures_ == {}


def test_an_atom_just_on_the_sphere_is_within_it_from_both_sides() -> None:
    for cutoff in (3.0, np.sqrt(2) * 3, np.sqrt(3) * 3):
        # Po at (0.1, 0.2, 0.3), turned: the distances are 3, 3 sqrt 2 and 3 sqrt 3 but for rounding.
        turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))
        cubic = Structure(Lattice(3 * turn), ["Po"], [[0.1, 0.2, 0.3]]) * (2, 1, 1)
        graphs = RadiusGraphs(cutoff).transform([cubic])
        expected = sum(1 for x in np.ndindex(9, 9, 9) if 0 < sum((np.array(x) - 4) ** 2) <= (cutoff / 3) ** 2 + 1e-9)
        assert graphs.neighbours_per_atom().tolist() == [expected, expected]


@pytest.mark.parametrize("builder", [RadiusGraphs(), VoronoiGraphs(), NearestGraphs()], ids=lambda each: each.name)
def test_senseless_crystals_are_refused_by_row(builder: GraphBuilder, packed: PackedStructures) -> None:
    for wrong in (0.0, np.nan):
        lattices = packed.lattices.copy()
        lattices[2, 0] = wrong
        broken = PackedStructures(packed.row_ptr, lattices, packed.atomic_numbers, packed.fractional)
        with pytest.raises(ValueError, match="row 2: the lattice has no volume"):
            builder.transform(broken)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (RadiusGraphs(0), "cutoff must be positive"),
        (RadiusGraphs(float("inf")), "cutoff must be positive"),
        (VoronoiGraphs(-0.1), "min_share must be at least 0"),
        (VoronoiGraphs(1), "min_share must be at least 0"),
        (NearestGraphs(8, 0), "must be positive, but got"),
    ],
)
def test_senseless_settings_are_refused(builder: GraphBuilder, message: str, packed: PackedStructures) -> None:
    with pytest.raises(ValueError, match=message):
        builder.transform(packed)


def test_places_are_kept_only_where_they_are_wanted(packed: PackedStructures) -> None:
    for builder in (NearestGraphs(), RadiusGraphs(), VoronoiGraphs()):
        bare = builder.transform(packed)
        full = type(builder)(vectors=True).transform(packed)
        assert bare.images is None
        assert bare.vectors is None
        assert full.take([3]).vectors is not None
        np.testing.assert_array_equal(bare.source, full.source)
        np.testing.assert_array_equal(bare.distances, full.distances)


def test_builders_are_transformers_found_by_name(packed: PackedStructures, crystals: list[Structure]) -> None:
    assert set(graph_builders()) == {"nearest", "radius", "voronoi"}
    versions = Counter[str]()
    for spec in ("nearest", "nearest:cutoff=5,max_neighbours=6", "radius", "radius:cutoff=6,vectors=true", "voronoi"):
        builder = graph_builder(spec)
        assert builder.spec == spec
        assert (builder.takes, builder.gives) == ("structure", "graph")
        of_packed, of_objects = builder.fit_transform(packed), builder.transform(crystals)
        np.testing.assert_array_equal(of_packed.distances, of_objects.distances)
        versions[f"{builder.name}-{builder.version}"] += 1
    assert max(versions.values()) == 1
    assert graph_builder("nearest: cutoff = 8").spec == "nearest"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("radii", "unknown kind of graph 'radii'. Did you mean 'radius'"),
        ("radius:cutof=4", "unknown setting of 'radius' graphs 'cutof'. Did you mean 'cutoff'"),
        ("radius:cutoff=wide", "cutoff of 'radius' graphs must be a number such as 5"),
        ("nearest:max_neighbours=2.5", "max_neighbours of 'nearest' graphs must be a number such as 12"),
        ("voronoi:vectors=maybe", "vectors of 'voronoi' graphs must be true or false"),
    ],
)
def test_specs_that_cannot_be_read_are_named(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        graph_builder(spec)
