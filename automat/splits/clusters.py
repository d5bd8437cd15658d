"""Rows that are alike are left out together: leave-one-cluster-out, fitted without the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from automat.core import InputError
from automat.splits._base import MIN_LEFT_OUT, Cut, SplitKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automat.core import Dataset
    from automat.splits._base import Request

VARIANCE_KEPT = 0.95
"""Share of the variance of the standardised features that the principal components keep."""

STARTS = 10
"""Of k-means; the best of them counts."""

_spaces: WeakKeyDictionary[Dataset, NDArray[np.float64]] = WeakKeyDictionary()


def feature_space(dataset: Dataset) -> NDArray[np.float64]:
    """Standardised features of every row: where rows lie to each other, whatever their target, shape (n, columns).

    Magpie's 132 composition features (Ward et al. 2016, doi:10.1038/npjcompumats.2016.28), or the columns of a
    plain table, categories one-hot; each column less its mean, over its standard deviation. Constant columns
    are left out; what is missing becomes the mean. Crystals of one composition lie at one place.
    """
    if dataset not in _spaces:
        _spaces[dataset] = _standardised(_features(dataset))
    return _spaces[dataset]


def _features(dataset: Dataset) -> NDArray[np.float64]:
    import automat_featurizers
    import numpy as np

    if dataset.compositions is not None:
        values = automat_featurizers.featurize(dataset.compositions, [automat_featurizers.Magpie()]).values
    else:
        values = automat_featurizers.TableEncoder().fit_transform(dataset.table)
    return np.asarray(values, dtype=np.float64)


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, filled - mean, 0.0)
    spread = centred.std(axis=0)
    # What is left of a constant column after subtraction is rounding.
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
    standardised: NDArray[np.float64] = centred[:, varies] / spread[varies]
    return standardised


def cut_cluster(request: Request) -> list[Cut]:
    """Each cluster of k-means, on the principal components of the feature space, is left out in turn.

    As many clusters as folds, largest first (Meredig et al. 2018, doi:10.1039/C8ME00012C). The clusters are
    those of the rows to cut: tuning clusters the training rows anew.

    Raises:
        InputError: fewer clusters of two rows and more than folds; rows that are all alike.
    """
    import numpy as np

    space = feature_space(request.dataset)[request.rows]
    # Equal rows can only be in one cluster, so places count, not rows.
    places = len(np.unique(space, axis=0)) if space.shape[1] else 1
    folds = request.folds_of(places, f"rows of {request.dataset.name!r} that differ in their features")
    found = _clusters(space, folds, request.seed)
    sizes = np.bincount(found, minlength=folds)
    if sizes.min() < MIN_LEFT_OUT and request.outer is None:
        raise InputError(
            f"split 'cluster-out': the {folds} clusters of {request.dataset.name!r} have "
            f"{', '.join(map(str, sizes))} rows; a fold needs at least {MIN_LEFT_OUT}, so ask for fewer"
        )
    order = np.argsort(-sizes, kind="stable")
    return [
        Cut(request.rows[found == cluster], f"cluster {number}")
        for number, cluster in enumerate(order, start=1)
        if sizes[cluster] >= MIN_LEFT_OUT
    ]


def _clusters(space: NDArray[np.float64], count: int, seed: int) -> NDArray[np.intp]:
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    # The order in which threads add up may decide to which of two near clusters a row goes.
    with threadpool_limits(1):
        components = PCA(VARIANCE_KEPT, svd_solver="full").fit_transform(space)
        model: Any = KMeans(count, n_init=STARTS, random_state=seed)
        found: NDArray[np.intp] = model.fit_predict(components).astype(np.intp)
    return found


KINDS = (
    SplitKind(
        "cluster-out",
        cut_cluster,
        "one cluster of like materials left out a fold: how well the model does away from all it has seen",
        needs="compositions or structures (Magpie features), or a plain table",
        shuffled=True,
    ),
)
