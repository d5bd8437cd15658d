import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from automat import domain
from automat.domain import Domain


def test_distances_are_those_of_standardised_rows() -> None:
    chance = np.random.default_rng(0)
    train, test = chance.normal(3, [1, 10, 0.1], (300, 3)), chance.normal(3, [1, 10, 0.1], (40, 3))
    made = Domain.of(train)
    scaled = (train - train.mean(axis=0)) / train.std(axis=0)
    away = cdist((test - train.mean(axis=0)) / train.std(axis=0), scaled).min(axis=1) / np.sqrt(3)
    np.testing.assert_allclose(made.distance(test), away, rtol=1e-4)
    own = cdist(scaled, scaled)
    np.fill_diagonal(own, np.inf)
    assert made.limit == pytest.approx(np.quantile(own.min(axis=1), 0.95) / np.sqrt(3), rel=1e-4)


def test_training_rows_are_at_no_distance_and_strangers_are_out() -> None:
    train = np.random.default_rng(0).normal(size=(600, 5))
    made = Domain.of(train)
    assert made.distance(train).max() < 1e-5
    assert made.holds(made.distance(train)).all()
    assert not made.holds(made.distance(train[:3] + 20)).any()


def test_missing_and_constant_columns_do_not_count() -> None:
    train = np.random.default_rng(0).normal(size=(50, 2))
    padded = np.column_stack([train, np.full(50, 7.0), np.full(50, np.nan)])
    made, plain = Domain.of(padded), Domain.of(train)
    assert made.limit == pytest.approx(plain.limit)
    row = np.array([[0.3, 0.2, 9.0, 1.0]])
    assert made.distance(row) == pytest.approx(plain.distance(row[:, :2]))
    assert np.isfinite(made.distance(np.full((1, 4), np.nan))).all()


def test_of_many_rows_some_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MOST_ROWS", 100)
    train = np.random.default_rng(0).normal(size=(1_000, 2))
    made = Domain.of(train)
    assert made.rows.shape == (100, 2)
    np.testing.assert_allclose(made.center, train.mean(axis=0))


@given(st.integers(1, 4))
def test_few_rows_are_enough(rows: int) -> None:
    train = np.arange(rows * 2.0).reshape(rows, 2)
    assert np.isfinite(Domain.of(train).distance(train + 1)).all()


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no rows"):
        Domain.of(np.empty((0, 3)))


@pytest.mark.parametrize("among", [1, 2, 5, 16, 17])
def test_blocks_do_not_change_distances(among: int, monkeypatch: pytest.MonkeyPatch) -> None:
    train = np.random.default_rng(0).normal(size=(among, 3)).round(1)
    train[-1] = train[0]  # a row that lies twice, in two blocks
    whole, new = Domain.of(train), np.random.default_rng(1).normal(size=(11, 3))
    monkeypatch.setattr(domain, "_BLOCK_ROWS", 4)
    monkeypatch.setattr(domain, "_BLOCK_AMONG", 5)
    made = Domain.of(train)
    assert made.limit == whole.limit
    np.testing.assert_array_equal(made.distance(new), whole.distance(new))
    away = ((new - made.center) * made.scale).astype(np.float32)
    varying = max(1, int((made.scale > 0).sum()))
    exact = cdist(away.astype(np.float64), made.rows.astype(np.float64)).min(axis=1) / np.sqrt(varying)
    np.testing.assert_allclose(made.distance(new), exact, atol=1.01e-5)


def test_what_is_too_far_to_be_a_number_is_refused() -> None:
    made = Domain.of(np.random.default_rng(0).normal(size=(9, 2)))
    with pytest.raises(ValueError, match="finite"), np.errstate(over="ignore"):
        made.distance(np.array([[1e300, 0.0]]))
