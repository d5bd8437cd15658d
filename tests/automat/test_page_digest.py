"""A finished run that is repeated renders nothing, unless something that its pages show has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from automat import api, page_digest, pages
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("cells_in_this_process")

GIVEN: dict[str, Any] = {"target": "y", "models": ["dummy", "linear"], "preset": "quick", "trials": 1, "jobs": 1}


def run(folder: Path, **options: Any) -> api.RunResult:
    if not (folder / "lab.csv").exists():
        (folder / "lab.csv").write_text("x,y\n" + "".join(f"{row},{row % 7}.5\n" for row in range(40)))
    return api.run(folder / "lab.csv", out=folder / "runs", **(GIVEN | options))


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    return run(tmp_path).page


def stamp(path: Path) -> tuple[int, int]:
    """Changes when the file is written."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_a_finished_run_leaves_its_pages_as_they_are(finished: Path) -> None:
    index = finished.parents[1] / "index.html"
    before = stamp(finished), stamp(index)
    again = run(finished.parents[2])
    assert (again.page, again.computed, again.reused, again.failed) == (finished, 0, 4, 0)
    assert (stamp(finished), stamp(index)) == before
    assert {row.model for row in again.board.rows} == {"linear", "dummy"}


def edit(page: Path) -> None:
    page.write_text(page.read_text().replace("Ridge", "Bridge", 1))


def cut(page: Path) -> None:
    page.write_bytes(page.read_bytes()[:-200])


def change_a_record(page: Path) -> None:
    path = min((page.parent / "records").glob("*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"fit_seconds": 12.5}))


def change_the_context(page: Path) -> None:
    path = page.with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"feature_notes": ["something was said"]}))


@pytest.mark.parametrize(
    "change", [Path.unlink, edit, cut, change_a_record, change_the_context], ids=lambda change: change.__name__
)
def test_what_a_page_shows_has_changed(finished: Path, change: Callable[[Path], None]) -> None:
    original = finished.read_text()
    change(finished)
    again = run(finished.parents[2])
    assert again.computed == 0
    shown = finished.read_text()
    assert page_digest.is_current(finished, shown.rpartition("<!-- automat rendered ")[2].split()[0])
    assert "Bridge" not in shown
    assert shown.startswith(original[:100])
    if change is change_a_record:
        assert "12.5" in shown
    if change is change_the_context:
        assert "something was said" in shown


@pytest.mark.parametrize("change", [Path.unlink, edit, cut], ids=lambda change: change.__name__)
def test_an_entrants_page_has_changed(finished: Path, change: Callable[[Path], None]) -> None:
    (page,) = finished.parent.glob("*/linear*.html")
    change(page)
    assert run(finished.parents[2]).computed == 0
    shown = page.read_text()
    assert "Ridge" in shown
    assert "Bridge" not in shown
    signed = shown.rpartition("<!-- automat rendered ")[2].split()[0]
    assert page_digest.is_current(page, signed)
    assert page_digest.is_current(finished, signed)


def test_what_another_process_writes_meanwhile_is_not_in_the_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = pages._Board._write_entrants

    def beside_another(self: pages._Board, *given: Any) -> None:
        write(self, *given)
        change_the_context(self.path)

    monkeypatch.setattr(pages._Board, "_write_entrants", beside_another)
    page = run(tmp_path).page
    assert "something was said" not in page.read_text()
    store = Store(tmp_path / "runs")
    (records,) = pages.protocols(store, None)
    assert not pages._gather(store, records).is_current()


def test_another_command_is_shown(finished: Path) -> None:
    run(finished.parents[2], command="automat run --dataset another")
    assert "automat run --dataset another" in finished.read_text()


def test_other_code_or_templates_render_again(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stamp(finished), stamp(finished.parents[1] / "index.html")
    monkeypatch.setattr(page_digest, "_renderer", lambda: "of another version")
    run(finished.parents[2])
    assert stamp(finished) != before[0]
    assert stamp(finished.parents[1] / "index.html") != before[1]


def test_the_renderer_is_all_files_that_make_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {path.name for name in page_digest._RENDERERS for path in page_digest._sources(name)}
    assert {"board.html.j2", "charts.js", "style.css", "board_page.py", "significance.py", "pages.py"} <= names
    package = tmp_path / "some_pages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    template = package / "page.j2"
    template.write_text("one")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(page_digest, "_RENDERERS", ("some_pages",))
    digests = [page_digest._renderer.__wrapped__()]
    template.write_text("two")
    assert page_digest._renderer.__wrapped__() not in digests


def test_the_page_of_a_run_that_was_stopped_is_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was rendered while cells ended is never current: it draws no crystals yet."""
    with monkeypatch.context() as patched:
        render = pages.Pages.render

        def stopped(self: pages.Pages, *, is_over: bool) -> Any:
            if is_over:
                raise KeyboardInterrupt
            return render(self, is_over=False)

        patched.setattr(pages.Pages, "render", stopped)
        patched.setattr(pages, "RENDER_EVERY_SECONDS", 0.0)
        patched.setattr(pages, "RENDER_SHARE", 1e9)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    (page,) = (tmp_path / "runs" / "lab").glob("*.html")
    before = stamp(page)
    assert run(tmp_path).computed == 0
    assert stamp(page) != before


def test_a_finished_run_loads_nothing_that_fits_or_renders(finished: Path) -> None:
    script = (
        "import sys; from automat import api; "
        f"made = api.run('lab.csv', out='runs', **{GIVEN!r}); "
        "print(made.computed, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=finished.parents[2], capture_output=True, text=True, check=True
    )
    computed, *loaded = done.stdout.split()
    assert computed == "0"
    assert not set(loaded) & {"torch", "optuna", "plotly", "jinja2", "numba", "matminer", "sympy"}
