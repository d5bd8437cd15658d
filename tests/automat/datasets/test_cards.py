from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automat import datasets
from automat.core import InputError
from automat.datasets import card

LAB = "formula,gap,hardness\nNaCl,1.5,7\nMgO,7.8,8\nSi,1.1,9\nGe,0.7,3\nC,5.5,10\nSiC,2.4,9.5\n"
CARD = """\
name: house measurements
source: the lab next door
licence: CC BY 4.0
citation: Kim et al. (2026)
unit: eV
target: gap
notes:
  - measured at 300 K.
  - the sample of MgO was wet.
"""


def write(folder: Path, text: str, name: str = "lab.csv") -> Path:
    (folder / name).write_text(LAB)
    path = folder / "lab.yaml"
    path.write_text(text)
    return folder / name


def test_a_card_beside_a_file_says_what_the_file_does_not(tmp_path: Path) -> None:
    data = datasets.load(write(tmp_path, CARD))
    assert (data.name, data.unit, data.target_name) == ("house measurements", "eV", "gap")
    assert (data.source, data.licence, data.citation) == ("the lab next door", "CC BY 4.0", "Kim et al. (2026)")
    assert data.notes[:2] == ("measured at 300 K.", "the sample of MgO was wet.")


def test_a_unit_holds_for_its_target_alone(tmp_path: Path) -> None:
    path = write(tmp_path, CARD)
    assert datasets.load(path, target="hardness").unit == ""
    path = write(tmp_path, "unit: {gap: eV, hardness: Mohs}\n")
    units = [reading.dataset.unit for reading in datasets.read_each(path, target="all")]
    assert units == ["eV", "Mohs"]


def test_a_card_may_say_that_numbers_are_classes(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    path.write_text("x,y\n" + "".join(f"{row},{row % 2}\n" for row in range(20)))
    assert datasets.load(path, target="y").task == "classification"
    (tmp_path / "lab.yml").write_text("task: regression\ntarget: y\n")
    assert datasets.load(path).task == "regression"


def test_a_card_in_a_folder(tmp_path: Path) -> None:
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    for row in range(5):
        (tmp_path / f"c{row}.cif").write_text(whole.structures[row].to(fmt="cif"))
    (tmp_path / "id_prop.csv").write_text("".join(f"c{row},{row}.5\n" for row in range(5)))
    (tmp_path / "card.yaml").write_text("unit: eV/atom\nlicence: MIT\n")
    data = datasets.load(tmp_path)
    assert (data.unit, data.licence) == ("eV/atom", "MIT")


def test_an_unpacked_name_is_the_card_s(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "lab.csv.gz").write_bytes(gzip.compress(LAB.encode()))
    (tmp_path / "lab.yaml").write_text(CARD)
    assert datasets.load(tmp_path / "lab.csv.gz").licence == "CC BY 4.0"


def test_an_empty_card_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "# nothing yet\n")
    assert card.beside(path) == card.EMPTY
    write(tmp_path, "unit:\n")
    assert card.beside(path) == card.EMPTY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("licens: MIT\n", r"unknown field of card 'lab\.yaml' 'licens'. Did you mean 'licence'\?"),
        ("- a\n- b\n", r"card 'lab\.yaml' must be lines of 'field: text', but is a list"),
        ("unit: [eV]\n", "'unit' must be text, but is a list"),
        ("licence: yes\n", "'licence' must be text, but is a bool"),
        ("task: guess\n", r"unknown task of card 'lab\.yaml' 'guess'"),
        ("name: 'a\n", r"card 'lab\.yaml' is no YAML in line 2: found unexpected end of stream"),
        ("name: !!python/object/apply:os.system ['true']\n", "could not determine a constructor"),
        ("name: " + "x" * 3000, "'name' has 3,000 characters"),
        ("notes: " + "x" * 70_000, r"has 70,007 bytes; at most 65,536 are read"),
        ("[" * 5_000, "is no YAML"),
        ("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nunit: *c\n", "unknown field of card"),
        ("target: gup\n", "Did you mean 'gap'"),
    ],
)
def test_a_card_with_a_mistake_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        datasets.load(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_card_is_on_the_board_s_page(tmp_path: Path, command: Callable[..., str]) -> None:
    write(tmp_path, CARD.replace("house measurements", "<script>alert(1)</script>"))
    (tmp_path / "lab.csv").write_text("id,formula,gap\n" + "".join(f'"=1+{n}",NaCl{n},{n / 2}\n' for n in range(1, 13)))
    shown = command(
        "run", "--dataset", "lab.csv", "--models", "dummy,linear", "--preset", "quick", "--split", "random",
        "--jobs", "1",
    )  # fmt: skip
    page = Path(tmp_path, shown.rpartition("leaderboard: ")[2].strip()).read_text()
    index = (tmp_path / "automat-runs" / "index.html").read_text()
    for said in ("the lab next door", "CC BY 4.0", "Kim et al. (2026)", "the sample of MgO was wet."):
        assert said in page
    assert "<script>alert(1)" not in page
    assert "<script>alert(1)" not in index
    inside = [each for each in (tmp_path / "automat-runs").rglob("*") if "alert" in each.name]
    assert inside
    assert all("<" not in each.name for each in inside)
    command("leaderboard", "--csv", "board.csv")
    lines = (tmp_path / "board.csv").read_text().splitlines()
    assert not any(cell.startswith(("=", "+", "@")) for line in lines for cell in line.split(","))
