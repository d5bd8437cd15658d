"""Entrants with settings: ``cgcnn:tutorial``, ``schnet:graph=radius,epochs=5``, ``xgboost:max_depth=6``.

What is set is neither searched nor decided by the preset. The settings are part of the entrant's name, so that it
stands on the board beside the plain one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from automat.core import Budget, InputError, Model, UnknownNameError
from automat.models._networks import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SOME_BUDGET = Budget(
    name="",
    folds=0,
    trials=MappingProxyType({}),
    trees=1,
    epochs=1_000_000,
    pycaret_learners=(),
    pycaret_trials=1,
)
"""Tells what a model's settings are called, and of what type they are."""


def names_in(text: str) -> list[str]:
    """The entrants of a list with commas; what only sets something belongs to the entrant before.

    >>> names_in("lightgbm, cgcnn:tutorial,epochs=5, my.py")
    ['lightgbm', 'cgcnn:tutorial,epochs=5', 'my.py']
    """
    names: list[str] = []
    for part in (each.strip() for each in text.split(",")):
        sets = "=" in part.partition(":")[0]
        if part and sets and names:
            names[-1] += f",{part}"
        elif part:
            names.append(part)
    return names


def configured(model: Model, text: str) -> Model:
    """The model with settings: a variant's name first, if any, then ``NAME=VALUE`` with commas between.

    Raises:
        UnknownNameError: no such variant or setting.
        InputError: a value that cannot be read, or that the model refuses.
    """
    known = _readers(model)
    chosen: dict[str, Any] = {}
    for part in (each.strip() for each in text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            if part not in model.variants:
                raise UnknownNameError(f"variant of {model.name!r}", part, [*model.variants, "NAME=VALUE"])
            chosen |= model.variants[part]
        elif name not in known:
            raise UnknownNameError(f"setting of {model.name!r}", name, known)
        else:
            chosen[name] = _read(known[name], value, f"{name} of {model.name!r}")
    made = replace(
        model,
        name=f"{model.name}:{text}",
        title=f"{model.title or model.name} ({text.replace(',', ', ')})",
        graph=str(chosen.pop("graph", model.graph)),
        settings=partial(_settings, model.settings, chosen),
        # Where nothing is left to search, trials would all be the same. Without defaults that cannot be told.
        space=Model.space if model.defaults and not model.defaults.keys() - chosen.keys() else model.space,
    )
    _try(made)
    return made


def allowed(model: Model) -> tuple[str, ...]:
    """What may be set, by name."""
    return tuple(sorted(_readers(model)))


def _settings(base: Callable[[Budget], dict[str, Any]], chosen: Mapping[str, Any], budget: Budget) -> dict[str, Any]:
    return base(budget) | dict(chosen)


def _readers(model: Model) -> dict[str, Callable[[str], Any]]:
    values = {**model.defaults, **model.settings(_SOME_BUDGET)}
    plain = {
        name: truth if isinstance(value, bool) else type(value)
        for name, value in values.items()
        if isinstance(value, (bool, int, float, str))
    }
    graph: dict[str, Callable[[str], Any]] = {"graph": str} if model.input == "graph" else {}
    return plain | graph | dict(model.options)


def _read(reader: Callable[[str], Any], text: str, what: str) -> Any:
    try:
        value = reader(text.strip())
    except ValueError as error:
        raise InputError(f"{what}: {text!r} cannot be read ({error})") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{what} must be a finite number, but got {text!r}")
    return value


def _try(model: Model) -> None:
    """Let the model's own estimator look at its parameters, where it can."""
    try:
        made = model.make(model.tasks[0], {**model.defaults, **model.settings(_SOME_BUDGET)}, 0)
        if hasattr(made, "check"):
            made.check()
    except ImportError:
        return  # why it is not available is said elsewhere
    except (ValueError, TypeError, RuntimeError) as error:  # the last are torch's, of many lines
        said = str(error).partition("\n")[0]
        raise InputError(f"{model.name!r}: {said}") from error
