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
