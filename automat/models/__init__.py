"""The entrants: one file a model. To add one, add a file with ``MODEL = Model(...)``."""

from automat.models._base import from_file, given, read_file, registry, resolve, unavailable_because
from automat.models._plugins import as_model, problems

__all__ = ["as_model", "from_file", "given", "problems", "read_file", "registry", "resolve", "unavailable_because"]
