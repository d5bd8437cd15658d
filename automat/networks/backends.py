"""Which of the two backends runs the graph operations; asking loads neither."""

from __future__ import annotations

import importlib.util
import os
from typing import Literal, get_args

from automat.core import UnknownNameError

Backend = Literal["dgl", "torch"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

VARIABLE = "AUTOMAT_GRAPH_BACKEND"
"""Environment variable that names the backend where nothing else does."""


def default_backend() -> Backend:
    """What the environment names; else ``dgl`` where it is installed, and ``torch`` elsewhere.

    Raises:
        UnknownNameError: the environment names no backend.
    """
    return asked() or ("dgl" if importlib.util.find_spec("dgl") is not None else "torch")


def surroundings() -> dict[str, str]:
    """What the environment says here or leaves to be found out, for a process elsewhere to choose as this one would.

    A name that is no backend is passed on as it is: only who needs one has to refuse it.
    """
    return {VARIABLE: os.environ.get(VARIABLE) or default_backend()}


def asked() -> Backend | None:
    """What the environment names, if anything.

    Raises:
        UnknownNameError: it names no backend.
    """
    named = os.environ.get(VARIABLE)
    return backend(named, f"graph backend in {VARIABLE}") if named else None


def backend(name: str, what: str = "graph backend") -> Backend:
    """The backend of that name.

    Raises:
        UnknownNameError: there is none.
    """
    for each in BACKENDS:
        if name == each:
            return each
    raise UnknownNameError(what, name, BACKENDS)
