"""The featurizer that gives graphs, and its cache."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import time
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from automat_featurizers.base import as_packed
from automat_featurizers.graphs import CUTOFF, GRAPH_VERSION, MAX_NEIGHBOURS, CrystalGraphs, build_graphs

if TYPE_CHECKING:
    from automat_featurizers.packed import PackedStructures


_LOG = logging.getLogger(__name__)


class CrystalGraphBuilder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Crystals to their nearest-neighbour graphs.

    Args:
        cutoff: angstrom.
        max_neighbours: the most edges an atom gets.
    """

    name = "crystal_graph"
    takes = "structure"
    gives = "graph"

    def __init__(self, cutoff: float = CUTOFF, max_neighbours: int = MAX_NEIGHBOURS) -> None:
        self.cutoff = cutoff
        self.max_neighbours = max_neighbours

    @property
    def version(self) -> str:
        """Changes whenever the same crystal may give another graph."""
        return f"{GRAPH_VERSION}-{self.cutoff:g}-{self.max_neighbours}"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn nothing: a graph depends on its crystal alone."""
        del X, y
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> CrystalGraphs:
        """Graphs of packed or pymatgen structures."""
        packed: Any = as_packed(X, "structure")
        return build_graphs(packed, self.cutoff, self.max_neighbours)


def cached_graphs(structures: PackedStructures, cache_dir: Path | None) -> tuple[CrystalGraphs, float]:
    """The default graphs of a dataset, read from the cache where the same structures were built before.

    Returns:
        The graphs, and the CPU seconds that building them took when they were built.
    """
    builder = CrystalGraphBuilder()
    if cache_dir is None:
        return _timed(builder, structures)
    content = "".join(structures.row_hashes()) + builder.version
    path = cache_dir / "graphs" / f"{hashlib.sha256(content.encode()).hexdigest()[:24]}.npz"
    names = [field.name for field in fields(CrystalGraphs)]
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            return CrystalGraphs(**{name: kept[name] for name in names}), float(kept["seconds"])
    except FileNotFoundError:
        pass  # not built yet
    except Exception as error:  # noqa: BLE001 - garbled bytes fail in zip, zlib or numpy, each its own way
        _LOG.warning("%s cannot be read, the graphs are built again: %s", path, error)
    made, seconds = _timed(builder, structures)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".graphs-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, seconds=seconds, **{each: getattr(made, each) for each in names})
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return made, seconds


def _timed(builder: CrystalGraphBuilder, structures: PackedStructures) -> tuple[CrystalGraphs, float]:
    started = time.process_time()
    made = builder.transform(structures)
    return made, time.process_time() - started
