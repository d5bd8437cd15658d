"""Dataset cards: what a table does not say of itself, in a small YAML file beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_args

from automat.core import InputError, Task, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from automat.core import Dataset

IN_FOLDER = ("card.yaml", "card.yml")
BESIDE_FILE = (".yaml", ".yml")

_MAX_BYTES = 64 * 1024
_MAX_TEXT = 2_000
_UNPACKED = (".gz",)


@dataclass(frozen=True)
class Card:
    """What stands on a card; empty or None: it does not say.

    Attributes:
        name: what the dataset is called.
        source, licence, citation: where it comes from and how to cite it.
        unit: of the target; one for all, or by column.
        target: the target's column.
        task: regression or classification.
        notes: sentences for the board's page.
    """

    name: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    unit: Mapping[str, str] | str = ""
    target: str | None = None
    task: Task | None = None
    notes: tuple[str, ...] = field(default=())

    def apply(self, dataset: Dataset) -> Dataset:
        """The dataset with what the card says of it; a unit holds for the target that it was given for."""
        if isinstance(self.unit, str):
            unit = self.unit if self.target in {None, dataset.target_name} else ""
        else:
            unit = self.unit.get(dataset.target_name, "")
        said = {name: getattr(self, name) for name in ("name", "source", "licence", "citation") if getattr(self, name)}
        return replace(dataset, **said, unit=unit or dataset.unit, notes=(*self.notes, *dataset.notes))


EMPTY = Card()


def beside(path: Path) -> Card:
    """The card of a file (``data.csv``: ``data.yaml``) or of a folder (``card.yaml`` in it); empty without one.

    Raises:
        InputError: there is one, but it is not as it should be.
    """
    found = next((each for each in _places(path) if each.is_file()), None)
    return EMPTY if found is None else read(found)


def read(path: Path) -> Card:
    """A card from its file.

    Raises:
        InputError: it is no YAML of a card; the message names the field and what is allowed.
    """
    import yaml

    where = f"card {path.name!r}"
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{where} has {path.stat().st_size:,} bytes; at most {_MAX_BYTES:,} are read")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        reason = str(getattr(error, "problem", None) or error).strip().splitlines() or [type(error).__name__]
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{where} is no YAML{line}: {reason[0]}") from error
    if content is None:
        return EMPTY
    if not isinstance(content, dict):
        raise InputError(f"{where} must be lines of 'field: text', but is a {type(content).__name__}")
    allowed = [each.name for each in fields(Card)]
    for name in content:
        if name not in allowed:
            raise UnknownNameError(f"field of {where}", str(name)[:_MAX_TEXT], allowed)
    # `unit:` without a value is a field that says nothing.
    values = {name: _value(name, value, where) for name, value in content.items() if value is not None}
    return Card(**values)


def _places(path: Path) -> list[Path]:
    if path.is_dir():
        return [path / name for name in IN_FOLDER]
    plain = path.with_suffix("") if path.suffix.lower() in _UNPACKED else path
    return [plain.with_suffix(ending) for ending in BESIDE_FILE]


def _value(name: str, value: Any, where: str) -> Any:
    if name == "notes" and isinstance(value, list):
        return tuple(_text(name, each, where) for each in value)
    if name == "unit" and isinstance(value, dict):
        return {_text("unit", column, where): _text("unit", unit, where) for column, unit in value.items()}
    text = _text(name, value, where)
    if name == "notes":
        return (text,)
    if name == "task" and text not in get_args(Task):
        raise UnknownNameError(f"task of {where}", text, get_args(Task))
    return text


def _text(name: str, value: Any, where: str) -> str:
    # A number is text that YAML took for one: `unit: 1`, `name: 2020`.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{where}: {name!r} must be text, but is a {type(value).__name__}")
    text = " ".join(str(value).split())
    if len(text) > _MAX_TEXT:
        raise InputError(f"{where}: {name!r} has {len(text):,} characters; at most {_MAX_TEXT:,} are read")
    return text
