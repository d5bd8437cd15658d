"""Why a trained model predicts what it does: what every feature, or every atom, adds.

Trees: exact Shapley values of the trees (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), by the shap
library; they and the base value sum to the prediction (for classes: to the model's raw score of each class).
Networks with an additive head: each atom's contribution, whose mean over the crystal is the prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from automat.core import InputError
from automat.output import final_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike

    from automat.trained import TrainedModel

_STRONGEST = 10


def explain(trained: TrainedModel, X: Any, ids: Sequence[str], strongest: int = _STRONGEST) -> pd.DataFrame:
    """What the parts of every row add to its prediction.

    Returns:
        Trees: ``id``, ``feature``, ``value``, ``adds`` (in the target's unit; for classes a raw score, with the
        class in ``of``), the strongest first and the rest as ``all others``; the base value is a row of its own.
        Networks: ``id``, ``site``, ``element``, ``adds``: the mean over a crystal's sites is its prediction.

    Raises:
        InputError: the model can be explained in neither way.
    """
    if trained.card.takes == "graph":
        return _atoms(trained, X, ids)
    if trained.card.takes != "features":
        raise InputError(f"{trained.card.name!r} takes {trained.card.takes}; only trees on features are explained so")
    return _features(trained, X, ids, strongest)


def by_element(told: pd.DataFrame, sites: ArrayLike | None = None) -> pd.DataFrame:
    """What atoms of an element add on average, from :func:`explain`'s table of them; the lowest mean first.

    Args:
        told: a row an atom.
        sites: a label for every row, such as A, B and X of a perovskite: averages are then by element and site.

    Returns:
        ``element``, ``site`` where given, ``atoms`` and ``crystals`` (by id) that it is found in, ``mean`` and ``std``
        (over atoms, NaN for one) in the target's unit.

    Raises:
        InputError: the table is not of atoms.
        ValueError: not one label an atom.
    """
    if not {"id", "element", "adds"} <= set(told.columns):
        raise InputError("only what atoms add can be averaged by element; this model is explained by its features")
    table, by = told[["id", "element", "adds"]].dropna(), ["element"]
    if sites is not None:
        labels = np.asarray(sites)
        if labels.shape != (len(told),):
            raise ValueError(f"{len(told)} atoms need as many site labels, but got shape {labels.shape}")
        table, by = told[["id", "element", "adds"]].assign(site=labels).dropna(), ["element", "site"]
    grouped = table.groupby(by, as_index=False).agg(
        atoms=("adds", "size"), crystals=("id", "nunique"), mean=("adds", "mean"), std=("adds", "std")
    )
    return grouped.sort_values(["mean", *by], ignore_index=True)


def _atoms(trained: TrainedModel, X: Any, ids: Sequence[str]) -> pd.DataFrame:
    import pandas as pd
    from automat_featurizers.elements import symbols

    from automat.networks.explain import contributions

    made = contributions(trained.estimator, trained.inputs(X))
    counts = np.diff(made.row_ptr)
    return pd.DataFrame(
        {
            "id": np.repeat(np.asarray(ids, dtype=object), counts),
            "site": np.concatenate([np.arange(count) for count in counts]) if len(counts) else [],
            "element": np.array(symbols(), dtype=object)[made.atomic_numbers],
            "adds": made.values,  # noqa: PD011 - no data frame
        }
    )


def _features(trained: TrainedModel, X: Any, ids: Sequence[str], strongest: int) -> pd.DataFrame:
    import pandas as pd
    import shap

    given = trained.inputs(X)
    model = final_step(trained.estimator)
    values = trained.estimator[:-1].transform(given) if model is not trained.estimator else given
    values = np.asarray(values, dtype=np.float64)
    try:
        explainer = shap.TreeExplainer(model)
    except Exception as error:
        raise InputError(
            f"{trained.card.name!r} is made of no trees, so its predictions cannot be taken apart by feature"
        ) from error
    adds, base = np.asarray(explainer.shap_values(values)), np.atleast_1d(explainer.expected_value)
    if adds.ndim == 2:  # noqa: PLR2004 - one score: regression, or the second of two classes
        adds = adds[:, :, None]
    names = np.array(trained.feature_names(), dtype=object)
    classes = trained.card.classes
    of = [""] if not classes else [classes[-1]] if adds.shape[2] == 1 else list(classes)
    parts = [
        _strongest(identity, row, adds[position, :, score], float(base[score]), names, strongest) | {"of": label}
        for position, (identity, row) in enumerate(zip(ids, values, strict=True))
        for score, label in enumerate(of)
    ]
    table = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True) if parts else pd.DataFrame()
    return table if classes else table.drop(columns="of", errors="ignore")


def _strongest(identity: str, row: Any, adds: Any, base: float, names: Any, count: int) -> dict[str, Any]:
    order = np.argsort(-np.abs(adds), kind="stable")
    shown, rest = order[:count], order[count:]
    features, values, added = ["(base)", *names[shown]], [np.nan, *row[shown]], [base, *adds[shown]]
    if len(rest):
        features, values, added = [*features, "all others"], [*values, np.nan], [*added, float(adds[rest].sum())]
    return {"id": identity, "feature": features, "value": values, "adds": added}
