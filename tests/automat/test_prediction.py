"""Files to predictions, on real crystals and formulas."""

from __future__ import annotations

import codecs
import csv
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from automat import datasets, plan, prediction, prediction_files
from automat.core import Dataset, InputError
from automat.datasets.reading import Columns
from automat.evaluate import Job, run_cell
from automat.refit import refit
from automat.trained import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterable


@cache
def crystals() -> Dataset:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    packed = whole.structures.take(np.arange(50))
    return replace(
        whole, ids=whole.ids[:50], target=whole.target[:50], structures=packed, compositions=packed.compositions
    )


@cache
def trained_on(kind: str) -> TrainedModel:
    dataset = crystals()
    if kind == "compositions":
        dataset = replace(dataset, name="formulas", inputs="compositions", structures=None)
    if kind == "table":
        table = pd.DataFrame({"x": np.arange(50.0), "phase": ["a", "b"] * 25})
        dataset = replace(dataset, inputs="table", table=table, structures=None, compositions=None)
    features = "magpie" if kind == "formulas of crystals" else None
    planned = plan.make(dataset, models=["linear"], features=features, preset="quick", trials=1)
    inputs = plan.inputs(planned, planned.cells, cache_dir=None, jobs=1)
    job = Job(dataset, planned.folds, {model.name: model for model in planned.models}, inputs)
    return refit(job, [run_cell(job, cell)[0] for cell in planned.cells])


def framed(parts: Iterable[dict[str, list[Any]]]) -> pd.DataFrame:
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def told(kind: str, *inputs: object) -> pd.DataFrame:
    return framed(prediction.predict(trained_on(kind), [str(each) for each in inputs]))


def write_cifs(folder: Path, count: int = 3) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"crystal-{row}.cif" for row in range(count)]
    for row, path in enumerate(paths):
        path.write_text(crystals().structures[row].to(fmt="cif"))  # type: ignore[index]
    return paths


def test_crystals_from_files_and_folders(tmp_path: Path) -> None:
    paths = write_cifs(tmp_path / "cifs")
    poscar = tmp_path / "POSCAR"
    poscar.write_text(crystals().structures[3].to(fmt="poscar"))  # type: ignore[index]
    as_json = tmp_path / "one.json"
    as_json.write_text(crystals().structures[4].to_json())  # type: ignore[index]
    made = told("structures", tmp_path / "cifs", poscar, as_json)
    assert made["id"].tolist() == [*(path.name for path in paths), "POSCAR", "one.json"]
    expected = trained_on("structures").predict(crystals().structures.take(np.arange(5)))  # type: ignore[union-attr]
    np.testing.assert_allclose(made["prediction"], expected, rtol=1e-4)
    assert (made["error"] == "").all()
    assert made["in_domain"].all()


def test_a_crystal_is_read_whatever_its_authors_names_are_encoded_in(tmp_path: Path) -> None:
    [path] = write_cifs(tmp_path / "cifs", 1)
    content = path.read_bytes()
    path.write_bytes("# by José\n".encode("latin-1") + content)
    marked = tmp_path / "marked.cif"
    marked.write_bytes(codecs.BOM_UTF8 + content[content.index(b"data_") :])
    garbage = tmp_path / "garbage.cif"
    garbage.write_bytes(bytes(range(128, 256)))
    made = told("structures", path, marked, garbage)
    expected = trained_on("structures").predict(crystals().structures.take(np.arange(1)))  # type: ignore[union-attr]
    np.testing.assert_allclose(made["prediction"][:2], expected.repeat(2), rtol=1e-4)
    assert list(made["error"][:2]) == ["", ""]
    assert made["error"][2].startswith("is no CIF, POSCAR or JSON of a crystal")


def test_crystals_serve_a_model_of_compositions(tmp_path: Path) -> None:
    [path] = write_cifs(tmp_path, 1)
    formula = crystals().structures[0].composition  # type: ignore[index]
    assert told("compositions", path)["prediction"].tolist() == trained_on("compositions").predict([formula]).tolist()


def test_tables_keep_their_ids_and_order_and_say_what_cannot_be_read(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("id,formula,remark\n007,NaCl,x\n8,Nothing,y\n9,MgO,z\n")
    made = told("compositions", table)
    assert made["id"].tolist() == ["007", "8", "9"]
    assert made["error"].tolist()[0] == made["error"].tolist()[2] == ""
    assert "'Nothing'" in made["error"][1]
    assert np.isnan(made["prediction"][1])
    np.testing.assert_array_equal(made["prediction"][[0, 2]], trained_on("compositions").predict(["NaCl", "MgO"]))


def test_tables_of_structures_and_plain_ones(tmp_path: Path) -> None:
    texts = [crystals().structures[row].to(fmt="cif") for row in range(2)]  # type: ignore[index]
    pd.DataFrame({"cif": texts}).to_parquet(tmp_path / "s.parquet")
    made = told("structures", tmp_path / "s.parquet")
    assert made["id"].tolist() == ["row-1", "row-2"]
    (tmp_path / "plain.csv").write_text("phase,x\nb,3\nc,4\n")
    assert told("table", tmp_path / "plain.csv")["prediction"].notna().all()


def test_a_formula_beside_a_plain_table_is_no_input_of_its_model(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("formula,phase,x\nNaCl,b,3\n")
    (tmp_path / "same.csv").write_text("phase,x\nb,3\n")
    made, same = told("table", tmp_path / "plain.csv"), told("table", tmp_path / "same.csv")
    assert made["prediction"].tolist() == same["prediction"].tolist()


def test_columns_of_other_names_are_named(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("what,made_of\nx,NaCl\n")
    columns = Columns(id="what", formula="made_of")
    [made] = prediction.predict(trained_on("compositions"), [tmp_path / "f.csv"], columns=columns)
    assert made["id"] == ["x"]
    assert made["prediction"] == trained_on("compositions").predict(["NaCl"]).tolist()


def test_crystals_that_a_model_sees_as_formulas_may_be_given_as_such(tmp_path: Path) -> None:
    crystal = crystals()
    assert crystal.formulas is not None
    assert crystal.structures is not None
    [cif] = write_cifs(tmp_path / "cifs", 1)
    table = tmp_path / "f.csv"
    table.write_text(f"formula\n{crystal.formulas[0]}\n")
    as_cif, as_formula = (told("formulas of crystals", path) for path in (cif, table))
    by_python = trained_on("formulas of crystals").describe(crystal.structures.take([0]))
    for column in ("prediction", "lower", "upper", "distance"):
        np.testing.assert_allclose(as_formula[column], as_cif[column], rtol=1e-9)
        np.testing.assert_allclose(by_python[column], as_cif[column], rtol=1e-9)
    with pytest.raises(InputError, match="has no column of structures"):
        told("structures", table)


def test_formulas_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("NaCl\n\n  MgO \nnothing\n"))
    made = told("compositions", "-")
    assert made["id"].tolist() == ["NaCl", "MgO", "nothing"]
    assert (made["error"] != "").tolist() == [False, False, True]


def test_much_input_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "_AT_ONCE", 7)
    table = tmp_path / "many.csv"
    formulas = [f"Na{1 + row % 5}Cl{1 + row % 3}" for row in range(20)]
    table.write_text("formula\n" + "\n".join(formulas) + "\n")
    parts = list(prediction.predict(trained_on("compositions"), [table]))
    assert [len(part["id"]) for part in parts] == [7, 7, 6]
    together = framed(parts)["prediction"]
    np.testing.assert_allclose(together, trained_on("compositions").predict(formulas), rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "name", "content", "message"),
    [
        ("structures", "f.csv", "formula\nNaCl\n", r"'f.csv' has no column of structures \(structure, cif, poscar\)"),
        ("compositions", "f.csv", "x\n1\n", "no column of compositions"),
        ("table", "f.csv", "x\n1\n", "lacks the columns 'phase'"),
        ("table", "f.cif", "data_x\n", "takes a table with the columns x, phase"),
        ("compositions", "f.txt", "NaCl", "a table ends in"),
        ("compositions", "f.json", "{", "cannot read 'f.json' as JSON"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, kind: str, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        told(kind, tmp_path / name)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to predict"):
        list(prediction.predict(trained_on("table"), []))
    with pytest.raises(InputError, match="no file or folder at"):
        told("structures", tmp_path / "absent.cif")
    with pytest.raises(InputError, match="holds no crystal"):
        told("structures", tmp_path)
    with pytest.raises(InputError, match="standard input is read as formulas"):
        told("structures", "-")


@pytest.mark.parametrize("form", ["csv", "json", "table"])
def test_every_format_holds_every_row(tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = trained_on("compositions").save(tmp_path / "m.automat")
    table = tmp_path / "new.csv"
    table.write_text("id,formula\n=1+1,NaCl\nb,Nothing\n<script>,MgO\n")
    written = prediction_files.write(model, [table], form=form)
    assert (written.rows, written.failed) == (3, 1)
    text = capsys.readouterr().out
    expected = trained_on("compositions").predict(["NaCl", "MgO"])
    if form == "table":
        assert "<script>" in text
        assert f"{expected[0]:.5g}" in text
        return
    made = pd.read_csv(io.StringIO(text)) if form == "csv" else pd.DataFrame(json.loads(text))
    assert made["id"].tolist() == ["'=1+1" if form == "csv" else "=1+1", "b", "<script>"]
    np.testing.assert_allclose(made["prediction"][[0, 2]].astype(float), expected, rtol=1e-12)


def test_no_text_of_a_table_becomes_a_formula() -> None:
    """Names of classes and features come with a model that somebody else may have made."""
    wicked = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(1)", "\t=1", "-1", 'a","=1']
    part = pd.DataFrame({
        "id": wicked, "prediction": wicked, "feature": pd.Series(wicked, dtype="string"),
        "of": pd.Categorical(wicked), "value": pd.Series([-1.5, *wicked[1:]], dtype=object),
        "adds": np.arange(-3.0, 4.0), "probability of =1": -0.5, "=cmd()": "", "error": "",
    })  # fmt: skip
    unread = {"id": ["=1"], "error": ["=2"]}
    file = io.StringIO()
    prediction_files._WRITERS["csv"](iter([unread, prediction.plain(part), unread]), file, trained_on("table"))
    text = file.getvalue()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == [*list(part)[:-2], "'=cmd()", "error"]
    cells = [cell for row in rows for cell in row]
    assert [cell for cell in cells if cell[:1] in {"=", "+", "@", "\t"}] == []
    assert {cell for cell in cells if cell.startswith("-")} == {"-1", "-1.5", "-3.0", "-2.0", "-1.0", "-0.5"}
    assert [row[1] for row in rows[2:-1]] == ["'=HYPERLINK(1)", "'+1+1", "'-2+3", "'@SUM(1)", "'\t=1", *wicked[5:]]
    assert (rows[1][0], rows[-1][-1]) == ("'=1", "'=2")


def test_files_end_as_their_format_says(tmp_path: Path) -> None:
    model = trained_on("compositions").save(tmp_path / "m.automat")
    table = tmp_path / "new.csv"
    table.write_text("formula\nNaCl\n")
    prediction_files.write(model, [table], output=tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())[0]["id"] == "row-1"
    with pytest.raises(InputError, match=r"unknown format 'xls'.*Allowed: csv, json, table"):
        prediction_files.write(model, [table], output=tmp_path / "out.xls")
    with pytest.raises(InputError, match="cannot write"):
        prediction_files.write(model, [table], output=tmp_path / "no" / "out.csv")


def test_a_file_without_a_prediction_costs_the_others_nothing(tmp_path: Path) -> None:
    model = trained_on("structures").save(tmp_path / "m.automat")
    (tmp_path / "bad.cif").write_text("data_x\n")
    [good] = write_cifs(tmp_path / "cifs", 1)
    out = tmp_path / "out.csv"
    written = prediction_files.write(model, [tmp_path / "bad.cif", good], output=out)
    assert (written.rows, written.failed) == (2, 1)
    made = pd.read_csv(out)
    assert made["prediction"].notna().tolist() == [False, True]
    assert prediction_files.write(model, [tmp_path / "bad.cif"], output=out).failed == 1
    assert pd.read_csv(out)["id"].tolist() == ["bad.cif"]


def test_what_fails_leaves_files_as_they_were(tmp_path: Path) -> None:
    model = trained_on("compositions").save(tmp_path / "m.automat")
    table, kept = tmp_path / "new.csv", tmp_path / "kept.csv"
    table.write_text("formula\nNaCl\n")
    kept.write_text("mine\n")
    with pytest.raises(InputError, match="is an input too"):
        prediction_files.write(model, [table], output=table)
    with pytest.raises(InputError, match="no file or folder"):
        prediction_files.write(model, [tmp_path / "absent.csv"], output=kept)
    assert table.read_text() == "formula\nNaCl\n"
    assert kept.read_text() == "mine\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.csv", "m.automat", "new.csv"]


def test_rows_keep_their_order_where_ids_repeat(tmp_path: Path) -> None:
    table = tmp_path / "twice.csv"
    table.write_text("id,formula\na,NaCl\nb,MgO\na,CsCl\nc,Nothing\nb,KCl\n")
    made = told("compositions", table)
    assert made["id"].tolist() == ["a", "b", "a", "c", "b"]
    expected = trained_on("compositions").predict(["NaCl", "MgO", "CsCl", "KCl"])
    np.testing.assert_array_equal(made["prediction"][[0, 1, 2, 4]], expected)


def test_folders_give_all_their_crystals(tmp_path: Path) -> None:
    write_cifs(tmp_path / "cifs", 1)
    (tmp_path / "cifs" / "POSCAR").write_text(crystals().structures[1].to(fmt="poscar"))  # type: ignore[index]
    assert told("structures", tmp_path / "cifs")["id"].tolist() == ["POSCAR", "crystal-0.cif"]


def test_cells_that_a_plain_table_may_not_hold_cost_their_rows_alone(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("x,phase\n1.0,a\ninf,a\nhot,b\n,b\n")
    made = told("table", table)
    assert made["error"].tolist() == [
        "", "the column 'x' is infinite; allowed are numbers, or nothing",
        "the column 'x' is 'hot'; allowed are numbers, or nothing", "",
    ]  # fmt: skip
    assert made["prediction"].notna().tolist() == [True, False, False, True]
    with pytest.raises(InputError, match="row 2: the column 'x' is infinite"):
        trained_on("table").predict(pd.DataFrame({"x": [1.0, np.inf], "phase": ["a", "a"]}))


def test_labels_like_numbers_stay_labels(tmp_path: Path) -> None:
    labels = ["1", "02", "x"] * 17
    frame = pd.DataFrame({"x": np.arange(51.0), "grade": labels, "y": [0.1, 5.2, 9.3] * 17})
    dataset = datasets.load(_written(frame, tmp_path / "train.csv"), target="y")
    planned = plan.make(dataset, models=["linear"], preset="quick", trials=1)
    inputs = plan.inputs(planned, planned.cells, cache_dir=None, jobs=1)
    job = Job(dataset, planned.folds, {model.name: model for model in planned.models}, inputs)
    model = refit(job, [run_cell(job, cell)[0] for cell in planned.cells])
    new = tmp_path / "new.csv"
    new.write_text("x,grade\n3,1\n3,02\n3,\n")  # no letter among them: a reader of its own would see numbers
    made = framed(prediction.predict(model, [new]))
    np.testing.assert_allclose(made["prediction"][:2], [0.1, 5.2], atol=0.5)
    gaps = tmp_path / "gaps.json"
    gaps.write_text('[{"x": 3, "grade": 1.0}, {"x": 3, "grade": null}]')
    again = framed(prediction.predict(model, [gaps]))
    np.testing.assert_allclose(again["prediction"], made["prediction"][[0, 2]])


def test_a_column_that_was_empty_in_training_takes_text() -> None:
    frame = pd.DataFrame({"x": np.arange(50.0), "note": np.full(50, None, dtype=object)})
    dataset = replace(crystals(), inputs="table", table=frame, structures=None, compositions=None)
    planned = plan.make(dataset, models=["linear"], preset="quick", trials=1)
    inputs = plan.inputs(planned, planned.cells, cache_dir=None, jobs=1)
    job = Job(dataset, planned.folds, {model.name: model for model in planned.models}, inputs)
    model = refit(job, [run_cell(job, cell)[0] for cell in planned.cells])
    given = pd.DataFrame({"x": [3.0, 3.0], "note": ["annealed", None]})
    assert model.faults(given) == {}
    assert model.named_columns == ("note",)
    made = model.predict(given)
    assert made[0] == made[1]


def _written(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_csv(path, index=False)
    return path


def test_a_table_without_the_models_columns_is_refused_before_it_is_read_through(tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("x\n1.0\n")
    with pytest.raises(InputError, match="lacks the columns 'phase'"):
        told("table", table)
