from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from matminer.datasets import get_available_datasets

from automat import datasets
from automat.core import InputError, UnknownNameError
from automat.datasets import catalogue


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of data, with crystals as matminer writes them."""
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    rows = [[f"mp-{row // 2}", whole.structures[row].as_dict(), float(whole.target[row])] for row in range(8)]
    table = {"index": list(range(8)), "columns": ["mpid", "structure", "e_hull"], "data": rows}
    (tmp_path / "matminer").mkdir()
    (tmp_path / "matminer" / "castelli_perovskites.json.gz").write_bytes(gzip.compress(json.dumps(table).encode()))
    formulas = {"columns": ["formula", "k_expt"], "data": [["NaCl", 1.5], ["MgO", 2.5], ["Si", 3.5], ["C", 9.5]]}
    (tmp_path / "matminer" / "citrine_thermal_conductivity.json.gz").write_bytes(
        gzip.compress(json.dumps(formulas).encode())
    )
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path))
    return tmp_path


def test_the_names_are_matminer_s() -> None:
    assert set(catalogue.names()) == set(get_available_datasets(print_format=None))


def test_formulas_from_the_user_s_folder(folder: Path) -> None:
    assert folder.is_dir()
    data = datasets.load("citrine_thermal_conductivity")
    assert (data.name, data.inputs, data.target_name) == ("citrine_thermal_conductivity", "compositions", "k_expt")
    assert "is not the published file of citrine_thermal_conductivity" in data.notes[0]
    assert "4 rows, the catalogue says 872" in data.notes[0]
    assert data.citation == "https://www.citrination.com"


def test_crystals_whose_ids_recur_are_numbered(folder: Path) -> None:
    assert folder.is_dir()
    data = datasets.load("castelli_perovskites")
    assert (data.inputs, data.ids[0], len(data)) == ("structures", "row-1", 8)
    assert any("'mpid' does not name rows" in note for note in data.notes)
    assert data.extra is not None
    assert "mpid" in data.extra


def test_what_is_not_here_says_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matminer.datasets import dataset_retrieval

    def no_network(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr(dataset_retrieval, "_validate_dataset", no_network)
    monkeypatch.setenv("AUTOMAT_DATA", str(tmp_path))
    monkeypatch.setenv("MATMINER_DATA", str(tmp_path / "kept"))
    with pytest.raises(InputError, match=r"could not be fetched .ConnectionError.*network.*AUTOMAT_DATA to a folder"):
        datasets.load("flla")


def test_a_name_that_is_nearly_there() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'wolverton_oxides'"):
        datasets.load("wolverton_oxide")
