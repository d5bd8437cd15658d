from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from automat_featurizers import TableEncoder
from sklearn.base import clone

TRAIN = pd.DataFrame(
    {
        "temperature": [300.0, np.nan, 500.0],
        "cycles": pd.array([1, None, 3], dtype="Int64"),
        "annealed": [True, False, True],
        "phase": ["fcc", "bcc", None],
        "batch": pd.Categorical(["a", "b", "a"]),
    }
)


def test_numbers_pass_and_categories_are_one_hot() -> None:
    encoder = TableEncoder().fit(TRAIN)
    assert encoder.get_feature_names_out().tolist() == [
        "temperature",
        "cycles",
        "annealed",
        "phase=bcc",
        "phase=fcc",
        "batch=a",
        "batch=b",
    ]
    expected = np.array([[300, 1, 1, 0, 1, 1, 0], [np.nan, np.nan, 0, 1, 0, 0, 1], [500, 3, 1, 0, 0, 1, 0]])
    np.testing.assert_array_equal(encoder.transform(TRAIN), expected)


def test_categories_are_those_of_the_training_rows() -> None:
    encoder = TableEncoder().fit(TRAIN.iloc[:1])
    assert encoder.transform(TRAIN)[:, -2:].tolist() == [[1, 1], [0, 0], [0, 1]]


def test_a_missing_value_is_not_the_category_nan() -> None:
    encoder = TableEncoder().fit(pd.DataFrame({"alloy": ["nan", "None", "steel"]}))
    given = pd.DataFrame({"alloy": [None, np.nan, "nan", "None"]})
    assert encoder.transform(given).tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_columns_are_found_by_name() -> None:
    encoder = TableEncoder().fit(TRAIN)
    shuffled = TRAIN[TRAIN.columns[::-1]].assign(unseen=1)
    np.testing.assert_array_equal(encoder.transform(shuffled), encoder.transform(TRAIN))


def test_output_as_pandas_and_cloning() -> None:
    encoder = clone(TableEncoder()).set_output(transform="pandas")
    frame = encoder.fit_transform(TRAIN)
    assert list(frame.columns) == encoder.get_feature_names_out().tolist()


def test_what_does_not_fit_is_named() -> None:
    encoder = TableEncoder().fit(TRAIN)
    with pytest.raises(ValueError, match="lacks the columns cycles, phase"):
        encoder.transform(TRAIN.drop(columns=["cycles", "phase"]))
    with pytest.raises(ValueError, match="column 'temperature' was numeric"):
        encoder.transform(TRAIN.assign(temperature=["hot", "cold", "warm"]))
    with pytest.raises(ValueError, match="no columns"):
        TableEncoder().fit(pd.DataFrame(index=[0, 1]))
