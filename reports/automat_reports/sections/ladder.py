"""The same entrants on splits that ask for more and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES

from automat_reports.sections._base import Section, View, figure, key_in, share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def section(view: View) -> Section | None:
    """Where the ladder was run (``context["ladder"]``)."""
    t = view.t
    ladder = view.context.get("ladder")
    if not ladder or len(ladder["rungs"]) < 2:  # noqa: PLR2004 - one rung compares nothing
        return None
    rungs, rows = ladder["rungs"], [row for row in ladder["rows"] if row["scores"][0] is not None]
    if not rows:
        return None
    return Section(
        "ladder",
        t("Generalization ladder"),
        shown={
            "metric": t(TITLES[ladder["metric"]]),
            "unit": ladder["unit"] if view.is_regression else "",
            "rungs": [_rung(rung, view) for rung in rungs],
            "lines": [
                {
                    "key": key_in(row),
                    "title": row["title"],
                    "cells": [
                        {"score": figure(score), "ratio": "" if ratio is None else f"x {ratio:.2f}"}
                        for score, ratio in zip(row["scores"], row["ratios"], strict=True)
                    ],
                }
                for row in rows
            ],
            "left_out": dict(ladder.get("left_out") or {}),
            "sentence": _sentence(view, ladder, rows),
        },
        data={
            "rungs": [rung["split"] for rung in rungs],
            "far": [rung["distance"]["far"] for rung in rungs],
            "metric": t(TITLES[ladder["metric"]]),
            "entrants": [{"key": key_in(row), "title": row["title"], "scores": row["scores"]} for row in rows],
        },
    )


def _rung(rung: Mapping[str, Any], view: View) -> dict[str, Any]:
    return {
        "split": rung["split"],
        "page": rung["page"],
        "here": rung["folds_sha256"] == view.context.get("folds_sha256"),
        "train_rows": f"{rung['train_rows']:,}",
        "far": share(rung["distance"]["far"]),
        "median": figure(rung["distance"]["median"]),
    }


def _sentence(view: View, ladder: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """How the first rung's best fares on the last rung that it finished."""
    best = rows[0]
    last = max((at for at, ratio in enumerate(best["ratios"]) if ratio is not None), default=0)
    if not last:
        return ""
    rung = ladder["rungs"][last]
    t = view.t
    return t(
        "On {split}, {metric} of {title} is {ratio} times that on {first}; {far} of the test rows there lie far from "
        "all training rows.",
        split=rung["split"],
        metric=t(TITLES[ladder["metric"]]),
        title=best["title"],
        ratio=f"{best['ratios'][last]:.2f}",
        first=ladder["rungs"][0]["split"],
        far=share(rung["distance"]["far"]),
    )
