"""From a run to a trained model to predictions, as a user types it."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

import pandas as pd

from automat import datasets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., str]


def lab(folder: Path, rows: int = 60) -> str:
    whole = datasets.load("mp_dielectric")
    assert whole.formulas is not None
    pd.DataFrame({"formula": whole.formulas[:rows], "n": whole.target[:rows]}).to_csv(folder / "lab.csv", index=False)
    return "lab.csv"


def kept(output: str) -> str:
    [path] = re.findall(r"^model: (.+)$", output, re.MULTILINE)
    return str(path)


def test_the_winner_of_a_run_predicts(command: Command, tmp_path: Path) -> None:
    run = ("run", "--dataset", lab(tmp_path), "--preset", "quick", "--trials", "1")
    output = command(*run, "--models", "dummy,linear,lightgbm", "--save-models")
    path = kept(output)
    assert path.startswith("automat-runs/lab/models/")
    assert "dummy" not in path
    (tmp_path / "new.csv").write_text("id,formula\na,NaCl\nb,MgO\n")
    crystal = datasets.load("mp_dielectric").structures[0]  # type: ignore[index]
    (tmp_path / "x.cif").write_text(crystal.to(fmt="cif"))
    made = pd.read_csv(StringIO(command("predict", path, "--input", "new.csv", "x.cif", "--format", "csv")))
    assert made["id"].tolist() == ["a", "b", "x.cif"]
    assert made["prediction"].between(1, 10).all()
    assert (made["lower"] < made["upper"]).all()
    shown = command("predict", path, "--input", "new.csv")
    assert "in_domain" in shown


def test_another_entrant_is_kept_by_name_and_explained(command: Command, tmp_path: Path) -> None:
    run = ("run", "--dataset", lab(tmp_path), "--preset", "quick", "--trials", "1", "--models", "linear,decision_tree")
    path = kept(command(*run, "--save-models", "--model", "decision_tree"))
    assert path.endswith("decision_tree.automat")
    (tmp_path / "new.csv").write_text("formula\nNaCl\n")
    told = pd.read_csv(StringIO(command("predict", path, "--input", "new.csv", "--explain", "--format", "csv")))
    plain = pd.read_csv(StringIO(command("predict", path, "--input", "new.csv", "--format", "csv")))
    assert told["adds"].sum() == plain["prediction"].item()
    wrong = command(*run, "--save-models", "--model", "lightgbm", code=2)
    assert "unknown entrant of this run 'lightgbm'" in wrong
    assert "save_models is not set" in command(*run, "--model", "linear", code=2)


def test_rows_without_a_prediction_are_told_and_change_the_exit_code(command: Command, tmp_path: Path) -> None:
    run = ("run", "--dataset", lab(tmp_path), "--preset", "quick", "--trials", "1", "--models", "linear")
    path = kept(command(*run, "--save-models"))
    (tmp_path / "new.csv").write_text("formula\nNaCl\nNothing\n")
    output = command("predict", path, "--input", "new.csv", "--output", "out.csv", code=3)
    assert "1 of 2 rows have no prediction" in output
    made = pd.read_csv(tmp_path / "out.csv")
    assert made["prediction"].notna().tolist() == [True, False]
    assert "no trained model at 'absent.automat'" in command("predict", "absent.automat", "--input", "new.csv", code=2)


def test_models_of_two_targets_of_one_file_lie_side_by_side(command: Command, tmp_path: Path) -> None:
    rows = range(40)
    frame = pd.DataFrame(
        {"x": [row / 7 for row in rows], "y": [row / 3 for row in rows], "z/a": [-row / 9 for row in rows]}
    )
    frame.to_csv(tmp_path / "two.csv", index=False)
    run = ("run", "--dataset", "two.csv", "--preset", "quick", "--trials", "1", "--models", "linear", "--save-models")
    paths = [kept(command(*run, "--target", target)) for target in ("y", "z/a", "y")]
    assert paths[0] == paths[2] == "automat-runs/two/models/linear.automat"
    assert paths[1].startswith("automat-runs/two/models/linear-z-a")
    (tmp_path / "new.csv").write_text("x,y,z/a\n1,1,1\n")
    for path, title in zip(paths, ("y", "z/a"), strict=False):
        assert title in command("predict", path, "--input", "new.csv").splitlines()[1].split()


def test_a_model_that_needs_more_rows_is_named_not_failed(command: Command, tmp_path: Path) -> None:
    pd.DataFrame({"x": range(10), "y": [row / 3 for row in range(10)]}).to_csv(tmp_path / "ten.csv", index=False)
    run = ("run", "--dataset", "ten.csv", "--preset", "quick", "--trials", "1", "--models")
    refused = command(*run, "pycaret", code=2)
    assert "it needs at least 12 training rows, but a fold has 5" in refused
