"""Packed arrays saved into a folder and opened from it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import automat_featurizers as af
import numpy as np
import pytest
from automat_featurizers.packed_files import open_packed, save

if TYPE_CHECKING:
    from pathlib import Path

    from automat_featurizers import PackedStructures


def test_what_is_opened_is_what_was_saved(real: PackedStructures, tmp_path: Path) -> None:
    for packed in (real, real.compositions, real.take([]), af.PackedCompositions.pack([])):
        save(packed, tmp_path / "deep" / "folder")
        opened = open_packed(tmp_path / "deep" / "folder")
        assert type(opened) is type(packed)
        assert opened.row_hashes() == packed.row_hashes()


def test_everything_downstream_works_on_mapped_arrays(real: PackedStructures, tmp_path: Path) -> None:
    save(real, tmp_path / "materials")
    opened = open_packed(tmp_path / "materials")
    assert isinstance(opened, af.PackedStructures)
    features = af.featurize(opened, "magpie+density+coordination_number")
    np.testing.assert_array_equal(features.values, af.featurize(real, "magpie+density+coordination_number").values)
    assert opened.take([3, 1]).row_hashes() == real.take([3, 1]).row_hashes()
    assert opened[2] == real[2]
    np.testing.assert_array_equal(
        af.build_graphs(opened.take(range(3))).distances, af.build_graphs(real.take(range(3))).distances
    )


def test_the_arrays_come_from_the_disk_and_changing_them_changes_no_file(
    real: PackedStructures, tmp_path: Path
) -> None:
    save(real, tmp_path)
    opened = open_packed(tmp_path)
    assert isinstance(opened, af.PackedStructures)
    for array in (opened.row_ptr, opened.lattices, opened.atomic_numbers, opened.fractional):
        assert isinstance(array.base, np.memmap)
    opened.fractional[:] = 0
    assert open_packed(tmp_path).row_hashes() == real.row_hashes()


def test_saving_again_takes_the_place_and_what_is_open_stays(real: PackedStructures, tmp_path: Path) -> None:
    save(real, tmp_path)
    opened = open_packed(tmp_path)
    (tmp_path / "mine-notes.npy").write_bytes(b"not ours to remove")
    save(real.compositions, tmp_path)
    assert opened.row_hashes() == real.row_hashes()
    assert open_packed(tmp_path).row_hashes() == real.compositions.row_hashes()
    assert len(list(tmp_path.iterdir())) == 5  # three arrays, the index, the notes


def test_a_failed_save_leaves_what_was_there(
    real: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(real, tmp_path)
    before = sorted(tmp_path.iterdir())
    writes = iter([np.save])

    def full_disk(*given: object) -> None:
        if (write := next(writes, None)) is None:
            raise OSError(28, "No space left on device")
        write(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save(real.take([1]), tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert open_packed(tmp_path).row_hashes() == real.row_hashes()


def test_readers_and_writers_at_once(real: PackedStructures, tmp_path: Path) -> None:
    choices = [real.take([row]) for row in range(4)]
    known = {chosen.row_hashes()[0] for chosen in choices}
    save(choices[0], tmp_path)
    seen: list[str] = []
    errors: list[Exception] = []

    def write(chosen: PackedStructures) -> None:
        for _ in range(20):
            save(chosen, tmp_path)

    def read() -> None:
        try:
            for _ in range(60):
                seen.extend(open_packed(tmp_path).row_hashes())
        except Exception as error:  # noqa: BLE001 - a thread's error would be lost
            errors.append(error)

    threads = [threading.Thread(target=write, args=(choices[1],)), *(threading.Thread(target=read) for _ in range(2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(seen) == 120
    assert set(seen) <= known


def test_what_is_missing_or_damaged_is_named(real: PackedStructures, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no packed materials"):
        open_packed(tmp_path)
    save(real, tmp_path)
    index = tmp_path / "packed.json"
    text = index.read_text()
    lattices = tmp_path / json.loads(text)["files"]["lattices"]
    content = lattices.read_bytes()
    for spoilt, message in (
        (text[:-20], "packed.json"),
        (text.replace('"version": 1', '"version": 2'), "a newer release"),
        (text.replace('"structures"', '"compositions"'), "the arrays of compositions are not"),
        (text.replace('"structures"', '"molecules"'), "molecules"),
        (text.replace(lattices.name, f"../{lattices.name}"), "are not all in the folder"),
        (text.replace(f'"rows": {len(real)}', '"rows": 7'), "of the shape"),
    ):
        index.write_text(spoilt)
        with pytest.raises(ValueError, match=message):
            open_packed(tmp_path)
    index.write_text(text)
    for spoilt_bytes in (content[:-8], content[:40], b""):
        lattices.write_bytes(spoilt_bytes)
        with pytest.raises(ValueError, match="not a whole array"):
            open_packed(tmp_path)
    lattices.unlink()
    with pytest.raises(ValueError, match="a file is missing"):
        open_packed(tmp_path)
