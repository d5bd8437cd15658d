"""Feature matrices, and the rows kept on disk."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers import matrix
from automat_featurizers.cache import RowCache, Rows
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable
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
    assert some[-1] == (80, 80)  # four featurizers
    assert rest[-1] == (40, 40)
    assert set(before) < set(shards(tmp_path))  # shards are only added
    np.testing.assert_array_equal(features.values, af.featurize(real, "structure").values)


def test_rows_of_equal_composition_share_their_composition_features(packed: PackedStructures, tmp_path: Path) -> None:
    stretched = af.PackedStructures(packed.row_ptr, packed.lattices * 1.01, packed.atomic_numbers, packed.fractional)
    af.featurize(packed, "composition", cache_dir=tmp_path)
    progress = Progress()
    af.featurize(stretched, "composition", cache_dir=tmp_path, progress=progress)
    assert progress == []
    af.featurize(stretched, "all", cache_dir=tmp_path, progress=progress)
    assert progress[-1][1] == 4 * len(packed)


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
    narrow, wide = af.TransitionMetalFraction(), af.Stoichiometry()
    RowCache(tmp_path, narrow).add(["a"], Rows(np.ones((1, 1)), np.ones(1), np.array([""])))
    (shard,) = shards(tmp_path)
    folder = tmp_path / f"{wide.name}-{wide.version}"
    folder.mkdir()
    shard.rename(folder / shard.name)
    assert "a" not in RowCache(tmp_path, wide)


def test_versions_do_not_mix(formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    af.featurize(formulas, "magpie", cache_dir=tmp_path)
    monkeypatch.setattr(af.Magpie, "_revision", 99)
    progress = Progress()
    af.featurize(formulas, "magpie", cache_dir=tmp_path, progress=progress)
    assert progress[-1] == (5, 5)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_run_keeps_what_it_had(
    real: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "_CHUNK", 10)

    def stop(done: int, _: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        af.featurize(real, "composition", cache_dir=tmp_path, progress=stop)
    progress = Progress()
    af.featurize(real, "composition", cache_dir=tmp_path, progress=progress)
    distinct = len(set(real.compositions.row_hashes()))
    assert progress[-1] == (6 * distinct - 20,) * 2
    assert not list(tmp_path.rglob(".shard*"))


def test_a_shard_that_cannot_be_written_leaves_nothing(
    formulas: af.PackedCompositions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
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


def test_workers_give_the_same_numbers(real: PackedStructures, tmp_path: Path) -> None:
    alone = af.featurize(real, "all")
    progress = Progress()
    together = af.featurize(real, "all", cache_dir=tmp_path, jobs=2, progress=progress)
    assert len(alone.values) * len(af.feature_set("all").kinds) >= matrix._WORTH_WORKERS
    np.testing.assert_array_equal(together.values, alone.values)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[-1][0] == progress[-1][1]


def test_no_rows_and_bad_names(packed: PackedStructures, formulas: af.PackedCompositions) -> None:
    assert af.featurize(packed.take([]), "all").values.shape == (0, af.feature_set("all").columns)
    with pytest.raises(ValueError, match="Did you mean 'all'"):
        af.featurize(packed, "al")
    with pytest.raises(ValueError, match="structures are needed"):
        af.featurize(formulas, "all")
