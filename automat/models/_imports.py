"""What a user's file imports, and whether it says so."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OURS = frozenset({"automat", "automat_featurizers", "automat_leaderboards", "automat_reports"})


def unstated(path: Path, stated: Iterable[str]) -> str:
    """Which packages a file needs beyond Python, automat and what automat requires, and does not state.

    Args:
        path: the file; all of its imports count, those inside functions too.
        stated: importable packages that it says it needs.

    Returns:
        A sentence; empty where nothing is missing.
    """
    known = _OURS | sys.stdlib_module_names | {name.partition(".")[0] for name in stated}
    unknown = sorted(imported(path.read_text(encoding="utf-8")) - known)
    beside = [name for name in unknown if (path.parent / f"{name}.py").is_file() or (path.parent / name).is_dir()]
    if beside:
        return (
            f"it imports {beside[0]}, which lies beside it: workers do not find that, and its changes go unnoticed; "
            "put it into the same file, or install it as a package"
        )
    came_with, homes = _came_with_automat(), packages_distributions()
    strange = [name for name in unknown if not came_with & {_plain(home) for home in homes.get(name, ())}]
    if not strange:
        return ""
    named = ", ".join(repr(name) for name in strange)
    return (
        f"it imports {named}, which automat does not bring along; "
        f"state it: REQUIRES = ({named},), or requires=({named},) of a Model"
    )


def imported(source: str) -> set[str]:
    """The top-level packages that a source imports by absolute name, anywhere in it.

    >>> sorted(imported("import numpy as np, os.path; from sklearn.svm import SVR; from . import mine"))
    ['numpy', 'os', 'sklearn']
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _came_with_automat() -> set[str]:
    """The distributions that automat requires without any extra."""
    found = set()
    for requirement in requires("automat") or ():
        if "extra ==" not in requirement:
            name = re.match(r"[\w.-]+", requirement)
            found.add(_plain(name[0] if name else requirement))
    return found


def _plain(distribution: str) -> str:
    """A distribution's name as registries compare them."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
