"""The entrants: one file a model. To add one, add a file with ``MODEL = Model(...)``."""

from automat.models._base import from_file, given, read_file, registry, resolve, unavailable_because
from automat.models._plugins import as_model, problems
from automat.models._settings import allowed, names_in

__all__ = [
    "allowed", "as_model", "from_file", "given", "names_in", "problems", "read_file", "registry", "resolve",
    "unavailable_because",
]  # fmt: skip
