from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import load_iris

from automat.networks.checkpoints import Checkpoint
from automat.networks.ensembles import EnsembleClassifier, EnsembleRegressor
from automat.networks.mlp import MLPClassifier, MLPRegressor

Values = NDArray[np.float64]


def wave(count: int, low: float, high: float) -> tuple[Values, Values]:
    x = np.linspace(low, high, count)[:, None]
    return x, np.sin(3 * x[:, 0])


def network(epochs: int = 40) -> MLPRegressor:
    return MLPRegressor(epochs=epochs, width=32, layers=2, dropout=0.0, batch_size=16)


@pytest.fixture(scope="module")
def fitted() -> EnsembleRegressor:
    return EnsembleRegressor(network(), members=4, seed=3).fit(*wave(160, -1, 1))


def test_mean_and_spread_are_the_members(fitted: EnsembleRegressor) -> None:
    X, _ = wave(9, -2, 2)
    mean, spread = fitted.predict(X, return_std=True)
    by_member = np.stack([member.predict(X) for member in fitted.members_])
    assert mean.shape == spread.shape == (9,)
    assert np.ptp(by_member, axis=0).min() > 0
    np.testing.assert_array_equal(mean, by_member.mean(axis=0))
    np.testing.assert_allclose(spread, np.sqrt(((by_member - mean) ** 2).sum(axis=0) / 3))
    np.testing.assert_array_equal(fitted.predict(X), mean)


def test_the_first_member_is_the_network_alone(fitted: EnsembleRegressor) -> None:
    X, y = wave(160, -1, 1)
    alone = network().set_params(seed=3).fit(X, y)
    np.testing.assert_array_equal(fitted.members_[0].predict(X), alone.predict(X))
    assert len({member.seed for member in fitted.members_}) == 4


def test_the_spread_is_wider_where_there_was_nothing_to_learn_from(fitted: EnsembleRegressor) -> None:
    _, known = fitted.predict(wave(50, -0.9, 0.9)[0], return_std=True)
    _, unknown = fitted.predict(wave(50, 1.5, 2.5)[0], return_std=True)
    assert np.median(unknown) > 3 * np.median(known)


def test_the_mean_is_no_worse_than_the_members_on_average(fitted: EnsembleRegressor) -> None:
    X, y = wave(77, -1, 1)
    of_members = [np.abs(member.predict(X) - y).mean() for member in fitted.members_]
    assert np.abs(fitted.predict(X) - y).mean() <= np.mean(of_members)


def test_a_seed_repeats_exactly() -> None:
    X, y = wave(60, -1, 1)
    first, again, other = (
        EnsembleRegressor(network(2), members=2, seed=seed).fit(X, y).predict(X, return_std=True) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_details_are_json_and_tell_of_every_member(fitted: EnsembleRegressor) -> None:
    details = json.loads(json.dumps(fitted.details_))
    assert [len(member["epochs"]["validation"]) for member in details["members"]] == [40] * 4
    assert details["parameters"] == 4 * details["members"][0]["parameters"]


def test_classes_are_averaged_as_probabilities() -> None:
    X, y = load_iris(return_X_y=True)
    model = EnsembleClassifier(MLPClassifier(epochs=20, batch_size=16), members=3).fit(X, y.astype(np.float64))
    mean, spread = model.predict_proba(X, return_std=True)
    np.testing.assert_allclose(mean.sum(axis=1), 1)
    np.testing.assert_array_equal(mean, np.mean([member.predict_proba(X) for member in model.members_], axis=0))
    assert spread.shape == (150, 3)
    assert spread.max() > 0
    assert model.classes_.tolist() == [0, 1, 2]
    assert (model.predict(X) == y).mean() > 0.9


def test_a_pickled_ensemble_predicts_the_same_and_keeps_no_watcher(fitted: EnsembleRegressor) -> None:
    X, _ = wave(5, -1, 1)
    watched = clone(fitted).set_params(members=2, estimator=network(2))
    watched.on_epoch = lambda *_: None  # which pickle could not write
    watched.fit(*wave(60, -1, 1))
    again = pickle.loads(pickle.dumps(watched))  # noqa: S301 - of our own making
    np.testing.assert_array_equal(again.predict(X), watched.predict(X))
    assert again.on_epoch is None


def test_an_ensemble_goes_on_where_it_was(tmp_path: Path) -> None:
    X, y = wave(60, -1, 1)
    whole = EnsembleRegressor(network(3), members=3).fit(X, y)

    class KilledError(Exception):
        pass

    def kill(epoch: int, _error: float, _judged: float) -> None:
        if epoch == 2:
            raise KilledError

    resumed = EnsembleRegressor(network(3), members=3)
    resumed.checkpoint = Checkpoint(tmp_path / "run.pt")
    resumed.on_epoch = kill
    with pytest.raises(KilledError):
        resumed.fit(X, y)
    told: list[int] = []
    resumed.on_epoch = lambda epoch, *_: told.append(epoch)
    np.testing.assert_array_equal(resumed.fit(X, y).predict(X), whole.predict(X))
    assert told == [3]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-0.pt", "run-1.pt", "run-2.pt"]


@pytest.mark.parametrize("kind", [EnsembleRegressor, EnsembleClassifier])
def test_one_member_has_no_spread(kind: Any) -> None:
    with pytest.raises(ValueError, match="an ensemble needs at least 2 members, but got 1"):
        kind(network(), members=1).fit(*wave(30, -1, 1))


def test_parameters_follow_scikit_learn() -> None:
    model = EnsembleRegressor(network(), members=3, seed=4)
    copied = clone(model)
    assert copied.get_params().keys() == model.get_params().keys()
    assert copied.set_params(estimator__learning_rate=0.5).estimator.recipe().learning_rate == 0.5
