"""Entrants with settings, by name."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import cloudpickle
import pytest

from automat import models
from automat.core import InputError, Model
from automat.models import _settings
from automat.networks.ensembles import EnsembleRegressor
from automat.presets import PRESETS

QUICK = PRESETS["quick"]


def entrant(text: str) -> Model:
    (model,) = models.resolve([text])
    return model


def estimator(model: Model) -> Any:
    return model.make("regression", {**model.defaults, **model.settings(QUICK)}, 0)


def count(model: Model) -> int:
    return sum(weights.numel() for weights in estimator(model).make_network(1, classify=False).parameters())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cgcnn", ["cgcnn"]),
        ("dummy,cgcnn:epochs=2,width=8,megnet", ["dummy", "cgcnn:epochs=2,width=8", "megnet"]),
        (" schnet:graph=radius:cutoff=4 , epochs=2, my.py", ["schnet:graph=radius:cutoff=4,epochs=2", "my.py"]),
        ("cgcnn:epochs=2,graph=radius:cutoff=4", ["cgcnn:epochs=2,graph=radius:cutoff=4"]),
        ("cgcnn:tutorial,backend=torch,knn", ["cgcnn:tutorial,backend=torch", "knn"]),
        (",", []),
    ],
)
def test_commas_part_entrants_and_settings(text: str, expected: list[str]) -> None:
    assert models.names_in(text) == expected


def test_what_is_set_is_neither_the_presets_nor_searched() -> None:
    model = entrant("cgcnn:epochs=7,hidden=32,patience=3,bucket=true")
    settings = model.settings(PRESETS["best"])
    assert settings == {"epochs": 7, "hidden": 32, "patience": 3, "bucket": True}
    made = estimator(model)
    assert (made.epochs, made.hidden, made.recipe().patience, made.recipe().bucket) == (7, 32, 3, True)
    assert made.width == entrant("cgcnn").defaults["width"]
    assert model.is_searched
    assert model.name == "cgcnn:epochs=7,hidden=32,patience=3,bucket=true"
    assert model.title == "CGCNN (epochs=7, hidden=32, patience=3, bucket=true)"
    assert models.registry()["cgcnn"].settings(QUICK) == {"epochs": QUICK.epochs}


def test_a_tree_model_may_be_set_too() -> None:
    made = estimator(entrant("xgboost:max_depth=3,n_estimators=11"))
    assert (made.get_params()["max_depth"], made.get_params()["n_estimators"]) == (3, 11)


def test_the_tutorials_settings() -> None:
    """4 convolutions, hidden 32, learning rate 0.02, which falls to a tenth after 800 of 1,000 epochs."""
    model = entrant("cgcnn:tutorial")
    made, recipe = estimator(model), estimator(model).recipe()
    assert (made.convolutions, made.hidden) == (4, 32)
    assert (recipe.epochs, recipe.learning_rate, recipe.schedule) == (1000, 0.02, "milestones")
    assert [recipe.rate(epoch, 1) for epoch in (0, 799)] == [0.02, 0.02]
    assert recipe.rate(800, 1) == pytest.approx(0.002)
    # Trials would all be the same.
    assert not model.is_searched


@pytest.mark.parametrize(
    ("text", "graph", "parameters"),
    [
        ("cgcnn", "nearest", 80_833),
        ("cgcnn:tutorial", "nearest", 96_641),
        ("megnet:reference", "radius:cutoff=4", 167_761),
        ("schnet:reference", "radius", 129_089),
        ("megnet", "nearest", 168_129),
        ("schnet", "nearest", 129_089),
    ],
)
def test_reference_configurations(text: str, graph: str, parameters: int) -> None:
    model = entrant(text)
    assert model.graph == graph
    assert count(model) == parameters


def test_members_make_an_ensemble() -> None:
    made = estimator(entrant("schnet:members=3,epochs=2,schedule=cosine"))
    assert isinstance(made, EnsembleRegressor)
    assert made.members == 3
    assert made.estimator.recipe().schedule == "cosine"
    assert made.estimator.epochs == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cgcn:tutorial", "unknown model 'cgcn'. Did you mean 'cgcnn'?"),
        ("cgcnn:tutorail", "unknown variant of 'cgcnn' 'tutorail'. Did you mean 'tutorial'?"),
        ("cgcnn:epoch=3", "unknown setting of 'cgcnn' 'epoch'. Did you mean 'epochs'?"),
        ("cgcnn:epochs=many", "epochs of 'cgcnn': 'many' cannot be read"),
        ("cgcnn:epochs=0", "epochs must be positive, but got 0"),
        ("cgcnn:bucket=yes", "bucket of 'cgcnn': 'yes' cannot be read \\(it must be true or false\\)"),
        ("cgcnn:milestones=8+x,schedule=milestones", "milestones of 'cgcnn': '8\\+x' cannot be read"),
        ("cgcnn:milestones=8", "milestones and their schedule go together"),
        ("cgcnn:tutorial,epochs=5", "milestones must lie between 0 and 5 epochs"),
        ("megnet:backend=dlg", "unknown graph backend 'dlg'. Did you mean 'dgl'?"),
        ("schnet:atoms=magpi", "unknown atoms 'magpi'. Did you mean 'magpie'?"),
        ("schnet:basis=besel", "unknown basis 'besel'. Did you mean 'bessel'?"),
        ("schnet:schedule=one", "unknown schedule 'one'"),
        ("linear:alpha=", "alpha of 'linear': '' cannot be read"),
        ("linear:alpha=nan", "alpha of 'linear' must be a finite number, but got 'nan'"),
        ("xgboost:learning_rate=inf", "learning_rate of 'xgboost' must be a finite number, but got 'inf'"),
        ("cgcnn:weight_decay=-inf", "weight_decay of 'cgcnn' must be a finite number, but got '-inf'"),
        ("cgcnn:members=0", "members must be at least 1, but got 0"),
        ("schnet:members=-3", "members must be at least 1, but got -3"),
        ("schnet:elements=0", "elements must be at least 1, but got 0"),
        ("cgcnn:width=0", "width must be at least 1, but got 0"),
        ("megnet:width=1", "width must be at least 2, but got 1"),
        ("schnet:width=1", "width must be at least 2, but got 1"),
        ("cgcnn:convolutions=-1", "convolutions must be at least 0, but got -1"),
        ("cgcnn:hidden=-1", "hidden must be at least 1, but got -1"),
        ("cgcnn:members=3,hidden=-1", "hidden must be at least 1, but got -1"),
        ("megnet:blocks=-1", "blocks must be at least 0, but got -1"),
        ("schnet:interactions=-1", "interactions must be at least 0, but got -1"),
        ("mlp:layers=-1", "layers must be at least 0, but got -1"),
        ("mlp:width=0", "width must be at least 1, but got 0"),
    ],
)
def test_what_cannot_be_set_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        models.resolve([text])


@pytest.mark.parametrize("text", ["cgcnn:members=1", "cgcnn:convolutions=0", "schnet:width=2,elements=1"])
def test_the_least_may_be_set(text: str) -> None:
    assert count(entrant(text)) > 0


def test_what_torch_refuses_is_said_in_one_line() -> None:
    def build(params: dict[str, Any], _seed: int) -> Any:
        raise RuntimeError(f"cannot allocate {params['size']} bytes\nframe #0: ...")

    model = Model(name="large", title="Large", build=build, defaults={"size": 1}, citation="nobody's", licence="MIT")
    with pytest.raises(InputError) as raised:
        _settings.configured(model, "size=7")
    assert str(raised.value) == "'large:size=7': cannot allocate 7 bytes"


def test_a_model_that_names_no_defaults_is_searched_still() -> None:
    model = Model(
        name="bare",
        title="Bare",
        build=lambda params, _seed: params,
        space=lambda trial: {"rate": trial.suggest_float("rate", 0.0, 1.0)},
        settings=lambda budget: {"epochs": budget.epochs},
        citation="nobody's",
        licence="MIT",
    )
    set_ = _settings.configured(model, "epochs=7")
    assert set_.is_searched
    assert set_.settings(QUICK) == {"epochs": 7}
    # Where all that there is has been set, trials would all be the same.
    assert not _settings.configured(replace(model, defaults={"rate": 0.5}), "rate=0.25").is_searched


def test_an_entrant_with_settings_travels_to_a_worker() -> None:
    model = pickle.loads(cloudpickle.dumps(entrant("megnet:reference,epochs=3")))  # noqa: S301 - made here
    assert model.settings(QUICK) == {"reach": 5.0, "elements": 95, "epochs": 3}
    assert estimator(model).elements == 95


def test_the_same_twice_is_refused_and_two_settings_are_two_entrants() -> None:
    both = models.resolve(["cgcnn", "cgcnn:hidden=32", "cgcnn:hidden=64"])
    assert len({model.name for model in both}) == 3
    with pytest.raises(InputError, match="two models are called 'cgcnn:hidden=32'"):
        models.resolve(["cgcnn:hidden=32", "cgcnn:hidden=32"])
