"""The trials of a search that is not over, on disk: a search that was killed goes on where it was.

The file is a journal of Optuna's (``JournalStorage``), so its own tools read it too. A search that is started again
does not continue the study in it, since a sampler's state is not there: it runs anew, and a trial that the journal
has is not fitted but takes the outcome that is written. The sampler then draws what it drew before, and the result is
that of a search that nobody disturbed.

Nothing in a journal is trusted: one that cannot be read is set aside, and trials count only as long as the sampler
suggests their very parameters.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import optuna

KEEP_AFTER_SECONDS = 2.0
"""Of the wall clock: a search that takes no longer is not worth a file."""

SET_ASIDE = ".unreadable"
"""What the name of a journal ends with that could not be read."""

Direction = Literal["minimize", "maximize"]

_STUDY = "search"
_LARGEST = 64 * 1024**2
"""Bytes; a trial takes a few hundred, and one of a network some for every epoch."""


@dataclass(frozen=True)
class Outcome:
    """What became of a trial.

    Attributes:
        params: as the sampler suggested them.
        scores: on the inner holdout; empty where there are none.
        error: why it failed; empty where it did not.
        reported: errors by epoch, as the pruner was told them.
        is_pruned: whether it was ended early.
        seconds: CPU seconds that it took.
    """

    params: Mapping[str, Any]
    scores: Mapping[str, float]
    error: str
    reported: Mapping[int, float]
    is_pruned: bool
    seconds: float


@dataclass
class TrialJournal:
    """One search's journal.

    Args:
        path: the file; made once the search has taken a while.
        about: names what the outcomes depend on beside the parameters; a journal about something else is set aside.
        direction: of the study, for who reads the file with Optuna's tools.
    """

    path: Path
    about: str = ""
    direction: Direction = "minimize"
    _study: optuna.Study | None = field(default=None, init=False)
    _ended: list[optuna.trial.FrozenTrial] = field(default_factory=list, init=False)
    _written: int = field(default=0, init=False)
    _began: float = field(default_factory=time.monotonic, init=False)
    _can_write: bool = field(default=True, init=False)

    def outcomes(self) -> list[Outcome]:
        """Of the trials that are written, in their order; none where the file is no journal of this search."""
        if not self.path.is_file():
            return []
        try:
            self._end_at_a_whole_line()
            study = self._open()
            found = [_outcome(trial) for trial in study.trials]
        except Exception:  # noqa: BLE001 - Optuna says in a dozen ways that a file is no journal
            self.set_aside()
            return []
        self._study, self._written = study, len(found)
        return found

    def set_aside(self) -> None:
        """Begin a new file: what lies there is not of this search."""
        self._study, self._written = None, 0
        with suppress(OSError):
            self.path.replace(self.path.with_name(self.path.name + SET_ASIDE))

    def add(self, trial: optuna.trial.FrozenTrial, seconds: float) -> None:
        """A trial of the search has ended: write it, unless it lies there already.

        Nothing is written until the search has taken a while. Where it cannot be, the search goes on without.
        """
        from optuna.trial import create_trial

        try:
            kept = create_trial(
                state=trial.state,
                value=trial.value,
                params=trial.params,
                distributions=trial.distributions,
                intermediate_values=trial.intermediate_values,
                user_attrs={name: trial.user_attrs.get(name) for name in ("scores", "error")} | {"seconds": seconds},
            )
            self._ended.append(kept)
            if not self._can_write or time.monotonic() - self._began < KEEP_AFTER_SECONDS:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._study = self._study or self._open(is_new=True)
            for each in self._ended[self._written :]:
                self._study.add_trial(each)
                self._written += 1
        except Exception:  # noqa: BLE001 - a full disk, or parameters that JSON does not know: it is a convenience
            self._can_write = False

    def _open(self, *, is_new: bool = False) -> optuna.Study:
        """The study in the file.

        Raises:
            ValueError: it is about something else.
        """
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        if not is_new and self.path.stat().st_size > _LARGEST:
            raise ValueError("a journal of so many bytes")
        storage = JournalStorage(JournalFileBackend(str(self.path), lock_obj=_NoLock()))  # type: ignore[arg-type]
        if is_new:
            study = optuna.create_study(storage=storage, study_name=_STUDY, direction=self.direction)
            study.set_user_attr("about", self.about)
            return study
        study = optuna.load_study(storage=storage, study_name=_STUDY, sampler=optuna.samplers.RandomSampler())
        if study.user_attrs.get("about") != self.about:
            raise ValueError("a journal of another search")
        return study

    def _end_at_a_whole_line(self) -> None:
        """Cut off what a kill left of a line."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)


class _NoLock:
    """A cell is computed by one process at a time, and a lock would outlive one that is killed."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _outcome(trial: optuna.trial.FrozenTrial) -> Outcome:
    """What a written trial says.

    Raises:
        ValueError, TypeError, KeyError: it does not say it.
    """
    from optuna.trial import TrialState

    if trial.state not in {TrialState.COMPLETE, TrialState.PRUNED}:
        raise ValueError(f"a trial that is {trial.state.name}")
    scores = {str(name): float(value) for name, value in (trial.user_attrs["scores"] or {}).items()}
    seconds = float(trial.user_attrs["seconds"])
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"a trial of {seconds} s")
    if trial.state == TrialState.COMPLETE and not scores:
        raise ValueError("a finished trial without scores")
    return Outcome(
        params=trial.params,
        scores=scores,
        error=str(trial.user_attrs["error"] or ""),
        reported=dict(trial.intermediate_values),
        is_pruned=trial.state == TrialState.PRUNED,
        seconds=seconds,
    )
