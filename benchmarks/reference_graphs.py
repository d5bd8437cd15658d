"""MEGNet and SchNet on the graphs of their papers, and on the 12 nearest neighbours: error and cost.

    python benchmarks/reference_graphs.py        # about two minutes

Each is trained for 10 epochs on 1,000 crystals of ``mp_formation``, and tested on the first of five folds.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

ROWS, EPOCHS = 1000, 10


def main() -> None:
    """Print a line an entrant."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    os.environ.setdefault("DGLBACKEND", "pytorch")
    from automat_featurizers import graph_builder

    from automat import datasets, models, presets, splits
    from automat.core import Split

    data = datasets.load("mp_formation")
    fold = splits.make(data, Split("random", 5, 0))[0]
    rows = np.random.default_rng(0).permutation(fold.train)[:ROWS]
    print(f"{ROWS:,} training rows and the test rows of the first of five folds, {EPOCHS} epochs")
    for name in ("schnet", "schnet:reference", "megnet", "megnet:reference"):
        (model,) = models.resolve([name])
        graphs = graph_builder(model.graph).transform(data.structures)
        params = {**model.defaults, **model.settings(presets.budget("default")), "epochs": EPOCHS}
        network = model.make("regression", params, 0)
        started = time.process_time()
        network.fit(graphs.take(rows), data.target[rows])
        spent = time.process_time() - started
        error = np.abs(network.predict(graphs.take(fold.test)) - data.target[fold.test]).mean()
        print(
            f"{name:18} {model.graph:16} {len(graphs.source):9,} edges  MAE {error:.4f} {data.unit}  "
            f"fit {spent:.0f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
