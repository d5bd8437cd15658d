"""Answers of a server, page by page, each kept as it comes: what broke off goes on behind the last page there is."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST_WAIT = 120.0


@dataclass(frozen=True)
class Fetched:
    """What a query gave.

    Attributes:
        path: the table: JSON, with columns id, formula, structure, and the fields.
        card: its card, beside it.
        rows: materials.
        pages: how many there are.
        reused: how many of them were there already.
    """

    path: Path
    card: Path
    rows: int
    pages: int
    reused: int


def kept(path: Path) -> dict[str, Any] | None:
    """A page that is there; None where it is not, or was damaged."""
    try:
        content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError):
        return None
    return content


def keep(path: Path, content: Mapping[str, Any]) -> None:
    """Keep a page.

    Raises:
        InputError: it cannot be written.
    """
    write(path, gzip.compress(json.dumps(content).encode(), mtime=0))


def write(path: Path, content: bytes) -> None:
    """Whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def seconds(text: str) -> float:
    """What Retry-After asks for, within reason; dates and nonsense ask for nothing."""
    try:
        return min(max(float(text), 0.0), _LONGEST_WAIT)
    except ValueError:
        return 0.0
