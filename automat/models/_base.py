"""The registry of entrants: every module of this folder with a ``MODEL``, and the user's own.

A user's model is the same object in a file of theirs, or an entry point in the group ``automat.models``;
what else such a file may hold is told in :mod:`automat.models._plugins`.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from automat.core import InputError, Model, UnknownNameError
from automat.models import _plugins, _settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import EntryPoint
    from types import ModuleType

ENTRY_POINT_GROUP = "automat.models"

_PIP_NAMES = {"sklearn": "scikit-learn"}
_LAST_PYTHON = {"pycaret": (3, 11), "dgl": (3, 11)}


@cache
def registry() -> Mapping[str, Model]:
    """Every registered model by name: this folder's first, then entry points'.

    Raises:
        InputError: two models share a name, or an entry point is not a Model.
    """
    package = importlib.import_module("automat.models")
    models = [
        importlib.import_module(f"automat.models.{module.name}").MODEL
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    ]
    models.extend(_from_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP))
    return _by_name(models)


def resolve(names: Iterable[str]) -> tuple[Model, ...]:
    """Names, with settings behind a colon where there are any, and ``.py`` files to models, in the order given.

    Raises:
        UnknownNameError: a name that is not registered.
        InputError: a file that holds no model, settings that cannot be, or two models of one name.
    """
    known = registry()
    chosen: list[Model] = []
    for text in names:
        name, _, settings = text.partition(":")
        if text.endswith(".py"):
            chosen.extend(from_file(Path(text)))
        elif name not in known:
            raise UnknownNameError("model", name, known)
        else:
            chosen.append(_settings.configured(known[name], settings) if settings else known[name])
    return tuple(_by_name(chosen).values())


def from_file(path: Path) -> tuple[Model, ...]:
    """The models of a user's file.

    Their version is the file's content, so that an edited model is computed anew.

    Raises:
        InputError: the file is absent, does not run, or holds no model that can be used.
    """
    models = read_file(path)
    for model in models:
        _valid(model, repr(str(path)), taken=registry())
    return models


def read_file(path: Path) -> tuple[Model, ...]:
    """The models of a user's file, whatever they say of themselves.

    Raises:
        InputError: the file is absent, does not run, or holds no model.
    """
    if not path.is_file():
        raise InputError(f"no model file at {str(path)!r}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    module = _run_file(path, f"automat_user_model_{digest}")
    models = _plugins.models_in(vars(module), _plugins.name_of_file(path), repr(str(path)))
    return tuple(replace(model, version=f"{model.version}+{digest}") for model in models)


def given(model: Model) -> Model:
    """A Model object passed from Python, as an entrant: its version is what it is made of.

    Raises:
        InputError: it takes the name of a registered model.
    """
    import cloudpickle

    if registry().get(model.name) is model:
        return model
    if model.name in registry():
        raise InputError(f"{model.name!r} is the name of a registered model; rename yours")
    _valid(model, "the model")
    parts = (model.build, model.build_classifier, model.space, model.settings, dict(model.defaults), model.input)
    digest = hashlib.sha256(cloudpickle.dumps(parts)).hexdigest()[:12]
    return replace(model, version=f"{model.version}+{digest}")


def unavailable_because(model: Model) -> str:
    """Why the model cannot run here; empty when it can."""
    missing = [package for package in model.requires if not _is_installed(package)]
    if not missing:
        return ""
    here = sys.version_info[:2]
    ended = [package for package in missing if here > _LAST_PYTHON.get(package, here)]
    if ended:
        last = ".".join(map(str, _LAST_PYTHON[ended[0]]))
        return f"{ended[0]} supports Python up to {last}; this is {here[0]}.{here[1]}"
    pip_names = " ".join(_PIP_NAMES.get(package, package) for package in missing)
    return f"not installed: pip install {pip_names}"


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ModuleNotFoundError, ValueError):  # a submodule of a package that is absent
        return False


def _from_entry_point(point: EntryPoint) -> Model:
    try:
        found = point.load()
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        raise InputError(
            f"the installed plug-in {point.value!r} does not load ({message}); repair or remove it"
        ) from error
    where = f"the installed plug-in {point.value!r}"
    model = _valid(_plugins.as_model(found, name=point.name, where=where), where)
    # What is not a Model says no version; that of the package it came in tells when its results may change.
    return model if model is found or point.dist is None else replace(model, version=point.dist.version)


def _run_file(path: Path, name: str) -> ModuleType:
    import cloudpickle

    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{str(path)!r} does not run: {type(error).__name__}: {error}") from error
    # Workers cannot import a file by this name, so what it defines travels by value.
    cloudpickle.register_pickle_by_value(module)
    return module


def _valid(model: Model, where: str, taken: Iterable[str] = ()) -> Model:
    found = _plugins.problems(model, taken)
    if found:
        raise InputError(f"{where}: {found[0]}")
    return model


def _by_name(models: Iterable[Model]) -> dict[str, Model]:
    named: dict[str, Model] = {}
    for model in models:
        if model.name in named:
            raise InputError(f"two models are called {model.name!r}; rename one")
        named[model.name] = model
    return named
