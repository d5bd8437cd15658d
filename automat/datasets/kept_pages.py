"""Answers of a server, page by page, each kept as it comes: what broke off goes on behind the last page there is."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automat import whole_files
from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LONGEST_WAIT = 120.0
_LONGEST_ANSWER = 300.0
_MOST_BYTES = 64 * 1024**2
_PART = 64 * 1024


class NoAnswerError(Exception):
    """A server's answer that did not come, or that says nothing: another attempt may do better."""


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        status: of HTTP.
        pause: the seconds that it asks for before another attempt.
        body: the whole of it.
    """

    status: int
    pause: float
    body: bytes

    def json(self) -> Any:
        """What the body holds.

        Raises:
            NoAnswerError: no JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise NoAnswerError(f"it answered {self.status} with something else than JSON") from error
        except RecursionError as error:
            raise NoAnswerError(f"it answered {self.status} with JSON that is nested too deeply") from error


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


def ask(url: str, timeout: float, **options: Any) -> Answer:
    """Ask a server, and no other that it may point to.

    Args:
        url: of the page.
        timeout: seconds without a byte.
        options: of ``requests.get``.

    Raises:
        NoAnswerError: the connection broke, or the answer takes too long.
        InputError: the answer is larger than any page.
    """
    import requests
    from urllib3.exceptions import HTTPError

    end, body = time.monotonic() + _LONGEST_ANSWER, bytearray()
    try:
        with requests.get(url, timeout=timeout, allow_redirects=False, stream=True, **options) as answer:
            # As it comes: a whole part of a server that sends a byte a minute would take hours.
            while part := answer.raw.read1(_PART, decode_content=True):
                body += part
                if len(body) > _MOST_BYTES:
                    raise InputError(
                        f"a page of more than {_MOST_BYTES // 1024**2} MB, which is the most: ask for fewer rows a page"
                    )
                if time.monotonic() > end:
                    raise NoAnswerError(f"its answer took longer than {_LONGEST_ANSWER:.0f} s")
            return Answer(answer.status_code, seconds(answer.headers.get("Retry-After", "")), bytes(body))
    except (requests.RequestException, HTTPError, UnicodeError) as error:
        raise NoAnswerError(type(error).__name__) from error


def kept(path: Path) -> dict[str, Any] | None:
    """A page that is there; None where it is not, or was damaged."""
    try:
        content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error, RecursionError):
        return None
    return content


def keep(path: Path, content: Mapping[str, Any]) -> None:
    """Keep a page.

    Raises:
        InputError: it cannot be written.
    """
    try:
        text = json.dumps(content)
    except RecursionError as error:
        raise InputError("a page that is nested too deeply to be kept") from error
    write(path, gzip.compress(text.encode(), mtime=0))


def forget(folder: Path) -> None:
    """Drop the pages of a query, for which newer ones have come."""
    for old in folder.glob("page-*"):
        old.unlink(missing_ok=True)


def write(path: Path, content: bytes) -> None:
    """Whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_files.write(path, content)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def seconds(text: str) -> float:
    """What Retry-After asks for, within reason; dates and nonsense ask for nothing."""
    try:
        return min(max(float(text), 0.0), _LONGEST_WAIT)
    except ValueError:
        return 0.0
