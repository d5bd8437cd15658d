"""Results in the forms of other programs, from runs of real data."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from automat import api
from automat.core import Dataset, InputError, UnknownNameError
from automat.exports import cgcnn, mlflow_runs
from automat.exports.entrants import entrant, entrants

FAKE = {
    "__init__.py": "",
    "entities.py": """
from collections import namedtuple
Metric = namedtuple("Metric", "key value timestamp step")
Param = namedtuple("Param", "key value")
""",
    "tracking.py": """
import json, pathlib
from types import SimpleNamespace as Thing

class MlflowClient:
    def __init__(self, tracking_uri):
        if tracking_uri == "refusing":
            raise RuntimeError("no such store\\nwith more lines")
        self.file = pathlib.Path(tracking_uri)
        self.kept = json.loads(self.file.read_text()) if self.file.exists() else {"experiments": [], "runs": []}

    def keep(self):
        self.file.write_text(json.dumps(self.kept))

    def get_experiment_by_name(self, name):
        there = self.kept["experiments"]
        return Thing(experiment_id=str(there.index(name))) if name in there else None

    def create_experiment(self, name):
        self.kept["experiments"].append(name)
        return str(len(self.kept["experiments"]) - 1)

    def search_runs(self, experiments, filter_string, max_results):
        name, value = filter_string.split(" = ")
        assert name.startswith("tags.`") and name.endswith("`")
        return [run for run in self.kept["runs"]
                if run["experiment"] in experiments and run["tags"].get(name[6:-1]) == value.strip("'")]

    def create_run(self, experiment, run_name, tags):
        made = {"experiment": experiment, "name": run_name, "tags": tags, "texts": {}, "status": "RUNNING"}
        self.kept["runs"].append(made)
        return Thing(info=Thing(run_id=len(self.kept["runs"]) - 1))

    def log_batch(self, run, metrics, params):
        assert all(isinstance(each.value, str) for each in params)
        self.kept["runs"][run] |= {"metrics": [list(each) for each in metrics], "params": dict(params)}

    def log_text(self, run, text, name):
        if name in self.kept.get("breaks", ()):
            self.kept["breaks"].remove(name)
            self.keep()
            raise ConnectionError("the line was cut")
        self.kept["runs"][run]["texts"][name] = text

    def set_tag(self, run, name, value):
        assert self.kept["runs"][run]["status"] != "RUNNING"
        self.kept["runs"][run]["tags"][name] = value
        self.keep()

    def set_terminated(self, run, status):
        self.kept["runs"][run]["status"] = status
        self.keep()
""",
}
"""What of MLflow is called, keeping everything in one JSON file."""


@pytest.fixture(scope="module")
def runs(diabetes: Dataset, flowers: Dataset, two_flowers: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exports")
    for data in (flowers, two_flowers, diabetes):
        api.run(data, models=["dummy", "linear"], preset="quick", trials=1, out=out)
    return out


def test_cgcnn_gets_every_test_row_once_without_a_header(runs: Path, diabetes: Dataset, tmp_path: Path) -> None:
    chosen, rows = cgcnn.write(tmp_path / "test_results.csv", runs, dataset=diabetes.name)
    assert chosen.row.model == "linear"
    read = pd.read_csv(
        tmp_path / "test_results.csv", header=None, names=["id", "target", "prediction"], dtype={"id": str}
    )
    assert rows == len(read) == len(diabetes)
    targets = dict(zip(diabetes.ids.tolist(), diabetes.target.tolist(), strict=True))
    assert dict(zip(read["id"], read["target"], strict=True)) == targets
    mae = (read["target"] - read["prediction"]).abs().mean()
    assert mae == pytest.approx(chosen.row.mean["test"]["mae"], rel=0.02)  # folds of unequal sizes


def test_cgcnn_gets_one_fold_or_another_entrant(runs: Path, diabetes: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    halves = [cgcnn.write(path, runs, dataset=diabetes.name, fold=fold)[1] for fold in (1, 2)]
    assert sum(halves) == len(diabetes)
    chosen, _ = cgcnn.write(path, runs, dataset=diabetes.name, model="dummy", fold=1)
    assert chosen.row.model == "dummy"
    assert len(set(pd.read_csv(path, header=None)[2])) == 1
    with pytest.raises(InputError, match="has not finished fold 3; it has 1, 2"):
        cgcnn.write(path, runs, dataset=diabetes.name, fold=3)
    with pytest.raises(UnknownNameError, match=r"'linea'\. Did you mean 'linear'"):
        cgcnn.write(path, runs, dataset=diabetes.name, model="linea")
    with pytest.raises(InputError, match="cannot write"):
        cgcnn.write(tmp_path / "absent" / "r.csv", runs)


def test_cgcnn_gets_the_second_class_probability(runs: Path, tmp_path: Path) -> None:
    cgcnn.write(tmp_path / "r.csv", runs, dataset="two_flowers")
    read = pd.read_csv(tmp_path / "r.csv", header=None)
    assert set(read[1]) == {0, 1}
    assert read[2].between(0, 1).all()
    assert read.groupby(1)[2].mean().tolist() == pytest.approx([0, 1], abs=0.3)
    with pytest.raises(InputError, match="more than two classes"):
        cgcnn.write(tmp_path / "r.csv", runs, dataset="flowers")


def test_entrants_stand_as_on_their_boards(runs: Path) -> None:
    every = entrants(runs)
    assert [each.row.model for each in every] == ["linear", "dummy"] * 3
    assert {each.board.dataset for each in every} == {"flowers", "two_flowers", "diabetes"}
    assert all(len(each.cells) == each.row.folds_ok == 2 for each in every)
    assert entrant(runs).board.dataset == "diabetes"  # the newest
    with pytest.raises(UnknownNameError, match=r"'flower'\. Did you mean 'flowers'"):
        entrants(runs, dataset="flower")
    with pytest.raises(InputError, match="no runs at"):
        entrants(runs / "absent")


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "installed" / "mlflow"
    package.mkdir(parents=True)
    for name, text in FAKE.items():
        (package / name).write_text(text)
    for name in ("mlflow", "mlflow.tracking", "mlflow.entities"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(package.parent))
    return tmp_path / "store.json"


def test_every_entrant_is_a_run_of_mlflow_once(runs: Path, fake: Path) -> None:
    first = mlflow_runs.log(runs, str(fake))
    assert first == mlflow_runs.Logged(("automat-diabetes", "automat-two_flowers", "automat-flowers"), 6, 0)
    assert mlflow_runs.log(runs, str(fake)).new == 0
    kept = json.loads(fake.read_text())["runs"]
    assert len(kept) == 6
    run = kept[0]
    assert run["name"] == "linear (table), random"
    assert run["status"] == "FINISHED"
    assert run["params"]["dataset"] == "diabetes"
    assert run["params"]["split"] == "random"
    assert float(run["params"]["param.alpha"]) == 1.0
    board = entrants(runs)[0]
    values = {(name, step): value for name, value, _, step in run["metrics"]}
    assert values["test_mae", 0] == board.row.mean["test"]["mae"]
    assert [values["fold_mae", step] for step in (1, 2)] == [fold.scores["test"]["mae"] for fold in board.row.folds]
    assert values["rank", 0] == 1
    assert len(run["texts"]["test_predictions.csv"].splitlines()) == 1 + board.board.n_rows
    assert [fold["fold"] for fold in json.loads(run["texts"]["folds.json"])] == [1, 2]


def test_what_is_new_is_added(runs: Path, fake: Path) -> None:
    assert mlflow_runs.log(runs, str(fake), dataset="flowers", experiment="mine").experiments == ("mine",)
    again = mlflow_runs.log(runs, str(fake), dataset="diabetes", experiment="mine")
    assert (again.new, again.found) == (2, 0)
    assert json.loads(fake.read_text())["experiments"] == ["mine"]


def test_an_upload_that_broke_off_is_made_again(runs: Path, fake: Path) -> None:
    fake.write_text(json.dumps({"experiments": [], "runs": [], "breaks": ["test_predictions.csv"]}))
    with pytest.raises(InputError, match="the line was cut"):
        mlflow_runs.log(runs, str(fake), dataset="diabetes")
    again = mlflow_runs.log(runs, str(fake), dataset="diabetes")
    assert (again.new, again.found) == (2, 0)
    kept = json.loads(fake.read_text())["runs"]
    assert [run["status"] for run in kept] == ["KILLED", "FINISHED", "FINISHED"]
    assert [mlflow_runs.CELLS_TAG in run["tags"] for run in kept] == [False, True, True]
    assert set(kept[1]["texts"]) == {"folds.json", "test_predictions.csv"}
    assert mlflow_runs.log(runs, str(fake), dataset="diabetes").found == 2


@pytest.mark.usefixtures("fake")
def test_mlflows_refusal_is_one_line(runs: Path) -> None:
    with pytest.raises(InputError, match=r"MLflow at refusing refuses: no such store$"):
        mlflow_runs.log(runs, "refusing")


def test_without_mlflow_it_is_said_how_to_have_it(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mlflow", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"MLflow is not installed here.*pip install mlflow-skinny"):
        mlflow_runs.log(runs)
