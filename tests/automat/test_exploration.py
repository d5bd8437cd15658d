from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from automat_featurizers import PackedCompositions
from automat_reports import Translator, render_exploration
from typer.testing import CliRunner

from automat import datasets
from automat.cli import app
from automat.core import Dataset, InputError, UnknownNameError
from automat.exploration import explore, write

FORMULAS = ["NaCl", "NaCl", "KCl", "LiF", "MgO", "CaO", "Fe2O3", "TiO2", "SiO2", "GaAs", "ZnS", "LaMnO3"]


@pytest.fixture(scope="module")
def small() -> Dataset:
    return Dataset(
        name="small",
        ids=np.array([f"row-{place}" for place in range(12)]),
        target=np.array([1.0, 3.0, 1.1, 0.9, 1.2, 1.0, 0.8, 1.1, 0.9, 1.0, 40.0, 1.2]),
        target_name="y <b>",
        unit="eV",
        task="regression",
        inputs="compositions",
        compositions=PackedCompositions.pack(FORMULAS),
    )


@pytest.fixture(scope="module")
def found(small: Dataset) -> dict[str, Any]:
    return explore(small)


def test_all_rows_are_counted(found: dict[str, Any]) -> None:
    rows = {each["symbol"]: each["rows"] for each in found["elements"]}
    assert rows["Cl"] == 3
    assert rows["O"] == 6
    assert found["sizes"] == {"elements": [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]}
    lanthanum = next(each for each in found["elements"] if each["symbol"] == "La")
    assert (lanthanum["period"], lanthanum["group"]) == (9, 3)


def test_duplicates_tell_how_far_their_targets_differ(found: dict[str, Any]) -> None:
    assert found["duplicates"]["rows"] == 2
    assert found["duplicates"]["widest"] == [{"name": "NaCl", "rows": 2, "spread": 2.0}]


def test_odd_targets_are_listed_farthest_first(found: dict[str, Any]) -> None:
    assert [each["formula"] for each in found["odd_targets"]] == ["ZnS", "NaCl"]


def test_the_same_seed_gives_the_same_map(small: Dataset, found: dict[str, Any]) -> None:
    assert explore(small) == found
    assert len(found["map"]["pca"][0]) == len(found["map"]["tsne"][1]) == 12
    assert found["map"]["pca"][0][0] == found["map"]["pca"][0][1]  # equal compositions lie on one another


def test_clusters_find_the_species_and_the_sample_is_bounded() -> None:
    found = explore(datasets.load("iris"), most_rows=100)
    assert len(found["map"]["ids"]) == 100
    assert len(found["values"]) == 150
    assert len(set(found["map"]["kmeans"])) > 1
    assert found["map"]["silhouette"] > 0.4
    assert found["odd_targets"] == []


def test_the_page_is_whole_in_both_languages(found: dict[str, Any]) -> None:
    t = Translator("ko")
    page = render_exploration(found, t)
    assert t.missing == set()
    assert "이상치" in page
    assert "y <b>" not in page
    assert "Outliers" in render_exploration(found)


def test_the_command_writes_figures_and_page(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["data", "explore", "--dataset", "iris", "--out", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    page = Path(shown.output.strip().removeprefix("page: "))
    assert page.name == "explore.html"
    assert json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))["rows"] == 150


def test_what_cannot_be_mapped_is_refused(small: Dataset, tmp_path: Path) -> None:
    few = Dataset(
        name="few",
        ids=small.ids[:3],
        target=small.target[:3],
        target_name="y",
        unit="",
        task="regression",
        inputs="compositions",
        compositions=PackedCompositions.pack(FORMULAS[:3]),
    )
    with pytest.raises(InputError, match="3 rows"):
        explore(few)
    with pytest.raises(UnknownNameError, match="language"):
        write(small, tmp_path, lang="kr")
