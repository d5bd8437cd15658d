"""Order parameters of motifs, of sites, and over structures."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.kernels import order_parameters as kernel
from automat_featurizers.kernels import statistics
from automat_featurizers.kernels.site_motifs import histogram_peak
from automat_featurizers.parity import compare, turned_and_shifted
from automat_featurizers.structure import _motifs
from automat_featurizers.structure.crystal_nn_fingerprint import CrystalNNFingerprint
from automat_featurizers.structure.order_parameters import OPSiteFingerprint
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

BOTH = [OPSiteFingerprint, CrystalNNFingerprint]
STABLE = 1e-6


def ring(count: int, polar: float = 90.0) -> NDArray[np.float64]:
    angles = 2 * np.pi * np.arange(count) / count
    tilt = np.radians(polar)
    return np.column_stack([np.sin(tilt) * np.cos(angles), np.sin(tilt) * np.sin(angles), np.full(count, np.cos(tilt))])


POLES = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]])
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / np.sqrt(3)
TETRAHEDRON = CUBE[[0, 3, 5, 6]]
PAIRS = np.array([[x, y] for x in (-1, 1) for y in (-1, 1)]) / np.sqrt(2)
CUBOCTAHEDRON = np.vstack([np.insert(PAIRS, axis, 0, axis=1) for axis in range(3)])
PERFECT = {
    "linear CN_2": POLES,
    "L-shaped CN_2": ring(4)[:2],
    "trigonal planar CN_3": ring(3),
    "T-shaped CN_3": ring(4)[:3],
    "square co-planar CN_4": ring(4),
    "tetrahedral CN_4": TETRAHEDRON,
    "trigonal pyramidal CN_4": np.vstack([POLES[:1], ring(3)]),
    "see-saw-like CN_4": np.vstack([POLES, ring(3)[:2]]),
    "rectangular see-saw-like CN_4": np.vstack([POLES, ring(4)[:2]]),
    "pentagonal planar CN_5": ring(5),
    "square pyramidal CN_5": np.vstack([POLES[:1], ring(4)]),
    "trigonal bipyramidal CN_5": np.vstack([POLES, ring(3)]),
    "octahedral CN_6": np.vstack([POLES, ring(4)]),
    "hexagonal planar CN_6": ring(6),
    "pentagonal pyramidal CN_6": np.vstack([POLES[:1], ring(5)]),
    "hexagonal pyramidal CN_7": np.vstack([POLES[:1], ring(6)]),
    "pentagonal bipyramidal CN_7": np.vstack([POLES, ring(5)]),
    "body-centered cubic CN_8": CUBE,
    "hexagonal bipyramidal CN_8": np.vstack([POLES, ring(6)]),
    "cuboctahedral CN_12": CUBOCTAHEDRON,
}


def labels() -> list[str]:
    return list(OPSiteFingerprint().site_labels)


def shell_values(
    units: NDArray[np.float64], *, rank: NDArray[np.int64] | None = None, stable: bool = False
) -> dict[str, float]:
    """Every order parameter of a shell, of whatever coordination number."""
    _, forms, parameters = _motifs.motif_parameters()
    made = np.zeros(len(forms))
    order = np.arange(len(units)) if rank is None else rank
    kernel.shell_parameters(np.ascontiguousarray(units), forms, parameters, order, stable, made)
    return dict(zip(labels(), made.tolist(), strict=True))


def pymatgens(units: NDArray[np.float64]) -> dict[str, float]:
    """The same from pymatgen, through matminer's choice of parameters."""
    from matminer.featurizers.site import OPSiteFingerprint as Matminer
    from pymatgen.core import Site

    sites = [Site("H", [0, 0, 0]), *(Site("H", unit) for unit in units)]
    made = {}
    matminer = Matminer()
    for number, names in matminer.cn_target_motif_op.items():
        for name, order_parameter in zip(names, matminer.ops[number], strict=True):
            found = order_parameter.get_order_parameters(sites, 0, indices_neighs=list(range(1, len(sites))))
            made[f"{name} CN_{number}"] = 0.0 if found[0] is None else float(found[0])
    return made


def turned(units: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    made: NDArray[np.float64] = units @ turn
    return made


def test_motif_names_and_statistics_are_those_they_repeat() -> None:
    from matminer.featurizers.site.fingerprint import load_cn_target_motif_op

    theirs = load_cn_target_motif_op()
    assert tuple((number, tuple(names)) for number, names in theirs.items()) == _motifs.MOTIFS
    assert _motifs.STATISTICS == statistics.STATISTICS


@pytest.mark.parametrize("stable", [False, True])
@pytest.mark.parametrize("motif", PERFECT)
def test_a_perfect_motif_is_one_and_no_other_is_more(motif: str, *, stable: bool) -> None:
    number = motif.rsplit(" ", 1)[1]
    found = shell_values(turned(PERFECT[motif], 3), stable=stable)
    assert found[motif] == pytest.approx(1.0, abs=1e-6)
    # A square is a perfect see-saw, too: see-saws and bipyramids ask for a part of what others ask for.
    assert all(found[name] <= 1 + 1e-12 for name in PERFECT if name.endswith(number))


@pytest.mark.parametrize("motif", PERFECT)
def test_motifs_are_pymatgens(motif: str) -> None:
    theirs, ours = pymatgens(PERFECT[motif]), shell_values(PERFECT[motif])
    for name, value in theirs.items():
        if name != "sgl_bd CN_1":
            # q of a degree that symmetry makes 0 is the root of a rounding error.
            assert ours[name] == pytest.approx(value, abs=1e-7), name


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 12))
def test_random_shells_are_pymatgens(seed: int, count: int) -> None:
    units = np.random.default_rng(seed).normal(size=(count, 3))
    units /= np.linalg.norm(units, axis=1)[:, None]
    theirs, ours = pymatgens(units), shell_values(units)
    for name, value in theirs.items():
        if name != "sgl_bd CN_1":
            assert ours[name] == pytest.approx(value, abs=1e-9), name


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 12))
def test_the_stable_definition_knows_no_order_and_no_direction(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    units = rng.normal(size=(count, 3))
    units /= np.linalg.norm(units, axis=1)[:, None]
    equal = np.zeros(count, np.int64)
    here = shell_values(units, rank=equal, stable=True)
    there = shell_values(turned(units, seed)[rng.permutation(count)], rank=equal, stable=True)
    for name, value in here.items():
        assert there[name] == pytest.approx(value, abs=1e-7), name


def test_the_body_centred_cube_depends_on_which_neighbour_is_listed_first() -> None:
    units = CUBE + np.random.default_rng(1).normal(scale=0.15, size=CUBE.shape)
    units /= np.linalg.norm(units, axis=1)[:, None]
    name = "body-centered cubic CN_8"
    forward, backward = shell_values(units)[name], shell_values(units[::-1])[name]
    assert abs(forward - backward) > 1e-3
    mean = shell_values(units, rank=np.zeros(8, np.int64))[name]
    assert mean == pytest.approx((forward + backward) / 2, abs=1e-12)


def test_bond_order_is_the_sum_over_spherical_harmonics() -> None:
    from scipy.special import sph_harm

    units = np.random.default_rng(5).normal(size=(9, 3))
    units /= np.linalg.norm(units, axis=1)[:, None]
    azimuth, polar = np.arctan2(units[:, 1], units[:, 0]), np.arccos(units[:, 2])
    for degree in (2, 4, 6):
        means = [np.mean(sph_harm(order, degree, azimuth, polar)) for order in range(-degree, degree + 1)]
        expected = np.sqrt(4 * np.pi / (2 * degree + 1) * np.sum(np.abs(means) ** 2))
        assert kernel.bond_order(units, degree) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.0, 0.0], 0.0005),
        ([1.0, 1.0, 1.0], 0.9995),
        ([0.5, 0.5, 0.5], 0.5005),
        ([0.2, 0.7003, 0.7004], 0.7005),
        ([0.0, 0.0, 0.9], 0.0005),
        ([0.3004, 0.3016, 0.9], 0.301),
        ([-0.3, -0.2, -0.1], 0.0),
        ([1.4, 1.3, 1.2], 1.0),
    ],
)
def test_histogram_peaks(values: list[float], expected: float) -> None:
    assert histogram_peak(np.array(values)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("kind", BOTH)
def test_real_crystals_are_matminers(kind: type, real: PackedStructures) -> None:
    small = real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[2:12])
    found = compare([kind()], list(small))
    assert found.stable.sum() >= 4
    assert found.largest <= STABLE


@pytest.mark.parametrize("kind", BOTH)
def test_prototypes_are_matminers(kind: type, crystals: list[Structure]) -> None:
    # Perfect motifs are where values meet the edges of bins and angles meet thresholds.
    chosen = [crystal for crystal in crystals if len(crystal) <= 8]
    found = compare([kind()], chosen)
    assert found.stable.sum() >= len(chosen) // 2
    assert found.largest <= STABLE


def test_the_preset_of_coordination_numbers_is_matminers(real: PackedStructures) -> None:
    small = real.take(np.argsort(np.diff(real.row_ptr), kind="stable")[5:8])
    ours = CrystalNNFingerprint("cn", stats=("mean", "maximum"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = np.array([ours.matminer().featurize(structure) for structure in small])
        assert ours.matminer().feature_labels() == ours.get_feature_names_out().tolist()
    np.testing.assert_allclose(ours.transform(small), theirs, atol=1e-9)


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 29))
def test_the_stable_definition_does_not_depend_on_the_choice_of_crystal(
    kind: type, real: PackedStructures, seed: int, row: int
) -> None:
    rng = np.random.default_rng(seed)
    structure = real[row]
    moved = turned_and_shifted(structure, rng)
    shuffled = Structure.from_sites([moved[number] for number in rng.permutation(len(moved))])
    double = shuffled * [(2, 1, 0), (0, 1, 0), (0, 1, 1)] if len(moved) <= 10 else shuffled
    values = kind(stable=True).transform([structure, double])
    np.testing.assert_allclose(values[0], values[1], atol=STABLE)


def test_the_stable_octahedron_is_exact(crystals: list[Structure]) -> None:
    salt = PackedStructures.pack([crystals[0]])
    values = dict(zip(labels(), OPSiteFingerprint(stable=True).site_values(salt)[0][0], strict=True))
    assert values["octahedral CN_6"] == pytest.approx(1.0, abs=1e-6)
    assert values["tetrahedral CN_4"] == 0.0
    rounded = dict(zip(labels(), OPSiteFingerprint().site_values(salt)[0][0], strict=True))
    assert rounded["octahedral CN_6"] == pytest.approx(0.9995)
    assert rounded["tetrahedral CN_4"] == pytest.approx(0.0005)
    assert OPSiteFingerprint(stable=True).matminer() is None


def test_edges_have_numbers_or_reasons() -> None:
    cases = {
        "one atom": Structure(Lattice.cubic(2.9), ["Fe"], [[0, 0, 0]]),
        "isolated": Structure(Lattice.cubic(3000), ["Fe"], [[0, 0, 0]]),
        "tiny": Structure(Lattice.cubic(0.05), ["H"], [[0, 0, 0]]),
        "skewed": Structure(
            Lattice([[3, 0.1, 0], [60, 3, 0.2], [-40, 90, 3.5]]), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
        ),
        "coincident": Structure(Lattice.cubic(5), ["H", "He"], [[0, 0, 0], [1, 0, 0]]),
        "flat": Structure(Lattice([[3, 0, 0], [3, 0, 0], [0, 0, 3]]), ["Fe"], [[0, 0, 0]]),
        "not a number": Structure(Lattice.cubic(3), ["Fe"], [[np.nan, 0, 0]]),
        "large": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        * (3, 3, 3),
    }
    broken = {"coincident": "coincide", "flat": "volume", "not a number": "finite"}
    for kind in BOTH:
        for stable in (False, True):
            chosen = kind(stable=stable)
            values = chosen.transform(list(cases.values()))
            for row, name in enumerate(cases):
                if name in broken:
                    assert np.isnan(values[row]).all()
                    assert broken[name] in chosen.failures_[row]
                else:
                    assert np.isfinite(values[row]).all(), name
                    assert row not in chosen.failures_


def test_scale_and_emptiness_do_not_matter_to_shells() -> None:
    # Relative distances alone count, however large the cell.
    small = Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]])
    large = Structure(Lattice.cubic(1500), ["Fe"], [[0, 0, 0]])
    values = OPSiteFingerprint(stable=True).transform([small, large])
    np.testing.assert_allclose(values[0], values[1], atol=1e-9)


@pytest.mark.parametrize("kind", BOTH)
def test_unknown_options_are_refused(kind: type, real: PackedStructures) -> None:
    with pytest.raises(ValueError, match="'median'"):
        kind(stats=("mean", "median")).transform(real.take([0]))
    with pytest.raises(ValueError, match="'all'"):
        CrystalNNFingerprint("all").transform(real.take([0]))


def test_site_values_make_the_statistics(real: PackedStructures) -> None:
    for kind in BOTH:
        chosen = kind(stats=("mean", "maximum"))
        values, reasons = chosen.site_values(real)
        assert values.shape == (real.row_ptr[-1], len(chosen.site_labels))
        assert not reasons
        first = values[: real.row_ptr[1]]
        made = chosen.transform(real.take([0]))[0]
        np.testing.assert_allclose(made[0::2], first.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(made[1::2], first.max(axis=0), atol=1e-12)
