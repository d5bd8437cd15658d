"""What training rows tell of test rows: real data with copies put in, so that the truth is known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from automat_featurizers import PackedCompositions, PackedStructures
from pymatgen.core import Structure

from automat import api, datasets, splits
from automat.audit import ANY, Audit, audit, audit_folds
from automat.audit.errors import compare
from automat.audit.result import percent
from automat.audit.twins import find
from automat.core import Dataset, Fold, InputError, Split, UnknownNameError

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

SPLIT = Split("random", 2, 0)


def halves(dataset: Dataset, test: list[int]) -> tuple[Fold]:
    """One fold that tests the given rows and trains on all others."""
    rows = np.array(sorted(test), np.intp)
    return (Fold(SPLIT, 0, np.setdiff1d(np.arange(len(dataset)), rows), rows),)


def touched(found: Audit, kind: str) -> int:
    return found.touched[0].rows[kind]


def pairs_of(found: Audit, kind: str) -> list[tuple[str, str]]:
    return [(one.test_id, one.train_id) for one in found.examples if one.kind == kind]


def compositions(formulas: list[str], target: list[float]) -> Dataset:
    return Dataset(
        name="alloys",
        ids=np.array([f"row-{row}" for row in range(len(formulas))]),
        target=np.array(target),
        target_name="gap",
        unit="eV",
        task="regression",
        inputs="compositions",
        compositions=PackedCompositions.pack(formulas),
    )


@pytest.fixture(scope="module")
def crystals() -> Dataset:
    """40 crystals of the Materials Project, one of each composition, and of the first five a twin each."""
    data = datasets.load("mp_formation")
    assert data.structures is not None
    assert data.formulas is not None
    rows = np.unique(np.array(data.formulas), return_index=True)[1][::60][:40]
    chosen = list(data.structures.take(rows))
    twins = [crystal.copy() for crystal in chosen[:5]]
    twins[0].make_supercell([1, 1, 2])
    twins[1].perturb(0.02)
    twins[2].translate_sites(range(len(twins[2])), [0.1, 0.2, 0.3])
    twins[3].scale_lattice(1.05 * twins[3].volume)
    # The last is of the same composition, and another crystal.
    other = Structure.from_spacegroup("Pm-3m", twins[4].lattice.cubic(9.0), ["H"], [[0.1, 0.2, 0.3]])
    species = [site.specie for site in twins[4]] * (48 // len(twins[4]) + 1)
    twins[4] = Structure(other.lattice, species[: 2 * len(twins[4])], other.frac_coords[: 2 * len(twins[4])])
    target = np.concatenate([data.target[rows], data.target[rows[:5]] + [0.0, 0.01, 0.02, 0.03, 0.04]])
    packed = PackedStructures.pack([*chosen, *twins])
    return replace(
        data,
        name="crystals",
        ids=np.array([*data.ids[rows], *(f"twin-{row}" for row in range(5))]),
        target=target,
        structures=packed,
        compositions=packed.compositions,
    )


def test_twins_among_crystals_are_found(crystals: Dataset) -> None:
    found = audit_folds(crystals, halves(crystals, list(range(40, 45))))
    assert touched(found, "composition") == 5
    assert sorted(pairs_of(found, "structure")) == [(f"twin-{row}", str(crystals.ids[row])) for row in range(4)]
    assert pairs_of(found, "equal_target") == [("twin-0", str(crystals.ids[0]))]
    assert touched(found, ANY) == 5
    assert "100.0% same composition" in found.verdict
    assert found.share("structure") == 0.8


def test_of_crystals_in_the_same_part_nothing_is_said(crystals: Dataset) -> None:
    rows = [0, 1, 2, 3, 4, *range(40, 45)]
    found = audit_folds(crystals, halves(crystals, rows))
    assert touched(found, ANY) == 0
    assert found.examples == ()
    assert "no test row is touched" in found.verdict


def test_polytypes_are_near_duplicates_and_not_the_same_crystal() -> None:
    data = datasets.load("mp_formation")
    assert data.structures is not None
    rows = np.flatnonzero(np.array(data.formulas) == "CdI2")
    assert len(rows) > 10
    polytypes = replace(
        data,
        ids=data.ids[rows],
        target=data.target[rows],
        structures=data.structures.take(rows),
        compositions=data.structures.take(rows).compositions,
    )
    found = audit_folds(polytypes, halves(polytypes, [0]))
    assert touched(found, "near_duplicate") == 1
    assert touched(found, "structure") == 0
    example = next(one for one in found.examples if one.kind == "near_duplicate")
    assert example.test_target == pytest.approx(example.train_target, abs=0.01)


def test_a_formula_split_parts_no_composition() -> None:
    data = datasets.load("mp_bulk_modulus")
    mixed = audit_folds(data, splits.make(data, Split("random", 5, 0)), kinds=["composition"])
    parted = audit_folds(data, splits.make(data, Split("formula", 5, 0)), kinds=["composition"])
    # By hand: rows whose formula is among the other folds'.
    formulas = np.array(data.formulas)
    for fold, by_fold in zip(splits.make(data, Split("random", 5, 0)), mixed.touched, strict=True):
        known = set(formulas[fold.train])
        assert by_fold.rows["composition"] == sum(formula in known for formula in formulas[fold.test])
    assert mixed.share() > 0.01
    assert parted.share() == 0.0


def test_near_duplicates_of_alloys_differ_in_one_atom_of_a_hundred() -> None:
    alloys = compositions(
        ["Bi2Te3", "Bi2Te2.98Se0.02", "Bi2Te2.5Se0.5", "GaAs", "Ga2As2", "Ga0.995In0.005As"],
        [0.15, 0.151, 0.2, 1.42, 1.42, 1.41],
    )
    found = audit_folds(alloys, halves(alloys, [1, 2, 4, 5]))
    assert pairs_of(found, "composition") == [("row-4", "row-3")]
    assert sorted(pairs_of(found, "near_duplicate")) == [("row-1", "row-0"), ("row-5", "row-3")]
    assert pairs_of(found, "equal_target") == [("row-4", "row-3")]
    assert touched(found, ANY) == 3


def test_equal_targets_of_near_duplicates_count() -> None:
    alloys = compositions(["Bi2Te3", "Bi2Te2.98Se0.02", "SiO2", "SiC"], [0.15, 0.15, 0.7, 0.7])
    found = audit_folds(alloys, halves(alloys, [1, 3]))
    assert pairs_of(found, "equal_target") == [("row-1", "row-0")]


def test_a_target_that_many_rows_share_is_no_leak() -> None:
    formulas = [f"Al{row}O{row + 1}" for row in range(1, 41)]
    metals = compositions([*formulas, "Al2O4", "AlO2"], [*np.linspace(1, 2, 20), *[0.0] * 20, 0.0, 0.0])
    found = audit_folds(metals, halves(metals, [41]))
    assert touched(found, "composition") == 1
    assert touched(found, "equal_target") == 0
    assert any("22 rows have a target that is too common" in note for note in found.notes)


def test_the_two_equal_irises_are_found() -> None:
    flowers = datasets.load("iris")
    assert flowers.table is not None
    first, second = np.flatnonzero(flowers.table.duplicated(keep=False))
    found = audit_folds(flowers, halves(flowers, [int(second), 3]))
    assert pairs_of(found, "row") == [(str(flowers.ids[second]), str(flowers.ids[first]))]
    assert touched(found, ANY) == 1
    assert any("Classes" in note for note in found.notes)


def test_near_duplicates_of_a_table(diabetes: Dataset) -> None:
    assert diabetes.table is not None
    spread = diabetes.table.std(ddof=0)
    twins = diabetes.table.iloc[:3] + np.outer([0.005, 0.02, 0.0], spread)
    copied = replace(
        diabetes,
        ids=np.array([*diabetes.ids, "near", "far", "equal"]),
        target=np.concatenate([diabetes.target, diabetes.target[:1], diabetes.target[1:2], diabetes.target[2:3]]),
        table=pd.concat([diabetes.table, twins], ignore_index=True),
    )
    found = audit_folds(copied, halves(copied, [120, 121, 122]))
    assert pairs_of(found, "row") == [("equal", "patient-2")]
    assert pairs_of(found, "near_duplicate") == [("near", "patient-0")]
    assert sorted(pairs_of(found, "equal_target")) == [("equal", "patient-2"), ("near", "patient-0")]


def test_rows_of_a_table_differ_by_category_and_by_what_is_missing(diabetes: Dataset) -> None:
    table = pd.DataFrame(
        {
            "T": [300.0, 300.0, 300.0, np.nan, np.nan, 0.0],
            "phase": ["bcc", "fcc", "bcc", None, None, None],
        }
    )
    data = replace(diabetes, ids=diabetes.ids[:6], target=diabetes.target[:6], table=table)
    found = audit_folds(data, halves(data, [2, 4, 5]))
    assert sorted(pairs_of(found, "row")) == [("patient-2", "patient-0"), ("patient-4", "patient-3")]
    assert touched(found, "near_duplicate") == 0


def test_a_hundred_thousand_equal_formulas_are_one_label() -> None:
    many = compositions(["TiO2", "Ti2O4"] * 50_000, np.arange(100_000.0).tolist())
    found = audit_folds(many, halves(many, list(range(1000))))
    assert touched(found, "composition") == 1000
    assert touched(found, "equal_target") == 0


def predicted(dataset: Dataset, folds: tuple[Fold, ...], error: np.ndarray) -> pd.DataFrame:  # type: ignore[type-arg]
    rows = np.concatenate([fold.test for fold in folds])
    return pd.DataFrame(
        {
            "preset": "quick", "seed": 0, "model": "mine", "features": "core", "id": dataset.ids[rows],
            "fold": np.repeat([fold.index for fold in folds], [len(fold.test) for fold in folds]),
            "y_true": dataset.target[rows], "y_pred": dataset.target[rows] + error[rows],
        }
    )  # fmt: skip


def of_kind(found: Audit, kind: str) -> Any:
    return next(one for one in found.errors if one.kind == kind)


def test_an_entrant_that_knows_touched_rows_is_told() -> None:
    formulas = [f"Al{row}O{row + 1}" for row in range(1, 201)]
    data = compositions([*formulas, *formulas[:60]], np.random.default_rng(0).random(260).tolist())
    folds = halves(data, list(range(100, 260)))
    knows = np.zeros(260, bool)
    knows[200:] = True
    noise = np.abs(np.random.default_rng(1).normal(size=260))
    found = audit_folds(data, folds, predicted(data, folds, np.where(knows, 0.5, 1.0) * noise), kinds=["composition"])
    told = of_kind(found, "composition")
    assert (told.touched_rows, told.clean_rows) == (60, 100)
    assert told.touched == pytest.approx(0.5 * noise[200:].mean())
    assert told.clean == pytest.approx(noise[100:200].mean())
    assert told.low < told.difference < told.high < 0
    assert told.tells
    same = audit_folds(data, folds, predicted(data, folds, noise), kinds=["composition"])
    assert of_kind(same, "composition").low < 0 < of_kind(same, "composition").high


def test_of_three_touched_rows_nothing_is_claimed() -> None:
    formulas = [f"Al{row}O{row + 1}" for row in range(1, 101)]
    data = compositions([*formulas, *formulas[:3]], np.arange(103.0).tolist())
    folds = halves(data, list(range(50, 103)))
    error = np.where(np.arange(103) < 100, 1.0, 0.0)
    told = of_kind(audit_folds(data, folds, predicted(data, folds, error), kinds=["composition"]), "composition")
    assert (told.touched_rows, told.touched, told.clean) == (3, 0.0, 1.0)
    assert math.isnan(told.low)
    assert not told.tells


def test_sixty_rows_of_one_composition_count_as_one() -> None:
    formulas = [f"Al{row}O{row + 1}" for row in range(1, 101)]
    data = compositions([*formulas, *["AlO2"] * 60], np.arange(160.0).tolist())
    folds = halves(data, list(range(50, 160)))
    told = of_kind(audit_folds(data, folds, predicted(data, folds, np.ones(160)), kinds=["composition"]), "composition")
    assert (told.touched_rows, told.clean_rows) == (60, 50)
    assert math.isnan(told.low)


def test_the_interval_is_that_of_the_difference_of_means() -> None:
    """Where every row is a group of its own, it is close to the normal one."""
    formulas = [f"Al{row}O{row + 1}" for row in range(1, 401)]
    data = compositions([*formulas, *formulas], np.arange(800.0).tolist())
    folds = halves(data, list(range(200, 600)))
    error = np.random.default_rng(0).exponential(size=800)
    found = find(data, folds)
    masks = {kind: [np.arange(200, 600) >= 400] for kind in ("composition", ANY)}
    told = compare(data, folds, masks, np.arange(800), predicted(data, folds, error))[0]
    assert found.twins[0].partners(folds[0])[0] >= 0
    touched_errors, clean_errors = error[400:600], error[200:400]
    width = 1.96 * np.sqrt(touched_errors.var(ddof=1) / 200 + clean_errors.var(ddof=1) / 200)
    assert told.low == pytest.approx(told.difference - width, abs=0.15 * width)
    assert told.high == pytest.approx(told.difference + width, abs=0.15 * width)


def test_an_audit_of_a_run_is_kept_beside_its_board(diabetes: Dataset, tmp_path: Path) -> None:
    ran = api.run(diabetes, models=["dummy", "knn"], preset="quick", folds=3, seed=5, jobs=1, out=tmp_path)
    found = audit(diabetes, runs=tmp_path)
    assert (found.split, found.folds, found.split_seed) == ("random", 3, 5)
    assert {one.model for one in found.errors} == {"dummy", "knn"}
    assert {one.clean_rows for one in found.errors} == {120}
    kept = json.loads(ran.page.with_suffix(".audit.json").read_text())
    assert kept["verdict"] == found.verdict
    assert kept["folds_sha256"] == found.folds_sha256
    assert len(kept["errors"]) == len(found.errors)
    assert kept["errors"][0]["low"] is None
    other = audit(diabetes, split="random", seed=6, runs=tmp_path)
    assert other.errors == ()
    assert any("on these very folds" in note for note in other.notes)


def test_what_cannot_be_used_is_refused(diabetes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'near_duplicate'"):
        audit(diabetes, kinds=["near_duplicates"])
    with pytest.raises(InputError, match="no kinds"):
        audit(diabetes, kinds=[])
    with pytest.raises(InputError, match="no runs at"):
        audit(diabetes, runs=tmp_path / "nowhere")
    api.run(diabetes, models=["dummy"], preset="quick", jobs=1, out=tmp_path)
    with pytest.raises(UnknownNameError, match="dataset in these runs 'iris'"):
        audit("iris", runs=tmp_path)


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (1e-6, "<0.01%"), (0.0005, "0.05%"), (0.25, "25.0%")])
def test_few_rows_of_many_are_not_none(share: float, text: str) -> None:
    assert percent(share) == text


def test_the_command_prints_what_it_finds_and_fails_over_a_percentage(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from automat.cli import app

    table = tmp_path / "alloys.csv"
    formulas = [f"Al{row}O{row % 7 + 1}" for row in range(1, 60, 2)]
    rows = [f"{formula},{place * 0.37:.2f}" for place, formula in enumerate([*formulas, *formulas[:15]])]
    table.write_text("formula,gap\n" + "\n".join(rows))
    asked = ["audit", "--dataset", str(table), "--split", "random", "--folds", "3", "--seed", "1"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "are touched by training rows (" in done.stdout
    assert "same composition: its reduced formula is that of a training row" in done.stdout
    assert CliRunner().invoke(app, [*asked, "--fail-over", "5"]).exit_code == 1
    assert CliRunner().invoke(app, [*asked, "--fail-over", "100"]).exit_code == 0
    assert CliRunner().invoke(app, [*asked, "--fail-over", "0", "--kinds", "equal_target"]).exit_code == 0
    by_formula = [*asked, "--fail-over", "0", "--kinds", "composition"]
    by_formula[by_formula.index("random")] = "formula"
    done = CliRunner().invoke(app, by_formula)
    assert done.exit_code == 0
    assert "no test row is touched" in done.stdout


def test_the_command_compares_entrants(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from automat.cli import app

    api.run("iris", models=["dummy", "knn"], preset="quick", folds=5, jobs=1, out=tmp_path)
    done = CliRunner().invoke(app, ["audit", "--dataset", "iris", "--runs", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "error rate, touched" in done.stdout
    assert "too few to tell" in done.stdout
    assert "For certain less error on touched than on clean rows: no entrant." in done.stdout
