from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from automat import datasets
from automat.core import InputError


def write(folder: Path, text: str, name: str = "lab.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lab.json", "{", r"cannot read 'lab\.json' as JSON"),
        ("lab.json", "3", r"'lab\.json' is no table: JSON must be a list of objects"),
        ("lab.json", '{"formula": "NaCl"}', r"'lab\.json' is no table"),
        ("lab.json", "[]", "has columns but no rows"),
        ("lab.json", '[{"formula": "NaCl", "y": [1]}]', "'y' holds lists or objects .the first in row 1"),
        ("lab.json", '[{"x": {"a": 1}, "y": 1}, {"x": 1, "y": 2}]', "'x' holds lists or objects"),
        ("lab.json", "[" * 100_000, r"cannot read 'lab\.json' as JSON"),
        ("lab.parquet", "no", r"cannot read 'lab\.parquet' as PARQUET"),
        ("lab.csv.gz", "no", r"cannot read 'lab\.csv\.gz' as CSV"),
    ],
)
def test_other_files_are_refused_with_one_message(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        datasets.load(write(tmp_path, text, name), target="y" if '"x"' in text else None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        (
            '[{"id": "007", "formula": "NaCl", "y": 0.1}, {"id": "7", "formula": "Si", "y": 0.2},'
            ' {"id": "8", "formula": "Ge", "y": 0.30000000000000004}, {"id": "9", "formula": "C", "y": null},'
            ' {"id": "10", "formula": "MgO", "y": 4}]'
        ),
        (
            '{"columns": ["id", "formula", "y"], "data": [["007", "NaCl", 0.1], ["7", "Si", 0.2],'
            ' ["8", "Ge", 0.30000000000000004], ["9", "C", null], ["10", "MgO", 4]]}'
        ),
        (
            '{"id": {"a": "007", "b": "7", "c": "8", "d": "9", "e": "10"},'
            ' "formula": {"a": "NaCl", "b": "Si", "c": "Ge", "d": "C", "e": "MgO"},'
            ' "y": {"a": 0.1, "b": 0.2, "c": 0.30000000000000004, "d": null, "e": 4}}'
        ),
    ],
    ids=["rows", "split", "columns"],
)
def test_json_in_three_layouts(tmp_path: Path, text: str) -> None:
    dataset = datasets.load(write(tmp_path, text, "lab.json"))
    assert dataset.ids.tolist() == ["007", "7", "8", "10"]
    assert dataset.target.tolist() == [0.1, 0.2, 0.30000000000000004, 4.0]
    assert "1 of 5 rows have no target and were set aside (first: 9)." in dataset.notes


def test_parquet_in_pandas_own_types(tmp_path: Path) -> None:
    path = tmp_path / "lab.parquet"
    frame = pd.DataFrame(
        {
            "count": pd.array([1, 2, None, 4, 5], dtype="Int64"),
            "phase": pd.Categorical(["bcc", "fcc", None, "bcc", "fcc"]),
            "y": pd.array([0.5, 1.5, 2.5, 3.5, None], dtype="Float64"),
        },
        index=pd.Index(list("abcde"), name="id"),
    )
    frame.to_parquet(path)
    dataset = datasets.load(path, target="y")
    assert dataset.ids.tolist() == list("abcd")
    assert dataset.target.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert dataset.table is not None
    np.testing.assert_array_equal(dataset.table["count"], [1, 2, np.nan, 4])
    assert dataset.table["phase"].tolist() == ["bcc", "fcc", None, "bcc"]


def test_dates_are_no_target(tmp_path: Path) -> None:
    path = tmp_path / "lab.parquet"
    pd.DataFrame({"x": range(5), "y": pd.date_range("2020", periods=5)}).to_parquet(path)
    with pytest.raises(InputError, match="'y' holds dates"):
        datasets.load(path, target="y")
