"""Periodic neighbours and the shared Voronoi tessellation."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.kernels.geometry import Tessellation, tessellation
from automat_featurizers.kernels.neighbors import periodic_neighbors, reduced_basis
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

UNIMODULAR = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-3, 3)).filter(lambda step: step[0] != step[1]),
    min_size=1,
    max_size=4,
)


def sheared(steps: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    matrix = np.eye(3, dtype=int)
    for row, other, times in steps:
        matrix[row] += times * matrix[other]
    return matrix


def volumes(cells: Tessellation) -> NDArray[np.float64]:
    return np.add.reduceat(cells.area * cells.distance / 6, cells.row_ptr[:-1])


@pytest.mark.parametrize("cutoff", [2.0, 5.0, 9.0])
def test_neighbors_are_pymatgens(real: PackedStructures, cutoff: float) -> None:
    for structure in real.take(range(8)):
        row_ptr, neighbor, image, vector, distance = periodic_neighbors(
            structure.frac_coords, structure.lattice.matrix, cutoff
        )
        expected = structure.get_neighbor_list(cutoff)
        pairs = np.column_stack([np.repeat(np.arange(len(structure)), np.diff(row_ptr)), neighbor, image])
        theirs = np.column_stack([expected[0], expected[1], expected[2].round().astype(int)])
        assert sorted(map(tuple, pairs.tolist())) == sorted(map(tuple, theirs.tolist()))
        places = structure.cart_coords
        ends = places[neighbor] + image @ structure.lattice.matrix
        np.testing.assert_allclose(vector, ends - places[pairs[:, 0]], atol=1e-10)
        np.testing.assert_allclose(distance, np.linalg.norm(vector, axis=1), atol=1e-12)
        assert all((np.diff(distance[a:b]) >= 0).all() for a, b in pairwise(row_ptr))


@given(steps=UNIMODULAR, row=st.integers(0, 29))
def test_neighbors_do_not_depend_on_the_choice_of_cell(
    real: PackedStructures, steps: list[tuple[int, int, int]], row: int
) -> None:
    matrix = sheared(steps)
    span = slice(real.row_ptr[row], real.row_ptr[row + 1])
    lattice, fractional = real.lattices[row], real.fractional[span]
    other = fractional @ np.linalg.inv(matrix)
    here = periodic_neighbors(fractional, lattice, 4.5)
    there = periodic_neighbors(other, matrix @ lattice, 4.5)
    np.testing.assert_array_equal(here[0], there[0])
    np.testing.assert_allclose(here[4], there[4], atol=1e-9)
    places = other @ (matrix @ lattice)
    source = np.repeat(np.arange(len(other)), np.diff(there[0]))
    np.testing.assert_allclose(places[there[1]] + there[2] @ (matrix @ lattice) - places[source], there[3], atol=1e-8)


def test_a_reduced_basis_spans_the_same_lattice() -> None:
    lattice = np.array([[3.0, 0.1, 0.0], [60.0, 3.0, 0.2], [-40.0, 90.0, 3.5]])
    reduced, steps = reduced_basis(lattice)
    np.testing.assert_allclose(steps @ lattice, reduced)
    assert abs(round(np.linalg.det(steps))) == 1
    assert np.linalg.norm(reduced, axis=1).max() < np.linalg.norm(lattice, axis=1).max() / 5


def test_cells_fill_space_and_the_sphere(real: PackedStructures, packed: PackedStructures) -> None:
    for structures in (real, packed):
        cells = tessellation(structures)
        assert not cells.reasons
        filled = np.add.reduceat(volumes(cells), structures.row_ptr[:-1])
        np.testing.assert_allclose(filled, np.abs(np.linalg.det(structures.lattices)), rtol=1e-8)
        np.testing.assert_allclose(np.add.reduceat(cells.solid_angle, cells.row_ptr[:-1]), 4 * np.pi, rtol=1e-8)
        np.testing.assert_allclose(cells.distance, np.linalg.norm(cells.vector, axis=1), rtol=1e-12)


def test_vectors_end_at_the_named_neighbours(real: PackedStructures) -> None:
    cells = tessellation(real)
    for row in range(len(real)):
        start, stop = real.row_ptr[row], real.row_ptr[row + 1]
        places = real.fractional[start:stop] @ real.lattices[row]
        for site in range(stop - start):
            faces = slice(cells.row_ptr[start + site], cells.row_ptr[start + site + 1])
            ends = places[cells.neighbor[faces]] + cells.image[faces] @ real.lattices[row]
            np.testing.assert_allclose(ends - places[site], cells.vector[faces], atol=1e-9)


def test_faces_are_pymatgens(real: PackedStructures) -> None:
    from pymatgen.analysis.local_env import VoronoiNN

    for structure in list(real.take(range(0, 30, 6))):
        cells = tessellation(PackedStructures.pack([structure]))
        theirs = VoronoiNN().get_voronoi_polyhedra(structure, 0).values()
        ours = slice(0, cells.row_ptr[1])
        big = cells.area[ours] > 1e-6
        for mine, name, factor in (
            (cells.area, "area", 1),
            (cells.solid_angle, "solid_angle", 1),
            (cells.distance, "face_dist", 2),
        ):
            expected = np.sort([factor * each[name] for each in theirs if each["area"] > 1e-6])
            np.testing.assert_allclose(np.sort(mine[ours][big]), expected, rtol=1e-6)


@given(steps=UNIMODULAR, shift=st.tuples(*[st.floats(-2, 2)] * 3), row=st.integers(0, 29))
def test_cells_do_not_depend_on_origin_or_choice_of_cell(
    real: PackedStructures, steps: list[tuple[int, int, int]], shift: tuple[float, float, float], row: int
) -> None:
    one = real.take([row])
    matrix = sheared(steps)
    other = PackedStructures(
        one.row_ptr,
        (matrix @ one.lattices[0])[None],
        one.atomic_numbers,
        (one.fractional + shift) @ np.linalg.inv(matrix),
    )
    here, there = tessellation(one), tessellation(other)
    np.testing.assert_allclose(volumes(here), volumes(there), rtol=1e-7)
    for a, b in ((here.area, there.area), (here.solid_angle, there.solid_angle)):
        np.testing.assert_allclose(np.sort(a[here.area > 1e-6]), np.sort(b[there.area > 1e-6]), rtol=1e-5, atol=1e-7)


def test_known_cells() -> None:
    cubic = Structure(Lattice.cubic(3.0), ["Po"], [[0.2, 0.3, 0.4]])
    fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Cu"], [[0, 0, 0]]).get_primitive_structure()
    bcc = Structure.from_spacegroup("Im-3m", Lattice.cubic(3.0), ["Fe"], [[0, 0, 0]])
    cells = tessellation(PackedStructures.pack([cubic, fcc, bcc]))
    visible = [np.flatnonzero(cells.area[a:b] > 1e-6) for a, b in pairwise(cells.row_ptr)]
    assert [len(each) for each in visible] == [6, 12, 14, 14]
    np.testing.assert_allclose(cells.area[:6], 9.0)
    np.testing.assert_allclose(cells.solid_angle[:6], 4 * np.pi / 6)
    assert sorted(cells.vertices[cells.row_ptr[2] :][visible[2]].tolist()) == [4] * 6 + [6] * 8


def test_an_atom_alone_in_a_large_cell_and_a_large_crystal_have_cells() -> None:
    alone = Structure(Lattice.cubic(60.0), ["Xe"], [[0, 0, 0]])
    layered = Structure(Lattice.tetragonal(3.0, 40.0), ["C", "C"], [[0, 0, 0], [0.5, 0.5, 0.02]])
    large = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]) * (
        3,
        3,
        4,
    )
    structures = PackedStructures.pack([alone, layered, large])
    cells = tessellation(structures)
    assert not cells.reasons
    filled = np.add.reduceat(volumes(cells), structures.row_ptr[:-1])
    np.testing.assert_allclose(filled, [60.0**3, 360.0, 36 * 5.6**3], rtol=1e-8)


def test_what_has_no_tessellation_says_why_and_spoils_no_other() -> None:
    good = Structure(Lattice.cubic(3.0), ["Po"], [[0, 0, 0]])
    twice = Structure(Lattice.cubic(3.0), ["Po", "Po"], [[0, 0, 0], [1.0, 0, 0]])
    packed = PackedStructures.pack([good, twice, good, good])
    flat, nowhere = packed.lattices.copy(), packed.fractional.copy()
    flat[2, 2] = flat[2, 1]
    nowhere[-1, 0] = np.nan
    cells = tessellation(PackedStructures(packed.row_ptr, flat, packed.atomic_numbers, nowhere))
    assert set(cells.reasons) == {1, 2, 3}
    assert "coincide" in cells.reasons[1]
    assert "no volume" in cells.reasons[2]
    assert cells.row_ptr.tolist() == [0, 6, 6, 6, 6, 6]


def test_derived_results_are_shared_and_not_pickled(packed: PackedStructures) -> None:
    structures = packed.take(range(3))
    assert structures.derived(tessellation) is structures.derived(tessellation)
    again = pickle.loads(pickle.dumps(structures))  # noqa: S301 - our own bytes
    assert len(pickle.dumps(structures)) == len(pickle.dumps(packed.take(range(3))))
    np.testing.assert_array_equal(again.derived(tessellation).area, structures.derived(tessellation).area)
