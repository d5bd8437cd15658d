"""Any featurizer of matminer by its name, in workers that cannot hang a run.

Some of matminer's featurizers do not end on some materials, and some take all memory. Here each row has a
time limit; a row that exceeds it, or that kills its worker, is NaN with the reason, and the worker is replaced.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import time
import warnings
from collections import deque
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from automat_featurizers.base import Block, Featurizer, as_packed
from automat_featurizers.workers import Outcome, Workers, WorkersBrokenError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from automat_featurizers.base import Takes

_SPEC = re.compile(r"(?P<kind>\w+)(?:\((?P<preset>[^()]*)\))?")

_FIT_SECONDS = 1.0
"""Wall time that fitting may take for every row, beside the limit of a row."""

_MADE: dict[str, Any] = {}
"""In a worker: the featurizer of matminer that it was started for."""


class MatminerByName(Featurizer):
    """A featurizer of matminer: its labels and its numbers, with its defaults, computed by matminer itself.

    A site featurizer gives the mean and the standard deviation over sites, as ``SiteStatsFingerprint`` does.
    What matminer has to fit is fitted by ``fit``. Columns that are not numbers are NaN. Source: Ward et al.
    2018, doi:10.1016/j.commatsci.2018.05.018, and what the featurizer itself cites.

    Args:
        spec: the name of the class, or ``CLASS(PRESET)`` for its ``from_preset``.
        row_seconds: wall time that a row may take; a slower one is NaN. ``fit`` may take this and one
            second a row.
        jobs: worker processes, one thread each.

    Raises:
        ValueError: matminer has no such featurizer, or it needs a preset, or has none of that name.
    """

    citation = "Ward et al. (2018), Comput. Mater. Sci. 152, 60-69, doi:10.1016/j.commatsci.2018.05.018"
    cost_ms = 50.0  # of most; nobody knows before
    libraries = ("matminer", "pymatgen")

    def __init__(self, spec: str, *, row_seconds: float = 60.0, jobs: int = 1) -> None:
        self.spec = spec
        self.row_seconds = row_seconds
        self.jobs = jobs
        self.name = f"matminer:{spec}"
        self.takes, self._made = _resolve(spec)

    @property
    def version(self) -> str:
        """Changes with the libraries, the featurizer, its time limit and the columns that it was fitted to."""
        libraries = (f"{library}{version(library)}" for library in self.libraries)
        labels = self.get_feature_names_out().tolist() if self.__sklearn_is_fitted__() else []
        numbers = hashlib.sha256(repr((self.spec, self.row_seconds, labels)).encode()).hexdigest()[:8]
        return "-".join([str(self.revision), *libraries, numbers])

    def fit(self, X: Any, y: Any = None) -> Self:
        """Let matminer's featurizer learn from the materials, where it has something to learn.

        Raises:
            RuntimeError: it took too long, or all memory.
        """
        if _learns(self._made):
            packed = as_packed(X, self.takes)
            limit = self.row_seconds + _FIT_SECONDS * len(packed)
            with Workers(1, time_limit=limit) as workers:
                workers.submit("fit", _fitted, (_resolve(self.spec)[1], packed, y))
                ((_, outcome),) = workers.finished()
            if outcome.lost:
                raise RuntimeError(f"{self.name} cannot be fitted: {outcome.error}") from outcome.error
            self._made = outcome.result()
            self._fitted = True
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return not _learns(self._made) or getattr(self, "_fitted", False)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Labels of matminer, shape (columns,)."""
        del input_features
        return np.array(self._made.feature_labels(), dtype=object)

    def matminer(self) -> Any:
        """Matminer's own, not fitted."""
        return _resolve(self.spec)[1]

    @contextmanager
    def working(self, jobs: int) -> Iterator[None]:
        """Keep so many workers for several calls of ``transform``: they take seconds to start."""
        with Workers(jobs, time_limit=self.row_seconds, prepare=_keep, args=(self._made,)) as workers:
            self._workers: Workers | None = workers
            try:
                yield
            finally:
                self._workers = None

    def _compute(self, packed: Any) -> Block:
        if getattr(self, "_workers", None) is None:
            with self.working(min(self.jobs, len(packed))):
                return self._compute(packed)
        workers: Any = self._workers
        labels = self.get_feature_names_out()
        values = np.full((len(packed), len(labels)), np.nan)
        seconds = np.zeros(len(packed))
        reasons: dict[int, str] = {}
        todo, missing = deque(range(len(packed))), set(range(len(packed)))
        try:
            while missing:
                while todo and workers.has_room:
                    row = todo.popleft()
                    workers.submit(row, _row, (packed.take([row]),))
                for row, outcome in workers.finished():
                    missing.remove(row)
                    values[row], seconds[row], reason = self._of_row(outcome, labels)
                    if reason:
                        reasons[row] = reason
        except WorkersBrokenError as error:
            reasons |= dict.fromkeys(missing, str(error))
        return Block(values, reasons, seconds)

    def _of_row(self, outcome: Outcome, labels: NDArray[np.object_]) -> tuple[NDArray[np.float64], float, str]:
        """Columns of one row, the seconds that it took, and why it lacks some."""
        columns = np.full(len(labels), np.nan)
        if outcome.error is not None:
            return columns, self.row_seconds if outcome.timed_out else 0.0, str(outcome.error)
        values, seconds, reason = outcome.value
        if reason:
            return columns, seconds, reason
        if len(values) != len(labels):
            return columns, seconds, f"matminer gave {len(values)} values for {len(labels)} labels"
        for column, value in enumerate(values):
            try:
                columns[column] = np.nan if value is None else float(value)
            except (TypeError, ValueError):
                reason = reason or f"{labels[column]!r} is no number but {value!r}"
        return columns, seconds, reason

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_workers"}


def _keep(made: Any) -> None:
    _MADE["it"] = made


def _fitted(made: Any, packed: Any, y: Any) -> Any:
    made.fit(list(packed), y)
    return made


def _row(packed: Any) -> tuple[list[Any], float, str]:
    """What matminer gives for the one material, the CPU seconds, and what it raised."""
    material = packed[0]
    started = time.process_time()
    try:
        given = _MADE["it"].featurize(material)
    except Exception as error:  # noqa: BLE001 - whatever matminer raises stops this row only
        return [], time.process_time() - started, f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started
    return [each for value in given for each in (np.ravel(value).tolist() if np.ndim(value) else [value])], seconds, ""


def _resolve(spec: str) -> tuple[Takes, Any]:
    """What matminer's featurizer takes, and the featurizer.

    Raises:
        ValueError: as ``MatminerByName``.
    """
    from matminer.featurizers import composition, site, structure
    from matminer.featurizers.base import BaseFeaturizer

    found = _SPEC.fullmatch(spec.strip())
    kind, preset = (found["kind"], found["preset"]) if found else (spec, None)
    homes: dict[str, tuple[Takes, Any]] = {}
    takes_of: tuple[tuple[Any, Takes], ...] = (
        (site, "structure"),
        (composition, "composition"),
        (structure, "structure"),
    )
    for module, takes in takes_of:
        classes = {name for name, each in vars(module).items() if isinstance(each, type)}
        homes |= {name: (takes, module) for name in classes if issubclass(getattr(module, name), BaseFeaturizer)}
    if kind not in homes:
        nearest = difflib.get_close_matches(kind, homes, n=1)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"matminer has no featurizer {spec!r}.{hint} Allowed: {', '.join(sorted(homes))}")
    takes, module = homes[kind]
    chosen = getattr(module, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # matminer announces future defaults
        try:
            made = chosen() if preset is None else chosen.from_preset(preset)
            made = structure.SiteStatsFingerprint(made) if module is site else made
            if not _learns(made):
                made.feature_labels()
        except Exception as error:
            wanted = f"{kind}(PRESET)" if preset is None else f"another preset than {preset!r}"
            raise ValueError(f"matminer cannot make {spec!r}, which may want {wanted}: {error}") from error
    return takes, made


def _learns(made: Any) -> bool:
    """Whether matminer's featurizer has a ``fit`` of its own, or that of the site featurizer inside it."""
    from matminer.featurizers.base import BaseFeaturizer
    from matminer.featurizers.structure import SiteStatsFingerprint, StructureComposition

    if isinstance(made, SiteStatsFingerprint):
        made = made.site_featurizer
    return type(made).fit not in {BaseFeaturizer.fit, StructureComposition.fit}
