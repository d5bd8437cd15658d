"""Features and graphs of materials, useful without automat: pymatgen objects to packed arrays and columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat_featurizers.atom_features import cgcnn_atom_features
    from automat_featurizers.base import Featurizer
    from automat_featurizers.composition.alloys import Miedema, WenAlloys, YangSolidSolution
    from automat_featurizers.composition.element_property import (
        Deml,
        ElementProperty,
        Magpie,
        MatscholarElements,
        MEGNetElements,
        PymatgenElements,
    )
    from automat_featurizers.composition.encoding import PeriodicTablePlace
    from automat_featurizers.composition.ionic import (
        CationProperty,
        ElectronAffinity,
        ElectronegativityDiff,
        IonProperty,
        OxidationStates,
    )
    from automat_featurizers.composition.orbitals import AtomicOrbitals, BandCenter, ValenceOrbital
    from automat_featurizers.composition.packing import AtomicPackingEfficiency
    from automat_featurizers.composition.stoichiometry import ElementFraction, Stoichiometry, TMetalFraction
    from automat_featurizers.distance_bases import BesselBasis, GaussianBasis, SphericalBesselBasis
    from automat_featurizers.graph_cache import CachedGraphs, cached_graphs
    from automat_featurizers.graph_files import open_graphs, save_graphs
    from automat_featurizers.graph_kinds._base import GraphBuilder
    from automat_featurizers.graph_kinds.nearest import NearestGraphs
    from automat_featurizers.graph_kinds.radius import RadiusGraphs
    from automat_featurizers.graph_kinds.voronoi import VoronoiGraphs
    from automat_featurizers.graph_registry import graph_builder, graph_builders
    from automat_featurizers.graphs import CrystalGraphs, build_graphs
    from automat_featurizers.line_graph import LineGraphs, line_graphs
    from automat_featurizers.matminer_adapter import MatminerByName
    from automat_featurizers.matrix import Features, featurize
    from automat_featurizers.packed import PackedCompositions, PackedStructures
    from automat_featurizers.packed_files import open_packed, save
    from automat_featurizers.registry import featurizer, featurizers
    from automat_featurizers.sets import FeatureSet, default_feature_set, feature_set, feature_sets
    from automat_featurizers.structure.bonding import BondFractions
    from automat_featurizers.structure.coulomb import CoulombMatrix, SineCoulombMatrix
    from automat_featurizers.structure.crystal_nn_fingerprint import CrystalNNFingerprint
    from automat_featurizers.structure.density import DensityFeatures
    from automat_featurizers.structure.diffraction import XRDPowderPattern
    from automat_featurizers.structure.dimensionality import Dimensionality
    from automat_featurizers.structure.ewald import EwaldEnergy
    from automat_featurizers.structure.jarvis import JarvisCFID
    from automat_featurizers.structure.orbital_field import OrbitalFieldMatrix
    from automat_featurizers.structure.order_parameters import OPSiteFingerprint
    from automat_featurizers.structure.radial import PartialRadialDistributionFunction, RadialDistributionFunction
    from automat_featurizers.structure.soap import SOAP
    from automat_featurizers.structure.symmetry import GlobalSymmetryFeatures, StructuralComplexity
    from automat_featurizers.structure.symmetry_functions import GaussianSymmFunc, SymmetryFunctions
    from automat_featurizers.structure.ward import (
        ChemicalOrdering,
        CoordinationNumber,
        LocalPropertyDifference,
        MaximumPackingEfficiency,
        StructuralHeterogeneity,
    )
    from automat_featurizers.table import TableEncoder

_HOME = {
    "atom_features": ("cgcnn_atom_features",),
    "base": ("Featurizer",),
    "composition.alloys": (
        "Miedema",
        "WenAlloys",
        "YangSolidSolution",
    ),
    "composition.element_property": (
        "Deml",
        "ElementProperty",
        "Magpie",
        "MatscholarElements",
        "MEGNetElements",
        "PymatgenElements",
    ),
    "composition.encoding": ("PeriodicTablePlace",),
    "composition.ionic": (
        "CationProperty",
        "ElectronAffinity",
        "ElectronegativityDiff",
        "IonProperty",
        "OxidationStates",
    ),
    "composition.orbitals": (
        "AtomicOrbitals",
        "BandCenter",
        "ValenceOrbital",
    ),
    "composition.packing": ("AtomicPackingEfficiency",),
    "composition.stoichiometry": (
        "ElementFraction",
        "Stoichiometry",
        "TMetalFraction",
    ),
    "distance_bases": (
        "BesselBasis",
        "GaussianBasis",
        "SphericalBesselBasis",
    ),
    "graph_cache": (
        "CachedGraphs",
        "cached_graphs",
    ),
    "graph_files": (
        "open_graphs",
        "save_graphs",
    ),
    "graph_kinds._base": ("GraphBuilder",),
    "graph_kinds.nearest": ("NearestGraphs",),
    "graph_kinds.radius": ("RadiusGraphs",),
    "graph_kinds.voronoi": ("VoronoiGraphs",),
    "graph_registry": (
        "graph_builder",
        "graph_builders",
    ),
    "graphs": (
        "CrystalGraphs",
        "build_graphs",
    ),
    "line_graph": (
        "LineGraphs",
        "line_graphs",
    ),
    "matminer_adapter": ("MatminerByName",),
    "matrix": (
        "Features",
        "featurize",
    ),
    "packed": (
        "PackedCompositions",
        "PackedStructures",
    ),
    "packed_files": (
        "open_packed",
        "save",
    ),
    "registry": (
        "featurizer",
        "featurizers",
    ),
    "sets": (
        "FeatureSet",
        "default_feature_set",
        "feature_set",
        "feature_sets",
    ),
    "structure.bonding": ("BondFractions",),
    "structure.coulomb": (
        "CoulombMatrix",
        "SineCoulombMatrix",
    ),
    "structure.crystal_nn_fingerprint": ("CrystalNNFingerprint",),
    "structure.density": ("DensityFeatures",),
    "structure.diffraction": ("XRDPowderPattern",),
    "structure.dimensionality": ("Dimensionality",),
    "structure.ewald": ("EwaldEnergy",),
    "structure.jarvis": ("JarvisCFID",),
    "structure.orbital_field": ("OrbitalFieldMatrix",),
    "structure.order_parameters": ("OPSiteFingerprint",),
    "structure.radial": (
        "PartialRadialDistributionFunction",
        "RadialDistributionFunction",
    ),
    "structure.soap": ("SOAP",),
    "structure.symmetry": (
        "GlobalSymmetryFeatures",
        "StructuralComplexity",
    ),
    "structure.symmetry_functions": (
        "GaussianSymmFunc",
        "SymmetryFunctions",
    ),
    "structure.ward": (
        "ChemicalOrdering",
        "CoordinationNumber",
        "LocalPropertyDifference",
        "MaximumPackingEfficiency",
        "StructuralHeterogeneity",
    ),
    "table": ("TableEncoder",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "SOAP",
    "AtomicOrbitals",
    "AtomicPackingEfficiency",
    "BandCenter",
    "BesselBasis",
    "BondFractions",
    "CachedGraphs",
    "CationProperty",
    "ChemicalOrdering",
    "CoordinationNumber",
    "CoulombMatrix",
    "CrystalGraphs",
    "CrystalNNFingerprint",
    "Deml",
    "DensityFeatures",
    "Dimensionality",
    "ElectronAffinity",
    "ElectronegativityDiff",
    "ElementFraction",
    "ElementProperty",
    "EwaldEnergy",
    "FeatureSet",
    "Features",
    "Featurizer",
    "GaussianBasis",
    "GaussianSymmFunc",
    "GlobalSymmetryFeatures",
    "GraphBuilder",
    "IonProperty",
    "JarvisCFID",
    "LineGraphs",
    "LocalPropertyDifference",
    "MEGNetElements",
    "Magpie",
    "MatminerByName",
    "MatscholarElements",
    "MaximumPackingEfficiency",
    "Miedema",
    "NearestGraphs",
    "OPSiteFingerprint",
    "OrbitalFieldMatrix",
    "OxidationStates",
    "PackedCompositions",
    "PackedStructures",
    "PartialRadialDistributionFunction",
    "PeriodicTablePlace",
    "PymatgenElements",
    "RadialDistributionFunction",
    "RadiusGraphs",
    "SineCoulombMatrix",
    "SphericalBesselBasis",
    "Stoichiometry",
    "StructuralComplexity",
    "StructuralHeterogeneity",
    "SymmetryFunctions",
    "TMetalFraction",
    "TableEncoder",
    "ValenceOrbital",
    "VoronoiGraphs",
    "WenAlloys",
    "XRDPowderPattern",
    "YangSolidSolution",
    "build_graphs",
    "cached_graphs",
    "cgcnn_atom_features",
    "default_feature_set",
    "feature_set",
    "feature_sets",
    "featurize",
    "featurizer",
    "featurizers",
    "graph_builder",
    "graph_builders",
    "line_graphs",
    "open_graphs",
    "open_packed",
    "save",
    "save_graphs",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: pymatgen and matminer take seconds to load."""
    if name in _MODULE_OF:
        return getattr(import_module(f"automat_featurizers.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'automat_featurizers' has no attribute {name!r}")
