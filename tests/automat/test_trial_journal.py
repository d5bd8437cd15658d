"""A search that was killed goes on where it was, and finds what it would have found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import optuna
import pytest

from automat import trial_journal
from automat.core import Model
from automat.trial_journal import SET_ASIDE, TrialJournal
from automat.tuning import Search, Watch, search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TRIALS = 9


class Killed(BaseException):
    """Ends a search as a kill would: nothing is tidied up."""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_journal, "KEEP_AFTER_SECONDS", 0.0)


MODEL = Model(
    name="valley",
    build=lambda _params, _seed: None,
    space=lambda trial: {
        "x": trial.suggest_float("x", 1e-4, 1.0, log=True),
        "depth": trial.suggest_int("depth", 1, 12),
        "kind": trial.suggest_categorical("kind", ["flat", "steep", None]),
    },
    defaults={"x": 0.5, "depth": 3, "kind": "flat"},
)


class Valley:
    """Something to search: it fails here, is not defined there, ends early, and is killed when it is told to be."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.kill_at = kill_at
        self.fitted: list[dict[str, Any]] = []

    def __call__(self, params: dict[str, Any], watch: Watch | None = None) -> Mapping[str, float]:
        if self.kill_at == len(self.fitted):
            raise Killed
        self.fitted.append(params)
        value = abs(params["x"] - 0.01) + abs(params["depth"] - 7) / 10 + (params["kind"] != "steep") / 3
        if params["depth"] == 12:
            raise ValueError("too deep")
        if watch is not None:
            for epoch in range(1, 9):
                watch(epoch, 0.0, value + 1 / epoch)
        return {"mae": float("nan") if params["depth"] == 11 else value, "rmse": value / 3}


def look(
    objective: Valley, path: Path | None, *, seed: int = 5, prune_after: int | None = None, about: str = ""
) -> Search:
    journal = None if path is None else TrialJournal(path, about)
    return search(MODEL, "regression", objective, trials=TRIALS, seed=seed, prune_after=prune_after, journal=journal)


def same(found: Search) -> Search:
    """All that must not differ: not the time it took."""
    return replace(found, seconds=0.0, history=tuple(json.dumps(row, sort_keys=True) for row in found.history))  # type: ignore[misc]


@pytest.mark.parametrize("prune_after", [None, 2])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kill_at", [0, 1, 4, 8])
def test_a_killed_search_goes_on_and_finds_the_same(
    tmp_path: Path, kill_at: int, seed: int, prune_after: int | None
) -> None:
    path = tmp_path / "partial" / "cell.journal"
    undisturbed = Valley()
    expected = look(undisturbed, None, seed=seed, prune_after=prune_after)
    with pytest.raises(Killed):
        look(Valley(kill_at), path, seed=seed, prune_after=prune_after)
    again = Valley()
    found = look(again, path, seed=seed, prune_after=prune_after)
    assert same(found) == same(expected)
    assert again.fitted == undisturbed.fitted[kill_at:]


def test_killed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "cell.journal"
    fits = 0
    for _ in range(4):
        objective = Valley(kill_at=2)
        with pytest.raises(Killed):
            look(objective, path)
        fits += len(objective.fitted)
    last = Valley()
    assert same(look(last, path)) == same(look(Valley(), None))
    assert fits + len(last.fitted) == TRIALS
    once_more = Valley()
    look(once_more, path)
    assert once_more.fitted == []


def test_the_time_of_an_earlier_process_counts(tmp_path: Path) -> None:
    path = tmp_path / "cell.journal"
    with pytest.raises(Killed):
        look(Valley(kill_at=3), path)
    path.write_text(re.sub(r'"seconds":[^,}]+', '"seconds":1000.0', path.read_text()))
    assert look(Valley(), path).seconds > 3000


def test_a_quick_search_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_journal, "KEEP_AFTER_SECONDS", 60.0)
    look(Valley(), tmp_path / "cell.journal")
    assert not list(tmp_path.iterdir())


def written(path: Path) -> bytes:
    with pytest.raises(Killed):
        look(Valley(kill_at=5), path)
    return path.read_bytes()


GARBLED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _content: b"",
    "half a line": lambda content: content[: len(content) * 2 // 3],
    "flipped": lambda content: bytes(byte ^ 0x55 for byte in content),
    "one byte": lambda content: content[: len(content) // 2] + b"\x00" + content[len(content) // 2 + 1 :],
    "another's parameters": lambda content: content.replace(b'"depth":', b'"deep":'),
    "an unfinished trial": lambda content: content.replace(b'"state":1', b'"state":0'),
    "no seconds": lambda content: content.replace(b'"seconds"', b'"minutes"'),
    "words for numbers": lambda content: content.replace(b'"mae":', b'"mae":"low","x":'),
    "a list": lambda content: b"[]\n" * content.count(b"\n"),
    "null": lambda content: b"null\n" * content.count(b"\n"),
    "twice": lambda content: content + content,
    "lines shuffled": lambda content: b"\n".join(reversed(content.splitlines())) + b"\n",
    "a pickle": lambda _content: b"\x80\x04c__builtin__\neval\n(V1/0\ntR.",
}


@pytest.mark.parametrize("how", sorted(GARBLED))
def test_a_garbled_journal_never_decides(tmp_path: Path, how: str) -> None:
    path = tmp_path / "cell.journal"
    path.write_bytes(GARBLED[how](written(path)))
    expected = look(Valley(), None)
    again = Valley()
    assert same(look(again, path)) == same(expected)
    assert len(again.fitted) >= TRIALS - 5
    if how != "half a line":
        assert path.with_name(path.name + SET_ASIDE).is_file()
    assert look(Valley(), path).params == expected.params  # and what was written instead is whole


@pytest.mark.parametrize("change", ["about", "seed"])
def test_a_journal_of_another_search_is_set_aside(tmp_path: Path, change: str) -> None:
    path = tmp_path / "cell.journal"
    written(path)
    given: dict[str, Any] = {"about": "other libraries"} if change == "about" else {"seed": 6}
    again = Valley()
    found = look(again, path, **given)
    assert same(found) == same(look(Valley(), None, seed=given.get("seed", 5)))
    assert path.with_name(path.name + SET_ASIDE).is_file()


def test_optuna_reads_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "cell.journal"
    written(path)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
    study = optuna.load_study(storage=storage, study_name="search")
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3, 4]
    assert study.trials[0].params == MODEL.defaults


def test_where_nothing_can_be_written_the_search_goes_on(tmp_path: Path) -> None:
    (tmp_path / "partial").write_text("a file, where a folder would be")
    assert same(look(Valley(), tmp_path / "partial" / "cell.journal")) == same(look(Valley(), None))
