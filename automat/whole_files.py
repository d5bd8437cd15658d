"""Files that are written whole or not at all: what was there before stays until the new one is there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write(path: Path, content: bytes | str) -> None:
    """Write a file by way of one beside it, which takes its place.

    What is no plain file, such as ``/dev/stdout`` or a pipe, is written to; of a link, the file that it leads to.

    Raises:
        OSError: it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    # Standard output may be a file too, which others hold open and must not lose.
    if path.is_relative_to("/dev") or (path.exists() and not path.is_file()):
        path.write_bytes(data)
        return
    path = Path(os.path.realpath(path))  # unlike resolve, it takes links in a circle
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
