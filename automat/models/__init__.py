"""The entrants: one file a model. To add one, add a file with ``MODEL = Model(...)``."""

from automat.models._base import from_file, given, registry, resolve, unavailable_because

__all__ = ["from_file", "given", "registry", "resolve", "unavailable_because"]
