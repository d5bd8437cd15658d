"""What every featurizer inherits: one bad row costs itself, and says why."""

from __future__ import annotations

from typing import Any

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.base import Block, Featurizer, RowFeaturizer
from pymatgen.core import Composition, Lattice, Structure


class FussyRows(RowFeaturizer):
    """Fails on iron and has no number for copper."""

    name = "fussy"
    takes = "composition"

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        del input_features
        return np.array(["a", "b"], dtype=object)

    def _row(self, item: Composition) -> list[float]:
        if "Fe" in item:
            raise ArithmeticError("no iron please")
        return [item.num_atoms, np.inf if "Cu" in item else 1.0]


class FussyBlocks(Featurizer):
    """Fails on every block that holds iron."""

    name = "fussy"
    takes = "composition"

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        del input_features
        return np.array(["a", "b"], dtype=object)

    def _compute(self, packed: af.PackedCompositions) -> Block:
        if 26 in packed.atomic_numbers:
            raise ArithmeticError("no iron please")
        atoms = np.add.reduceat(packed.amounts, packed.row_ptr[:-1])
        copper = np.add.reduceat(packed.atomic_numbers == 29, packed.row_ptr[:-1]) > 0
        return Block(np.column_stack([atoms, np.where(copper, np.inf, 1.0)]))


@pytest.mark.parametrize("kind", [FussyRows, FussyBlocks])
def test_a_row_that_fails_is_nan_with_its_reason(kind: type[Featurizer]) -> None:
    fussy = kind()
    values = fussy.transform(["NaCl", "Fe2O3", "CuO", "KCl", "not a formula!"])
    nan = np.nan
    np.testing.assert_array_equal(values, np.array([[2, 1], [nan, nan], [2, nan], [2, 1], [nan, nan]]))
    assert fussy.failures_[1] == "fussy: ArithmeticError: no iron please"
    assert fussy.failures_[2] == "fussy: not defined: b"
    assert "not a formula!" in fussy.failures_[4]
    assert list(fussy.failures_) == [1, 2, 4]
    assert fussy.seconds_.shape == (5,)
    fussy.transform(["NaCl"])
    assert fussy.failures_ == {}


def test_structures_are_not_made_up_from_compositions() -> None:
    with pytest.raises(ValueError, match="structures are needed, but compositions were given"):
        af.DensityFeatures().transform(af.PackedCompositions.pack(["NaCl"]))


def test_parameters_and_libraries_are_part_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = af.Magpie().version
    assert before != af.Magpie(impute_nan=False).version
    monkeypatch.setattr(af.Magpie, "revision", 99)
    assert af.Magpie().version != before


def test_an_element_without_a_radius_leaves_only_packing_open() -> None:
    neon = Structure(Lattice.cubic(4.4), ["Ne"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    features = af.featurize(af.PackedStructures.pack([neon, salt]), "structure")
    row = features.values[0]
    assert [features.names[column] for column in np.flatnonzero(np.isnan(row))] == ["packing fraction"]
    assert features.failures == {0: "density: an element has no atomic radius"}
