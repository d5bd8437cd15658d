"""Symmetry is asked for once a structure and tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import spglib
from automat_featurizers import GlobalSymmetryFeatures, OrbitalFieldMatrix, PackedStructures, StructuralComplexity
from automat_featurizers.structure.symmetry import symmetry_of
from pymatgen.core import Lattice, Structure


def test_features_share_what_spglib_found(packed: PackedStructures, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    search = spglib.get_symmetry_dataset

    def counted(cell: Any, symprec: float, angle_tolerance: float) -> Any:
        asked.append(symprec)
        return search(cell, symprec=symprec, angle_tolerance=angle_tolerance)

    alone = [kind().transform(packed) for kind in (GlobalSymmetryFeatures, OrbitalFieldMatrix)]
    fresh = packed.take(range(len(packed)))
    monkeypatch.setattr(spglib, "get_symmetry_dataset", counted)
    together = [kind().transform(fresh) for kind in (GlobalSymmetryFeatures, OrbitalFieldMatrix)]
    assert asked == [0.01] * len(packed)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    StructuralComplexity().transform(fresh)  # another tolerance
    assert asked.count(0.1) == len(packed)


def test_known_groups(packed: PackedStructures) -> None:
    """Rock salt, rock salt, caesium chloride, perovskite, zinc blende, wurtzite, rutile, fluorite."""
    numbers = GlobalSymmetryFeatures().transform(packed)[:8, 0]
    assert numbers.tolist() == [225, 225, 221, 221, 216, 186, 136, 225]


def test_what_has_no_symmetry_says_so_each_time() -> None:
    together = Structure(Lattice.cubic(4.0), ["Na", "Na"], [[0, 0, 0], [0, 0, 0]])
    packed = PackedStructures.pack([together])
    for _ in range(2):
        with pytest.raises(ValueError, match=r"spglib finds no symmetry within 0\.01 angstrom"):
            symmetry_of(packed, 0, 0.01)
