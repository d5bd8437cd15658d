"""`automat check`, as a user types it: good plug-ins of every kind, and each way to break one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from automat import contract
from automat.check import check
from automat.core import Model
from automat.models import registry

ESTIMATOR = """
from sklearn.ensemble import ExtraTreesRegressor

MODEL = ExtraTreesRegressor(20)
"""
SEARCHED = """
from sklearn.linear_model import LogisticRegression, Ridge
from automat import Model

MODEL = Model(
    name="searched", tasks=("regression", "classification"), defaults={"alpha": 1.0},
    space=lambda trial: {"alpha": trial.suggest_float("alpha", 0.1, 10)},
    build=lambda params, seed: Ridge(alpha=params["alpha"]),
    build_classifier=lambda params, seed: LogisticRegression(C=params["alpha"], max_iter=50))
"""
LOCKED = """
import threading
from sklearn.linear_model import Ridge
from automat import Model

LOCK = threading.Lock()

def build(params, seed):
    with LOCK:
        return Ridge()

MODEL = Model(name="locked", build=build)
"""
GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "my-own-model.md"
GOOD = {
    re.search(r"^# (\w+)\.py", block)[1]: block.partition("\n")[2]  # type: ignore[index]
    for block in re.findall(r"^```python\n(.+?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
}
"""The guide's own examples, by name."""

BASE = """
import os, threading, time
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

class Mean(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = y.mean()
        return self
    def predict(self, X):
        return np.full(len(X), self.mean_)

class MODEL(Mean):
"""
BROKEN = {
    "raises": (
        "def fit(self, X, y): raise RuntimeError('no luck')",
        "failed  fits (regression): it raises RuntimeError: no luck (mine.py, line ",
    ),
    "wrong_shape": (
        "def predict(self, X): return np.zeros(3)",
        "failed  predictions (regression): predict gives shape (3,), but must give (20,): one number a row",
    ),
    "two_columns": (
        "def predict(self, X): return np.zeros((len(X), 2))",
        "predict gives shape (20, 2), but must give (20,)",
    ),
    "nan": (
        "def predict(self, X): return np.where(np.arange(len(X)) == 1, np.nan, 0.0)",
        "1 of 20 values that predict gives are NaN or infinite",
    ),
    "words": (
        "def predict(self, X): return ['high'] * len(X)",
        "predict must give an array of numbers, but gives list",
    ),
    "hangs": (
        "def fit(self, X, y): time.sleep(600)",
        "failed  fits (regression): it did not end within 15 s, and was stopped",
    ),
    "exits": ("def fit(self, X, y): os._exit(9)", "failed  fits (regression): the process died (exit code 9)"),
    "exits_well": (
        "def predict(self, X): os._exit(0)",
        "failed  predictions (regression): the process died (exit code 0)",
    ),
    "random_answers": (
        "def predict(self, X): return np.random.default_rng().random(len(X))",
        "draw no random numbers in predict",
    ),
    "random_fits": (
        "def fit(self, X, y):\n        self.mean_ = np.random.default_rng().random()\n        return self",
        "failed  same seed, same result (regression): two fits with the same seed give other values",
    ),
    "batch": (
        "def predict(self, X): return np.full(len(X), X[:, 0].mean())",
        "failed  rows on their own (regression): rows in a smaller batch get other values",
    ),
    "one_row": (
        "def predict(self, X): return np.full(len(X), self.mean_) if len(X) > 1 else np.zeros(1)",
        "failed  one row at a time (regression): a row that is predicted alone gets another value",
    ),
    "order": (
        "def predict(self, X): return np.arange(len(X)) * 1.0",
        "failed  rows on their own (regression): rows in another order get other values",
    ),
    "writes": (
        "def fit(self, X, y):\n        X -= X.mean(axis=0)\n        return super().fit(X, y)",
        "failed  inputs left as they are (regression): fit writes into its inputs",
    ),
    "writes_targets": (
        "def fit(self, X, y):\n        y[:] = 1.0\n        return super().fit(X, y)",
        "failed  inputs left as they are (regression): fit writes into its inputs",
    ),
    "lock": (
        "def fit(self, X, y):\n        self.lock_ = threading.Lock()\n        return super().fit(X, y)",
        "failed  fitted copy (regression): a fitted model cannot be pickled (TypeError",
    ),
}

UNUSABLE = {
    "raises on import": (
        "raise ValueError('half done')",
        "failed  loads: 'mine.py' does not run: ValueError: half done",
    ),
    "dies on import": ("import os\nos._exit(4)", "failed  loads: the process died (exit code 4)"),
    "hangs on import": ("import time\ntime.sleep(600)", "failed  loads: it did not end within 15 s"),
    "absent package": ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
    "nothing in it": ("x = 1", "failed  loads: 'mine.py' holds no model. It may hold MODEL = an automat.Model"),
    "a string": ("MODEL = 'ridge'", "MODEL in 'mine.py' is a str, which automat cannot use"),
    "bad name": (
        SEARCHED.replace('"searched"', '"My Model!"'),
        "failed  name, input and tasks: the name 'My Model!' must be",
    ),
    "taken name": (
        SEARCHED.replace('"searched"', '"lightgbm"'),
        "'lightgbm' is the name of a registered model; rename yours",
    ),
    "bad input": (
        SEARCHED.replace("tasks=", "input='feature', tasks="),
        "unknown input 'feature'. Did you mean 'features'?",
    ),
    "bad task": (
        SEARCHED.replace('"regression",', '"regresion",'),
        "unknown task 'regresion'. Did you mean 'regression'?",
    ),
    "unstated package": (
        ESTIMATOR + "\nimport pytest\n",
        "failed  packages it needs: it imports 'pytest', which automat does not bring along",
    ),
    "absent requirement": (
        ESTIMATOR + "\nREQUIRES = ('nowhere_at_all',)\n",
        "failed  packages it needs: not installed: pip install nowhere_at_all",
    ),
    "unpicklable": (
        LOCKED,
        "failed  travels to a worker: it cannot be pickled (TypeError",
    ),
    "other parameters": (
        SEARCHED.replace("Ridge(alpha=params", "Ridge(strength=params"),
        "failed  search space and builder (regression): build cannot be called with the parameters (alpha) and a seed",
    ),
    "no space": (
        SEARCHED.replace('{"alpha": trial.suggest_float("alpha", 0.1, 10)}', "None"),
        "space(trial) must give a dict of parameters, but gives NoneType",
    ),
    "no estimator": (SEARCHED.replace('Ridge(alpha=params["alpha"]),', "[1],"), "build gives a list, which has no fit"),
}


def automat(folder: Path, *arguments: str, code: int) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "automat.cli", "check", *arguments],
        cwd=folder, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", GOOD)
def test_the_guide_shows_every_kind_in_eight_lines_and_they_pass(name: str, tmp_path: Path) -> None:
    assert len([line for line in GOOD[name].splitlines() if line.strip()]) <= 8
    (tmp_path / f"{name}.py").write_text(GOOD[name])
    output = automat(tmp_path, f"{name}.py", code=0)
    assert output.startswith(f"{name} (takes ")
    assert f"{name}.py: all " in output
    assert "runs as an entrant (regression): MAE" in output
    assert "failed" not in output


def test_the_guide_names_every_check() -> None:
    text = GUIDE.read_text()
    model = replace(registry()["linear"], handles_missing=True)
    told = {step.name for task in model.tasks for step in contract.steps(model, task)}
    assert told
    assert not [name for name in told if name not in text]


def test_both_tasks_of_a_searched_model_are_tried(tmp_path: Path) -> None:
    (tmp_path / "searched.py").write_text(SEARCHED)
    output = automat(tmp_path, "searched.py", code=0)
    assert "search space and builder (regression): searches alpha" in output
    assert "probabilities (classification)" in output
    assert "runs as an entrant (classification): ROC-AUC" in output


@pytest.mark.parametrize("kind", BROKEN)
def test_each_broken_promise_is_named_and_the_exit_code_is_1(kind: str, tmp_path: Path) -> None:
    body, message = BROKEN[kind]
    (tmp_path / "mine.py").write_text(BASE + f"    {body}\n")
    output = automat(tmp_path, "mine.py", "--time-limit", "15s", code=1)
    assert message in output
    assert "checks failed" in output


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_an_entrant_is_said_in_one_line(kind: str, tmp_path: Path) -> None:
    text, message = UNUSABLE[kind]
    (tmp_path / "mine.py").write_text(text)
    assert message in automat(tmp_path, "mine.py", "--time-limit", "15s", code=1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.py", None, "no model file at 'none.py'"),
        ("words.py", b"this is no Python", "'words.py' is not Python that can be read: invalid syntax"),
        ("bytes.py", b"\x00\xff", "'bytes.py' is not Python that can be read"),
        ("lightgmb", None, "unknown model 'lightgmb'. Did you mean 'lightgbm'?"),
    ],
)
def test_a_file_that_cannot_be_read_is_exit_code_2(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert message in automat(tmp_path, name, code=2)


def test_a_helper_beside_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("depth = 3\n")
    (tmp_path / "mine.py").write_text("import helper\n" + ESTIMATOR)
    output = automat(tmp_path, "mine.py", code=1)
    assert "it imports helper, which lies beside it" in output


def test_one_bad_model_of_several_fails_the_file_and_the_others_are_tried(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from sklearn.linear_model import Ridge\nfrom automat import Model\n"
        "MODELS = {'good': Ridge(), 'bad': Model(name='x', build=lambda params, seed: Ridge(alpha=-1.0))}\n"
    )
    report = check(tmp_path / "mine.py")
    assert {model.name: model.passed for model in report.models} == {"good": True, "bad": False}
    failed = [line for line in report.models[1].lines if line.status == "failed"]
    assert [line.name for line in failed] == ["fits"]
    assert {line.name for line in report.models[1].lines if line.status == "skipped"} >= {"predictions", "fitted copy"}


@pytest.mark.parametrize("end", ["time.sleep(600)", "os._exit(3)", "return super().fit(X, y)"])
def test_what_a_model_starts_is_ended_with_it(end: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        BASE + "    def fit(self, X, y):\n        import subprocess, sys\n"
        f"        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"        open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n        {end}\n"
    )
    report = check(tmp_path / "mine.py", time_limit=3)
    assert report.passed is ("return" in end)
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the process that the model started still runs")


def test_registered_models_and_models_from_python_are_checked_too() -> None:
    assert check("linear").passed
    model = registry()["linear"]
    mine = Model(name="mine", build=lambda params, _seed: model.build({"alpha": 1.0, **params}, 0))
    assert check(mine).passed
