"""Distances and angles as columns."""

from __future__ import annotations

import numpy as np
import pytest
from automat_featurizers import BesselBasis, GaussianBasis, SphericalBesselBasis
from automat_featurizers.distance_bases import bessel_roots, envelope
from scipy.integrate import quad
from scipy.special import spherical_jn
from sklearn.base import clone


def test_gaussians_are_those_of_cgcnn() -> None:
    basis = GaussianBasis()
    columns = basis.fit_transform([0.0, 2.0, 2.1, 8.0])
    assert columns.shape == (4, 41)
    np.testing.assert_allclose(basis.centres, np.arange(0, 8.1, 0.2))
    assert columns[1, 10] == 1
    np.testing.assert_allclose(columns[2, [10, 11]], np.exp(-0.25))
    wide = GaussianBasis(width=0.4).transform([2.1])
    np.testing.assert_allclose(wide[0, 10], np.exp(-1 / 16))


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_bessel_roots_are_the_first_roots_in_order(order: int) -> None:
    roots = bessel_roots(order, 8)
    np.testing.assert_allclose(spherical_jn(order, roots), 0, atol=1e-12)
    # No root is skipped: the function changes sign between two of them, and nowhere else.
    fine = np.linspace(1e-3 + (order > 0), roots[-1] + 0.1, 20_000)
    assert (np.diff(np.sign(spherical_jn(order, fine))) != 0).sum() == 8


@pytest.mark.parametrize("order", [0, 1, 3])
def test_bessel_waves_are_normalised_spherical_bessel_functions(order: int) -> None:
    cutoff, count = 5.0, 6
    distances = np.linspace(0, 4.999, 57)
    roots = bessel_roots(order, count)
    expected = np.sqrt(2 / cutoff**3) / np.abs(spherical_jn(order + 1, roots))
    expected = expected * spherical_jn(order, distances[:, None] * roots / cutoff)
    ours = BesselBasis(count, cutoff, order, exponent=0).transform(distances)
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    smooth = BesselBasis(count, cutoff, order, exponent=6).transform(distances)
    np.testing.assert_allclose(smooth, expected * envelope(distances / cutoff, 6)[:, None], atol=1e-12)


def test_the_radial_basis_is_the_sine_over_the_distance() -> None:
    distances = np.array([0.5, 1.7, 3.2, 4.4])
    expected = np.sqrt(2 / 5) * np.sin(np.pi / 5 * distances[:, None] * np.arange(1, 7)) / distances[:, None]
    np.testing.assert_allclose(BesselBasis(exponent=0).transform(distances), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [0, 2])
def test_bessel_waves_are_orthonormal_in_the_sphere(order: int) -> None:
    basis = BesselBasis(3, 4.0, order, exponent=0)

    def product(one: int, other: int) -> float:
        def density(distance: float) -> float:
            columns = basis.transform([distance])[0]
            return float(columns[one] * columns[other] * distance**2)

        return float(quad(density, 0, 4.0, epsabs=1e-10)[0])

    overlaps = [[product(one, other) for other in range(3)] for one in range(3)]
    np.testing.assert_allclose(overlaps, np.eye(3), atol=1e-8)


@pytest.mark.parametrize("exponent", [3, 6])
def test_the_envelope_ends_smoothly(exponent: int) -> None:
    def at(share: float) -> float:
        return float(envelope(np.array([share]), exponent)[0])

    assert at(0.0) == 1
    assert at(1.0) == at(1.5) == 0
    step = 1e-4
    slope = (at(1 - step) - at(1 - 2 * step)) / step
    curvature = (at(1 - step) - 2 * at(1 - 2 * step) + at(1 - 3 * step)) / step**2
    assert abs(slope) < 1e-5
    assert abs(curvature) < 0.2
    falling = [at(share) for share in np.linspace(0, 1, 50)]
    assert (np.diff(falling) <= 1e-12).all()


def test_columns_vanish_beyond_the_cutoff() -> None:
    for basis in (BesselBasis(), BesselBasis(order=3), BesselBasis(exponent=0)):
        assert not basis.transform([5.0, 5.1, 80.0]).any()
        assert np.isfinite(basis.transform([0.0])).all()


def test_the_joint_basis_is_waves_times_harmonics() -> None:
    from scipy.special import sph_harm

    distances, cosines = np.array([1.1, 2.9, 4.2]), np.array([-1.0, 0.3, 0.9])
    columns = SphericalBesselBasis(4, 3).transform((distances, cosines))
    assert columns.shape == (3, 12)
    for order in range(3):
        # scipy's sph_harm(m, l, azimuth, polar)
        harmonic = sph_harm(0, order, 0.0, np.arccos(cosines)).real
        expected = BesselBasis(4, order=order).transform(distances) * harmonic[:, None]
        np.testing.assert_allclose(columns[:, 4 * order : 4 * order + 4], expected, atol=1e-12)


def test_bases_are_transformers_with_versions() -> None:
    bases = (GaussianBasis(), GaussianBasis(step=0.1), BesselBasis(), BesselBasis(order=1), SphericalBesselBasis())
    assert len({(type(each), each.version) for each in bases}) == len(bases)
    for each in bases:
        assert clone(each).get_params() == each.get_params()


@pytest.mark.parametrize(
    ("basis", "message"),
    [
        (GaussianBasis(step=0), "stop and step must be positive"),
        (BesselBasis(0), "count and cutoff must be positive"),
        (BesselBasis(cutoff=-1), "count and cutoff must be positive"),
        (BesselBasis(order=-1), "order and exponent not negative"),
    ],
)
def test_senseless_settings_are_refused(basis: GaussianBasis | BesselBasis, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        basis.transform([1.0])


def test_a_joint_basis_needs_orders() -> None:
    with pytest.raises(ValueError, match="orders must be positive"):
        SphericalBesselBasis(orders=0).transform(([1.0], [0.0]))
