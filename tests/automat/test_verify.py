"""Stored results that were tampered with, or damaged, are found out; untouched ones are not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_leaderboards import metrics

from automat import api, datasets
from automat.core import Dataset, InputError
from automat.verify import Verification, verify

pytestmark = pytest.mark.usefixtures("cells_in_this_process")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, diabetes: Dataset) -> Path:
    """A regression whose data cannot be loaded by name, and a classification whose data can."""
    runs = tmp_path_factory.mktemp("runs")
    api.run(diabetes, models=["dummy", "knn"], preset="quick", folds=2, jobs=1, out=runs)
    api.run("iris", models=["dummy", "knn"], preset="quick", folds=2, jobs=1, out=runs)
    return runs


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "runs"
    shutil.copytree(finished, copy)
    return copy


def record_of(runs: Path, dataset: str = "diabetes", model: str = "knn", fold: int = 0) -> Path:
    for path in sorted((runs / dataset / "records").glob("*.json")):
        cell = json.loads(path.read_text())["cell"]
        if (cell["model"], cell["fold"]) == (model, fold):
            return path
    raise AssertionError(model)


def predictions_of(record: Path) -> Path:
    return record.parents[1] / "predictions" / f"{record.stem}.parquet"


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_predictions(
    record: Path, change: Callable[[pd.DataFrame], pd.DataFrame | None], *, digest: bool = False
) -> None:
    """Change predictions; with ``digest``, also make the record say that these are its own."""
    path = predictions_of(record)
    table = pd.read_parquet(path)
    changed = change(table)
    (table if changed is None else changed).to_parquet(path, index=False)
    if digest:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        edit(record, lambda content: content.update(predictions_sha256=sha256))


def restate(record: Path) -> None:
    """Make a regression record's test metrics those of its predictions."""
    table = pd.read_parquet(predictions_of(record))
    edit(
        record, lambda content: content["metrics"]["test"].update(metrics.regression(table["y_true"], table["y_pred"]))
    )


def said(found: Verification, path: Path) -> list[str]:
    return [one.what for one in found.disagreements if one.file.endswith(path.name)]


def test_untouched_runs_agree(runs: Path) -> None:
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    found = verify(runs)
    assert found.disagreements == ()
    assert found.agrees
    assert found.records == 8
    assert found.failed == 0
    assert found.against_data == ("iris",)
    assert found.not_against_data == ("diabetes",)
    assert found.metrics >= 4 * 3 + 4 * 5
    assert found.other_metrics > 0
    assert found.without_digest == found.without_folds == 0
    assert "Everything agrees: 8 records" in found.summary
    assert f"{found.other_metrics} metrics on training and validation rows" in found.summary
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("metric", ["mae", "rmse", "r2"])
def test_a_changed_metric_is_found_out(runs: Path, metric: str) -> None:
    path = record_of(runs)

    def improve(content: dict[str, Any]) -> None:
        content["metrics"]["test"][metric] *= 0.999

    edit(path, improve)
    found = verify(runs)
    (what,) = said(found, path)
    assert what.startswith(f"test {metric} is ")
    assert len(found.disagreements) == 1
    assert "1 disagreement:" in found.summary


def test_changed_predictions_are_found_out_by_their_digest_and_by_the_metrics(runs: Path) -> None:
    path = record_of(runs)
    edit_predictions(path, lambda table: table.assign(y_pred=table["y_true"]))
    found = verify(runs)
    assert said(found, predictions_of(path)) == ["is not the file that its record was written with (sha256)"]
    assert any(what.startswith("test mae is ") for what in said(found, path))


def test_predictions_changed_together_with_the_metrics_are_found_out_by_their_digest(runs: Path) -> None:
    path = record_of(runs)
    edit_predictions(path, lambda table: table.assign(y_pred=0.5 * (table["y_true"] + table["y_pred"]), y_std=np.nan))
    restate(path)
    edit(path, lambda content: content["metrics"]["test"].update({
        name: None for name in content["metrics"]["test"] if name not in {"mae", "rmse", "r2"}
    }))  # fmt: skip
    assert said(verify(runs), predictions_of(path)) == ["is not the file that its record was written with (sha256)"]


def test_targets_changed_together_with_metrics_and_digest_are_found_out_by_other_entrants(runs: Path) -> None:
    path = record_of(runs)

    def nearer(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[0, "y_true"] = table.loc[0, "y_pred"]
        return table

    edit_predictions(path, nearer, digest=True)
    restate(path)
    found = verify(runs)
    assert any("the y_true of 1 rows is not what other predictions state" in one.what for one in found.disagreements)


def test_targets_changed_for_every_entrant_are_found_out_by_the_data(runs: Path) -> None:
    data = datasets.load("iris")

    def relabel(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[table["id"] == data.ids[0], "y_true"] = 1.0
        return table

    for model in ("dummy", "knn"):
        for fold in (0, 1):
            edit_predictions(record_of(runs, "iris", model, fold), relabel, digest=True)
    found = verify(runs)
    of_data = [one.what for one in found.disagreements if "is not the data's" in one.what]
    assert of_data == [f"the y_true of 1 rows of its predictions is not the data's ({data.ids[0]})"] * 2


def test_a_test_row_left_out_is_found_out(runs: Path) -> None:
    path = record_of(runs)

    def without_the_worst(table: pd.DataFrame) -> pd.DataFrame:
        worst = (table["y_true"] - table["y_pred"]).abs().idxmax()
        return table.drop(index=worst)

    edit_predictions(path, without_the_worst, digest=True)
    restate(path)
    edit(path, lambda content: content.update(n_test=content["n_test"] - 1))
    assert any(
        what.startswith("1 test rows of its fold have no prediction (patient-") for what in said(verify(runs), path)
    )


def test_rows_of_another_fold_are_found_out(runs: Path) -> None:
    first, second = record_of(runs, fold=0), record_of(runs, fold=1)
    shutil.copy(predictions_of(second), predictions_of(first))
    what = said(verify(runs), first)
    assert any("are no test rows of its fold" in line for line in what)
    assert any("state another cell" in line for line in what)


def test_a_row_predicted_twice_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    edit_predictions(path, lambda table: pd.concat([table, table.iloc[:1]]), digest=True)
    assert any(what.startswith("rows are predicted twice (patient-") for what in said(verify(runs), path))


def test_a_changed_cell_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    edit(path, lambda content: content["cell"]["budget"].update(preset="best"))
    assert any(
        what.startswith("its cell was changed: the key of what it states is ") for what in said(verify(runs), path)
    )


def test_a_record_moved_to_another_dataset_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    moved = runs / "iris" / "records" / path.name
    path.rename(moved)
    predictions_of(path).rename(predictions_of(moved))
    assert any("it states the dataset 'diabetes'" in what for what in said(verify(runs), moved))


def test_a_metric_taken_out_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    edit(path, lambda content: content["metrics"]["test"].pop("r2"))
    assert said(verify(runs), path) == ["it lacks the test metrics r2"]


def test_a_metric_made_up_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    edit(path, lambda content: content["metrics"]["test"].update(fame=1.0))
    assert said(verify(runs), path) == ["its test metric 'fame' cannot be recomputed from its predictions"]


def test_a_failure_with_metrics_is_found_out(runs: Path) -> None:
    path = record_of(runs)
    edit(path, lambda content: content.update(status="failed"))
    found = verify(runs)
    assert said(found, path) == ["its status is 'failed', but it has metrics"]
    assert found.failed == 1


def test_changed_folds_are_found_out(runs: Path) -> None:
    (path,) = (runs / "iris" / "folds").iterdir()
    folds = pd.read_parquet(path)
    row = folds.index[(folds["part"] == "test") & (folds["fold"] == 0)][0]
    folds.loc[row, "part"] = "train"
    folds.to_parquet(path, index=False)
    found = verify(runs)
    assert said(found, path) == ["holds other folds than the records name (sha256)"]
    assert any("predicted rows are no test rows of its fold" in one.what for one in found.disagreements)


def test_a_row_in_training_and_in_test_is_found_out(runs: Path) -> None:
    (path,) = (runs / "diabetes" / "folds").iterdir()
    folds = pd.read_parquet(path)
    leak = folds[(folds["part"] == "test") & (folds["fold"] == 1)].iloc[:2].assign(part="train")
    pd.concat([folds, leak]).to_parquet(path, index=False)
    assert any(what.startswith("fold 1 has 2 rows in two parts") for what in said(verify(runs), path))


def test_folds_that_are_not_the_split_s_are_found_out(runs: Path) -> None:
    """Favourable folds, with a digest and keys that are their own: only cutting the data anew tells."""
    from automat import splits
    from automat.core import Cell, Split

    (path,) = (runs / "iris" / "folds").iterdir()
    folds = pd.read_parquet(path)
    folds["fold"] = 1 - folds["fold"]
    parts = [dict(list(of_fold.groupby("part")["id"])) for _, of_fold in folds.groupby("fold")]
    digest = splits.folds_sha256(parts)
    old = path.stem.rpartition("-")[2]
    folds.to_parquet(path.with_name(path.name.replace(old, digest[:8])), index=False)
    for record in (runs / "iris" / "records").iterdir():
        content = json.loads(record.read_text())
        cell = content["cell"]
        cell["split"]["sha256"] = digest
        cell["fold"] = 1 - cell["fold"]
        key = Cell(**cell | {"split": Split(**cell["split"])}).key
        table = pd.read_parquet(predictions_of(record)).assign(cell=key, fold=cell["fold"])
        predictions_of(record).unlink()
        new = record.with_name(f"{key}.json")
        table.to_parquet(predictions_of(new), index=False)
        content["predictions_sha256"] = hashlib.sha256(predictions_of(new).read_bytes()).hexdigest()
        record.unlink()
        new.write_text(json.dumps(content))
    (found,) = verify(runs).disagreements
    assert found.what.startswith("the data is not cut like this: split 'stratified' of 'iris' gives other folds")


@pytest.mark.parametrize("damage", [b"", b"{", b'["list"]', b"\xff\xfe"])
def test_an_unreadable_record_is_named_and_left_where_it_is(runs: Path, damage: bytes) -> None:
    path = record_of(runs)
    path.write_bytes(damage)
    (what,) = said(verify(runs), path)
    assert what.startswith("cannot be read as a record")
    assert path.read_bytes() == damage


def test_values_of_another_kind_are_named(runs: Path) -> None:
    path = record_of(runs)
    edit(path, lambda content: content["metrics"]["test"].update(mae="good"))
    assert any(what.startswith("holds values of another kind") for what in said(verify(runs), path))


def test_a_record_set_aside_is_named(runs: Path) -> None:
    path = record_of(runs)
    aside = path.with_name(f"{path.name}.unreadable")
    path.rename(aside)
    found = verify(runs)
    assert said(found, aside) == ["a record that could not be read was set aside"]
    assert said(found, predictions_of(path)) == [
        "predictions without a record: it was lost, or its run was stopped while writing"
    ]


def test_missing_and_damaged_predictions_and_folds_are_named(runs: Path) -> None:
    first, second = record_of(runs, fold=0), record_of(runs, fold=1)
    predictions_of(first).unlink()
    predictions_of(second).write_bytes(b"PAR1")
    (of_iris,) = (runs / "iris" / "folds").iterdir()
    (of_diabetes,) = (runs / "diabetes" / "folds").iterdir()
    of_iris.unlink()
    of_diabetes.write_bytes(b"")
    found = verify(runs)
    assert said(found, first) == ["its predictions are missing"]
    assert said(found, predictions_of(second))[0].startswith("cannot be read as predictions")
    assert said(found, of_iris) == ["the folds that records name are missing"]
    assert said(found, of_diabetes)[0].startswith("cannot be read as folds")


def test_predictions_that_lack_a_column_are_named(runs: Path) -> None:
    path = record_of(runs)
    edit_predictions(path, lambda table: table.drop(columns=["y_true"]), digest=True)
    assert said(verify(runs), predictions_of(path)) == ["lacks the columns y_true"]


def test_a_record_without_a_digest_is_counted(runs: Path) -> None:
    edit(record_of(runs), lambda content: content.pop("predictions_sha256"))
    found = verify(runs)
    assert found.agrees
    assert "1 records state no digest of their predictions" in found.summary


def test_failed_cells_agree(tmp_path: Path, diabetes: Dataset) -> None:
    from automat import Model

    def broken(_params: dict[str, Any], _seed: int) -> Any:
        raise RuntimeError("no")

    api.run(diabetes, models=["dummy", Model(name="broken", build=broken)], preset="quick", jobs=1, out=tmp_path)
    found = verify(tmp_path)
    assert found.agrees
    assert (found.records, found.failed) == (4, 2)
    assert "4 records, 2 of them failed cells" in found.summary


def test_where_there_is_nothing_to_check_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no records"):
        verify(tmp_path)
    with pytest.raises(InputError, match="no runs at"):
        verify(tmp_path / "nowhere")


def test_the_command_exits_1_where_something_does_not_agree(runs: Path) -> None:
    from typer.testing import CliRunner

    from automat.cli import app

    done = CliRunner().invoke(app, ["verify", str(runs)])
    assert (done.exit_code, done.stdout.count("Everything agrees: 8 records")) == (0, 1)
    path = record_of(runs)
    edit(path, lambda content: content["metrics"]["test"].update(mae=0.0))
    done = CliRunner().invoke(app, ["verify", str(runs)])
    assert done.exit_code == 1
    assert f"diabetes/records/{path.name}: test mae is 0.0 in the record" in done.stdout
