"""Unfinished work on cells, on disk: how far a search has come, and the training of a network.

A cell's files bear its key in their names, also those that a kill has left half written, which begin with a dot.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automat.trial_journal import TrialJournal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from automat.trial_journal import Direction

_CHECKPOINTS = 20
"""That a network's training writes, so that a kill costs a twentieth of it."""

_NAME = re.compile(r"\.?(?P<key>[0-9a-f]{24})\.(journal|[0-9a-f]{12}(-\d+)?\.pt)(\..+)?")


@dataclass(frozen=True)
class PartialWork:
    """Where the unfinished work on one cell is kept.

    Attributes:
        folder: of its dataset's unfinished work.
        key: of the cell.
        installed: tells versions of libraries, and settings, apart: others may give other results.
    """

    folder: Path
    key: str
    installed: str

    def journal(self, direction: Direction) -> TrialJournal:
        """Of the trials of the cell's search."""
        about = f"{self.key} {self.installed}"
        return TrialJournal(self.folder / f"{self.key}.journal", about=about, direction=direction)

    def fit(self, estimator: Any, network: Any, rows: Any, target: NDArray[Any], *, epochs: int) -> float:
        """Fit an estimator whose last step is a network of ours; where a training was cut short, go on from there.

        Returns:
            CPU seconds that the earlier process had spent on it.
        """
        from automat.networks.checkpoints import Checkpoint, CheckpointError

        path = self.folder / f"{self.key}.{self.installed}.pt"
        network.checkpoint = Checkpoint(path, max(1, epochs // _CHECKPOINTS), is_needed=False)
        try:
            estimator.fit(rows, target)
        except CheckpointError:  # damaged, or of parameters that the search no longer finds
            for each in self.folder.glob(f"{self.key}.*.pt"):
                each.unlink(missing_ok=True)
            estimator.fit(rows, target)
        network.checkpoint = None
        members = network.details_.get("members", [network.details_])
        return sum(float(each.get("resumed", {}).get("cpu_seconds_before", 0.0)) for each in members)


def digest_of(*facts: Mapping[str, str]) -> str:
    """Versions and settings as twelve hex digits."""
    found = {name: value for each in facts for name, value in each.items()}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]


def key_of(path: Path) -> str | None:
    """The key of the cell that a file of unfinished work is of; None where it is no such file."""
    found = _NAME.fullmatch(path.name)
    return None if found is None else found["key"]


def forget(folder: Path, key: str) -> None:
    """The cell is finished: remove what is kept of it."""
    for pattern in (f"{key}.*", f".{key}.*"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
