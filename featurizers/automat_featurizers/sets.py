"""Feature sets by name. A new set is a row of ``_SETS``, not code."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from automat_featurizers import composition, structure

if TYPE_CHECKING:
    from automat_featurizers.base import Featurizer

_COMPOSITION: tuple[type[Featurizer], ...] = (
    composition.Magpie,
    composition.Stoichiometry,
    composition.ValenceOrbital,
    composition.IonicCharacter,
    composition.TransitionMetalFraction,
    composition.BandCenter,
)
_STRUCTURE: tuple[type[Featurizer], ...] = (
    structure.Density,
    structure.PackingFraction,
    structure.GlobalSymmetry,
    structure.StructuralComplexity,
)


@dataclass(frozen=True)
class FeatureSet:
    """Featurizers whose columns stand side by side.

    ``columns`` and ``cost_ms`` are written out, so that listing the sets loads no library.

    Attributes:
        name: what ``--features`` takes.
        summary: in one line.
        kinds: the featurizers, in column order.
        columns: how many there are.
        cost_ms: CPU milliseconds a row, measured over the 3,938 rows of mp_formation on one thread.
    """

    name: str
    summary: str
    kinds: tuple[type[Featurizer], ...]
    columns: int
    cost_ms: float

    @cached_property
    def featurizers(self) -> tuple[Featurizer, ...]:
        """The featurizers, ready to use."""
        return tuple(kind() for kind in self.kinds)

    @property
    def takes(self) -> Literal["composition", "structure"]:
        """``structure`` when any of them needs one."""
        return "structure" if any(kind.takes == "structure" for kind in self.kinds) else "composition"

    @property
    def names(self) -> tuple[str, ...]:
        """Column labels."""
        return tuple(str(name) for each in self.featurizers for name in each.get_feature_names_out())

    @property
    def version(self) -> str:
        """Digest of the featurizers and their versions: another version may give other numbers."""
        text = "|".join(f"{each.name} {each.version}" for each in self.featurizers)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def citation(self) -> str:
        """Whom to cite, each once."""
        return "; ".join(dict.fromkeys(kind.citation for kind in self.kinds if kind.citation))


_SETS = (
    FeatureSet("magpie", "element-property statistics", (composition.Magpie,), 132, 1.5),
    FeatureSet("composition", "magpie, stoichiometry, valence, ionic character", _COMPOSITION, 151, 1.8),
    FeatureSet("structure", "density, packing, symmetry, complexity", _STRUCTURE, 9, 12.3),
    FeatureSet("all", "composition and structure", (*_COMPOSITION, *_STRUCTURE), 160, 14.1),
)


def feature_sets() -> tuple[FeatureSet, ...]:
    """All feature sets, smallest first."""
    return _SETS


def feature_set(name: str) -> FeatureSet:
    """A feature set by its name.

    Raises:
        ValueError: no such set; the message names the nearest.
    """
    known = {found.name: found for found in _SETS}
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"unknown feature set {name!r}.{hint} Allowed: {', '.join(known)}")
    return known[name]


def default_feature_set(inputs: str) -> str:
    """The fullest set for the inputs: ``structures``, ``compositions``, or ``table`` (its own columns)."""
    return {"structures": "all", "compositions": "composition"}.get(inputs, "table")
