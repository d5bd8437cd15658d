"""What each family of splits cuts, checked against the data itself."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Element
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from automat import splits
from automat.core import Dataset, InputError, Split
from automat.datasets import checks
from automat.splits.groups import SPACE_GROUP_COLUMNS


def symbols(dataset: Dataset, row: int) -> set[str]:
    assert dataset.compositions is not None
    return {str(element) for element in dataset.compositions[row]}


@pytest.mark.parametrize("kind", ["formula", "chemical-system"])
def test_groups_are_those_of_pymatgen(kind: str, crystals: Dataset) -> None:
    assert crystals.compositions is not None
    of_row = [each.reduced_formula if kind == "formula" else each.chemical_system for each in crystals.compositions]
    codes = splits.make(crystals, Split(kind, 4, 3))[0].groups
    assert codes is not None
    assert len(set(zip(of_row, codes, strict=True))) == len(set(of_row)) == len(set(codes.tolist()))


def test_space_groups_are_those_of_pymatgen(crystals: Dataset) -> None:
    few = checks.take(crystals, np.arange(40))
    assert few.structures is not None
    numbers = np.array([structure.get_space_group_info(symprec=0.01)[1] for structure in few.structures])
    codes = splits.make(few, Split("space-group", 2, 0))[0].groups
    assert codes is not None
    assert codes.tolist() == np.unique(numbers, return_inverse=True)[1].tolist()
    beside = replace(few, structures=None, extra=pd.DataFrame({SPACE_GROUP_COLUMNS[0].upper(): numbers}))
    assert (
        splits.make(beside, Split("space-group", 2, 0))[0].split
        == splits.make(few, Split("space-group", 2, 0))[0].split
    )


def test_a_crystal_system_is_left_out_whole(crystals: Dataset) -> None:
    made = splits.make(crystals, Split("crystal-system-out", 5, 0))
    assert len({fold.label for fold in made}) == 5
    assert {fold.label for fold in made} < {
        "triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic",
    }  # fmt: skip
    assert [len(fold.test) for fold in made] == sorted((len(fold.test) for fold in made), reverse=True)
    for fold in made:
        assert crystals.structures is not None
        structure = crystals.structures[int(fold.test[0])]
        assert SpacegroupAnalyzer(structure, symprec=0.01).get_crystal_system() == fold.label


@pytest.mark.parametrize("kind", ["element-out", "periodic-group-out"])
def test_what_is_left_out_is_in_every_test_row_and_in_no_training_row(kind: str, crystals: Dataset) -> None:
    def left_out(symbol: str, label: str) -> bool:
        element = Element(symbol)
        if kind == "element-out":
            return symbol == label
        if label in {"lanthanides", "actinides"}:
            return bool(element.is_lanthanoid if label == "lanthanides" else element.is_actinoid)
        inner = element.is_lanthanoid or element.is_actinoid
        return not inner and f"group {element.group}" == label

    made = splits.make(crystals, Split(kind, 6, 0))
    for fold in made:
        for row in range(len(crystals)):
            assert any(left_out(symbol, fold.label) for symbol in symbols(crystals, row)) == (row in fold.test)
        assert sorted([*fold.test, *fold.train]) == list(range(len(crystals)))
        assert len(fold.test) <= len(crystals) / 2
    assert [len(fold.test) for fold in made] == sorted((len(fold.test) for fold in made), reverse=True)


def test_tuning_for_an_unseen_element_leaves_one_out_too(crystals: Dataset) -> None:
    for fold in splits.make(crystals, Split("element-out", 3, 0)):
        fit_on, judge_on = splits.inner_holdout(crystals, fold)
        fitted = set().union(*(symbols(crystals, int(row)) for row in fit_on))
        assert set.intersection(*(symbols(crystals, int(row)) - fitted for row in judge_on))


def test_clusters_are_compact_and_left_out_whole(crystals: Dataset) -> None:
    made = splits.make(crystals, Split("cluster-out", 3, 0))
    space = splits.clusters.feature_space(crystals)
    cluster = np.empty(len(crystals), dtype=int)
    for fold in made:
        cluster[fold.test] = fold.index
    within = sum(((space[cluster == k] - space[cluster == k].mean(axis=0)) ** 2).sum() for k in range(3))
    # A partition by chance leaves nearly all of the scatter within its parts.
    chance = np.random.default_rng(0).permutation(cluster)
    by_chance = sum(((space[chance == k] - space[chance == k].mean(axis=0)) ** 2).sum() for k in range(3))
    assert within < 0.9 * by_chance
    formulas = np.array(crystals.formulas)
    assert all(set(formulas[fold.train]).isdisjoint(formulas[fold.test]) for fold in made)


def test_the_feature_space_is_standardised_and_finite(crystals: Dataset, flowers: Dataset) -> None:
    for dataset in (crystals, flowers):
        space = splits.clusters.feature_space(dataset)
        np.testing.assert_allclose(space.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(space.std(axis=0), 1, atol=1e-9)


def test_a_plain_table_has_clusters_too(flowers: Dataset) -> None:
    made = splits.make(flowers, Split("cluster-out", 2, 0))
    assert min(len(fold.test) for fold in made) >= 45
    setosa = flowers.target == 0
    assert any(setosa[fold.test].sum() == 50 for fold in made)


def test_extrapolation_tests_lie_beyond_all_training_targets(crystals: Dataset) -> None:
    high, low = splits.make(crystals, Split("target-extrapolation", 0, 3))
    assert (high.label, low.label) == ("highest fifth", "lowest fifth")
    target = crystals.target
    for fold in (high, low):
        assert 0.15 * len(crystals) < len(fold.test) <= 0.2 * len(crystals)
        fit_on, judge_on = splits.inner_holdout(crystals, fold)
        for trained, tested in ((fold.train, fold.test), (fit_on, judge_on)):
            above = target[tested].min() > target[trained].max()
            below = target[tested].max() < target[trained].min()
            assert (above, below) == ((True, False) if fold is high else (False, True))


def test_targets_at_the_border_stay_in_training(diabetes: Dataset) -> None:
    tied = replace(diabetes, target=np.where(np.arange(120) < 70, 0.0, np.arange(120.0)))
    (only,) = splits.make(tied, Split("target-extrapolation", 0, 0))
    assert only.label == "highest fifth"
    two_values = replace(diabetes, target=(np.arange(120) < 60).astype(float))
    with pytest.raises(InputError, match="too few targets of 'diabetes' lie beyond"):
        splits.make(two_values, Split("target-extrapolation", 0, 0))


@pytest.mark.parametrize("column", ["published", "year"])
def test_tests_in_time_come_after_training(column: str, crystals: Dataset) -> None:
    assert crystals.extra is not None
    dates = pd.to_datetime(crystals.extra[column].astype(str)).to_numpy()
    made = splits.make(crystals, Split(f"time:{column}", 4, 0))
    for fold in made:
        fit_on, judge_on = splits.inner_holdout(crystals, fold)
        assert dates[fold.train].max() < dates[fold.test].min()
        assert dates[fit_on].max() < dates[judge_on].min()
        assert 0.1 < len(judge_on) / len(fold.train) < 0.35
    for earlier, later in pairwise(made):
        assert set(later.train) == {*earlier.train, *earlier.test}
    assert set(made[-1].train) | set(made[-1].test) == set(range(len(crystals)))
    assert made[0].label.split(" to ")[0] == str(dates[made[0].test].min())[: 10 if column == "published" else 4]


@given(counts=st.lists(st.integers(1, 40), min_size=3, max_size=12), folds=st.integers(2, 11))
@settings(max_examples=60)
def test_dates_are_never_parted(diabetes: Dataset, counts: list[int], folds: int) -> None:
    date = np.repeat(np.arange(len(counts)), counts)[:120]
    data = checks.take(diabetes, np.arange(len(date)))
    data = replace(data, extra=pd.DataFrame({"year": 2000 + date}))
    if len(np.unique(date)) < folds + 1:
        with pytest.raises(InputError, match=f"cannot make {folds} folds of"):
            splits.make(data, Split("time:year", folds, 0))
        return
    made = splits.make(data, Split("time:year", folds, 0))
    assert len(made) == folds
    for fold in made:
        assert date[fold.train].max() < date[fold.test].min()


def test_a_column_of_folds_is_taken_as_it_is(crystals: Dataset) -> None:
    assert crystals.extra is not None
    made = splits.make(crystals, Split("column:my_fold", 0, 3))
    assert [fold.label for fold in made] == ["a", "b", "c"]
    given_fold = crystals.extra["my_fold"].to_numpy()
    for fold in made:
        assert set(given_fold[fold.test]) == {fold.label}
        _, judge_on = splits.inner_holdout(crystals, fold)
        assert len(set(given_fold[judge_on])) == 1


def test_numbers_of_folds_are_in_order_of_their_values(crystals: Dataset) -> None:
    numbers = replace(crystals, extra=pd.DataFrame({"fold": np.tile([10.0, 9.0, 2.0], 60)}))
    assert [fold.label for fold in splits.make(numbers, Split("column:fold", 3, 0))] == ["2", "9", "10"]


def test_a_column_may_name_the_parts_of_one_cut(crystals: Dataset) -> None:
    assert crystals.extra is not None
    (fold,) = splits.make(crystals, Split("column:part", 0, 0))
    part = crystals.extra["part"].to_numpy()
    assert fold.validation is not None
    for rows, word in ((fold.train, "train"), (fold.validation, "Val"), (fold.test, "test")):
        np.testing.assert_array_equal(rows, np.flatnonzero(part == word))
    two = replace(crystals, extra=crystals.extra.replace({"part": {"Val": "train"}}))
    (fold,) = splits.make(two, Split("column:part", 0, 0))
    assert fold.validation is None
    assert 0.1 < len(splits.inner_holdout(two, fold)[1]) / len(fold.train) < 0.3


def test_60_20_20_is_pythons_own_shuffle_cut_in_three(crystals: Dataset) -> None:
    (fold,) = splits.make(crystals, Split("60-20-20", 0, 123))
    order = list(range(180))
    random.seed(123)
    random.shuffle(order)
    assert fold.validation is not None
    assert fold.train.tolist() == sorted(order[:108])
    assert fold.validation.tolist() == sorted(order[108:144])
    assert fold.test.tolist() == sorted(order[144:])
