"""Distances, and distances with angles, expanded into smooth columns, as networks take them."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class _Basis(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of a number that depend on nothing learned."""

    revision = 1

    @property
    def version(self) -> str:
        """Changes whenever the same distance may get other columns."""
        return "-".join([str(self.revision), *(f"{value:g}" for value in self.get_params().values())])

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing."""
        del X, y
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class GaussianBasis(_Basis):
    """Gaussians at even steps: ``exp(-((d - centre) / width)^2)``.

    Without arguments those of CGCNN (Xie & Grossman 2018, doi:10.1103/PhysRevLett.120.145301), 41 columns.

    Args:
        stop: the last centre, angstrom; the first is 0.
        step: between centres, angstrom.
        width: of a Gaussian, angstrom; a step where it is 0.
    """

    def __init__(self, stop: float = 8.0, step: float = 0.2, width: float = 0.0) -> None:
        self.stop = stop
        self.step = step
        self.width = width

    @property
    def centres(self) -> NDArray[np.float64]:
        """Angstrom, shape (columns,)."""
        return self.step * np.arange(round(self.stop / self.step) + 1)

    def transform(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Columns of n distances in angstrom, shape (n, columns).

        Raises:
            ValueError: a stop or step that is not positive, or a negative width.
        """
        if not (self.step > 0 and self.stop > 0 and self.width >= 0):
            raise ValueError(
                f"stop and step must be positive and width not negative, but got {self.stop}, {self.step}, {self.width}"
            )
        away = np.asarray(distances, np.float64)[:, None] - self.centres
        columns: NDArray[np.float64] = np.exp(-((away / (self.width or self.step)) ** 2))
        return columns


class BesselBasis(_Basis):
    r"""Standing waves in a sphere, which end smoothly at its surface; the radial basis of DimeNet.

    ``u(d/c) sqrt(2 / (c^3 j_{l+1}(z_ln)^2)) j_l(z_ln d/c)`` for n = 1, 2, ..., with the spherical Bessel function
    ``j_l`` and its nth root ``z_ln``; of order 0 this is ``u(d/c) sqrt(2/c) sin(n pi d/c) / d``. Without the
    envelope u the waves are orthonormal in the sphere. J. Gasteiger, J. Gross and S. Guennemann, ICLR 2020,
    arXiv:2003.03123, equations 6 to 8.

    Args:
        count: of waves.
        cutoff: c, radius of the sphere, angstrom; columns are 0 beyond.
        order: l, of the Bessel function.
        exponent: p of the envelope (see ``envelope``); 0 for none.
    """

    def __init__(self, count: int = 6, cutoff: float = 5.0, order: int = 0, exponent: int = 6) -> None:
        self.count = count
        self.cutoff = cutoff
        self.order = order
        self.exponent = exponent

    def transform(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Columns of n distances in angstrom, shape (n, count).

        Raises:
            ValueError: a count or cutoff that is not positive, or a negative order or exponent.
        """
        if self.count < 1 or not self.cutoff > 0 or self.order < 0 or self.exponent < 0:
            raise ValueError(
                f"count and cutoff must be positive, order and exponent not negative, but got {self.count}, "
                f"{self.cutoff}, {self.order}, {self.exponent}"
            )
        from scipy.special import spherical_jn

        share = np.asarray(distances, np.float64) / self.cutoff
        roots = bessel_roots(self.order, self.count)
        heights = np.sqrt(2 / (self.cutoff**3 * spherical_jn(self.order + 1, roots) ** 2))
        if self.order == 0:  # sin(x) / x, several times as fast
            waves = np.sinc(share[:, None] * np.arange(1, self.count + 1))
        else:
            waves = spherical_jn(self.order, share[:, None] * roots)
        columns: NDArray[np.float64] = heights * waves * envelope(share, self.exponent)[:, None]
        return columns


class SphericalBesselBasis(_Basis):
    """Standing waves in a sphere with spherical harmonics of an angle; the joint basis of DimeNet.

    The columns of ``BesselBasis`` of the orders 0, 1, ..., each times the spherical harmonic ``Y_l^0`` of the
    angle: arXiv:2003.03123, equation 7.

    Args:
        count: of waves an order.
        orders: how many.
        cutoff: radius of the sphere, angstrom.
        exponent: of the envelope; 0 for none.
    """

    def __init__(self, count: int = 6, orders: int = 7, cutoff: float = 5.0, exponent: int = 6) -> None:
        self.count = count
        self.orders = orders
        self.cutoff = cutoff
        self.exponent = exponent

    def transform(self, X: tuple[ArrayLike, ArrayLike]) -> NDArray[np.float64]:
        """Columns of n distances in angstrom and n cosines of angles, shape (n, orders * count), order by order.

        Raises:
            ValueError: no orders, or as ``BesselBasis.transform``.
        """
        from scipy.special import eval_legendre

        distances, cosines = np.asarray(X[0], np.float64), np.asarray(X[1], np.float64)
        if self.orders < 1:
            raise ValueError(f"orders must be positive, but got {self.orders}")
        blocks = [
            BesselBasis(self.count, self.cutoff, order, self.exponent).transform(distances)
            * (np.sqrt((2 * order + 1) / (4 * np.pi)) * eval_legendre(order, cosines))[:, None]
            for order in range(self.orders)
        ]
        return np.hstack(blocks)


def envelope(share: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """A polynomial that falls from 1 at 0 to 0 at 1, with its first two derivatives there; 0 beyond.

    ``1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2)``: arXiv:2003.03123, equation 8.

    Args:
        share: of the cutoff, shape (n,).
        exponent: p; 0 for a sharp end.
    """
    p = exponent
    inside = share < 1
    if p == 0:
        return inside.astype(np.float64)
    x = np.where(inside, share, 1.0)
    fall = 1 - (p + 1) * (p + 2) / 2 * x**p + p * (p + 2) * x ** (p + 1) - p * (p + 1) / 2 * x ** (p + 2)
    return np.where(inside, fall, 0.0)


@cache
def bessel_roots(order: int, count: int) -> NDArray[np.float64]:
    """The first positive roots of a spherical Bessel function, shape (count,); shared and read-only.

    Those of order 0 are multiples of pi, and between two roots of one order lies one of the next.
    """
    from scipy.optimize import brentq
    from scipy.special import spherical_jn

    roots = np.pi * np.arange(1, count + order + 1)
    for each in range(1, order + 1):
        found = [brentq(lambda x, order=each: spherical_jn(order, x), *ends, xtol=1e-13) for ends in pairwise(roots)]
        roots = np.array(found)
    roots.setflags(write=False)
    return roots
