"""The command line, end to end, as a user types it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

MODEL_FILE = """
from sklearn.linear_model import Lasso

from automat import Model

MODEL = Model(
    name="my_lasso",
    input="features",
    space=lambda trial: {"alpha": trial.suggest_float("alpha", 1e-4, 1.0, log=True)},
    build=lambda params, seed: Lasso(alpha=params.get("alpha", 0.01), random_state=seed),
)
"""
BROKEN_FILE = MODEL_FILE.replace("my_lasso", "broken").replace("Lasso(alpha", "Lasso(nonsense=1, alpha")
HANGING_FILE = """
import os, time
from automat import Model

def hang(params, seed):
    time.sleep(600)

def die(params, seed):
    os._exit(9)

MODELS = [Model(name="hangs", build=hang), Model(name="dies", build=die)]
"""
TABLE = "x,z,y\n" + "".join(f"{row},{row * 7 % 11},{row * 1.5 + (row * 7 % 11) + 0.25}\n" for row in range(40))


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def automat(tmp_path: Path, cache: Path) -> Automat:
    return Automat(tmp_path, cache)


class Automat:
    """Runs the command in a folder of its own."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"AUTOMAT_CACHE": str(cache)}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "automat.cli", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def script(self, name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, name]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return name


def page_of(output: str) -> Path:
    found = re.search(r"^leaderboard: (.+)$", output, re.MULTILINE)
    assert found, output
    return Path(found[1])


def test_a_run_ends_with_the_board_and_its_page(automat: Automat) -> None:
    output = automat("run", "--dataset", "iris", "--models", "dummy,linear,knn", "--preset", "quick")
    page = automat.folder / page_of(output)
    assert output.index("is first on iris") < output.index("entrant") < output.index("leaderboard:")
    assert "6 cells computed, 0 found done, 0 failed" in output
    assert "automat run --dataset iris" in page.read_text()
    assert (automat.folder / "automat-runs" / "index.html").is_file()
    records = list((automat.folder / "automat-runs" / "iris" / "records").glob("*.json"))
    assert len(records) == 6
    content = json.loads(records[0].read_text())
    assert content["status"] == "ok"
    assert content["versions"]["scikit-learn"]
    assert not [path.name for path in automat.folder.iterdir() if path.name != "automat-runs"]


def test_the_same_command_again_computes_only_what_is_missing(automat: Automat) -> None:
    command = ("run", "--dataset", "iris", "--models", "dummy,linear", "--preset", "quick")
    automat(*command)
    records = sorted((automat.folder / "automat-runs" / "iris" / "records").glob("*.json"))
    before = {path: path.read_bytes() for path in records}
    assert "0 cells computed, 4 found done, 0 failed" in automat(*command)
    records[0].unlink()
    output = automat("run", "--dataset", "iris", "--models", "dummy,linear,knn", "--preset", "quick")
    assert "3 cells computed, 3 found done, 0 failed" in output
    assert all(path.read_bytes() == content for path, content in before.items() if path != records[0])


def test_real_crystals_through_features_and_graphs(automat: Automat) -> None:
    """The main road on a real set: matminer features, a booster, and CGCNN on the same folds."""
    output = automat(
        "run",
        "--dataset",
        "mp_dielectric",
        "--models",
        "dummy,lightgbm,cgcnn",
        "--preset",
        "quick",
        "--features",
        "magpie",
    )
    assert "6 cells computed, 0 found done, 0 failed" in output
    board = json.loads(_board(automat, "mp_dielectric"))
    scores = {row["model"]: row["test_mae"] for row in board["rows"]}
    assert scores["lightgbm"] < scores["dummy"]
    assert scores["cgcnn"] < scores["dummy"]
    rows = {row["model"]: row for row in board["rows"]}
    assert rows["lightgbm"]["featurize_seconds"] > 0
    assert rows["cgcnn"]["features"] == "graph:nearest"


def _board(automat: Automat, dataset: str) -> str:
    automat("leaderboard", "--dataset", dataset, "--json", "board.json", "--csv", "board.csv")
    assert len(pd.read_csv(automat.folder / "board.csv")) >= 1
    return (automat.folder / "board.json").read_text()


def test_a_model_of_the_users_own_enters_the_same_board(automat: Automat) -> None:
    table, model = automat.write("lab.csv", TABLE), automat.write("mine.py", MODEL_FILE)
    common = ("run", "--dataset", table, "--target", "y", "--preset", "quick")
    automat(*common, "--models", "dummy,linear")
    output = automat(*common, "--models", model)
    assert "2 cells computed, 0 found done, 0 failed" in output
    assert re.search(r"my_lasso .*table", output)
    assert re.search(r"linear .*table", output)
    automat.write("mine.py", MODEL_FILE.replace("1e-4", "1e-5"))
    assert "2 cells computed, 0 found done" in automat(*common, "--models", model)


def test_a_model_that_raises_costs_its_own_cells_only(automat: Automat) -> None:
    table, model = automat.write("lab.csv", TABLE), automat.write("broken.py", BROKEN_FILE)
    output = automat(
        "run", "--dataset", table, "--target", "y", "--preset", "quick", "--models", f"linear,{model}", code=3
    )
    assert "4 cells computed, 0 found done, 2 failed" in output
    page = (automat.folder / page_of(output)).read_text()
    assert "nonsense" in page
    assert "Ridge / logistic regression (table) is first on lab" in output


def test_an_edited_model_that_fails_loses_its_old_place(automat: Automat) -> None:
    table, model = automat.write("lab.csv", TABLE), automat.write("mine.py", MODEL_FILE)
    command = ("run", "--dataset", table, "--target", "y", "--preset", "quick", "--models", f"linear,{model}")
    automat(*command)
    automat.write("mine.py", MODEL_FILE.replace("Lasso(alpha", "Lasso(nonsense=1, alpha"))
    automat(*command, code=3)
    automat("leaderboard", "--json", "board.json")
    rows = {row["model"]: row for row in json.loads((automat.folder / "board.json").read_text())["rows"]}
    assert rows["my_lasso"]["rank"] is None
    assert rows["linear"]["rank"] == 1


def test_two_targets_of_one_table_have_pages_of_their_own(automat: Automat) -> None:
    table = automat.write("lab.csv", TABLE)
    pages = [
        automat.folder
        / page_of(automat("run", "--dataset", table, "--target", target, "--preset", "quick", "--models", "dummy"))
        for target in ("y", "z")
    ]
    assert pages[0] != pages[1]
    assert "--target y" in pages[0].read_text()
    assert "--target z" in pages[1].read_text()


def test_a_plain_script_runs_without_a_main_guard(automat: Automat) -> None:
    script = automat.write(
        "study.py",
        "from sklearn.linear_model import Ridge\nimport automat\n"
        "mine = automat.Model(name='mine', tasks=('classification',), build=lambda p, s: Ridge())\n"
        "result = automat.run('iris', models=['dummy', 'linear'], preset='quick')\n"
        "print(result.computed, result.failed, result.board.best.model)\n",
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=automat.folder,
        env=automat.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "4 0 linear", done.stderr


PYTHON_MODELS = """
import json
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import Ridge
import automat

def ridge(params, seed):
    return Ridge()

def mean(params, seed):
    return DummyRegressor()

def score(build, name="mine"):
    model = automat.Model(name=name, build=build)
    result = automat.run("lab.csv", target="y", models=[model], preset="quick")
    return result.computed, result.board.rows[0].mean["test"]["mae"]

print(json.dumps([score(ridge), score(mean)]))
try:
    score(ridge, "dummy")
except automat.InputError as error:
    print(error)
"""


def test_models_from_python_are_told_apart_by_what_they_are_made_of(automat: Automat) -> None:
    automat.write("lab.csv", TABLE)
    script = automat.write("study.py", PYTHON_MODELS)
    first, refusal = automat.script(script).stdout.strip().split("\n")
    ridge, mean = json.loads(first)
    assert (ridge[0], mean[0]) == (2, 2)
    assert ridge[1] < mean[1]
    assert refusal == "'dummy' is the name of a registered model; rename yours"
    again = json.loads(automat.script(script).stdout.split("\n")[0])
    assert [computed for computed, _ in again] == [0, 0]


def test_hanging_and_dying_cells_end_as_records(automat: Automat) -> None:
    table, model = automat.write("lab.csv", TABLE), automat.write("bad.py", HANGING_FILE)
    common = ("run", "--dataset", table, "--target", "y", "--preset", "quick")
    output = automat(*common, "--models", f"linear,{model}", "--time-limit", "4s", code=3)
    assert "6 cells computed, 0 found done, 4 failed" in output
    page = (automat.folder / page_of(output)).read_text()
    assert "stopped after the time limit of 4 s" in page
    assert "the worker process died (exit code 9)" in page


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(automat: Automat) -> None:
    table, model = (
        automat.write("lab.csv", TABLE),
        automat.write("bad.py", HANGING_FILE),
    )
    command = [sys.executable, "-m", "automat.cli", "run", "--dataset", table, "--target", "y", "--preset", "quick"]
    process = subprocess.Popen(
        [*command, "--models", f"linear,{model}", "--jobs", "2"],
        cwd=automat.folder, env=automat.environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    records = automat.folder / "automat-runs" / "lab" / "records"
    for _ in range(600):
        if len(list(records.glob("*.json"))) >= 2:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Finished cells are kept; the same command goes on from here." in errors
    assert "Traceback" not in errors
    output = automat("run", "--dataset", table, "--target", "y", "--preset", "quick", "--models", "linear")
    assert "found done, 0 failed" in output


def test_a_killed_run_leaves_no_workers_and_goes_on(automat: Automat) -> None:
    table, model = automat.write("lab.csv", TABLE), automat.write("bad.py", HANGING_FILE)
    common = ("run", "--dataset", table, "--target", "y", "--preset", "quick")
    process = subprocess.Popen(
        [sys.executable, "-m", "automat.cli", *common, "--models", f"linear,{model}", "--jobs", "2"],
        cwd=automat.folder,
        env=automat.environment,
        stderr=subprocess.DEVNULL,
    )
    records = automat.folder / "automat-runs" / "lab" / "records"
    for _ in range(600):
        if len(list(records.glob("*.json"))) >= 2:
            break
        time.sleep(0.1)
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.kill()
    process.wait(timeout=10)
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert alive == []
    done = len(list(records.glob("*.json")))
    output = automat(*common, "--models", "linear,dummy")
    assert re.search(r"[2-4] cells computed, [0-2] found done, 0 failed", output)
    assert done >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dataset", "mp_formtion"), "unknown dataset 'mp_formtion'. Did you mean 'mp_formation'?"),
        (("--dataset", "iris", "--models", "catbost"), "unknown model 'catbost'. Did you mean 'catboost'?"),
        (("--dataset", "iris", "--models", "cgcnn"), "model 'cgcnn' cannot run on 'iris': it needs crystal structures"),
        (("--dataset", "iris", "--models", "none.py"), "no model file at 'none.py'"),
        (("--dataset", "iris", "--preset", "quik"), "unknown preset 'quik'. Did you mean 'quick'?"),
        (("--dataset", "iris", "--split", "randm"), "unknown split 'randm'. Did you mean 'random'?"),
        (("--dataset", "iris", "--features", "magpie"), "'iris' is a plain table, its columns are the features"),
        (("--dataset", "mp_dielectric", "--features", "magpi"), "unknown feature set 'magpi'. Did you mean 'magpie'?"),
        (("--dataset", "iris", "--folds", "1"), "folds must be at least 2, but got 1"),
        (("--dataset", "iris", "--folds", "60"), "cannot make 60 folds of 50 rows of class 'setosa'"),
        (("--dataset", "iris", "--trials", "0"), "trials must be at least 1, but got 0"),
        (("--dataset", "iris", "--seed", "-1"), "seed must be between 0 and 2147483648, but got -1"),
        (("--dataset", "iris", "--jobs", "0"), "jobs must be at least 1, but got 0"),
        (("--dataset", "iris", "--time-limit", "soon"), "time limit 'soon' is not a duration; write 90s, 30m or 2h"),
        (("--dataset", "iris", "--out", "/proc/none"), "cannot write to the output folder '/proc/none'"),
        (("--dataset", "nowhere.csv"), "no file or folder at 'nowhere.csv'"),
        ((), "Missing option '--dataset'"),
        (("--dataset", "iris", "--folds", "two"), "Invalid value for '--folds': Input should be a valid integer"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_usage_is_one_message_and_exit_code_2(automat: Automat, arguments: tuple[str, ...], message: str) -> None:
    assert message in automat("run", *arguments, code=2)


def test_results_that_are_not_there(automat: Automat) -> None:
    assert "no runs at 'automat-runs'" in automat("leaderboard", code=2)
    assert "no runs at 'nowhere'" in automat("report", "--runs", "nowhere", code=2)
    automat("run", "--dataset", "iris", "--models", "dummy", "--preset", "quick")
    assert "unknown dataset in these runs 'irsi'. Did you mean 'iris'?" in automat(
        "leaderboard", "--dataset", "irsi", code=2
    )


def test_pages_render_again_from_the_records(automat: Automat) -> None:
    page = automat.folder / page_of(automat("run", "--dataset", "iris", "--models", "dummy,knn", "--preset", "quick"))
    before = page.read_text()
    page.unlink()
    assert f"page: {page.relative_to(automat.folder)}" in automat("report")
    after = page.read_text()
    # Beside the date, the line of digests at the end: only a run signs what it found to be over.
    apart = re.compile(r"<dt>rendered</dt><dd>[^<]*</dd>|<!-- automat rendered [0-9a-f ]+ -->")
    assert len(apart.findall(before)) == len(apart.findall(after)) == 2
    assert apart.sub("", before) == apart.sub("", after)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("datasets", ["mp_formation", "3938", "eV/atom", "0.897", "mp_stability", "iris"]),
        ("models", ["catboost", "cgcnn", "pycaret", "10.1103/PhysRevLett.120.145301", "yes"]),
        ("featurizers", ["magpie", "132", "all", "160"]),
        ("splits", ["random", "stratified", "formula"]),
        ("--help", ["run", "leaderboard", "datasets"]),
    ],
)
def test_what_there_is(automat: Automat, command: str, expected: list[str]) -> None:
    output = automat(command)
    for word in expected:
        assert word in output
