"""Answers of a server, page by page, each kept as it comes: what broke off goes on behind the last page there is."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from automat import whole_files
from automat.core import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Page = TypeVar("Page")

MOST_PAGES = 100_000
"""Of one query: no database has as many."""

_TRIES = 5
_SECONDS = 60.0
_PATIENCE = 2.0
_BUSY = 429
_SERVER_FAILS = 500
_LONGEST_WAIT = 120.0
_LONGEST_ANSWER = 300.0
_MOST_BYTES = 64 * 1024**2
_PART = 64 * 1024


class NoAnswerError(Exception):
    """A server's answer that did not come, or that says nothing: another attempt may do better.

    Args:
        reason: what came instead.
        pause: seconds that the server asks for before another attempt.
    """

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        status: of HTTP.
        body: the whole of it.
    """

    status: int
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


def pages(
    folder: Path, fetch: Callable[[int], dict[str, Any]], *, server: str, fresh: bool
) -> Iterator[tuple[dict[str, Any], bool]]:
    """The pages of a query in order, and whether each was there already; who asks stops at the last one.

    Args:
        folder: of the query; what is not there is fetched and kept.
        fetch: the page of a number, from 0.
        server: in a message's words.
        fresh: fetch every page again.

    Raises:
        InputError: there are more pages than any database has, or one cannot be fetched or kept.
    """
    for number in range(MOST_PAGES):
        path = folder / f"page-{number:05d}.json.gz"
        renewed = fresh and not number
        content = None if renewed else kept(path)
        reused = content is not None
        if content is None:
            content = fetch(number)
            if renewed:  # only now: a server that does not answer costs none of the old ones
                forget(folder)
            keep(path, content)
        yield content, reused
    raise InputError(f"{server} gives page after page; the first {MOST_PAGES:,} are kept")


def patiently(once: Callable[[], Page], *, server: str, number: int, wait: Callable[[float], None]) -> Page:
    """What one attempt gives, tried again where the server is busy or the connection breaks.

    Args:
        once: an attempt.
        server: in a message's words.
        number: of the page, from 0: as many are kept.
        wait: called with seconds before another attempt.

    Raises:
        InputError: no attempt has an answer.
    """
    reason, pause = "", 0.0
    for attempt in range(_TRIES):
        if attempt:
            wait(pause)
        try:
            return once()
        except NoAnswerError as error:
            reason, pause = str(error), max(_PATIENCE * 2**attempt, error.pause)
    raise InputError(
        f"{server} gave no page after {_TRIES} attempts: {reason}; {number} pages are kept, the same command goes on"
    )


def ask(url: str, **options: Any) -> Answer:
    """Ask a server, and no other that it may point to.

    Args:
        url: of the page.
        options: of ``requests.get``.

    Raises:
        NoAnswerError: the connection broke, the answer takes too long, or the server is busy or fails.
        InputError: the answer is larger than any page.
    """
    import requests
    from urllib3.exceptions import HTTPError

    end, body = time.monotonic() + _LONGEST_ANSWER, bytearray()
    try:
        with requests.get(url, timeout=_SECONDS, allow_redirects=False, stream=True, **options) as answer:
            # As it comes: a whole part of a server that sends a byte a minute would take hours.
            while part := answer.raw.read1(_PART, decode_content=True):
                body += part
                if len(body) > _MOST_BYTES:
                    raise InputError(
                        f"a page of more than {_MOST_BYTES // 1024**2} MB, which is the most: ask for fewer rows a page"
                    )
                if time.monotonic() > end:
                    raise NoAnswerError(f"its answer took longer than {_LONGEST_ANSWER:.0f} s")
            status, pause = answer.status_code, seconds(answer.headers.get("Retry-After", ""))
    except (requests.RequestException, HTTPError, UnicodeError) as error:
        raise NoAnswerError(type(error).__name__) from error
    if status == _BUSY or status >= _SERVER_FAILS:
        raise NoAnswerError(f"it answered {status}", pause)
    return Answer(status, bytes(body))


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


def check(limit: int | None, page: int, out: Path, what: str) -> None:
    """Look at what was asked for before a server is.

    Args:
        limit: of rows; None: all.
        page: rows a page.
        out: the table.
        what: a row is.

    Raises:
        InputError: a page or a limit of nothing, or a table that is no JSON.
    """
    if page < 1 or (limit is not None and limit < 1):
        raise InputError(f"a page and a limit hold at least 1 {what}, but got {page} and {limit}")
    if out.suffix.lower() != ".json":
        raise InputError(f"the table {out.name!r} must end in .json: crystals are kept as JSON")


def table(
    out: Path, rows: Sequence[Mapping[str, Any]], fields: Sequence[str], about: Mapping[str, Any], what: str
) -> Path:
    """Write the rows as a table, and its card, which is returned, beside it.

    Args:
        out: a .json file.
        rows: by column.
        fields: that were asked for.
        about: the card's content.
        what: a row is.

    Raises:
        InputError: a field that no row has or that is a list or an object, or a file that cannot be written.
    """
    import yaml

    for field in fields:
        values = [row[field] for row in rows if field in row]
        if values and all(value is None for value in values):
            raise InputError(f"no {what} has a value of the field {field!r}")
        if any(isinstance(value, list | dict) for value in values):
            raise InputError(f"the field {field!r} holds lists or objects; allowed are fields of single values")
    write(out, json.dumps(list(rows)).encode())
    card = out.with_suffix(".yaml")
    write(card, yaml.safe_dump(dict(about), sort_keys=False, allow_unicode=True).encode())
    return card


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
