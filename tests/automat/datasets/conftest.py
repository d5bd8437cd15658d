"""Where public datasets lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def matbench_data() -> Path:
    """The folder that ``AUTOMAT_DATA`` names, with Matbench's tables; tests that need it are skipped without."""
    given = os.environ.get("AUTOMAT_DATA")
    if not given or not (Path(given) / "matbench").is_dir():
        pytest.skip("AUTOMAT_DATA names no folder with matbench/")
    return Path(given)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public datasets: what ``AUTOMAT_DATA`` names, or the one beside the checkout."""
    given = os.environ.get("AUTOMAT_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[4] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no folder of public datasets: AUTOMAT_DATA names none, and none lies beside the checkout")
    return folder
