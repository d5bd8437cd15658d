"""SOAP behind our interface: DScribe's numbers, named columns, and what to do without DScribe."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures
from automat_featurizers.parity import turned_and_shifted
from automat_featurizers.structure import soap
from automat_featurizers.structure.soap import SOAP
from pymatgen.core import Lattice, Structure
from sklearn.exceptions import NotFittedError

needs_dscribe = pytest.mark.skipif(
    importlib.util.find_spec("dscribe") is None or importlib.util.find_spec("ase") is None,
    reason="DScribe is not installed",
)


@needs_dscribe
@pytest.mark.parametrize("average", ["inner", "outer"])
@pytest.mark.parametrize("compression", ["off", "mu2", "mu1nu1", "crossover"])
def test_dscribes_numbers(average: Any, compression: Any, crystals: list[Structure]) -> None:
    from dscribe.descriptors import SOAP as DSCRIBE
    from pymatgen.io.ase import AseAtomsAdaptor

    structure = crystals[3]  # SrTiO3
    species = ["O", "Ti", "Sr"]
    theirs = DSCRIBE(
        r_cut=4.0,
        n_max=4,
        l_max=3,
        sigma=0.5,
        average=average,
        compression={"mode": compression, "species_weighting": None},
        species=species,
        periodic=True,
    )
    ours = SOAP(4.0, 4, 3, average=average, compression=compression, element_weights="alike", species=species)
    values = ours.transform([structure])[0]
    expected = theirs.create(AseAtomsAdaptor.get_atoms(structure))
    np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max())
    if compression == "off":
        names = ours.get_feature_names_out().tolist()
        place = theirs.get_location(("O", "Ti"))
        assert names[place][0] == "soap O-Ti 0"
        assert all(name.startswith("soap O-Ti ") for name in names[place])


@needs_dscribe
def test_no_change_with_place_cell_order_or_supercell(real: PackedStructures) -> None:
    rng = np.random.default_rng(3)
    featurizer = SOAP()
    for structure in real.take(range(0, 30, 3)):
        moved = turned_and_shifted(structure, rng)
        shuffled = Structure.from_sites([structure[int(site)] for site in rng.permutation(len(structure))])
        oblique = structure.copy()
        oblique.make_supercell([[1, 0, 0], [3, 1, 0], [-2, -1, 1]])
        double = structure.copy()
        double.make_supercell([1, 2, 1])
        values = featurizer.transform([structure, moved, shuffled, oblique, double])
        np.testing.assert_allclose(
            values, np.broadcast_to(values[0], values.shape), rtol=1e-6, atol=1e-8 * np.abs(values[0]).max()
        )


@needs_dscribe
def test_the_default_has_fixed_columns_and_knows_elements_apart() -> None:
    cell = Lattice.cubic(5.0)
    salts = [
        Structure.from_spacegroup("Fm-3m", cell, pair, [[0, 0, 0], [0.5, 0.5, 0.5]])
        for pair in (["Na", "Cl"], ["K", "F"])
    ]
    featurizer = SOAP()
    assert featurizer.get_feature_names_out().shape == (6 * 7 // 2 * 5,)
    values = featurizer.transform(salts)
    assert np.abs(values[0] - values[1]).max() > 0.01 * np.abs(values).max()


@needs_dscribe
def test_species_are_learned_and_others_have_a_reason(crystals: list[Structure]) -> None:
    salt, titanate = crystals[0], crystals[3]
    with pytest.raises(NotFittedError, match="give species"):
        SOAP(compression="off").transform([salt])
    learned = SOAP(compression="off", n_max=2, l_max=1).fit([salt])
    values = learned.transform([salt, titanate])
    assert np.isfinite(values[0]).all()
    assert np.isnan(values[1]).all()
    assert "not among the species" in learned.failures_[1]
    assert learned.version.count("dscribe") == 1


@needs_dscribe
def test_hopeless_cells_have_reasons() -> None:
    tiny = Structure(Lattice.cubic(0.1), ["H"], [[0, 0, 0]])
    flat = Structure(Lattice([[3, 0, 0], [0, 3, 0], [3, 3, 0]]), ["H"], [[0, 0, 0]])
    featurizer = SOAP()
    assert np.isnan(featurizer.transform([tiny, flat])).all()
    assert "neighbours" in featurizer.failures_[0]
    assert "volume" in featurizer.failures_[1]


def test_without_dscribe_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, crystals: list[Structure]) -> None:
    monkeypatch.setattr(soap, "find_spec", lambda _: None)
    for call in (lambda: SOAP().transform(crystals), lambda: SOAP().version, SOAP().get_feature_names_out):
        with pytest.raises(ImportError, match="pip install dscribe"):
            call()


@needs_dscribe
@pytest.mark.parametrize("options", [{"average": "off"}, {"compression": "mu3"}, {"l_max": 21}, {"r_cut": 0.5}])
def test_wrong_options_are_refused(options: dict[str, Any], crystals: list[Structure]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SOAP(**options).transform(crystals)
