"""Which executor is meant, and what is said where none can be."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from automat.core import InputError, UnknownNameError
from automat.executors.choosing import opened
from automat.executors.local import Local


def open_and_close(*given: Any, **options: Any) -> Any:
    with opened(*given, **options) as found:
        return found


def test_cells_run_here_unless_it_is_said_otherwise() -> None:
    assert isinstance(open_and_close(), Local)
    assert isinstance(open_and_close("local"), Local)


def test_one_that_is_open_is_passed_on() -> None:
    here = Local()
    assert open_and_close(here) is here


def test_an_unknown_one() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown executor 'dsk'. Did you mean 'dask'\? Allowed: dask, local"):
        open_and_close("dsk")


def test_what_does_not_go_together() -> None:
    with pytest.raises(InputError, match="this machine, but scheduler 'tcp://x:1' was given"):
        open_and_close("local", scheduler="tcp://x:1")
    with pytest.raises(InputError, match=r"scheduler 'tcp://x:1' and cluster 'a\.toml' were both given"):
        open_and_close(scheduler="tcp://x:1", cluster="a.toml")


@pytest.mark.parametrize(
    ("given", "absent"),
    [({"executor": "dask"}, "dask and distributed"), ({"cluster": "a.toml"}, "dask and distributed and dask-jobqueue")],
)
def test_without_dask(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], absent: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError) as caught:
        open_and_close(**given)
    assert str(caught.value) == (
        f"executor 'dask' needs {absent}, not installed here: pip install \"automat[cluster]\""
    )
