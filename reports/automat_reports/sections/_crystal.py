"""A unit cell as plain geometry, seen from far away; a template draws it.

Atoms on the faces, edges and corners of the cell are drawn on all of them, as crystallographers do. Colours are
those of Jmol, by pymatgen.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SIZE = 150
"""Pixels of the longer side, margins left out."""

_ASIDE = math.radians(8)
"""Off the side that shows most, so that atoms of a symmetric cell do not hide each other."""

_MARGIN = 6
_ON_FACE = 0.02
_TURNS, _TILT = np.radians(np.arange(0, 180, 15)), math.radians(-75)
"""Of the view: about the third lattice vector, and a little from above."""

_BALL = 0.45
"""Of its atomic radius: small enough to see between the atoms."""

_UNKNOWN_RADIUS = 1.5
_UNKNOWN_COLOUR = "#999999"


def drawing(structure: Mapping[str, Any]) -> dict[str, Any]:
    """Where edges and atoms lie, in pixels; atoms from the farthest to the nearest.

    Args:
        structure: ``lattice`` (3 x 3, vectors as rows, in angstrom), ``symbols`` and ``fractional`` (sites x 3).
    """
    lattice = _upright(np.asarray(structure["lattice"], dtype=np.float64))
    symbols, places = _with_images(structure["symbols"], np.asarray(structure["fractional"], dtype=np.float64))
    view = _view(max(_TURNS, key=lambda turn: _seen_area(lattice, _view(turn))) + _ASIDE)
    atoms = places @ lattice @ view
    corners = np.array(list(itertools.product((0, 1), repeat=3)), dtype=np.float64)
    seen = corners @ lattice @ view
    radii = np.array([_BALL * _look(symbol)[1] for symbol in symbols])
    low = np.minimum((atoms[:, :2] - radii[:, None]).min(axis=0), seen[:, :2].min(axis=0))
    high = np.maximum((atoms[:, :2] + radii[:, None]).max(axis=0), seen[:, :2].max(axis=0))
    scale = SIZE / float((high - low).max())

    def pixels(point: NDArray[np.float64]) -> tuple[float, float]:
        # The page's second axis points down.
        return (
            round(_MARGIN + float(point[0] - low[0]) * scale, 1),
            round(_MARGIN + float(high[1] - point[1]) * scale, 1),
        )

    hidden = seen[:, 2].argmin()
    edges = [
        {"from": pixels(seen[one]), "to": pixels(seen[other]), "hidden": hidden in (one, other)}
        for one, other in itertools.combinations(range(8), 2)
        if np.abs(corners[one] - corners[other]).sum() == 1
    ]
    balls = [
        {
            "at": pixels(atoms[place]),
            "radius": round(float(radii[place]) * scale, 1),
            "colour": _look(symbols[place])[0],
            "symbol": symbols[place],
        }
        for place in np.argsort(atoms[:, 2], kind="stable")
    ]
    width, height = ((high - low) * scale + 2 * _MARGIN).round(1).tolist()
    return {"width": width, "height": height, "edges": edges, "balls": balls, "sites": len(structure["symbols"])}


def _upright(lattice: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same cell turned: the third vector up, the first to the front."""
    lengths = np.linalg.norm(lattice, axis=1)
    metric = lattice @ lattice.T / np.outer(lengths, lengths)
    cos_alpha, cos_beta, cos_gamma = metric[1, 2], metric[0, 2], metric[0, 1]
    sin_beta = math.sqrt(max(1 - cos_beta**2, 1e-9))
    across = (cos_gamma - cos_alpha * cos_beta) / sin_beta
    first = lengths[0] * np.array([sin_beta, 0.0, cos_beta])
    rest = math.sqrt(max(1 - across**2 - cos_alpha**2, 0.0))
    hand = math.copysign(1.0, float(np.linalg.det(lattice)))
    second = lengths[1] * np.array([across, hand * rest, cos_alpha])
    return np.array([first, second, [0.0, 0.0, lengths[2]]])


def _seen_area(lattice: NDArray[np.float64], view: NDArray[np.float64]) -> float:
    """Of the cell's shadow: from some sides a cell shows little of its shape."""
    first, second, third = lattice
    faces = np.array([np.cross(first, second), np.cross(second, third), np.cross(third, first)])
    return float(np.abs(faces @ view[:, 2]).sum())


def _view(angle: float) -> NDArray[np.float64]:
    """Columns: to the right, up, and towards the reader."""
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]], dtype=np.float64
    )
    tilt = np.array(
        [[1, 0, 0], [0, math.cos(_TILT), -math.sin(_TILT)], [0, math.sin(_TILT), math.cos(_TILT)]], dtype=np.float64
    )
    return (tilt @ turn).T


def _with_images(symbols: list[str], fractional: NDArray[np.float64]) -> tuple[list[str], NDArray[np.float64]]:
    """Sites within the cell, those on its faces on both sides."""
    names: list[str] = []
    places: list[list[float]] = []
    for symbol, point in zip(symbols, fractional % 1.0, strict=True):
        at = np.where(point > 1 - _ON_FACE, point - 1, point)
        for image in itertools.product(*([(0, 1) if abs(value) < _ON_FACE else (0,) for value in at])):
            names.append(symbol)
            places.append((at + image).tolist())
    return names, np.array(places)


@cache
def _look(symbol: str) -> tuple[str, float]:
    """Colour and atomic radius in angstrom (Slater 1964, doi:10.1063/1.1725697)."""
    from pymatgen.core import Element

    try:
        radius = float(Element(symbol).atomic_radius)
    except (TypeError, ValueError):
        radius = _UNKNOWN_RADIUS
    red, green, blue = _colours().get(symbol, (None, None, None))
    return (_UNKNOWN_COLOUR if red is None else f"#{red:02x}{green:02x}{blue:02x}"), radius


@cache
def _colours() -> dict[str, Any]:
    from importlib import resources

    from monty.serialization import loadfn

    with resources.as_file(resources.files("pymatgen.vis") / "ElementColorSchemes.yaml") as path:
        found: dict[str, Any] = loadfn(str(path))["Jmol"]
    return found
