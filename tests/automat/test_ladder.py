"""The ladder: the same entrants on harder and harder splits, and how far the tests lie."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import automat
from automat import api, datasets, ladder, splits
from automat.core import Dataset, Fold, InputError, Split
from automat.datasets import checks
from automat.ladder import Ladder, LadderResult

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

RUNGS = ("random", "formula", "chemical-system", "cluster-out")


@pytest.fixture(scope="module")
def crystals() -> Dataset:
    """120 crystals of the dielectric set (Petousis et al. 2017)."""
    whole = datasets.load("mp_dielectric")
    return checks.take(whole, np.sort(np.random.default_rng(0).permutation(len(whole))[:120]))


@pytest.fixture(scope="module")
def climbed(crystals: Dataset, tmp_path_factory: pytest.TempPathFactory) -> LadderResult:
    out = tmp_path_factory.mktemp("ladder")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOMAT_CACHE", str(out / "cache"))
        return api.run_ladder(crystals, models=["dummy", "knn"], preset="quick", jobs=1, out=out)


def test_every_entrant_stands_on_every_rung(climbed: LadderResult) -> None:
    found = climbed.ladder
    assert [rung.split for rung in found.rungs] == list(RUNGS)
    assert {row.model for row in found.rows} == {"dummy", "knn"}
    for position, (rung, run) in enumerate(zip(found.rungs, climbed.runs, strict=True)):
        assert run.board.split == rung.split
        assert (run.page.parent / rung.page).is_file()
        for row in found.rows:
            on_board = next(entrant for entrant in run.board.rows if entrant.model == row.model)
            score, first = row.scores[position], row.scores[0]
            assert score == pytest.approx(on_board.mean["test"]["mae"])
            assert score is not None
            assert first is not None
            assert row.ratios[position] == pytest.approx(score / first)
    assert found.rungs[3].distance.far > found.rungs[0].distance.far
    assert found.rungs[3].distance.median > found.rungs[0].distance.median


def test_the_ladder_is_kept_beside_its_boards(climbed: LadderResult) -> None:
    kept = json.loads(climbed.path.read_text())
    assert climbed.path.parent == climbed.runs[0].page.parent
    assert climbed.path.name.startswith("ladder-quick-2-")
    assert [rung["split"] for rung in kept["rungs"]] == list(RUNGS)
    assert kept["rows"][0]["scores"] == list(climbed.ladder.rows[0].scores)
    assert kept["rungs"][0]["distance"]["test_rows"] == 120


def test_the_sentence_says_what_the_hardest_rung_costs(climbed: LadderResult) -> None:
    said = ladder.sentence(climbed.ladder)
    best = climbed.ladder.rows[0]
    assert said.startswith(f"{best.model} leads on mp_dielectric by the random split (MAE {best.scores[0]:.4g})")
    assert f"by cluster-out its MAE is {best.ratios[3]:.2f} times that" in said
    gone = replace(best, scores=(best.scores[0], None, None, None), ratios=(1.0, None, None, None))
    assert ladder.sentence(replace(climbed.ladder, rows=(gone,))).endswith("(MAE " + f"{best.scores[0]:.4g})")
    none = replace(best, scores=(None,) * 4, ratios=(None,) * 4)
    assert ladder.sentence(replace(climbed.ladder, rows=(none,))) == "no entrant has finished on mp_dielectric"


def test_an_entrant_that_failed_a_fold_has_no_mean(climbed: LadderResult, crystals: Dataset) -> None:
    cut, left_out = ladder.cut_rungs(crystals, preset="quick", folds=2, seed=0, cache_dir=None)
    ran = dict(zip(RUNGS, climbed.runs, strict=True))
    of_formula = ran["formula"]
    assert isinstance(of_formula, api.RunResult)
    broken = of_formula.board.rows[0]
    failed = replace(broken, folds=(replace(broken.folds[0], status="failed"), *broken.folds[1:]))
    board = replace(of_formula.board, rows=(failed, *of_formula.board.rows[1:]))
    found: Ladder = ladder.assemble(crystals, cut, ran | {"formula": replace(of_formula, board=board)}, left_out)
    of_broken = next(row for row in found.rows if row.model == broken.model)
    assert of_broken.scores[1] is None
    assert of_broken.ratios[1] is None
    assert None not in (of_broken.scores[0], of_broken.scores[2], of_broken.scores[3])


def folds_of(train: list[int], test: list[int]) -> tuple[Fold, ...]:
    return (Fold(Split("random", 1, 0), 0, np.array(train), np.array(test)),)


def on_a_line(places: list[float]) -> Dataset:
    return Dataset(
        name="line",
        ids=np.array([f"r{row}" for row in range(len(places))]),
        target=np.arange(len(places), dtype=np.float64),
        target_name="y",
        unit="",
        task="regression",
        inputs="table",
        table=pd.DataFrame({"x": places}),
    )


def test_distances_are_to_the_nearest_training_row() -> None:
    places = [0.0, 1.0, 2.0, 3.0, 3.5, 13.0]
    unit = np.std(places)
    found = ladder.distance(on_a_line(places), folds_of([0, 1, 2, 3], [4, 5]))
    assert found.test_rows == 2
    assert found.median == pytest.approx((0.5 + 10.0) / 2 / unit, abs=1e-6)
    assert found.far == 0.5


def test_twins_of_training_rows_are_near() -> None:
    found = ladder.distance(on_a_line([0.0, 0.0, 5.0, 5.0, 0.0, 5.0]), folds_of([0, 1, 2, 3], [4, 5]))
    assert (found.median, found.far) == (0.0, 0.0)


def test_distances_of_many_rows_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch, crystals: Dataset) -> None:
    folds = splits.make(crystals, Split("random", 2, 0))
    whole = ladder.distance(crystals, folds)
    monkeypatch.setattr(ladder, "MOST_ROWS", 40)
    some = ladder.distance(crystals, folds)
    assert (whole.test_rows, some.test_rows) == (120, 80)
    assert some == ladder.distance(crystals, folds)
    assert some.median == pytest.approx(whole.median, rel=0.3)


def test_rungs_that_a_dataset_cannot_have_are_left_out_with_a_reason(flowers: Dataset) -> None:
    cut, left_out = ladder.cut_rungs(flowers, preset="quick", folds=2, seed=0, cache_dir=None)
    assert list(cut) == ["stratified", "cluster-out"]
    assert list(left_out) == ["formula", "chemical-system"]
    assert "'flowers' is a plain table" in left_out["formula"]
    with pytest.raises(InputError, match="cannot make 90 folds of 50 rows of class"):
        ladder.cut_rungs(flowers, preset="quick", folds=90, seed=0, cache_dir=None)


def test_another_seed_is_another_file(climbed: LadderResult) -> None:
    found = climbed.ladder
    names = {ladder.file_name(each) for each in (found, replace(found, seed=1), replace(found, preset="best"))}
    assert len(names) == 3


def test_one_run_is_not_a_ladder(diabetes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="call run_ladder"):
        automat.run(diabetes, split="ladder", models=["dummy"], out=tmp_path)


def test_the_ladder_from_the_shell(command: Callable[..., str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    formulas = [f"{metal}{count}{other}{many}" for metal in ("Li", "Mg", "Ti", "Fe") for count in (1, 2)
                for other in ("O", "S", "Cl") for many in (1, 2, 3)]  # fmt: skip
    table = pd.DataFrame({"formula": formulas, "y": rng.normal(size=len(formulas))})
    table.to_csv(tmp_path / "oxides.csv", index=False)
    arguments = ("run", "--dataset", "oxides.csv", "--models", "dummy,linear", "--preset", "quick", "--split", "ladder")
    output = command(*arguments, "--jobs", "1")
    assert "leads on oxides by the random split" in output
    assert re.search(r"dummy +composition +\d\.\d{4} +\d\.\d{4} \(\d\.\d\dx\) ", output)
    assert "tests far from training" in output
    assert "16 cells computed, 0 found done, 0 failed" in output
    lines = output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("leaderboard: "))
    assert "random" in lines[start]
    others = [line.split(":")[0] for line in lines[start + 1 : start + 4]]
    assert others == [f"page ({rung})" for rung in RUNGS[1:]]
    for line in lines[start : start + 5]:
        assert (tmp_path / line.split(": ", 1)[1]).is_file()
    assert "0 cells computed, 16 found done, 0 failed" in command(*arguments)


def test_a_column_of_folds_from_the_shell(command: Callable[..., str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=40), "batch": np.tile(["p", "q", "r", "s"], 10)})
    table["y"] = 3 * table["x"] + rng.normal(size=40)
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = ("run", "--dataset", "t.csv", "--target", "y", "--models", "dummy,linear", "--preset", "quick")
    output = command(*arguments, "--split", "column:batch")
    assert "t: column:batch split, 4 folds" in output
    assert "8 cells computed" in output
    record = json.loads(next((tmp_path / "automat-runs" / "t" / "records").glob("*.json")).read_text())
    (folds,) = (tmp_path / "automat-runs" / "t" / "folds").glob("*.parquet")
    kept = pd.read_parquet(folds)
    assert folds.name == f"column-batch4-{record['cell']['split']['sha256'][:8]}.parquet"
    assert set(kept["part"]) == {"train", "test"}
    for fold, label in enumerate("pqrs"):
        of_fold = kept[kept["fold"] == fold]
        assert set(of_fold["label"]) == {label}
        tested = of_fold.loc[of_fold["part"] == "test", "id"].str.removeprefix("row-").astype(int) - 1
        assert set(table["batch"].iloc[tested]) == {label}
    assert "has no such column. Did you mean 'batch'?" in command(*arguments, "--split", "column:bach", code=2)
    assert "t: random*2 split, 4 folds" in command(*arguments, "--split", "random*2")


def test_splits_are_listed_with_what_they_need(command: Callable[..., str]) -> None:
    output = command("splits")
    for kind in splits.SPLITS.values():
        assert re.search(rf"^ *{re.escape(kind.usage)} ", output, re.MULTILINE)
    assert "a column of dates or years" in output
    assert "ladder" in output
    assert "random*3" in output
