"""Several networks of one recipe: their mean predicts better, their spread tells how sure they are.

Deep ensembles: B. Lakshminarayanan, A. Pritzel and C. Blundell, NeurIPS 30 (2017), arXiv:1612.01474. Members
differ in their first weights, their shuffles, and the inner holdout that each chooses its epoch by.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from automat.networks.checkpoints import Checkpoint
    from automat.networks.estimators import NetworkClassifier, NetworkRegressor
    from automat.networks.trainer import OnEpoch

    Values = NDArray[np.float64]


class _Ensemble(BaseEstimator):  # type: ignore[misc]
    """Members are copies of one network, each with a seed of its own.

    Args:
        estimator: the network; its own seed does not count.
        members: how many, at least 2.
        seed: of the members' seeds; the first member has this very one, so it is the network alone.

    Attributes:
        members_: the fitted networks.
        on_epoch: told of every epoch of the first member. Ending that one ends no other; what it raises does.
        checkpoint: where the members are kept, each in a file whose name ends in its position.
        details_: those of every member, and what they have in all, JSON-able.
    """

    _automat_network: ClassVar[bool] = True  # as a network's

    on_epoch: OnEpoch | None = None
    checkpoint: Checkpoint | None = None

    def __init__(self, estimator: Any, members: int = 5, *, seed: int = 0) -> None:
        self.estimator = estimator
        self.members = members
        self.seed = seed

    def fit(self, X: Any, y: NDArray[np.float64]) -> Self:
        """Fit every member on n inputs and their n targets.

        Raises:
            ValueError: fewer than 2 members, whose spread would be nothing; or what a member refuses.
        """
        self._check_members()
        self.members_ = [self._member(position, seed) for position, seed in enumerate(self._seeds())]
        for member in self.members_:
            member.fit(X, y)
        self.details_ = {
            "members": [member.details_ for member in self.members_],
            "parameters": sum(member.details_["parameters"] for member in self.members_),
        }
        return self

    def check(self) -> None:
        """Look at the parameters, those of the network too.

        Raises:
            ValueError: a value that makes no sense.
        """
        self._check_members()
        self.estimator.check()

    def _check_members(self) -> None:
        if self.members < 2:  # noqa: PLR2004 - a spread takes two
            raise ValueError(f"an ensemble needs at least 2 members, but got {self.members}")

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in {"on_epoch", "checkpoint"}}

    def _seeds(self) -> list[int]:
        others = np.random.SeedSequence(self.seed).generate_state(self.members - 1)
        return [self.seed, *map(int, others)]

    def _member(self, position: int, seed: int) -> Any:
        member = clone(self.estimator).set_params(seed=seed)
        if position == 0:
            member.on_epoch = self.on_epoch
        if self.checkpoint is not None:
            path = self.checkpoint.path
            member.checkpoint = replace(self.checkpoint, path=path.with_name(f"{path.stem}-{position}{path.suffix}"))
        return member


class EnsembleRegressor(RegressorMixin, _Ensemble):  # type: ignore[misc]
    """Networks for one target."""

    estimator: NetworkRegressor
    members_: list[NetworkRegressor]

    @overload
    def predict(self, X: Any, return_std: Literal[False] = False) -> Values: ...
    @overload
    def predict(self, X: Any, return_std: Literal[True]) -> tuple[Values, Values]: ...
    def predict(self, X: Any, return_std: bool = False) -> Values | tuple[Values, Values]:
        """The members' mean, shape (n,); with ``return_std`` their sample standard deviation too.

        The spread tells where members disagree for want of data. Noise in the targets is not in it, so it
        is too small as an error bar until it is calibrated.
        """
        return _mean([member.predict(X) for member in self.members_], return_std=return_std)


class EnsembleClassifier(ClassifierMixin, _Ensemble):  # type: ignore[misc]
    """Networks for classes.

    Attributes:
        classes_: the class codes of the training rows, in the order of the probabilities' columns.
    """

    estimator: NetworkClassifier
    members_: list[NetworkClassifier]

    @property
    def classes_(self) -> NDArray[Any]:
        """Every member is fitted on the same rows, so has the same classes."""
        classes: NDArray[Any] = self.members_[0].classes_
        return classes

    @overload
    def predict_proba(self, X: Any, return_std: Literal[False] = False) -> Values: ...
    @overload
    def predict_proba(self, X: Any, return_std: Literal[True]) -> tuple[Values, Values]: ...
    def predict_proba(self, X: Any, return_std: bool = False) -> Values | tuple[Values, Values]:
        """The members' mean probabilities, shape (n, classes), and with ``return_std`` their spread."""
        return _mean([member.predict_proba(X) for member in self.members_], return_std=return_std)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """The likeliest class code of every row, shape (n,)."""
        chosen: NDArray[np.float64] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


def _mean(predictions: list[Values], *, return_std: bool) -> Values | tuple[Values, Values]:
    by_member = np.stack(predictions)
    mean: Values = by_member.mean(axis=0)
    return (mean, by_member.std(axis=0, ddof=1)) if return_std else mean
