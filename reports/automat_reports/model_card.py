"""The words of a model's page: where it stands, what it cost, what it is for and what not."""

from __future__ import annotations

import json
import math
import re
import shlex
from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES
from automat_leaderboards.diagnosis import BY_CHANCE
from automat_leaderboards.text import p_value

from automat_reports import numbers
from automat_reports.sections._base import DUMMY, figure, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from automat_leaderboards import Leaderboard, Row

    from automat_reports.translation import Translator

TAKES: Mapping[str, str] = {
    "features": "columns of features",
    "compositions": "chemical formulas",
    "structures": "crystal structures",
    "graph": "crystal structures, as graphs of atoms and neighbours",
}
"""What a model is given, in words."""

_SYMBOL = re.compile(r"[A-Z][a-z]?")


def sentence(board: Leaderboard, row: Row, t: Translator) -> str:
    """Its place, its score, and how far from the best."""
    if row.rank is None:
        return t("{title} finished no fold on {dataset}.", title=row.title, dataset=board.dataset)
    ranked = sum(each.rank is not None for each in board.rows)
    value = numbers.score(row.mean["test"][board.metric], row.std["test"][board.metric])
    unit = f" {board.unit}" if board.unit and board.metric == "mae" else ""
    spread = f" ± {value['spread']}" if value["spread"] else ""
    said = t(
        "{title} is number {rank} of {count} on {dataset}, with {metric} {value} on the test folds.",
        title=row.title,
        rank=row.rank,
        count=ranked,
        dataset=board.dataset,
        metric=t(TITLES[board.metric]),
        value=f"{value['mean']}{spread}{unit}",
    )
    return " ".join(filter(None, (said, _beside_best(board, row, unit, t))))


def _beside_best(board: Leaderboard, row: Row, unit: str, t: Translator) -> str:
    best = board.best
    if best is None or best is row:
        tied = [each.title for each in board.rows if each.tied]
        return t("Tied with it: {names}.", names=", ".join(tied)) if tied else ""
    away = figure(abs(row.mean["test"][board.metric] - best.mean["test"][board.metric]), 2)
    about = {"away": f"{away}{unit}", "best": best.title}
    if row.tied:
        return t("It is {away} behind {best}, and tied with it ({p}).", **about, p=p_value(row.p_best))
    if math.isnan(row.p_best):
        return t("It is {away} behind {best}.", **about)
    return t("It is {away} behind {best} ({p}).", **about, p=p_value(row.p_best))


def cost(board: Leaderboard, row: Row, t: Translator) -> dict[str, Any]:
    """Seconds and memory, and how many times the cheapest entrant's."""
    others = [each for each in board.rows if each.model != DUMMY and each.rank is not None]
    mine = row.tune_seconds + row.fit_seconds
    totals = sorted((each.tune_seconds + each.fit_seconds, each.title) for each in others)
    tested = sum(fold.n_test for fold in row.folds if fold.status == "ok") / max(1, row.folds_ok)
    lines = [
        (t("features of the whole dataset, once"), numbers.seconds(row.featurize_seconds), "s"),
        (t("search, mean over folds"), numbers.seconds(row.tune_seconds), "s"),
        (t("final fit, mean over folds"), numbers.seconds(row.fit_seconds), "s"),
        (t("prediction of a test fold"), numbers.seconds(row.predict_seconds), "s"),
        (t("prediction of a row"), figure(1000 * row.predict_seconds / tested) if tested else "-", "ms"),
        (t("memory at the peak"), numbers.plain(row.peak_memory_mb, ".0f"), "MB"),
    ]
    said = ""
    if (
        row.model != DUMMY
        and len(totals) > 1
        and totals[0][0] > 0
        and totals[0][1] != row.title
        and math.isfinite(mine)
    ):
        said = t(
            "Tuning and fitting it takes {times} times the CPU time of {title}, the cheapest entrant but the dummy.",
            times=figure(mine / totals[0][0], 2),
            title=totals[0][1],
        )
    return {"lines": lines, "sentence": said}


def card(board: Leaderboard, row: Row, mine: pd.DataFrame, context: Mapping[str, Any], t: Translator) -> dict[str, Any]:
    """The model card: intended use, training data, limits, whom to cite."""
    about = (context.get("models") or {}).get(row.model) or {}
    versions = context.get("versions") or {}
    if isinstance(versions, str):
        versions = json.loads(versions)
    takes = about.get("takes", "")
    return {
        "takes": t(TAKES[takes]) if takes in TAKES else row.features,
        "features": row.features,
        "use": _use(board, context, t),
        "not_for": _not_for(board, row, context, t),
        "error_bars": _error_bars(row, mine, t),
        "citation": about.get("citation", ""),
        "licence": about.get("licence", ""),
        "searches": about.get("searches", ""),
        "data": {name: context.get(name) for name in ("source", "licence", "citation")},
        "versions": {name: versions[name] for name in ("python", *_needed(about)) if name in versions},
        "commit": context.get("commit"),
        "command": context.get("command"),
        "keep": _keep(board, row, context.get("command") or ""),
    }


def _keep(board: Leaderboard, row: Row, command: str) -> str:
    """The run's own command, with what keeps this entrant; empty where a command cannot be known to do so."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    if words[:2] != ["automat", "run"]:
        return ""
    options = _options(words[2:])
    entered = next((each[-1].removeprefix("--models=") for each in options if _is(each, "--models")), None)
    # A later run of the same board may name others, and then there is no such entrant in it.
    if entered is not None and f",{row.model}," not in f",{entered}," and ".py" not in entered:
        return ""
    kept = [each for each in options if not (_is(each, "--save-models") or _is(each, "--model"))]
    # Of a ladder each split would keep one, in the place of the one before.
    kept = [["--split", board.split] if _is(each, "--split") and each[-1].endswith("ladder") else each for each in kept]
    whole = [*words[:2], *(word for each in kept for word in each), "--save-models", "--model", row.model]
    return shlex.join(whole)


def _options(words: Sequence[str]) -> list[list[str]]:
    """Each option with its value."""
    made: list[list[str]] = []
    for word in words:
        if word.startswith("--") or not made:
            made.append([word])
        else:
            made[-1].append(word)
    return made


def _is(option: Sequence[str], name: str) -> bool:
    return option[0].partition("=")[0] == name


_PACKAGES = {"sklearn": "scikit-learn"}


def _needed(about: Mapping[str, Any]) -> list[str]:
    names = [_PACKAGES.get(name, name) for name in about.get("requires") or ()]
    return list(dict.fromkeys(["automat", *(names or ["scikit-learn"])]))


def _use(board: Leaderboard, context: Mapping[str, Any], t: Translator) -> str:
    unit = f" ({board.unit})" if board.unit else ""
    formulas = context.get("formulas") or {}
    elements = {symbol for formula in formulas.values() for symbol in _SYMBOL.findall(formula)}
    if not elements:
        return t(
            "To predict {target} of rows like those of {dataset}; {rows} rows are in it.",
            target=f"{board.target}{unit}",
            dataset=board.dataset,
            rows=f"{board.n_rows:,}",
        )
    return t(
        "To predict {target} of materials like those of {dataset}: {rows} rows of {elements} elements.",
        target=f"{board.target}{unit}",
        dataset=board.dataset,
        rows=f"{board.n_rows:,}",
        elements=len(elements),
    )


def _not_for(board: Leaderboard, row: Row, context: Mapping[str, Any], t: Translator) -> list[str]:
    """Limits that the figures show."""
    by_chance = board.split in BY_CHANCE
    like = "Scores are of the {split} split: they hold for new rows that are like the training rows."
    unlike = "Scores are of the {split} split: they tell how it does on what training leaves out."
    limits = [t(like if by_chance else unlike, split=board.split)]
    if climbed := _climbed(row, context.get("ladder"), t):
        limits.append(climbed)
    elif by_chance and context.get("formulas"):
        limits.append(t("How it does on other chemistries is not measured here: automat run --split ladder does."))
    limits.append(t("It knows the target as its source defines it; values found in another way may be shifted."))
    return limits


def _climbed(row: Row, ladder: Mapping[str, Any] | None, t: Translator) -> str:
    """How much larger its error is on the last split of the ladder that it finished; empty where none was run."""
    for each in (ladder or {}).get("rows", ()):
        if ladder and (each["model"], each["features"]) == (row.model, row.features):
            rungs = [rung["split"] for rung in ladder["rungs"]]
            known = [(split, ratio) for split, ratio in zip(rungs, each["ratios"], strict=True) if ratio is not None]
            if len(known) > 1:
                split, ratio = known[-1]
                said = "On the {split} split its error is {ratio} times as large as on {first}."
                return t(said, split=split, ratio=f"{ratio:.2f}", first=known[0][0])
    return ""


def _error_bars(row: Row, mine: pd.DataFrame, t: Translator) -> str:
    told = next((fold.details["calibration"] for fold in row.folds if fold.details.get("calibration")), None)
    if told is None:
        return ""
    held = mine.dropna(subset=["lower", "upper"]) if {"lower", "upper"} <= set(mine) else mine.iloc[:0]
    inside = ((held["y_true"] >= held["lower"]) & (held["y_true"] <= held["upper"])).mean() if len(held) else None
    return t(
        "Its 90% intervals hold {share} of the test targets; they are learned from rows that it was not fitted on.",
        share=share(inside),
    )
