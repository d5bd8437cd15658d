"""`automat gate`, as a user types it: better, worse, not sure, and not comparable."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from automat import api
from automat.core import Dataset, InputError, Model
from automat.judgement import Judgement, Side, markdown
from automat.store import Store

pytestmark = pytest.mark.usefixtures("cells_in_this_process")
EIGHT_LINES = """
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = "my_trees"

MODEL = make_pipeline(StandardScaler(), ExtraTreesRegressor(100))
"""
RIDGE = "from sklearn.linear_model import Ridge\n\nMODEL = Ridge(alpha=1e-3)\n"
FAILING = "from sklearn.linear_model import Ridge\n\nMODEL = Ridge(alpha=-1.0)\n"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


class Gate:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path, cache: Path, called: Callable[..., tuple[int, str]]) -> None:
        self.folder = folder
        self.cache = cache
        self.called = called

    def __call__(self, *arguments: str, code: int) -> str:
        return self.automat("gate", *arguments, code=code)

    def automat(self, *arguments: str, code: int) -> str:
        found, told = self.called(self.folder, {"AUTOMAT_CACHE": str(self.cache)}, *arguments)
        assert found == code, told
        assert "Traceback" not in told
        return told

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name

    def records(self, dataset: str) -> dict[tuple[str, int], Path]:
        found = {}
        for path in (self.folder / "automat-runs" / dataset / "records").glob("*.json"):
            cell = json.loads(path.read_text())["cell"]
            found[cell["model"], cell["fold"]] = path
        return found


@pytest.fixture
def gate(tmp_path: Path, cache: Path, called: Callable[..., tuple[int, str]]) -> Gate:
    return Gate(tmp_path, cache, called)


def table(rows: int = 60, noise: float = 0.3, seed: int = 0) -> str:
    """A line in three columns with noise: ridge regression is what to use, trees of depth one are not."""
    random = np.random.default_rng(seed)
    columns = random.normal(size=(rows, 3))
    y = columns @ [1.0, -2.0, 0.5] + noise * random.normal(size=rows)
    return str(pd.DataFrame(columns, columns=["a", "b", "c"]).assign(y=y).to_csv(index=False))


@pytest.mark.slow
def test_eight_lines_are_judged_both_ways_on_real_crystals(gate: Gate) -> None:
    mine = gate.write("mine.py", EIGHT_LINES)
    assert len(EIGHT_LINES.strip().splitlines()) <= 8
    assert "all 15 checks are ok" in gate.automat("check", mine, code=0)
    common = ("--dataset", "mp_dielectric", "--preset", "quick", "--folds", "5", "--features", "magpie")
    better = gate(mine, *common, "--against", "dummy", code=0)
    assert "my_trees beats dummy on mp_dielectric: its MAE is lower by 0.4" in better
    worse = gate(mine, *common, "--against", "lightgbm", "--margin", "0.2", code=1)
    assert "my_trees does not beat lightgbm by more than 0.2 on mp_dielectric" in worse
    same = gate(gate.write("mean.py", "from sklearn.dummy import DummyRegressor as MODEL\n"), *common, code=1)
    assert "mean does not beat my_trees" in same
    assert "its MAE is higher by" in same
    assert "entrants that had finished every fold: 3" in same


def test_better_worse_and_the_summary(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = (mine, "--dataset", data, "--target", "y", "--preset", "quick", "--folds", "5", "--summary", "page.md")
    output = gate(*common, "--against", "decision_tree", code=0)
    lines = output.splitlines()
    assert lines[0].startswith("mine beats decision_tree on lab: its MAE is lower by ")
    assert "budgets differ: quick: 1 trial, against quick: 3 trials" in output
    assert "random split, 5 folds, seed 0, data " in output
    page = gate.folder / lines[-1].removeprefix("leaderboard: ")
    assert "decision_tree" in page.read_text()
    assert "mine" in page.read_text()

    output = gate(*common, "--against", "linear", "--margin", "0.05", code=1)
    assert output.startswith("mine does not beat linear by more than 0.05 on lab: its MAE is ")
    summary = (gate.folder / "page.md").read_text()
    assert summary.count("###") == 2
    assert "### ✅ mine beats decision\\_tree on lab" in summary
    assert "### ❌ mine does not beat linear by more than 0.05" in summary
    assert "| mine | table | " in summary


def test_what_is_missing_is_run_and_what_is_there_is_not(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = ("--dataset", data, "--target", "y", "--preset", "quick", "--folds", "3")
    gate.automat("run", *common, "--models", "dummy,decision_tree", code=0)
    before = {key: path.read_bytes() for key, path in gate.records("lab").items()}
    output = gate(mine, *common, code=0)
    assert "mine beats decision_tree on lab" in output  # the best there is, and not the dummy
    assert "entrants that had finished every fold: 2" in output
    after = gate.records("lab")
    assert {model for model, _ in after} == {"dummy", "decision_tree", "mine"}
    assert all(after[key].read_bytes() == content for key, content in before.items())
    after["decision_tree", 1].unlink()
    gate(mine, *common, "--against", "decision_tree", code=0)
    assert ("decision_tree", 1) in gate.records("lab")


def test_a_baseline_of_another_budget_serves_and_is_shown(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = ("--dataset", data, "--target", "y", "--folds", "3")
    gate.automat("run", *common, "--preset", "quick", "--trials", "2", "--models", "decision_tree", code=0)
    output = gate(mine, *common, "--preset", "quick", "--against", "decision_tree", code=0)
    assert "budgets differ: quick: 1 trial, against quick, 2 trials: 2 trials" in output


def test_another_file_may_be_the_baseline(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    last = gate.write("last.py", "from sklearn.tree import DecisionTreeRegressor\nMODEL = DecisionTreeRegressor()\n")
    common = ("--dataset", data, "--target", "y", "--preset", "quick", "--folds", "5")
    assert "mine beats last on lab" in gate(mine, *common, "--against", last, code=0)
    assert "last does not beat mine on lab" in gate(last, *common, "--against", mine, code=1)


def test_other_metrics_and_classes(gate: Gate) -> None:
    mine = gate.write(
        "mine.py", "from sklearn.linear_model import LogisticRegression\nMODEL = LogisticRegression(max_iter=200)\n"
    )
    common = (mine, "--dataset", "iris", "--preset", "quick", "--folds", "5", "--against", "dummy")
    assert "its ROC-AUC is higher by 0.4" in gate(*common, code=0)
    assert "its accuracy is higher by 0.6" in gate(*common, "--metric", "accuracy", "--margin", "0.3", code=0).lower()
    assert "unknown metric of a classification 'mae'" in gate(*common, "--metric", "mae", code=2)


def test_changed_data_are_refused(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = ("--dataset", data, "--target", "y", "--preset", "quick", "--folds", "3")
    gate.automat("run", *common, "--models", "dummy,linear", code=0)
    gate.write("lab.csv", table(seed=1))
    output = gate(mine, *common, "--summary", "page.md", code=2)
    assert "cannot be compared, the data differ: the runs at 'automat-runs' are of data " in output
    assert "### ❌ The gate could not judge" in (gate.folder / "page.md").read_text()
    assert ("mine", 0) not in gate.records("lab")


def test_another_split_of_the_same_table_is_no_change_of_data(gate: Gate) -> None:
    """A split by a column takes the column from the models, so the data have another hash."""
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = (mine, "--dataset", data, "--target", "y", "--preset", "quick", "--folds", "3", "--against", "linear")
    gate(*common, code=1)
    output = gate(*common, "--split", "time:c", code=1)
    assert "time:c split, 3 folds" in output


def test_changed_rows_and_targets_of_a_baseline_are_refused(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", RIDGE)
    common = (mine, "--dataset", data, "--target", "y", "--preset", "quick", "--folds", "3", "--against", "linear")
    gate(*common, code=1)
    path = gate.folder / "automat-runs" / "lab" / "predictions" / f"{gate.records('lab')['linear', 1].stem}.parquet"
    whole = pd.read_parquet(path)
    whole.assign(id=[*whole["id"][:-1], "another"]).to_parquet(path)
    assert "cannot be compared, the folds differ: 2 test rows of fold 2 are not shared" in gate(*common, code=2)
    whole.assign(y_true=whole["y_true"] + 1e-9).to_parquet(path)
    assert "cannot be compared, the data differ: test targets of fold 2 are not the same" in gate(*common, code=2)
    path.unlink()
    assert "the predictions of 'linear' for fold 2 are missing" in gate(*common, code=2)


def test_a_model_that_fails_is_not_compared(gate: Gate) -> None:
    data, mine = gate.write("lab.csv", table()), gate.write("mine.py", FAILING)
    common = ("--dataset", data, "--target", "y", "--preset", "quick", "--against", "dummy")
    output = gate(mine, *common, code=2)
    assert "'mine' cannot be compared: fold 1 ended as failed (InvalidParameterError" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.py",), "no model file at 'none.py'"),
        (("mine.py", "--against", "lightgmb"), "unknown baseline 'lightgmb'. Did you mean 'lightgbm'?"),
        (("mine.py", "--against", "mine.py"), "the model and its baseline are both called 'mine'"),
        (("mine.py", "--metric", "roc_auc"), "unknown metric of a regression 'roc_auc'"),
        (("mine.py", "--confidence", "95"), "confidence must be from 0.5 to below 1, such as 0.95, but got 95"),
        (("mine.py", "--confidence", "1"), "confidence must be from 0.5 to below 1"),
        (("mine.py", "--margin", "nan"), "margin must be a number, but got nan"),
        (("mine.py", "--split", "randm"), "unknown split 'randm'. Did you mean 'random'?"),
        (("mine.py", "--folds", "1"), "folds must be at least 2, but got 1"),
        (("mine.py", "--split", "60-20-20"), "split '60-20-20' is a single fold, which has no spread"),
        (("two.py",), "'two.py' holds 2 models (first, second); the gate judges one"),
    ],
)
def test_bad_usage_is_exit_code_2(gate: Gate, arguments: tuple[str, ...], message: str) -> None:
    gate.write("mine.py", RIDGE)
    gate.write("two.py", "from sklearn.linear_model import Ridge\nMODELS = {'first': Ridge(), 'second': Ridge()}\n")
    data = gate.write("lab.csv", table(20))
    assert message in gate(*arguments, "--dataset", data, "--target", "y", "--preset", "quick", code=2)


def ridge(name: str, alpha: float) -> Model:
    from sklearn.linear_model import Ridge

    return Model(name=name, build=lambda _params, _seed: Ridge(alpha=alpha))


def test_from_python_with_the_figures_of_the_test(
    diabetes: Dataset, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMAT_CACHE", str(cache))
    options: dict[str, Any] = {"preset": "quick", "folds": 4, "runs": tmp_path, "jobs": 1}
    judged = api.gate(ridge("light", 0.1), diabetes, against="dummy", confidence=0.9, **options)
    gains = np.array(judged.baseline.scores) - np.array(judged.mine.scores)
    # Nadeau & Bengio: the variance of the mean is (1/J + n_test/n_train) s2; folds of 30 of 120 rows.
    error = math.sqrt((1 / 4 + 30 / 90) * gains.var(ddof=1))
    assert judged.gain == pytest.approx(gains.mean())
    assert judged.p_value == pytest.approx(stats.t.sf(gains.mean() / error, 3))
    assert judged.low == pytest.approx(gains.mean() - stats.t.ppf(0.9, 3) * error)
    assert judged.beats is (judged.low > 0) is (judged.p_value < 0.1) is True
    # The margin is where the one-sided bound and the p-value meet.
    close = api.gate(
        ridge("light", 0.1), diabetes, against="dummy", confidence=0.9, margin=judged.low * 1.001, **options
    )
    assert not close.beats
    assert close.p_value == pytest.approx(0.1, abs=0.002)


def test_a_stored_entrant_that_cannot_be_run_must_have_run_on_these_folds(
    diabetes: Dataset, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMAT_CACHE", str(cache))
    options: dict[str, Any] = {"preset": "quick", "jobs": 1}
    api.run(diabetes, models=[ridge("old", 10.0)], folds=3, out=tmp_path, **options)
    judged = api.gate(ridge("new", 0.1), diabetes, against="old", folds=3, runs=tmp_path, **options)
    assert judged.baseline.model == "old"
    with pytest.raises(
        InputError, match=r"'old' has not finished random split, 4 folds, seed 0.*random split, 3 folds"
    ):
        api.gate(ridge("new", 0.1), diabetes, against="old", folds=4, runs=tmp_path, **options)


def test_folds_of_one_name_that_differ_are_refused(
    diabetes: Dataset, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a library of another version cuts otherwise."""
    monkeypatch.setenv("AUTOMAT_CACHE", str(cache))
    table_of = Store.table

    def other_folds(self: Store, dataset: str | None = None) -> pd.DataFrame:
        return table_of(self, dataset).assign(folds_sha256="0" * 64)

    options: dict[str, Any] = {"preset": "quick", "folds": 3, "jobs": 1}
    api.run(diabetes, models=["dummy"], out=tmp_path, **options)
    monkeypatch.setattr(Store, "table", other_folds)
    with pytest.raises(InputError, match=r"cannot be compared, the folds differ: .* are of folds 000000000000"):
        api.gate(ridge("new", 0.1), diabetes, against="dummy", runs=tmp_path, **options)


def judgement(*, gain: float, beats: bool, metric: str = "mae", model: str = "mine") -> Judgement:
    budget = {"preset": "quick", "trials": 1}
    side = Side(model, "Mine", "magpie", "quick", budget, (0.5, 0.6, 0.7))
    other = Side("best_one", "Best", "magpie", "quick", budget, (0.6, 0.7, 0.8))
    return Judgement(
        dataset="lab", dataset_sha256="ab" * 32, target="y", unit="eV", split="random", folds=3, seed=0, metric=metric,
        margin=0.0, confidence=0.95, mine=side, baseline=other, entrants=2, gain=gain, low=gain - 0.05,
        high=gain + 0.05, p_value=0.01 if beats else 0.4, beats=beats, page=Path("page.html"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "beats", "metric", "sentence"),
    [
        (0.1, True, "mae", "lower by 0.1 eV; by 0.05 eV or more, at 95% confidence (p = 0.01)."),
        (0.01, False, "mae", "lower by 0.01 eV, but that is not sure at 95% confidence (p = 0.4)."),
        (-0.1, False, "mae", "higher by 0.1 eV."),
        (-0.1, False, "r2", "lower by 0.1."),
    ],
)
def test_the_verdict_in_words(gain: float, beats: bool, metric: str, sentence: str) -> None:
    told = judgement(gain=gain, beats=beats, metric=metric).sentence
    title = {"mae": "MAE", "r2": "R2"}[metric]
    assert told == f"mine {'beats' if beats else 'does not beat'} best_one on lab: its {title} is {sentence}"


def test_few_folds_and_equal_budgets_are_told() -> None:
    unsure = judgement(gain=0.01, beats=False)
    assert any("3 folds tell little" in note for note in unsure.notes)
    assert not any("budgets differ" in note for note in unsure.notes)
    assert not any("folds tell little" in note for note in judgement(gain=0.1, beats=True).notes)


def test_names_cannot_break_the_page() -> None:
    text = markdown(judgement(gain=0.1, beats=True, model="a|b<script>`x`\n# no"))
    assert "<script>" not in text.replace("\\<", "")
    assert "a\\|b" in text
    assert "\n# no" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)
