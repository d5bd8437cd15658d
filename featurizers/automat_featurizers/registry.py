"""Every featurizer by name. A new file in ``composition/`` or ``structure/`` is enough to add one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

from automat_featurizers import composition, structure
from automat_featurizers.base import Featurizer

MATMINER = "matminer:"
"""What the names of matminer's own featurizers begin with."""


@cache
def featurizers() -> dict[str, type[Featurizer]]:
    """Name to class, for every public featurizer of the two folders, those of compositions first.

    Raises:
        ValueError: two classes of one name.
    """
    found: dict[str, type[Featurizer]] = {}
    for package in (composition, structure):
        for info in pkgutil.iter_modules(package.__path__):
            if info.name.startswith("_"):
                continue
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for each in vars(module).values():
                here = isinstance(each, type) and issubclass(each, Featurizer) and each.__module__ == module.__name__
                if not here or each.__name__.startswith("_") or not hasattr(each, "name"):
                    continue
                if each.name in found:
                    raise ValueError(f"two featurizers are called {each.name!r}: {found[each.name]} and {each}")
                found[each.name] = each
    return found


def featurizer(name: str) -> Featurizer:
    """A featurizer with its default parameters.

    Args:
        name: of ours, or ``matminer:CLASS`` or ``matminer:CLASS(PRESET)`` for any of matminer's.

    Raises:
        ValueError: no such featurizer; the message names the nearest.
    """
    if name.startswith(MATMINER):
        from automat_featurizers.matminer_adapter import MatminerByName

        return MatminerByName(name.removeprefix(MATMINER))
    known = featurizers()
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"unknown featurizer {name!r}.{hint} Allowed: {', '.join(known)}, {MATMINER}CLASS")
    return known[name]()
