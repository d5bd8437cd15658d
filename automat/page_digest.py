"""Whether a page shows what it would show if it were rendered now: a finished run that is repeated renders nothing.

A page ends in a comment with two digests: of all that it was rendered from (records, predictions, what stands beside
them, and the code and templates that render), and of the page itself, so that one that was edited or cut is found out.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import util
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

_RENDERERS = ("automat_reports", "automat_leaderboards", "automat.pages", "automat.page_data", "automat.page_digest")
_LIBRARIES = ("plotly", "jinja2", "scipy", "numpy", "pandas")
_MARK = "<!-- automat rendered "


def of_board(records: pd.DataFrame, predictions: pd.DataFrame, context: Mapping[str, Any]) -> str:
    """Of all that a board's page is rendered from."""
    import pandas as pd

    digest = hashlib.sha256(_renderer().encode())
    digest.update(records.to_json(orient="split", double_precision=15).encode())
    digest.update("|".join(predictions.columns).encode())
    digest.update(pd.util.hash_pandas_object(predictions, index=False).to_numpy().tobytes())
    digest.update(json.dumps(context, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def of_files(root: Path, files: Iterable[Path], lang: str) -> str:
    """Of the index: what its entries are read from, by name, size and time of change."""
    digest = hashlib.sha256(f"{_renderer()} {lang}".encode())
    for path in sorted(files):
        found = path.stat()
        digest.update(f"{path.relative_to(root)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def signed(text: str, digest: str) -> str:
    """The page with the comment at its end."""
    return f"{text}\n{_MARK}{digest} {_sha256(text.encode())} -->\n"


def is_current(path: Path, digest: str) -> bool:
    """Whether the page there was rendered from what has this digest, and is as it was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    text, mark, tail = content.rpartition(f"\n{_MARK}".encode())
    return bool(mark) and tail == f"{digest} {_sha256(text)} -->\n".encode()


@cache
def _renderer() -> str:
    """Digest of the code and templates that make pages, and of the libraries behind them."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        try:
            digest.update(f"{library} {version(library)}\n".encode())
        except PackageNotFoundError:
            continue
    for name in _RENDERERS:
        for path in _sources(name):
            digest.update(f"{name} {path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources(name: str) -> list[Path]:
    """The files of a module or package, compiled ones aside."""
    found = util.find_spec(name)
    if found is None or found.origin is None:
        return []
    path = Path(found.origin)
    if path.name != "__init__.py":
        return [path]
    return sorted(each for each in path.parent.rglob("*") if each.is_file() and "__pycache__" not in each.parts)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
