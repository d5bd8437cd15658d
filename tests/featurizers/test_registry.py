"""Featurizers by name."""

from __future__ import annotations

import subprocess
import sys

import automat_featurizers as af
import pytest
from automat_featurizers import registry


def test_every_featurizer_is_there_under_its_name() -> None:
    known = af.featurizers()
    assert {"magpie", "density", "coordination_number", "sine_coulomb_matrix"} <= set(known)
    for name, kind in known.items():
        assert issubclass(kind, af.Featurizer)
        assert kind.name == name
        assert type(af.featurizer(name)) is kind
        assert not kind.__name__.startswith("_")


def test_a_new_file_is_enough_and_a_name_is_given_once(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automat_featurizers import structure

    folder = tmp_path_factory.mktemp("family")
    text = "from automat_featurizers.base import Featurizer\n\n\nclass {}(Featurizer):\n    name = '{}'\n"
    (folder / "family.py").write_text(text.format("Sites", "sites"))
    (folder / "_hidden.py").write_text(text.format("Hidden", "hidden"))
    monkeypatch.setattr(structure, "__path__", [*structure.__path__, str(folder)])
    find = registry.featurizers.__wrapped__
    try:
        assert "sites" in find()
        assert "hidden" not in find()
        (folder / "other.py").write_text(text.format("Density", "density"))
        with pytest.raises(ValueError, match="two featurizers are called 'density'"):
            find()
    finally:
        for name in ("family", "other"):
            sys.modules.pop(f"{structure.__name__}.{name}", None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("magpi", "unknown featurizer 'magpi'. Did you mean 'magpie'"),
        ("nothing like it", "unknown featurizer 'nothing like it'. Allowed: .*matminer:CLASS"),
        ("matminer:DensityFeature", "Did you mean 'DensityFeatures'"),
    ],
)
def test_an_unknown_name_gets_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        af.featurizer(name)


def test_listing_loads_no_heavy_library() -> None:
    code = (
        "import sys; from automat_featurizers.registry import featurizers;"
        "[(each.name, each.takes, each.citation, each.cost_ms) for each in featurizers().values()];"
        "heavy = {'numba', 'pymatgen', 'matminer', 'spglib', 'dscribe', 'torch', 'pandas', 'pebble'};"
        "assert not heavy & {name.partition('.')[0] for name in sys.modules}, heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
