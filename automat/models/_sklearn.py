"""Facts that scikit-learn entrants share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automat.core import Task

BOTH: tuple[Task, ...] = ("regression", "classification")
BSD = "BSD-3-Clause"
PROBST = "ranges after Probst, Boulesteix & Bischl (2019) 'Tunability', JMLR 20(53), 1-32"
GRINSZTAJN = "ranges after Grinsztajn, Oyallon & Varoquaux (2022), NeurIPS 35, 507-520, arXiv:2207.08815"
GORISHNIY = "ranges after Gorishniy et al. (2021), NeurIPS 34, 18932-18943, arXiv:2106.11959"


def scaled(estimator: Any) -> Any:
    """The estimator behind a scaler that is fitted with it."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator)
