"""automat: honest leaderboards for materials property prediction.

>>> from automat import Model, run
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat.core import (
    Budget,
    Cell,
    Dataset,
    Fold,
    InputError,
    Model,
    Predictions,
    RunRecord,
    Split,
    UnknownNameError,
)

if TYPE_CHECKING:
    from automat.api import RunResult, leaderboards, load_model, load_results, report, run, run_ladder

__all__ = [
    "Budget", "Cell", "Dataset", "Fold", "InputError", "Model", "Predictions", "RunRecord", "RunResult",
    "Split", "UnknownNameError", "leaderboards", "load_model", "load_results", "report", "run", "run_ladder",
]  # fmt: skip

_MODULES = frozenset({"api", "audit", "check", "datasets", "verify"})
_CALLS = frozenset({"RunResult", "leaderboards", "load_model", "load_results", "report", "run", "run_ladder"})


def __getattr__(name: str) -> Any:
    """Load calls and modules when they are first used: they import pandas and plotly, the nouns do not."""
    if name in _CALLS:
        from automat import api

        return getattr(api, name)
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"automat.{name}")
    raise AttributeError(f"module 'automat' has no attribute {name!r}")
