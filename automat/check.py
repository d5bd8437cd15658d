"""Is a plug-in well-formed? Its contract, tried in a worker process that may hang or die.

The user's code never runs in this process: one worker reads the file and packs its models, as a run does for
its workers, and another one takes each model up and tries it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from automat_featurizers.environment import die_with_parent, environment, without_main

from automat import _process
from automat.core import InputError, Model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from automat import contract

STEP_SECONDS = 60.0
"""What one step may take, by default."""

_START_SECONDS = 120.0
"""What a worker may take to start: the first imports on a busy machine."""

_LOADS = "loads"
_SAYS = "name, input and tasks"
_PACKAGES = "packages it needs"
_TRAVELS = "travels to a worker"


@dataclass(frozen=True)
class CheckLine:
    """One promise of the contract.

    Attributes:
        name: of the promise.
        status: ``ok``, ``failed``, or ``skipped`` where an earlier one failed.
        message: a remark, or what is wrong and how to mend it.
        task: that it was tried for; empty where it concerns all.
    """

    name: str
    status: Literal["ok", "failed", "skipped"]
    message: str = ""
    task: str = ""


@dataclass(frozen=True)
class ModelCheck:
    """One model's lines, in the order they were tried.

    Attributes:
        name: of the model; of the file, where it did not load.
        input: what it takes.
    """

    name: str
    input: str
    lines: tuple[CheckLine, ...]

    @property
    def passed(self) -> bool:
        """Whether every line is ok."""
        return all(line.status == "ok" for line in self.lines)


@dataclass(frozen=True)
class CheckReport:
    """What became of the models of a file.

    Attributes:
        subject: the file or the name that was given.
    """

    subject: str
    models: tuple[ModelCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every model keeps the contract."""
        return all(model.passed for model in self.models)


@dataclass(frozen=True)
class _Begins:
    """A worker begins to try a promise."""

    name: str
    task: str = ""


@dataclass(frozen=True)
class _OurError:
    """An error that is not the model's."""

    trace: str


@dataclass(frozen=True)
class _Loaded:
    """A model as it came out of the worker that read it, packed; ``packed`` is empty where that failed."""

    name: str
    input: str
    lines: tuple[CheckLine, ...]
    packed: bytes


def check(subject: str | Path | Model, *, time_limit: float = STEP_SECONDS) -> CheckReport:
    """Try a plug-in's contract.

    Args:
        subject: a ``.py`` file, the name of a registered model (an installed plug-in), or a Model.
        time_limit: seconds that one step may take.

    Raises:
        InputError: no such file or name, or a file that is not Python.
    """
    if isinstance(subject, Model):
        import cloudpickle

        return CheckReport(subject.name, (_try(_packed(subject, cloudpickle.dumps), time_limit),))
    name = str(subject)
    if name.endswith(".py"):
        _readable(Path(name))
    lines: list[CheckLine] = []
    loaded: list[_Loaded] = []
    for message in _follow(_load, (name,), time_limit, lines.append):
        if isinstance(message, str):
            raise InputError(message)
        loaded.append(message)
    if not loaded:
        return CheckReport(name, (ModelCheck(Path(name).stem, "", tuple(lines)),))
    tried = [_try(model, time_limit, before=lines) for model in loaded]
    return CheckReport(name, tuple(tried))


def _readable(path: Path) -> None:
    """Refuse what is not Python, without running it.

    Raises:
        InputError: so it is.
    """
    if not path.is_file():
        raise InputError(f"no model file at {str(path)!r}")
    try:
        compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{str(path)!r} is not Python that can be read: {error}") from error
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _try(model: _Loaded, time_limit: float, before: list[CheckLine] | None = None) -> ModelCheck:
    lines = [*(before or ()), *model.lines]
    if model.packed:
        for _ in _follow(_keep, (model.packed,), time_limit, lines.append):
            pass
    return ModelCheck(model.name, model.input, tuple(lines))


def _follow(
    work: Callable[..., None], args: tuple[Any, ...], time_limit: float, on_line: Callable[[CheckLine], None]
) -> Iterator[Any]:
    """Run a worker to its end, and tell of every step; one that hangs is killed.

    Yields:
        What the worker sends beside its lines.
    """
    import multiprocessing

    spawning = multiprocessing.get_context("spawn")
    here, there = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_work, args=(there, work, args))
    with environment(_process.ONE_THREAD), without_main():
        process.start()
    there.close()
    step, patience, died = _Begins("starts"), _START_SECONDS, False
    try:
        while True:
            if not here.poll(patience):
                on_line(_failed(step, f"it did not end within {patience:g} s, and was stopped"))
                return
            message = here.recv()
            if message is None:
                return
            if isinstance(message, _Begins):
                step, patience = message, time_limit
            elif isinstance(message, _OurError):
                raise RuntimeError(f"the check itself failed:\n{message.trace}")  # noqa: TRY004 - of no type at all
            elif isinstance(message, CheckLine):
                on_line(message)
                step, patience = _Begins("the next check"), _START_SECONDS
            else:
                yield message
    except EOFError:
        died = True
    finally:
        _end(process)
        here.close()
    if died:
        on_line(_failed(step, f"the process died (exit code {process.exitcode}); nothing a model does may end it"))


def _failed(step: _Begins, message: str) -> CheckLine:
    return CheckLine(step.name, "failed", message, step.task)


def _end(process: Any) -> None:
    """Kill a worker that still runs, and whatever it has started and left behind."""
    from contextlib import suppress

    # Before anything asks how it ended: while nobody has, its number is not given to another process.
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _work(connection: Connection, work: Callable[..., None], args: tuple[Any, ...]) -> None:
    """A worker: quiet, and gone when the process that started it is."""
    import warnings

    if hasattr(os, "setsid"):  # a group of its own, so that all of it can be ended
        os.setsid()
    die_with_parent()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.dup2(sink, sys.stderr.fileno())
    warnings.simplefilter("ignore")
    try:
        work(connection, *args)
    except Exception:  # noqa: BLE001 - our own, as a model's are told where they come up
        connection.send(_OurError(traceback.format_exc()))
    connection.send(None)


def _load(connection: Connection, subject: str) -> None:
    """Read a file, or look a name up; send every model, packed."""
    from automat import models

    connection.send(_Begins(_LOADS))
    path = Path(subject) if subject.endswith(".py") else None
    try:
        found = models.read_file(path) if path else models.resolve([subject])
    except InputError as error:
        if path is None:
            connection.send(str(error))
        else:
            connection.send(CheckLine(_LOADS, "failed", str(error)))
        return
    connection.send(CheckLine(_LOADS, "ok"))
    for model in found:
        connection.send(_prepared(model, path))


def _prepared(model: Model, path: Path | None) -> _Loaded:
    import cloudpickle

    from automat import models
    from automat.models import _imports

    taken = models.registry() if path else ()
    wrong = models.problems(model, taken)
    if wrong:
        return _Loaded(str(model.name), str(model.input), (CheckLine(_SAYS, "failed", "; ".join(wrong)),), b"")
    says = CheckLine(_SAYS, "ok", f"{model.name} takes {model.input}, for {' and '.join(model.tasks)}")
    missing = models.unavailable_because(model) or (_imports.unstated(path, model.requires) if path else "")
    packages = CheckLine(_PACKAGES, "failed" if missing else "ok", missing)
    if missing:
        return _Loaded(model.name, model.input, (says, packages), b"")
    packed = _packed(model, cloudpickle.dumps)
    return _Loaded(model.name, model.input, (says, packages, *packed.lines), packed.packed)


def _packed(model: Model, dumps: Callable[[Any], bytes]) -> _Loaded:
    try:
        return _Loaded(model.name, model.input, (), dumps(model))
    except Exception as error:  # noqa: BLE001 - whatever is in a user's model may refuse
        message = (
            f"it cannot be pickled ({type(error).__name__}: {error}); make open files, locks and the like in build"
        )
        return _Loaded(model.name, model.input, (CheckLine(_TRAVELS, "failed", message),), b"")


def _keep(connection: Connection, packed: bytes) -> None:
    """Take a model up, and try every step of its contract for every task; after a failure the others are skipped."""
    from automat import contract

    connection.send(_Begins(_TRAVELS))
    try:
        model: Model = pickle.loads(packed)  # noqa: S301 - packed by our own worker
    except Exception as error:  # noqa: BLE001 - whatever the user's code does on the way
        connection.send(CheckLine(_TRAVELS, "failed", f"a worker cannot unpack it: {_told(error)}"))
        return
    connection.send(CheckLine(_TRAVELS, "ok"))
    for task in model.tasks:
        stopped = False
        for step in contract.steps(model, task):
            if stopped:
                connection.send(CheckLine(step.name, "skipped", task=task))
                continue
            connection.send(_Begins(step.name, task))
            line = _tried(step, task)
            stopped = step.is_needed and line.status == "failed"
            connection.send(line)


def _tried(step: contract.Step, task: str) -> CheckLine:
    from automat import contract

    try:
        return CheckLine(step.name, "ok", step.keeps(), task)
    except contract.BrokenError as error:
        return CheckLine(step.name, "failed", str(error), task)
    except Exception as error:  # noqa: BLE001 - a model may raise anything
        return CheckLine(step.name, "failed", f"it raises {_told(error)}", task)


def _told(error: BaseException) -> str:
    """An error, and where in the user's own code it came up."""
    ours = (sys.prefix, sys.base_prefix, str(Path(__file__).parent), "<")
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    where = f" ({Path(places[-1].filename).name}, line {places[-1].lineno})" if places else ""
    return " ".join(f"{type(error).__name__}: {error}{where}".split())
