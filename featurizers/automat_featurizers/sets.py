"""Feature sets by name. A new set is a row of ``_SETS``, not code."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from automat_featurizers.registry import featurizer, featurizers

if TYPE_CHECKING:
    from automat_featurizers.base import Featurizer

_COMPOSITION = (
    "magpie",
    "stoichiometry",
    "valence_orbital",
    "ionic_character",
    "transition_metal_fraction",
    "band_center",
)
_WARD = (
    "coordination_number",
    "structural_heterogeneity",
    "chemical_ordering",
    "maximum_packing_efficiency",
    "local_property_difference",
)
_CRYSTAL = ("density", "global_symmetry", "structural_complexity")
_STRUCTURE = (*_CRYSTAL, "dimensionality", *_WARD)


@dataclass(frozen=True)
class FeatureSet:
    """Featurizers whose columns stand side by side.

    ``columns`` are written out, so that listing the sets loads no library.

    Attributes:
        name: what ``--features`` takes.
        summary: in one line.
        members: names of the featurizers, in column order.
        columns: how many there are.
    """

    name: str
    summary: str
    members: tuple[str, ...]
    columns: int

    @cached_property
    def featurizers(self) -> tuple[Featurizer, ...]:
        """The featurizers, ready to use."""
        return tuple(featurizer(name) for name in self.members)

    @property
    def takes(self) -> Literal["composition", "structure"]:
        """``structure`` when any of them needs one."""
        return "structure" if any(each.takes == "structure" for each in self.featurizers) else "composition"

    @property
    def names(self) -> tuple[str, ...]:
        """Column labels."""
        return tuple(str(name) for each in self.featurizers for name in each.get_feature_names_out())

    @property
    def cost_ms(self) -> float:
        """CPU milliseconds a row, measured on mp_formation on one thread."""
        return sum(each.cost_ms for each in self.featurizers)

    @property
    def version(self) -> str:
        """Digest of the featurizers and their versions: another version may give other numbers."""
        text = "|".join(f"{each.name} {each.version}" for each in self.featurizers)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def citation(self) -> str:
        """Whom to cite, each once."""
        return "; ".join(dict.fromkeys(each.citation for each in self.featurizers if each.citation))


_SETS = (
    FeatureSet("magpie", "element-property statistics", ("magpie",), 132),
    FeatureSet("composition", "magpie, stoichiometry, valence, ionic character", _COMPOSITION, 151),
    FeatureSet("core", "composition, density, symmetry, complexity", (*_COMPOSITION, *_CRYSTAL), 160),
    FeatureSet("ward2017", "Voronoi tessellation: coordination, order, local differences", _WARD, 128),
    FeatureSet("structure", "density, symmetry, complexity, dimensionality, ward2017", _STRUCTURE, 138),
    FeatureSet("all", "composition and structure", (*_COMPOSITION, *_STRUCTURE), 289),
)


def feature_sets() -> tuple[FeatureSet, ...]:
    """All feature sets, smallest first."""
    return _SETS


def feature_set(name: str) -> FeatureSet:
    """A feature set by its name, or by the name of one featurizer, or several of either joined by ``+``.

    >>> feature_set("magpie+density").columns
    135

    Raises:
        ValueError: no such set or featurizer, with the nearest name; or one that has to learn its columns
            from the training rows.
    """
    known = {found.name: found for found in _SETS}
    if name in known:
        return known[name]
    members: dict[str, None] = {}
    for part in name.split("+"):
        if part in known:
            members |= dict.fromkeys(known[part].members)
        else:
            members[_single(part)] = None
    made = FeatureSet(name, "as named", tuple(members), 0)
    return FeatureSet(name, "as named", tuple(members), len(made.names))


def _single(name: str) -> str:
    """A featurizer's name, checked.

    Raises:
        ValueError: no such featurizer, or one that learns its columns.
    """
    sets = [found.name for found in _SETS]
    if name not in featurizers() and not name.startswith("matminer:"):
        known = [*sets, *featurizers()]
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(
            f"unknown feature set {name!r}.{hint} Allowed: {', '.join(sets)}; a featurizer; several joined by '+'"
        )
    if not featurizer(name).__sklearn_is_fitted__():
        raise ValueError(
            f"featurizer {name!r} learns its columns from the training rows, so it is not for a feature set"
        )
    return name


def default_feature_set(inputs: str) -> str:
    """The set for the inputs: ``structures``, ``compositions``, or ``table`` (its own columns).

    For structures it is ``core`` and not ``all``, which makes models more than twice as slow to tune for a few
    per cent of error.
    """
    return {"structures": "core", "compositions": "composition"}.get(inputs, "table")
