"""What one looks at before modelling: the target, compositions, sizes, maps of the features, clusters, oddities."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import datasets
from automat.core import Dataset, InputError
from automat.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_ROWS = 1500
"""Rows that maps are drawn of: t-SNE of more takes longer than a look is worth."""

FEWEST_ROWS = 10
_COMPONENTS = 20
_PERPLEXITY = 30.0
_CLUSTERS = range(2, 9)
_NEIGHBOURS = 5
_UMAP_NEIGHBOURS = 15
_LISTED = 20
_FAR = 3.5
"""Robust z-score beyond which a target is listed (Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers)."""


def explore(dataset: Dataset, *, seed: int = 0, most_rows: int = MOST_ROWS) -> dict[str, Any]:
    """Everything that the page shows, JSON-able.

    Distributions, elements, duplicates and odd targets are of all rows; maps and clusters of a sample, drawn without
    looking at the target. Nothing of it is given to a model.

    Args:
        dataset: compositions, structures or a table.
        seed: of the sample, t-SNE and k-means.
        most_rows: of the sample.

    Raises:
        InputError: fewer than ten rows, or no feature that varies.
    """
    if len(dataset) < FEWEST_ROWS:
        raise InputError(f"{dataset.name!r} has {len(dataset)} rows; a map needs at least {FEWEST_ROWS}")
    rows = np.arange(len(dataset))
    if len(rows) > most_rows:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most_rows, replace=False))
    scaled, names = _features(dataset, rows)
    return {
        "dataset": dataset.name,
        "target": dataset.target_name,
        "unit": dataset.unit,
        "task": dataset.task,
        "classes": list(dataset.classes),
        "rows": len(dataset),
        "seed": seed,
        "values": _short(dataset.target),
        "sizes": _sizes(dataset),
        "elements": _elements(dataset),
        "duplicates": _duplicates(dataset),
        "odd_targets": _odd_targets(dataset),
        "map": _map(dataset, rows, scaled, seed) | {"features": len(names)},
    }


def write(
    dataset: str | Path | Dataset, out: str | Path, *, target: str | None = None, seed: int = 0, lang: str = "en"
) -> Path:
    """Explore a dataset, and keep ``explore.json`` and the page ``explore.html`` in its folder of results.

    Raises:
        InputError: something given cannot be used.
    """
    import json
    from pathlib import Path

    import automat_reports

    from automat.core import UnknownNameError

    if lang not in automat_reports.LANGUAGES:
        raise UnknownNameError("language", lang, automat_reports.LANGUAGES)
    data = dataset if isinstance(dataset, Dataset) else datasets.load(dataset, target=target)
    found = explore(data, seed=seed)
    store = Store(Path(out))
    folder = store.folder(data.name)
    folder.mkdir(parents=True, exist_ok=True)
    store.write_page(folder / "explore.json", json.dumps(found, allow_nan=False))
    page = folder / "explore.html"
    store.write_page(page, automat_reports.render_exploration(found, automat_reports.Translator(lang)))
    return page


def _features(dataset: Dataset, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], list[str]]:
    """Standardised features that vary, shape (rows, columns): Magpie's of compositions, or the encoded table."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    if dataset.compositions is not None:
        from automat_featurizers import Magpie

        made = Magpie().fit_transform(dataset.compositions.take(rows))
    else:
        from automat_featurizers import TableEncoder

        assert dataset.table is not None  # noqa: S101 - a dataset without compositions is a table
        made = TableEncoder().fit_transform(dataset.table.iloc[rows])
    values = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(np.asarray(made, np.float64))
    varies = values.std(axis=0) > 0
    if not varies.any():
        raise InputError(f"no feature of {dataset.name!r} varies, so there is nothing to map")
    names = [str(place) for place in np.flatnonzero(varies)]
    return np.asarray(StandardScaler().fit_transform(values[:, varies]), np.float64), names


def _map(dataset: Dataset, rows: NDArray[np.intp], scaled: NDArray[np.float64], seed: int) -> dict[str, Any]:
    from sklearn.cluster import DBSCAN, KMeans
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from threadpoolctl import threadpool_limits

    pca = PCA(min(_COMPONENTS, *scaled.shape), random_state=seed)
    with threadpool_limits(1):  # sums in another order give another map
        reduced = pca.fit_transform(scaled)
        tsne = TSNE(
            perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3), init="random", random_state=seed, n_jobs=1
        ).fit_transform(reduced)
        best: tuple[float, NDArray[np.intp]] = (-np.inf, np.zeros(len(rows), np.intp))
        for count in _CLUSTERS:
            labels = KMeans(count, n_init=4, random_state=seed).fit_predict(reduced)
            found = len(set(labels.tolist()))
            score = silhouette_score(reduced, labels) if 1 < found < len(rows) else -np.inf
            best = max(best, (float(score), labels), key=lambda each: each[0])
        # The radius at which nine in ten rows have their neighbours: dense regions join, lone rows stay out.
        nearest = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(reduced).kneighbors()[0][:, -1]
        radius = float(np.quantile(nearest, 0.9)) or 1e-6
        dense = DBSCAN(eps=radius, min_samples=_NEIGHBOURS).fit_predict(reduced)
        lof = LocalOutlierFactor(n_neighbors=min(20, len(rows) - 1)).fit(reduced)
    strange = np.argsort(lof.negative_outlier_factor_, kind="stable")[:_LISTED]
    formulas = dataset.formulas
    return {
        "ids": dataset.ids[rows].tolist(),
        "formulas": [formulas[row] for row in rows] if formulas else [],
        "target": _short(dataset.target[rows]),
        "pca": [_short(column) for column in (reduced[:, 0], reduced[:, min(1, reduced.shape[1] - 1)])],
        "variance": _short(pca.explained_variance_ratio_[:2]),
        "tsne": [_short(column) for column in tsne.T],
        "umap": _umap(reduced, seed),
        "kmeans": best[1].tolist(),
        "silhouette": round(best[0], 3) if np.isfinite(best[0]) else None,
        "dbscan": dense.tolist(),
        "radius": round(radius, 3),
        "outliers": [
            {"id": str(dataset.ids[rows[place]]), "factor": round(float(-lof.negative_outlier_factor_[place]), 2)}
            | {"formula": formulas[rows[place]] if formulas else ""}
            for place in strange
        ],
    }


def _umap(reduced: NDArray[np.float64], seed: int) -> list[list[float]] | None:
    """A second map of neighbourhoods; None where umap-learn is not installed."""
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import umap

            made = umap.UMAP(
                n_neighbors=min(_UMAP_NEIGHBOURS, len(reduced) - 1), init="pca", random_state=seed, n_jobs=1
            ).fit_transform(reduced)
    except ImportError:
        return None
    return [_short(column) for column in made.T]


def _sizes(dataset: Dataset) -> dict[str, list[int]]:
    """Rows by number of elements, and by number of sites."""
    sizes: dict[str, list[int]] = {}
    if dataset.compositions is not None:
        sizes["elements"] = np.diff(dataset.compositions.row_ptr).tolist()
    if dataset.structures is not None:
        sizes["sites"] = np.diff(dataset.structures.row_ptr).tolist()
    return sizes


def _elements(dataset: Dataset) -> list[dict[str, Any]]:
    """How many rows hold each element, and the median target (regression) of those."""
    if dataset.compositions is None:
        return []
    from pymatgen.core import Element

    packed = dataset.compositions
    owners = np.repeat(np.arange(len(packed)), np.diff(packed.row_ptr))
    found = []
    for number in np.unique(packed.atomic_numbers).tolist():
        holders = np.unique(owners[packed.atomic_numbers == number])
        element = Element.from_Z(number)
        row, group = _place(number, element)
        median = float(np.median(dataset.target[holders])) if dataset.task == "regression" else None
        found.append({"symbol": element.symbol, "rows": len(holders), "median": median, "period": row, "group": group})
    return found


def _place(number: int, element: Any) -> tuple[int, int]:
    """Row and column of the drawn periodic table; lanthanides and actinides stand below it."""
    lanthanum, lutetium, actinium, lawrencium = 57, 71, 89, 103
    if lanthanum <= number <= lutetium:
        return 9, number - lanthanum + 3
    if actinium <= number <= lawrencium:
        return 10, number - actinium + 3
    return int(element.row), int(element.group)


def _duplicates(dataset: Dataset) -> dict[str, Any]:
    """Rows of equal inputs, or of equal composition, and how far their targets differ."""
    if dataset.compositions is not None:
        keys: Sequence[Any] = dataset.compositions.formulas
    else:
        assert dataset.table is not None  # noqa: S101 - a dataset without compositions is a table
        keys = [tuple(row) for row in dataset.table.itertuples(index=False)]
    counts = Counter(keys)
    groups: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        if counts[key] > 1:
            groups.setdefault(key, []).append(row)
    spread = {key: float(np.ptp(dataset.target[rows])) for key, rows in groups.items()}
    widest = sorted(groups, key=lambda key: -spread[key])[:_LISTED]
    return {
        "of": "formula" if dataset.compositions is not None else "row",
        "groups": len(groups),
        "rows": sum(map(len, groups.values())),
        "widest": [
            {
                "name": key if dataset.compositions is not None else ", ".join(dataset.ids[groups[key]].tolist()[:5]),
                "rows": len(groups[key]),
                "spread": float(f"{spread[key]:.4g}"),
            }
            for key in widest
        ],
    }


def _odd_targets(dataset: Dataset) -> list[dict[str, Any]]:
    """Rows whose target lies far from the others', by the median and the median absolute deviation."""
    if dataset.task != "regression":
        return []
    off = np.abs(dataset.target - np.median(dataset.target))
    # 0.6745 makes the median absolute deviation a standard deviation, were targets normal.
    deviation = float(np.median(off)) / 0.6745
    if not deviation > 0:
        return []
    order = np.argsort(-off, kind="stable")[:_LISTED]
    formulas = dataset.formulas
    return [
        {
            "id": str(dataset.ids[row]),
            "formula": formulas[row] if formulas else "",
            "target": float(f"{dataset.target[row]:.4g}"),
            "score": round(float(off[row]) / deviation, 1),
        }
        for row in order
        if off[row] / deviation > _FAR
    ]


def _short(values: Any) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
