"""What every registered kind of split promises, on real crystals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from automat import splits
from automat.core import Dataset, Fold, InputError, Split
from automat.datasets import checks

ASKED = {
    "random": Split("random", 4, 3),
    "stratified": Split("stratified", 4, 3),
    "60-20-20": Split("60-20-20", 0, 3),
    "formula": Split("formula", 4, 3),
    "chemical-system": Split("chemical-system", 4, 3),
    "element-out": Split("element-out", 4, 3),
    "periodic-group-out": Split("periodic-group-out", 4, 3),
    "space-group": Split("space-group", 4, 3),
    "crystal-system-out": Split("crystal-system-out", 4, 3),
    "cluster-out": Split("cluster-out", 4, 3),
    "target-extrapolation": Split("target-extrapolation", 0, 3),
    "time": Split("time:published", 4, 3),
    "column": Split("column:my_fold", 0, 3),
    "official": Split("official", 0, 3),
}
ONCE_EACH = ("random", "stratified", "formula", "chemical-system", "space-group", "cluster-out", "column", "official")
"""Kinds that promise that every row is tested once."""

UNLABELLED = ("random", "stratified", "formula", "chemical-system", "space-group", "official")
BY_THE_TARGET = ("stratified", "target-extrapolation")
every_kind = pytest.mark.parametrize("name", ASKED)


@pytest.fixture
def data(name: str, crystals: Dataset, flowers: Dataset, steels: Dataset) -> Dataset:
    return {"stratified": flowers, "official": steels}.get(name, crystals)


def test_every_registered_kind_is_tried() -> None:
    assert set(ASKED) == set(splits.SPLITS)
    for kind in splits.SPLITS.values():
        assert kind.summary
        assert kind.needs
        assert kind.version


@every_kind
def test_parts_are_sorted_disjoint_and_named(name: str, data: Dataset) -> None:
    made = splits.make(data, ASKED[name])
    assert [fold.index for fold in made] == list(range(len(made)))
    for fold in made:
        assert fold.split == made[0].split
        parts = [fold.train, fold.test, *([] if fold.validation is None else [fold.validation])]
        for rows in parts:
            assert len(rows)
            assert (np.diff(rows) > 0).all()
            assert rows.min() >= 0
            assert rows.max() < len(data)
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
        assert bool(fold.label) == (name not in UNLABELLED)
    assert made[0].split.folds == len(made)
    assert made[0].split.version == splits.SPLITS[name].version


@every_kind
def test_every_row_is_tested_once_where_that_is_promised(name: str, data: Dataset) -> None:
    tested = np.concatenate([fold.test for fold in splits.make(data, ASKED[name])])
    if name in ONCE_EACH:
        assert sorted(tested) == list(range(len(data)))
    elif name not in {"element-out", "periodic-group-out"}:
        assert len(np.unique(tested)) == len(tested)


@every_kind
def test_the_same_request_gives_the_same_folds(name: str, data: Dataset) -> None:
    made = splits.make(data, ASKED[name])
    again = splits.make(replace(data), ASKED[name])
    from_made = splits.make(data, made[0].split)
    assert made[0].split == again[0].split == from_made[0].split
    for one, other, third in zip(made, again, from_made, strict=True):
        np.testing.assert_array_equal(one.test, other.test)
        np.testing.assert_array_equal(one.train, third.train)
        for first, second in zip(splits.inner_holdout(data, one), splits.inner_holdout(data, other), strict=True):
            np.testing.assert_array_equal(first, second)


@every_kind
def test_only_kinds_that_say_so_look_at_the_target(name: str, data: Dataset) -> None:
    shuffled = replace(data, target=np.random.default_rng(7).permutation(data.target))
    same = splits.make(data, ASKED[name])[0].split.sha256 == splits.make(shuffled, ASKED[name])[0].split.sha256
    assert same == (name not in BY_THE_TARGET)


@every_kind
def test_folds_that_are_not_those_of_the_digest_are_refused(name: str, data: Dataset) -> None:
    made = splits.make(data, ASKED[name])[0].split
    with pytest.raises(InputError, match="gives other folds than those of 00000000"):
        splits.make(data, replace(made, sha256="0" * 64))


@every_kind
def test_tuning_sees_training_rows_only(name: str, data: Dataset) -> None:
    for fold in splits.make(data, ASKED[name]):
        fit_on, judge_on = splits.inner_holdout(data, fold)
        assert len(fit_on)
        assert len(judge_on)
        assert set(fit_on).isdisjoint(judge_on)
        assert set(fold.test).isdisjoint([*fit_on, *judge_on])
        if fold.validation is None:
            assert sorted([*fit_on, *judge_on]) == fold.train.tolist()
        else:
            assert judge_on.tolist() == fold.validation.tolist()


@pytest.mark.parametrize("name", [name for name, kind in splits.SPLITS.items() if kind.groups])
def test_groups_are_never_parted(name: str, data: Dataset) -> None:
    for fold in splits.make(data, ASKED[name]):
        assert fold.groups is not None
        fit_on, judge_on = splits.inner_holdout(data, fold)
        for one, other in ((fold.train, fold.test), (fit_on, judge_on)):
            assert set(fold.groups[one]).isdisjoint(fold.groups[other])


@pytest.mark.parametrize("name", [name for name, kind in splits.SPLITS.items() if kind.shuffled])
def test_repeats_are_shuffled_anew(name: str, data: Dataset) -> None:
    once = splits.make(data, ASKED[name])
    thrice = splits.make(data, replace(ASKED[name], kind=f"{name}*3"))
    assert len(thrice) == 3 * len(once) == thrice[0].split.folds
    for one, first in zip(once, thrice, strict=False):
        np.testing.assert_array_equal(one.test, first.test)
    repeats = [thrice[start : start + len(once)] for start in range(0, len(thrice), len(once))]
    assert len({tuple(fold.test) for fold in thrice}) > len(once)
    if name in ONCE_EACH:
        for repeat in repeats:
            assert sorted(np.concatenate([fold.test for fold in repeat])) == list(range(len(data)))
    assert splits.make(data, thrice[0].split)[0].split == thrice[0].split


def test_the_digest_names_ids_whatever_their_order(crystals: Dataset) -> None:
    made = splits.make(crystals, Split("column:my_fold", 0, 0))
    turned = checks.take(crystals, np.arange(len(crystals))[::-1])
    assert splits.make(turned, Split("column:my_fold", 0, 5))[0].split.sha256 == made[0].split.sha256
    assert splits.make(crystals, Split("random", 3, 0))[0].split.sha256 != made[0].split.sha256
    swapped = [swap(crystals, fold) for fold in made]
    assert splits.folds_sha256(swapped) != made[0].split.sha256


def swap(dataset: Dataset, fold: Fold) -> dict[str, list[str]]:
    return {"train": dataset.ids[fold.test].tolist(), "test": dataset.ids[fold.train].tolist()}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split("random*0", 2, 0), r"'random\*0' cannot be read"),
        (Split("random*x", 2, 0), r"'random\*x' cannot be read"),
        (Split("time", 2, 0), "'time' needs a column, time:COLUMN"),
        (Split("random:year", 2, 0), "'random' takes no column, but got 'year'"),
        (Split("element-out*3", 2, 0), "'element-out' is the same whatever the seed; only these .*random"),
        (Split("time:publised", 2, 0), "has no such column. Did you mean 'published'"),
        (Split("time:my_fold", 2, 0), r"180 values are no dates, e.g. '[abc]' \('mp-"),
        (Split("time:year", 40, 0), "cannot make 40 folds of 30 dates; at least 41 are needed"),
        (Split("column:my_fold", 5, 0), "makes 3 folds of 'mp_dielectric', not 5"),
        (Split("crystal-system-out", 12, 0), "cannot make 12 folds of [5-7] crystal systems"),
        (Split("element-out", 119, 0), r"cannot make 119 folds of \d+ elements"),
        (Split("chemical-system", 181, 0), r"cannot make 181 folds of \d+ chemical systems"),
        (Split("official", 0, 0), "is that of Matbench, whose rows have ids like mb-dielectric-0001"),
        (Split("60-20-20", 5, 0), "makes 1 folds of 'mp_dielectric', not 5"),
    ],
)
def test_what_cannot_be_made_says_why(crystals: Dataset, split: Split, message: str) -> None:
    with pytest.raises(InputError, match=message):
        splits.make(crystals, split)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split("chemical-system", 2, 0), "'chemical-system' needs compositions, but 'flowers' is a plain table"),
        (Split("element-out", 2, 0), "'element-out' needs compositions"),
        (Split("space-group", 2, 0), "needs structures, or a column 'space_group_number'; 'flowers' has neither"),
        (Split("target-extrapolation", 0, 0), "needs numbers as targets, but 'flowers' has classes"),
        (Split("column:petal", 0, 0), r"no such column.* Allowed: sepal length \(cm\), sepal"),
        (Split("cluster-out", 149, 0), r"cannot make 149 folds|clusters of 'flowers' have"),
    ],
)
def test_what_a_plain_table_lacks_is_named(flowers: Dataset, split: Split, message: str) -> None:
    with pytest.raises(InputError, match=message):
        splits.make(flowers, split)


def test_materials_without_columns_say_so(crystals: Dataset) -> None:
    with pytest.raises(InputError, match="Allowed: none, there are no columns beside its materials and target"):
        splits.make(replace(crystals, extra=None), ASKED["column"])


def test_empty_cells_and_single_values_of_a_column_are_refused(crystals: Dataset) -> None:
    assert crystals.extra is not None
    holes = replace(crystals, extra=crystals.extra.assign(my_fold=crystals.extra["my_fold"].replace("a", None)))
    with pytest.raises(InputError, match=r"'column:my_fold': the column is empty in \d+ of 180 rows"):
        splits.make(holes, ASKED["column"])
    with pytest.raises(InputError, match="the column is 'x' in every row"):
        splits.make(replace(crystals, extra=pd.DataFrame({"my_fold": ["x"] * 180})), ASKED["column"])
    with pytest.raises(InputError, match="no row is called test"):
        splits.make(replace(crystals, extra=pd.DataFrame({"my_fold": ["train"] * 180})), ASKED["column"])


def test_models_do_not_see_the_column_that_cuts_a_plain_table(flowers: Dataset) -> None:
    assert flowers.table is not None
    cut = splits.with_column_aside(flowers, f"column:{flowers.table.columns[0]}")
    assert cut.table is not None
    assert cut.extra is not None
    assert cut.table.columns.tolist() == flowers.table.columns[1:].tolist()
    pd.testing.assert_series_equal(cut.extra.iloc[:, 0], flowers.table.iloc[:, 0])
    assert cut.sha256 != flowers.sha256
    assert splits.with_column_aside(flowers, "column:absent") is flowers
    one = replace(flowers, table=flowers.table.iloc[:, :1])
    with pytest.raises(InputError, match="has no column besides"):
        splits.with_column_aside(one, f"column:{flowers.table.columns[0]}")
