"""Submissions: what is written is what was run, Matbench's own reader takes it, and nothing harmful is read."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards.metrics import classification
from automat_leaderboards.published import published
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from automat import Model, datasets, matbench_submission, run, splits
from automat.core import InputError, Split, UnknownNameError
from automat.datasets import matbench
from automat.matbench_submission import layout, read_submission, reading, write_submission, writing
from automat.store import Store

REGRESSION, CLASSES = "matbench_jdft2d", "matbench_expt_is_metal"


@pytest.fixture(scope="module")
def data(features_cache: Path) -> Iterator[Path]:
    """The folder that ``AUTOMAT_DATA`` names, with Matbench's tables."""
    given = os.environ.get("AUTOMAT_DATA")
    if not given or not (Path(given) / "matbench").is_dir():
        pytest.skip("AUTOMAT_DATA names no folder with matbench/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOMAT_CACHE", str(features_cache))
        yield Path(given)


@pytest.fixture(scope="module")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stump on two tasks, and the dummy on one of them."""
    assert data.is_dir()
    out = tmp_path_factory.mktemp("runs")
    stump = Model(
        name="stump",
        title="Two cuts",
        tasks=("regression", "classification"),
        defaults={"max_depth": 2},
        build=lambda params, seed: DecisionTreeRegressor(**params, random_state=seed),
        build_classifier=lambda params, seed: DecisionTreeClassifier(**params, random_state=seed),
    )
    entrants: dict[str, list[str | Model]] = {REGRESSION: [stump, "dummy"], CLASSES: [stump]}
    for name, models in entrants.items():
        ran = run(name, models=models, features="magpie", preset="quick", split="official", jobs=1, out=out)
        assert ran.failed == 0
    return out


@pytest.fixture(scope="module")
def submission(runs: Path) -> Path:
    path = runs / "results.json.gz"
    assert set(write_submission(path, Store(runs), model="stump")) == {REGRESSION, CLASSES}
    return path


@pytest.fixture
def content(submission: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(submission.read_bytes()))
    return found


def saved(content: Any, path: Path) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("name", [REGRESSION, CLASSES])
def test_what_comes_back_is_what_was_predicted(runs: Path, submission: Path, name: str) -> None:
    store = Store(runs)
    table = store.table(name)
    stored = store.predictions(name, table["cell"][table["model"] == "stump"]).set_index("id")
    found = read_submission(submission)
    assert found.digest_agrees
    back = found.tasks[name].predictions.set_index("id").loc[stored.index]
    for column in ("fold", "y_pred", "probability", "y_std"):
        if column == "y_std" and name == CLASSES:
            assert back[column].isna().all()
        else:
            np.testing.assert_array_equal(back[column], stored[column])
    assert found.tasks[name].parameters[3] == {"max_depth": 2}
    assert found.about["algorithm"] == "Two cuts"
    assert found.about["tasks"][name]["features"] == "magpie"


def test_stated_scores_are_those_of_the_board(runs: Path, submission: Path) -> None:
    tasks = read_submission(submission).tasks
    for name, metrics in ((REGRESSION, ("mae", "rmse")), (CLASSES, ("accuracy", "balanced_accuracy", "f1"))):
        table = Store(runs).table(name)
        mine = table[table["model"] == "stump"].sort_values("fold")
        for metric in metrics:
            np.testing.assert_allclose(tasks[name].scores[metric], mine[f"test_{metric}"], rtol=1e-12)
    # Matbench's ROC-AUC is of labels, and the one of probabilities is still to be had from what was submitted.
    scores = tasks[CLASSES].scores
    np.testing.assert_allclose(scores["rocauc"], scores["balanced_accuracy"], rtol=1e-12)
    dataset = datasets.load(CLASSES)
    rows = tasks[CLASSES].predictions
    chance = rows[rows["fold"] == 0].set_index("id")["probability"]
    true = pd.Series(dataset.target, index=dataset.ids)[chance.index]
    auc = classification(true, chance > 0.5, np.stack([1 - chance, chance], axis=1))["roc_auc"]
    table = Store(runs).table(CLASSES)
    assert auc == pytest.approx(table.loc[table["fold"] == 0, "test_roc_auc"].iloc[0], abs=1e-12)
    assert auc > scores["rocauc"][0] + 0.01


def test_matbench_itself_reads_it(content: dict[str, Any], runs: Path) -> None:
    bench = pytest.importorskip("matbench.bench", reason="the matbench package is not installed")
    read = bench.MatbenchBenchmark.from_dict(content)
    assert read.is_valid
    table = Store(runs).table(REGRESSION)
    mean = table.loc[table["model"] == "stump", "test_mae"].mean()
    assert read.scores[REGRESSION]["mae"]["mean"] == pytest.approx(mean, rel=1e-12)


def test_scores_are_matbenchs() -> None:
    made = matbench_submission.scores("regression", [0.0, 1.0, -2.0], [0.5, 1.5, -4.0])
    assert made == {"mae": 1.0, "rmse": pytest.approx(1.5**0.5), "mape": 0.75, "max_error": 2.0}
    told = matbench_submission.scores("classification", [0, 0, 0, 1], [0.5, 0.2, 0.6, 0.9])
    assert told["accuracy"] == 0.75
    assert [told["balanced_accuracy"], told["rocauc"]] == pytest.approx([5 / 6, 5 / 6])
    assert told["f1"] == pytest.approx(2 / 3)


def test_a_digest_of_the_source_is_met() -> None:
    # The sha256 of the JSON text below, keys in order within objects but not within lists.
    content = {"tasks": {"b": 1.5, "a": [{"z": 1, "y": 2}]}, "@class": "X"}
    text = '{"@class": "X", "tasks": {"a": [{"z": 1, "y": 2}], "b": 1.5}}'
    assert layout.digest(content) == hashlib.sha256(text.encode()).hexdigest()


def test_the_best_is_submitted_unless_one_is_named(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert write_submission(path, Store(runs), dataset=REGRESSION, model="dummy") == [REGRESSION]
    assert json.loads(path.read_text())["user_metadata"]["algorithm"].startswith("Dummy")
    assert set(write_submission(path, Store(runs))) == {REGRESSION, CLASSES}
    assert json.loads(path.read_text())["user_metadata"]["algorithm"] == "Two cuts"
    with pytest.raises(UnknownNameError, match="Did you mean 'stump'"):
        write_submission(path, Store(runs), model="stumps")
    with pytest.raises(InputError, match="no run of a Matbench task"):
        write_submission(path, Store(tmp_path))
    with pytest.raises(InputError, match="cannot write"):
        write_submission(tmp_path, Store(runs))


def test_the_same_run_is_the_same_file_but_for_its_stamp(runs: Path, submission: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.json.gz"
    write_submission(again, Store(runs), model="stump")
    first, second = (json.loads(gzip.decompress(path.read_bytes())) for path in (submission, again))
    for each in (first, second):
        del each["hash"], each["datestamp"]
    assert first == second


def test_labels_are_read_like_probabilities(content: dict[str, Any], tmp_path: Path) -> None:
    for fold in content["tasks"][CLASSES]["results"].values():
        fold["data"] = {name: value > 0.5 for name, value in fold["data"].items()}
        del fold["uncertainty"]
    found = read_submission(saved(content, tmp_path / "results.json"))
    rows = found.tasks[CLASSES].predictions
    assert rows["probability"].isna().all()
    assert set(rows["y_pred"]) == {0.0, 1.0}
    assert not found.digest_agrees


def _fold(content: dict[str, Any], name: str = REGRESSION, number: int = 0) -> dict[str, Any]:
    fold: dict[str, Any] = content["tasks"][name]["results"][f"fold_{number}"]
    return fold


def _first(content: dict[str, Any], value: Any, name: str = REGRESSION) -> None:
    data = _fold(content, name)["data"]
    data[next(iter(data))] = value


def _swap(content: dict[str, Any]) -> None:
    """Two test folds trade a row."""
    one, two = _fold(content)["data"], _fold(content, number=1)["data"]
    first, second = next(iter(one)), next(iter(two))
    one[second], two[first] = two.pop(second), one.pop(first)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda all_: all_.update(benchmark_name="matbench_v0.2"), "no submission to matbench_v0.1"),
        (lambda all_: all_.update(tasks={}), "has no tasks"),
        (lambda all_: all_["tasks"].update(matbench_jdft3d=1), "Did you mean 'matbench_jdft2d'"),
        (lambda all_: all_["tasks"].update(matbench_steels=[]), "must be those of fold_0"),
        (lambda all_: all_["tasks"][REGRESSION]["results"].pop("fold_4"), "must be those of fold_0"),
        (lambda all_: _fold(all_).update(data=[1.0]), "fold_0: there is no data"),
        (
            lambda all_: _fold(all_)["data"].pop(next(iter(_fold(all_)["data"]))),
            "635 predictions are not one for every",
        ),
        (lambda all_: _fold(all_)["data"].update({"mb-jdft2d-637": 1.0}), "637 predictions are not one for every"),
        (_swap, "fold_0: its ids are not those of the official fold"),
        (lambda all_: _first(all_, "1.0"), "'1.0' is not a finite number"),
        (lambda all_: _first(all_, None), "'None' is not a finite number"),
        (lambda all_: _first(all_, True), "'True' is not a finite number"),
        (lambda all_: _first(all_, float("nan")), "'nan' is not a finite number"),
        (lambda all_: _first(all_, 10**400), "is not a finite number"),
        (lambda all_: _first(all_, 1.5, CLASSES), "'1.5' is not true, false, or a probability"),
        (lambda all_: _first(all_, "metal", CLASSES), "is not true, false, or a probability"),
        (lambda all_: _fold(all_)["scores"].pop("mape"), "the scores must be mae, rmse, mape, max_error"),
        (lambda all_: _fold(all_).update(scores=None), "the scores must be"),
    ],
)
def test_what_is_no_submission_is_refused(
    spoil: Callable[[Any], None], message: str, content: dict[str, Any], tmp_path: Path
) -> None:
    spoil(content)
    with pytest.raises(InputError, match=message):
        read_submission(saved(content, tmp_path / "results.json"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (b"", "not JSON"),
        (b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00", "not JSON: UnicodeDecodeError"),  # the head of a pickle
        (b"[" * 100_000, "not JSON: RecursionError"),
        (b"[1, 2]", "no submission"),
        (gzip.compress(b"{}")[:-9], "cannot read"),
        (b"\x1f\x8b" + b"no gzip" * 9, "cannot read"),
    ],
    # Not the bytes, which hold the time of day: workers that are collected in different seconds must agree on names.
    ids=["empty", "pickle", "nested", "list", "cut gzip", "no gzip"],
)
def test_files_of_another_kind_are_refused(given: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "results.json.gz").write_bytes(given)
    with pytest.raises(InputError, match=message):
        read_submission(tmp_path / "results.json.gz")


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 2**20)
    path = tmp_path / "results.json.gz"
    path.write_bytes(gzip.compress(b" " * 2**26))
    assert path.stat().st_size < 2**17
    with pytest.raises(InputError, match="holds more than 1048576 bytes"):
        read_submission(path)
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        read_submission(tmp_path / "absent.json")


def test_probabilities_are_submitted_and_scored_as_matbench_would(data: Path) -> None:
    # An entrant that asks for more certainty than Matbench does tells other classes than Matbench's threshold.
    assert data.is_dir()
    dataset = datasets.load(CLASSES)
    chances = np.clip(dataset.target * 0.3 + np.random.default_rng(0).uniform(0, 0.7, len(dataset)), 0, 1)
    labels = (chances > 0.7).astype(np.float64)
    rows = pd.DataFrame(
        {"id": dataset.ids, "y_true": dataset.target, "y_pred": labels, "probability": chances, "y_std": np.nan}
    )
    with_chances = writing._fold("classification", rows, {})
    assert list(with_chances["data"].values()) == chances.tolist()
    assert with_chances["scores"] == matbench_submission.scores("classification", dataset.target, chances)
    without = writing._fold("classification", rows.assign(probability=np.nan), {})
    assert list(without["data"].values()) == (chances > 0.7).tolist()
    assert without["scores"] == matbench_submission.scores("classification", dataset.target, labels)
    assert with_chances["scores"] != without["scores"]


@pytest.mark.parametrize("task", ["dielectric", "expt_gap", "jdft2d", "log_gvrh", "mp_gap", "perovskites"])
def test_the_published_dummy_is_met_to_the_last_digit(task: str, data: Path) -> None:
    # The mean of the training rows on the official folds: data, folds and scores must all be Matbench's for this.
    assert data.is_dir()
    dataset = datasets.load(f"matbench_{task}")
    made = [
        matbench_submission.scores(
            "regression", dataset.target[fold.test], np.full(len(fold.test), dataset.target[fold.train].mean())
        )
        for fold in splits.make(dataset, Split("official", 0, 0))
    ]
    dummy = next(row for row in published(dataset.name) if row.algorithm == "Dummy")
    for metric in ("mae", "rmse"):
        values = [fold[metric] for fold in made]
        assert np.mean(values) == pytest.approx(dummy.mean[metric], rel=1e-5, abs=5e-5)
        assert np.std(values) == pytest.approx(dummy.std[metric], rel=1e-5, abs=5e-5)


def test_the_command_prints_published_figures_and_writes_the_file(
    runs: Path, command: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "out" / "results.json.gz"
    path.parent.mkdir()
    said = command("leaderboard", "--runs", str(runs), "--published", "--matbench", str(path), "--model", "stump")
    assert "matbench_jdft2d: published, not run here" in said
    assert "coNGN" in said
    assert "matbench issue 137" in said
    assert f"submission: {path} ({CLASSES}, {REGRESSION})" in said
    assert set(read_submission(path).tasks) == {REGRESSION, CLASSES}
    assert "Did you mean" in command("leaderboard", "--runs", str(runs), "--matbench", "x", "--model", "stomp", code=2)
    assert "names no file" in command("leaderboard", "--runs", str(runs), "--model", "stump", code=2)


def test_the_command_lists_the_tasks(command: Callable[..., str]) -> None:
    said = command("datasets")
    for name in ("mp_formation", "mp_megnet2018", *matbench.TASKS):
        assert f" {name} " in said
    assert "unknown dataset 'matbench_steel'. Did you mean 'matbench_steels'" in command(
        "run", "--dataset", "matbench_steel", code=2
    )
