"""Learning curves: nested parts of the training rows, their power laws, and when none is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automat import api, datasets, learning, power_law, splits
from automat.api import RunResult
from automat.core import Dataset, InputError, Split
from automat.datasets import checks
from automat.evaluate import Job
from automat.executors import choosing

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

SIZES = np.array([60.0, 120.0, 240.0, 480.0, 960.0])


@pytest.fixture(scope="module")
def crystals() -> Dataset:
    """240 crystals of the dielectric set (Petousis et al. 2017)."""
    whole = datasets.load("mp_dielectric")
    return checks.take(whole, np.sort(np.random.default_rng(0).permutation(len(whole))[:240]))


@pytest.fixture(scope="module")
def ran(crystals: Dataset, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    out = tmp_path_factory.mktemp("learning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOMAT_CACHE", str(out / "cache"))
        options = {"models": ["dummy", "knn"], "preset": "quick", "folds": 3, "jobs": 1, "out": out}
        first = api.run(crystals, learning_curve=True, **options)  # type: ignore[arg-type]
        again = api.run(crystals, learning_curve=True, **options)  # type: ignore[arg-type]
    assert again.computed == 0
    assert again.learning == first.learning
    return first


def test_the_largest_size_is_the_board_itself(ran: RunResult) -> None:
    found = ran.learning
    assert found is not None
    assert found.sizes == (30, 46, 69, 105, 160)
    assert {curve.model for curve in found.curves} == {"dummy", "knn"}
    for curve in found.curves:
        row = next(row for row in ran.board.rows if row.model == curve.model)
        assert curve.mean[-1] == pytest.approx(row.mean["test"]["mae"])
        assert np.array(curve.folds, dtype=float).shape == (3, 5)
        assert np.isfinite(np.array(curve.folds, dtype=float)).all()
        assert (curve.law is None) == bool(curve.refused)


def test_the_parts_stand_on_no_board(ran: RunResult) -> None:
    assert len(api.leaderboards(ran.page.parents[1])) == 1
    (path,) = ran.page.parent.glob("learning-*.json")
    kept = json.loads(path.read_text())
    assert kept["sizes"] == [30, 46, 69, 105, 160]
    assert len(list((ran.page.parent / "learning").rglob("records/*.json"))) == 2 * 3 * 4
    assert 'id="section-learning"' in ran.page.read_text(encoding="utf-8")


class StoppedError(Exception):
    """What ends a run that has been looked at."""


def test_the_parts_keep_unfinished_work_from_the_first_run_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that does not find the folder of the records keeps none, and begins before there is a record."""
    found: list[bool] = []
    place: Any = vars(choosing)["Local"]
    run_cells = place.run_cells

    def looking(self: Any, job: Job, cells: Any, **options: Any) -> None:
        found.append(Path(job.partial).parent.is_dir())
        if len(found) > 1:  # the first are the cells of the board itself
            raise StoppedError
        run_cells(self, job, cells, **options)

    monkeypatch.setattr(place, "run_cells", looking)
    (tmp_path / "lab.csv").write_text("x,y\n" + "".join(f"{row},{row % 7}.5\n" for row in range(90)))
    with pytest.raises(StoppedError):
        api.run(
            tmp_path / "lab.csv", target="y", models=["dummy"], preset="quick", folds=3, only_folds=1, jobs=1,
            out=tmp_path / "runs", learning_curve=True,
        )  # fmt: skip
    assert found == [True, True]


def test_too_few_rows_are_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least 60 training rows, but a fold has 50"):
        api.run(
            checks.take(datasets.load("iris"), np.arange(0, 150, 2)),
            models=["dummy"], preset="quick", folds=3, out=tmp_path, learning_curve=True,
        )  # fmt: skip
    assert not list(tmp_path.rglob("*.json"))
    with pytest.raises(InputError, match="at least 2 sizes, but got 1"):
        learning.parts(1000, 1)


def test_a_curve_may_begin_elsewhere_and_be_of_some_folds(
    ran: RunResult, crystals: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUTOMAT_CACHE", str(ran.page.parents[1] / "cache"))
    options = {"models": ["dummy", "knn"], "preset": "quick", "folds": 3, "jobs": 1, "out": tmp_path}
    made = api.run(crystals, learning_curve=True, curve_from=40, only_folds=1, **options)  # type: ignore[arg-type]
    assert (made.computed, made.failed) == (2, 0)
    assert made.learning is not None
    assert ran.learning is not None
    assert made.learning.sizes == (40, 57, 80, 113, 160)
    for curve in made.learning.curves:
        whole = next(each for each in ran.learning.curves if each.model == curve.model)
        assert len(curve.folds) == 1
        assert curve.folds[0][-1] == whole.folds[0][-1]
        assert curve.refused == power_law.TOO_FEW_FOLDS
    # The other folds join the same board later.
    rest = api.run(crystals, **options)  # type: ignore[arg-type]
    assert (rest.computed, rest.page) == (4, made.page)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"curve_from": 20}, "between 30 rows and half of the 80 training rows, but got 20"),
        ({"curve_from": 41}, "between 30 rows and half of the 80 training rows, but got 41"),
        ({"only_folds": 4}, "cannot compute only 4 folds: there are 3"),
        ({"only_folds": 0}, "cannot compute only 0 folds: there are 3"),
        ({"curve_from": 40, "learning_curve": False}, "begin at 40 rows, but learning_curve is not set"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(wanted: dict[str, int], message: str, tmp_path: Path) -> None:
    options = {"models": ["dummy"], "preset": "quick", "folds": 3, "out": tmp_path, "learning_curve": True} | wanted
    with pytest.raises(InputError, match=message):
        api.run(checks.take(datasets.load("iris"), np.arange(120)), **options)  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("name", ["iris", "mp_dielectric"])
def test_parts_are_nested_and_never_tested(name: str) -> None:
    data = datasets.load(name)
    for fold in splits.make(data, Split(splits.default_kind(data), 3, 0)):
        inner = [set(learning.nested(data, fold, share).tolist()) for share in (0.2, 0.5, 1.0)]
        assert inner[0] < inner[1] < inner[2] == set(fold.train.tolist())
        assert not inner[2] & set(fold.test.tolist())
    if name == "iris":
        codes = data.target[sorted(inner[0])]
        assert np.bincount(codes.astype(int)).ptp() <= 1


@settings(deadline=None, max_examples=15)
@given(st.floats(0.5, 5.0), st.floats(0.25, 0.8), st.floats(0.0, 0.1), st.integers(0, 5))
def test_a_law_without_noise_is_found(a: float, b: float, c: float, seed: int) -> None:
    errors = np.repeat([a * SIZES**-b + c], 3, axis=0)
    law = power_law.fit(SIZES, errors, seed)
    assert isinstance(law, power_law.PowerLaw)
    twice = a * (2 * SIZES[-1]) ** -b + c
    assert law.doubled.value == pytest.approx(twice, rel=0.01)
    assert law.doubled.gain == pytest.approx(1 - twice / errors[0, -1], abs=0.01)


def test_the_range_holds_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    truth = 2 * SIZES**-0.4 + 0.05
    twice = 2 * (2 * SIZES[-1]) ** -0.4 + 0.05
    laws = [power_law.fit(SIZES, truth * (1 + 0.03 * draw.normal(size=(8, 5))), seed) for seed in range(8)]
    held = [law.doubled.low <= twice <= law.doubled.high for law in laws if isinstance(law, power_law.PowerLaw)]
    assert len(held) >= 6
    assert np.mean(held) >= 0.5


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (np.tile(2 * SIZES**-0.4, (2, 1)), power_law.TOO_FEW_FOLDS),
        (np.full((4, 5), 0.3), power_law.DOES_NOT_FALL),
        (np.tile([0.4, 0.2, 0.4, 0.2, 0.3], (4, 1)), power_law.DOES_NOT_FIT),
        (np.tile([[0.5], [0.9], [0.1], [0.7]], (1, 5)) * SIZES ** -np.array([[0.1], [0.9], [0.0], [0.3]]), None),
        (np.full((4, 5), np.nan), power_law.TOO_FEW_SIZES),
        (np.tile([1.0, 0.5, 0.2, 0.1, 0.0], (4, 1)), power_law.DOES_NOT_FALL),
    ],
)
def test_no_law_is_told_where_none_can_be(errors: np.ndarray, reason: str | None) -> None:  # type: ignore[type-arg]
    found = power_law.fit(SIZES, errors)
    assert found in power_law.REFUSALS
    assert reason is None or found == reason
