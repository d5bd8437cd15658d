"""Trained models as files that run no code when they are read.

A file is a ZIP archive: ``card.json`` says what the model is and lists the other members with their sha256;
scikit-learn estimators and boosters are in skops' format, of a fixed list of types; networks and arrays are
safetensors. What has no such form (PyCaret's pipelines, a user's own class) is pickled, only where the user says
so when saving and again when loading: reading a pickle runs whatever its maker put there.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from automat import soundness, whole_files
from automat.core import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = 1
"""Of the file's layout."""

CARD = "card.json"

_MOST_BYTES = 4 * 1024**3
_MOST_MEMBERS = 64
_MOST_TIMES = 200
_ANY_TIMES_BYTES = 64 * 1024**2
"""Smaller files may unpack to as many times their size as they like: zeros do."""

_SKOPS, _NETWORK, _PICKLE = "skops", "network", "pickle"
_TENSORS = "safetensors"

TRUSTED = (
    "automat.models._neighbors.ClippedNeighborsClassifier",
    "automat.models._neighbors.ClippedNeighborsRegressor",
    "automat.models._tree_spread.SpreadExtraTreesRegressor",
    "automat.models._tree_spread.SpreadForestRegressor",
    "automat_featurizers.table.TableEncoder",
    "catboost.core.CatBoostClassifier",
    "catboost.core.CatBoostRegressor",
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
)
"""Types beside scikit-learn's own that a file may hold: they keep numbers, and making one runs nothing else."""


class UnsafeModelError(InputError):
    """A model that can only be kept as a pickle, or a file that holds one."""


def write(
    path: Path,
    card: dict[str, Any],
    estimator: Any,
    arrays: dict[str, NDArray[Any]],
    *,
    allow_pickle: bool = False,
) -> None:
    """Write a model's file whole, or not at all.

    Args:
        path: replaced where it is there.
        card: JSON-able; what the model is.
        estimator: fitted.
        arrays: of numbers, that go with it.
        allow_pickle: keep an estimator that has no safe form as a pickle.

    Raises:
        UnsafeModelError: the estimator has no safe form, and may not be pickled.
    """
    members = _encoded(estimator, allow_pickle=allow_pickle)
    members["arrays.safetensors"] = _tensors(arrays)
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    text = json.dumps({"version": VERSION, **card, "members": listed}, indent=1, allow_nan=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {CARD: text.encode(), **members}.items():
            # A fixed date: the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write(path, buffer.getvalue())


def read(path: Path, *, allow_pickle: bool = False) -> tuple[dict[str, Any], Any, dict[str, NDArray[Any]]]:
    """The card, the fitted estimator, and the arrays of a model's file.

    Raises:
        InputError: it is absent, damaged, of a newer release, or no model's file.
        UnsafeModelError: it holds a pickle, or types that are not in the list, and that was not allowed.
    """
    if not path.is_file():
        raise InputError(f"no trained model at {str(path)!r}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise InputError(f"{path.name!r} is no trained model of automat, or is damaged: {error}") from error
    card = _card(members.pop(CARD), members, path)
    estimator = _decoded(members, path, allow_pickle=allow_pickle)
    return card, estimator, _arrays(members["arrays.safetensors"])


def card_of(path: Path) -> dict[str, Any] | None:
    """What stands on a file's card, without looking at the rest; None where there is no such file."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(CARD)
            card = json.loads(archive.read(info)) if info.file_size <= _ANY_TIMES_BYTES else None
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, KeyError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    infos = archive.infolist()
    if CARD not in archive.namelist():
        raise InputError(f"{path.name!r} is no trained model of automat: it has no {CARD}")
    if len(infos) > _MOST_MEMBERS:
        raise InputError(f"{path.name!r} has {len(infos)} parts; at most {_MOST_MEMBERS} are read")
    _refuse_bomb(infos, path.stat().st_size, path)
    return {info.filename: archive.read(info) for info in infos}


def _refuse_bomb(infos: list[zipfile.ZipInfo], packed: int, path: Path) -> None:
    """Refuse an archive before it is unpacked, by what it says of its sizes (more is not read then).

    Raises:
        InputError: it is too large, or larger than what models are packed from.
    """
    size = sum(info.file_size for info in infos)
    if size > _MOST_BYTES:
        raise InputError(f"{path.name!r} unpacks to more than {_MOST_BYTES >> 30} GB")
    if size > max(_ANY_TIMES_BYTES, _MOST_TIMES * packed):
        raise InputError(f"{path.name!r} unpacks to more than {_MOST_TIMES} times its size, which no model does")


def _card(text: bytes, members: dict[str, bytes], path: Path) -> dict[str, Any]:
    try:
        card: dict[str, Any] = json.loads(text)
        version, listed = int(card["version"]), dict(card["members"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name!r} is damaged: its {CARD} cannot be read ({error})") from error
    if version > VERSION:
        raise InputError(f"{path.name!r} is of a newer release of automat (layout {version}; this one reads {VERSION})")
    wrong = [name for name in listed.keys() | members.keys() if _digest(members.get(name)) != listed.get(name)]
    if wrong:
        raise InputError(f"{path.name!r} is damaged or was changed: {min(wrong)} is not what its card says")
    return card


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _encoded(estimator: Any, *, allow_pickle: bool) -> dict[str, bytes]:
    """The estimator as members: its steps in order, each in its format."""
    steps: list[dict[str, Any]] = []
    members: dict[str, bytes] = {}
    for position, part in enumerate(_parts(estimator)):
        kind, state, content = _encoded_part(part, allow_pickle=allow_pickle)
        name = f"step{position}.{_TENSORS if kind == _NETWORK else kind}"
        members[name] = content
        steps.append({"kind": kind, "file": name, "state": state})
    members["estimator.json"] = json.dumps(steps).encode()
    return members


def _parts(estimator: Any) -> list[Any]:
    """A pipeline that ends in a network, in two: what comes before is scikit-learn's."""
    if not hasattr(estimator, "steps") or not _is_network(estimator[-1]):
        return [estimator]
    return [estimator[:-1], estimator[-1]]


def _is_network(estimator: Any) -> bool:
    if not type(estimator).__module__.startswith("automat.networks"):
        return False  # torch is not asked of who needs none
    from automat.networks.states import is_network

    return is_network(estimator)


def _encoded_part(part: Any, *, allow_pickle: bool) -> tuple[str, Any, bytes]:
    if _is_network(part):
        from automat.networks.states import to_state

        state, arrays = to_state(part)
        return _NETWORK, state, _tensors(arrays)
    import skops.io

    try:
        content = skops.io.dumps(part)
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    except Exception as error:  # noqa: BLE001 - whatever its parts make skops say
        unknown = [f"{type(part).__name__} ({type(error).__name__}: {error})"]
    else:
        if not unknown:
            return _SKOPS, None, content
    if not allow_pickle:
        raise UnsafeModelError(
            f"{type(part).__name__} holds what has no safe form on disk ({', '.join(unknown[:3])}); "
            "allow pickle to keep it all the same, and only load such files that you made yourself"
        )
    import cloudpickle

    return _PICKLE, None, cloudpickle.dumps(part)


def _decoded(members: dict[str, bytes], path: Path, *, allow_pickle: bool) -> Any:
    try:
        steps = json.loads(members["estimator.json"])
        parts = [
            _decoded_part(step["kind"], step["state"], members[step["file"]], path, allow_pickle=allow_pickle)
            for step in steps
        ]
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path.name!r} cannot be read: {type(error).__name__}: {error}") from error
    if len(parts) == 1:
        return parts[0]
    from sklearn.pipeline import make_pipeline

    return make_pipeline(*(step for part in parts[:-1] for _, step in part.steps), parts[-1])


def _decoded_part(kind: str, state: Any, content: bytes, path: Path, *, allow_pickle: bool) -> Any:
    if kind == _NETWORK:
        from automat.networks.states import from_state

        return from_state(state, _arrays(content))
    if kind == _SKOPS:
        import skops.io

        with zipfile.ZipFile(io.BytesIO(content)) as nested:  # it is an archive too, with sizes of its own
            _refuse_bomb(nested.infolist(), len(content), path)
        held = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
        known = {name for name in held if _is_estimator(name)}
        if held != known:
            shown = ", ".join(sorted(held - known)[:3])
            raise UnsafeModelError(f"{path.name!r} holds types that automat does not load: {shown}")
        part = skops.io.loads(content, trusted=[*TRUSTED, *known])
        soundness.check(part)
        return part
    if kind == _PICKLE and allow_pickle:
        import pickle

        return pickle.loads(content)  # noqa: S301 - the user allowed it, for a file of their own
    if kind == _PICKLE:
        raise UnsafeModelError(
            f"{path.name!r} holds a pickle, which can run any code when it is read; "
            "allow pickle only if you made the file yourself"
        )
    raise InputError(f"{path.name!r} is damaged: it has a part of the unknown kind {kind!r}")


def needs_skops(path: Path) -> bool:
    """Whether a model's file has a part in skops' format; networks have none."""
    return _has_step(path, _SKOPS)


def needs_torch(path: Path) -> bool:
    """Whether a model's file has a network."""
    return _has_step(path, _TENSORS)


def _has_step(path: Path, ending: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError):
        return False  # :func:`read` says what is wrong with it
    return any(name.startswith("step") and name.endswith(f".{ending}") for name in names)


def import_skops_lightly() -> None:
    """Import skops without its list of scikit-learn's estimators: to make it, all of scikit-learn is imported.

    That takes a second, of the two or three of a prediction. For processes that do nothing else: who called skops
    there would find its list empty. What is one of scikit-learn's estimators is asked of each type that a file holds.
    """
    if "skops.io" in sys.modules:
        return
    # For the names of scipy's functions skops looks through all modules, in the order of their import.
    importlib.import_module("scipy.special")
    from sklearn import utils

    whole = utils.all_estimators
    utils.all_estimators = list
    try:
        importlib.import_module("skops.io")
    finally:
        utils.all_estimators = whole


def _is_estimator(name: str) -> bool:
    """Whether a type is one of scikit-learn's own estimators."""
    from sklearn.base import BaseEstimator

    module, _, kind = name.rpartition(".")
    if not module.startswith("sklearn.") or {"tests", "conftest"} & set(module.split(".")):
        return False
    try:
        found = getattr(importlib.import_module(module), kind, None)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator) and found.__module__ == module


def _tensors(arrays: dict[str, NDArray[Any]]) -> bytes:
    from safetensors.numpy import save

    content: bytes = save({name: np.ascontiguousarray(values) for name, values in arrays.items()})
    return content


def _arrays(content: bytes) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load

    arrays: dict[str, NDArray[Any]] = load(content)
    return arrays
