"""A trained model: materials in, values out, with an error bar and the distance to what it was trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, clone

from automat import persist
from automat.calibration import Calibration
from automat.core import InputError
from automat.domain import Domain
from automat.output import Output, final_step, output_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from automat.core import Task

ENDING = ".automat"

DOMAIN_FEATURES = "magpie"
"""What distances are measured in where a model takes no features: composition alone, and cheap."""


@dataclass(frozen=True)
class Card:
    """What a trained model is, JSON-able.

    Attributes:
        name, title: of the entrant.
        task, target, unit, classes: of the data.
        inputs: ``table``, ``compositions`` or ``structures``: what must be given. Crystals only where more of them
            than their formulas is looked at.
        takes: ``features``, ``compositions``, ``structures`` or ``graph``, of the entrant.
        features, features_version: the feature set, or what the entrant takes instead.
        params: it was built with.
        dataset, dataset_sha256, rows: it was trained on.
        scores: on the test folds of the leaderboard that it was chosen by: metric to mean.
        seed: of the fit.
        columns: of a plain table.
        target_range: smallest and largest training target.
        calibration: what its error bars are from; empty without.
        command, created_at, versions, commit, citation, licence, source: how it came about, and whom to cite.
    """

    name: str
    title: str
    task: Task
    target: str
    unit: str
    classes: tuple[str, ...]
    inputs: str
    takes: str
    features: str
    features_version: str
    params: Mapping[str, Any]
    dataset: str
    dataset_sha256: str
    rows: int
    scores: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    columns: tuple[str, ...] = ()
    target_range: tuple[float, float] | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    created_at: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    citation: str = ""
    licence: str = ""
    source: str = ""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Card:
        """From JSON.

        Raises:
            InputError: something is missing.
        """
        known = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
        known |= {name: tuple(known[name]) for name in ("classes", "columns") if name in known}
        if known.get("target_range"):
            known["target_range"] = tuple(known["target_range"])
        try:
            return cls(**known)
        except TypeError as error:
            raise InputError(f"the model's card is incomplete: {error}") from error


class TrainedModel(BaseEstimator):  # type: ignore[misc]
    """A fitted entrant with everything between a material and a value; a scikit-learn estimator.

    Materials are given as formulas, pymatgen compositions or structures, or packed arrays; rows of a plain
    table as a data frame.

    Args:
        card: what it is.
        estimator: fitted on the card's features.
        calibration: of its error bars; None: it has none.
        domain: the training rows; None: distances are not known.
    """

    def __init__(
        self, card: Card, estimator: Any, calibration: Calibration | None = None, domain: Domain | None = None
    ) -> None:
        self.card = card
        self.estimator = estimator
        self.calibration = calibration
        self.domain = domain

    def fit(self, X: Any, y: ArrayLike) -> Self:
        """Fit anew, with the same parameters, on other materials and targets (values, or class names).

        The error bars are forgotten: they were learned with the former rows.
        """
        inputs = self.inputs(X)
        target = np.asarray(y)
        codes = [self.card.classes.index(str(name)) for name in target] if self.card.classes else target
        self.estimator = clone(self.estimator).fit(inputs, np.asarray(codes))
        self.calibration, self.domain = None, Domain.of(self._domain_features(X, inputs))
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Values in the card's unit, or class names, shape (n,).

        Raises:
            InputError: X is not what the model takes, or holds a row that cannot be read.
        """
        return self._named(self._output(self.inputs(X)).values)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Class probabilities, shape (n, classes), in the order of ``card.classes``.

        Raises:
            InputError: the model predicts no classes; or as ``predict``.
        """
        if not self.card.classes:
            raise InputError(f"{self.card.name!r} predicts {self.card.target!r}, which is no class")
        return cast("NDArray[np.float64]", self._output(self.inputs(X)).probabilities)

    def describe(self, X: Any, ids: Sequence[str] | None = None) -> pd.DataFrame:
        """Everything that is known of every row.

        Returns:
            Columns ``id`` (where given) and ``prediction``; for a regression ``std``, ``lower`` and ``upper`` (a
            90% interval), NaN without error bars; for classes ``probability`` of each; ``distance`` to the
            training rows and ``in_domain`` where these are known.
        """
        import pandas as pd

        return pd.DataFrame(self.described(X, ids))

    def described(self, X: Any, ids: Sequence[str] | None = None) -> dict[str, Any]:
        """The columns of :meth:`describe`, without pandas."""
        inputs = self.inputs(X)
        made: dict[str, Any] = {} if ids is None else {"id": list(ids)}
        output = self._output(inputs)
        made["prediction"] = self._named(output.values)
        if output.probabilities is not None:
            chances = output.probabilities
            made |= {f"probability of {name}": chances[:, code] for code, name in enumerate(self.card.classes)}
        else:
            made |= dict(zip(("std", "lower", "upper"), self._error_bars(output), strict=True))
        if self.domain is not None:
            made["distance"] = self.domain.distance(self._domain_features(X, inputs))
            made["in_domain"] = self.domain.holds(made["distance"])
        return made

    def score(self, X: Any, y: ArrayLike) -> float:
        """R2 of a regression, the share of right answers for classes: what scikit-learn's tools ask for."""
        from sklearn.metrics import accuracy_score, r2_score

        given = self.predict(X)
        if self.card.classes:
            return float(accuracy_score([str(name) for name in np.asarray(y)], given))
        return float(r2_score(np.asarray(y, dtype=np.float64), given))

    def __sklearn_is_fitted__(self) -> bool:
        """A clone is not, until ``fit``."""
        from sklearn.exceptions import NotFittedError
        from sklearn.utils.validation import check_is_fitted

        model = final_step(self.estimator)
        if hasattr(model, "is_fitted"):  # CatBoost's own way to say so
            return bool(model.is_fitted())
        try:
            check_is_fitted(model)
        except NotFittedError:
            return False
        return True

    @property
    def classes_(self) -> NDArray[np.object_]:
        """Class names, in the order of ``predict_proba``'s columns.

        Raises:
            AttributeError: the model predicts no classes.
        """
        if not self.card.classes:
            raise AttributeError(f"{self.card.name!r} predicts {self.card.target!r}, which is no class")
        return np.array(self.card.classes, dtype=object)

    @property
    def _estimator_type(self) -> str:
        """Scikit-learn's question of what this is."""
        return "classifier" if self.card.task == "classification" else "regressor"

    def __sklearn_tags__(self) -> Any:
        """The same question, from scikit-learn 1.6 on."""
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = super().__sklearn_tags__()
        tags.estimator_type = self._estimator_type
        if self.card.task == "classification":
            tags.classifier_tags = ClassifierTags()
        else:
            tags.regressor_tags = RegressorTags()
        return tags

    def save(self, path: str | Path, *, allow_pickle: bool = False) -> Path:
        """Write it as one file.

        Raises:
            UnsafeModelError: it can only be kept as a pickle, and that is not allowed.
        """
        arrays: dict[str, NDArray[Any]] = {}
        if self.domain is not None:
            arrays = {f"domain.{name}": np.asarray(value) for name, value in vars(self.domain).items()}
        card = asdict(self.card) | {"calibrated": None if self.calibration is None else asdict(self.calibration)}
        if self.calibration is not None and not np.isfinite(self.calibration.reach):
            card["calibrated"]["reach"] = None
        target = Path(path)
        persist.write(target, card, self.estimator, arrays, allow_pickle=allow_pickle)
        return target

    def __repr__(self) -> str:
        card = self.card
        unit = f" {card.unit}" if card.unit else ""
        return f"<TrainedModel {card.name}: {card.target}{unit} from {card.inputs}, {card.rows} rows of {card.dataset}>"

    def _repr_html_(self) -> str:
        """For notebooks: the card as a table."""
        import pandas as pd

        card = self.card
        shown = {
            "model": card.title, "predicts": f"{card.target} {card.unit}".strip(), "from": card.inputs,
            "features": card.features, "trained on": f"{card.rows} rows of {card.dataset}",
            **{f"test {name}": f"{value:.4g}" for name, value in card.scores.items()},
        }  # fmt: skip
        table: str = pd.DataFrame({"": shown}).to_html(header=False, escape=True)
        return table

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, str]:
        """The same; without it notebooks show scikit-learn's own drawing of what it is made of."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def inputs(self, X: Any) -> Any:
        """What the estimator takes, of materials or rows of a table.

        Raises:
            InputError: see ``predict``.
        """
        import automat_featurizers

        if self.card.inputs == "table":
            return self._columns(X)
        packed = self._packed(X)
        if self.card.takes == "features":
            made = automat_featurizers.featurize(packed, self.card.features)
            return made.values  # noqa: PD011 - no data frame
        if self.card.takes == "graph":
            builder = automat_featurizers.graph_builder(self.card.features.removeprefix("graph:"))
            return builder.transform(packed)
        return packed

    def feature_names(self) -> list[str]:
        """Of the columns that the estimator itself sees, behind the encoder of a plain table."""
        import automat_featurizers

        if self.card.inputs == "table":
            return [str(name) for name in self.estimator[0].get_feature_names_out()]
        names: list[str] = []
        for featurizer in automat_featurizers.feature_set(self.card.features).featurizers:
            names += [str(name) for name in featurizer.get_feature_names_out()]
        return names

    def _columns(self, X: Any) -> pd.DataFrame:
        self.check_columns(X)
        table: pd.DataFrame = X[list(self.card.columns)]
        wrong = self.faults(table)
        if wrong:
            row, reason = next(iter(wrong.items()))
            raise InputError(f"row {row + 1}: {reason}")
        return table

    def check_columns(self, X: Any) -> None:
        """Refuse what is no table, or one without a column that the model takes.

        Raises:
            InputError: it is.
        """
        if not hasattr(X, "columns"):
            raise InputError(f"{self.card.name!r} takes a table with the columns {', '.join(self.card.columns)}")
        absent = [name for name in self.card.columns if name not in X.columns]
        if absent:
            raise InputError(f"the table lacks the columns {', '.join(map(repr, absent))}, which the model takes")

    def faults(self, table: pd.DataFrame) -> dict[int, str]:
        """Rows of a plain table that the model cannot take, by position, each with the reason."""
        import pandas as pd

        found: dict[int, str] = {}
        for name in self._numeric_columns():
            given = table[name].to_numpy(object)
            values = np.array(pd.to_numeric(pd.Series(given), errors="coerce"), dtype=np.float64)
            for row in np.flatnonzero((np.isnan(values) & pd.notna(given)) | np.isinf(values)).tolist():
                what = "infinite" if np.isinf(values[row]) else f"{given[row]!r}"
                found.setdefault(row, f"the column {name!r} is {what}; allowed are numbers, or nothing")
        return found

    @property
    def named_columns(self) -> tuple[str, ...]:
        """Columns of a plain table that hold categories: their labels are text, also where they look like numbers."""
        numeric = self._numeric_columns()
        return tuple(name for name in self.card.columns if name not in numeric)

    def _numeric_columns(self) -> tuple[str, ...]:
        return getattr(self.estimator[0], "numeric_columns", ()) if self.card.inputs == "table" else ()

    def _packed(self, X: Any) -> Any:
        from automat_featurizers.base import as_packed

        try:
            return as_packed(X, "structure" if self.card.inputs == "structures" else "composition")
        except ValueError as error:
            raise InputError(f"{self.card.name!r} takes {self.card.inputs}: {error}") from error

    def _domain_features(self, X: Any, inputs: Any) -> NDArray[np.float64]:
        """What distances are measured in: the model's own features, a table's columns, or Magpie's."""
        import automat_featurizers

        if self.card.inputs == "table":
            encoded: NDArray[np.float64] = self.estimator[0].transform(inputs)
            return encoded
        if self.card.takes == "features":
            values: NDArray[np.float64] = inputs
            return values
        made = automat_featurizers.featurize(self._packed(X), DOMAIN_FEATURES)
        return made.values  # noqa: PD011 - no data frame

    def _output(self, inputs: Any) -> Output:
        return output_of(self.estimator, inputs, self.card.task, len(self.card.classes))

    def _error_bars(self, made: Output) -> Any:
        if self.calibration is None:
            return tuple(np.full(len(made.values), np.nan) for _ in range(3))
        ends = self.calibration.interval(made.values, made.spread)
        return (self.calibration.std(made.values, made.spread), *ends)

    def _named(self, values: NDArray[Any]) -> NDArray[Any]:
        if not self.card.classes:
            return values.astype(np.float64)
        return np.array(self.card.classes, dtype=object)[values.astype(np.intp)]


def load(path: str | Path, *, allow_pickle: bool = False) -> TrainedModel:
    """A trained model's file.

    Raises:
        InputError: it cannot be read.
        UnsafeModelError: it holds a pickle, and that is not allowed.
    """
    try:
        return _loaded(Path(path), allow_pickle=allow_pickle)
    except InputError:
        raise
    except Exception as error:  # whatever damaged or forged bytes make the readers say
        raise InputError(f"{Path(path).name!r} cannot be read: {type(error).__name__}: {error}") from error


def _loaded(path: Path, *, allow_pickle: bool) -> TrainedModel:
    content, estimator, arrays = persist.read(path, allow_pickle=allow_pickle)
    calibrated = content.get("calibrated")
    if calibrated is not None and calibrated["reach"] is None:
        calibrated["reach"] = np.inf
    of_domain = {name.removeprefix("domain."): values for name, values in arrays.items()}
    domain = None
    if of_domain:
        domain = Domain(of_domain["center"], of_domain["scale"], of_domain["rows"], of_domain["limit"].item())
    calibration = None if calibrated is None else Calibration(**calibrated)
    return TrainedModel(Card.of(content), estimator, calibration, domain)
