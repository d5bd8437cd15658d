"""Where elements stand on the periodic table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROWS = (
    "H . . . . . . . . . . . . . . . . He",
    "Li Be . . . . . . . . . . B C N O F Ne",
    "Na Mg . . . . . . . . . . Al Si P S Cl Ar",
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
    "Cs Ba . Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
    "Fr Ra . Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og",
    ". . . . . . . . . . . . . . . . . .",
    ". . La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .",
    ". . Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr .",
)
"""The periodic table as it is drawn: lanthanides and actinides below."""

PLACES: Mapping[str, tuple[int, int]] = {
    symbol: (row, column)
    for row, line in enumerate(_ROWS)
    for column, symbol in enumerate(line.split())
    if symbol != "."
}
"""Symbol to row and column."""
