from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("info", datasets.available(), ids=lambda info: info.name)
def test_the_listing_states_what_the_data_has(info: datasets.DatasetInfo) -> None:
    dataset = datasets.load(info.name)
    assert info.rows == len(dataset) == ROWS[info.name]
    assert info.spread == pytest.approx(dataset.spread, abs=5e-5)
    assert (info.task, info.unit, info.inputs) == (dataset.task, dataset.unit, dataset.inputs)
    assert (info.source, info.licence, info.citation) == (dataset.source, dataset.licence, dataset.citation)


def test_the_first_material_is_the_source_s_to_the_bit() -> None:
    dataset = datasets.load("mp_formation")
    assert dataset.structures is not None
    assert dataset.ids[0] == "mp-10"
    assert dataset.target[0] == 0.1074050600000005
    arsenic = dataset.structures[0]
    assert arsenic.formula == "As2"
    assert arsenic.lattice.matrix[0].tolist() == [3.35275227, 0.0, 1.93571242]
    assert arsenic.frac_coords.tolist() == [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]


@pytest.mark.parametrize(
    ("name", "first", "target", "formula", "vector", "site"),
    [
        ("mp_bulk_modulus", ["mp-10003", "mp-10010"], round(math.log10(194.268884359), 12), "Nb8 Co2 Si2",
         [6.22178, 0.0, 0.0], [0.152391, 0.333153, 0.5]),
        ("mp_dielectric", ["mp-441", "mp-22881"], 1.86, "Rb2 Te1", [5.271776, 0.0, 3.043661], [0.25, 0.25, 0.25]),
        ("mp_band_gap", ["mp-441", "mp-22881"], 1.88, "Rb2 Te1", [5.271776, 0.0, 3.043661], [0.25, 0.25, 0.25]),
        ("mp_piezoelectric", ["mp-22925", "mp-406"], 0.091464, "Ag1 I1", [4.066724, 0.0, 2.347924], [0.0, 0.0, 0.0]),
    ],
)  # fmt: skip
def test_structures_are_those_of_the_source_s_poscar(
    name: str, first: list[str], target: float, formula: str, vector: list[float], site: list[float]
) -> None:
    dataset = datasets.load(name)
    assert dataset.structures is not None
    assert dataset.ids[:2].tolist() == first
    assert dataset.target[0] == target
    assert dataset.structures[0].formula == formula
    assert dataset.structures.lattices[0, 0].tolist() == vector
    assert dataset.structures.fractional[0].tolist() == site


def test_targets_have_the_last_bit_of_the_source() -> None:
    # As written in the source; pandas' default parser reads the first two one unit in the last place off.
    dataset = datasets.load("mp_formation")
    energy = dict(zip(dataset.ids.tolist(), dataset.target.tolist(), strict=True))
    written = {"mp-10004": -0.33936794202381115, "mp-10021": 0.0047813099999998165, "mp-10": 0.1074050600000005}
    assert {name: energy[name] for name in written} == written


def test_moduli_without_a_logarithm_are_missing_targets() -> None:
    assert np.isnan(embedded._log10(np.array([-3.0, 0.0]))).all()
    assert embedded._log10(np.array([100.0])).tolist() == [2.0]


def test_moduli_are_logarithms_of_the_voigt_reuss_hill_average() -> None:
    assert datasets.load("mp_bulk_modulus").target[0] == round(math.log10(194.268884359), 12)
    assert datasets.load("mp_shear_modulus").target[0] == round(math.log10(97.1416044794), 12)


def test_stability_counts_materials_on_the_hull() -> None:
    dataset = datasets.load("mp_stability")
    assert dataset.classes == ("unstable", "stable")
    assert int(dataset.target.sum()) == 2280
    assert dataset.classes[1] == "stable"
    assert dataset.target.mean() == pytest.approx(0.58, abs=0.005)


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


def test_an_embedded_dataset_has_one_task() -> None:
    with pytest.raises(InputError, match="'mp_formation' is for regression, not classification"):
        datasets.load("mp_formation", task="classification")


def test_every_file_is_the_one_that_the_manifest_names() -> None:
    folder = Path(embedded.__file__).parent / "data"
    files = embedded._manifest()["files"]
    assert sorted(path.stem for path in folder.glob("*.parquet")) == sorted(files)
    for name, about in files.items():
        assert hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest() == about["sha256"]
        assert about["rows"] == len(embedded._frame(name))
        assert "doi:" in about["citation"]


def test_the_listing_starts_without_heavy_libraries() -> None:
    heavy = "{'torch', 'sklearn', 'pandas', 'pymatgen', 'matminer'}"
    code = f"import sys, automat.datasets; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
