"""What users have becomes a Model, or one message says why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from automat import plan
from automat.core import Dataset, InputError, Model
from automat.evaluate import Inputs, Job, run_cell
from automat.models import as_model, from_file, problems
from automat.models._imports import unstated
from automat.presets import PRESETS

pytestmark = pytest.mark.filterwarnings("ignore")  # entrants' own libraries warn of small data


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def scores(model: Model, dataset: Dataset) -> dict[str, float]:
    """Test metrics of the first of five folds."""
    planned = plan.make(dataset, models=[model], preset="quick", folds=5)
    job = Job(dataset, planned.folds, {model.name: planned.models[0]}, {"table": Inputs(dataset.table)})
    record, _ = run_cell(job, planned.cells[0])
    assert record.status == "ok", record.details.get("traceback", record.error)
    return dict(record.metrics["test"])


def by_hand(estimator: Any, dataset: Dataset) -> float:
    """R2 of that fold, by scikit-learn alone."""
    assert dataset.table is not None
    train, test = next(KFold(5, shuffle=True, random_state=0).split(dataset.table))
    values = dataset.table.to_numpy()
    return float(estimator.fit(values[train], dataset.target[train]).score(values[test], dataset.target[test]))


def test_an_estimator_is_copied_and_seeded_at_every_depth() -> None:
    template = make_pipeline(StandardScaler(), RandomForestRegressor(5))
    model = as_model(template, name="forest")
    built = model.build({}, 7)
    assert isinstance(built, Pipeline)
    assert built is not template
    assert built[-1].random_state == 7
    assert template[-1].random_state is None
    fixed = as_model(RandomForestRegressor(5, random_state=1), name="forest").build({}, 7)
    assert fixed.random_state == 1


def test_what_scikit_learn_says_of_an_estimator_decides_the_task() -> None:
    assert as_model(Ridge(), name="a").tasks == ("regression",)
    assert as_model(make_pipeline(StandardScaler(), LogisticRegression()), name="a").tasks == ("classification",)
    assert as_model(RandomForestClassifier, name="a").tasks == ("classification",)
    assert as_model(RandomForestClassifier, name="a").title == "RandomForestClassifier"


def test_estimators_enter_a_run(diabetes: Dataset, flowers: Dataset) -> None:
    ridge = as_model(make_pipeline(StandardScaler(), Ridge()), name="mine")
    assert scores(ridge, diabetes)["r2"] == pytest.approx(by_hand(make_pipeline(StandardScaler(), Ridge()), diabetes))
    logistic = as_model(LogisticRegression(max_iter=500), name="mine")
    assert scores(logistic, flowers)["roc_auc"] > 0.95


def test_an_object_with_fit_and_predict_alone_is_enough(diabetes: Dataset) -> None:
    class Line:
        def fit(self, X: Any, y: Any) -> Line:
            self.weights = np.linalg.lstsq(np.c_[X, np.ones(len(X))], y, rcond=None)[0]
            return self

        def predict(self, X: Any) -> Any:
            return np.c_[X, np.ones(len(X))] @ self.weights

    model = as_model(Line(), name="line")
    assert model.build({}, 0) is not model.build({}, 0)
    assert scores(model, diabetes)["r2"] == pytest.approx(by_hand(LinearRegression(), diabetes))


FUNCTIONS = """
import numpy as np
from sklearn.naive_bayes import GaussianNB

TASKS = "classification"

def fit(X, y, seed):
    assert seed == 0
    return GaussianNB().fit(X, y)

def predict(fitted, X):
    return fitted.predict(X)

def predict_proba(fitted, X):
    return fitted.predict_proba(X)
"""


def test_functions_classify(tmp_path: Path, flowers: Dataset) -> None:
    (model,) = from_file(write(tmp_path, FUNCTIONS))
    assert model.tasks == ("classification",)
    assert scores(model, flowers)["roc_auc"] > 0.95


NETWORK = """
from torch import nn

TRAINING = {"epochs": 30, "learning_rate": 0.01, "schedule": "cosine"}

class MODEL(nn.Module):
    def __init__(self, columns, outputs, width=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(columns, width), nn.ReLU(), nn.Linear(width, outputs))

    def forward(self, values):
        return self.layers(values)
"""


def test_a_network_is_trained_for_both_tasks(tmp_path: Path, diabetes: Dataset, flowers: Dataset) -> None:
    (model,) = from_file(write(tmp_path, NETWORK))
    assert model.tasks == ("regression", "classification")
    assert "torch" in model.requires
    assert scores(model, diabetes)["mae"] < scores(as_model(DummyRegressor(), name="mean"), diabetes)["mae"]
    assert scores(model, flowers)["roc_auc"] > 0.95


def test_training_that_is_stated_wins_over_the_presets(tmp_path: Path) -> None:
    (model,) = from_file(write(tmp_path, NETWORK))
    assert model.settings(PRESETS["quick"]) == {"epochs": 30}
    (free,) = from_file(write(tmp_path, NETWORK.replace('"epochs": 30, ', "")))
    assert free.settings(PRESETS["quick"]) == {"epochs": 3 * PRESETS["quick"].epochs}
    estimator = free.build({"epochs": 4}, 3)
    assert (estimator.epochs, estimator.learning_rate, estimator.seed) == (4, 0.01, 3)
    assert estimator.recipe().schedule == "cosine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("return self.layers(values)", "return self.layers(values)[:, 0]"), "must give a tensor of shape (3, 1)"),
        (("return self.layers(values)", "return [1.0]"), "must give a tensor, but gave list"),
        (('"schedule"', '"shedule"'), "unknown training option 'shedule'. Did you mean 'schedule'?"),
    ],
)
def test_a_network_that_breaks_its_word_says_so(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    (model,) = from_file(write(tmp_path, NETWORK.replace(*change)))
    random = np.random.default_rng(0)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is matched below, as it is full of brackets
        model.build({"epochs": 1, "batch_size": 3, "holdout": 0}, 0).fit(random.normal(size=(3, 2)), np.arange(3.0))
    assert message in str(caught.value)


def test_models_travel_to_a_worker(tmp_path: Path) -> None:
    for number, text in enumerate((FUNCTIONS, NETWORK)):
        (model,) = from_file(write(tmp_path, text, f"mine_{number}.py"))
        code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).name)"
        done = subprocess.run(
            [sys.executable, "-c", code], input=cloudpickle.dumps(model), capture_output=True, check=True
        )
        assert done.stdout.decode().strip() == f"mine_{number}"


def test_names_come_from_the_file_or_from_name(tmp_path: Path) -> None:
    text = "from sklearn.linear_model import Ridge\nMODEL = Ridge()\n"
    assert from_file(write(tmp_path, text, "My Ridge-2.py"))[0].name == "my_ridge_2"
    assert from_file(write(tmp_path, text + "NAME = 'other'\n"))[0].name == "other"
    several = text + "MODELS = {'soft': Ridge(10.0), 'hard': Ridge(0.1)}\n"
    assert [model.name for model in from_file(write(tmp_path, several))] == ["soft", "hard"]


def test_an_edited_file_is_another_version(tmp_path: Path) -> None:
    text = "from sklearn.linear_model import Ridge\nMODEL = Ridge()\n"
    first, same = (from_file(write(tmp_path, text))[0].version for _ in range(2))
    other = from_file(write(tmp_path, text.replace("Ridge()", "Ridge(2.0)")))[0].version
    assert first == same != other


IMPORTS = "from sklearn.linear_model import Ridge, RidgeClassifier\nfrom torch import nn\nfrom automat import Model\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "holds no model. It may hold MODEL = an automat.Model"),
        ("MODEL = 3", "is a int, which automat cannot use"),
        ("MODEL = None", "is a NoneType, which automat cannot use"),
        ("MODEL = nn.Linear(3, 1)", "is a network that is made already; give its class"),
        ("INPUT = 'compositions'\nMODEL = nn.Linear", "a torch network takes INPUT = 'features' or 'graph'"),
        ("class MODEL(nn.Module):\n    def __init__(self, width, outputs): pass", "the network asks for width"),
        ("INPUT = 'graph'\ndef network(columns, outputs): pass", "it is given outputs by name"),
        ("TRAINING = 30\nnetwork = lambda columns, outputs: None", "TRAINING must be a mapping"),
        ("TRAINING = {}\nMODEL = Ridge()", "TRAINING is for torch networks alone"),
        ("INPUT = 'feature'\nMODEL = Ridge()", "unknown INPUT 'feature'. Did you mean 'features'?"),
        ("TASKS = 'regresion'\nMODEL = Ridge()", "unknown task 'regresion'. Did you mean 'regression'?"),
        ("MODEL = RidgeClassifier()", "a RidgeClassifier has no predict_proba"),
        ("def fit(X, y): pass", "has no function predict(fitted, X) beside the other"),
        ("def predict(fitted, X): pass", "has no function fit(X, y) beside the other"),
        ("def fit(X): pass\ndef predict(fitted, X): pass", "must take (X, y), but too many positional arguments"),
        ("def fit(X, y): pass\ndef predict(fitted): pass", "must take (fitted, X), but too many positional arguments"),
        ("TASKS = 'classification'\ndef fit(X, y): pass\ndef predict(f, X): pass", "add a function predict_proba"),
        ("def fit(X, y): pass\ndef network(columns, outputs): pass", "only one of them can be the model"),
        ("MODELS = [Ridge(), Ridge()]", "holds a Ridge without a name; write MODELS = {'a_name': ...}"),
        ("MODELS = {}", "must be a list of automat.Model, or a mapping of names to models"),
        ("class MODEL:\n    def __init__(self, needed): pass\n    fit = predict = None", "cannot be made without"),
        ("NAME = 'Ridge!'\nMODEL = Ridge()", "the name 'Ridge!' must be lower-case letters"),
        ("NAME = 'catboost'\nMODEL = Ridge()", "'catboost' is the name of a registered model; rename yours"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        from_file(write(tmp_path, IMPORTS + text))
    assert message in str(caught.value)
    assert "mine.py" in str(caught.value)


def test_a_classifier_without_probabilities_is_refused_from_python_too() -> None:
    with pytest.raises(InputError, match="CalibratedClassifierCV"):
        as_model(LinearSVC(), name="mine")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Model(name="", build=Ridge), "the name '' must be"),
        (Model(name="x", build=Ridge, tasks=()), "tasks is empty"),
        (Model(name="x", build=Ridge, tasks="regression"), "tasks must be a tuple"),  # type: ignore[arg-type]
        (Model(name="x", build=Ridge, requires="torch"), "requires must be a tuple"),  # type: ignore[arg-type]
        (Model(name="x", build=Ridge, cost="dear"), "unknown cost 'dear'"),  # type: ignore[arg-type]
        (Model(name="x", build=3), "build must be a function, but is a int"),  # type: ignore[arg-type]
    ],
)
def test_problems_of_a_model(model: Model, message: str) -> None:
    assert [found for found in problems(model) if message in found]


def test_imports_that_nobody_brings_must_be_stated(tmp_path: Path) -> None:
    assert unstated(write(tmp_path, "import numpy, sklearn.svm, os, torch\nfrom automat import Model"), ()) == ""
    lazy = write(tmp_path, "def build():\n    import pytest\n    return pytest\n")
    assert "it imports 'pytest', which automat does not bring along" in unstated(lazy, ())
    assert unstated(lazy, ("pytest",)) == ""
    write(tmp_path, "x = 1", "helper.py")
    assert "it imports helper, which lies beside it" in unstated(write(tmp_path, "import helper"), ())


PACKAGE = """
from sklearn.linear_model import Ridge
from torch import nn

class Net(nn.Module):
    def __init__(self, columns, outputs):
        super().__init__()
        self.layer = nn.Linear(columns, outputs)
    def forward(self, values):
        return self.layer(values)

ridge = Ridge()
"""
MODULE = "def fit(X, y):\n    return y.mean()\n\ndef predict(mean, X):\n    return [mean] * len(X)\n"
POINTS = "[automat.models]\nshop_ridge = shop:ridge\nshop_net = shop:Net\nshop_mean = shop_mean\n"


def install(folder: Path, points: str) -> dict[str, str]:
    """A package with entry points, as pip leaves one; the environment that sees it."""
    write(folder, PACKAGE, "shop.py")
    write(folder, MODULE, "shop_mean.py")
    info = folder / "shop-2.5.dist-info"
    info.mkdir()
    write(info, "Metadata-Version: 2.1\nName: shop\nVersion: 2.5\n", "METADATA")
    write(info, points, "entry_points.txt")
    return os.environ | {"PYTHONPATH": str(folder)}


def test_entry_points_bring_every_kind_along(tmp_path: Path) -> None:
    code = (
        "from automat.models import registry\n"
        "for name in ('shop_ridge', 'shop_net', 'shop_mean'):\n"
        "    model = registry()[name]\n"
        "    print(name, model.version, model.tasks[0], type(model.make('regression', {}, 0)).__name__)\n"
    )
    environment = install(tmp_path, POINTS)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "shop_ridge 2.5 regression Ridge",
        "shop_net 2.5 regression UserTableRegressor",
        "shop_mean 2.5 regression FunctionsRegressor",
    ], done.stderr
    command = [sys.executable, "-m", "automat.cli", "check", "shop_mean"]
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "runs as an entrant (regression): MAE" in checked.stdout


def test_a_plug_in_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    environment = install(tmp_path, "[automat.models]\nbad = shop:nn\n")
    command = [sys.executable, "-m", "automat.cli", "models"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the installed plug-in 'shop:nn' holds no model" in done.stderr
    assert "Traceback" not in done.stderr
