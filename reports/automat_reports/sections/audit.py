"""Test rows that the training rows may tell, and whom they help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automat_reports.sections._base import Section, View, figure, share

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANY = "any"

KINDS = ("same composition", "same crystal", "near-duplicate", "equal row", "equal target")
"""Titles of kinds that have a translation; another is shown as it is."""


def section(view: View) -> Section | None:
    """Where the board was audited (``context["audit"]``)."""
    audit = view.context.get("audit")
    if not audit or not audit["touched"]:
        return None
    t = view.t
    kinds = [*((kind["name"], _title(view, kind["title"])) for kind in audit["kinds"]), (_ANY, t("any of these"))]
    total = _share(audit, _ANY)
    touched = t("{share} of the test rows are touched by training rows.", share=share(total))
    return Section(
        "audit",
        t("Leak audit"),
        shown={
            "sentence": touched if total else t("No test row is touched by the training rows."),
            "heads": [title for _, title in kinds],
            "lines": [
                {
                    "fold": fold["fold"] + 1,
                    "label": fold["label"],
                    "rows": f"{fold['test_rows']:,}",
                    "cells": [_cell(fold, name) for name, _ in kinds],
                }
                for fold in audit["touched"]
            ],
            "errors": [line for error in audit["errors"] if (line := _error(view, error, dict(kinds)))],
            "examples": [
                {
                    "kind": dict(kinds)[example["kind"]],
                    "test": f"{example['test_id']} {example['test_formula']}".strip(),
                    "train": f"{example['train_id']} {example['train_formula']}".strip(),
                    "test_target": figure(example["test_target"], 4),
                    "train_target": figure(example["train_target"], 4),
                }
                for example in audit["examples"]
            ],
            "notes": list(audit["notes"]),
            "unit": view.board.unit if view.is_regression else "",
            "is_regression": view.is_regression,
        },
        has_script=False,
    )


def _title(view: View, title: str) -> str:
    t = view.t
    return t(title) if title in KINDS else title


def _share(audit: Mapping[str, Any], kind: str) -> float:
    tested = sum(fold["test_rows"] for fold in audit["touched"])
    return sum(fold["rows"][kind] for fold in audit["touched"]) / tested if tested else 0.0


def _cell(fold: Mapping[str, Any], kind: str) -> dict[str, str]:
    rows = fold["rows"][kind]
    return {"rows": f"{rows:,}", "share": share(rows / fold["test_rows"]) if fold["test_rows"] else "-"}


def _error(view: View, error: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any] | None:
    key = f"{error['model']}/{error['features']}"
    if error["kind"] != _ANY or key not in view.titles or error["touched"] is None or error["clean"] is None:
        return None
    low, high = error["low"], error["high"]
    tells = low is not None and high is not None and (low > 0 or high < 0)
    return {
        "title": view.titles[key],
        "kind": titles[error["kind"]],
        "touched": figure(error["touched"]),
        "clean": figure(error["clean"]),
        "touched_rows": f"{error['touched_rows']:,}",
        "clean_rows": f"{error['clean_rows']:,}",
        "interval": "-" if low is None or high is None else f"{figure(low)} .. {figure(high)}",
        "tells": tells,
    }
