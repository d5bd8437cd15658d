"""A run worked out: which entrants can enter, which cells there are, and what the models are given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from automat import models as registered
from automat import presets, splits
from automat.core import Cell, InputError, Model, Split
from automat.evaluate import Inputs
from automat.networks import backends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from automat_featurizers import CachedGraphs, Features, GraphBuilder

    from automat.core import Budget, Dataset, Fold

MAX_SEED = 2**31
"""Every library takes seeds up to here, and the few that are derived from them."""

_CHEAPEST_FIRST = {"cheap": 0, "moderate": 1, "expensive": 2, "network": 3}


@dataclass(frozen=True, eq=False)
class Plan:
    """All of a run but its results.

    Attributes:
        dataset, folds: the data and how it is cut.
        models: that enter.
        cells: in the order they should run.
        left_out: models that cannot enter, each with the reason.
    """

    dataset: Dataset
    folds: tuple[Fold, ...]
    models: tuple[Model, ...]
    cells: tuple[Cell, ...]
    left_out: Mapping[str, str]


class FeaturizeProgress(Protocol):
    """Told how many rows are featurized, of how many."""

    def featurizing(self, done: int, total: int) -> None:
        """``done`` of ``total`` rows."""


def make(
    dataset: Dataset,
    *,
    models: Sequence[str | Model] | None = None,
    features: str | None = None,
    preset: str = "default",
    split: str | None = None,
    folds: int | None = None,
    only_folds: int | None = None,
    trials: int | None = None,
    seed: int = 0,
    cache_dir: Path | None = None,
) -> Plan:
    """Work a run out; ``cache_dir`` keeps features that some splits need, ``only_folds`` leaves the later folds out.

    Raises:
        InputError: a name that is not known, a model that was asked for and cannot enter, or folds that
            cannot be made.
    """
    budget = presets.budget(preset, trials=trials)
    if not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed must be between 0 and {MAX_SEED}, but got {seed}")
    kind = split or splits.default_kind(dataset)
    dataset = splits.with_column_aside(dataset, kind)
    wanted = splits.default_folds(kind, budget.folds) if folds is None else folds
    made = splits.make(dataset, Split(kind, wanted, seed), cache_dir=cache_dir)
    if only_folds is not None and not 1 <= only_folds <= len(made):
        raise InputError(f"cannot compute only {only_folds} folds: there are {len(made)}")
    entrants = _entrants(models)
    fewest = min(len(fold.train) for fold in made)
    left_out = {model.name: reason for model in entrants if (reason := _cannot_enter(model, dataset, fewest))}
    if models is not None and left_out:
        name, reason = next(iter(left_out.items()))
        raise InputError(f"model {name!r} cannot run on {dataset.name!r}: {reason}")
    able = tuple(model for model in entrants if model.name not in left_out)
    feature_set = _feature_set(dataset, features)
    of_model = {model.name: _what_it_takes(model, dataset, feature_set, budget) for model in able}
    cells = tuple(
        Cell(
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            target=dataset.target_name,
            split=fold.split,
            fold=fold.index,
            model=model.name,
            model_version=model.version,
            seed=seed,
            **of_model[model.name],
        )
        for fold in made[:only_folds]
        for model in _in_order(able, fold.index)
    )
    return Plan(dataset, made, able, cells, left_out)


def inputs(
    plan: Plan,
    cells: Iterable[Cell],
    *,
    cache_dir: Path | None,
    jobs: int,
    progress: FeaturizeProgress | None = None,
) -> dict[str, Inputs]:
    """What the cells' models are given, by the cells' ``features``; computed here, or read from the cache."""
    dataset = plan.dataset
    kind_of = {cell.features: model for cell in cells for model in plan.models if model.name == cell.model}
    report = progress.featurizing if progress else None
    return {
        features: _inputs(dataset, model, features, cache_dir, jobs, report=report)
        for features, model in kind_of.items()
    }


def _inputs(
    dataset: Dataset,
    model: Model,
    features: str,
    cache_dir: Path | None,
    jobs: int,
    *,
    report: Callable[[int, int], None] | None,
) -> Inputs:
    import automat_featurizers

    if dataset.inputs == "table":
        table: Any = dataset.table
        return Inputs(table, names=tuple(map(str, table.columns)))
    if model.input == "features":
        packed: Any = dataset.structures if dataset.structures is not None else dataset.compositions
        made = automat_featurizers.featurize(packed, features, cache_dir=cache_dir, jobs=jobs, progress=report)
        groups = tuple(
            (each.name, len(each.get_feature_names_out()))
            for each in automat_featurizers.feature_set(features).featurizers
        )
        return Inputs(made.values, made.seconds, _failure_notes(made, features), made.names, groups)
    if model.input == "graph":
        structures: Any = dataset.structures
        graphs = automat_featurizers.cached_graphs(structures, cache_dir, _builder(model), jobs=jobs, progress=report)
        return Inputs(graphs.graphs, graphs.seconds, _edgeless(graphs, features))
    return Inputs(dataset.structures if model.input == "structures" else dataset.compositions)


def _failure_notes(made: Features, features: str) -> tuple[str, ...]:
    if not made.failures:
        return ()
    first = next(iter(made.failures.values()))
    count, rows = len(made.failures), len(made.values)
    return (f"{count} of {rows} rows lack a column of the features {features!r} (first: {first}).",)


def _edgeless(made: CachedGraphs, features: str) -> tuple[str, ...]:
    if not made.failures:
        return ()
    first = next(iter(made.failures.values()))
    count, rows = len(made.failures), len(made.graphs)
    return (f"{count} of {rows} graphs of {features!r} have no edges (first: {first}).",)


def _what_it_takes(model: Model, dataset: Dataset, feature_set: str, budget: Budget) -> dict[str, Any]:
    """Of a model's cells: what is the same in every fold."""
    return {
        "features": _given(model, feature_set),
        "features_version": _version(model, dataset, feature_set),
        "budget": _spendable(model, budget),
    }


def _entrants(models: Sequence[str | Model] | None) -> tuple[Model, ...]:
    if models is None:
        return tuple(registered.registry().values())
    if not models:
        raise InputError("no models were named")
    chosen: list[Model] = []
    for model in models:
        chosen.extend([registered.given(model)] if isinstance(model, Model) else registered.resolve([model]))
    names = [model.name for model in chosen]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"two models are called {min(twice)!r}; rename one")
    return tuple(chosen)


def _cannot_enter(model: Model, dataset: Dataset, rows: int) -> str:
    if dataset.task not in model.tasks:
        return f"it does {' and '.join(model.tasks)}, not {dataset.task}"
    if model.input in {"graph", "structures"} and dataset.structures is None:
        return "it needs crystal structures"
    if model.input == "compositions" and dataset.compositions is None:
        return "it needs compositions"
    if rows < model.least_rows:
        return f"it needs at least {model.least_rows} training rows, but a fold has {rows}"
    if model.input == "graph":
        backends.asked()
    return registered.unavailable_because(model)


def _feature_set(dataset: Dataset, name: str | None) -> str:
    """The feature set of the tabular models.

    Raises:
        InputError: no such set, or the dataset lacks what it takes.
    """
    import automat_featurizers

    if name is None:
        return automat_featurizers.default_feature_set(dataset.inputs)
    if dataset.inputs == "table":
        raise InputError(f"{dataset.name!r} is a plain table, its columns are the features; leave --features out")
    try:
        takes = automat_featurizers.feature_set(name).takes
    except ValueError as error:
        raise InputError(str(error)) from error
    if takes == "structure" and dataset.structures is None:
        raise InputError(f"feature set {name!r} needs crystal structures, which {dataset.name!r} does not have")
    return name


def _given(model: Model, feature_set: str) -> str:
    if model.input == "features":
        return feature_set
    return f"graph:{_builder(model).spec}" if model.input == "graph" else model.input


def _builder(model: Model) -> GraphBuilder:
    """Of the graphs that a model takes.

    Raises:
        InputError: there are none such.
    """
    from automat_featurizers import graph_builder

    try:
        return graph_builder(model.graph)
    except ValueError as error:
        raise InputError(f"model {model.name!r}: {error}") from error


def _version(model: Model, dataset: Dataset, feature_set: str) -> str:
    import automat_featurizers

    if model.input == "features" and dataset.inputs != "table":
        return automat_featurizers.feature_set(feature_set).version
    if model.input == "features":
        return automat_featurizers.TableEncoder().version
    if model.input == "graph":
        return _builder(model).version
    return "1"


def _spendable(model: Model, budget: Budget) -> dict[str, object]:
    """The part of the budget that this model can spend, so that only what matters to it names its cells."""
    searched = model.is_searched and not model.searches_itself
    spendable = {"preset": budget.name, "trials": budget.trials[model.cost] if searched else 1}
    settings = model.settings(budget)
    clash = sorted(settings.keys() & spendable.keys())
    if clash:
        raise InputError(f"model {model.name!r}: settings may not be called {', '.join(clash)}")
    try:
        json.dumps(settings)
    except TypeError as error:
        raise InputError(f"model {model.name!r}: settings must be plain values ({error})") from error
    return spendable | settings


def _in_order(models: Sequence[Model], fold: int) -> list[Model]:
    """Cheapest first in the first fold, so that the board fills early; dearest first in the others.

    The dearest first leaves no worker alone with a long cell at the end.
    """
    return sorted(models, key=lambda model: _CHEAPEST_FIRST[model.cost], reverse=fold > 0)
