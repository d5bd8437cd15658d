"""Features and graphs of materials, useful without automat: pymatgen objects to packed arrays and columns."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat_featurizers.atom_features import cgcnn_atom_features
    from automat_featurizers.base import Featurizer
    from automat_featurizers.composition.element_property import Deml, ElementProperty, Magpie
    from automat_featurizers.composition.encoding import PeriodicTablePlace
    from automat_featurizers.composition.ionic import IonProperty
    from automat_featurizers.composition.orbitals import AtomicOrbitals, BandCenter, ValenceOrbital
    from automat_featurizers.composition.stoichiometry import ElementFraction, Stoichiometry, TMetalFraction
    from automat_featurizers.graph_builder import CrystalGraphBuilder, cached_graphs
    from automat_featurizers.graphs import CrystalGraphs, build_graphs
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
    "composition.element_property": (
        "Deml",
        "ElementProperty",
        "Magpie",
    ),
    "composition.encoding": ("PeriodicTablePlace",),
    "composition.ionic": ("IonProperty",),
    "composition.orbitals": (
        "AtomicOrbitals",
        "BandCenter",
        "ValenceOrbital",
    ),
    "composition.stoichiometry": (
        "ElementFraction",
        "Stoichiometry",
        "TMetalFraction",
    ),
    "graph_builder": (
        "CrystalGraphBuilder",
        "cached_graphs",
    ),
    "graphs": (
        "CrystalGraphs",
        "build_graphs",
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
    "BandCenter",
    "BondFractions",
    "ChemicalOrdering",
    "CoordinationNumber",
    "CoulombMatrix",
    "CrystalGraphBuilder",
    "CrystalGraphs",
    "CrystalNNFingerprint",
    "Deml",
    "DensityFeatures",
    "Dimensionality",
    "ElementFraction",
    "ElementProperty",
    "FeatureSet",
    "Features",
    "Featurizer",
    "GaussianSymmFunc",
    "GlobalSymmetryFeatures",
    "IonProperty",
    "JarvisCFID",
    "LocalPropertyDifference",
    "Magpie",
    "MatminerByName",
    "MaximumPackingEfficiency",
    "OPSiteFingerprint",
    "OrbitalFieldMatrix",
    "PackedCompositions",
    "PackedStructures",
    "PartialRadialDistributionFunction",
    "PeriodicTablePlace",
    "RadialDistributionFunction",
    "SineCoulombMatrix",
    "Stoichiometry",
    "StructuralComplexity",
    "StructuralHeterogeneity",
    "SymmetryFunctions",
    "TMetalFraction",
    "TableEncoder",
    "ValenceOrbital",
    "XRDPowderPattern",
    "build_graphs",
    "cached_graphs",
    "cgcnn_atom_features",
    "default_feature_set",
    "feature_set",
    "feature_sets",
    "featurize",
    "featurizer",
    "featurizers",
    "open_packed",
    "save",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: pymatgen and matminer take seconds to load."""
    if name in _MODULE_OF:
        return getattr(import_module(f"automat_featurizers.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'automat_featurizers' has no attribute {name!r}")
