"""CrystalNN's neighbours: pymatgen's candidates, likelihoods and neighbours, site by site."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.kernels.crystal_nn import CrystalNeighbors, crystal_nn, crystal_nn_with
from automat_featurizers.kernels.finite_cells import cells_within
from automat_featurizers.kernels.geometry import tessellation
from automat_featurizers.parity import turned_and_shifted
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.local_env import CrystalNN, VoronoiNN
from pymatgen.core import Lattice, Structure

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMETERS: list[dict[str, Any]] = [
    {},
    {"distance_cutoffs": None, "x_diff_weight": 0.0},
    {"distance_cutoffs": (0.1, 2.0), "x_diff_weight": 1.5, "porous_adjustment": False},
]


def same_as_pymatgen(packed: PackedStructures, found: CrystalNeighbors, peer: CrystalNN) -> int:
    """Compare every site; how many were compared."""
    compared = 0
    for row, structure in enumerate(packed):
        for number in range(len(structure)):
            site = packed.row_ptr[row] + number
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = peer.get_nn_data(structure, number)
                neighbors = peer.get_nn_info(structure, number)
            span = slice(found.row_ptr[site], found.row_ptr[site + 1])
            likelihood = np.zeros(found.cn_weight.shape[1])
            for coordination, weight in expected.cn_weights.items():
                likelihood[coordination] = weight
            np.testing.assert_allclose(found.cn_weight[site], likelihood, rtol=0, atol=1e-12)
            assert [each["weight"] for each in peer.get_nn_data(structure, number).all_nninfo] == found.weight[
                span
            ].tolist()
            assert places(neighbors) == ours(found, span, found.bonded[span])
            assert places(expected.all_nninfo) == ours(found, span, np.ones(span.stop - span.start, bool))
            assert found.coordination[site] == len(neighbors)
            compared += 1
    return compared


def places(neighbors: list[dict[str, Any]]) -> list[tuple[int, ...]]:
    return sorted((each["site_index"], *(int(step) for step in each["image"])) for each in neighbors)


def ours(found: CrystalNeighbors, span: slice, which: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    chosen = zip(found.neighbor[span][which].tolist(), found.image[span][which].tolist(), strict=True)
    return sorted((site, *image) for site, image in chosen)


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_prototypes_are_pymatgens(packed: PackedStructures, parameters: dict[str, Any]) -> None:
    found = packed.derived(crystal_nn_with(**parameters))
    assert same_as_pymatgen(packed, found, CrystalNN(**parameters)) == packed.row_ptr[-1]


def test_real_crystals_are_pymatgens(real: PackedStructures) -> None:
    small = real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[:20])
    assert same_as_pymatgen(small, small.derived(crystal_nn), CrystalNN()) == small.row_ptr[-1]


def open_crystals() -> PackedStructures:
    """Cells with faces beyond 7 and beyond 13 angstrom."""
    layer = Structure(
        Lattice.hexagonal(3.2, 17.0), ["Mo", "S", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.092], [1 / 3, 2 / 3, -0.092]]
    )
    chain = Structure(Lattice.orthorhombic(9.1, 8.4, 2.9), ["Se", "Te"], [[0, 0, 0], [0.1, 0.03, 0.5]])
    molecule = Structure(Lattice.cubic(9.0), ["N", "N"], [[0, 0, 0], [0.07, 0.07, 0.07]])
    return PackedStructures.pack([layer, chain, molecule])


def test_open_crystals_are_pymatgens_whose_cells_end_at_the_cutoff() -> None:
    packed = open_crystals()
    whole, finite = tessellation(packed), packed.derived(cells_within(7.0, open_faces=False))
    assert finite.row_ptr[-1] != whole.row_ptr[-1]
    assert same_as_pymatgen(packed, packed.derived(crystal_nn), CrystalNN()) == packed.row_ptr[-1]


@pytest.mark.parametrize("open_faces", [False, True])
def test_cells_within_a_cutoff_are_pymatgens(open_faces: bool) -> None:
    packed = open_crystals()
    cells = packed.derived(cells_within(8.0, open_faces=open_faces))
    for row, structure in enumerate(packed):
        for number in range(len(structure)):
            site = packed.row_ptr[row] + number
            peer = VoronoiNN(cutoff=8.0, allow_pathological=open_faces)
            faces = peer.get_voronoi_polyhedra(structure, number).values()
            expected = sorted(face["solid_angle"] for face in faces if face["solid_angle"] > 1e-6)
            span = slice(cells.row_ptr[site], cells.row_ptr[site + 1])
            found = np.sort(cells.solid_angle[span])
            np.testing.assert_allclose(found[found > 1e-6], expected, rtol=1e-6, atol=1e-9)


def test_a_closed_crystal_shares_the_whole_tessellation(packed: PackedStructures) -> None:
    metals = packed.take([8, 9])
    assert metals.derived(cells_within(7.0, open_faces=False)) is metals.derived(tessellation)


def test_parameters_have_their_own_neighbours_and_are_found_once(packed: PackedStructures) -> None:
    assert packed.derived(crystal_nn) is packed.derived(crystal_nn)
    assert packed.derived(crystal_nn) is packed.derived(crystal_nn_with())
    assert packed.derived(crystal_nn_with(None, 0.0)) is not packed.derived(crystal_nn)


def test_likelihoods_add_up_and_the_likeliest_wins(packed: PackedStructures) -> None:
    found = packed.derived(crystal_nn)
    np.testing.assert_allclose(found.cn_weight.sum(axis=1), 1.0)
    np.testing.assert_array_equal(found.cn_weight.argmax(axis=1), found.coordination)
    for first, last in zip(found.row_ptr[:-1], found.row_ptr[1:], strict=True):
        assert (np.diff(found.weight[first:last]) <= 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), row=st.integers(0, 16))
def test_neither_place_nor_order_of_the_sites_matters(crystals: list[Structure], seed: int, row: int) -> None:
    rng = np.random.default_rng(seed)
    moved = turned_and_shifted(crystals[row], rng)
    order = rng.permutation(len(moved))
    shuffled = Structure.from_sites([moved[int(site)] for site in order])
    here = crystal_nn(PackedStructures.pack([crystals[row]]))
    there = crystal_nn(PackedStructures.pack([shuffled]))
    np.testing.assert_array_equal(there.coordination, here.coordination[order])
    np.testing.assert_allclose(there.cn_weight, here.cn_weight[order], rtol=0, atol=1e-12)


def test_a_weight_of_half_a_thousandth_is_rounded_up_however_the_crystal_lies() -> None:
    """In a primitive tetragonal cell the weights are those of a box: c is set so that one is 0.0625."""

    def weight(c: float) -> float:
        packed = PackedStructures.pack([Structure(Lattice.tetragonal(3.0, c), ["Cu"], [[0, 0, 0]])])
        cells = tessellation(packed)
        raw = cells.solid_angle**2 / cells.area
        return float(raw.min() / raw.max())

    low, high = 3.0, 12.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if weight(middle) > 0.0625 else (low, middle)
    crystal = Structure(Lattice.tetragonal(3.0, low), ["Cu"], [[0, 0, 0]])
    rng = np.random.default_rng(0)
    packed = PackedStructures.pack([crystal, *(turned_and_shifted(crystal, rng) for _ in range(20))])
    found = packed.derived(crystal_nn_with(None, 0.0))
    assert set(found.weight.tolist()) == {1.0, 0.063}


def test_what_has_no_neighbours_says_why() -> None:
    packed = PackedStructures.pack(
        [
            Structure(Lattice.cubic(4.0), ["Na", "Cl"], [[0, 0, 0], [0, 0, 0]]),
            Structure(Lattice.cubic(4.0), ["Og"], [[0, 0, 0]]),
            Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]]),
        ]
    )
    found = packed.derived(crystal_nn)
    assert sorted(found.reasons) == [0, 1]
    assert found.coordination.tolist() == [-1, -1, -1, 6]
    assert np.isnan(found.cn_weight[:3]).all()
    assert found.row_ptr[3] == 0
    assert packed.derived(crystal_nn_with(None, 0.0)).coordination.tolist()[2] == 6
