"""Matbench's folds, to the row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from automat import datasets, splits
from automat.core import Dataset, InputError, Split
from automat.datasets import checks

TARGETS = {
    "dielectric": "n",
    "expt_gap": "gap expt",
    "expt_is_metal": "is_metal",
    "jdft2d": "exfoliation_en",
    "log_gvrh": "log10(G_VRH)",
    "log_kvrh": "log10(K_VRH)",
    "mp_e_form": "e_form",
    "mp_gap": "gap pbe",
    "mp_is_metal": "is_metal",
    "perovskites": "e_form",
}


@pytest.mark.parametrize("task", TARGETS)
def test_official_folds_are_the_recorded_ones(task: str, matbench_folder: Path) -> None:
    path = matbench_folder / f"matbench_{task}.csv.gz"
    recorded = pd.read_csv(path).set_index("mbid")["fold"]
    dataset = datasets.load(path, target=TARGETS[task])
    made = splits.make(dataset, Split("official", 0, 42))
    assert len(made) == 5
    for fold in made:
        assert set(dataset.ids[fold.test]) == set(recorded.index[recorded == fold.index])
    from_column = splits.make(dataset, Split("column:fold", 0, 0))
    assert made[0].split.sha256 == from_column[0].split.sha256


def test_the_seed_is_matbenchs_whatever_is_asked(steels: Dataset) -> None:
    made = splits.make(steels, Split("official", 5, 7))
    assert made[0].split.seed == 18012019
    expected = KFold(5, shuffle=True, random_state=18012019).split(np.arange(312))
    for fold, (train, test) in zip(made, expected, strict=True):
        np.testing.assert_array_equal(fold.test, test)
        np.testing.assert_array_equal(fold.train, train)


def test_the_order_of_the_rows_does_not_matter(steels: Dataset) -> None:
    turned = checks.take(steels, np.random.default_rng(0).permutation(312))
    ours, theirs = (splits.make(data, Split("official", 0, 0)) for data in (steels, turned))
    assert ours[0].split.sha256 == theirs[0].split.sha256
    assert set(steels.ids[ours[3].test]) == set(turned.ids[theirs[3].test])


def test_a_task_that_lacks_a_row_is_refused(steels: Dataset) -> None:
    with pytest.raises(InputError, match="all 312 rows of matbench_steels, but 'matbench_steels' has 311"):
        splits.make(checks.take(steels, np.arange(311)), Split("official", 0, 0))
    with pytest.raises(InputError, match="all 312 rows"):
        splits.make(replace(steels, ids=np.char.replace(steels.ids, "-312", "-999")), Split("official", 0, 0))
    with pytest.raises(InputError, match="makes 5 folds of 'matbench_steels', not 3"):
        splits.make(steels, Split("official", 3, 0))
