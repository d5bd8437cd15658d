from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from automat.networks import trainer
from automat.networks.trainer import Lessons, Recipe, Regression


def line(rows: int = 40) -> tuple[Lessons, Regression]:
    """y = 3 x - 2, of which every fourth row is held out."""
    x = torch.linspace(-1, 1, rows)[:, None]
    y = 3 * x[:, 0].double() - 2
    every = np.arange(rows)
    held = every[::4]
    lessons = Lessons(lambda part: x[part], y, np.setdiff1d(every, held), held)
    return lessons, Regression.of(y.numpy())


def linear_network() -> nn.Module:
    with trainer.seeded(0):
        return nn.Linear(1, 1)


def test_a_line_is_learned() -> None:
    lessons, problem = line()
    curves = trainer.train(linear_network(), lessons, problem, Recipe(epochs=60, batch_size=8, learning_rate=0.1), 0)
    assert len(curves.train) == len(curves.validation) == 60
    assert curves.validation[0] > 0.5
    assert min(curves.validation) < 0.02


def test_the_best_epochs_weights_are_kept() -> None:
    lessons, problem = line()
    network = linear_network()
    # A rate this high throws the weights about, so that the last epoch is not the best.
    curves = trainer.train(network, lessons, problem, Recipe(epochs=12, batch_size=4, learning_rate=0.9), 0)
    assert curves.best_epoch == 1 + int(np.argmin(curves.validation))
    assert len(set(curves.validation)) > 6
    again = problem.error(trainer.outputs_of(network, lessons.source, lessons.held), lessons.targets[lessons.held])
    assert again == pytest.approx(min(curves.validation), rel=1e-6)
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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be positive, but got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, but got nan"),
        ({"holdout": 1.0}, r"holdout must be in \[0, 1\), but got 1.0"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)  # type: ignore[arg-type]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(0, 5))
def test_held_out_rows_are_disjoint_and_span_the_targets(targets: list[float], seed: int) -> None:
    values = np.array(targets)
    fitted, held = trainer.hold_out(values, 0.1, seed)
    assert sorted([*fitted, *held]) == list(range(len(values)))
    expected = round(0.1 * len(values))
    assert len(held) == (expected if expected >= trainer.MIN_HOLDOUT else 0)
    if len(held):
        # One row is drawn from every tenth of the sorted targets, so medians are at most a tenth apart.
        low, high = np.quantile(values, [0.35, 0.65], method="nearest")
        assert low <= np.median(values[held]) <= high


def test_a_rare_class_is_held_out_in_its_share() -> None:
    codes = np.repeat([0.0, 1.0], [900, 100])
    _, held = trainer.hold_out(codes, 0.1, 3)
    assert np.bincount(codes[held].astype(int)).tolist() == [90, 10]


@given(st.integers(1, 500), st.floats(0, 0.99))
def test_the_learning_rate_rises_to_its_peak_once_and_falls(steps: int, warm_up: float) -> None:
    rates = [trainer.one_cycle(step, steps, warm_up) for step in range(steps)]
    peak = int(np.argmax(rates))
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[peak] == 1
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


def test_one_thread_is_given_back() -> None:
    before = torch.get_num_threads()
    with trainer.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
