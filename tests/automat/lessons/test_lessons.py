"""The course: every lesson runs, says what its numbers show, and says it twice."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automat import lessons
from automat.core import InputError, UnknownNameError
from automat.lessons import notebook, page, running
from automat.lessons._base import Lesson, Plot, Step, Text

LESSONS = {each.name: each for each in lessons.lessons()}
SLOW = {"automl", "gate", "noise", "perceptron", "extrapolation", "overfitting", "learning"}
"""Of several seconds a run, and a test of a notebook runs it twice."""
RUNS = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in LESSONS]
each_run = pytest.mark.parametrize("name", RUNS, scope="module")
"""With this scope, tests of one lesson run one after the other, in one process: it is run once for all of them."""
LANGS: tuple[Any, ...] = ("en", "ko")
HANGUL = re.compile("[가-힣]")


@pytest.fixture(scope="session")
def ran() -> Any:
    """A lesson's name to its results on the reduced grid."""
    kept: dict[str, tuple[running.StepResult, ...]] = {}

    def run(name: str) -> tuple[running.StepResult, ...]:
        if name == "automl":
            pytest.importorskip("pycaret")
        if name not in kept:
            kept[name] = running.run(LESSONS[name], "reduced")
        return kept[name]

    return run


def texts(value: Any) -> Iterator[Text]:
    """Every bilingual text within lessons, charts and what they hold."""
    if isinstance(value, Text):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from texts(each)


def names(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


def is_translated(text: Text) -> bool:
    return not re.search("[A-Za-z]{3}", text.en) or bool(HANGUL.search(text.ko))


def test_they_are_numbered_and_named_apart() -> None:
    assert [each.number for each in LESSONS.values()] == sorted({each.number for each in LESSONS.values()})
    assert all(each.module.endswith(f".l{each.stem}") for each in LESSONS.values())


@pytest.mark.parametrize("name", LESSONS)
def test_every_text_is_in_both_languages_with_the_same_values(name: str) -> None:
    found = list(texts(LESSONS[name]))
    assert len(found) > 6
    assert [text.en for text in found if not is_translated(text)] == []
    assert [text.en for text in found if names(text.en) != names(text.ko)] == []


@each_run
def test_charts_are_in_both_languages_axes_included(ran: Any, name: str) -> None:
    charts = [result.chart for result in ran(name) if result.chart]
    assert charts
    for chart in charts:
        assert [text.en for text in texts(chart) if not is_translated(text)] == []
        assert isinstance(chart.x, Text)
        assert isinstance(chart.y, Text)
        positions = 1
        for control in chart.controls:
            positions *= len(control.values)
        assert len(chart.states) == positions


@each_run
def test_every_lesson_asks_before_it_shows_and_claims_what_it_checks(ran: Any, name: str) -> None:
    steps = [step for step in LESSONS[name].steps if step.question]
    assert steps
    assert all(step.conclusion and step.claims for step in steps)
    for step, result in zip(LESSONS[name].steps, ran(name), strict=True):
        if step.question:
            assert result.answer is not None
            assert 0 <= result.answer < len(step.question.choices)
    if name in FACTS:
        FACTS[name](ran(name)[-1].values)


@each_run
def test_notebooks_print_what_the_pages_show(ran: Any, name: str) -> None:
    """Both languages side by side: what is computed is the same code in both, and runs once."""
    lesson = LESSONS[name]
    space: dict[str, Any] = {"__name__": "notebook"}
    told: dict[Any, list[str]] = {lang: [] for lang in LANGS}
    of_lang = [notebook.cells(lesson, lang=lang, grid="reduced") for lang in LANGS]
    for cells in zip(*of_lang, strict=True):
        printed: dict[str, str] = {}
        for lang, (kind, source) in zip(LANGS, cells, strict=True):
            if kind == "code":
                if source not in printed:
                    printed[source] = executed(source, space)
                told[lang].append(printed[source])
    for lang in LANGS:
        everything = "\n".join(told[lang])
        for step, result in zip(lesson.steps, ran(name), strict=True):
            assert result.printed in everything
            if step.conclusion and names(step.conclusion.en):
                assert result.fill(step.conclusion, lang) in everything


def executed(source: str, space: dict[str, Any]) -> str:
    """What a cell prints, run as a notebook would."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(source, "<cell>", "exec", dont_inherit=True), space)  # noqa: S102 - as a notebook would
    return printed.getvalue()


def test_a_notebook_is_valid_and_the_same_each_time(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    one, two = tmp_path / "one.ipynb", tmp_path / "two.ipynb"
    for path in (one, two):
        notebook.write(LESSONS["iris"], path, lang="ko", grid="reduced")
    assert one.read_bytes() == two.read_bytes()
    cells = nbformat.read(one, as_version=4)["cells"]
    assert HANGUL.search(cells[0]["source"])


def test_a_notebook_runs_in_jupyter(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    path = tmp_path / "lesson.ipynb"
    notebook.write(LESSONS["iris"], path, grid="reduced")
    made = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(made, timeout=120, kernel_name="python3").execute()
    outputs = [kind for cell in made["cells"] for output in cell.get("outputs", ()) for kind in output.get("data", ())]
    assert "text/markdown" in outputs
    assert "application/vnd.plotly.v1+json" in outputs


def test_a_claim_that_does_not_hold_stops_the_lesson() -> None:
    step = Step(Text("t", "제목"), Text("t", "글"), code="value = 1", claims=("value > 2",))
    lesson = Lesson(99, "wrong", Text("t", "제목"), Text("s", "요약"), 1, (step,))
    with pytest.raises(running.LessonError, match="value > 2"):
        running.run(lesson)


def test_texts_take_their_values_from_the_run() -> None:
    step = Step(Text("t", "제목"), Text("t", "글"), code="value = 2 / 3", conclusion=Text("{value:.2f}", "{value:.1%}"))
    [result] = running.run(Lesson(99, "short", Text("t", "제목"), Text("s", "요약"), 1, (step,)))
    assert step.conclusion
    assert [result.fill(step.conclusion, lang) for lang in LANGS] == ["0.67", "66.7%"]


def test_a_page_escapes_what_code_prints() -> None:
    step = Step(Text("t", "제목"), Text("a < b", "가 < 나"), code="print('<b>bold</b>')")
    lesson = Lesson(99, "escaped", Text("t", "제목"), Text("s", "요약"), 1, (step,))
    html = page.render(lesson, running.run(lesson))
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold" not in html


def test_pages_are_written_for_each_language_from_one_run(tmp_path: Path) -> None:
    made = lessons.build("2", langs=LANGS, out=tmp_path, grid="reduced")
    assert [path.name for path in made] == ["02_iris_en.html", "02_iris_ko.html"]
    assert all(path.stat().st_size < 5 * 2**20 for path in made)
    english, korean = (path.read_text(encoding="utf-8") for path in made)
    assert 'lang="en"' in english
    assert 'lang="ko"' in korean
    assert "결과 보기" in korean
    assert "src=" not in english.split("<script")[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"name": "overfiting"}, "overfitting"), ({"langs": ["kr"]}, "ko"), ({"grid": "big"}, "full")],
)
def test_what_there_is_not_is_refused_with_the_nearest(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    arguments: dict[str, Any] = {"name": "iris", "out": tmp_path} | given
    with pytest.raises(UnknownNameError, match=said):
        lessons.build(**arguments)


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot write"):
        lessons.build("iris", out=tmp_path / "file", grid="reduced")


def test_the_command_lists_and_builds(tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "automat.cli", "teach", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    listed = call()
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in LESSONS)
    built = call("iris", "--lang", "en,ko", "--grid", "reduced", "--out", "pages")
    assert built.returncode == 0, built.stderr
    assert [line.split("lesson: ")[1] for line in built.stdout.splitlines()] == [
        "pages/02_iris_en.html",
        "pages/02_iris_ko.html",
    ]
    refused = call("irs")
    assert refused.returncode == 2
    assert "Did you mean 'iris'?" in refused.stderr


def test_the_index_links_every_page() -> None:
    html = page.render_index(list(LESSONS.values()), [f"{each.stem}_ko.html" for each in LESSONS.values()], lang="ko")
    for each in LESSONS.values():
        assert f'href="{each.stem}_ko.html"' in html
        assert each.title.ko in html


def test_plots_and_cells_stand_where_steps_say() -> None:
    for lesson in LESSONS.values():
        for step in lesson.steps:
            assert step.plot is None or isinstance(step.plot, Plot)
            assert "noqa" not in step.source()


def facts_of_iris(values: Any) -> None:
    assert min(values["train"]["1-nearest neighbour"]) == 1
    assert max(values["means"].values()) < 1


def facts_of_overfitting(values: Any) -> None:
    gap = values["test"] - values["train"]
    assert gap[-1] > 3 * gap[0]
    assert values["held_last"] - values["train_last"] > 0.2


def facts_of_graphs(values: Any) -> None:
    assert values["difference"] < 1e-5
    assert values["hand_output"] == pytest.approx(values["output"], abs=1e-5)


def facts_of_tuning(values: Any) -> None:
    assert values["says"] < values["fair"]
    assert values["lie"] > 0.005


def facts_of_noise(values: Any) -> None:
    assert values["nonsense_train"] < 0.05 * values["dummy"]
    assert values["nonsense_test"] > 0.95 * values["dummy"]
    assert values["clean_test"] < 0.8 * values["dummy"]


def facts_of_leaks(values: Any) -> None:
    assert values["leaky"][-1] < 0.1 * values["clean"]
    assert values["leaked"] > 0.1 > values["honest"]


def facts_of_learning(values: Any) -> None:
    assert values["supple"][-1, 1] < values["supple"][0, 1]
    assert values["stiff_gap"] < 0.02


def facts_of_extrapolation(values: Any) -> None:
    assert values["extrapolation"] > 1.1 * values["interpolation"]
    assert values["by_chance"].shape == values["by_cluster"].shape


def facts_of_the_perceptron(values: Any) -> None:
    w, mistakes = values["easy"][-1]
    assert mistakes == 0
    assert (values["y"] * (values["X"] @ w[:2] + w[2]) > 0).all()


def facts_of_looking(values: Any) -> None:
    assert values["repeated"] == 92
    assert values["by_median"] < values["by_mean"]


def facts_of_automl(values: Any) -> None:
    assert values["auto_error"] < values["tree_error"] < values["mean_error"]


def facts_of_the_gate(values: Any) -> None:
    assert values["judged"]["dummy"].beats


FACTS = {
    "iris": facts_of_iris,
    "overfitting": facts_of_overfitting,
    "graphs": facts_of_graphs,
    "tuning": facts_of_tuning,
    "noise": facts_of_noise,
    "leaks": facts_of_leaks,
    "learning": facts_of_learning,
    "extrapolation": facts_of_extrapolation,
    "perceptron": facts_of_the_perceptron,
    "looking": facts_of_looking,
    "automl": facts_of_automl,
    "gate": facts_of_the_gate,
}
"""What the numbers of a lesson must show besides, where that is more than its claims."""


def test_facts_are_of_lessons_that_there_are() -> None:
    assert set(FACTS) <= set(LESSONS)
