"""Trained models as ONNX, computed by onnxruntime, beside the models themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from automat import datasets, plan, presets
from automat.core import Dataset, InputError
from automat.evaluate import Job, run_cell
from automat.exports import onnx_file
from automat.models import registry
from automat.refit import refit

if TYPE_CHECKING:
    from pathlib import Path

    from automat.trained import TrainedModel

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

CONVERTED = ("catboost", "decision_tree", "extra_trees", "hist_gradient_boosting", "lightgbm", "linear",
             "random_forest", "svm", "xgboost")  # fmt: skip
FEW = {"n_estimators": 30, "max_iter": 30, "iterations": 30}


@cache
def crystals(rows: int = 200) -> Dataset:
    whole = datasets.load("mp_dielectric")
    chosen = np.arange(rows)
    assert whole.structures is not None
    packed = whole.structures.take(chosen)
    return replace(
        whole, name="formulas", inputs="compositions", ids=whole.ids[chosen], target=whole.target[chosen],
        structures=None, compositions=packed.compositions,
    )  # fmt: skip


def train(dataset: Dataset, name: str) -> TrainedModel:
    planned = plan.make(dataset, models=[name], preset="quick", trials=1)
    settings = registry()[name].settings(presets.budget("quick"))
    fewer = {key: value for key, value in FEW.items() if key in settings}
    cells = [replace(cell, budget={**cell.budget, **fewer}) for cell in planned.cells]
    inputs = plan.inputs(planned, cells, cache_dir=None, jobs=1)
    job = Job(dataset, planned.folds, {each.name: each for each in planned.models}, inputs)
    records = [run_cell(job, cell)[0] for cell in cells]
    assert [record.status for record in records] == ["ok"] * len(records), records[0].error
    return refit(job, records)


def computed(path: Path, rows: Any) -> list[Any]:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    [given] = session.get_inputs()
    kind = np.float32 if given.type == "tensor(float)" else np.float64
    outputs: list[Any] = session.run(None, {given.name: np.asarray(rows, dtype=kind)})
    return outputs


@pytest.mark.parametrize("name", CONVERTED)
def test_values_are_the_models_own(name: str, tmp_path: Path) -> None:
    made = train(crystals(), name)
    written = onnx_file.write(made, tmp_path / "m.onnx")
    assert written.same == written.rows == 200
    # Materials that the model has not seen, too.
    others = datasets.load("mp_dielectric").formulas[200:400]  # type: ignore[index]
    features = made.inputs(list(others))
    assert features.shape[1] == len(written.columns)
    low, high = made.card.target_range or (0, 1)
    single = features.astype(np.float32).astype(np.float64)  # what both can be given alike
    np.testing.assert_allclose(
        computed(tmp_path / "m.onnx", single)[0].ravel(), made.estimator.predict(single), atol=1e-5 * (high - low)
    )


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost", "random_forest", "linear", "svm"])
def test_probabilities_are_the_models_own(name: str, flowers: Dataset, tmp_path: Path) -> None:
    made = train(flowers, name)
    onnx_file.write(made, tmp_path / "m.onnx")
    assert flowers.table is not None
    encoded = made.estimator[0].transform(flowers.table)
    chances = computed(tmp_path / "m.onnx", encoded)[1]
    if isinstance(chances, list):
        chances = [[row[code] for code in sorted(row)] for row in chances]
    np.testing.assert_allclose(chances, made.predict_proba(flowers.table), atol=1e-5)


def test_the_file_says_what_it_takes(tmp_path: Path) -> None:
    import onnx

    made = train(crystals(), "decision_tree")
    written = onnx_file.write(made, tmp_path / "m.onnx")
    said = {each.key: each.value for each in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert json.loads(said["automat.feature_names"]) == list(written.columns) == made.feature_names()
    assert said["automat.target"] == made.card.target
    assert said["automat.dataset_sha256"] == made.card.dataset_sha256


def test_thresholds_keep_single_numbers_on_their_side() -> None:
    thresholds = np.array([0.1, 1 / 3, -0.1, 2.0, 1e300, -1e300])
    rounded = onnx_file._rounded_down(thresholds)
    assert (rounded <= thresholds).all()
    assert (rounded[:4].astype(np.float32).astype(np.float64) == rounded[:4]).all()
    for near in (np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(0)), np.float32(1 / 3)):
        assert ((near <= thresholds) == (near <= rounded)).all()


def test_what_does_not_agree_is_not_written(tmp_path: Path) -> None:
    """skl2onnx weighs neighbours by distance in another way than scikit-learn does."""
    with pytest.raises(InputError, match=r"agrees with it on \d+ of 200 training rows.*nothing was written"):
        onnx_file.write(train(crystals(), "knn"), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_what_no_library_converts_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no library converts a MLPRegressor to ONNX"):
        onnx_file.write(train(crystals(), "mlp"), tmp_path / "m.onnx")
    made = train(crystals(), "decision_tree")
    with pytest.raises(InputError, match="cannot write"):
        onnx_file.write(made, tmp_path / "absent" / "m.onnx")
    made.card = replace(made.card, takes="graph")
    with pytest.raises(InputError, match="takes graph; ONNX is written of models that take features"):
        onnx_file.write(made, tmp_path / "m.onnx")
