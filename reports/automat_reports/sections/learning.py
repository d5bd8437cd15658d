"""Error by training rows, its power law, and what more rows would bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_leaderboards import TITLES

from automat_reports.sections._base import Section, View, figure, key_in

if TYPE_CHECKING:
    from collections.abc import Mapping


REFUSALS = (
    "fewer than four sizes are finished, so no law is fitted",
    "fewer than three folds, so nothing tells how sure a law would be",
    "the error does not fall with more rows, so no law is fitted",
    "no power law goes through these points",
    "laws fitted to folds drawn anew differ too much to say",
)
"""Reasons for no law that have a translation; another is shown as it is."""


def section(view: View) -> Section | None:
    """Where learning curves were run (``context["learning"]``)."""
    learning = view.context.get("learning")
    if not learning:
        return None
    curves = [curve for curve in learning["curves"] if any(value is not None for value in curve["mean"])]
    if not curves:
        return None
    t, metric = view.t, learning["metric"]
    shown = t(TITLES[metric]) if view.is_regression else t("1 - {metric}", metric=t(TITLES[metric]))
    return Section(
        "learning",
        t("Learning curves"),
        shown={
            "metric": shown,
            "unit": learning["unit"] if view.is_regression else "",
            "sizes": [f"{size:,}" for size in learning["sizes"]],
            "lines": [_line(view, curve) for curve in curves],
        },
        data={
            "sizes": learning["sizes"],
            "metric": shown,
            "curves": [
                {
                    "key": key_in(curve),
                    "title": curve["title"],
                    "mean": curve["mean"],
                    "std": curve["std"],
                    "law": curve["law"],
                }
                for curve in curves
            ],
        },
    )


def _line(view: View, curve: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": key_in(curve),
        "title": curve["title"],
        "errors": [
            figure(mean)
            if mean is not None and not spread
            else f"{figure(mean)} ± {figure(spread, 1)}"
            if mean is not None
            else "-"
            for mean, spread in zip(curve["mean"], curve["std"], strict=True)
        ],
        "law": _law(curve["law"]),
        "answer": _answer(view, curve),
    }


def _law(law: Mapping[str, Any] | None) -> str:
    if law is None:
        return "-"
    tail = f" + {figure(law['c'])}" if law["c"] else ""
    return f"{figure(law['a'])} n^-{figure(law['b'], 2)}{tail}"


def _answer(view: View, curve: Mapping[str, Any]) -> str:
    """How much more data would help, or why nothing can be said."""
    t, law = view.t, curve["law"]
    if law is None:
        refused = str(curve["refused"])
        return t(refused) if refused in REFUSALS else refused
    low, high = law["doubled"]["low"], law["doubled"]["high"]
    return t(
        "twice the rows: {value} ({low} to {high}), {change} less error",
        value=figure(law["doubled"]["value"]),
        low=figure(low),
        high=figure(high),
        change=f"{law['doubled']['gain']:.0%}",
    )
