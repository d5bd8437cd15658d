"""Sets of graphs in folders: saved, mapped, sent to other processes; and the cache of whole datasets."""

from __future__ import annotations

import json
import logging
import os
import pickle
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from automat_featurizers import (
    CrystalGraphs,
    GraphBuilder,
    NearestGraphs,
    PackedStructures,
    VoronoiGraphs,
    build_graphs,
    cached_graphs,
    graph_cache,
    open_graphs,
    save_graphs,
)
from automat_featurizers.workers import Workers
from pymatgen.core import Lattice, Structure

if TYPE_CHECKING:
    from pathlib import Path


def assert_equal(one: CrystalGraphs, other: CrystalGraphs) -> None:
    assert one.arrays().keys() == other.arrays().keys()
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def is_mapped(graphs: CrystalGraphs) -> bool:
    return isinstance(graphs.distances.base, np.memmap)


def sent(graphs: CrystalGraphs) -> CrystalGraphs:
    """As another process gets them."""
    received: CrystalGraphs = pickle.loads(pickle.dumps(graphs))  # noqa: S301 - of our own making
    return received


@pytest.fixture
def rows_built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each call of a nearest-neighbour builder was given."""
    counts: list[int] = []
    build = NearestGraphs.build

    def counted(self: NearestGraphs, structures: PackedStructures) -> tuple[CrystalGraphs, dict[int, str]]:
        counts.append(len(structures))
        return build(self, structures)

    monkeypatch.setattr(NearestGraphs, "build", counted)
    return counts


@pytest.mark.parametrize("builder", [NearestGraphs(), VoronoiGraphs(vectors=True)], ids=lambda each: each.name)
def test_what_is_opened_is_what_was_saved(builder: GraphBuilder, packed: PackedStructures, tmp_path: Path) -> None:
    graphs = builder.transform(packed)
    save_graphs(graphs, tmp_path / "deep" / "folder")
    opened = open_graphs(tmp_path / "deep" / "folder")
    assert is_mapped(opened)
    assert_equal(opened, graphs)
    assert_equal(opened.take([4, 0, 4]), graphs.take([4, 0, 4]))
    save_graphs(graphs.take([]), tmp_path / "none")
    assert len(open_graphs(tmp_path / "none")) == 0


def test_mapped_graphs_travel_as_their_folder(packed: PackedStructures, tmp_path: Path) -> None:
    graphs = build_graphs(packed)
    save_graphs(graphs, tmp_path)
    opened = open_graphs(tmp_path)
    assert len(pickle.dumps(opened)) < 400
    assert is_mapped(sent(opened))
    assert_equal(sent(opened), graphs)
    # Rows of them, and graphs taken into memory, travel by themselves.
    some, loaded = opened.take([2, 3]), opened.in_memory()
    for path in tmp_path.iterdir():
        path.unlink()
    taken, whole = sent(some), sent(loaded)
    assert_equal(taken, graphs.take([2, 3]))
    assert_equal(whole, graphs)
    assert not is_mapped(whole)


def test_changed_graphs_are_not_those_of_the_folder(packed: PackedStructures, tmp_path: Path) -> None:
    save_graphs(build_graphs(packed), tmp_path)
    opened = open_graphs(tmp_path)
    longer = replace(opened, distances=opened.distances + 1)
    np.testing.assert_array_equal(sent(longer).distances, opened.distances + 1)


def test_writing_to_mapped_graphs_changes_no_file(packed: PackedStructures, tmp_path: Path) -> None:
    save_graphs(build_graphs(packed), tmp_path)
    opened = open_graphs(tmp_path)
    opened.distances[:] = 0
    assert open_graphs(tmp_path).distances.all()


def test_what_is_missing_or_damaged_is_named(packed: PackedStructures, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no graphs"):
        open_graphs(tmp_path)
    save_graphs(build_graphs(packed), tmp_path)
    index = tmp_path / "graphs.json"
    text = index.read_text()
    files = json.loads(text)["files"]
    for spoilt, message in (
        (text[:-20], "graphs.json"),
        (text.replace('"version": 1', '"version": 2'), "a newer release"),
        (text.replace('"source"', '"sauce"'), "the arrays source are missing"),
        (text.replace(files["source"], f"../{files['source']}"), "are not all in the folder"),
        (text.replace(files["source"], files["distances"]), "source is float64"),
        (text.replace(files["edge_ptr"], files["row_ptr"]), "edge_ptr does not fit"),
    ):
        index.write_text(spoilt)
        with pytest.raises(ValueError, match=message):
            open_graphs(tmp_path)
    index.write_text(text)
    (tmp_path / files["distances"]).write_bytes(b"")
    with pytest.raises(ValueError, match="not a whole array"):
        open_graphs(tmp_path)


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("sites", [20_000, 30, 1])
def test_cached_graphs_are_the_graphs(
    packed: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int, sites: int
) -> None:
    monkeypatch.setattr(graph_cache, "_PART_SITES", sites)
    fresh = build_graphs(packed)
    assert_equal(cached_graphs(packed, None, jobs=jobs).graphs, fresh)
    first = cached_graphs(packed, tmp_path, jobs=jobs)
    again = cached_graphs(packed, tmp_path, jobs=jobs)
    for made in (first, again):
        assert_equal(made.graphs, fresh)
        assert is_mapped(made.graphs)
        assert len(pickle.dumps(made.graphs)) < 400
    assert first.seconds == again.seconds > 0


def test_adding_rows_builds_those_rows(packed: PackedStructures, tmp_path: Path, rows_built: list[int]) -> None:
    cached_graphs(packed.take(range(12)), tmp_path)
    assert sum(rows_built) == 12
    rows = [16, 3, 14, 0, 3, 15, 11]
    mixed = cached_graphs(packed.take(rows), tmp_path)
    assert sum(rows_built) == 15
    assert_equal(mixed.graphs, NearestGraphs().transform(packed.take(rows)))
    rows_built.clear()
    cached_graphs(packed.take([14, 15, 1]), tmp_path)
    cached_graphs(packed.take(rows), tmp_path)
    assert sum(rows_built) == 0
    other = cached_graphs(packed.take([1]), tmp_path, NearestGraphs(max_neighbours=4))
    assert sum(rows_built) == 1
    assert len(other.graphs.source) == 4 * len(other.graphs.atomic_numbers)


def test_no_rows_have_no_graphs(packed: PackedStructures, tmp_path: Path) -> None:
    for folder in (None, tmp_path, tmp_path):
        assert len(cached_graphs(packed.take([]), folder).graphs) == 0


def test_reasons_and_seconds_are_kept(packed: PackedStructures, tmp_path: Path) -> None:
    twice = Structure(Lattice.cubic(4), ["O", "O", "Zn"], [[0, 0, 0], [0, 0, 0], [0.5, 0.5, 0.5]])
    structures = PackedStructures.pack([packed[0], packed[1], twice, packed[2]])
    first = cached_graphs(structures, tmp_path, VoronoiGraphs())
    assert first.failures == {2: "voronoi: two sites coincide"}
    again = cached_graphs(structures.take([3, 2, 0]), tmp_path, VoronoiGraphs())
    assert again.failures == {1: "voronoi: two sites coincide"}
    assert 0 < again.seconds < first.seconds


def test_progress_counts_rows(packed: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_cache, "_PART_SITES", 30)
    told: list[tuple[int, int]] = []
    cached_graphs(packed, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (len(packed), len(packed))
    assert len(told) > 2


def test_a_row_that_is_no_crystal_is_named_by_its_place_in_the_whole(
    packed: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_cache, "_PART_SITES", 20)
    lattices = packed.lattices.copy()
    lattices[13] = 0
    broken = PackedStructures(packed.row_ptr, lattices, packed.atomic_numbers, packed.fractional)
    for folder in (None, tmp_path):
        with pytest.raises(ValueError, match="row 13: the lattice has no volume"):
            cached_graphs(broken, folder, jobs=2)
    # Nothing half made is left behind.
    assert not list((tmp_path / "graphs").glob("*/*"))
    assert not list((tmp_path / "graphs").glob("*/.*"))


@pytest.mark.parametrize("spoil", ["garbled", "short", "gone", "index"])
def test_a_damaged_cache_is_built_again(
    packed: PackedStructures, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    fresh = cached_graphs(packed, tmp_path).graphs.in_memory()
    (file,) = tmp_path.rglob("graphs.json" if spoil == "index" else "distances*.npy")
    content = bytearray(file.read_bytes())
    if spoil == "gone":
        file.unlink()
    elif spoil == "garbled":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    else:
        file.write_bytes(content[: len(content) // 2])
    with caplog.at_level(logging.WARNING):
        again = cached_graphs(packed, tmp_path)
    assert "the graphs are built again" in caplog.text
    assert_equal(again.graphs, fresh)
    caplog.clear()
    assert_equal(cached_graphs(packed, tmp_path).graphs, fresh)
    assert not caplog.text


def test_processes_that_build_the_same_graphs_do_not_disturb_each_other(
    packed: PackedStructures, tmp_path: Path
) -> None:
    fresh = build_graphs(packed)
    with Workers(2) as workers:
        for number in range(6):
            workers.submit(number, cached_graphs, (packed, tmp_path))
        made = [outcome.result() for done in iter(workers.finished, []) for _, outcome in done]
    assert len(made) == 6
    for each in made:
        assert is_mapped(each.graphs)
        assert_equal(each.graphs, fresh)
    assert len(list((tmp_path / "graphs").glob("*/*"))) == 1
    assert not list((tmp_path / "graphs").glob("*/.*"))


def test_long_unused_graphs_are_removed_when_there_are_too_many(
    packed: PackedStructures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for row in range(4):
        cached_graphs(packed.take([row]), tmp_path)
    folders = {path for path in (tmp_path / "graphs").glob("*/*") if path.is_dir()}
    assert len(folders) == 4
    days_ago = time.time() - 3 * 86_400
    old = sorted(folders)[:3]
    for place, folder in enumerate(old):
        os.utime(folder / "graphs.json", (days_ago - place, days_ago - place))
    abandoned = old[0].parent / ".building-abandoned"
    abandoned.mkdir()
    os.utime(abandoned, (days_ago, days_ago))
    recent = old[0].parent / ".building-recent"
    recent.mkdir()
    cached_graphs(packed.take([4]), tmp_path)
    assert folders <= set((tmp_path / "graphs").glob("*/*"))  # far from too much
    assert not abandoned.exists()
    assert recent.exists()
    monkeypatch.setattr(graph_cache, "MOST_BYTES", 1)
    for folder in old[:2]:
        os.utime(folder / "graphs.json", (days_ago, days_ago))
    cached_graphs(packed.take([5]), tmp_path)
    left = {path for path in (tmp_path / "graphs").glob("*/*") if path != recent}
    assert not left & set(old)
    assert len(left) == 3  # used within a day
