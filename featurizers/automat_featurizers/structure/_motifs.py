"""Coordination motifs: their names, and the numbers of the order parameters that recognise them."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automat_featurizers.structure._cells import check_choice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MOTIFS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("sgl_bd",)),
    (2, ("L-shaped", "water-like", "bent 120 degrees", "bent 150 degrees", "linear")),
    (3, ("trigonal planar", "trigonal non-coplanar", "T-shaped")),
    (4, ("square co-planar", "tetrahedral", "rectangular see-saw-like", "see-saw-like", "trigonal pyramidal")),
    (5, ("pentagonal planar", "square pyramidal", "trigonal bipyramidal")),
    (6, ("hexagonal planar", "octahedral", "pentagonal pyramidal")),
    (7, ("hexagonal pyramidal", "pentagonal bipyramidal")),
    (8, ("body-centered cubic", "hexagonal bipyramidal")),
    (9, ("q2", "q4", "q6")),
    (10, ("q2", "q4", "q6")),
    (11, ("q2", "q4", "q6")),
    (12, ("cuboctahedral", "q2", "q4", "q6")),
)
"""Every coordination number's motifs, in matminer's order."""

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev", "std_dev")
"""Statistics over sites, as ``kernels.statistics`` has them."""


def check_statistics(given: Iterable[str]) -> None:
    """Refuse statistics that do not exist.

    Raises:
        ValueError: naming the first of them.
    """
    for name in given:
        check_choice("stats", name, STATISTICS)


@cache
def motif_parameters() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Of all motifs in order: coordination number, form of the order parameter, and its numbers.

    The numbers are those of pymatgen's tables ``op_params`` and ``cn_opt_params`` as installed.

    Returns:
        Shapes (m,), (m,) and (m, PARAMETERS).

    Raises:
        ValueError: the tables name an order parameter whose form is not known.
    """
    from automat_featurizers.kernels.order_parameters import PARAMETERS

    defaults, tuned = _pymatgens("op_params.yaml"), _pymatgens("cn_opt_params.yaml")
    every = [(number, name) for number, names in MOTIFS for name in names]
    forms = np.empty(len(every), np.int64)
    numbers = np.zeros((len(every), PARAMETERS))
    for row, (number, name) in enumerate(every):
        kind, *own = tuned.get(number, {}).get(name, [name])
        forms[row] = _fill(kind, own[0] if own else defaults[kind] or {}, numbers[row])
    return np.array([number for number, _ in every], np.int64), forms, numbers


def _fill(kind: str, given: dict[Any, float], numbers: NDArray[np.float64]) -> int:
    """Set the numbers of an order parameter of pymatgen; its form."""
    from automat_featurizers.kernels import order_parameters as kernel

    forms = {
        "bent": kernel.BENT,
        "pent_plan_max": kernel.PENTAGON,
        "hex_plan_max": kernel.BELTED_PLANE,
        "see_saw_rect": kernel.SEE_SAW,
        "bcc": kernel.BODY_CENTRED,
        "cuboct_max": kernel.CUBOCTAHEDRON,
        "sgl_bd": kernel.SINGLE_BOND,
        **dict.fromkeys(("T", "tri_pyr", "sq_pyr", "pent_pyr", "hex_pyr", "tri_plan_max", "tet_max"), kernel.STAR),
        **dict.fromkeys(("tri_bipyr", "sq_bipyr", "pent_bipyr", "hex_bipyr", "oct_max", "sq_plan_max"), kernel.BELTED),
        **dict.fromkeys(("q2", "q4", "q6"), kernel.BOND_ORDER),
    }
    if kind not in forms:
        raise ValueError(f"order parameter {kind!r} of pymatgen's tables is not known")
    places = {
        "TA": kernel.TARGET,
        "fac_AA": kernel.FACTOR,
        "exp_cos_AA": kernel.EXPONENT,
        "min_SPP": kernel.SOUTH,
        "IGW_SPP": kernel.SOUTH_WIDTH,
        "w_SPP": kernel.SOUTH_WEIGHT,
        2: kernel.BELT_BELOW,
        4: kernel.BELT_ABOVE,
        5: kernel.BELT_WIDTH,
        6: kernel.SIDE_WIDTH,
    }
    numbers[kernel.TARGET] = 0.5  # the equator, for those that name no other angle
    for key, place in places.items():
        if key in given:
            numbers[place] = given[key]
    numbers[kernel.WIDTH] = given.get("IGW_TA", given.get("IGW_EP", 0.0))
    if kind == "pent_plan_max":  # whose azimuths pymatgen fixes in its code
        numbers[kernel.FACTOR], numbers[kernel.EXPONENT] = 1.0, 2.0
    if forms[kind] == kernel.BOND_ORDER:
        numbers[kernel.DEGREE] = int(kind[1:])
    return forms[kind]


def _pymatgens(file: str) -> dict[Any, Any]:
    """A table of pymatgen's local environments, read without importing pymatgen.

    Raises:
        FileNotFoundError: pymatgen is not installed, or has no such table.
    """
    from ruamel.yaml import YAML

    found = find_spec("pymatgen.analysis")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("pymatgen.analysis is not installed")
    table: dict[Any, Any] = YAML(typ="safe", pure=True).load(Path(found.submodule_search_locations[0]) / file)
    return table
