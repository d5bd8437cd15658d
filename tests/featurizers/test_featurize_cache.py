"""Feature matrices, and the rows kept on disk."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers import matrix
from automat_featurizers.base import Block
from automat_featurizers.cache import RowCache, Rows, digests
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from automat_featurizers import PackedStructures

FORMULAS = ["NaCl", "SrTiO3", "Fe2O3", "UO2", "NaCl", "GaAs"]


class Progress(list[tuple[int, int]]):
    """What was reported, as (done, to do)."""

    def __call__(self, done: int, total: int) -> None:
        self.append((done, total))


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.npz"))


@pytest.fixture
def formulas() -> af.PackedCompositions:
    return af.PackedCompositions.pack(FORMULAS)


def test_the_matrix_is_the_featurizers_side_by_side(packed: PackedStructures) -> None:
    features = af.featurize(packed, "all")
    blocks = [each.fit_transform(packed) for each in af.feature_set("all").featurizers]
    np.testing.assert_array_equal(features.values, np.hstack(blocks))
    assert features.names == af.feature_set("all").names
    assert features.values.dtype == np.float64
    assert features.seconds > 0
    assert features.failures == {}


def test_nothing_is_computed_twice(formulas: af.PackedCompositions, tmp_path: Path) -> None:
    first, again = Progress(), Progress()
    cold = af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=first)
    assert first[-1] == (5, 5)  # NaCl is there twice
    warm = af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=again)
    assert again == []
    np.testing.assert_array_equal(warm.values, cold.values)
    assert warm.seconds == cold.seconds > 0


def test_ten_more_rows_compute_ten_rows(real: PackedStructures, tmp_path: Path) -> None:
    some, rest = Progress(), Progress()
    af.featurize(real.take(range(20)), "structure", cache_dir=tmp_path, progress=some)
    before = shards(tmp_path)
    features = af.featurize(real, "structure", cache_dir=tmp_path, progress=rest)
    featurizers = len(af.feature_set("structure").members)
    assert some[-1] == (20 * featurizers,) * 2
    assert rest[-1] == (10 * featurizers,) * 2
    assert set(before) < set(shards(tmp_path))  # shards are only added
    np.testing.assert_array_equal(features.values, af.featurize(real, "structure").values)


def test_rows_of_equal_composition_share_their_composition_features(packed: PackedStructures, tmp_path: Path) -> None:
    stretched = af.PackedStructures(packed.row_ptr, packed.lattices * 1.01, packed.atomic_numbers, packed.fractional)
    af.featurize(packed, "composition", cache_dir=tmp_path)
    progress = Progress()
    af.featurize(stretched, "composition", cache_dir=tmp_path, progress=progress)
    assert progress == []
    af.featurize(stretched, "all", cache_dir=tmp_path, progress=progress)
    assert progress[-1][1] == len(af.feature_set("structure").members) * len(packed)


def test_the_order_of_rows_does_not_matter_to_the_cache(formulas: af.PackedCompositions, tmp_path: Path) -> None:
    straight = af.featurize(formulas, "composition", cache_dir=tmp_path)
    rows = [5, 0, 3, 4]
    mixed = af.featurize(formulas.take(rows), "composition", cache_dir=tmp_path)
    np.testing.assert_array_equal(mixed.values, straight.values[rows])


def test_reasons_survive_the_cache(packed: PackedStructures, tmp_path: Path) -> None:
    neon = packed.atomic_numbers.copy()
    neon[packed.row_ptr[2] : packed.row_ptr[3]] = 10
    structures = af.PackedStructures(packed.row_ptr, packed.lattices, neon, packed.fractional)
    cold = af.featurize(structures, "structure", cache_dir=tmp_path)
    warm = af.featurize(structures, "structure", cache_dir=tmp_path)
    assert list(cold.failures) == [2]
    assert warm.failures == cold.failures
    np.testing.assert_array_equal(warm.values, cold.values)


def zeros_inside(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(64) + content[middle + 64 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda _: b"",
        lambda _: b"not an archive at all",
        zeros_inside,
        lambda content: bytes(64) + content[64:],
    ],
    ids=["half", "last byte", "empty", "text", "zeros inside", "zeros in front"],
)
def test_a_garbled_shard_is_set_aside_and_computed_again(
    formulas: af.PackedCompositions,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[bytes], bytes],
) -> None:
    cold = af.featurize(formulas, "magpie", cache_dir=tmp_path)
    (shard,) = shards(tmp_path)
    spoilt = spoil(shard.read_bytes())
    shard.write_bytes(spoilt)
    progress = Progress()
    with caplog.at_level(logging.WARNING):
        again = af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=progress)
    np.testing.assert_array_equal(again.values, cold.values)
    assert progress[-1] == (5, 5)
    (aside,) = tmp_path.rglob("*.unreadable")
    assert aside.read_bytes() == spoilt
    assert "set aside" in caplog.text
    af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=progress)
    assert len(progress) == 1


@pytest.mark.parametrize("position", range(0, 100, 5))
def test_no_flipped_byte_changes_a_number(formulas: af.PackedCompositions, tmp_path: Path, position: int) -> None:
    cold = af.featurize(formulas, "composition", cache_dir=tmp_path)
    shard = next(path for path in shards(tmp_path) if path.parent.name.startswith(af.Stoichiometry.name))
    content = bytearray(shard.read_bytes())
    content[position * len(content) // 100] ^= 0xFF
    shard.write_bytes(content)
    np.testing.assert_array_equal(af.featurize(formulas, "composition", cache_dir=tmp_path).values, cold.values)


def test_a_shard_of_other_columns_is_set_aside(tmp_path: Path) -> None:
    narrow, wide = RowCache(tmp_path, af.TMetalFraction()), RowCache(tmp_path, af.Stoichiometry())
    keys = digests(["a" * 32])
    narrow.add(keys, Rows(np.ones((1, 1)), np.ones(1)))
    narrow.flush()
    assert narrow.find(keys)[0].tolist() == [0]
    (shard,) = shards(tmp_path)
    assert wide.folder is not None
    wide.folder.mkdir()
    shard.rename(wide.folder / shard.name)
    assert wide.find(keys)[0].tolist() == []
    assert len(list(tmp_path.rglob("*.unreadable"))) == 1


def test_versions_do_not_mix(formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    af.featurize(formulas, "magpie", cache_dir=tmp_path)
    monkeypatch.setattr(af.Magpie, "revision", 99)
    progress = Progress()
    af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=progress)
    assert progress[-1] == (5, 5)
    assert len(list(tmp_path.iterdir())) == 2


def ten_rows_at_a_time(
    chosen: Sequence[tuple[int, af.Featurizer]], given: object, rows: NDArray[np.intp], jobs: int
) -> Iterator[matrix._Task]:
    del given, jobs
    for start in range(0, len(rows), 10):
        yield matrix._Task(tuple(column for column, _ in chosen), rows[start : start + 10], 100.0)


def test_an_interrupted_run_keeps_what_it_had(
    real: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "_cut", ten_rows_at_a_time)
    featurizers = len(af.feature_set("composition").members)

    def stop(done: int, _: int) -> None:
        if done == 10 * featurizers:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        af.featurize(real, "composition", cache_dir=tmp_path, progress=stop)
    progress = Progress()
    af.featurize(real, "composition", cache_dir=tmp_path, progress=progress)
    distinct = len(set(real.compositions.row_hashes()))
    assert progress[-1] == (featurizers * (distinct - 10),) * 2
    assert not list(tmp_path.rglob(".shard*"))


def test_a_shard_that_cannot_be_written_leaves_nothing(
    formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full_disk)
    with pytest.raises(OSError, match="No space left"):
        af.featurize(formulas, "magpie", cache_dir=tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_several_writers_at_once(formulas: af.PackedCompositions, tmp_path: Path) -> None:
    expected = af.featurize(formulas, "magpie").values
    results: list[NDArray[np.float64]] = []

    def work() -> None:
        results.append(af.featurize(formulas, "magpie", cache_dir=tmp_path).values)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    for result in results:
        np.testing.assert_array_equal(result, expected)
    assert not list(tmp_path.rglob("*.unreadable"))


def test_workers_give_the_same_numbers(real: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = af.featurize(real, "all")
    monkeypatch.setattr(matrix, "_cut", ten_rows_at_a_time)
    progress = Progress()
    together = af.featurize(real, "all", cache_dir=tmp_path, jobs=2, progress=progress)
    np.testing.assert_array_equal(together.values, alone.values)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[-1][0] == progress[-1][1]


def test_no_rows_and_bad_names(packed: PackedStructures, formulas: af.PackedCompositions) -> None:
    assert af.featurize(packed.take([]), "all").values.shape == (0, af.feature_set("all").columns)
    with pytest.raises(ValueError, match="Did you mean 'all'"):
        af.featurize(packed, "al")
    with pytest.raises(ValueError, match="structures are needed"):
        af.featurize(formulas, "all")


def test_featurizers_of_ones_own_choice(
    packed: PackedStructures, formulas: af.PackedCompositions, tmp_path: Path
) -> None:
    fitted = af.BondFractions().fit(packed)
    made = af.featurize(packed, [fitted, af.Magpie(impute_nan=False)], cache_dir=tmp_path)
    np.testing.assert_array_equal(
        made.values, np.hstack([fitted.transform(packed), af.Magpie(impute_nan=False).transform(packed)])
    )
    joined = af.featurize(formulas, "stoichiometry+band_center")
    assert joined.names == (*af.Stoichiometry().get_feature_names_out(), "band center")


def test_many_shards_become_one(
    formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automat_featurizers.cache._MANY_SHARDS", 2)
    expected = af.featurize(formulas, "stoichiometry").values
    for row in (0, 1, 2, 3, 5):
        af.featurize(formulas.take([row]), "stoichiometry", cache_dir=tmp_path)
    progress = Progress()
    np.testing.assert_array_equal(
        af.featurize(formulas, "stoichiometry", cache_dir=tmp_path, progress=progress).values, expected
    )
    assert progress == []
    assert len(shards(tmp_path)) <= 3


def test_a_shard_that_is_merged_while_it_is_read_is_found_again(
    formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in (0, 1, 2):
        af.featurize(formulas.take([row]), "stoichiometry", cache_dir=tmp_path)
    cache, other = (RowCache(tmp_path, af.Stoichiometry()) for _ in range(2))
    listed = cache._shards()
    read = cache._read

    def late(path: Path, wanted: NDArray[np.bytes_]) -> tuple[NDArray[np.bytes_], Rows] | None:
        assert other.folder is not None
        if listed[0].exists():
            other._merge(other.folder, listed)
        return read(path, wanted)

    monkeypatch.setattr(cache, "_read", late)
    keys = np.unique(digests(formulas.take([0, 1, 2]).row_hashes()))
    places, rows = cache.find(keys)
    assert sorted(places.tolist()) == [0, 1, 2]
    assert rows.values.shape == (3, 6)
    assert len(shards(tmp_path)) == 1


def test_a_folder_that_cannot_be_written_is_still_read(
    formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = [af.featurize(formulas.take([row]), "stoichiometry", cache_dir=tmp_path) for row in range(3)]

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("automat_featurizers.cache._MANY_SHARDS", 1)
    monkeypatch.setattr("tempfile.mkstemp", read_only)
    progress = Progress()
    warm = af.featurize(formulas.take([0, 1, 2]), "stoichiometry", cache_dir=tmp_path, progress=progress)
    assert progress == []
    np.testing.assert_array_equal(warm.values, np.vstack([each.values for each in cold]))


def test_featurizers_of_a_task_share_what_they_derive(
    packed: PackedStructures, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automat_featurizers.kernels import geometry

    asked: list[int] = []
    tessellation = geometry.tessellation

    def counted(structures: PackedStructures) -> geometry.Tessellation:
        asked.append(len(structures))
        return tessellation(structures)

    monkeypatch.setattr(geometry, "tessellation", counted)
    af.featurize(packed, af.feature_set("ward2017"))
    assert asked == [len(packed)]


def test_little_work_is_one_call_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    compute = af.Magpie._compute

    def counted(self: af.Magpie, packed: af.PackedCompositions) -> Block:
        asked.append(len(packed))
        return compute(self, packed)

    def no_workers(*_: object, **__: object) -> None:
        raise AssertionError("workers for milliseconds of work")

    monkeypatch.setattr(af.Magpie, "_compute", counted)
    monkeypatch.setattr(matrix, "Workers", no_workers)
    formulas = af.PackedCompositions.pack(f"Na{row}Cl{row + 1}" for row in range(1, 4000))
    assert af.featurize(formulas, "magpie", jobs=8).values.shape == (3999, 132)
    assert asked == [3999]


def test_tasks_cover_all_rows_once_and_are_about_a_second(real: PackedStructures) -> None:
    many = real.take(np.arange(600) % len(real))
    given = matrix._Input.of(many)
    chosen = list(enumerate(af.feature_set("structure").featurizers))
    tasks = list(matrix._cut(chosen, given, np.arange(600), 1))
    np.testing.assert_array_equal(np.concatenate([task.rows for task in tasks]), np.arange(600))
    assert len(tasks) > 2
    assert all(task.cost < 2 for task in tasks)
    assert sum(task.cost for task in tasks) >= 0.6 * af.feature_set("structure").cost_ms


def test_matminers_own_stand_beside_ours_and_are_kept(formulas: af.PackedCompositions, tmp_path: Path) -> None:
    mixed = "matminer:Stoichiometry+stoichiometry"
    cold = af.featurize(formulas, mixed, cache_dir=tmp_path, jobs=2)
    np.testing.assert_allclose(cold.values[:, :6], cold.values[:, 6:], rtol=1e-12)
    assert cold.failures == {}
    progress = Progress()
    warm = af.featurize(formulas, mixed, cache_dir=tmp_path, progress=progress)
    assert progress == []
    np.testing.assert_array_equal(warm.values, cold.values)


def test_what_was_fitted_to_other_columns_has_rows_of_its_own(packed: PackedStructures, tmp_path: Path) -> None:
    one, other = af.BondFractions().fit(packed.take([0])), af.BondFractions().fit(packed.take([1]))
    first = af.featurize(packed.take([0, 1]), [one], cache_dir=tmp_path)
    second = af.featurize(packed.take([0, 1]), [other], cache_dir=tmp_path)
    assert first.names != second.names
    np.testing.assert_array_equal(first.values, one.transform(packed.take([0, 1])))
    np.testing.assert_array_equal(second.values, other.transform(packed.take([0, 1])))
