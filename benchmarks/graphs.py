"""Crystal graphs beside pymatgen's neighbours: CPU time on one thread, and the edges, interleaved in one run.

    python benchmarks/graphs.py                      # all of it
    python benchmarks/graphs.py --data DIR           # DIR holds mp_formation/mp_formation_structures.jsonl.gz

Each line takes both sides over the same rows of ``mp_formation``, in rounds that go through all lines, so that
whatever else the machine does falls on both. pymatgen starts from its own structures, we from packed arrays. Edges
are compared as sets of (atom, neighbour, image), for which ours are built once more, with images. Where shells are
cut, neighbours at equal distances compete for the last places: edges that differ and are as far (to 1e-6 angstrom)
as the last one are "ties", others "wrong". "without" counts the rows for which pymatgen has no answer: it raises, or
its Voronoi cells do not fill the crystal's. At scale, the time is that of the wall, from packed arrays to graphs on
the disk; each figure is from a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from featurizers_at_scale import packed_structures  # type: ignore[import-not-found]  # beside this file

if TYPE_CHECKING:
    from collections.abc import Callable

    from automat_featurizers import CrystalGraphs, PackedStructures
    from pymatgen.core import Structure

ROUNDS = 3
SMALL_DIFFERENCE = 1e-8
TIE = 1e-6
FILLED = 1e-3
"""The volumes of an atom's faces must fill the cell to this share; faces that are left out are smaller."""

CUTOFF, MOST, RADIUS = 8.0, 12, 5.0

Edges = dict[tuple[int, int, int, int, int], float]


@dataclass
class Line:
    """One line of the table.

    Attributes:
        title: as printed.
        spec: of our builder.
        theirs: pymatgen's edges of a structure; the time of this counts.
        read: what it returned, as edges.
        rows: how many rows.
        ratio: to reach; 0 for none.
    """

    title: str
    spec: str
    theirs: Callable[[Structure], Any]
    read: Callable[[Any], Edges]
    rows: int
    ratio: float
    our_seconds: float = 0.0
    their_seconds: float = 0.0
    edges: int = 0
    ties: int = 0
    wrong: int = 0
    without: int = 0
    largest: float = field(default=0.0)


def _nearest_of_objects(structure: Structure) -> Any:
    """What CGCNN's loader does."""
    neighbours = structure.get_all_neighbors(CUTOFF, include_index=True)
    return [sorted(each, key=lambda near: near.nn_distance)[:MOST] for each in neighbours]


def _read_objects(made: Any) -> Edges:
    return {
        (atom, near.index, *map(int, near.image)): near.nn_distance
        for atom, neighbours in enumerate(made)
        for near in neighbours
    }


def _nearest_of_list(structure: Structure) -> Any:
    """The compiled neighbour list, then the same choice in numpy."""
    centre, point, image, distance = structure.get_neighbor_list(CUTOFF)
    order = np.lexsort((distance, centre))
    centre, point, image, distance = centre[order], point[order], image[order], distance[order]
    first = np.searchsorted(centre, np.arange(len(structure)))
    near = np.arange(len(centre)) - first[centre] < MOST
    return centre[near], point[near], image[near], distance[near]


def _all_of_list(structure: Structure) -> Any:
    return structure.get_neighbor_list(RADIUS)


def _read_list(made: Any) -> Edges:
    centre, point, image, distance = made
    return dict(
        zip(map(tuple, np.column_stack([centre, point, image]).astype(int).tolist()), distance.tolist(), strict=True)
    )


def _faces(structure: Structure) -> Any:
    from pymatgen.analysis.local_env import VoronoiNN

    try:
        made = VoronoiNN(tol=1e-4, compute_adj_neighbors=False).get_all_nn_info(structure)
    except ValueError:  # of some crystals it finds that an atom has no neighbours
        return None
    filled = sum(face["poly_info"]["volume"] for faces in made for face in faces) / structure.volume
    return made if abs(filled - 1) < FILLED else None


def _read_faces(made: Any) -> Edges:
    return {
        (atom, face["site_index"], *map(int, face["image"])): 2 * face["poly_info"]["face_dist"]
        for atom, faces in enumerate(made)
        for face in faces
    }


def lines() -> list[Line]:
    """All lines; about half a minute of pymatgen each."""
    nearest = f"{MOST} nearest in {CUTOFF:g} A"
    return [
        Line(f"{nearest}, get_all_neighbors", "nearest", _nearest_of_objects, _read_objects, 900, 500),
        Line(f"{nearest}, get_neighbor_list", "nearest", _nearest_of_list, _read_list, 3900, 15),
        Line(f"all in {RADIUS:g} A, get_neighbor_list", "radius", _all_of_list, _read_list, 3900, 0),
        Line("Voronoi faces, VoronoiNN", "voronoi", _faces, _read_faces, 60, 0),
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--spec", default="", help="graphs at scale of this kind only, in this very process")
    given = parser.parse_args()
    os.environ |= {"SPGLIB_WARNING": "OFF", "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    if given.spec:
        _at_scale(given.spec, given.data, given.jobs)
        return
    _beside_pymatgen()
    _line_graphs()
    if not given.data.is_dir():
        sys.exit(f"no folder {given.data}; name the folder of the data with --data")
    for spec in ("nearest", "nearest:vectors=true", "radius", "voronoi"):
        subprocess.run(
            [sys.executable, __file__, "--spec", spec, "--data", str(given.data), "--jobs", str(given.jobs)], check=True
        )


def _crystals() -> PackedStructures:
    from automat import datasets

    structures = datasets.load("mp_formation").structures
    if structures is None:
        raise TypeError("mp_formation has no structures")
    return structures


def _beside_pymatgen() -> None:
    from automat_featurizers import graph_builder

    structures = _crystals()
    every = np.random.default_rng(0).permutation(len(structures))
    table = lines()
    for line in table:  # load the compiled kernels, import what pymatgen imports
        for builder in (graph_builder(line.spec), graph_builder(line.spec).set_params(vectors=True)):
            builder.transform(structures.take([0, 1]))
        line.theirs(structures[0])
    for part in range(ROUNDS):
        for line in table:
            _compare(line, structures.take(every[: line.rows][part::ROUNDS]))
            print(f"  round {part + 1}: {line.title}", file=sys.stderr, flush=True)
    head = f"{'':38}{'rows':>5}{'pymatgen':>12}{'ours':>11}{'ratio':>8}{'goal':>7}"
    print(head + f"{'edges':>10}{'ties':>7}{'wrong':>7}{'largest':>10}{'without':>8}  verdict")
    for line in table:
        theirs, ours = (1e3 * seconds / line.rows for seconds in (line.their_seconds, line.our_seconds))
        met = {"ratio": theirs / ours >= line.ratio, "edges": not line.wrong and line.largest < SMALL_DIFFERENCE}
        verdict = "ok" if all(met.values()) else "missed: " + ", ".join(name for name, good in met.items() if not good)
        goal = f"{line.ratio:.0f}x" if line.ratio else "-"
        print(
            f"{line.title:38}{line.rows:5}{theirs:9.3f} ms{ours:8.4f} ms{theirs / ours:7.0f}x{goal:>7}"
            f"{line.edges:10,}{line.ties:7}{line.wrong:7}{line.largest:10.1e}{line.without:8}  {verdict}",
            flush=True,
        )


def _compare(line: Line, structures: PackedStructures) -> None:
    from automat_featurizers import graph_builder

    objects = list(structures)
    builder = graph_builder(line.spec)
    started = time.process_time()
    made = [line.theirs(each) for each in objects]
    line.their_seconds += time.process_time() - started
    started = time.process_time()
    builder.transform(structures)
    line.our_seconds += time.process_time() - started
    with_images = builder.set_params(vectors=True).transform(structures)
    for row, given in enumerate(made):
        if given is None:
            line.without += 1
        else:
            _count_differences(line, _our_edges(with_images, row), line.read(given))


def _our_edges(graphs: CrystalGraphs, row: int) -> Edges:
    one = graphs.take([row])
    if one.images is None:
        raise TypeError("the graphs were built without images")
    places = np.column_stack([one.destination, one.source, one.images]).tolist()
    return dict(zip(map(tuple, places), one.distances.tolist(), strict=True))


def _count_differences(line: Line, ours: Edges, theirs: Edges) -> None:
    line.edges += len(theirs)
    for edge in ours.keys() & theirs.keys():
        line.largest = max(line.largest, abs(ours[edge] - theirs[edge]))
    last: dict[int, float] = {}
    for (atom, *_), distance in theirs.items():
        last[atom] = max(last.get(atom, 0.0), distance)
    for edge in ours.keys() ^ theirs.keys():
        tied = abs({**ours, **theirs}[edge] - last[edge[0]]) <= TIE
        line.ties += tied
        line.wrong += not tied


def _line_graphs() -> None:
    from automat_featurizers import NearestGraphs, line_graphs

    graphs = NearestGraphs(vectors=True).transform(_crystals())
    line_graphs(graphs.take([0]))
    started = time.process_time()
    pairs = len(line_graphs(graphs).first)
    spent = time.process_time() - started
    print(f"line graphs of these crystals, {MOST} nearest: {pairs:,} angles in {spent:.3f} CPU s")


def _at_scale(spec: str, data: Path, jobs: int) -> None:
    from automat_featurizers import cached_graphs, graph_builder

    structures = packed_structures(data / "mp_formation" / "mp_formation_structures.jsonl.gz")
    builder = graph_builder(spec)
    builder.transform(structures.take([0, 1]))
    with tempfile.TemporaryDirectory() as folder:
        started, cpu = time.perf_counter(), time.process_time()
        made = cached_graphs(structures, Path(folder), builder, jobs=jobs)
        cold, cpu = time.perf_counter() - started, time.process_time() - cpu
        started = time.perf_counter()
        cached_graphs(structures, Path(folder), builder, jobs=jobs)
        warm = time.perf_counter() - started
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    print(
        f"{spec:22}{len(structures):8,} crystals {len(made.graphs.atomic_numbers):10,} atoms "
        f"{len(made.graphs.source):11,} edges {cold:7.1f} s ({cpu:.1f} CPU s, {made.seconds:.1f} of them building) "
        f"{warm:5.1f} s from the cache {size / 1e6:7.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
