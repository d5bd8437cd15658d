"""A training on disk, so that one that was killed goes on where it was.

A file holds tensors, numbers and text, behind their digest: torch itself does not notice a flipped bit. Reading it
runs no code (torch's ``weights_only``).
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor


_MARK = b"automat checkpoint "


class CheckpointError(ValueError):
    """A file that the training cannot go on from."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a training is kept.

    The file stays when the training ends: the same training then ends at once, with the same weights.

    Attributes:
        path: the file; its folder is made.
        every: so many epochs it is written, and at the last.
        is_needed: whether a training ends where it cannot be written; else it goes on without.
    """

    path: Path
    every: int = 1
    is_needed: bool = True

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, but got {self.every}")

    def save(self, state: dict[str, Any], fingerprint: str) -> None:
        """Write the state whole or not at all: a kill midway leaves the one before."""
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            content = io.BytesIO()
            torch.save({"fingerprint": fingerprint, "state": state}, content)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(header(content.getbuffer()))
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if self.is_needed or not isinstance(error, OSError | RuntimeError):  # torch has errors of its own
                raise

    def load(self, fingerprint: str) -> dict[str, Any] | None:
        """The state; None where there is no file yet.

        Raises:
            CheckpointError: the file is another training's, or none.
        """
        try:
            written = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        refusal = f"{str(self.path)!r} is not a checkpoint; remove it"
        start = written.find(b"\n") + 1
        if not start or written[:start] != header(memoryview(written)[start:]):
            raise CheckpointError(refusal)
        try:
            content = torch.load(io.BytesIO(memoryview(written)[start:]), map_location="cpu", weights_only=True)
            found, state = content["fingerprint"], content["state"]
        except Exception as error:  # torch fails in a dozen ways on what it did not write
            raise CheckpointError(refusal) from error
        if found != fingerprint:
            raise CheckpointError(
                f"{str(self.path)!r} is of another training (its rows, targets, recipe, seed, backend or "
                "network differ); remove it, or name another file"
            )
        return dict(state)


def header(content: bytes | memoryview) -> bytes:
    """What stands before the bytes that torch wrote: their digest, by which damage is found."""
    return _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n"


def fingerprint_of(tensors: Iterable[Tensor], *texts: str) -> str:
    """What decides a training, as one digest."""
    digest = hashlib.sha256("\n".join(texts).encode())
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
