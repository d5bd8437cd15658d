from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automat import datasets
from automat.core import InputError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "cgcnn"


def make(folder: Path, lines: str) -> Path:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    for row in range(6):
        (folder / f"crystal-{row}.cif").write_text(whole.structures[row].to(fmt="cif"))
    (folder / "id_prop.csv").write_text(lines)
    return folder


LINES = "".join(f"crystal-{row},{row + 0.5}\n" for row in range(6))


def test_a_folder_in_cgcnn_s_layout(tmp_path: Path) -> None:
    dataset = datasets.load(make(tmp_path, LINES))
    assert (len(dataset), dataset.inputs, dataset.task) == (6, "structures", "regression")
    assert dataset.target.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


@pytest.mark.parametrize(
    ("lines", "note"),
    [
        (
            LINES + "absent,9.5\n",
            "1 of 7 rows were set aside, their structure could not be read (first: absent: no absent.cif).",
        ),
        (LINES + "../outside,9.5\n", "the id names a file outside the folder"),
    ],
)
def test_what_cannot_be_read_is_counted(tmp_path: Path, lines: str, note: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside.cif").write_text("data_x")
    dataset = datasets.load(make(inside, lines))
    assert len(dataset) == 6
    assert any(note in each for each in dataset.notes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "id_prop.csv in .* is empty"),
        ("crystal-0\n", "has 1 column; two are needed: id, target"),
        ("crystal-0,1\ncrystal-0,2\n", "ids must be unique"),
        ("a,1.5\nb,2.5\nc,3.5\nd,4.5\n", "no structure could be read"),
    ],
)
def test_bad_folders_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        datasets.load(make(tmp_path, lines))


@pytest.mark.parametrize("noise", [b"\n\n", b"\xff\xfe\x00,1\n", b'"open,1\n', b"a,1\nb,2,3,4\n"])
def test_a_garbled_listing_is_one_message(tmp_path: Path, noise: bytes) -> None:
    (tmp_path / "id_prop.csv").write_bytes(noise)
    with pytest.raises(InputError) as caught:
        datasets.load(tmp_path)
    assert "id_prop.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_crystals_may_be_links_and_ids_have_leading_zeros(tmp_path: Path) -> None:
    store, inside = tmp_path / "store", tmp_path / "inside"
    store.mkdir()
    inside.mkdir()
    make(store, LINES)
    for row in range(6):
        (inside / f"00{row}.cif").symlink_to(store / f"crystal-{row}.cif")
    (inside / "id_prop.csv").write_text("".join(f"00{row},{row + 0.5}\n" for row in range(6)))
    dataset = datasets.load(inside)
    assert dataset.ids.tolist() == [f"00{row}" for row in range(6)]


def test_a_folder_s_target_is_not_chosen(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a folder has one target, the second column of id_prop\.csv"):
        datasets.load(make(tmp_path, LINES), target="gap")


def test_a_folder_without_a_listing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no id_prop\.csv"):
        datasets.load(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the CGCNN sample folders are not on this machine")
@pytest.mark.parametrize(
    ("name", "task"), [("sample-regression", "regression"), ("sample-classification", "classification")]
)
def test_the_reference_implementation_s_samples_load(name: str, task: str) -> None:
    dataset = datasets.load(SHARED / name)
    assert (len(dataset), dataset.task) == (10, task)


def tabled(folder: Path, text: str, name: str = "targets.csv") -> Path:
    make(folder, "")
    (folder / "id_prop.csv").unlink()
    (folder / name).write_text(text)
    return folder


TABLE = "material_id,gap,phase\n" + "".join(f"crystal-{row}{'.cif' * (row % 2)},{row + 0.5},a\n" for row in range(6))


def test_a_table_of_targets_in_the_folder(tmp_path: Path) -> None:
    data = datasets.load(tabled(tmp_path, TABLE), target="gap")
    assert (data.inputs, data.target_name, data.ids[1]) == ("structures", "gap", "crystal-1")
    assert data.target.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert data.extra is not None
    assert data.extra["phase"].tolist() == ["a"] * 6


def test_a_table_of_targets_beside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "crystals"
    folder.mkdir()
    tabled(folder, TABLE).joinpath("targets.csv").rename(tmp_path / "crystals.csv")
    assert len(datasets.load(folder, target="gap")) == 6


def test_a_table_of_targets_with_ids_named_by_hand_and_several_targets(tmp_path: Path) -> None:
    folder = tabled(tmp_path, TABLE.replace("material_id", "file").replace("phase", "hardness").replace(",a", ",7.5"))
    columns = datasets.Columns(id="file")
    with pytest.raises(InputError, match=r"has no column of ids .* name it with --id"):
        datasets.load(folder, target="gap")
    (folder / "targets.csv").write_text((folder / "targets.csv").read_text().replace("0,0.5,7.5", "0,0.5,8.5"))
    names = [each.dataset.target_name for each in datasets.read_each(folder, target="all", columns=columns)]
    assert names == ["gap", "hardness"]


def test_a_table_beside_crystals_that_is_not_the_only_one(tmp_path: Path) -> None:
    folder = tabled(tmp_path, TABLE)
    (folder / "more.csv").write_text(TABLE)
    with pytest.raises(InputError, match=r"has 2 tables .more\.csv, targets\.csv.; one of targets is allowed"):
        datasets.load(folder, target="gap")


def test_ids_of_a_table_stay_in_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    folder = tabled(inside, TABLE + "../outside,9.5,a\n")
    (tmp_path / "outside.cif").write_text((folder / "crystal-0.cif").read_text())
    reading = datasets.read(folder, target="gap")
    assert reading.unreadable == {"../outside": "the id names a file outside the folder"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the CGCNN sample folders are not on this machine")
def test_the_reference_implementation_s_sample_runs_as_it_is(command: Callable[..., str]) -> None:
    shown = command(
        "run", "--dataset", str(SHARED / "sample-regression"), "--models", "dummy,linear", "--features", "magpie",
        "--preset", "quick", "--jobs", "1",
    )  # fmt: skip
    assert "read sample-regression: 10 of 10 rows, structures, regression; id 'id', target 'target'" in shown
    assert "0 failed" in shown
    assert "leaderboard: " in shown
