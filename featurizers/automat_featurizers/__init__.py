"""Features and graphs of materials, useful without automat: pymatgen objects to packed arrays and columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat_featurizers.atom_features import cgcnn_atom_features
    from automat_featurizers.base import Featurizer
    from automat_featurizers.composition import (
        BandCenter,
        IonicCharacter,
        Magpie,
        Stoichiometry,
        TransitionMetalFraction,
        ValenceOrbital,
    )
    from automat_featurizers.graph_builder import CrystalGraphBuilder, cached_graphs
    from automat_featurizers.graphs import CrystalGraphs, build_graphs
    from automat_featurizers.matrix import Features, featurize
    from automat_featurizers.packed import PackedCompositions, PackedStructures
    from automat_featurizers.sets import FeatureSet, default_feature_set, feature_set, feature_sets
    from automat_featurizers.structure import Density, GlobalSymmetry, PackingFraction, StructuralComplexity
    from automat_featurizers.table import TableEncoder

_HOME = {
    "atom_features": ("cgcnn_atom_features",),
    "base": ("Featurizer",),
    "composition": (
        "BandCenter", "IonicCharacter", "Magpie",
        "Stoichiometry", "TransitionMetalFraction", "ValenceOrbital",
    ),
    "sets": ("FeatureSet", "default_feature_set", "feature_set", "feature_sets"),
    "matrix": ("Features", "featurize"),
    "graph_builder": ("CrystalGraphBuilder", "cached_graphs"),
    "graphs": ("CrystalGraphs", "build_graphs"),
    "packed": ("PackedCompositions", "PackedStructures"),
    "structure": ("Density", "GlobalSymmetry", "PackingFraction", "StructuralComplexity"),
    "table": ("TableEncoder",),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BandCenter",
    "CrystalGraphBuilder",
    "CrystalGraphs",
    "Density",
    "FeatureSet",
    "Features",
    "Featurizer",
    "GlobalSymmetry",
    "IonicCharacter",
    "Magpie",
    "PackedCompositions",
    "PackedStructures",
    "PackingFraction",
    "Stoichiometry",
    "StructuralComplexity",
    "TableEncoder",
    "TransitionMetalFraction",
    "ValenceOrbital",
    "build_graphs",
    "cached_graphs",
    "cgcnn_atom_features",
    "default_feature_set",
    "feature_set",
    "feature_sets",
    "featurize",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: pymatgen and matminer take seconds to load."""
    if name in _MODULE_OF:
        return getattr(import_module(f"automat_featurizers.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'automat_featurizers' has no attribute {name!r}")
