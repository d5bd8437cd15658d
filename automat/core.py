"""The nouns of automat. A reader who knows these knows the project."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import optuna
    import pandas as pd
    from automat_featurizers.packed import PackedCompositions, PackedStructures
    from numpy.typing import NDArray

Task = Literal["regression", "classification"]
Inputs = Literal["table", "compositions", "structures"]
ModelInput = Literal["features", "compositions", "structures", "graph"]
Cost = Literal["cheap", "moderate", "expensive", "network"]
Status = Literal["ok", "failed", "timeout", "out_of_memory"]


class InputError(ValueError):
    """What the user gave cannot be used; the message says what is wrong and what is allowed."""


class StorageError(RuntimeError):
    """Results cannot be kept (a full disk, a folder that became read-only); what was kept before is whole."""


class EngineError(RuntimeError):
    """Cells cannot be computed any more (workers do not start, a scheduler went away); what was finished is kept."""


class UnknownNameError(InputError):
    """A name that is not registered.

    >>> print(UnknownNameError("dataset", "mp_formtion", ["iris", "mp_formation"]))
    unknown dataset 'mp_formtion'. Did you mean 'mp_formation'? Allowed: iris, mp_formation
    """

    def __init__(self, kind: str, given: str, allowed: Iterable[str]) -> None:
        names = sorted(allowed)
        by_lower = {name.lower(): name for name in names}
        nearest = difflib.get_close_matches(given.lower(), by_lower, n=1, cutoff=0.5)
        hint = f" Did you mean {by_lower[nearest[0]]!r}?" if nearest else ""
        super().__init__(f"unknown {kind} {given!r}.{hint} Allowed: {', '.join(names)}")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Materials (or plain rows) with one target each.

    Attributes:
        name: what the user calls it.
        ids: unique row names, shape (n,).
        target: regression values in ``unit``, or class codes 0..k-1 as floats, shape (n,).
        target_name: the target's column.
        unit: of the target; empty for classes and pure numbers.
        task: regression or classification.
        inputs: what the rows are: a plain table, compositions, or structures.
        compositions: packed compositions; present for compositions and structures.
        structures: packed structures; present for structures.
        table: numeric and categorical columns; present for plain tables.
        classes: class names, in the order of their codes; empty for regression.
        source, licence, citation: where the data comes from and how to cite it.
        notes: what was set aside on reading, a sentence each.
        extra: columns of the source that no model sees (dates, folds of its own), in the order of the rows;
            None where it has none.
    """

    name: str
    ids: NDArray[np.str_]
    target: NDArray[np.float64]
    target_name: str
    unit: str
    task: Task
    inputs: Inputs
    compositions: PackedCompositions | None = None
    structures: PackedStructures | None = None
    table: pd.DataFrame | None = None
    classes: tuple[str, ...] = ()
    source: str = ""
    licence: str = ""
    citation: str = ""
    notes: tuple[str, ...] = ()
    extra: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def formulas(self) -> tuple[str, ...] | None:
        """Reduced formulas, where rows have compositions."""
        return None if self.compositions is None else self.compositions.formulas

    @property
    def spread(self) -> float:
        """What a constant guess costs: mean absolute deviation, or the share outside the largest class."""
        import numpy as np

        if self.task == "regression":
            return float(np.abs(self.target - self.target.mean()).mean())
        return float(1 - np.bincount(self.target.astype(int)).max() / len(self))

    @cached_property
    def sha256(self) -> str:
        """Of the content that a model can see: ids, inputs and targets."""
        import numpy as np

        digest = hashlib.sha256()
        for part in (self.task, *self.classes, "|".join(self.ids.tolist())):
            digest.update(part.encode())
        digest.update(np.ascontiguousarray(self.target).tobytes())
        if self.structures is not None:
            digest.update("".join(self.structures.row_hashes()).encode())
        elif self.compositions is not None:
            digest.update("".join(self.compositions.row_hashes()).encode())
        if self.table is not None:
            digest.update(self.table.to_csv(index=False).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Split:
    """How a dataset is cut: as it is asked for, and once it is made, as it was made.

    Attributes:
        kind: what ``--split`` takes: a kind's name, with its column or its repeats where it has them
            (``formula``, ``column:my_fold``, ``random*3``).
        folds: folds asked for (of one repeat; 0: as many as the kind makes by itself); all folds, once made.
        seed: of its shuffle.
        sha256: hex digest of the ids of every fold; empty until it is made.
        version: of the kind's code; empty until it is made.
    """

    kind: str
    folds: int
    seed: int
    sha256: str = ""
    version: str = ""


@dataclass(frozen=True, eq=False)
class Fold:
    """One cut: row positions to train on and to test on, disjoint. Rows may be in neither.

    Attributes:
        split: the split as made, the same for all its folds.
        index: from 0.
        train, test: sorted row positions.
        label: what is left out, e.g. ``O``; empty where rows are drawn by chance.
        validation: rows that are fixed for tuning, in neither of the others; None: tuning cuts ``train``.
        groups: of every row of the dataset, shape (n,), the code of the group that is never parted; None
            where rows stand alone.
    """

    split: Split
    index: int
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    label: str = ""
    validation: NDArray[np.intp] | None = None
    groups: NDArray[np.intp] | None = None


@dataclass(frozen=True)
class Budget:
    """What an entrant may spend, as counts (time is only a guard, so results repeat).

    Attributes:
        name: the preset's name, with what the user overrode.
        folds: default number of folds.
        trials: Optuna trials by model cost; the first is the model's default, and one trial is that alone.
        trees: boosting rounds, or trees of a forest, by model cost.
        epochs: of networks.
        pycaret_learners: what PyCaret compares; empty for all it knows.
        pycaret_trials: of PyCaret's own Optuna search on its best learner.
    """

    name: str
    folds: int
    trials: Mapping[Cost, int]
    trees: int
    epochs: int
    pycaret_learners: tuple[str, ...]
    pycaret_trials: int


def _no_space(_trial: optuna.Trial) -> dict[str, Any]:
    return {}


def _no_settings(_budget: Budget) -> dict[str, Any]:
    return {}


Params = Mapping[str, Any]
Builder = Callable[[dict[str, Any], int], Any]


@dataclass(frozen=True, eq=False)
class Model:
    """An entrant: what it takes, how it is searched, how it is built.

    >>> from sklearn.linear_model import Ridge
    >>> model = Model(
    ...     name="my_ridge",
    ...     input="features",
    ...     space=lambda trial: {"alpha": trial.suggest_float("alpha", 1e-3, 1e3, log=True)},
    ...     build=lambda params, seed: Ridge(**params, random_state=seed),
    ... )
    >>> model.tasks
    ('regression',)

    Attributes:
        name: unique, short, lower case.
        input: ``features`` (float array, n x columns), ``compositions``, ``structures`` (packed,
            iterable as pymatgen objects), or ``graph`` (packed crystal graphs).
        graph: of a ``graph`` model, what its edges are: ``nearest``, ``radius`` or ``voronoi``, with settings where
            they are not the defaults (``radius:cutoff=6``; see ``automat_featurizers.graph_builder``).
        build: parameters and a seed to an unfitted estimator (a regressor, where tasks name regression):
            scikit-learn's ``fit(X, y)`` and ``predict(X)``, and ``predict_proba`` over the class codes
            0..k-1 for classification. What it leaves in ``details_``, a JSON-able dict, is kept with its record.
        space: an Optuna trial to the parameters it suggests.
        build_classifier: the same for classification; None: ``build`` serves every task in ``tasks``.
        tasks: what it can be entered for.
        defaults: the first trial's parameters, so that tuned is never worse than default where it is judged.
        settings: the budget to parameters that are not searched (trees, epochs); they win over the space.
        options: further parameters that a user may set by name, each with what reads its text.
        variants: names of settings that belong together, such as those of a publication.
        handles_missing: takes NaN features; else they are imputed (median of the training fold).
        searches_itself: runs its own search inside ``fit`` (an AutoML system), so gets no trials.
        cost: how many trials a preset grants.
        least_rows: fewer training rows it cannot be fitted on.
        requires: importable packages that it needs.
        title: for people.
        citation: whom to cite, and where its search ranges come from.
        licence: of the code it calls.
        version: raise it when the same parameters no longer give the same result.
    """

    name: str
    build: Builder
    input: ModelInput = "features"
    graph: str = "nearest"
    space: Callable[[optuna.Trial], dict[str, Any]] = _no_space
    build_classifier: Builder | None = None
    tasks: tuple[Task, ...] = ("regression",)
    defaults: Params = field(default_factory=dict)
    settings: Callable[[Budget], dict[str, Any]] = _no_settings
    options: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)
    variants: Mapping[str, Params] = field(default_factory=dict)
    handles_missing: bool = False
    searches_itself: bool = False
    cost: Cost = "moderate"
    least_rows: int = 1
    requires: tuple[str, ...] = ()
    title: str = ""
    citation: str = ""
    licence: str = ""
    version: str = "1"

    @property
    def is_searched(self) -> bool:
        """Whether Optuna has anything to search."""
        return self.space is not _no_space

    def make(self, task: Task, params: dict[str, Any], seed: int) -> Any:
        """An unfitted estimator for the task."""
        if task == "classification" and self.build_classifier is not None:
            return self.build_classifier(params, seed)
        return self.build(params, seed)


@dataclass(frozen=True)
class Cell:
    """One unit of work. Its key is its name on disk: a cell done is never done again.

    Attributes:
        dataset: name, for people; the key uses ``dataset_sha256``.
        features: the feature set of a ``features`` model; else what the model takes.
        features_version: of that featurizer; a new version is a new cell.
        budget: everything of the preset that this model can spend, JSON-able.
    """

    dataset: str
    dataset_sha256: str
    target: str
    split: Split
    fold: int
    model: str
    model_version: str
    features: str
    features_version: str
    budget: Mapping[str, Any]
    seed: int

    @cached_property
    def key(self) -> str:
        """Hex digest of everything that decides the result."""
        content = asdict(self) | {"budget": dict(self.budget)}
        del content["dataset"]
        # Records from before folds had a digest keep their names.
        content["split"] = {name: value for name, value in content["split"].items() if value != ""}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    @property
    def preset(self) -> str:
        """The preset's name, with overrides."""
        return str(self.budget.get("preset", ""))


@dataclass(frozen=True, eq=False)
class Predictions:
    """One cell's test rows.

    Attributes:
        ids: row names, shape (n,).
        y_true: targets, shape (n,).
        y_pred: predicted values or class codes, shape (n,).
        probabilities: class probabilities, shape (n, k); None for regression.
        y_std: standard deviation of the errors to expect, shape (n,); None where nothing tells it.
        lower, upper: ends of the interval that is to hold 90% of targets, shape (n,); None likewise, and NaN
            where too few rows tell it.
    """

    ids: NDArray[np.str_]
    y_true: NDArray[np.float64]
    y_pred: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None
    y_std: NDArray[np.float64] | None = None
    lower: NDArray[np.float64] | None = None
    upper: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class RunRecord:
    """What became of a cell. A failed cell is a record too.

    Attributes:
        cell: the unit of work.
        task, unit, title: of the dataset and the model, for the page.
        status, error: ``ok``, or what went wrong in one line.
        params: chosen parameters.
        metrics: ``train``, ``validation`` (inner holdout) and ``test``, each metric name to value.
        n_train, n_test: rows.
        featurize_seconds: CPU seconds to featurize the whole dataset once, when the cache was filled.
        tune_seconds, fit_seconds, predict_seconds: CPU seconds of search, final fit, test prediction.
        peak_memory_mb: how far the worker's memory rose, at its peak, above where the cell began.
        versions: of Python and the packages that matter.
        commit: of automat's own sources, where they are a checkout.
        host: processor and system, without the machine's name.
        finished_at: UTC, ISO 8601.
        details: what the entrant says of itself (search history, epoch curves, comparison tables).
        predictions_sha256: of the file of its predictions, filled as it is stored; empty where there is none.
    """

    cell: Cell
    task: Task
    unit: str
    title: str
    status: Status
    error: str = ""
    params: Params = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    n_train: int = 0
    n_test: int = 0
    featurize_seconds: float = 0.0
    tune_seconds: float = 0.0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    host: str = ""
    finished_at: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    predictions_sha256: str = ""
