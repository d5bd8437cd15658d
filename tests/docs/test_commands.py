"""Every command of the documentation: it is one, with options and names that exist, and it runs as it stands there.

A page's blocks are run in their order in one folder, which holds what a reader of the page has. A comment above a
block says what is special about it: ``<!-- docs-test: long -->``, minutes: only the long tests run it; ``exit 1`` or
``exit 0 or 1``, what it gives back; ``not run: WHY``, its commands are only read; ``printed``, a text that the block
before it prints, in which only numbers may differ.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from automat import cli_models, datasets
from automat.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
)

SHELL, PYTHON, FILE = "bash", "python", "file"
SYNONYMS = {"sh": SHELL, "shell": SHELL, "console": SHELL, "py": PYTHON, "yml": "yaml"}
COMMANDS = re.compile(r"^(?:automat|make|pip|python3?)\s", re.MULTILINE)
FENCE = re.compile(
    r"(?:^ *<!-- docs-test: (?P<marks>[^\n]+?) -->\n\n?)?"
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
SEPARATORS = {"&&", "||", ";", "|", "&", "(", ")"}
KEYWORDS = {"do", "then", "else", "time", "exec", "!"}

OTHERS = {"--tls-ca-file", "--tls-cert", "--tls-key"}
"""Options of other programs that pages speak of: Dask's."""

GIVEN = """\
from pathlib import Path
import automat
structures = automat.datasets.load("mp_dielectric").structures.take(range(12))
folder = Path("features")
"""
"""What a Python block may speak of without saying where it is from: crystals, and a folder."""


@dataclass(frozen=True)
class Block:
    """A fenced block: ``bash``, ``python``, ``file`` (Python that belongs into the file it names), ``text``, ...."""

    page: str
    line: int
    language: str
    text: str
    marks: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_long(self) -> bool:
        return "long" in self.marks.split(", ")

    @property
    def is_run(self) -> bool:
        return self.language in {SHELL, PYTHON} and "not run" not in self.marks

    @property
    def exits(self) -> set[int]:
        found = re.search(r"exit ([\d or]+)", self.marks)
        return {int(code) for code in re.findall(r"\d+", found[1])} if found else {0}


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        content = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        language = SYNONYMS.get(match["language"], match["language"])
        if not language:
            language = SHELL if COMMANDS.search(content) else "text"
        if language == PYTHON and re.match(r"# [\w-]+\.py\n", content):
            language = FILE
        line = text.count("\n", 0, match.start("indent")) + 1
        found.append(Block(page, line, language, content, match["marks"] or ""))
    return found


def commands(text: str) -> Iterator[list[str]]:
    """The words of every command of a script, without its variables and redirections."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        reader = shlex.shlex(line, posix=True, punctuation_chars=True)
        reader.whitespace_split = True
        words: list[str] = []
        for word in [*reader, ";"]:
            if word not in SEPARATORS:
                words.append(word)
                continue
            while words and (words[0] in KEYWORDS or re.match(r"\w+=", words[0])):
                words = words[1:]
            end = next((place for place, each in enumerate(words) if re.fullmatch(r"[<>]+&?", each)), len(words))
            if words[:end]:
                yield words[:end]
            words = []


def scripts(block: Block) -> Iterator[str]:
    """The shell scripts of a block: itself, or the steps of a workflow."""
    if block.language == SHELL:
        yield block.text
    if block.language == "yaml":
        todo = [yaml.safe_load(block.text)]
        while todo:
            each = todo.pop()
            if isinstance(each, dict):
                yield from (text for name, text in each.items() if name == "run" and isinstance(text, str))
                todo += each.values()
            elif isinstance(each, list):
                todo += each


def called(words: list[str]) -> tuple[Any, list[str], str]:
    """The command that is called, the words that it gets, and its name."""
    command, name, rest = typer.main.get_command(app), "automat", words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command {name} {rest[0]}"
        command, name, rest = command.commands[rest[0]], f"{name} {rest[0]}", rest[1:]
    return command, rest, name


def check_names(said: dict[str, Any]) -> None:
    """What is named exists: datasets, models, features, splits and presets."""
    from automat_featurizers import feature_set

    from automat.models import resolve
    from automat.presets import budget
    from automat.splits import default_folds

    known = {each.name for each in (*datasets.available(), *datasets.elsewhere())} | set(datasets.fetched())
    given = said.get("dataset") or []
    for name in [given] if isinstance(given, str) else given:
        assert name in known or re.search(r"[./$]", name) or name in SUPPLIED, f"no dataset {name!r}"
    if "preset" in said:
        budget(said["preset"])
    if said.get("split") not in {None, "ladder"}:
        default_folds(said["split"], 5)
    if said.get("features"):
        feature_set(said["features"])
    against = [said["against"]] if said.get("against") not in {None, "best"} else []
    entrants = (cli_models.entrants(said["models"]) or []) if said.get("models") else []
    resolve([name for name in (*entrants, *against) if not name.endswith(".py")])


def check_command(words: list[str], *, names: bool = True) -> None:
    """Refuse what is no command. ``names``: what it names must exist, too."""
    if words[0] == "automat":
        command, rest, name = called(words)
        if "--help" not in rest:
            with command.make_context(name, list(rest)) as context:
                if names:
                    check_names(context.params)
    elif words[0] == "make":
        targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        asked = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        assert set(asked) <= targets, f"no such target: {set(asked) - targets}"
    elif "pip" in words[:3] and "install" in words:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for word in words:
            for name in re.findall(r"[\w,]+(?=\]$)", word):
                assert set(name.split(",")) <= set(extras), f"no such extra: {word}"


def test_the_blocks_of_a_page_are_found() -> None:
    """The reader of pages itself: a page read wrongly would pass all that follows."""
    assert len([block for block in blocks("README.md") if block.language == SHELL]) >= 4
    assert [block.language for block in blocks("docs/how-to/my-own-model.md")].count(FILE) >= 5
    script = """A=1 automat run \\
      --dataset iris > log && make test | tail  # automat nothing
    for x in a; do automat models; done
    """
    assert list(commands(script)) == [
        ["automat", "run", "--dataset", "iris"], ["make", "test"], ["tail"],
        ["for", "x", "in", "a"], ["automat", "models"], ["done"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("automat runn --dataset iris", "runn"),
        ("automat run --dataset iris --mdels dummy", "mdels"),
        ("automat run --models dummy", "dataset"),
        ("automat run --dataset iriss", "iriss"),
        ("automat run --dataset iris --models dumy", "dumy"),
        ("automat run --dataset iris --split randm", "randm"),
        ("automat run --dataset iris --features magpi", "magpi"),
        ("automat run --dataset iris --preset fast", "fast"),
        ("automat gate m.py --dataset iris --against lightgmb", "lightgmb"),
        ("make tset", "tset"),
        ("pip install 'automat[taech]'", "taech"),
    ],
)
def test_a_wrong_command_is_found(line: str, wrong: str) -> None:
    with pytest.raises(BaseException, match=wrong):
        check_command(next(commands(line)))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_one(page: str) -> None:
    for block in blocks(page):
        for script in scripts(block):
            for words in commands(script):
                try:
                    check_command(words, names=block.exits != {2})
                except Exception as error:
                    raise AssertionError(f"{block.where}: {shlex.join(words)}: {error}") from error
        if block.language == "toml":
            tomllib.loads(block.text)
        if block.language == "text":
            assert not COMMANDS.search(block.text), f"{block.where}: a command in a block that is not run"


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_in_the_text_exist(page: str) -> None:
    """`automat run --split NAME` in a sentence has words for its values; its command and options are real."""
    root = typer.main.get_command(app)
    every = {option for command in below(root) for each in command.params for option in each.opts} | {"--help"} | OTHERS
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text):
        words = span.replace("\\|", "|").split()
        if words[:1] == ["automat"] and len(words) > 1 and words[1].islower() and "|" not in span:
            command, rest, name = called(words)
            known = {option for each in command.params for option in each.opts} | {"--help"}
            wrong = [word for word in rest if re.match(r"--\w", word) and word.partition("=")[0] not in known]
            assert not wrong, f"{page}: {name} has no {wrong}"
        elif span.startswith("--"):
            assert words[0].partition("=")[0] in every, f"{page}: no command has {words[0]}"


def below(command: Any) -> Iterator[Any]:
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from below(each)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(each.is_run and not each.is_long for each in blocks(page))]
)
def test_the_commands_of_a_page_run(page: str, scratch: Scratch) -> None:
    wanted = [block for block in blocks(page) if not block.is_long]
    assert scratch.run(wanted) == [block.where for block in wanted if block.is_run]


@pytest.mark.long
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("page", [page for page in PAGES if any(each.is_run and each.is_long for each in blocks(page))])
def test_the_long_commands_of_a_page_run(page: str, scratch: Scratch) -> None:
    assert scratch.run(blocks(page)) == [block.where for block in blocks(page) if block.is_run]


class Scratch:
    """The folder in which the blocks of a page are run."""

    def __init__(self, folder: Path, programs: Path, cache: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "AUTOMAT_CACHE": str(cache), "COLUMNS": "200",
        }  # fmt: skip

    def run(self, page: list[Block]) -> list[str]:
        """Where the blocks stand that were run, each with the exit code that it names."""
        output, ran = "", []
        for block in page:
            if block.language == FILE:
                (self.folder / block.text.split()[1]).write_text(block.text, encoding="utf-8")
            elif block.language == "text" and "printed" in block.marks:
                absent = [
                    line for line in without_numbers(block.text) if line not in "\n".join(without_numbers(output))
                ]
                assert not absent, f"{block.where}: not printed: {absent}\n{output}"
            elif block.is_run:
                output = self.call(block)
                ran.append(block.where)
        return ran

    def call(self, block: Block) -> str:
        """What a block prints.

        A block of minutes that is not marked as ``long`` is ended, and fails.
        """
        if block.language == SHELL:
            command = ["bash", "-euo", "pipefail", "-c", block.text]
        else:
            unsaid = re.search(r"\b(?:structures|folder)\b", block.text)
            command = [sys.executable, "-c", (GIVEN if unsaid else "") + block.text]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
            timeout=4 * 3600 if block.is_long else 1500,
        )  # fmt: skip
        assert done.returncode in block.exits, f"{block.where}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def without_numbers(text: str) -> list[str]:
    """Lines in which every number is a 0 and every gap one blank; ``...`` stands for what is left out."""
    lines = (
        re.sub(r"[\d.,]*\d|[─\s]+", lambda found: "0" if found[0].strip("─ \t") else " ", line).strip()
        for line in text.splitlines()
    )
    return [line for line in lines if line and line != "..."]


SUPPLIED = ("crystals", "new_crystals")
"""Folders that a page may name."""


@pytest.fixture(scope="session")
def lab() -> dict[str, str]:
    """Files of a laboratory: band gaps of every twelfth crystal of mp_band_gap, by name."""
    data = datasets.load("mp_band_gap")
    assert data.structures is not None
    assert data.formulas is not None
    rows = range(0, len(data), 12)
    kept = len(rows) - 16
    pairs = [f"{data.formulas[row]},{data.target[row]:g}" for row in rows]
    cifs = [data.structures[row].to(fmt="cif") for row in rows]
    return {
        "lab.csv": "\n".join(["formula,band_gap", *pairs[:kept], ""]),
        "new.csv": "\n".join(["formula", *(data.formulas[row] for row in rows[kept:]), ""]),
        "more.cif": cifs[-1],
        "new.cif": cifs[-2],
        "crystals/id_prop.csv": "".join(f"s{place},{data.target[row]:g}\n" for place, row in enumerate(rows[:kept])),
        **{f"crystals/s{place}.cif": cif for place, cif in enumerate(cifs[:kept])},
        **{f"new_crystals/n{place}.cif": cif for place, cif in enumerate(cifs[kept:])},
        "my_model.py": "from sklearn.linear_model import Lasso\n\nMODEL = Lasso(alpha=0.01)\n",
    }


@pytest.fixture
def scratch(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, lab: dict[str, str]) -> Scratch:
    """A folder with those files, and a checkout's boards. ``make`` and ``pip`` do nothing in it."""
    folder = tmp_path / "folder"
    for name, text in lab.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "leaderboards").symlink_to(ROOT / "leaderboards")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in (
        ("automat", f'exec "{sys.executable}" -m automat.cli "$@"'),
        ("python", f'exec "{sys.executable}" "$@"'),
        ("make", "exit 0"),
        ("pip", "exit 0"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # of all workers
    return Scratch(folder, programs, shared / "docs-cache")
