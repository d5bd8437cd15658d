"""What ``import automat`` gives, and what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

import automat


def test_modules_and_calls_are_there_without_an_import_of_their_own() -> None:
    code = (
        "import sys, automat; assert not {'pandas', 'torch', 'plotly', 'pymatgen'} & set(sys.modules); "
        "print(len(automat.datasets.load('iris')), *(module.__name__ for module in "
        "(automat.api, automat.audit, automat.check, automat.verify)), automat.run.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["150", "automat.api", "automat.audit", "automat.check", "automat.verify", "run"]


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = automat.nothing
