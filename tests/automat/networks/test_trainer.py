from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from automat.networks import schedules, trainer
from automat.networks.averaging import Average
from automat.networks.trainer import Lessons, Recipe, Regression


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with trainer.one_thread():
        yield


def line(rows: int = 40) -> tuple[Lessons, Regression]:
    """y = 3 x - 2, of which every fourth row is held out."""
    x = torch.linspace(-1, 1, rows)[:, None]
    y = 3 * x[:, 0].double() - 2
    every = np.arange(rows)
    held = every[::4]
    lessons = Lessons(lambda part: x[part], y, np.setdiff1d(every, held), held)
    return lessons, Regression.of(y.numpy())


def without_holdout() -> tuple[Lessons, Regression]:
    lessons, problem = line()
    return Lessons(lessons.source, lessons.targets, lessons.fitted, lessons.held[:0]), problem


def linear_network() -> nn.Module:
    with trainer.seeded(0):
        return nn.Linear(1, 1)


def error_of(network: nn.Module, lessons: Lessons, problem: Regression) -> float:
    outputs = trainer.outputs_of(network, lessons.source, lessons.held)
    return float(problem.error(outputs, lessons.targets[lessons.held]))


def test_a_line_is_learned() -> None:
    lessons, problem = line()
    curves = trainer.train(linear_network(), lessons, problem, Recipe(epochs=60, batch_size=8, learning_rate=0.1), 0)
    assert len(curves.train) == len(curves.validation) == 60
    assert curves.validation[0] > 0.5
    assert min(curves.validation) < 0.02


def test_the_default_recipe_is_adamw_under_one_cycle() -> None:
    lessons, problem = without_holdout()
    recipe = Recipe(epochs=5, batch_size=8, learning_rate=0.05, clip_norm=0.2)
    trained, expected = linear_network(), linear_network()
    curves = trainer.train(trained, lessons, problem, recipe, seed=7)

    optimizer = torch.optim.AdamW(expected.parameters(), lr=0.05, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedules.one_cycle(step, 20, 0.2))
    chance = np.random.default_rng(7)
    for _ in range(5):
        for part in np.array_split(chance.permutation(lessons.fitted), 4):
            loss = problem.loss(expected(lessons.source(part)), lessons.targets[part])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(expected.parameters(), 0.2)
            optimizer.step()
            schedule.step()
    for name, weights in expected.state_dict().items():
        assert torch.equal(trained.state_dict()[name], weights)
    assert curves.best_epoch == len(curves.train) == 5
    assert curves.validation == curves.averaged == ()
    assert not curves.kept_average


def test_the_best_epochs_weights_are_kept() -> None:
    lessons, problem = line()
    network = linear_network()
    # A rate this high throws the weights about, so that the last epoch is not the best.
    curves = trainer.train(network, lessons, problem, Recipe(epochs=12, batch_size=4, learning_rate=0.9), 0)
    assert curves.best_epoch == 1 + int(np.argmin(curves.validation))
    assert len(set(curves.validation)) > 6
    assert error_of(network, lessons, problem) == pytest.approx(min(curves.validation), rel=1e-6)
    assert not network.training


def test_a_seed_repeats_exactly_and_leaves_torchs_random_state_alone() -> None:
    lessons, problem = line()
    runs = []
    for seed in (1, 1, 2):
        network = nn.Sequential(linear_network(), nn.Dropout(0.3))
        before = torch.get_rng_state()
        curves = trainer.train(network, lessons, problem, Recipe(epochs=4, batch_size=8), seed)
        assert torch.equal(torch.get_rng_state(), before)
        runs.append(curves)
        torch.rand(3)  # what else happens to torch's random state must not matter
    assert runs[0] == runs[1] != runs[2]


def test_divergence_is_said_so() -> None:
    lessons, problem = line()
    endless = Lessons(lambda part: torch.full((len(part), 1), torch.inf), lessons.targets, lessons.fitted, lessons.held)
    with pytest.raises(trainer.DivergedError, match=r"loss of epoch 1 is not finite; lower learning_rate \(0.005\)"):
        trainer.train(linear_network(), endless, problem, Recipe(), 0)


def test_after_a_milestone_the_rate_is_lower() -> None:
    lessons, problem = line()
    recipe = Recipe(
        epochs=6, batch_size=8, learning_rate=0.05, schedule="milestones", milestones=(3,), milestone_factor=1e-12
    )
    curves = trainer.train(linear_network(), lessons, problem, recipe, 0)
    assert len(set(curves.validation[:3])) == 3
    # With a rate of next to nothing the weights stand still.
    assert curves.validation[3:] == (curves.validation[2],) * 3


def test_training_ends_when_patience_does() -> None:
    lessons, problem = line()
    whole = Recipe(epochs=40, batch_size=4, learning_rate=0.9, schedule="constant")
    full = trainer.train(linear_network(), lessons, problem, whole, 0)
    network = linear_network()
    short = trainer.train(network, lessons, problem, Recipe(**vars(whole) | {"patience": 4}), 0)
    assert len(short.validation) == short.best_epoch + 4 < 40
    assert short.validation == full.validation[: len(short.validation)]
    assert error_of(network, lessons, problem) == pytest.approx(min(short.validation), rel=1e-6)


def test_an_epoch_that_is_only_as_good_tries_patience() -> None:
    lessons, problem = line()
    recipe = Recipe(epochs=40, learning_rate=1e-30, schedule="constant", patience=4)
    curves = trainer.train(linear_network(), lessons, problem, recipe, 0)
    assert curves.validation == (curves.validation[0],) * 5


def test_without_a_holdout_nobody_loses_patience() -> None:
    curves = trainer.train(linear_network(), *without_holdout(), Recipe(epochs=9, patience=1), 0)
    assert len(curves.train) == 9


def test_the_running_mean_follows_the_weights() -> None:
    linear, norm = nn.Linear(1, 1), nn.BatchNorm1d(1)
    network = nn.Sequential(linear, norm)
    average = Average(network, steps=4)
    mean = float(linear.weight.detach())
    for step in range(1, 9):
        with torch.no_grad():
            linear.weight += step
        norm(torch.ones(2, 1))
        average.follow(network, step)
        decay = min(0.75, step / (9 + step))
        mean = decay * mean + (1 - decay) * float(linear.weight.detach())
    found = average.network.state_dict()
    assert float(found["0.weight"]) == pytest.approx(mean, rel=1e-6)
    assert int(found["1.num_batches_tracked"]) == 8
    assert not average.network.training
    assert not any(weights.requires_grad for weights in average.network.parameters())


def test_the_running_mean_is_kept_where_it_does_better() -> None:
    lessons, problem = line()
    network = linear_network()
    recipe = Recipe(epochs=12, batch_size=4, learning_rate=0.5, schedule="constant", average_epochs=3)
    curves = trainer.train(network, lessons, problem, recipe, 0)
    plain = trainer.train(linear_network(), lessons, problem, Recipe(**vars(recipe) | {"average_epochs": 0}), 0)
    assert curves.validation == plain.validation
    assert len(curves.averaged) == 12
    assert curves.kept_average
    assert min(curves.averaged) < 0.5 * min(curves.validation)
    assert curves.best_epoch == 1 + int(np.argmin(curves.averaged))
    assert error_of(network, lessons, problem) == pytest.approx(min(curves.averaged), rel=1e-6)


def test_the_weights_themselves_are_kept_where_they_do_better() -> None:
    lessons, problem = line()
    network = linear_network()
    # While the weights still travel, their mean lags behind.
    recipe = Recipe(epochs=6, batch_size=8, learning_rate=0.02, schedule="constant", average_epochs=5)
    curves = trainer.train(network, lessons, problem, recipe, 0)
    assert not curves.kept_average
    assert min(curves.validation) < min(curves.averaged)
    assert error_of(network, lessons, problem) == pytest.approx(min(curves.validation), rel=1e-6)


def test_without_a_holdout_the_running_mean_is_kept() -> None:
    averaged, raw = linear_network(), linear_network()
    recipe = Recipe(epochs=4, batch_size=8)
    curves = trainer.train(averaged, *without_holdout(), Recipe(**vars(recipe) | {"average_epochs": 2}), 0)
    trainer.train(raw, *without_holdout(), recipe, 0)
    assert curves.kept_average
    assert curves.best_epoch == 4
    assert not torch.equal(averaged.weight, raw.weight)  # type: ignore[arg-type]


def test_every_epoch_is_told_and_may_be_the_last() -> None:
    lessons, problem = line()
    told: list[tuple[int, float, float]] = []

    def until_the_third(epoch: int, error: float, judged: float) -> bool:
        told.append((epoch, error, judged))
        return epoch == 3

    network = linear_network()
    curves = trainer.train(network, lessons, problem, Recipe(epochs=9), 0, on_epoch=until_the_third)
    assert told == list(zip((1, 2, 3), curves.train, curves.validation, strict=True))
    assert error_of(network, lessons, problem) == pytest.approx(min(curves.validation), rel=1e-6)


def test_what_is_told_without_a_holdout_has_no_validation_error() -> None:
    told: list[float] = []
    trainer.train(
        linear_network(),
        *without_holdout(),
        Recipe(epochs=2),
        0,
        on_epoch=lambda _epoch, _error, held: told.append(held),
    )
    assert len(told) == 2
    assert all(map(math.isnan, told))


def test_mixed_precision_learns_and_keeps_single_precision_weights() -> None:
    lessons, problem = line()
    recipe = Recipe(epochs=60, batch_size=8, learning_rate=0.1)
    mixed = linear_network()
    curves = trainer.train(mixed, lessons, problem, Recipe(**vars(recipe) | {"precision": "bfloat16"}), 0)
    single = trainer.train(linear_network(), lessons, problem, recipe, 0)
    assert curves.train != single.train
    assert min(curves.validation) < 0.05
    assert {weights.dtype for weights in mixed.parameters()} == {torch.float32}


def test_buckets_need_sizes() -> None:
    lessons, problem = line()
    with pytest.raises(ValueError, match="bucket needs sizes, and these inputs have none"):
        trainer.train(linear_network(), lessons, problem, Recipe(bucket=True), 0)


def test_batches_of_a_bucket_are_of_alike_size() -> None:
    lessons, problem = line()
    sizes = np.arange(40, dtype=np.int64) % 7
    seen: list[np.ndarray[Any, Any]] = []

    def source(part: np.ndarray[Any, Any]) -> torch.Tensor:
        seen.append(sizes[part])
        inputs: torch.Tensor = lessons.source(part)
        return inputs

    watched = Lessons(source, lessons.targets, lessons.fitted, lessons.held[:0], sizes)
    trainer.train(linear_network(), watched, problem, Recipe(epochs=3, batch_size=5, bucket=True), 0)
    assert len(seen) == 18
    assert max(np.ptp(batch) for batch in seen) <= 2
    assert [batch.mean() for batch in seen[:6]] != [batch.mean() for batch in seen[6:12]]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_gpu_that_is_not_here_is_refused() -> None:
    assert trainer.device_of("auto") == torch.device("cpu")
    lessons, problem = line()
    with pytest.raises(ValueError, match=r"device 'cuda' needs a GPU .* torch sees none; use 'cpu' or 'auto'"):
        trainer.train(linear_network(), lessons, problem, Recipe(device="cuda"), 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_learns_the_same_line(precision: str) -> None:
    lessons, problem = line()
    network = linear_network()
    recipe = Recipe(epochs=60, batch_size=8, learning_rate=0.1, precision=precision)
    on_cpu = trainer.train(copy.deepcopy(network), lessons, problem, recipe, 0)
    on_gpu = trainer.train(network, lessons, problem, Recipe(**vars(recipe) | {"device": "cuda"}), 0)
    assert next(network.parameters()).device.type == "cpu"
    tolerance = 1e-4 if precision == "float32" else 0.05
    np.testing.assert_allclose(on_gpu.validation, on_cpu.validation, atol=tolerance)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be positive, but got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, but got nan"),
        ({"patience": 0}, "patience must be positive, but got 0"),
        ({"average_epochs": -1}, "average_epochs must not be negative, but got -1"),
        ({"holdout": 1.0}, r"holdout must be in \[0, 1\), but got 1.0"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean 'cosine'?"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"precision": "float16"}, "unknown precision 'float16'. Did you mean"),
        ({"schedule": "milestones"}, r"milestones and their schedule go together; got \(\) for 'milestones'"),
        ({"milestones": (3,)}, r"milestones and their schedule go together; got \(3,\) for 'one_cycle'"),
        ({"schedule": "milestones", "milestones": (800,)}, r"between 0 and 30 epochs, but got \(800,\)"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


def test_one_thread_is_given_back() -> None:
    torch.set_num_threads(2)
    with trainer.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
