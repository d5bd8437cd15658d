"""Folds on disk, in the key of every cell, and columns that no model sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automat import datasets, plan, splits
from automat.core import Cell, Dataset, Split
from automat.store import Store


@pytest.mark.parametrize("kind", ["random*2", "60-20-20", "element-out", "column:my_fold"])
def test_folds_read_back_with_the_digest_that_names_them(kind: str, crystals: Dataset, tmp_path: Path) -> None:
    made = splits.make(crystals, Split(kind, splits.default_folds(kind, 3), 0))
    store, split = Store(tmp_path), made[0].split
    store.write_folds(crystals, made)
    kept = store.read_folds(crystals.name, split)
    assert split.sha256 == splits.folds_sha256(
        {part: kept.loc[(kept["fold"] == fold) & (kept["part"] == part), "id"] for part in splits.PARTS}
        for fold in range(split.folds)
    )
    for fold in made:
        tested = kept[(kept["fold"] == fold.index) & (kept["part"] == "test")]
        assert tested["id"].tolist() == crystals.ids[fold.test].tolist()
        assert set(tested["label"]) == {fold.label}
    (path,) = (tmp_path / crystals.name / "folds").iterdir()
    assert path.name.endswith(f"{split.folds}-{split.sha256[:8]}.parquet")
    before = path.stat().st_mtime_ns
    store.write_folds(crystals, made)
    assert path.stat().st_mtime_ns == before
    with pytest.raises(FileNotFoundError):
        store.read_folds(crystals.name, Split("random", 2, 0, "f" * 64))


def test_cells_are_of_the_folds_as_made(crystals: Dataset) -> None:
    planned = plan.make(crystals, models=["dummy"], split="target-extrapolation", preset="quick")
    assert len(planned.cells) == 2
    assert {cell.split.sha256 for cell in planned.cells} == {planned.folds[0].split.sha256}
    other = plan.make(crystals, models=["dummy"], split="random", folds=2)
    again = plan.make(crystals, models=["dummy"], split="random", folds=2)
    assert [cell.key for cell in other.cells] == [cell.key for cell in again.cells]
    assert {cell.key for cell in planned.cells}.isdisjoint(cell.key for cell in other.cells)


def test_cells_from_before_folds_had_a_digest_keep_their_key() -> None:
    cell = Cell(
        dataset="toy", dataset_sha256="ab" * 32, target="y", split=Split("random", 2, 0), fold=0, model="knn",
        model_version="1", features="table", features_version="1", budget={"preset": "quick", "trials": 3}, seed=0,
    )  # fmt: skip
    assert cell.key == "704e8b9b22f8b001c8d18ed6"


def test_columns_beside_a_formula_stay_for_splits(tmp_path: Path) -> None:
    path = tmp_path / "gaps.csv"
    rows = {
        "mbid": [f"m-{row}" for row in range(8)],
        "formula": ["NaCl", "KCl", "nonsense(", "MgO", "CaO", "SrO", "BaO", "ZnO"],
        "gap": [8.5, 8.0, 1.0, 7.8, np.nan, 5.9, 4.2, 3.4],
        "year": range(2000, 2008),
    }
    pd.DataFrame(rows).to_csv(path, index=False)
    dataset = datasets.load(path, target="gap")
    assert dataset.ids.tolist() == ["m-0", "m-1", "m-3", "m-5", "m-6", "m-7"]
    assert dataset.extra is not None
    assert dataset.extra.columns.tolist() == ["year"]
    assert dataset.extra["year"].tolist() == [2000, 2001, 2003, 2005, 2006, 2007]
    last = splits.make(dataset, Split("time:year", 2, 0))[-1]
    assert dataset.ids[last.test].tolist() == ["m-6", "m-7"]


def test_a_plain_table_is_cut_by_a_column_that_its_models_do_not_see(flowers: Dataset) -> None:
    assert flowers.table is not None
    name = str(flowers.table.columns[0])
    planned = plan.make(flowers, models=["dummy"], split=f"time:{name}", folds=3)
    assert planned.dataset.table is not None
    assert name not in planned.dataset.table
    length = flowers.table[name].to_numpy()
    for fold in planned.folds:
        assert length[fold.train].max() < length[fold.test].min()
