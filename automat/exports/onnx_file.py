"""A trained model as ONNX, where a library converts it: features in, value or probabilities out.

What is converted is the fitted estimator alone: the file takes the columns that the card names, as the feature set
(or the encoder of a plain table) makes them. onnxruntime computes in single precision where the model is trees, so
a row that lies on a tree's threshold may fall on its other side; the file is compared with the model on the rows
that it was trained on before it is written, and how many agree is said.

skl2onnx and onnxmltools: github.com/onnx. CatBoost converts its own.
"""

from __future__ import annotations

import copy
import itertools
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import whole_files
from automat.core import InputError
from automat.output import output_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.trained import TrainedModel

SAME = 1e-5
"""Of the training targets' range (or of a probability): values closer than this are the same."""

LEAST_SHARE = 0.99
"""Of the training rows that must be the same, or nothing is written."""

_OPSET = MappingProxyType({"": 15, "ai.onnx.ml": 3})
_NAME = "features"
_OWN = "automat."


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        path: the file.
        columns: it takes.
        rows: of training that were compared.
        same: of these, on how many both agree (see ``SAME``).
        largest: difference, in the target's unit or as a probability.
    """

    path: Path
    columns: tuple[str, ...]
    rows: int
    same: int
    largest: float


def write(trained: TrainedModel, path: Path) -> Written:
    """Convert a trained model, compare, and write.

    Raises:
        InputError: no library converts such a model, the libraries are not installed, what they make does not agree
            with the model, or the file cannot be written.
    """
    card = trained.card
    if card.takes != "features":
        raise InputError(f"{card.name!r} takes {card.takes}; ONNX is written of models that take features")
    if trained.domain is None:
        raise InputError("the model's file holds no training rows to compare with")
    names = tuple(trained.feature_names())
    estimator, columns = _behind_encoder(trained), len(trained.domain.center)
    try:
        content, kind = _converted(estimator, columns)
        rows = _rows(trained).astype(kind)
        given = _computed(content, rows, len(card.classes))
    except ImportError as error:
        raise InputError(f'ONNX needs its libraries ({error}): pip install "automat[onnx]"') from error
    largest, same = _compared(trained, estimator, rows, given)
    if same < LEAST_SHARE * len(rows):
        raise InputError(
            f"what the converter makes of {card.name!r} agrees with it on {same} of {len(rows)} training rows (largest "
            f"difference {largest:.3g}); nothing was written"
        )
    try:
        whole_files.write(path, _labelled(content, trained, names))
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
    return Written(path, names, len(rows), same, largest)


def _behind_encoder(trained: TrainedModel) -> Any:
    """The estimator without the encoder of a plain table."""
    from sklearn.pipeline import Pipeline

    if trained.card.inputs != "table":
        return trained.estimator
    steps = trained.estimator.steps[1:]
    return steps[0][1] if len(steps) == 1 else Pipeline(steps)


def _rows(trained: TrainedModel) -> NDArray[np.float64]:
    """The training rows' features, as the domain keeps them: where one was missing, its column's mean."""
    domain: Any = trained.domain
    scale = np.where(domain.scale > 0, domain.scale, 1.0)
    values: NDArray[np.float64] = domain.rows / scale + domain.center
    return values


def _converted(estimator: Any, columns: int) -> tuple[bytes, Any]:
    """The model as ONNX, and the type of number that it takes."""
    if type(estimator).__module__.startswith("catboost"):
        with TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            estimator.save_model(str(file), format="onnx")
            return file.read_bytes(), np.float32
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from sklearn.pipeline import Pipeline

    _know_boosters()
    scaler = None
    *before, (_, last) = getattr(estimator, "steps", [("", estimator)])
    if hasattr(last, "regressor_") and type(last.transformer_).__name__ == "StandardScaler":
        # A target that is standardised is scaled back by two operations of our own.
        scaler, estimator = last.transformer_, Pipeline([*before, ("model", last.regressor_)])
    plain = _plain(estimator)
    # Imputers and trees are computed in single precision alone.
    single = _is_of_trees(estimator) or any("Imputer" in type(step).__name__ for _, step in getattr(plain, "steps", ()))
    kind: Any = FloatTensorType if single else DoubleTensorType
    asked = {} if not hasattr(estimator, "predict_proba") else {"options": {id(_last(plain)): {"zipmap": False}}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = convert_sklearn(
                plain,
                initial_types=[(_NAME, kind([None, columns]))],
                target_opset=dict(_OPSET),
                **asked,
            )
    except ImportError:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"no library converts a {type(_last(estimator)).__name__} to ONNX: {said[0][:200]}") from error
    content: bytes = (made if scaler is None else _scaled_back(made, scaler)).SerializeToString()
    return content, np.float32 if kind is FloatTensorType else np.float64


def _know_boosters() -> None:
    """Tell skl2onnx of LightGBM's and XGBoost's converters."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
    from xgboost import XGBClassifier, XGBRegressor

    of_classes = {"options": {"nocl": [True, False], "zipmap": [True, False, "columns"]}}
    split: dict[str, Any] = {"options": {"split": None}}
    for kind, converter, is_classifier in (
        (LGBMClassifier, convert_lightgbm, True), (LGBMRegressor, convert_lightgbm, False),
        (XGBClassifier, convert_xgboost, True), (XGBRegressor, convert_xgboost, False),
    ):  # fmt: skip
        shape = calculate_linear_classifier_output_shapes if is_classifier else calculate_linear_regressor_output_shapes
        more = of_classes if is_classifier else split if kind is LGBMRegressor else {}
        update_registered_converter(kind, f"Automat{kind.__name__}", shape, converter, overwrite=True, **more)


def _plain(estimator: Any) -> Any:
    """The estimator as converters know it.

    In scikit-learn's own classes, for those that we derive from them are not known; and with thresholds in single
    precision, which are chosen so that every number of single precision stays on its side.
    """
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, Pipeline):
        return Pipeline([(name, _plain(step)) for name, step in estimator.steps])
    made = estimator
    if type(estimator).__module__.startswith(_OWN):
        base: Any = next(each for each in type(estimator).__mro__ if each.__module__.startswith("sklearn."))
        made = base.__new__(base)
        made.__dict__.update(vars(estimator))
    if hasattr(estimator, "_predictors"):
        made = copy.deepcopy(made)
        for predictor in itertools.chain.from_iterable(made._predictors):  # noqa: SLF001 - it has no public name
            thresholds = predictor.nodes["num_threshold"]
            thresholds[:] = _rounded_down(thresholds)
    if type(estimator).__module__.startswith("lightgbm"):
        import lightgbm

        made = copy.copy(estimator)
        text = re.sub(r"(?<=\nthreshold=).+", _rounded_line, estimator.booster_.model_to_string())
        text = re.sub(r"\ntree_sizes=.*", "", text)  # of the text before; without them it is read tree by tree
        made._Booster = lightgbm.Booster(model_str=text)  # noqa: SLF001 - likewise
    return made


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest numbers of single precision that are not above: what lies at or below one lies at or below both."""
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
    above = single.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(single, np.float32(-np.inf)), single).astype(np.float64)


def _rounded_line(found: re.Match[str]) -> str:
    return " ".join(map(repr, _rounded_down(np.array(found[0].split(), dtype=np.float64)).tolist()))


def _scaled_back(model: Any, scaler: Any) -> Any:
    """A model of the standardised target, with the target's own scale behind it."""
    from onnx import helper, numpy_helper

    graph = model.graph
    result = graph.output[0]
    kind = helper.tensor_dtype_to_np_dtype(result.type.tensor_type.elem_type)
    inner, times = f"{result.name}_standardised", f"{result.name}_times"
    for node in graph.node:
        node.output[:] = [inner if name == result.name else name for name in node.output]
    for name, values in ((f"{inner}_scale", scaler.scale_), (f"{inner}_mean", scaler.mean_)):
        graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
    graph.node.append(helper.make_node("Mul", [inner, f"{inner}_scale"], [times]))
    graph.node.append(helper.make_node("Add", [times, f"{inner}_mean"], [result.name]))
    return model


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if hasattr(estimator, "steps") else estimator


def _is_of_trees(estimator: Any) -> bool:
    model = _last(estimator)
    inside = (".ensemble", ".tree", "lightgbm", "xgboost")
    bases = " ".join(each.__module__ for each in type(model).__mro__)
    return any(name in bases for name in inside)


def _computed(content: bytes, rows: NDArray[Any], classes: int) -> NDArray[np.float64]:
    """What onnxruntime makes of the rows: values, or probabilities of shape (n, classes)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # CatBoost states a shape of its output that it does not keep to
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(f"onnxruntime cannot compute what the converter makes: {error}") from error
    given = session.run(None, {session.get_inputs()[0].name: rows})
    if not classes:
        return np.asarray(given[0], dtype=np.float64).ravel()
    chances = given[1]
    if isinstance(chances, list):  # an object a row, as CatBoost writes
        chances = [[row[code] for code in sorted(row)] for row in chances]
    return np.asarray(chances, dtype=np.float64)


def _compared(
    trained: TrainedModel, estimator: Any, rows: NDArray[Any], given: NDArray[np.float64]
) -> tuple[float, int]:
    """The largest difference, and on how many rows there is none to speak of."""
    card = trained.card
    made = output_of(estimator, rows.astype(np.float64), card.task, len(card.classes))
    expected: Any = made.values if made.probabilities is None else made.probabilities
    if given.shape != expected.shape:
        raise InputError(f"what the converter makes of {card.name!r} gives {given.shape}, not {expected.shape}")
    off = np.abs(given - expected).reshape(len(rows), -1).max(axis=1)
    low, high = card.target_range or (0.0, 1.0)
    return float(off.max()), int((off <= SAME * (high - low)).sum())


def _labelled(content: bytes, trained: TrainedModel, names: tuple[str, ...]) -> bytes:
    """The file with what is needed to use it."""
    import onnx

    card = trained.card
    model = onnx.load_from_string(content)
    said = {
        "automat.model": card.name, "automat.target": card.target, "automat.unit": card.unit,
        "automat.classes": json.dumps(card.classes), "automat.features": card.features,
        "automat.features_version": card.features_version, "automat.feature_names": json.dumps(names),
        "automat.dataset": card.dataset, "automat.dataset_sha256": card.dataset_sha256,
        "automat.scores": json.dumps(dict(card.scores)), "automat.versions": json.dumps(dict(card.versions)),
        "automat.licence": card.licence, "automat.citation": card.citation,
    }  # fmt: skip
    onnx.helper.set_model_props(model, {**{each.key: each.value for each in model.metadata_props}, **said})
    labelled: bytes = model.SerializeToString()
    return labelled
