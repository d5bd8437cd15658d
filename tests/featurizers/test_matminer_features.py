"""The featurizers give matminer's labels and numbers."""

from __future__ import annotations

import pickle
import warnings
from typing import TYPE_CHECKING, Any

import automat_featurizers as af
import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition
from sklearn.base import clone

if TYPE_CHECKING:
    from automat_featurizers import PackedStructures
    from pymatgen.core import Structure

FORMULAS = ["NaCl", "SrTiO3", "Fe2O3", "UO2", "Al0.3Ga0.7As", "LaNiO3", "Fe", "Ba8Ga16Ge30"]
ALL = af.feature_set("all").kinds


def matminers(name: str) -> Any:
    """What each featurizer is said to be, asked of matminer itself."""
    from matminer.featurizers import composition, structure

    symmetry = ["spacegroup_num", "crystal_system_int", "is_centrosymmetric", "n_symmetry_ops"]
    return {
        "magpie": lambda: composition.ElementProperty.from_preset("magpie", impute_nan=True),
        "stoichiometry": composition.Stoichiometry,
        "valence_orbital": lambda: composition.ValenceOrbital(impute_nan=True),
        "ionic_character": lambda: composition.IonProperty(fast=True, impute_nan=True),
        "transition_metal_fraction": composition.TMetalFraction,
        "band_center": lambda: composition.BandCenter(impute_nan=True),
        "density": lambda: structure.DensityFeatures(["density", "vpa"]),
        "packing_fraction": lambda: structure.DensityFeatures(["packing fraction"]),
        "global_symmetry": lambda: structure.GlobalSymmetryFeatures(symmetry),
        "structural_complexity": structure.StructuralComplexity,
    }[name]()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_labels_and_numbers_are_matminers(
    kind: type[af.Featurizer], packed: PackedStructures, real: PackedStructures
) -> None:
    ours = kind()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = matminers(ours.name)
        assert ours.get_feature_names_out().tolist() == theirs.feature_labels()
        for structures in (packed.take([0, 3, 5, 8, 15]), real.take(range(8))):
            values = ours.fit_transform(structures)
            assert not ours.failures_
            for row, structure in enumerate(structures):
                item = structure if ours.takes == "structure" else structure.composition
                np.testing.assert_array_equal(values[row], np.array(theirs.featurize(item), float))


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind.takes == "composition"], ids=lambda k: k.name)
def test_formulas_compositions_structures_and_frames_are_one(
    kind: type[af.Featurizer], crystals: list[Structure]
) -> None:
    ours = kind()
    values = ours.transform(FORMULAS)
    assert values.shape == (len(FORMULAS), len(ours.get_feature_names_out()))
    for same in (
        [Composition(formula) for formula in FORMULAS],
        af.PackedCompositions.pack(FORMULAS),
        pd.Series(FORMULAS),
        pd.DataFrame({"formula": FORMULAS}),
        iter(FORMULAS),
    ):
        np.testing.assert_array_equal(ours.transform(same), values)
    np.testing.assert_array_equal(
        ours.transform(crystals[:3]), ours.transform([each.composition for each in crystals[:3]])
    )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_is_a_scikit_learn_transformer(kind: type[af.Featurizer], crystals: list[Structure]) -> None:
    ours = clone(kind()).set_output(transform="pandas")
    frame = ours.fit_transform(crystals[:2])
    assert list(frame.columns) == ours.get_feature_names_out().tolist()
    again = pickle.loads(pickle.dumps(ours)).transform(crystals[:2])  # noqa: S301 - our own bytes
    pd.testing.assert_frame_equal(again, frame)


def test_known_values(crystals: list[Structure]) -> None:
    magpie = af.Magpie()
    row = dict(zip(magpie.get_feature_names_out(), magpie.transform(["NaCl"])[0], strict=True))
    assert row["MagpieData mean Number"] == 14  # of 11 and 17
    assert row["MagpieData range Electronegativity"] == pytest.approx(3.16 - 0.93)
    density, volume = af.Density().transform([crystals[0]])[0]
    assert density == pytest.approx(2.16, abs=0.01)  # rock salt, g/cm3
    assert volume == pytest.approx(5.64**3 / 8)
    symmetry = af.GlobalSymmetry().set_output(transform="pandas").transform([crystals[4]]).iloc[0]
    assert symmetry["spacegroup_num"] == 216  # F-43m, which has no inversion centre
    assert symmetry["is_centrosymmetric"] == 0


def test_symmetry_does_not_depend_on_the_choice_of_cell(crystals: list[Structure]) -> None:
    conventional, skewed, shifted = af.GlobalSymmetry().transform([crystals[5], crystals[15], crystals[16]])
    np.testing.assert_array_equal(conventional[:3], [186, *skewed[1:3]])
    np.testing.assert_array_equal(skewed, shifted)


class Fussy(af.Featurizer):
    """Fails on iron and has no number for copper."""

    name = "fussy"
    takes = "composition"
    version = "1"

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        del input_features
        return np.array(["a", "b"], dtype=object)

    def _row(self, item: Composition) -> list[float]:
        if "Fe" in item:
            raise ArithmeticError("no iron please")
        return [item.num_atoms, np.inf if "Cu" in item else 1.0]


def test_a_row_that_fails_is_nan_with_its_reason() -> None:
    fussy = Fussy()
    values = fussy.transform(["NaCl", "Fe2O3", "CuO"])
    np.testing.assert_array_equal(values, np.array([[2, 1], [np.nan, np.nan], [2, np.nan]]))
    assert fussy.failures_ == {1: "fussy: ArithmeticError: no iron please", 2: "fussy: not defined: b"}
    fussy.transform(["NaCl"])
    assert fussy.failures_ == {}


def test_an_element_without_a_radius_leaves_only_packing_open(crystals: list[Structure]) -> None:
    neon = crystals[9].copy()
    neon.replace_species({"Cu": "Ne"})
    features = af.featurize(af.PackedStructures.pack([neon, crystals[0]]), "structure")
    row = features.values[0]  # noqa: PD011 - a matrix, not pandas
    assert [features.names[column] for column in np.flatnonzero(np.isnan(row))] == ["packing fraction"]
    assert list(features.failures) == [0]
    assert features.failures[0].startswith("packing_fraction: ")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("NaCl", "several materials are needed, but one was given"),
        (Composition("NaCl"), "several materials are needed"),
        (pd.DataFrame({"a": ["NaCl"], "b": ["NaCl"]}), "the data frame has 2"),
        (["NaCl", "Xx2O"], "row 1: cannot read 'Xx2O'"),
    ],
)
def test_what_cannot_be_read_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        af.Magpie().transform(given)


def test_structures_are_not_made_up_from_compositions() -> None:
    with pytest.raises(ValueError, match="structures are needed, but compositions were given"):
        af.Density().transform(af.PackedCompositions.pack(["NaCl"]))
