"""Commands that only list load no library that computes: starting them must not take seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "automat_leaderboards", "automat_reports", "catboost", "dgl", "joblib", "lightgbm", "matminer", "numba", "optuna",
    "pandas", "plotly", "pyarrow", "pycaret", "pymatgen", "scipy", "sklearn", "torch", "xgboost",
)  # fmt: skip
SCRIPT = """
import runpy, sys
sys.argv = ["automat", *sys.argv[1:]]
try:
    runpy.run_module("automat.cli", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    ("words", "shown", "forbidden"),
    [
        ("--help", "Honest leaderboards", (*HEAVY, "numpy", "rich")),
        ("run --help", "Compare models on a dataset", (*HEAVY, "numpy")),
        ("datasets", "mp_piezoelectric", (*HEAVY, "numpy")),
        ("splits", "chemical-system", (*HEAVY, "numpy")),
        ("models", "random_forest", HEAVY),
    ],
)
def test_listing_loads_nothing_that_computes(words: str, shown: str, forbidden: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words.split()], capture_output=True, text=True, timeout=120, check=True
    )
    output, _, loaded = done.stdout.rpartition("loaded:")
    assert shown in output
    assert not set(loaded.split()) & set(forbidden)
