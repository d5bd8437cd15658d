"""A page that follows the run, and one that does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automat import api, pages
from automat.core import InputError

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

RELOAD = "location.reload()"


class Onlooker:
    """Reads the page whenever a cell has ended."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.seen: list[str] = []

    def featurizing(self, done: int, total: int) -> None:
        pass

    def start_cells(self, total: int, done: int) -> None:
        pass

    def running(self, _cells: Any) -> None:
        self.seen += [path.read_text() for path in self.runs.glob("lab/*.html")]

    def finished(self, record: Any) -> None:
        pass


def run(folder: Path, *, watch: bool) -> tuple[list[str], str]:
    """The pages that stood there while it ran, and the one that stands there at last."""
    (folder / "lab.csv").write_text("x,y\n" + "".join(f"{row},{row % 7}.5\n" for row in range(40)))
    onlooker = Onlooker(folder / "runs")
    given: Any = {"target": "y", "models": ["dummy", "linear"], "preset": "quick", "trials": 1, "jobs": 1}
    result = api.run(folder / "lab.csv", out=folder / "runs", watch=watch, progress=onlooker, **given)
    return onlooker.seen, result.page.read_text()


def test_a_watched_page_loads_itself_again_until_the_run_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "RENDER_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(pages, "RENDER_SHARE", 1e9)
    meanwhile, last = run(tmp_path, watch=True)
    assert meanwhile
    assert all(RELOAD in page for page in meanwhile)
    assert RELOAD not in last


def test_a_page_that_is_not_watched_is_a_snapshot(tmp_path: Path) -> None:
    meanwhile, last = run(tmp_path, watch=False)
    assert meanwhile
    assert not any(RELOAD in page for page in [*meanwhile, last])


@pytest.mark.parametrize("limit", [0, -1])
def test_a_memory_limit_is_some(tmp_path: Path, limit: int) -> None:
    with pytest.raises(InputError, match="memory_limit must be at least 1 byte"):
        api.run("iris", out=tmp_path, memory_limit=limit)
