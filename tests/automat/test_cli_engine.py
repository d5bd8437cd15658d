"""What the command line makes of an engine that cannot go on."""

from __future__ import annotations

import pytest
import typer

from automat import cli, cli_engine
from automat.core import EngineError, InputError
from automat.executors.workers import WorkersError


@pytest.mark.parametrize("error", [EngineError, WorkersError])
def test_cells_that_cannot_be_computed_any_more_are_one_message(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error("a worker process could not start: no such module")

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 3
    assert capsys.readouterr().err == "automat: a worker process could not start: no such module\n"


def test_ctrl_c_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, cli_engine.place(None, None, None, None):
        raise KeyboardInterrupt
    assert end.value.exit_code == 130
    assert "the same command goes on from here" in capsys.readouterr().err


def test_a_dry_run_needs_a_cluster_file() -> None:
    with pytest.raises(InputError, match="--cluster names none"):
        cli_engine.print_job_script(None)
