from __future__ import annotations

import math

import numpy as np
import pytest

from automat import datasets
from automat.core import InputError, UnknownNameError
from automat.datasets import embedded

ROWS = {
    "mp_formation": 3938, "mp_stability": 3938, "mp_bulk_modulus": 1181, "mp_shear_modulus": 1181,
    "mp_dielectric": 1056, "mp_band_gap": 1056, "mp_piezoelectric": 941, "iris": 150,
}  # fmt: skip


@pytest.mark.parametrize(("name", "rows"), ROWS.items())
def test_every_embedded_dataset_loads(name: str, rows: int) -> None:
    dataset = datasets.load(name)
    assert len(dataset) == len(set(dataset.ids)) == rows
    assert np.isfinite(dataset.target).all()
    assert dataset.citation
    assert dataset.licence
    if dataset.inputs == "structures":
        assert dataset.structures is not None
        assert dataset.formulas is not None
        assert len(dataset.structures) == len(dataset.formulas) == rows


def test_the_listing_computes_rows_and_spread() -> None:
    listed = {info.name: info for info in datasets.available()}
    assert {name: info.rows for name, info in listed.items()} == ROWS
    assert listed["mp_stability"].spread == pytest.approx(0.42, abs=0.005)  # 58% are on the hull
    assert listed["mp_formation"].unit == "eV/atom"
    assert listed["mp_formation"].spread == pytest.approx(0.897, abs=0.001)
    assert listed["iris"].spread == pytest.approx(2 / 3)


def test_the_first_material_is_the_source_s_to_the_bit() -> None:
    dataset = datasets.load("mp_formation")
    assert dataset.structures is not None
    assert dataset.ids[0] == "mp-10"
    assert dataset.target[0] == 0.1074050600000005
    arsenic = dataset.structures[0]
    assert arsenic.formula == "As2"
    assert arsenic.lattice.matrix[0].tolist() == [3.35275227, 0.0, 1.93571242]
    assert arsenic.frac_coords.tolist() == [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]


def test_moduli_are_logarithms_of_the_voigt_reuss_hill_average() -> None:
    assert datasets.load("mp_bulk_modulus").target[0] == round(math.log10(194.268884359), 12)
    assert datasets.load("mp_shear_modulus").target[0] == round(math.log10(97.1416044794), 12)


def test_stability_counts_materials_on_the_hull() -> None:
    dataset = datasets.load("mp_stability")
    assert dataset.classes == ("unstable", "stable")
    assert int(dataset.target.sum()) == 2280


def test_polymorphs_are_counted() -> None:
    assert datasets.load("mp_formation").notes[0].startswith("353 of 3938 rows share their reduced formula")


def test_the_hash_is_of_the_content() -> None:
    assert datasets.load("mp_formation").sha256 != datasets.load("mp_stability").sha256
    assert datasets.load("mp_dielectric").sha256 == datasets.load("mp_dielectric").sha256


def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded._frame.cache_clear()
    monkeypatch.setitem(embedded._manifest()["files"]["piezoelectric_tensor"], "sha256", "0" * 64)
    with pytest.raises(InputError, match=r"piezoelectric_tensor\.parquet is damaged"):
        datasets.load("mp_piezoelectric")


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'mp_formtion'\. Did you mean 'mp_formation'\?"):
        datasets.load("mp_formtion")


def test_an_embedded_dataset_has_one_target() -> None:
    with pytest.raises(InputError, match="has the one target 'formation_energy_per_atom', not 'band_gap'"):
        datasets.load("mp_formation", target="band_gap")
