"""Commands load what they need and no more: starting them must not take seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import automat_featurizers
import numpy as np
import pytest

from automat import datasets
from automat.domain import Domain
from automat.networks import backends
from automat.trained import Card, TrainedModel

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
print("loaded:", *sorted(sys.modules))
"""


def started(*words: str) -> tuple[str, list[str]]:
    """What a command prints in a process of its own, and the modules that it has loaded by its end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        env={name: value for name, value in os.environ.items() if name != backends.VARIABLE},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output, _, loaded = done.stdout.rpartition("loaded:")
    return output, loaded.split()


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
    output, loaded = started(*words.split())
    assert shown in output
    assert not {name.partition(".")[0] for name in loaded} & set(forbidden)


def saved(kind: str, folder: Path) -> tuple[Path, Path]:
    """A model of a few crystals in its file, and one of them as CIF."""
    whole = datasets.load("mp_dielectric")
    assert whole.structures is not None
    few, target = whole.structures.take(np.arange(20)), whole.target[:20]
    magpie = automat_featurizers.featurize(few, "magpie").values
    inputs: Any = magpie
    takes, features = "features", "magpie"
    if kind == "lightgbm":
        from lightgbm import LGBMRegressor

        estimator = LGBMRegressor(n_estimators=2, verbose=-1).fit(magpie, target)
    elif kind == "extra_trees":
        from sklearn.ensemble import ExtraTreesRegressor

        estimator = ExtraTreesRegressor(n_estimators=2).fit(magpie, target)
    else:
        from automat.networks.cgcnn import CGCNNRegressor

        inputs = automat_featurizers.graph_builder("nearest").transform(few)
        estimator = CGCNNRegressor(width=4, hidden=4, epochs=1).fit(inputs, target)
        takes, features = "graph", "graph:nearest"
    card = Card(
        name=kind, title=kind, task="regression", target="gap", unit="eV", classes=(), inputs="structures",
        takes=takes, features=features, features_version="1", params={}, dataset="few", dataset_sha256="", rows=20,
    )  # fmt: skip
    crystal = folder / "one.cif"
    crystal.write_text(str(few[0].to(fmt="cif")))
    return TrainedModel(card, estimator, None, Domain.of(magpie)).save(folder / "m.automat"), crystal


NEVER = ("automat_leaderboards.board", "automat_reports", "dgl", "matminer.featurizers", "matplotlib", "networkx",
         "optuna", "plotly", "pycaret", "shap")  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "forbidden", "most"),
    [
        ("lightgbm", ("torch",), 2_700),
        ("extra_trees", ("torch", "lightgbm", "xgboost", "catboost", "pandas", "sklearn.mixture"), 2_650),
        ("cgcnn", ("skops", "lightgbm", "sklearn.ensemble", "sklearn.neighbors", "torch._dynamo", "pandas"), 3_400),
    ],
)
def test_a_prediction_loads_what_its_model_is_made_of(
    kind: str, forbidden: tuple[str, ...], most: int, tmp_path: Path
) -> None:
    model, crystal = saved(kind, tmp_path)
    output, loaded = started("predict", str(model), "--input", str(crystal))
    assert "one.cif" in output
    assert not set(loaded) & {*NEVER, *forbidden}
    assert len(loaded) < most
