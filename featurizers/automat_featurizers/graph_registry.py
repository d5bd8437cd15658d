"""Every kind of graph by name, and how its settings are written down."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from automat_featurizers import graph_kinds
from automat_featurizers.graph_kinds._base import GraphBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def graph_builders() -> dict[str, type[GraphBuilder]]:
    """Name to class, for every kind of graph."""
    found: dict[str, type[GraphBuilder]] = {}
    for info in pkgutil.iter_modules(graph_kinds.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{graph_kinds.__name__}.{info.name}")
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, GraphBuilder) and each.__module__ == module.__name__:
                found[each.name] = each
    return found


def graph_builder(spec: str) -> GraphBuilder:
    """A builder by the name of its kind, with settings behind a colon where they are not the defaults.

    >>> graph_builder("radius:cutoff=6")
    RadiusGraphs(cutoff=6.0)

    Args:
        spec: a kind of graph (``nearest``, ``radius``, ``voronoi``), or ``KIND:NAME=VALUE,NAME=VALUE``.

    Raises:
        ValueError: no such kind or setting, with the nearest name; or a value that cannot be read.
    """
    kind, _, settings = spec.partition(":")
    known = graph_builders()
    if kind not in known:
        raise ValueError(_unknown("kind of graph", kind, known))
    usual = known[kind]().get_params()
    given: dict[str, Any] = {}
    for setting in settings.split(",") if settings else ():
        name, _, text = (part.strip() for part in setting.partition("="))
        if name not in usual:
            raise ValueError(_unknown(f"setting of {kind!r} graphs", name, usual))
        given[name] = _read(text, usual[name], f"{name} of {kind!r} graphs")
    return known[kind](**given)


def _read(text: str, usual: Any, what: str) -> Any:
    """A value of the type that the default has."""
    try:
        if isinstance(usual, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(usual)(text)
    except (KeyError, ValueError) as error:
        allowed = "true or false" if isinstance(usual, bool) else f"a number such as {usual:g}"
        raise ValueError(f"{what} must be {allowed}, but got {text!r}") from error


def _unknown(what: str, given: str, allowed: Iterable[str]) -> str:
    names = list(allowed)
    nearest = difflib.get_close_matches(given, names, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return f"unknown {what} {given!r}.{hint} Allowed: {', '.join(names)}"
