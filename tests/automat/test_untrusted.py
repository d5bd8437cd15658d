"""What comes from others: names never leave their folder, never become markup or formulas, and nothing is unpickled."""

from __future__ import annotations

import ast
import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import automat_featurizers
import automat_leaderboards
import automat_reports
import pytest

import automat
from automat import api
from automat.core import Split
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automat.core import Dataset

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

GIVEN: dict[str, Any] = {"models": ["dummy", "linear"], "preset": "quick", "trials": 1, "jobs": 1}

EVIL = "<script>alert(1)</script>"
NAMES = (
    "../../x", "..", ".", "/etc/passwd", "a/../../b", "~root", "C:\\windows", "con", "-rf", ".hidden", " ", "",
    "a" * 300, "x\ny", "x\0y", "\u202egpj", EVIL,
)  # fmt: skip


def everything_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("name", NAMES)
def test_no_path_leaves_the_folder(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "runs")
    split = Split(name, 2, 0, sha256="ab" * 32)
    row = {"dataset": name, "preset": name, "split": name, "folds": 2} | dict.fromkeys(
        ("dataset_sha256", "target", "split_seed", "seed", "folds_sha256"), name
    )
    for path in (store.folder(name), store.page(row), store.folds_path(name, split), store.partial_folder(name)):
        assert "\0" not in str(path)
        inside = path.resolve().relative_to(store.root.resolve())
        assert len(inside.parts) >= 1
        assert all(len(part.encode()) <= 255 for part in inside.parts)
    assert store.folder(name).parent == store.root


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "", "x\0y", EVIL])
def test_a_name_stays_in_its_folder(diabetes: Dataset, tmp_path: Path, name: str) -> None:
    out = tmp_path / "some" / "where" / "runs"
    out.mkdir(parents=True)
    before = everything_below(tmp_path)
    result = api.run(replace(diabetes, name=name), out=out, **GIVEN)
    assert (result.computed, result.failed) == (4, 0)
    made = everything_below(tmp_path) - before
    assert made
    assert all(out in path.resolve().parents for path in made)
    # One folder of its own, with the same depth whatever its name.
    assert [path.name for path in out.iterdir() if path.is_dir() and path.name != "cache"] == [result.page.parent.name]
    assert api.run(replace(diabetes, name=name), out=out, **GIVEN).reused == 4


def test_a_target_and_ids_stay_in_their_folder(diabetes: Dataset, tmp_path: Path) -> None:
    ids = diabetes.ids.copy().astype("U40")
    ids[:3] = ["../../../x", "/etc/passwd", "a\\..\\b"]
    out = tmp_path / "some" / "runs"
    api.run(replace(diabetes, ids=ids, target_name="../../../y"), out=out, **GIVEN)
    assert {path.name for path in tmp_path.iterdir()} == {"some"}
    assert {path.name for path in (tmp_path / "some").iterdir()} == {"runs"}


@pytest.fixture
def hostile(tmp_path: Path) -> api.RunResult:
    """A table whose every name is made to do harm."""
    table = tmp_path / f"{EVIL.replace('/', '')}.csv"
    rows = "".join(f'"=1+{row}{EVIL}",{row},{row % 7}.5\n' for row in range(40))
    table.write_text(f'id,"@x{EVIL}","=cmd|y{EVIL}"\n' + rows)
    models = tmp_path / "entrants.py"
    models.write_text(
        "from sklearn.linear_model import Ridge\nfrom automat import Model\n"
        f"MODELS = [Model(name='plain', title='=HYPERLINK(1){EVIL}', citation='{EVIL}', handles_missing=True, "
        "build=lambda params, seed: Ridge())]\n"
    )
    given = GIVEN | {"models": ["dummy", "linear", str(models)]}
    return api.run(table, target=f"=cmd|y{EVIL}", out=tmp_path / "runs", command=f"automat run {EVIL}", **given)


def test_names_are_escaped_in_pages(hostile: api.RunResult) -> None:
    for page in (hostile.page, hostile.page.parents[1] / "index.html"):
        text = page.read_text()
        assert "alert(1)" in text
        assert "<script>alert" not in text


def test_names_are_no_formulas_in_exports(hostile: api.RunResult) -> None:
    rows = list(csv.reader(io.StringIO(automat_leaderboards.to_csv(hostile.board))))
    cells = [cell for row in rows for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    for cell in cells:
        assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
        assert not cell.startswith("-") or float(cell) < 0, cell
    assert "<script>" not in automat_leaderboards.to_markdown(hostile.board)


# A file that reads a pickle, and why that is no one else's: written by this very run, or allowed by its user.
UNPICKLING = {
    "automat/check.py": "packed by its own worker",
    "automat/contract.py": "what it has just written",
    "automat/persist.py": "only where the user allows it, for a file of their own",
    "automat/executors/local.py": "the job, which this run has written for its own workers",
    "automat/executors/parcels.py": "by content: what this run has sent, found by its digest",
    "automat/executors/workers.py": "results, which a worker of this run has written",
    "automat_featurizers/workers.py": "calls, which the parent of the worker has written",
}
LOADERS = {"loads", "load", "Unpickler", "read_pickle"}
MODULES = {
    "pickle",
    "cloudpickle",
    "joblib",
    "dill",
    "torch",
    "np",
    "numpy",
    "yaml",
    "pd",
    "pandas",
    "shelve",
    "marshal",
}


def is_safe(call: ast.Call) -> bool:
    """Whether a loader was told to run no code."""
    said = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
    return said.get("weights_only") is True or said.get("allow_pickle") is False


def loads(source: str) -> Iterator[str]:
    """Calls that may run code from what they read."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any("Unpickler" in ast.unparse(base) for base in node.bases):
            yield ast.unparse(node).partition("\n")[0]
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module = node.func.value
        if isinstance(module, ast.Name) and module.id in MODULES and node.func.attr in LOADERS and not is_safe(node):
            yield ast.unparse(node)


def test_the_search_for_unpickling_finds_it() -> None:
    bad = "torch.load(x)\npickle.loads(y)\nnp.load(z)\npd.read_pickle(z)\nclass A(pickle.Unpickler): pass"
    good = "torch.load(x, weights_only=True)\nnp.load(z, allow_pickle=False)\njson.loads(y)\npickle.dumps(y)"
    assert len(list(loads(bad))) == 5
    assert list(loads(good)) == []


@pytest.mark.parametrize("package", [automat, automat_featurizers, automat_leaderboards, automat_reports])
def test_nothing_is_unpickled_that_a_user_did_not_make_in_the_same_run(package: Any) -> None:
    root = Path(package.__file__).parent
    found = {
        f"{root.name}/{path.relative_to(root).as_posix()}": calls
        for path in root.rglob("*.py")
        if (calls := list(loads(path.read_text(encoding="utf-8"))))
    }
    assert found.keys() <= UNPICKLING.keys(), {name: found[name] for name in found.keys() - UNPICKLING.keys()}
