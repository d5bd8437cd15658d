"""What the documentation says of the sources, taken from the sources: a hook of MkDocs.

A line ``<!-- from the sources: NAME -->`` of a page gives way to what ``FILLS[NAME]`` writes, so that no option,
column or name is written down twice.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

PLACE = re.compile(r"^<!-- from the sources: (.+) -->$", re.MULTILINE)

UPWARDS = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]*)(?:#[^)]*)?\)")
"""A link that leads out of a page's folder."""

ROLE = re.compile(r":(?:func|class|mod|data|attr|meth):(<code>)~?(?:automat\w*\.)?")
"""Sphinx's roles in docstrings, as they stand in the HTML."""

SECTIONS = {"Tutorial": "tutorial", "How-to": "how-to", "Reference": "reference", "Explanation": "explanation"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A page that the navigation does not name comes last in the section of its folder."""
    for entry in config.nav or []:
        ((title, pages),) = entry.items()
        if title in SECTIONS:
            folder = Path(config.docs_dir) / SECTIONS[title]
            found = sorted(path.relative_to(config.docs_dir).as_posix() for path in folder.glob("*.md"))
            pages += [page for page in found if page not in pages]
    return config


def on_page_markdown(markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """The page with what comes from the sources.

    Raises:
        KeyError: the page asks for what is not in ``FILLS``.
    """
    root = Path(config.config_file_path).parent
    here = Path(config.docs_dir) / Path(page.file.src_uri).parent

    def beside(found: re.Match[str]) -> str:
        """A link to a file beside the documentation, which no site has: its text, and where it lies."""
        target = (here / found[2]).resolve()
        if target.is_relative_to(config.docs_dir) or not target.exists():
            return found[0]
        return f"{found[1]} (`{target.relative_to(root)}`)"

    return PLACE.sub(lambda found: FILLS[found[1]](), UPWARDS.sub(beside, markdown))


def on_page_content(html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """The page without Sphinx's roles."""
    return ROLE.sub(r"\1", html)


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: object) -> str:
    # A bar ends no cell, and an angle bracket opens no tag, in code or outside.
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if text.startswith("`") else text.replace("<", "&lt;")


def _commands() -> str:
    import typer

    from automat.cli import app

    root = typer.main.get_command(app)
    return "\n\n".join(_command(command, name) for name, command in walk(root, "automat"))


def walk(command: Any, name: str) -> Iterable[tuple[str, Any]]:
    """Every command that does something, with the words that call it."""
    below: Mapping[str, Any] = getattr(command, "commands", {})
    if not below:
        yield name, command
    for word, each in below.items():
        yield from walk(each, f"{name} {word}")


def _command(command: Any, name: str) -> str:
    with command.make_context(name, [], resilient_parsing=True) as context:
        usage = " ".join([name, *command.collect_usage_pieces(context)])
        parameters = [(each.param_type_name, each.get_help_record(context)) for each in command.get_params(context)]
    parts = [f"## `{name}`", inspect.cleandoc(command.help or ""), f"```text\n{usage}\n```"]
    for kind, head in (("argument", "argument"), ("option", "option")):
        rows = [(f"`{record[0]}`", record[1]) for its, record in parameters if its == kind and record]
        if rows:
            parts.append(table([head, "meaning"], rows))
    return "\n\n".join(parts)


def _names(package: str, wanted: Callable[[Any], bool]) -> str:
    from importlib import import_module

    module = import_module(package)
    found = [name for name in module.__all__ if wanted(getattr(module, name))]
    return "\n\n".join(f"::: {package}.{name}" for name in sorted(found, key=str.lower))


def _is_featurizer(thing: Any) -> bool:
    from automat_featurizers import Featurizer

    return inspect.isclass(thing) and issubclass(thing, Featurizer)


def _is_other_class(thing: Any) -> bool:
    return inspect.isclass(thing) and not _is_featurizer(thing)


def _is_call(thing: Any) -> bool:
    return callable(thing) and not inspect.isclass(thing)


def _is_value(thing: Any) -> bool:
    return not callable(thing)


def _datasets() -> str:
    from automat import datasets

    rows = [(f"`{each.name}`", each.title, each.rows, each.task, each.unit, each.inputs, each.licence, each.citation)
            for each in datasets.available()]  # fmt: skip
    return table(("name", "target", "rows", "task", "unit", "rows are", "licence", "cite"), rows)


def _named_datasets() -> str:
    from automat import datasets

    rows = [(f"`{each.name}`", each.title, each.rows, each.task, each.unit, each.citation)
            for each in datasets.elsewhere()]  # fmt: skip
    return table(("name", "target", "rows", "task", "unit", "cite"), rows)


def _feature_sets() -> str:
    from automat_featurizers import feature_sets

    rows = [(f"`{each.name}`", each.takes, each.columns, each.summary, ", ".join(f"`{name}`" for name in each.members))
            for each in feature_sets()]  # fmt: skip
    return table(("name", "takes", "columns", "what", "made of"), rows)


def _featurizers() -> str:
    from automat_featurizers import featurizers

    rows = [(f"`{name}`", each.takes, (each.__doc__ or "").partition("\n")[0]) for name, each in featurizers().items()]
    return table(("name", "takes", "what"), sorted(rows))


def _models() -> str:
    from automat.models import registry

    rows = [(f"`{name}`", each.title, each.input, ", ".join(each.tasks), each.cost, each.licence, each.citation)
            for name, each in sorted(registry().items())]  # fmt: skip
    return table(("name", "title", "takes", "tasks", "cost", "licence", "cite"), rows)


def _splits() -> str:
    from automat.splits import SPLITS

    return table(("name", "needs", "what its score tells"),
                 [(f"`{each.usage}`", each.needs, each.summary) for each in SPLITS.values()])  # fmt: skip


def _presets() -> str:
    from automat.presets import PRESETS

    rows = [(f"`{each.name}`", each.folds, *each.trials.values(), each.trees, each.epochs,
             len(each.pycaret_learners) or "all", each.pycaret_trials) for each in PRESETS.values()]  # fmt: skip
    costs = [f"trials, {cost}" for cost in PRESETS["default"].trials]
    return table(("preset", "folds", *costs, "trees", "epochs", "PyCaret's learners", "its trials"), rows)


def _columns(columns: Mapping[str, str]) -> str:
    return table(("column", "meaning"), [(f"`{name}`", meaning) for name, meaning in columns.items()])


def _records() -> str:
    from automat_leaderboards.records import RECORD_COLUMNS

    return _columns(RECORD_COLUMNS)


def _predictions() -> str:
    from automat_leaderboards.records import PREDICTION_COLUMNS

    return _columns(PREDICTION_COLUMNS)


def _layout() -> str:
    from automat import store

    drawn = inspect.cleandoc(store.__doc__ or "").partition("::\n\n")[2]
    return f"```text\n{inspect.cleandoc(drawn)}\n```"


def _attributes(kind: type[Any]) -> str:
    """The fields of a dataclass, as its docstring explains them: some share a line."""
    told = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[2]
    lines: list[str] = []
    for line in told.splitlines():
        if line.startswith("     "):
            lines[-1] += f" {line.strip()}"
        elif line.strip():
            lines.append(line.strip())
    explained = dict(line.split(": ", 1) for line in lines)
    missing = {each.name for each in fields(kind)} - {name for names in explained for name in names.split(", ")}
    if missing:
        raise ValueError(f"{kind.__name__} does not explain {', '.join(sorted(missing))}")
    rows = [(", ".join(f"`{name}`" for name in names.split(", ")), text) for names, text in explained.items()]
    return table(("field", "meaning"), rows)


def _dataset_card() -> str:
    from automat.datasets.card import Card

    return _attributes(Card)


def _model_card() -> str:
    from automat.trained import Card

    return _attributes(Card)


FILLS: Mapping[str, Callable[[], str]] = {
    "commands": _commands,
    "automat, calls": lambda: _names("automat", _is_call),
    "automat, nouns": lambda: _names("automat", inspect.isclass),
    "automat_featurizers, calls": lambda: _names("automat_featurizers", _is_call),
    "automat_featurizers, featurizers": lambda: _names("automat_featurizers", _is_featurizer),
    "automat_featurizers, nouns": lambda: _names("automat_featurizers", _is_other_class),
    "automat_leaderboards, calls": lambda: _names("automat_leaderboards", _is_call),
    "automat_leaderboards, nouns": lambda: _names("automat_leaderboards", inspect.isclass),
    "automat_leaderboards, values": lambda: _names("automat_leaderboards", _is_value),
    "automat_reports, calls": lambda: _names("automat_reports", _is_call),
    "automat_reports, nouns": lambda: _names("automat_reports", inspect.isclass),
    "automat_reports, values": lambda: _names("automat_reports", _is_value),
    "datasets": _datasets,
    "datasets that do not ship": _named_datasets,
    "feature sets": _feature_sets,
    "featurizers": _featurizers,
    "models": _models,
    "splits": _splits,
    "presets": _presets,
    "records": _records,
    "predictions": _predictions,
    "layout": _layout,
    "dataset card": _dataset_card,
    "model card": _model_card,
}
"""What a page may ask for."""
