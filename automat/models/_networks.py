"""What our graph networks share as entrants: settings by name, and how an estimator is made of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[str], Any]


def truth(text: str) -> bool:
    """``true`` or ``false``.

    Raises:
        ValueError: anything else.
    """
    try:
        return {"true": True, "false": False}[text.lower()]
    except KeyError:
        raise ValueError("it must be true or false") from None


def epochs(text: str) -> tuple[int, ...]:
    """Numbers with plus signs between.

    >>> epochs("600+800")
    (600, 800)
    """
    return tuple(int(part) for part in text.split("+"))


TRAINING: Mapping[str, Reader] = MappingProxyType(
    {
        "schedule": str,
        "warm_up": float,
        "milestones": epochs,
        "milestone_factor": float,
        "clip_norm": float,
        "holdout": float,
        "patience": int,
        "average_epochs": float,
        "bucket": truth,
        "device": str,
        "precision": str,
    }
)
"""Fields of ``automat.networks.recipes.Recipe`` beside the searched ones, and how each is read."""

OPTIONS: Mapping[str, Reader] = MappingProxyType(
    {"atoms": str, "basis": str, "backend": str, "members": int, **TRAINING}
)
"""Settings of every graph network."""


def estimator(kind: Callable[..., Any], ensemble: Callable[..., Any], params: Mapping[str, Any], seed: int) -> Any:
    """An untrained network of the kind, or an ensemble of such where members are asked for.

    Args:
        kind: the estimator's class.
        ensemble: the class of its ensembles.
        params: of the estimator, fields of the recipe among them, and ``members``.
        seed: of all chance.

    Raises:
        ValueError: fewer than one member.
    """
    members = params.get("members", 1)
    if members < 1:
        raise ValueError(f"members must be at least 1, but got {members}")
    own = {name: value for name, value in params.items() if name not in TRAINING and name != "members"}
    training = {name: params[name] for name in TRAINING if name in params}
    made = kind(**own, training=training or None, seed=seed)
    return ensemble(made, members, seed=seed) if members > 1 else made
