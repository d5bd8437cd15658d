"""What users have, as a Model: a Model of ours, a scikit-learn estimator, a torch network, or two functions.

A user's file says what it holds by names in capitals::

    MODEL              a Model, a scikit-learn estimator (or its class), or the class of a torch network
    MODELS             several: a list of Models, or a mapping of name to any of these
    NAME               what it is called; the file's name by default
    INPUT              "features" (by default), "compositions", "structures" or "graph"
    TASKS              of what is not a Model; by default what scikit-learn says of an estimator, else regression
    REQUIRES           importable packages that it needs besides automat's own
    TITLE, CITATION, LICENCE   for people
    HANDLES_MISSING    whether it takes NaN features; else they are imputed
    TRAINING           of a torch network: fields of ``automat.networks.trainer.Recipe`` by name

Without MODEL and MODELS it holds functions: ``network(columns, outputs)``, or ``fit(X, y)`` and
``predict(fitted, X)``, and for classification ``predict_proba(fitted, X)``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from automat.core import Cost, InputError, Model, ModelInput, Task, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from automat.core import Budget

FORMS = (
    "MODEL = an automat.Model, a scikit-learn estimator or the class of a torch network; or functions "
    "fit(X, y) and predict(fitted, X); or a function network(columns, outputs)"
)
"""What a user's file may hold, for messages."""

_TEXTS = ("title", "citation", "licence")
_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*")
_PASSES = 3
"""Epochs of a network on features for one of a network on graphs, as our own have it."""


def models_in(found: Mapping[str, Any], name: str, where: str) -> tuple[Model, ...]:
    """The models among the names of a user's file.

    Args:
        found: name to object, as the file leaves them.
        name: of a model that says none itself.
        where: the file, for messages.

    Raises:
        InputError: it holds none, more than can be told apart, or one that cannot be used.
    """
    if "MODELS" in found:
        return _several(found, where)
    if "MODEL" in found:
        return (as_model(found["MODEL"], name=name, where=f"MODEL in {where}", said=found),)
    functions = _functions(found)
    if "network" in functions and "fit" in functions:
        raise InputError(f"{where} has a function network and a function fit; only one of them can be the model")
    if "network" in functions:
        return (_of_network(functions["network"], _described(found, name, where), where),)
    if "fit" in functions or "predict" in functions:
        return (_of_functions(functions, _described(found, name, where), where),)
    raise InputError(f"{where} holds no model. It may hold {FORMS}")


def as_model(thing: object, *, name: str, where: str = "the model", said: Mapping[str, Any] | None = None) -> Model:
    """A Model of what a user has.

    >>> from sklearn.linear_model import Ridge
    >>> as_model(Ridge(), name="my_ridge").tasks
    ('regression',)

    Args:
        thing: a Model, an estimator or its class, the class of a torch network, or a module that holds one.
        name: what it is called, where it does not say.
        where: it was found, for messages.
        said: what stands beside it in capitals (INPUT, TASKS, ...).

    Raises:
        InputError: it is none of these, or what is said of it cannot be.
    """
    said = said or {}
    if isinstance(thing, Model):
        return thing
    if inspect.ismodule(thing):
        models = models_in(vars(thing), name, where)
        if len(models) != 1:
            raise InputError(f"{where} is a module with {len(models)} models; name one object of it for each")
        return models[0]
    if _is_network(thing):
        return _of_network(thing, _described(said, name, where), where)
    if hasattr(thing, "fit") and hasattr(thing, "predict"):
        return _of_estimator(_instance(thing, where), _described(said, name, where), where)
    raise InputError(f"{where} is {_kind(thing)}, which automat cannot use. A file may hold {FORMS}")


def name_of_file(path: Path) -> str:
    """What a file's model is called, where it does not say.

    >>> from pathlib import Path
    >>> name_of_file(Path("study/My model.py"))
    'my_model'
    """
    return re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "model"


def problems(model: Model, taken: Iterable[str] = ()) -> tuple[str, ...]:
    """What is wrong with what a model says of itself, a sentence each; ``taken`` are the names of others."""
    found = []
    if not isinstance(model.name, str) or not _NAME.fullmatch(model.name):
        found.append(
            f"the name {model.name!r} must be lower-case letters, digits and _.+-, and begin with a letter or digit"
        )
    elif model.name in taken:
        found.append(f"{model.name!r} is the name of a registered model; rename yours")
    tasks = (model.tasks,) if isinstance(model.tasks, str) else tuple(model.tasks)
    allowed = get_args(Task)
    if not tasks:
        found.append(f"tasks is empty; name at least one of {' and '.join(allowed)}")
    if isinstance(model.tasks, str):
        found.append(f"tasks must be a tuple, such as ({model.tasks!r},), not a string")
    found += [str(UnknownNameError("task", str(task), allowed)) for task in tasks if task not in allowed]
    for what, value, names in (("input", model.input, get_args(ModelInput)), ("cost", model.cost, get_args(Cost))):
        if value not in names:
            found.append(str(UnknownNameError(what, str(value), names)))
    calls = {"build": model.build, "space": model.space, "settings": model.settings}
    found += [f"{what} must be a function, but is {_kind(call)}" for what, call in calls.items() if not callable(call)]
    if isinstance(model.requires, str):
        found.append(f"requires must be a tuple, such as ({model.requires!r},), not a string")
    return tuple(found)


def _several(found: Mapping[str, Any], where: str) -> tuple[Model, ...]:
    given = found["MODELS"]
    if isinstance(given, Mapping):
        models = []
        for name, thing in given.items():
            model = as_model(thing, name=str(name), where=f"MODELS[{name!r}] in {where}", said=_without_name(found))
            models.append(replace(model, name=str(name)))
        if models:
            return tuple(models)
    elif isinstance(given, (list, tuple)) and given:
        nameless = [thing for thing in given if not isinstance(thing, Model)]
        if nameless:
            raise InputError(
                f"MODELS in {where} holds {_kind(nameless[0])} without a name; write MODELS = {{'a_name': ...}}"
            )
        return tuple(given)
    raise InputError(f"MODELS in {where} must be a list of automat.Model, or a mapping of names to models")


def _without_name(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "NAME"}


def _functions(found: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    names = ("network", "fit", "predict", "predict_proba")
    return {name: found[name] for name in names if callable(found.get(name))}


def _described(said: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """What a file says in capitals, as arguments of Model; what it leaves out is left out."""
    described: dict[str, Any] = {"name": said.get("NAME", name), "input": said.get("INPUT", "features")}
    if described["input"] not in get_args(ModelInput):
        raise InputError(f"{where}: {UnknownNameError('INPUT', str(described['input']), get_args(ModelInput))}")
    for key in ("TASKS", "REQUIRES"):
        if key in said:
            given = said[key]
            described[key.lower()] = (given,) if isinstance(given, str) else tuple(given)
    for task in described.get("tasks", ()):
        if task not in get_args(Task):
            raise InputError(f"{where}: {UnknownNameError('task', str(task), get_args(Task))}")
    described |= {key: str(said[key.upper()]) for key in _TEXTS if key.upper() in said}
    if "HANDLES_MISSING" in said:
        described["handles_missing"] = bool(said["HANDLES_MISSING"])
    if "TRAINING" in said:
        described["training"] = said["TRAINING"]
    return described


def _instance(thing: Any, where: str) -> Any:
    if not inspect.isclass(thing):
        return thing
    try:
        return thing()
    except Exception as error:
        raise InputError(
            f"{where} is the class {thing.__name__}, which cannot be made without arguments "
            f"({type(error).__name__}: {error}); give an instance"
        ) from error


def _of_estimator(template: Any, described: dict[str, Any], where: str) -> Model:
    from sklearn.base import is_classifier

    _no_training(described, where)
    default: tuple[Task, ...] = ("classification",) if is_classifier(template) else ("regression",)
    tasks = described.setdefault("tasks", default)
    if "classification" in tasks and not hasattr(template, "predict_proba"):
        raise InputError(
            f"{where}: classification is scored from class probabilities, but {_kind(template)} has no predict_proba; "
            "take one that has, or wrap it in sklearn.calibration.CalibratedClassifierCV"
        )
    described.setdefault("title", type(template).__name__)
    return Model(build=partial(_seeded_copy, template), **described)


def _seeded_copy(template: Any, _params: dict[str, Any], seed: int) -> Any:
    """An unfitted copy; what the user left unseeded (``random_state=None``, at any depth) gets the run's seed."""
    import copy

    from sklearn.base import clone

    if not hasattr(template, "get_params"):
        return copy.deepcopy(template)
    estimator = clone(template)
    states = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if value is None and (name == "random_state" or name.endswith("__random_state"))
    }
    return estimator.set_params(**states) if states else estimator


def _of_functions(functions: Mapping[str, Callable[..., Any]], described: dict[str, Any], where: str) -> Model:
    _no_training(described, where)
    for name, arguments in (("fit", "X, y"), ("predict", "fitted, X")):
        if name not in functions:
            raise InputError(f"{where} has no function {name}({arguments}) beside the other; it needs both")
    tasks = described.setdefault("tasks", ("regression",))
    if "classification" in tasks and "predict_proba" not in functions:
        raise InputError(
            f"{where}: classification is scored from class probabilities; add a function predict_proba(fitted, X) "
            "that gives an array of shape (rows, classes)"
        )
    _checked_arguments(functions["fit"], ("X", "y"), ("seed",), f"fit in {where}")
    for name in functions.keys() & {"predict", "predict_proba"}:
        _checked_arguments(functions[name], ("fitted", "X"), (), f"{name} in {where}")
    return Model(
        build=partial(_functions_estimator, dict(functions), classify=False),
        build_classifier=partial(_functions_estimator, dict(functions), classify=True),
        **described,
    )


def _functions_estimator(
    functions: dict[str, Callable[..., Any]], _params: dict[str, Any], seed: int, *, classify: bool
) -> Any:
    from automat.models._functions import FunctionsClassifier, FunctionsRegressor

    if classify:
        return FunctionsClassifier(functions["fit"], functions["predict"], functions["predict_proba"], seed=seed)
    return FunctionsRegressor(functions["fit"], functions["predict"], seed=seed)


def _of_network(network: Any, described: dict[str, Any], where: str) -> Model:
    on = described["input"]
    if inspect.isclass(network) is False and _is_network(network):
        raise InputError(
            f"{where} is a network that is made already; give its class, or a function network(columns, outputs), "
            "so that every fold starts from weights of its own"
        )
    if on not in {"features", "graph"}:
        raise InputError(f"{where}: a torch network takes INPUT = 'features' or 'graph', not {on!r}")
    offered = ("columns", "outputs") if on == "features" else ("outputs",)
    _checked_names(network, offered, where)
    training = described.pop("training", {})
    if not isinstance(training, Mapping):
        raise InputError(f"{where}: TRAINING must be a mapping such as {{'epochs': 50}}, but is {_kind(training)}")
    described.setdefault("tasks", get_args(Task))
    described["requires"] = tuple(dict.fromkeys([*described.get("requires", ()), "torch"]))
    passes = _PASSES if on == "features" else 1
    return Model(
        build=partial(_network_estimator, network, dict(training), on, classify=False),
        build_classifier=partial(_network_estimator, network, dict(training), on, classify=True),
        settings=partial(_epochs, fixed=training.get("epochs"), passes=passes),
        cost="network" if on == "graph" else "expensive",
        **described,
    )


def _epochs(budget: Budget, *, fixed: int | None, passes: int) -> dict[str, Any]:
    return {"epochs": passes * budget.epochs if fixed is None else fixed}


def _network_estimator(
    network: Any,
    training: dict[str, Any],
    on: Literal["features", "graph"],
    params: dict[str, Any],
    seed: int,
    *,
    classify: bool,
) -> Any:
    from automat.networks import user_networks

    return user_networks.estimator(network, {**training, **params}, seed=seed, on=on, classify=classify)


def _no_training(described: dict[str, Any], where: str) -> None:
    if "training" in described:
        raise InputError(f"{where}: TRAINING is for torch networks alone; leave it out")


def _checked_arguments(function: Any, needed: tuple[str, ...], offered: tuple[str, ...], where: str) -> None:
    """Refuse a function that cannot be called with so many positional arguments, and the offered ones by name."""
    try:
        signature = inspect.signature(function)
        by_name = {name: 0 for name in offered if name in signature.parameters}
        signature.bind(*needed, **by_name)
    except TypeError as error:
        raise InputError(f"{where} must take ({', '.join(needed)}), but {error}") from error
    except ValueError:  # a compiled function does not tell what it takes
        return


def _checked_names(function: Any, offered: tuple[str, ...], where: str) -> None:
    """Refuse a network that asks for what it is not given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return
    unknown = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        and (each.name not in offered or each.kind is each.POSITIONAL_ONLY)
    ]
    if unknown:
        raise InputError(
            f"{where}: the network asks for {', '.join(unknown)}, but it is given {' and '.join(offered)} by name; "
            "give the others defaults"
        )


def _is_network(thing: object) -> bool:
    """Whether it is a torch module or the class of one; who has one has imported torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    kind = thing if inspect.isclass(thing) else type(thing)
    return issubclass(kind, torch.nn.Module)


def _kind(thing: object) -> str:
    return f"the class {thing.__name__}" if inspect.isclass(thing) else f"a {type(thing).__name__}"
