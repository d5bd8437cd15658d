"""Any featurizer of matminer by name, whatever it does to its worker."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers import matminer_adapter as adapter
from pymatgen.core import Composition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from automat_featurizers import PackedStructures

TROUBLE = """
import os
import time

from matminer.featurizers.base import BaseFeaturizer


class Trouble(BaseFeaturizer):
    def featurize(self, composition):
        formula = composition.reduced_formula
        if formula == "Fe":
            time.sleep(600)
        if formula == "Cu":
            os._exit(3)
        if formula == "Au":
            raise ValueError("gold is not for sale")
        return [composition.num_atoms]

    def fit(self, compositions, y=None):
        time.sleep(600 if y == "hang" else 0)
        return self

    def feature_labels(self):
        return ["atoms"]

    def citations(self):
        return []

    def implementors(self):
        return []
"""
"""Hangs on iron, kills its worker on copper, raises on gold; workers import it by its name."""


def test_its_labels_and_numbers_are_matminers() -> None:
    from matminer.featurizers.composition import ElementFraction

    made = af.featurizer("matminer:ElementFraction")
    assert made.takes == "composition"
    values = made.fit_transform(["NaCl", "Fe2O3"])
    theirs = ElementFraction()
    assert made.get_feature_names_out().tolist() == theirs.feature_labels()
    np.testing.assert_array_equal(values, [theirs.featurize(Composition(formula)) for formula in ("NaCl", "Fe2O3")])


def test_presets_site_featurizers_and_what_learns(packed: PackedStructures) -> None:
    some = packed.take(range(3))
    preset = af.featurizer("matminer:SiteStatsFingerprint(CoordinationNumber_ward-prb-2017)")
    np.testing.assert_allclose(preset.transform(some), af.CoordinationNumber().transform(some), rtol=1e-6, atol=1e-6)
    site = af.featurizer("matminer:AGNIFingerprints")
    assert site.takes == "structure"
    assert site.get_feature_names_out()[0].startswith("mean AGNI")
    bag = af.featurizer("matminer:BagofBonds")
    assert not bag.__sklearn_is_fitted__()
    assert np.isfinite(bag.fit(some).transform(some)).all()


@pytest.fixture
def troublesome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], adapter.MatminerByName]:
    (tmp_path / "troublesome.py").write_text(TROUBLE)
    monkeypatch.syspath_prepend(tmp_path)
    trouble = importlib.import_module("troublesome").Trouble
    monkeypatch.setattr(adapter, "_resolve", lambda _: ("composition", trouble()))
    return lambda row_seconds: adapter.MatminerByName("Trouble", row_seconds=row_seconds)


def test_a_row_that_hangs_dies_or_raises_costs_itself_only(
    troublesome: Callable[[float], adapter.MatminerByName],
) -> None:
    made = troublesome(4.0).fit(["NaCl"])
    values = made.transform(["NaCl", "Fe", "Cu", "Au", "Fe2O3"])
    np.testing.assert_array_equal(values[:, 0], [2, np.nan, np.nan, np.nan, 5])
    assert "4 s" in made.failures_[1]
    assert "died" in made.failures_[2]
    assert "gold is not for sale" in made.failures_[3]


def test_fitting_that_hangs_is_stopped(
    troublesome: Callable[[float], adapter.MatminerByName], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_FIT_SECONDS", 0.0)
    made = troublesome(1.0)
    with pytest.raises(RuntimeError, match="matminer:Trouble cannot be fitted: stopped after the time limit of 1 s"):
        made.fit(["NaCl"], "hang")
    assert not made.__sklearn_is_fitted__()


def test_columns_that_are_no_numbers_are_named_and_the_others_kept(packed: PackedStructures) -> None:
    some = packed.take(range(3))
    made = af.featurizer("matminer:GlobalSymmetryFeatures")
    values = made.transform(some)
    labels = made.get_feature_names_out().tolist()
    ours = af.GlobalSymmetryFeatures()
    expected = ours.transform(some)[:, ours.get_feature_names_out().tolist().index("spacegroup_num")]
    np.testing.assert_array_equal(values[:, labels.index("spacegroup_num")], expected)
    assert np.isnan(values[:, labels.index("crystal_system")]).all()
    assert made.failures_[0] == "matminer:GlobalSymmetryFeatures: 'crystal_system' is no number but 'cubic'"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ElementFractoin", "Did you mean 'ElementFraction'"),
        ("ElementProperty", r"may want ElementProperty\(PRESET\)"),
        ("ElementProperty(nope)", "another preset than 'nope'"),
        ("a b", "matminer has no featurizer 'a b'"),
    ],
)
def test_what_there_is_not_is_said(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        af.featurizer(f"matminer:{spec}")


def test_versions_tell_specs_apart() -> None:
    one, other = (af.featurizer(f"matminer:ElementProperty({preset})") for preset in ("magpie", "deml"))
    assert one.version != other.version
    assert one.name != other.name
    # A row that was too slow for one limit is computed again under another; more workers change nothing.
    assert af.MatminerByName("Stoichiometry", row_seconds=5).version != af.MatminerByName("Stoichiometry").version
    assert af.MatminerByName("Stoichiometry", jobs=2).version == af.MatminerByName("Stoichiometry").version
