from __future__ import annotations

import subprocess
import sys

import automat_featurizers as af
import pytest


@pytest.mark.parametrize("found", af.feature_sets(), ids=lambda found: found.name)
def test_what_a_set_says_of_itself(found: af.FeatureSet) -> None:
    assert found.columns == len(found.names) == len(set(found.names))
    assert found.citation
    assert found.cost_ms > 0
    assert found.version == af.feature_set(found.name).version


def test_sets_nest() -> None:
    names = {found.name: found.names for found in af.feature_sets()}
    assert names["all"] == names["composition"] + names["structure"]
    assert names["composition"][: len(names["magpie"])] == names["magpie"]
    assert {found.name: found.takes for found in af.feature_sets()} == {
        "magpie": "composition",
        "composition": "composition",
        "core": "structure",
        "ward2017": "structure",
        "structure": "structure",
        "all": "structure",
    }


def test_a_version_follows_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {found.name: found.version for found in af.feature_sets()}
    assert len(set(before.values())) == len(before)
    monkeypatch.setattr("automat_featurizers.base._installed", lambda package: f"{package}-next")
    assert all(found.version != before[found.name] for found in af.feature_sets())


def test_an_unknown_set_gets_the_nearest_name() -> None:
    with pytest.raises(ValueError, match=r"unknown feature set 'magpi'. Did you mean 'magpie'\? Allowed: .*all"):
        af.feature_set("magpi")


def test_featurizers_and_sets_join() -> None:
    joined = af.feature_set("magpie+density+magpie")
    assert joined.names == (*af.feature_set("magpie").names, *af.DensityFeatures().get_feature_names_out())
    assert joined.columns == 135
    assert af.feature_set("jarvis_cfid").columns == 1557
    with pytest.raises(ValueError, match=r"unknown feature set 'densty'. Did you mean 'density'"):
        af.feature_set("magpie+densty")
    with pytest.raises(ValueError, match="'bond_fractions' learns its columns"):
        af.feature_set("bond_fractions")


@pytest.mark.parametrize(
    ("inputs", "name"), [("structures", "core"), ("compositions", "composition"), ("table", "table")]
)
def test_the_default_follows_the_inputs(inputs: str, name: str) -> None:
    assert af.default_feature_set(inputs) == name


def test_listing_loads_no_heavy_library() -> None:
    code = (
        "import sys, automat_featurizers as af; loaded = set(sys.modules);"
        "assert not loaded & {'numpy', 'sklearn', 'pymatgen', 'matminer'}, 'the bare import';"
        "[(found.name, found.columns, found.citation) for found in af.feature_sets()];"
        "assert not set(sys.modules) & {'pymatgen.core', 'matminer.featurizers', 'torch', 'numba'}, 'the listing'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_there() -> None:
    for name in af.__all__:
        assert getattr(af, name).__module__.startswith("automat_featurizers."), name
    with pytest.raises(AttributeError, match="no attribute 'magpie_featurizer'"):
        af.magpie_featurizer  # noqa: B018
