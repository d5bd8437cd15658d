from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from automat_featurizers.packed import PackedCompositions
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from automat import splits
from automat.core import Dataset, InputError, Split, UnknownNameError


def with_formulas(dataset: Dataset, formulas: list[str]) -> Dataset:
    return replace(
        dataset,
        inputs="compositions",
        table=None,
        ids=dataset.ids[: len(formulas)],
        target=dataset.target[: len(formulas)],
        compositions=PackedCompositions.pack(formulas),
    )


POLYMORPHS = [
    f"{metal}{count}O{oxygen}" for metal in ("Ti", "Fe", "Si") for count in (1, 2) for oxygen in (1, 2, 3)
] * 3


@pytest.mark.parametrize("kind", ["random", "formula"])
@given(folds=st.integers(2, 8), seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_folds_partition_the_rows(diabetes: Dataset, kind: str, folds: int, seed: int) -> None:
    dataset = with_formulas(diabetes, POLYMORPHS)
    made = splits.make(dataset, Split(kind, folds, seed))
    everything = np.concatenate([fold.test for fold in made])
    assert sorted(everything) == list(range(len(dataset)))
    for fold in made:
        assert set(fold.train).isdisjoint(fold.test)
        assert len(fold.train) + len(fold.test) == len(dataset)


def test_random_folds_are_those_of_scikit_learn(diabetes: Dataset) -> None:
    made = splits.make(diabetes, Split("random", 5, 18012019))
    expected = KFold(5, shuffle=True, random_state=18012019).split(np.arange(len(diabetes)))
    for fold, (_, test) in zip(made, expected, strict=True):
        np.testing.assert_array_equal(fold.test, test)


def test_polymorphs_stay_together(diabetes: Dataset) -> None:
    dataset = with_formulas(diabetes, POLYMORPHS)
    formulas = np.array(dataset.formulas)
    for fold in splits.make(dataset, Split("formula", 4, 0)):
        assert set(formulas[fold.train]).isdisjoint(formulas[fold.test])


def test_stratified_folds_keep_class_shares(flowers: Dataset) -> None:
    for fold in splits.make(flowers, Split("stratified", 5, 3)):
        assert np.bincount(flowers.target[fold.test].astype(int)).tolist() == [10, 10, 10]


@pytest.mark.parametrize("kind", ["random", "stratified", "formula"])
def test_the_inner_holdout_never_holds_a_test_row(flowers: Dataset, kind: str) -> None:
    dataset = flowers if kind != "formula" else with_formulas(flowers, POLYMORPHS)
    for fold in splits.make(dataset, Split(kind, 3, 0)):
        fit_on, judge_on = splits.inner_holdout(dataset, fold)
        assert set(fit_on) | set(judge_on) == set(fold.train)
        assert set(fit_on).isdisjoint(judge_on)
        assert len(judge_on) > 0


def test_the_inner_holdout_of_formula_folds_keeps_polymorphs_together(diabetes: Dataset) -> None:
    dataset = with_formulas(diabetes, POLYMORPHS)
    formulas = np.array(dataset.formulas)
    fit_on, judge_on = splits.inner_holdout(dataset, splits.make(dataset, Split("formula", 3, 0))[0])
    assert set(formulas[fit_on]).isdisjoint(formulas[judge_on])


@pytest.mark.parametrize("formulas", [["NaCl", "KCl"] * 2, ["NaCl"] * 5 + ["KCl"], ["NaCl", "KCl", "Si", "Ge"]])
def test_few_formulas_still_have_an_inner_holdout(diabetes: Dataset, formulas: list[str]) -> None:
    dataset = with_formulas(diabetes, formulas)
    for fold in splits.make(dataset, Split("formula", 2, 0)):
        if len(fold.train) > 1:
            fit_on, judge_on = splits.inner_holdout(dataset, fold)
            assert len(fit_on)
            assert len(judge_on)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split("random", 1, 0), "folds must be at least 2, but got 1"),
        (Split("random", 121, 0), "cannot make 121 folds of 120 rows in 'diabetes'"),
        (Split("stratified", 5, 0), "'stratified' needs classes, but 'diabetes' is a regression"),
        (Split("formula", 5, 0), "'formula' needs formulas, but 'diabetes' is a plain table"),
    ],
)
def test_impossible_splits_say_why(diabetes: Dataset, split: Split, message: str) -> None:
    with pytest.raises(InputError, match=message):
        splits.make(diabetes, split)


def test_too_few_members_of_a_class_are_named(flowers: Dataset) -> None:
    rare = replace(flowers, target=np.where(np.arange(150) < 3, 0.0, 1 + (np.arange(150) % 2)))
    with pytest.raises(InputError, match="cannot make 5 folds of 3 rows of class 'setosa'"):
        splits.make(rare, Split("stratified", 5, 0))


def test_an_unknown_split_names_the_nearest(diabetes: Dataset) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown split 'randon'\. Did you mean 'random'"):
        splits.make(diabetes, Split("randon", 5, 0))
