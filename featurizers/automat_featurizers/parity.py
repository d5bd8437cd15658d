"""Our numbers beside matminer's, and matminer's beside its own on the same crystals turned and shifted.

A crystal does not change when it is turned or its origin is moved, but some of matminer's features do: they
cut at thresholds, round, or break ties by the order of sites. Equality can only be asked where matminer agrees
with itself.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.base import as_packed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from pymatgen.core import Structure

    from automat_featurizers.base import Featurizer

STABLE = 1e-6
"""Largest difference (as in ``Parity``) that counts as matminer's agreeing with itself."""


_REPEATS = 5
"""Packing takes so little that one pause to collect garbage would be most of it."""


@dataclass(frozen=True, eq=False)
class Parity:
    """How a featurizer compares with matminer, row by row.

    A difference is relative to matminer's value, or, where that is smaller, to the smaller of 1 and the
    largest value of the row: a pattern of small numbers is held to its own scale.

    Attributes:
        difference: to matminer, the largest over the columns; NaN where matminer raised; infinite where
            matminer has a number and we do not, shape (n,).
        matminer_moved: likewise, matminer to itself after the motion, shape (n,).
        ours_moved: likewise, ours to itself, shape (n,).
        matminer_seconds: CPU seconds for the n rows as given, from pymatgen objects.
        our_seconds: likewise, from packed arrays; of compositions, packing counts.
        raised: row to what matminer raised.
        reasons: row to why our row has a NaN.
    """

    difference: NDArray[np.float64]
    matminer_moved: NDArray[np.float64]
    ours_moved: NDArray[np.float64]
    matminer_seconds: float
    our_seconds: float
    raised: dict[int, str]
    reasons: dict[int, str]

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Rows on which matminer gives numbers and agrees with itself, shape (n,)."""
        stable: NDArray[np.bool_] = (self.matminer_moved <= STABLE) & ~np.isnan(self.difference)
        return stable

    @property
    def largest(self) -> float:
        """Largest difference on the stable rows; 0 where there are none."""
        return float(self.difference[self.stable].max(initial=0.0))

    @property
    def median_of_others(self) -> float:
        """Median difference on the rows where matminer gives numbers but does not agree with itself."""
        others = ~self.stable & ~np.isnan(self.difference)
        return float(np.median(self.difference[others])) if others.any() else float("nan")


def compare(featurizers: Sequence[Featurizer], materials: Sequence[Any], *, motions: int = 1, seed: int = 0) -> Parity:
    """Compare featurizers, taken together, with matminer on the same materials.

    Args:
        featurizers: of one kind (all take compositions, or all structures), each with a ``matminer``.
        materials: pymatgen compositions or structures, n of them.
        motions: how often the crystals are moved; a number that rounds either way may agree once by luck.
        seed: of the motions.

    Raises:
        ValueError: labels that are not matminer's.
    """
    takes = featurizers[0].takes
    moving = takes == "structure"
    rng = np.random.default_rng(seed)
    moved = [[turned_and_shifted(each, rng) for each in materials] for _ in range(motions if moving else 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matminer and pymatgen remark on every unusual element
        peers = [each.matminer().fit(list(materials)) for each in featurizers]
        for ours, theirs in zip(featurizers, peers, strict=True):
            ours.fit(list(materials))
            if list(theirs.feature_labels()) != ours.get_feature_names_out().tolist():
                raise ValueError(f"{ours.name}: the labels are not matminer's")
        theirs_here, their_seconds, raised = _matminers(peers, materials)
        theirs_there = [_matminers(peers, there)[0] for there in moved]
        packed = as_packed(materials, takes)
        packing = float(np.median([_seconds(as_packed, materials, takes) for _ in range(_REPEATS)]))
        ours_here, our_seconds = _ours(featurizers, packed)
        reasons: dict[int, str] = {}
        for each in featurizers:
            reasons |= each.failures_
        ours_there = [_ours(featurizers, as_packed(there, takes))[0] for there in moved]
    return Parity(
        _difference(theirs_here, ours_here),
        _largest([_difference(theirs_here, there) for there in theirs_there or [theirs_here]]),
        _largest([_difference(ours_here, there) for there in ours_there or [ours_here]]),
        their_seconds,
        our_seconds + (0.0 if moving else packing),
        raised,
        reasons,
    )


def turned_and_shifted(structure: Structure, rng: np.random.Generator) -> Structure:
    """The same crystal in another place: rotated, and its atoms moved together through the cell."""
    from pymatgen.core import Lattice, Structure

    turn, upper = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.sign(np.diag(upper))
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    lattice = Lattice(structure.lattice.matrix @ turn)
    return Structure(lattice, structure.species, structure.frac_coords + rng.random(3), to_unit_cell=True)


def _matminers(peers: Sequence[Any], materials: Sequence[Any]) -> tuple[NDArray[np.float64], float, dict[int, str]]:
    """All peers' columns of every material (NaN where one raises), CPU seconds, and what was raised."""
    columns = [len(peer.feature_labels()) for peer in peers]
    values = np.full((len(materials), sum(columns)), np.nan)
    raised: dict[int, str] = {}
    started = time.process_time()
    for row, material in enumerate(materials):
        first = 0
        for peer, width in zip(peers, columns, strict=True):
            try:
                values[row, first : first + width] = np.array(list(peer.featurize(material)), dtype=np.float64)
            except Exception as error:  # noqa: BLE001 - whatever matminer raises is what is to be told
                raised[row] = f"{type(error).__name__}: {error}"
            first += width
    return values, time.process_time() - started, raised


def _seconds(call: Callable[..., Any], *args: Any) -> float:
    started = time.process_time()
    call(*args)
    return time.process_time() - started


def _ours(featurizers: Sequence[Featurizer], packed: Any) -> tuple[NDArray[np.float64], float]:
    """Our columns and CPU seconds, on arrays from which nothing was derived yet."""
    everything = range(len(packed))
    for each in featurizers:
        each.transform(packed.take(everything))  # compiled code is loaded at the first use
    fresh = packed.take(everything)
    started = time.process_time()
    blocks = [np.asarray(each.transform(fresh)) for each in featurizers]
    return np.hstack(blocks), time.process_time() - started


def _largest(differences: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    largest: NDArray[np.float64] = np.max(differences, axis=0)
    return largest


def _difference(reference: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest relative difference of every row over the columns that the reference has, shape (n,)."""
    known = ~np.isnan(reference)
    size = np.where(known, np.abs(reference), 0.0)
    row_scale = np.minimum(1.0, size.max(axis=1, initial=0.0, keepdims=True))
    scale = np.maximum(np.maximum(size, row_scale), np.finfo(np.float64).tiny)
    with np.errstate(invalid="ignore"):
        away = np.abs(values - reference) / scale
    away[np.isnan(away)] = np.inf
    away[~known] = -np.inf
    largest: NDArray[np.float64] = away.max(axis=1, initial=-np.inf)
    largest[~known.any(axis=1)] = np.nan
    return largest
