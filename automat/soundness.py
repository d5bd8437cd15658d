"""Fitted estimators from a file of somebody's: are their trees and neighbours within their own bounds?

Compiled code follows the indices that a fitted estimator holds without looking: one that points outside ends the
process, or reads what it should not. Here those of trees, neighbours, support vectors and boosters are looked at
once, when the file is read. CatBoost's bytes are checked by its own reader alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_LEAF = -1
_CATEGORICAL = 1
_MOST_CATEGORIES = 1 << 24
"""Of XGBoost, which keeps them as numbers of single precision."""
_PLAIN = (str, bytes, int, float, bool, type(None), np.generic)


class UnsoundError(ValueError):
    """A part of an estimator that points outside of itself."""


def check(estimator: Any) -> None:
    """Look through everything that a fitted estimator is made of.

    Raises:
        UnsoundError: an index of a tree, of a neighbour or of a support vector is out of range.
    """
    for part, columns in _parts(estimator):
        name = type(part).__name__
        reader = _READERS.get((type(part).__module__.partition(".")[0], name))
        if reader is not None:
            try:
                reader(part, columns)
            except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
                raise UnsoundError(f"a {name} that holds together badly: {error}") from error


def _parts(whole: Any) -> Iterator[tuple[Any, int | None]]:
    """Everything within an object, with the number of columns that it is given: None where nothing says it.

    Only what an estimator says of itself counts: it refuses rows of another width. What is in an ensemble has at most
    the columns of the ensemble, as that hands its rows on, and may do so past the checks of its members.
    """
    waiting: list[tuple[Any, int | None, bool]] = [(whole, None, False)]
    seen: dict[int, float] = {}
    while waiting:
        part, columns, is_bound = waiting.pop()
        # What is held twice is looked at again where it is given fewer columns than before.
        given = np.inf if columns is None else columns
        if isinstance(part, _PLAIN) or seen.get(id(part), np.nan) <= given:
            continue
        seen[id(part)] = given
        within: list[Any] = []
        if isinstance(part, dict):
            within = list(part.values())
        elif isinstance(part, list | tuple | set):
            within = list(part)
        elif isinstance(part, np.ndarray):
            within = part.ravel().tolist() if part.dtype == object else []
        else:
            held = dict(getattr(part, "__dict__", {}))
            if _is_a(part, "sklearn.pipeline", "Pipeline"):
                # A step may give the next more columns than it takes; each says its own.
                waiting.append((held.pop("steps", None), None, False))
            elif _is_a(part, "sklearn.base", "BaseEstimator"):
                columns = _least(held.get("n_features_in_"), columns if is_bound else None)
                is_bound = is_bound or _is_a(part, "sklearn.ensemble._base", "BaseEnsemble")
            within = list(held.values())
            yield part, columns
        waiting.extend((each, columns, is_bound) for each in within)


def _is_a(part: Any, module: str, name: str) -> bool:
    """Whether that is one of its types, none of which is imported for it."""
    return any(each.__module__ == module and each.__name__ == name for each in type(part).__mro__)


def _least(said: Any, bound: int | None) -> int | None:
    counts = [int(each) for each in (said, bound) if each is not None]
    return min(counts, default=None)


def _follow(left: NDArray[Any], right: NDArray[Any]) -> None:
    """Look whether the nodes of a binary tree, the first of which is its root, can be walked through.

    Raises:
        ValueError: a child outside of the tree, a node that has one child, or a way that comes back.
    """
    left, right = np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)
    nodes = len(left)
    if len(right) != nodes or not nodes:
        raise ValueError("its nodes are not told one by one")
    inner = np.flatnonzero(left != _LEAF)
    if (right[left == _LEAF] != _LEAF).any():
        raise ValueError("a node has one child")
    children = np.stack([left[inner], right[inner]])
    _within(children, nodes, "nodes")
    if (children > inner).all():
        return  # who only goes forward never comes back
    reached = np.zeros(nodes, dtype=np.bool_)
    level = np.zeros(1, dtype=np.int64)
    while len(level):
        if reached[level].any() or len(np.unique(level)) != len(level):
            raise ValueError("its nodes run in a circle")
        reached[level] = True
        level = level[left[level] != _LEAF]
        level = np.concatenate([left[level], right[level]])


def _within(indices: NDArray[Any], count: int, what: str) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        raise ValueError(f"{what} beyond the {count} there are")


def _told(columns: int | None) -> int:
    """The columns that are given; without a number of them, nothing keeps rows of fewer away.

    Raises:
        ValueError: nothing says how many.
    """
    if columns is None:
        raise ValueError("nothing says how many columns it takes")
    return columns


def _tree(tree: Any, columns: int | None) -> None:
    """scikit-learn's tree."""
    left = tree.children_left
    _follow(left, tree.children_right)
    _within(tree.feature[left != _LEAF], _told(columns), "columns")


def _histogram_tree(predictor: Any, columns: int | None) -> None:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(np.bool_)
    inner = nodes[~leaf]
    # A leaf's children are not read, and may be anything.
    _follow(*(np.where(leaf, _LEAF, nodes[side].astype(np.int64)) for side in ("left", "right")))
    _within(inner["feature_idx"].astype(np.int64), _told(columns), "columns")
    categories = inner[inner["is_categorical"].astype(np.bool_)]
    _within(categories["bitset_idx"].astype(np.int64), len(predictor.raw_left_cat_bitsets), "sets of categories")
    if len(categories) and predictor.raw_left_cat_bitsets.shape[1:] != (8,):
        raise ValueError("sets of categories are not of 256 bits")


def _neighbors(tree: Any, columns: int | None) -> None:
    """A k-d tree, or a ball tree."""
    data, order, nodes, bounds = (np.asarray(part) for part in tree.get_arrays())
    rows = len(data)
    if len(order) != rows or (columns is not None and data.shape[1] != columns):
        raise ValueError("its rows are not those it was fitted on")
    _within(order, rows, "rows")
    levels, told = tree.__getstate__()[5:7]
    if not 0 < levels < 64 or told != 2**levels - 1 or len(nodes) != told or bounds.shape[1] != told:  # noqa: PLR2004
        raise ValueError("its nodes are not those of its levels")
    ends = nodes["idx_end"]
    if (nodes["idx_start"] < 0).any() or (nodes["idx_start"] > ends).any() or (ends > rows).any():
        raise ValueError(f"rows beyond the {rows} there are")
    # The last level has no children to go to.
    if not nodes["is_leaf"][2 ** (levels - 1) - 1 :].all():
        raise ValueError("a last node that has children")


def _vectors(machine: Any, columns: int | None) -> None:
    """A support vector machine of libsvm; one that is not fitted has nothing to look at."""
    if not hasattr(machine, "support_"):
        return
    count, shape = len(machine.support_), machine.support_vectors_.shape
    held = np.asarray(machine._n_support)  # noqa: SLF001 - it has no public name for regressions
    classes = len(held) if hasattr(machine, "classes_") else 2
    total = held.sum() if hasattr(machine, "classes_") else held.max()
    pairs = classes * (classes - 1) // 2
    if (
        shape[0] != count
        or shape[1] != _told(columns)
        or (held < 0).any()
        or total != count
        or machine._dual_coef_.shape != (classes - 1, count)
        or machine._intercept_.shape != (pairs,)
        or any(len(given) not in {0, pairs} for given in (machine._probA, machine._probB))  # noqa: SLF001
    ):
        raise ValueError("its support vectors are not those it counts")


def _lightgbm(booster: Any, _columns: int | None) -> None:
    text: str = booster.model_to_string()
    head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
    said = _lines(head)
    columns = int(said["max_feature_idx"]) + 1
    # Each of them writes a number of its own for every row, where there is room for one a class.
    _within(_integers(said["num_tree_per_iteration"]), int(said["num_class"]) + 1, "outputs")
    for tree in trees:
        _lightgbm_tree(_lines(tree), columns)


def _lightgbm_tree(said: Mapping[str, str], columns: int) -> None:
    leaves = int(said["num_leaves"])
    _linear_leaves(said, leaves, columns)
    if leaves == 1:
        return
    left, right = _integers(said["left_child"]), _integers(said["right_child"])
    if len(left) != leaves - 1 or len(right) != leaves - 1 or len(_integers(said["split_feature"])) != leaves - 1:
        raise ValueError("its nodes are not told one by one")
    children = np.concatenate([left, right])
    _within(~children[children < 0], leaves, "leaves")
    inner = leaves - 1
    # Leaves are told as negative numbers; here each is a node of its own, behind the inner ones.
    ends = np.full(leaves, _LEAF)
    _follow(*(np.append(np.where(side < 0, inner + ~side, side), ends) for side in (left, right)))
    _within(_integers(said["split_feature"]), columns, "columns")
    categorical = (_integers(said["decision_type"]) & _CATEGORICAL).astype(np.bool_)
    if categorical.any():
        chosen = np.array(said["threshold"].split(), dtype=np.float64)[categorical]
        bounds = _integers(said["cat_boundaries"])
        _within(chosen, int(said["num_cat"]), "sets of categories")
        if len(bounds) != int(said["num_cat"]) + 1 or (np.diff(bounds) < 0).any() or bounds[0] < 0:
            raise ValueError("sets of categories overlap")
        _within(bounds, len(said["cat_threshold"].split()) + 1, "bits of categories")


def _linear_leaves(said: Mapping[str, str], leaves: int, columns: int) -> None:
    """Leaves that hold a line each: how many columns it has, which, and by what they are multiplied."""
    if "leaf_features" not in said and said.get("is_linear", "0") == "0":
        return
    counts, chosen = _integers(said["num_features"]), _integers(said["leaf_features"])
    factors, constants = said["leaf_coeff"].split(), said["leaf_const"].split()
    if (
        len(counts) != leaves
        or len(constants) != leaves
        or (counts < 0).any()
        or not len(chosen) == len(factors) == counts.sum()
    ):
        raise ValueError("its lines are not those of its leaves")
    _within(chosen, columns, "columns")


def _lightgbm_estimator(estimator: Any, _columns: int | None) -> None:
    """It refuses rows of another width than its own; its booster need not."""
    booster = estimator._Booster  # noqa: SLF001 - the public name raises where nothing is fitted
    if booster is not None and booster.num_feature() != estimator._n_features:  # noqa: SLF001
        raise ValueError(f"its booster takes {booster.num_feature()} columns, it {estimator._n_features}")  # noqa: SLF001


def _lines(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _integers(text: str) -> NDArray[np.int64]:
    return np.array(text.split(), dtype=np.int64)


def _xgboost(booster: Any, _columns: int | None) -> None:
    learner = json.loads(booster.save_raw("json"))["learner"]
    about = learner["learner_model_param"]
    columns, outputs = int(about["num_feature"]), max(1, *(int(about[name]) for name in ("num_class", "num_target")))
    boosted = learner["gradient_booster"]
    model = boosted.get("gbtree", boosted).get("model", {})  # dart keeps its trees a step deeper
    trees = model.get("trees", ())
    if len(model.get("tree_info", ())) != len(trees) or len(boosted.get("weight_drop", trees)) != len(trees):
        raise ValueError("its trees are not told one by one")
    _within(np.array(model.get("tree_info", ()), dtype=np.int64), outputs, "outputs")
    rounds = np.array(model.get("iteration_indptr", ()), dtype=np.int64)
    _within(rounds, len(trees) + 1, "trees")
    if (np.diff(rounds) < 0).any():
        raise ValueError("its rounds overlap")
    for tree in trees:
        _xgboost_tree(tree, columns, outputs)
    if "weights" in model and len(model["weights"]) != (columns + 1) * outputs:
        raise ValueError("its weights are not those of its columns")


def _xgboost_tree(tree: Mapping[str, Any], columns: int, outputs: int) -> None:
    left = np.array(tree["left_children"], dtype=np.int64)
    _follow(left, np.array(tree["right_children"], dtype=np.int64))
    _within(np.array(tree["split_indices"], dtype=np.int64)[left != _LEAF], columns, "columns")
    _within(_numbers(tree["tree_param"].get("size_leaf_vector", 1)), outputs + 1, "outputs")
    nodes, starts, sizes, categories = (
        _numbers(tree.get(name, ()))
        for name in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    if not len(nodes) == len(starts) == len(sizes):
        raise ValueError("its sets of categories are not told one by one")
    _within(nodes, len(left), "nodes")
    for ends in (starts, sizes, starts + sizes):
        _within(ends, len(categories) + 1, "categories")
    _within(categories, _MOST_CATEGORIES, "categories")


def _numbers(given: Any) -> NDArray[np.int64]:
    return np.array(given, dtype=np.int64).ravel()


_READERS = {
    ("sklearn", "Tree"): _tree,
    ("sklearn", "TreePredictor"): _histogram_tree,
    ("sklearn", "KDTree"): _neighbors,
    ("sklearn", "BallTree"): _neighbors,
    ("sklearn", "SVC"): _vectors,
    ("sklearn", "SVR"): _vectors,
    ("sklearn", "NuSVC"): _vectors,
    ("sklearn", "NuSVR"): _vectors,
    ("lightgbm", "Booster"): _lightgbm,
    ("lightgbm", "LGBMClassifier"): _lightgbm_estimator,
    ("lightgbm", "LGBMRegressor"): _lightgbm_estimator,
    ("xgboost", "Booster"): _xgboost,
}
"""By library and type, so that none is imported to look."""
