"""For all tests: property tests repeat, a busy machine fails none of them, and what several folders of tests use."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("automat", deadline=None, derandomize=True)
settings.load_profile("automat")


class InThisProcess:
    """An executor: cells one after the other in this very process, by what a worker does with a job and a cell."""

    def connect(self) -> None:
        """It is here."""

    def run_cells(
        self,
        job: Any,
        cells: Any,
        *,
        on_record: Callable[..., None],
        on_running: Callable[..., None] = lambda _cells: None,
        jobs: int | None = None,
        time_limit: float | None = None,
        memory_limit: int | None = None,
    ) -> None:
        from automat.executors import local, parcels
        from automat.executors.claims import Queue

        del jobs
        assert time_limit is None, "a cell in this process cannot be ended"
        assert memory_limit is None, "a cell in this process cannot be ended"
        queue = cells if isinstance(cells, Queue) else Queue(cells)
        with (
            tempfile.TemporaryDirectory(prefix="automat-") as name,
            pytest.MonkeyPatch.context() as patch,
        ):
            for variable, value in job.environment.items():  # a worker keeps them for its life, this process may not
                patch.setenv(variable, value)
            work = local.prepare(str(Path(name) / parcels.write(job, Path(name)).job))
            try:
                while (cell := queue.next()) is not None:
                    on_running([cell])
                    *_, last = work(cell)
                    on_record(*last)
                    queue.drop(cell)
                    queue.renew()
            finally:
                queue.close()


@pytest.fixture(scope="session")
def in_this_process() -> InThisProcess:
    """An executor for ``automat.run``."""
    return InThisProcess()


@pytest.fixture(scope="module")
def cells_in_this_process() -> Iterator[None]:
    """Runs need no worker processes: each costs seconds to start, and most tests ask what cells give, not where."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("automat.executors.choosing.Local", InThisProcess)
        yield


@pytest.fixture(scope="session")
def called() -> Callable[..., tuple[int, str]]:
    """Calls ``automat`` in this process: folder, variables and words to its exit code and what it prints."""

    def call(folder: Path, variables: dict[str, str], *arguments: str) -> tuple[int, str]:
        from automat import cli

        told, code = io.StringIO(), 0
        with (
            contextlib.chdir(folder),
            pytest.MonkeyPatch.context() as patch,
            warnings.catch_warnings(),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
        ):
            patch.setattr(sys, "argv", ["automat", *arguments])
            for name, value in variables.items():
                patch.setenv(name, value)
            try:
                cli.main()
            except SystemExit as left:
                code = int(left.code or 0)
        return code, told.getvalue()

    return call


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, which notes what pages ask for and what goes wrong in them."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--window-size=1400,1200",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()
