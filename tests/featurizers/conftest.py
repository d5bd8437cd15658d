"""Real crystals, built in code and from the embedded data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from automat_featurizers import PackedStructures

if TYPE_CHECKING:
    from pymatgen.core import Structure

# Prototype, space group, lattice parameters (a, b, c in angstrom; angles in degrees), sites.
PROTOTYPES: list[tuple[str, str, tuple[float, ...], dict[str, list[float]]]] = [
    ("NaCl", "Fm-3m", (5.64, 5.64, 5.64, 90, 90, 90), {"Na": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]}),
    ("MgO", "Fm-3m", (4.21, 4.21, 4.21, 90, 90, 90), {"Mg": [0, 0, 0], "O": [0.5, 0.5, 0.5]}),
    ("CsCl", "Pm-3m", (4.12, 4.12, 4.12, 90, 90, 90), {"Cs": [0, 0, 0], "Cl": [0.5, 0.5, 0.5]}),
    (
        "SrTiO3",
        "Pm-3m",
        (3.905, 3.905, 3.905, 90, 90, 90),
        {"Sr": [0, 0, 0], "Ti": [0.5, 0.5, 0.5], "O": [0.5, 0.5, 0]},
    ),
    ("GaAs", "F-43m", (5.65, 5.65, 5.65, 90, 90, 90), {"Ga": [0, 0, 0], "As": [0.25, 0.25, 0.25]}),
    (
        "ZnO",
        "P6_3mc",
        (3.25, 3.25, 5.207, 90, 90, 120),
        {"Zn": [1 / 3, 2 / 3, 0], "O": [1 / 3, 2 / 3, 0.3819]},
    ),
    ("TiO2", "P4_2/mnm", (4.594, 4.594, 2.959, 90, 90, 90), {"Ti": [0, 0, 0], "O": [0.305, 0.305, 0]}),
    ("CaF2", "Fm-3m", (5.463, 5.463, 5.463, 90, 90, 90), {"Ca": [0, 0, 0], "F": [0.25, 0.25, 0.25]}),
    ("Fe", "Im-3m", (2.866, 2.866, 2.866, 90, 90, 90), {"Fe": [0, 0, 0]}),
    ("Cu", "Fm-3m", (3.615, 3.615, 3.615, 90, 90, 90), {"Cu": [0, 0, 0]}),
    ("Mg", "P6_3/mmc", (3.209, 3.209, 5.211, 90, 90, 120), {"Mg": [1 / 3, 2 / 3, 0.25]}),
    ("Bi", "R-3m", (4.546, 4.546, 11.862, 90, 90, 120), {"Bi": [0, 0, 0.2339]}),
]


def prototypes() -> list[Structure]:
    """Conventional cells, primitive (skewed) cells of some, and one cell turned and shifted."""
    from pymatgen.core import Lattice, Structure

    built = [
        Structure.from_spacegroup(group, Lattice.from_parameters(*cell), list(sites), list(sites.values()))
        for _, group, cell, sites in PROTOTYPES
    ]
    skewed = [structure.get_primitive_structure() for structure in (built[0], built[4], built[11])]
    # Another choice of the same lattice: long oblique vectors, and coordinates outside the cell.
    oblique = built[5].copy()
    oblique.make_supercell([[1, 0, 0], [2, 1, 0], [1, 1, 1]])
    outside = Structure(
        oblique.lattice, oblique.species, oblique.frac_coords + np.array([1.7, -2.3, 0.4]), to_unit_cell=False
    )
    return [*built, *skewed, oblique, outside]


@pytest.fixture(scope="session")
def crystals() -> list[Structure]:
    return prototypes()


@pytest.fixture(scope="session")
def packed(crystals: list[Structure]) -> PackedStructures:
    return PackedStructures.pack(crystals)


@pytest.fixture(scope="session")
def real() -> PackedStructures:
    """30 structures of the embedded formation-energy set."""
    from automat import datasets

    structures = datasets.load("mp_formation").structures
    assert structures is not None
    return structures.take(np.arange(0, len(structures), len(structures) // 30)[:30])


class _Fused:
    """numpy, but scalar products of three components, and lengths, round once a component, as our kernels do."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @property
    def linalg(self) -> Any:
        return self

    def inv(self, matrix: Any) -> Any:
        return np.linalg.inv(matrix)

    def dot(self, left: Any, right: Any) -> Any:
        from automat_featurizers.kernels.fused import fused_dot, fused_rows

        rows, other = np.asarray(left, np.float64), np.asarray(right, np.float64)
        if rows.shape == other.shape == (3,):
            return np.float64(fused_dot(*rows, *other))
        if rows.shape[-1] != 3 or other.shape != (3, 3):
            return np.dot(left, right)
        flat = np.ascontiguousarray(rows.reshape(-1, 3))
        return fused_rows(flat, np.ascontiguousarray(other)).reshape(rows.shape)

    def norm(self, vector: Any, **options: Any) -> Any:
        plain = not options and np.shape(vector) == (3,)
        return np.sqrt(self.dot(vector, vector)) if plain else np.linalg.norm(vector, **options)


@pytest.fixture
def rounds_as_we_do() -> Callable[..., AbstractContextManager[list[Structure]]]:
    """Within this, the linear algebra of matminer's JarvisCFID and pymatgen's lattices rounds as our kernels do.

    Takes crystals and gives them with coordinates of that rounding. Where matminer's number is decided by the last bit
    of a distance or an angle, it is another one on processors whose BLAS rounds otherwise. With the roundings of one of
    them there is one number to be equal to, on every processor.
    """

    @contextmanager
    def rounding(structures: list[Structure]) -> Iterator[list[Structure]]:
        from matminer.featurizers.structure import composite
        from pymatgen.core import Structure, lattice

        with pytest.MonkeyPatch.context() as patch:
            for module in (composite, lattice):
                patch.setattr(module, "np", _Fused())
            yield [Structure(each.lattice, each.species_and_occu, each.frac_coords) for each in structures]

    return rounding
